/* disk.c - the host's own disk: the system calls as they are. */
#include "orchestrator/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static int host_open(void *data, int dir_fd, const char *name, int flags, mode_t mode)
{
    (void)data;
    int more = dir_fd == AT_FDCWD ? 0 : O_NOFOLLOW | O_NOCTTY; /* a state directory may be a link */
    int fd;
    do
        fd = openat(dir_fd, name, flags | more | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static ssize_t host_read(void *data, int fd, void *bytes, size_t len, off_t at)
{
    (void)data;
    return pread(fd, bytes, len, at);
}

static ssize_t host_write(void *data, int fd, const void *bytes, size_t len, off_t at)
{
    (void)data;
    return pwrite(fd, bytes, len, at);
}

static int host_fdatasync(void *data, int fd)
{
    (void)data;
    return fdatasync(fd);
}

static int host_truncate(void *data, int fd, off_t len)
{
    (void)data;
    return ftruncate(fd, len);
}

static int host_rename(void *data, int dir_fd, const char *from, const char *to)
{
    (void)data;
    return renameat(dir_fd, from, dir_fd, to);
}

static int host_unlink(void *data, int dir_fd, const char *name)
{
    (void)data;
    return unlinkat(dir_fd, name, 0);
}

static int host_sync_dir(void *data, int dir_fd)
{
    (void)data;
    return fsync(dir_fd);
}

static void host_close(void *data, int fd)
{
    (void)data;
    close(fd);
}

static const struct wc_disk_ops host_ops = {
    .open = host_open,
    .read = host_read,
    .write = host_write,
    .fdatasync = host_fdatasync,
    .truncate = host_truncate,
    .rename = host_rename,
    .unlink = host_unlink,
    .sync_dir = host_sync_dir,
    .close = host_close,
};

const struct wc_disk wc_disk_host = { &host_ops, NULL };
