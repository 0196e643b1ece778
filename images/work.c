/* work.c - making, finding and removing work directories. */
#include "images/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"

enum { TRIES = 100 };

static int fail(const struct wc_work_place *store, const char *doing, struct wc_err *err)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "image store: %s %s/tmp", doing, store->dir);
}

/* True when `name` in tmp/ is the directory (or file) behind fd still, and not what a sweeper has
 * removed between our opening and our locking. */
static bool is_still(int tmp_fd, const char *name, int fd)
{
    struct stat ours, theirs;
    return fstat(fd, &ours) == 0 && fstatat(tmp_fd, name, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static void sweep_one(const struct wc_work_place *store, int tmp_fd, const char *name)
{
    char path[4096];
    struct wc_err err = { 0 };
    WC_CLEANUP_FD int fd =
        openat(tmp_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 ? errno == ENOENT : flock(fd, LOCK_EX | LOCK_NB) != 0)
        return; /* gone, or somebody works in it */
    if (fd >= 0 && !is_still(tmp_fd, name, fd))
        return;
    snprintf(path, sizeof path, "%s/tmp/%s", store->dir, name);
    if (wc_fs_remove_tree(path, &err) != 0)
        wc_log(WC_LOG_WARN, "images", "leftovers stay: %s", err.msg);
}

void wc_work_sweep(const struct wc_work_place *store)
{
    int fd = openat(store->fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            sweep_one(store, fd, entry->d_name);
    closedir(list);
    unlinkat(store->fd, "tmp", AT_REMOVEDIR); /* when nobody is in it */
}

int wc_work_open(const struct wc_work_place *store, struct wc_arena *arena, const char **name,
                 int *fd, struct wc_err *err)
{
    for (int i = 0; i < TRIES; i++) {
        if (mkdirat(store->fd, "tmp", 0700) != 0 && errno != EEXIST)
            return fail(store, "make", err);
        unsigned long long number = 0;
        char path[64];
        if (getrandom(&number, sizeof number, 0) != sizeof number)
            return fail(store, "name a directory in", err);
        snprintf(path, sizeof path, "tmp/%llx", number);
        if (mkdirat(store->fd, path, 0700) != 0) {
            if (errno == EEXIST || errno == ENOENT) /* the latter: the last one out removed tmp */
                continue;
            return fail(store, "make a directory in", err);
        }
        int dir = openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir >= 0 && flock(dir, LOCK_EX | LOCK_NB) == 0 && is_still(store->fd, path, dir)) {
            *name = wc_arena_strdup(arena, path);
            *fd = dir;
            return 0;
        }
        if (dir >= 0)
            close(dir); /* a sweeper was quicker: its to remove */
    }
    errno = EBUSY;
    return fail(store, "keep a directory in", err);
}

void wc_work_close(const struct wc_work_place *store, const char *name, int fd)
{
    char path[4096];
    struct wc_err err = { 0 };
    snprintf(path, sizeof path, "%s/%s", store->dir, name);
    if (wc_fs_remove_tree(path, &err) != 0)
        wc_log(WC_LOG_WARN, "images", "leftovers stay: %s", err.msg);
    close(fd);
    unlinkat(store->fd, "tmp", AT_REMOVEDIR); /* when nobody else is in it */
}
