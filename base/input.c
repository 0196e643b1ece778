/* input.c - open without waiting, look, then read.
 *
 * Staying in a folder is the kernel's work: openat2 with RESOLVE_BENEATH resolves and checks in one
 * step, so nothing can be swapped between. Comparing realpath(3) with the folder was rejected: what
 * was compared isn't what is opened. Where openat2 is missing (before Linux 5.6, or behind a
 * seccomp filter) every component is opened by itself and no link is followed at all.
 */
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { TRIES = 4, CHUNK = 65536 };

static int fail(struct wc_err *err)
{
    int sys = errno;
    if (sys == EXDEV || sys == ELOOP) {
        (void)wc_err_set(err, WC_ERR_PERM, 0, "a symbolic link leads out of the directory");
        if (err != NULL)
            err->sys = EXDEV;
        return WC_ERR_PERM;
    }
    wc_err_set_(err, wc_fs_code(sys), 0, "%s", strerror(sys));
    return wc_fs_code(sys);
}

/* Opens component by component, through no link. */
static int open_stepwise(int root, const char *path, int flags)
{
    WC_CLEANUP_FD int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
    while (dir >= 0) {
        char name[256];
        size_t len = strcspn(path, "/");
        if (len >= sizeof name) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        path += len;
        path += strspn(path, "/");
        if (wc_streq(name, "..")) {
            errno = EXDEV;
            return -1;
        }
        if (*path == '\0')
            return openat(dir, name, flags | O_NOFOLLOW);
        int next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int sys = errno;
        close(dir);
        dir = next;
        errno = sys;
    }
    return -1;
}

static int open_beneath(const char *path, const char *root, int flags)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        errno = EXDEV;
        return -1;
    }
    const char *rest = path + len + strspn(path + len, "/");
    WC_CLEANUP_FD int dir = open(len == 0 ? "/" : root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    if (*rest == '\0')
        rest = ".";
    struct open_how how = { .flags = (unsigned)flags,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    for (int i = 0; i < TRIES; i++) {
        long fd = syscall(SYS_openat2, dir, rest, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM)
            return open_stepwise(dir, rest, flags);
        if (errno != EAGAIN) /* EAGAIN: something was renamed meanwhile */
            break;
    }
    return -1;
}

/* A pipe that whoever started us put there: its end is near. */
static bool handed_over(const char *path)
{
    return wc_str_starts(path, "/dev/fd/") || wc_str_starts(path, "/proc/self/fd/");
}

static int open_input(const char *path, const char *root)
{
    enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
    if (wc_streq(path, "/dev/stdin"))
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    return root != NULL ? open_beneath(path, root, FLAGS) : open(path, FLAGS);
}

static int check_kind(const char *path, mode_t mode, struct wc_err *err)
{
    if (S_ISDIR(mode))
        return wc_err_set(err, WC_ERR_IO, 0, "it is a directory");
    if (S_ISREG(mode) || wc_streq(path, "/dev/stdin") || (S_ISFIFO(mode) && handed_over(path)))
        return 0;
    return wc_err_set(err, WC_ERR_IO, 0, "it is %s, not a file",
                      S_ISFIFO(mode)   ? "a named pipe"
                      : S_ISSOCK(mode) ? "a socket"
                                       : "a device");
}

static int read_to_end(int fd, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    size_t start = out->len;
    for (;;) {
        wc_buf_reserve(out, CHUNK);
        ssize_t n = read(fd, out->data + out->len, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err);
        if (n == 0)
            break;
        out->len += (size_t)n;
        if (out->len - start > limit)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "it is larger than %zu bytes", limit);
    }
    out->data[out->len] = '\0';
    return 0;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads a regular file until it held still. */
static int read_settled(int fd, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    size_t start = out->len;
    for (int i = 0; i < TRIES; i++) {
        struct stat before, after;
        out->len = start;
        if (fstat(fd, &before) != 0 || lseek(fd, 0, SEEK_SET) != 0)
            return fail(err);
        if (S_ISREG(before.st_mode) && before.st_size > 0 && (size_t)before.st_size > limit)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "it is larger than %zu bytes", limit);
        int rc = read_to_end(fd, limit, out, err);
        if (rc != 0)
            return rc;
        if (fstat(fd, &after) == 0 && same_state(&before, &after))
            return 0;
    }
    return wc_err_set(err, WC_ERR_IO, 0, "it changes while it is read");
}

int wc_input_read(const char *path, const char *root, size_t limit, struct wc_buf *out,
                  struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open_input(path, root);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(err);
    int rc = check_kind(path, st.st_mode, err);
    if (rc != 0)
        return rc;
    size_t start = out->len;
    bool stream = !S_ISREG(st.st_mode) || wc_streq(path, "/dev/stdin");
    if (stream && handed_over(path))
        (void)fcntl(fd, F_SETFL, O_RDONLY); /* now it may wait */
    rc = stream ? read_to_end(fd, limit, out, err) : read_settled(fd, limit, out, err);
    if (rc != 0) {
        out->len = start;
        if (out->cap != 0)
            out->data[start] = '\0';
    }
    return rc;
}

int wc_input_beneath(const char *path, const char *root, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open_beneath(path, root, O_PATH | O_CLOEXEC);
    if (fd >= 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return fail(err);
}
