/* baseline.c - a table of files, read into one array; the noted ones are such an array too. */
#include "drivers/process/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { VALUE_ROOM = 256, PATH_ROOM = 4200, NOTE_LIMIT = 64 << 10 };

/* v1 and v2 name: NULL where that version has none. What is written in this order goes through:
 * memory before memory and swap when both grow, and once more for when both shrink. */
static const struct row {
    const char *word, *controller, *v1, *v2;
} rows[] = {
    { "mem_limit", "memory", "memory.limit_in_bytes", "memory.max" },
    { "memswap_limit", "memory", "memory.memsw.limit_in_bytes", "memory.swap.max" },
    { "mem_reservation", "memory", "memory.soft_limit_in_bytes", "memory.low" },
    { "cpus (quota)", "cpu", "cpu.cfs_quota_us", "cpu.max" },
    { "cpus (period)", "cpu", "cpu.cfs_period_us", NULL },
    { "cpu_shares", "cpu", "cpu.shares", "cpu.weight" },
    { "pids_limit", "pids", "pids.max", "pids.max" },
    { "cpuset", "cpuset", "cpuset.cpus", "cpuset.cpus" },
    { "cpuset (memory)", "cpuset", "cpuset.mems", "cpuset.mems" },
};
enum { ROWS = WC_COUNT(rows) };

struct values {
    char text[ROWS][VALUE_ROOM];
    bool has[ROWS];
};

static const char *file_name(const struct wc_cgroup_host *host, const struct row *row)
{
    return host->mode == WC_CGROUP_V2 ? row->v2 : row->v1;
}

/* Where the row's controller has the group; false when the host has none, or the row no file. */
static bool file_path(const struct wc_cgroup_host *host, const char *cgroup, const struct row *row,
                      char *out)
{
    struct wc_arena arena;
    const char *name = file_name(host, row);
    if (name == NULL)
        return false;
    wc_arena_init(&arena);
    const char *dir = wc_cgroup_dir(host, row->controller, cgroup, &arena);
    if (dir != NULL)
        snprintf(out, PATH_ROOM, "%s/%s", dir, name);
    wc_arena_deinit(&arena);
    return dir != NULL;
}

/* Returns how many there are. */
static size_t read_values(const struct wc_cgroup_host *host, const char *cgroup, struct values *out)
{
    char path[PATH_ROOM];
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        out->has[i] = false;
        if (!file_path(host, cgroup, &rows[i], path))
            continue;
        WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd >= 0 ? read(fd, out->text[i], VALUE_ROOM - 1) : -1;
        if (len < 0 || len == VALUE_ROOM - 1)
            continue;
        out->text[i][len] = '\0';
        out->text[i][strcspn(out->text[i], "\n")] = '\0';
        out->has[i] = true;
        n++;
    }
    return n;
}

/* Takes the next line off; NULL at the end. */
static char *next_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    *rest = end != NULL ? end + 1 : NULL;
    if (end != NULL)
        *end = '\0';
    return line;
}

/* False when nothing was noted. */
static bool read_note(const struct wc_cgroup_host *host, const char *run_dir, struct values *out)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[PATH_ROOM];
    memset(out->has, 0, sizeof out->has);
    snprintf(path, sizeof path, "%s/" WC_BASELINE_FILE, run_dir);
    if (wc_fs_read(path, NOTE_LIMIT, &text, NULL) != 0)
        return false;
    char *rest = text.data;
    for (char *line; (line = next_line(&rest)) != NULL;) {
        char *value = strchr(line, ' ');
        if (value == NULL)
            continue;
        *value++ = '\0';
        for (size_t i = 0; i < ROWS; i++) {
            const char *name = file_name(host, &rows[i]);
            if (name == NULL || !wc_streq(name, line))
                continue;
            snprintf(out->text[i], VALUE_ROOM, "%s", value);
            out->has[i] = true;
        }
    }
    return true;
}

int wc_baseline_note(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                     struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct values now;
    char path[PATH_ROOM], fresh[PATH_ROOM];
    read_values(host, cgroup, &now);
    for (size_t i = 0; i < ROWS; i++)
        if (now.has[i])
            wc_buf_printf(&text, "%s %s\n", file_name(host, &rows[i]), now.text[i]);
    snprintf(path, sizeof path, "%s/" WC_BASELINE_FILE, run_dir);
    snprintf(fresh, sizeof fresh, "%s/" WC_BASELINE_FILE ".new", run_dir);
    WC_CLEANUP_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
    if (!written || rename(fresh, path) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    return 0;
}

/* v1 says "no limit" by -1, or by the largest number of whole pages. */
static const char *for_people(const char *value)
{
    bool none = wc_streq(value, "-1") || wc_streq(value, "max") || wc_str_starts(value, "max ") ||
                wc_str_starts(value, "92233720368547");
    return none ? "unlimited" : value[0] == '\0' ? "none" : value;
}

static bool differs(const struct values *meant, const struct values *now, size_t i)
{
    return meant->has[i] && now->has[i] && !wc_streq(meant->text[i], now->text[i]);
}

void wc_baseline_look(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                      struct wc_buf *out)
{
    struct values meant, now;
    if (read_values(host, cgroup, &now) == 0)
        return;
    if (!read_note(host, run_dir, &meant)) { /* made by a version that noted none */
        (void)wc_baseline_note(host, cgroup, run_dir, NULL);
        return;
    }
    for (size_t i = 0; i < ROWS; i++)
        if (differs(&meant, &now, i))
            wc_buf_printf(out, "%s%s %s -> %s", out->len > 0 ? ", " : "", rows[i].word,
                          for_people(meant.text[i]), for_people(now.text[i]));
}

static int write_value(const struct wc_cgroup_host *host, const char *cgroup, const struct row *row,
                       const char *value, struct wc_err *err)
{
    char path[PATH_ROOM];
    if (!file_path(host, cgroup, row, path))
        return 0;
    char line[VALUE_ROOM + 1]; /* an empty value is written as well */
    int len = snprintf(line, sizeof line, "%s\n", value);
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, line, (size_t)len) < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s %s: %s", row->word, value, path);
    return 0;
}

int wc_baseline_restore(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                        struct wc_err *err)
{
    struct values meant, now;
    if (!read_note(host, run_dir, &meant))
        return 0;
    int rc = 0;
    for (int round = 0; round < 2; round++) { /* what one needs of the other is there by then */
        read_values(host, cgroup, &now);
        rc = 0;
        for (size_t i = 0; i < ROWS; i++) {
            int one = differs(&meant, &now, i)
                          ? write_value(host, cgroup, &rows[i], meant.text[i], rc == 0 ? err : NULL)
                          : 0;
            rc = rc != 0 ? rc : one;
        }
    }
    return rc;
}

void wc_baseline_files(const struct wc_cgroup_host *host, const char *cgroup,
                       struct wc_arena *arena, struct wc_strv *out)
{
    char path[PATH_ROOM];
    for (size_t i = 0; i < ROWS; i++)
        if (file_path(host, cgroup, &rows[i], path) && access(path, F_OK) == 0)
            wc_strv_add(arena, out, wc_arena_strdup(arena, path));
}
