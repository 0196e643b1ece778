/* record.c - instance.json, the exit record, the keeper's status: read to one answer. */
#include "drivers/process/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"

enum { MAX_RECORD = 1 << 20, MAX_LINE = 1024 };

int wc_write_plain(const char *path, const void *bytes, size_t len, mode_t mode, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    const char *at = bytes;
    while (fd >= 0 && len > 0) {
        ssize_t done = write(fd, at, len);
        if (done < 0)
            return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
        at += done;
        len -= (size_t)done;
    }
    return fd >= 0 ? 0 : wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
}

void wc_record_describe(struct wc_record *record, const struct wc_service *service,
                        struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < service->labels.n; i++) {
        const struct wc_kv *kv = &service->labels.items[i];
        wc_buf_printf(&text, "%s%s=%s", i > 0 ? "," : "", kv->key,
                      kv->value != NULL ? kv->value : "");
    }
    record->labels = text.len > 0 ? wc_arena_strdup(arena, text.data) : NULL;
    memcpy(record->inplace, service->inplace_hash, sizeof record->inplace);
}

int wc_record_write(const char *lib_dir, const struct wc_record *record, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    char path[4200], fresh[4200];
    struct wc_jsonw w = WC_JSONW_INIT(&json);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "schema", 1);
    wc_jsonw_str(&w, "id", record->id);
    wc_jsonw_str(&w, "name", record->name);
    wc_jsonw_str(&w, "project", record->project);
    wc_jsonw_str(&w, "service", record->service);
    wc_jsonw_i64(&w, "index", record->index);
    wc_jsonw_str(&w, "hash", record->hash);
    wc_jsonw_str(&w, "inplace", record->inplace);
    wc_jsonw_str(&w, "labels", record->labels);
    wc_jsonw_str(&w, "level", record->level);
    wc_jsonw_str(&w, "image", record->image);
    wc_jsonw_str(&w, "layers", record->layers);
    wc_jsonw_i64(&w, "created_at_ms", record->created_at_ms);
    wc_jsonw_i64(&w, "run", record->run);
    wc_jsonw_str(&w, "boot_id", record->boot_id);
    wc_jsonw_str(&w, "runtime_id", record->runtime_id);
    wc_jsonw_str(&w, "runtime", record->runtime);
    wc_jsonw_str(&w, "cgroup", record->cgroup);
    wc_jsonw_array(&w, "notes");
    for (size_t i = 0; i < record->notes.n; i++)
        wc_jsonw_str(&w, NULL, record->notes.items[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(&json, '\n');
    snprintf(path, sizeof path, "%s/instance.json", lib_dir);
    snprintf(fresh, sizeof fresh, "%s/instance.json.new", lib_dir);
    int rc = wc_write_plain(fresh, json.data, json.len, 0600, err);
    if (rc == 0 && rename(fresh, path) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    return rc;
}

static const char *text_of(const struct wc_json *root, const char *key, struct wc_arena *arena)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(root, key), NULL));
}

int wc_record_read(const char *lib_dir, struct wc_arena *arena, struct wc_record *out,
                   struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    char path[4200];
    snprintf(path, sizeof path, "%s/instance.json", lib_dir);
    int rc = wc_fs_read(path, MAX_RECORD, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "%s", path);
    struct wc_record r = { 0 };
    r.id = text_of(root, "id", arena);
    r.name = text_of(root, "name", arena);
    r.project = text_of(root, "project", arena);
    r.service = text_of(root, "service", arena);
    r.image = text_of(root, "image", arena);
    r.layers = text_of(root, "layers", arena);
    r.labels = text_of(root, "labels", arena);
    r.level = text_of(root, "level", arena);
    r.boot_id = text_of(root, "boot_id", arena);
    r.runtime_id = text_of(root, "runtime_id", arena);
    r.runtime = text_of(root, "runtime", arena);
    r.cgroup = text_of(root, "cgroup", arena);
    r.index = (unsigned)wc_json_i64(wc_json_get(root, "index"), 0);
    r.run = (unsigned)wc_json_i64(wc_json_get(root, "run"), 0);
    r.created_at_ms = wc_json_i64(wc_json_get(root, "created_at_ms"), 0);
    snprintf(r.hash, sizeof r.hash, "%s", wc_json_str(wc_json_get(root, "hash"), ""));
    snprintf(r.inplace, sizeof r.inplace, "%s", wc_json_str(wc_json_get(root, "inplace"), ""));
    const struct wc_json *note = wc_json_first(wc_json_get(root, "notes"));
    for (; note != NULL; note = wc_json_next(note))
        wc_strv_add(arena, &r.notes, wc_arena_strdup(arena, wc_json_str(note, "")));
    if (r.id == NULL || r.name == NULL || r.project == NULL || r.service == NULL ||
        r.runtime_id == NULL || r.cgroup == NULL || r.boot_id == NULL || r.run == 0)
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s: not complete", path);
    *out = r;
    return 0;
}

