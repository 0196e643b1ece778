/* disk.h - the calls by which state reaches the disk, as a table (private to orchestrator/).
 *
 * Idea:    whoever must survive a failing disk is tested with one: every call can be made to fail,
 *          to tear or to be the last one before a crash. Names are beneath a directory descriptor,
 *          so nothing that happens to the path above can lead a write elsewhere.
 * Owner:   a disk is a value; `data` is its maker's.
 * Threads: fdatasync and sync_dir, and all calls on a file that is not in place yet, come from the
 *          thread pool as well; the others from the loop's thread only.
 * Errors:  as the system calls of these names: -1 with errno.
 */
#ifndef ORCHESTRATOR_DISK_H
#define ORCHESTRATOR_DISK_H

#include <sys/types.h>

/* One way to a disk. All slots are required. */
struct wc_disk_ops {
    /* openat(2); O_CLOEXEC and O_NOFOLLOW are added. With AT_FDCWD: the directory itself. */
    int (*open)(void *data, int dir_fd, const char *name, int flags, mode_t mode);
    ssize_t (*read)(void *data, int fd, void *bytes, size_t len, off_t at);
    ssize_t (*write)(void *data, int fd, const void *bytes, size_t len, off_t at);
    int (*fdatasync)(void *data, int fd);
    int (*truncate)(void *data, int fd, off_t len);
    int (*rename)(void *data, int dir_fd, const char *from, const char *to);
    int (*unlink)(void *data, int dir_fd, const char *name);
    int (*sync_dir)(void *data, int dir_fd); /* what was renamed and made there lasts */
    void (*close)(void *data, int fd);
};

struct wc_disk {
    const struct wc_disk_ops *ops;
    void *data;
};

/* The host's own. */
extern const struct wc_disk wc_disk_host;

#endif
