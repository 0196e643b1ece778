/* volume.c - volumes as directories, filled once. */
#include "drivers/process/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/image_root.h"

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    bool empty = dir != NULL;
    const struct dirent *entry;
    while (empty && (entry = readdir(dir)) != NULL)
        empty = wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, "..");
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/* Opens the image's directory, or -1: nothing to copy. */
static int open_source(const struct wc_volume_source *source)
{
    if (source->root_fd < 0)
        return -1;
    return wc_image_root_open(source->root_fd, source->target, O_RDONLY | O_DIRECTORY);
}

static int fill(int from, const char *path, struct wc_err *err)
{
    WC_CLEANUP_FD int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    return wc_copy_tree(from, to, err);
}

/* Makes the data directory beside its place, then moves it there. */
static int make_new(const char *data, int from, struct wc_arena *arena, struct wc_err *err)
{
    const char *fresh = wc_arena_printf(arena, "%s.new", data);
    int rc = wc_fs_remove_tree(fresh, err);
    if (rc == 0)
        rc = wc_fs_mkdirs(fresh, 0755, err);
    if (rc == 0 && chmod(fresh, 0755) != 0) /* whatever the umask */
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", fresh);
    if (rc == 0 && from >= 0)
        rc = fill(from, fresh, err);
    if (rc == 0 && rename(fresh, data) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", data);
    if (rc != 0)
        (void)wc_fs_remove_tree(fresh, NULL);
    return rc;
}

int wc_volume_prepare(const char *dir, const struct wc_volume_source *source,
                      struct wc_arena *arena, const char **data, struct wc_err *err)
{
    const char *path = wc_arena_printf(arena, "%s/_data", dir);
    int rc = wc_fs_mkdirs(dir, 0711, err);
    if (rc != 0)
        return rc;
    WC_CLEANUP_FD int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", dir);
    bool there = wc_fs_exists(path);
    if (!there || is_empty(path)) {
        WC_CLEANUP_FD int from = open_source(source);
        if (!there)
            rc = make_new(path, from, arena, err);
        else if (from >= 0) /* in place: another container may have it mounted */
            rc = fill(from, path, err);
    }
    if (rc != 0)
        return wc_err_wrap(err, rc, "volume %s", dir);
    *data = path;
    return 0;
}

int wc_volume_remove(const char *dir, struct wc_err *err)
{
    return wc_fs_remove_tree(dir, err);
}

int wc_volume_subpath(const char *data, const char *subpath, const char *place, struct wc_err *err)
{
    WC_CLEANUP_FD int root = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    WC_CLEANUP_FD int fd = root >= 0 ? wc_image_root_open(root, subpath, O_PATH) : -1;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "subpath %s of volume %s", subpath, data);
    int rc = wc_fs_remove_tree(place, err); /* of an earlier run */
    if (rc == 0)
        rc = wc_fs_mkdirs(place, 0700, err);
    if (rc != 0 || S_ISDIR(st.st_mode))
        return rc;
    WC_CLEANUP_FD int file = -1;
    if (rmdir(place) == 0)
        file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return file >= 0 ? 0 : wc_err_set(err, wc_fs_code(errno), errno, "%s", place);
}