/* What stands behind the numbers. */
static void take_cause(const char *line, struct wc_report *out)
{
    const char *tab = strchr(line, '\t');
    snprintf(out->text, sizeof out->text, "%s", tab != NULL ? tab + 1 : "");
    out->text[strcspn(out->text, "\n")] = '\0';
}

void wc_report_parse(const char *line, struct wc_report *out)
{
    int64_t n[4] = { 0 };
    *out = (struct wc_report){ 0 };
    if (wc_str_starts(line, "created ") && wc_str_to_i64s(line + 8, n, 2)) {
        out->kind = WC_REPORT_CREATED;
    } else if (wc_str_starts(line, "running ") && wc_str_to_i64s(line + 8, n, 3)) {
        out->kind = WC_REPORT_RUNNING;
        out->at_ms = n[2];
    } else if (wc_str_starts(line, "exited ") && wc_str_to_i64s(line + 7, n, 4)) {
        *out = (struct wc_report){ .kind = WC_REPORT_EXITED,
                                   .code = (int)n[0],
                                   .signal = (int)n[1],
                                   .oom = n[2] != 0,
                                   .at_ms = n[3] };
        take_cause(line, out);
        return;
    } else if (wc_str_starts(line, "notify ")) {
        const char *word = line + 7, *space = strchr(word, ' ');
        out->kind = WC_REPORT_NOTIFY;
        out->notified = wc_str_starts(word, "ready ")  ? WC_NOTIFIED_READY
                        : wc_str_starts(word, "late ") ? WC_NOTIFIED_LATE
                                                       : WC_NOTIFIED_NOTHING;
        snprintf(out->text, sizeof out->text, "%s", space != NULL ? space + 1 : "");
        return;
    } else if (wc_str_starts(line, "failed ")) {
        out->kind = WC_REPORT_FAILED;
        snprintf(out->text, sizeof out->text, "%s", line + 7);
        out->text[strcspn(out->text, "\n")] = '\0';
        return;
    }
    if (out->kind == WC_REPORT_NONE)
        return;
    out->pid = (pid_t)n[0];
    out->starttime = (uint64_t)n[1];
}

/* Reads a short file into `line`; false when it isn't there. */
static bool read_line(const char *dir, const char *name, char *line, size_t size)
{
    char path[4200];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (wc_fs_read(path, MAX_LINE, &text, NULL) != 0)
        return false;
    snprintf(line, size, "%s", text.data);
    line[strcspn(line, "\n")] = '\0';
    return true;
}

bool wc_exit_read(const char *lib_dir, struct wc_report *out)
{
    char line[MAX_LINE];
    int64_t n[5];
    if (!read_line(lib_dir, WC_KEEPER_EXIT, line, sizeof line) || !wc_str_to_i64s(line, n, 5))
        return false;
    *out = (struct wc_report){ .kind = WC_REPORT_EXITED,
                               .code = (int)n[0],
                               .signal = (int)n[1],
                               .oom = n[2] != 0,
                               .at_ms = n[3],
                               .started_ms = n[4] };
    take_cause(line, out);
    return true;
}

enum { MAX_STAT = 1024 };

static void read_stat(pid_t pid, char text[MAX_STAT])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, MAX_STAT - 1) : -1;
    text[len > 0 ? len : 0] = '\0';
}

uint64_t wc_proc_starttime_of(pid_t pid)
{
    char text[MAX_STAT], state = 'X';
    read_stat(pid, text);
    uint64_t start = wc_str_stat_start(text, &state);
    return state == 'Z' || state == 'X' ? 0 : start;
}

void wc_boot_id(char *out, size_t size)
{
    out[0] = '\0';
    (void)read_line("/proc/sys/kernel/random", "boot_id", out, size);
}

/* One that was killed and is on its way out keeps nothing any more; its end of a connection may be
 * closed long before it is gone. */
pid_t wc_keeper_of(const char *run_dir, uint64_t *starttime)
{
    char line[MAX_LINE], stat[MAX_STAT];
    int64_t n[2]; /* pid, start */
    if (!read_line(run_dir, WC_KEEPER_PID, line, sizeof line) || !wc_str_to_i64s(line, n, 2) ||
        n[1] <= 0 || wc_proc_starttime_of((pid_t)n[0]) != (uint64_t)n[1])
        return 0;
    read_stat((pid_t)n[0], stat);
    *starttime = (uint64_t)n[1];
    return wc_str_stat_is_leaving(stat) ? 0 : (pid_t)n[0];
}

/* EXITED by the record of this run, else by that of the run before when this one never came to be.
 */
