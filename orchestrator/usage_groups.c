/* usage_groups.c - from /proc/PID/cgroup and the table of mounts to directories. On a host with
 * both versions each controller is in one of them; which one, the mounts say.
 */
#include "orchestrator/usage_groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "wcompose/model.h"

enum { FILE_MAX_BYTES = 4 * 1024 * 1024 };

/* ---- small files ---- */

bool wc_usage_file(const char *dir, const char *name, struct wc_buf *out)
{
    char path[4096];
    struct wc_err unread;
    wc_buf_reset(out);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (dir == NULL || wc_fs_read(path, FILE_MAX_BYTES, out, &unread) != 0)
        return false;
    while (out->len > 0 && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    return true;
}

/* What is beyond our numbers ("no limit" of version 1 is nearly 2^63) is as much as they hold. */
static int64_t number_of(const char *text)
{
    char *end;
    if (*text < '0' || *text > '9')
        return WC_UNSET;
    unsigned long long value = strtoull(text, &end, 10);
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

int64_t wc_usage_number(const char *dir, const char *name)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    return wc_usage_file(dir, name, &text) ? number_of(text.data) : WC_UNSET;
}

int64_t wc_usage_field(const char *text, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return number_of(line + len + 1);
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return WC_UNSET;
}

char *wc_usage_cut(char **text, char stop)
{
    char *piece = *text, *end = piece != NULL ? strchr(piece, stop) : NULL;
    *text = end != NULL ? end + 1 : NULL;
    if (end != NULL)
        *end = '\0';
    return piece != NULL && *piece == '\0' && end == NULL ? NULL : piece;
}

/* ---- the table of mounts ---- */

/* One mounted hierarchy. */
struct tree {
    const char *root, *mount; /* what of the hierarchy is mounted, and where */
    const char *controllers;  /* "cpu,cpuacct"; NULL: version 2 */
};

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ",");
        if (n == len && memcmp(at, word, len) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* "30 22 0:27 ROOT MOUNT options - TYPE source super-options" (proc(5)). The line is cut up. */
static bool parse_mount(char *line, struct tree *out)
{
    char *fields[5];
    char *dash = strstr(line, " - ");
    if (dash == NULL)
        return false;
    *dash = '\0';
    for (size_t i = 0; i < WC_COUNT(fields); i++)
        if ((fields[i] = wc_usage_cut(&line, ' ')) == NULL)
            return false;
    char *rest = dash + 3;
    char *type = wc_usage_cut(&rest, ' ');
    char *source = wc_usage_cut(&rest, ' ');
    char *options = wc_usage_cut(&rest, ' ');
    if (type == NULL || source == NULL)
        return false;
    *out = (struct tree){ .root = fields[3], .mount = fields[4] };
    if (wc_streq(type, "cgroup2"))
        return true;
    out->controllers = options;
    return wc_streq(type, "cgroup") && options != NULL;
}

struct finder {
    struct wc_arena *arena;
    struct tree trees[64];
    size_t n;
};

static void read_mounts(struct finder *finder, const char *text)
{
    char *rest = wc_arena_strdup(finder->arena, text);
    for (char *line;
         finder->n < WC_COUNT(finder->trees) && (line = wc_usage_cut(&rest, '\n')) != NULL;)
        finder->n += parse_mount(line, &finder->trees[finder->n]);
}

/* ---- the group of one controller ---- */

/* The rest of a line "4:memory:/a/b" of /proc/PID/cgroup for a controller; "" stands for version 2
 * ("0::/a/b"). NULL when there is none. */
static const char *path_of(const struct finder *finder, const char *text, const char *controller)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *list = strchr(line, ':'), *path = list != NULL ? strchr(list + 1, ':') : NULL;
        if (path == NULL)
            return NULL;
        const char *words = wc_arena_strndup(finder->arena, list + 1, (size_t)(path - list - 1));
        if (controller[0] == '\0' ? words[0] == '\0' : has_word(words, controller))
            return wc_arena_strndup(finder->arena, path + 1, strcspn(path + 1, "\n"));
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return NULL;
}

/* A path counts from the root of the hierarchy; of that, a part may be mounted. */
static const char *dir_of(const struct finder *finder, const struct tree *tree, const char *path)
{
    size_t root = wc_streq(tree->root, "/") ? 0 : strlen(tree->root);
    if (path == NULL || wc_str_starts(path, "/.."))
        return NULL; /* outside of what can be seen from here */
    if (strncmp(path, tree->root, root) == 0 && (path[root] == '/' || path[root] == '\0'))
        path += root;
    return wc_arena_printf(finder->arena, "%s%s", tree->mount, wc_streq(path, "/") ? "" : path);
}

static struct wc_usage_group find(const struct finder *finder, const char *text,
                                  const char *controller)
{
    const struct tree *unified = NULL;
    for (size_t i = 0; i < finder->n; i++) {
        const struct tree *tree = &finder->trees[i];
        if (tree->controllers == NULL && unified == NULL)
            unified = tree;
        if (tree->controllers != NULL && has_word(tree->controllers, controller))
            return (struct wc_usage_group){ dir_of(finder, tree, path_of(finder, text, controller)),
                                            tree->mount, false };
    }
    if (unified == NULL)
        return (struct wc_usage_group){ 0 };
    return (struct wc_usage_group){ dir_of(finder, unified, path_of(finder, text, "")),
                                    unified->mount, true };
}

int wc_usage_find_groups(const char *proc, int pid, struct wc_arena *arena,
                         struct wc_usage_groups *out, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct finder finder = { .arena = arena };
    if (!wc_usage_file(wc_arena_printf(arena, "%s/self", proc), "mountinfo", &text))
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "%s/self/mountinfo can't be read", proc);
    read_mounts(&finder, text.data);
    if (!wc_usage_file(wc_arena_printf(arena, "%s/%d", proc, pid), "cgroup", &text))
        return wc_err_set(err, WC_ERR_NOENT, 0, "process %d has ended", pid);
    *out = (struct wc_usage_groups){
        .cpu = find(&finder, text.data, "cpuacct"),
        .memory = find(&finder, text.data, "memory"),
        .block = find(&finder, text.data, "blkio"),
        .pids = find(&finder, text.data, "pids"),
    };
    return 0;
}
