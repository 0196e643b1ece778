/* freezer.c - one small file of the group's, of either version. */
#include "drivers/process/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"

enum { PATH_ROOM = 4200, TEXT_ROOM = 256 };

/* The mount of the hierarchy that freezes; NULL: none does. */
static const struct wc_cgroup_tree *tree_of(const struct wc_cgroup_host *host)
{
    for (size_t i = 0; i < host->n_trees; i++) {
        const struct wc_cgroup_tree *tree = &host->trees[i];
        const char *at = strstr(tree->names, "freezer");
        bool has =
            at != NULL && (at == tree->names || at[-1] == ',') && (at[7] == ',' || at[7] == '\0');
        if (tree->v2 ? host->mode == WC_CGROUP_V2 : has)
            return tree;
    }
    return NULL;
}

static bool read_text(const char *file, char *text, size_t size)
{
    WC_CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, size - 1) : -1;
    text[len > 0 ? len : 0] = '\0';
    return len > 0;
}

bool wc_freezer_is_frozen(const struct wc_cgroup_host *host, const char *path)
{
    char file[PATH_ROOM], text[TEXT_ROOM];
    const struct wc_cgroup_tree *tree = tree_of(host);
    if (tree == NULL)
        return false;
    snprintf(file, sizeof file, "%s%s/%s", tree->mount, path,
             tree->v2 ? "cgroup.events" : "freezer.state");
    if (!read_text(file, text, sizeof text))
        return false;
    return tree->v2 ? strstr(text, "frozen 1") != NULL : !wc_str_starts(text, "THAWED");
}

/* Returns 0 also where there is no such group. */
static int write_state(const struct wc_cgroup_tree *tree, const char *path, bool frozen,
                       struct wc_err *err)
{
    char file[PATH_ROOM];
    const char *v1 = frozen ? "FROZEN" : "THAWED", *v2 = frozen ? "1" : "0";
    const char *word = tree->v2 ? v2 : v1;
    snprintf(file, sizeof file, "%s%s/%s", tree->mount, path,
             tree->v2 ? "cgroup.freeze" : "freezer.state");
    WC_CLEANUP_FD int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || write(fd, word, strlen(word)) < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", file);
    return 0;
}

int wc_freezer_freeze(const struct wc_cgroup_host *host, const char *path, struct wc_err *err)
{
    const struct wc_cgroup_tree *tree = tree_of(host);
    if (tree == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "this host has no cgroup freezer");
    return write_state(tree, path, true, err);
}

int wc_freezer_thaw(const struct wc_cgroup_host *host, const char *path, struct wc_err *err)
{
    char above[PATH_ROOM];
    const struct wc_cgroup_tree *tree = tree_of(host);
    if (tree == NULL)
        return 0;
    for (size_t len = 1; path[0] == '/' && path[len - 1] != '\0'; len++) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        snprintf(above, sizeof above, "%.*s", (int)len, path);
        int rc = write_state(tree, above, false, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

const char *wc_freezer_event_file(const struct wc_cgroup_host *host, const char *path,
                                  struct wc_arena *arena)
{
    const struct wc_cgroup_tree *tree = tree_of(host);
    if (tree == NULL)
        return NULL;
    return wc_arena_printf(arena, "%s%s/%s", tree->mount, path,
                           tree->v2 ? "cgroup.events" : "freezer.state");
}