static void look_at_exit(const char *lib_dir, struct wc_look *look)
{
    look->exit_known = wc_exit_read(lib_dir, &look->last);
    look->life = WC_LIFE_EXITED;
}

/* Without a join.conf of this very process nothing could be run in it: the one who was to write it
 * was killed right before. */
static bool can_be_joined(const char *run_dir, const struct wc_report *created)
{
    char path[4200], wanted[96], found[96] = "";
    snprintf(path, sizeof path, "%s/%s", run_dir, WC_JOIN_CONF);
    int len = snprintf(wanted, sizeof wanted, "pid=%d%cstarttime=%llu", (int)created->pid, 0,
                       (unsigned long long)created->starttime);
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, found, sizeof found) > len &&
           memcmp(found, wanted, (size_t)len + 1) == 0;
}

static void look_at_run(const char *lib_dir, const char *run_dir, struct wc_look *look)
{
    char line[MAX_LINE], path[4200];
    uint64_t unused;
    snprintf(path, sizeof path, "%s/" WC_RECORD_WHOLE, lib_dir);
    bool complete = wc_fs_exists(path);
    if (read_line(run_dir, WC_KEEPER_STATUS, line, sizeof line))
        wc_report_parse(line, &look->last);
    look->keeper_alive = wc_keeper_of(run_dir, &unused) > 0;
    bool alive = look->last.pid > 0 && wc_proc_starttime_of(look->last.pid) == look->last.starttime;
    switch (look->last.kind) {
    case WC_REPORT_CREATED:
        /* only its keeper could start it; without one it is good for nothing */
        look->life = look->keeper_alive && can_be_joined(run_dir, &look->last) ? WC_LIFE_CREATED
                                                                               : WC_LIFE_BROKEN;
        return;
    case WC_REPORT_RUNNING:
        if (!alive && !look->keeper_alive) {
            look_at_exit(lib_dir, look);
            return;
        }
        look->life = WC_LIFE_RUNNING;
        return;
    case WC_REPORT_EXITED:
        look_at_exit(lib_dir, look);
        return;
    case WC_REPORT_FAILED:
    case WC_REPORT_NOTIFY:
    case WC_REPORT_NONE:
        if (!look->keeper_alive && complete && look->record.run > 1)
            look_at_exit(lib_dir, look);
        else
            look->life = WC_LIFE_BROKEN; /* with a keeper: being made by someone who is gone */
        return;
    }
}

/* What the id alone says, "PROJECT-SERVICE-INDEX.DIGITS": who made the directory may have been
 * killed before it wrote the record, and the engine must know which slot that is in the way of. */
static void record_of_id(const char *project, const char *id, struct wc_arena *arena,
                         struct wc_record *out)
{
    const char *end = strrchr(id, '.');
    size_t skip = wc_str_starts(id, project) ? strlen(project) : 0;
    int64_t index = 0;
    *out = (struct wc_record){ .id = wc_arena_strdup(arena, id),
                               .name = wc_arena_strdup(arena, id),
                               .project = wc_arena_strdup(arena, project),
                               .service = wc_arena_strdup(arena, id) };
    if (end == NULL || skip == 0 || id[skip] != '-')
        return;
    const char *name = wc_arena_strndup(arena, id, (size_t)(end - id));
    const char *dash = strrchr(name, '-');
    if (dash <= name + skip + 1 || !wc_str_to_i64(dash + 1, 1, UINT32_MAX, &index))
        return;
    out->name = name;
    out->service = wc_arena_strndup(arena, name + skip + 1, (size_t)(dash - name) - skip - 1);
    out->index = (unsigned)index;
}

void wc_look(const char *lib_dir, const char *run_dir, const char *project, const char *id,
             struct wc_arena *arena, struct wc_look *out)
{
    struct wc_look look = { .life = WC_LIFE_BROKEN, .link = -1 };
    char boot[64], path[4200];
    wc_boot_id(boot, sizeof boot);
    if (wc_record_read(lib_dir, arena, &look.record, NULL) != 0) {
        record_of_id(project, id, arena, &look.record);
        *out = look;
        return;
    }
    snprintf(path, sizeof path, "%s/stopped_by_user", lib_dir);
    look.stopped_by_user = wc_fs_exists(path);
    snprintf(path, sizeof path, "%s/sick", lib_dir);
    look.sick = wc_fs_exists(path);
    if (!wc_streq(boot, look.record.boot_id)) {
        look.earlier_boot = true;
        look_at_exit(lib_dir, &look); /* nothing outlives a boot */
        if (!look.exit_known) {
            snprintf(path, sizeof path, "%s/" WC_RECORD_WHOLE, lib_dir);
            look.life = wc_fs_exists(path) ? WC_LIFE_EXITED : WC_LIFE_BROKEN;
        }
    } else {
        look_at_run(lib_dir, run_dir, &look);
    }
    *out = look;
}
