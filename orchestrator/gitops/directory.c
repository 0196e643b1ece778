/* directory.c - a copy is made before anything is read: what is loaded, checked and mounted is one
 * state of the directory, not several.
 */
#include "orchestrator/gitops/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "orchestrator/gitops/tree.h"

/* Opens the directory, or the sub-path in it. */
static int open_directory(const struct wc_app_source *source, int *fd, struct wc_err *err)
{
    struct stat st;
    int top = open(source->url, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", source->url);
    if (source->path == NULL) {
        *fd = top;
    } else {
        *fd = wc_tree_open(top, source->path, O_RDONLY | O_DIRECTORY);
        int sys = errno;
        close(top);
        if (*fd < 0)
            return wc_err_set(err, sys == EXDEV ? WC_ERR_PERM : WC_ERR_NOENT, sys, "open %s/%s",
                              source->url, source->path);
    }
    bool others = fstat(*fd, &st) != 0 || wc_tree_is_open_to_others(&st);
    if (!others)
        return 0;
    close(*fd);
    return wc_err_set(err, WC_ERR_PERM, 0, "%s is not trusted: somebody else may write it",
                      source->url);
}

int wc_directory_look(const struct wc_app_source *source, const struct wc_source_place *place,
                      struct wc_revision *out, struct wc_err *err)
{
    int fd;
    struct wc_revision found = { .ref = "directory" };
    int rc = open_directory(source, &fd, err);
    if (rc != 0)
        return rc;
    unsigned most = source->max_files != 0 ? source->max_files : WC_APP_SOURCE_MAX_FILES;
    rc = wc_tree_stat_hash(fd, most, found.mark, err);
    close(fd);
    if (rc != 0)
        return rc;
    found.name = wc_arena_strdup(place->arena, source->url);
    *out = found;
    return 0;
}

int wc_directory_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                       struct wc_revision *revision, struct wc_err *err)
{
    int fd;
    const char *dir;
    char id[65], before[65], after[65];
    const struct wc_tree_copy_open take = { source, place, "trees", "", false };
    unsigned most = source->max_files != 0 ? source->max_files : WC_APP_SOURCE_MAX_FILES;
    int rc = open_directory(source, &fd, err);
    if (rc != 0)
        return rc;
    rc = wc_tree_stat_hash(fd, most, before, err);
    if (rc == 0)
        rc = wc_tree_copy_open(&take, fd, id, &dir, err);
    if (rc == 0)
        rc = wc_tree_stat_hash(fd, most, after, err);
    close(fd);
    if (rc == 0 && strcmp(before, after) != 0)
        rc = wc_err_set(err, WC_ERR_CONFLICT, 0, "%s changes while it is copied", source->url);
    if (rc != 0)
        return rc;
    snprintf(revision->mark, sizeof revision->mark, "%s", after);
    snprintf(revision->id, sizeof revision->id, "%s", id);
    snprintf(revision->tree, sizeof revision->tree, "%s", id);
    revision->ref = "directory";
    revision->name = wc_arena_printf(place->arena, "directory@%.12s", id);
    return 0;
}
