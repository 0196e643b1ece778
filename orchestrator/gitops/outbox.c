/* outbox.c - a file for each message. (Rejected: one journal, which must be compacted, and whose
 * every line would have to say who has taken it already.)
 */
#include "orchestrator/gitops/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"

enum { TOLD_MAX = 64 << 10, NAME_LEN = WC_OUTBOX_WHEN + 1 + WC_SHA256_HEX + 1 + WC_OUTBOX_TO };

const char *wc_outbox_dir(const struct wc_paths *paths, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s/gitops/.outbox", paths->lib);
}

void wc_outbox_to(const struct wc_agent_notify *notify, char to[WC_OUTBOX_TO + 1])
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char hex[WC_SHA256_HEX + 1];
    if (notify->url != NULL)
        wc_buf_printf(&text, "url %s", notify->url);
    for (size_t i = 0; notify->url == NULL && i < notify->command.n; i++)
        wc_buf_printf(&text, "word %zu %s ", strlen(notify->command.items[i]),
                      notify->command.items[i]);
    wc_sha256_hex(text.data, text.len, hex);
    snprintf(to, WC_OUTBOX_TO + 1, "%.*s", WC_OUTBOX_TO, hex);
}

const char *wc_outbox_name(const struct wc_outbox_name *name, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%0*" PRIx64 "-%s.%s", WC_OUTBOX_WHEN, (uint64_t)name->at_ms,
                           name->id, name->to);
}

/* Copies n hex digits; false when they aren't. */
static bool take_hex(const char *text, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        if (!wc_ascii_isdigit(text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

bool wc_outbox_read_name(const char *text, struct wc_outbox_name *out)
{
    char when[WC_OUTBOX_WHEN + 1];
    struct wc_outbox_name name;
    const char *id = text + WC_OUTBOX_WHEN + 1, *to = id + WC_SHA256_HEX + 1;
    if (strlen(text) != NAME_LEN || id[-1] != '-' || to[-1] != '.' ||
        !take_hex(text, WC_OUTBOX_WHEN, when) || when[0] > '7' ||
        !take_hex(id, WC_SHA256_HEX, name.id) || !take_hex(to, WC_OUTBOX_TO, name.to))
        return false;
    name.at_ms = (int64_t)strtoull(when, NULL, 16);
    *out = name;
    return true;
}

static int path_of(const char *dir, const char *name, char out[4096], struct wc_err *err)
{
    int n = snprintf(out, 4096, "%s/%s", dir, name);
    return n > 0 && n < 4096 ? 0 : wc_err_set(err, WC_ERR_LIMIT, 0, "path too long: %.100s…", dir);
}

int wc_outbox_put(const char *dir, const char *name, const char *body, struct wc_err *err)
{
    char path[4096];
    int rc = path_of(dir, name, path, err);
    if (rc == 0)
        rc = wc_fs_mkdirs(dir, 0700, err);
    return rc == 0 ? wc_fs_write_atomic(path, body, strlen(body), 0600, true, err) : rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int wc_outbox_list(const char *dir, struct wc_arena *arena, struct wc_strv *out, struct wc_err *err)
{
    struct wc_strv names = { 0 };
    struct wc_outbox_name name;
    DIR *stream = opendir(dir);
    if (stream == NULL && errno != ENOENT)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", dir);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (wc_outbox_read_name(entry->d_name, &name))
            wc_strv_add(arena, &names, wc_arena_strdup(arena, entry->d_name));
        else if (!wc_streq(entry->d_name, ".") && !wc_streq(entry->d_name, ".."))
            (void)wc_outbox_drop(dir, entry->d_name, NULL);
    }
    if (stream != NULL)
        closedir(stream);
    if (names.n > 1)
        qsort((void *)names.items, names.n, sizeof *names.items, by_name);
    *out = names;
    return 0;
}

int wc_outbox_get(const char *dir, const char *name, struct wc_arena *arena, const char **body,
                  struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[4096];
    int rc = path_of(dir, name, path, err);
    if (rc == 0)
        rc = wc_fs_read(path, WC_OUTBOX_BODY, &text, err);
    if (rc == 0)
        *body = wc_arena_strndup(arena, text.len > 0 ? text.data : "", text.len);
    return rc;
}

int wc_outbox_drop(const char *dir, const char *name, struct wc_err *err)
{
    char path[4096];
    int rc = path_of(dir, name, path, err);
    if (rc == 0 && unlink(path) != 0 && errno != ENOENT)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "remove %s", path);
    return rc;
}

void wc_told_sweep(const char *dir)
{
    char path[4096];
    struct wc_err none = { 0 };
    if (path_of(dir, "told.json", path, &none) == 0)
        wc_fs_sweep_atomic(path);
}

bool wc_told_read(const char *dir, struct wc_gitops_condition out[WC_GITOPS_CONDITIONS])
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    char path[4096];
    struct wc_err none = { 0 };
    if (path_of(dir, "told.json", path, &none) != 0 ||
        wc_fs_read(path, TOLD_MAX, &text, &none) != 0 ||
        wc_json_parse(text.data, text.len, &root, &none) != 0)
        return false;
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        enum wc_gitops_condition_type type = (enum wc_gitops_condition_type)i;
        const struct wc_json *one = wc_json_get(root, wc_gitops_condition_name(type));
        const char *status = wc_json_str(wc_json_get(one, "status"), "");
        out[i] = (struct wc_gitops_condition){ 0 };
        for (int k = WC_GITOPS_UNKNOWN; k <= WC_GITOPS_TRUE; k++)
            if (wc_streq(status, wc_gitops_truth_name((enum wc_gitops_truth)k)))
                out[i].status = (enum wc_gitops_truth)k;
        snprintf(out[i].reason, sizeof out[i].reason, "%s",
                 wc_json_str(wc_json_get(one, "reason"), ""));
    }
    return true;
}

int wc_told_write(const char *dir, const struct wc_gitops_condition told[WC_GITOPS_CONDITIONS],
                  struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    char path[4096];
    wc_jsonw_object(&w, NULL);
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        wc_jsonw_object(&w, wc_gitops_condition_name((enum wc_gitops_condition_type)i));
        wc_jsonw_str(&w, "status", wc_gitops_truth_name(told[i].status));
        wc_jsonw_str(&w, "reason", told[i].reason);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_object(&w);
    wc_buf_addc(&text, '\n');
    int rc = path_of(dir, "told.json", path, err);
    if (rc == 0)
        rc = wc_fs_mkdirs(dir, 0700, err);
    return rc == 0 ? wc_fs_write_atomic(path, text.data, text.len, 0600, true, err) : rc;
}
