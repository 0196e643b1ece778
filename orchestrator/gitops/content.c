/* content.c - files by what is in them. The name in the end (files/<id>/<name>) is the file's own:
 * what reads it may go by its suffix. Read-only for everybody: what has one name has one content.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/tree.h"
#include "wcompose/lists.h"

#define STORE "files"

/* What lies beneath root: "" for root itself; NULL when path isn't there. */
static const char *beneath(const char *root, const char *path)
{
    size_t len = strlen(root);
    if (!wc_str_starts(path, root) || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path[len] == '/' ? path + len + 1 : "";
}

static int open_beneath(const char *root, const char *path, int *fd, struct wc_err *err)
{
    const char *rest = beneath(root, path);
    int top = rest == NULL ? -1 : open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rest == NULL)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not in %s", path, root);
    if (top < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", root);
    *fd = wc_tree_open(top, rest, O_RDONLY);
    int sys = errno;
    close(top);
    if (*fd >= 0)
        return 0;
    if (sys == EXDEV || sys == ELOOP)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s leads out of %s", path, root);
    return wc_err_set(err, wc_fs_code(sys), sys, "open %s", path);
}

static const char *last_part(struct wc_arena *arena, const char *path)
{
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    size_t from = len;
    while (from > 0 && path[from - 1] != '/')
        from--;
    return len == from ? "files" : wc_arena_strndup(arena, path + from, len - from);
}

int wc_content_keep(const struct wc_app_source *source, const struct wc_source_place *place,
                    const char *root, const char *path, const char **out, struct wc_err *err)
{
    char id[65];
    int fd = -1;
    const char *dir, *name = last_part(place->arena, path);
    int rc = open_beneath(root, path, &fd, err);
    if (rc != 0)
        return rc;
    const struct wc_tree_copy_open take = { source, place, STORE, name, true };
    rc = wc_tree_copy_open(&take, fd, id, &dir, err);
    close(fd);
    if (rc == 0)
        *out = wc_arena_printf(place->arena, "%s/%s", dir, name);
    return rc;
}

/* True when a path of `used` lies in store/name. */
static bool is_used(const struct wc_strv *used, const char *dir)
{
    size_t len = strlen(dir);
    for (size_t i = 0; i < used->n; i++)
        if (wc_str_starts(used->items[i], dir) &&
            (used->items[i][len] == '/' || used->items[i][len] == '\0'))
            return true;
    return false;
}

/* By its path, or by its name. */
int wc_tree_sweep(const struct wc_source_place *place, const char *store,
                  const struct wc_strv *keep, struct wc_err *err)
{
    const char *path = wc_arena_printf(place->arena, "%s/%s", place->dir, store);
    DIR *dir = opendir(path);
    int rc = 0;
    if (dir == NULL)
        return errno == ENOENT ? 0 : wc_err_set(err, WC_ERR_IO, errno, "open %s", path);
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        const char *one = wc_arena_printf(place->arena, "%s/%s", path, entry->d_name);
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, "..") ||
            wc_strv_has(keep, entry->d_name) || is_used(keep, one))
            continue;
        rc = wc_fs_remove_tree(one, err);
    }
    closedir(dir);
    return rc;
}

int wc_content_tidy(const struct wc_source_place *place, const struct wc_strv *used,
                    struct wc_err *err)
{
    return wc_tree_sweep(place, STORE, used, err);
}

int wc_tree_tidy(const struct wc_source_place *place, const struct wc_strv *keep,
                 struct wc_err *err)
{
    static const char *const forms[] = { "", WC_TREE_WITH_MODULES, WC_TREE_WITH_LFS,
                                         WC_TREE_WITH_MODULES WC_TREE_WITH_LFS };
    struct wc_strv names = { 0 };
    for (size_t i = 0; i < keep->n; i++)
        for (size_t k = 0; k < WC_COUNT(forms); k++)
            wc_strv_add(place->arena, &names,
                        wc_arena_printf(place->arena, "%s%s", keep->items[i], forms[k]));
    return wc_tree_sweep(place, "trees", &names, err);
}
