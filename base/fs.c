/* fs.c - whole-file operations; tree removal walks by directory descriptors, so a link swapped in
 * can't lead it away. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"

int wc_fs_code(int sys)
{
    if (sys == ENOENT || sys == ENOTDIR)
        return WC_ERR_NOENT;
    if (sys == EACCES || sys == EPERM)
        return WC_ERR_PERM;
    return WC_ERR_IO;
}

static int fail(struct wc_err *err, const char *doing, const char *path)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "%s %s", doing, path);
}

static int read_all(int fd, const char *path, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    size_t start = out->len;
    for (;;) {
        wc_buf_reserve(out, 65536);
        ssize_t n = read(fd, out->data + out->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, "read", path);
        if (n == 0)
            break;
        out->len += (size_t)n;
        if (out->len - start > limit)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "%s is larger than %zu bytes", path, limit);
    }
    out->data[out->len] = '\0';
    return 0;
}

/* What makes a file one that others decide about, or NULL. */
static const char *others(const struct stat *st)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return "it belongs to somebody else";
    if ((st->st_mode & S_IWOTH) != 0)
        return "anybody may write it";
    if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0)
        return "its group may write it";
    return NULL;
}

/* Whose files are believed. */
enum whose { ANYBODYS, OURS, SECRET };

static int check_secret(const char *path, const struct stat *st, struct wc_err *err)
{
    if (!S_ISREG(st->st_mode))
        return wc_err_set(err, WC_ERR_PERM, 0, "%s must be a regular file", path);
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return wc_err_set(err, WC_ERR_PERM, 0,
                          "%s belongs to somebody else (uid %u): chown it to root", path,
                          st->st_uid);
    if ((st->st_mode & 077) != 0)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s can be used by others (mode %04o): chmod 600 it",
                          path, st->st_mode & 07777);
    return 0;
}

static int check(const char *path, const struct stat *st, enum whose whose, struct wc_err *err)
{
    if (whose == SECRET)
        return check_secret(path, st, err);
    if (whose == OURS && others(st) != NULL)
        return wc_err_set(err, WC_ERR_PERM, 0, "%s is not trusted: %s", path, others(st));
    if (S_ISDIR(st->st_mode))
        return wc_err_set(err, WC_ERR_IO, EISDIR, "read %s", path);
    if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
        return wc_err_set(err, WC_ERR_IO, 0, "%s is not a regular file", path);
    return 0;
}

static int read_file(const char *path, enum whose whose, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (whose == SECRET ? O_NONBLOCK : 0);
    WC_CLEANUP_FD int fd = open(path, flags);
    if (fd < 0)
        return fail(err, "open", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(err, "stat", path);
    size_t start = out->len;
    int rc = check(path, &st, whose, err);
    if (rc != 0)
        return rc;
    rc = read_all(fd, path, limit, out, err);
    if (rc != 0) {
        out->len = start;
        if (out->cap != 0)
            out->data[start] = '\0';
    }
    return rc;
}

int wc_fs_read(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    return read_file(path, ANYBODYS, limit, out, err);
}

int wc_fs_read_ours(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    return read_file(path, OURS, limit, out, err);
}

int wc_fs_read_secret(const char *path, size_t limit, struct wc_buf *out, struct wc_err *err)
{
    return read_file(path, SECRET, limit, out, err);
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static void sync_parent(const char *path)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof dir)
        return;
    memcpy(dir, slash == NULL ? "." : path, len);
    dir[len] = '\0';
    WC_CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

int wc_fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, bool durable,
                       struct wc_err *err)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)getpid();
    char fresh[4096];
    int n = snprintf(fresh, sizeof fresh, "%s.%08x.new", path, random);
    if (n < 0 || (size_t)n >= sizeof fresh)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "path too long: %.100s…", path);
    WC_CLEANUP_FD int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return fail(err, "create", fresh);
    int rc = 0;
    if (write_all(fd, bytes, len) != 0 || fchmod(fd, mode) != 0)
        rc = fail(err, "write", fresh);
    else if (durable && fsync(fd) != 0)
        rc = fail(err, "sync", fresh);
    else if (rename(fresh, path) != 0)
        rc = fail(err, "rename to", path);
    if (rc != 0)
        unlink(fresh);
    else if (durable)
        sync_parent(path);
    return rc;
}

/* NAME.<8 hex digits>.new */
static bool is_fresh_of(const char *entry, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(entry, name, len) != 0 || entry[len] != '.')
        return false;
    const char *digits = entry + len + 1;
    return strspn(digits, "0123456789abcdef") == 8 && strcmp(digits + 8, ".new") == 0;
}

void wc_fs_sweep_atomic(const char *path)
{
    const char *slash = strrchr(path, '/');
    char above[4096] = ".";
    if (slash != NULL && (size_t)(slash - path) + 2 > sizeof above)
        return;
    if (slash != NULL)
        snprintf(above, sizeof above, "%.*s", (int)(slash - path) + 1, path);
    DIR *dir = opendir(above);
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (is_fresh_of(e->d_name, slash == NULL ? path : slash + 1))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        closedir(dir);
}

int wc_fs_mkdirs(const char *path, mode_t mode, struct wc_err *err)
{
    char part[4096];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "path too long: %.100s…", path);
    memcpy(part, path, len + 1);
    if (mkdir(part, mode) == 0 || errno == EEXIST)
        return 0;
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return fail(err, "make directory", part);
        part[i] = kept;
    }
    return 0;
}

/* A removal under way. A container may nest directories by the thousand, and each level costs a
 * descriptor and stack: what lies too deep is moved up to the top first, and walked from there. */
struct removal {
    int top;         /* the tree's own directory */
    dev_t device;    /* of the tree: nothing of a mount below it is removed */
    uint64_t serial; /* makes names for what is moved */
    bool moved;
};

enum { REMOVE_DEPTH = 100 };

static int remove_below(struct removal *w, int dir_fd, const char *name, unsigned depth);

/* Somebody else removes the same at the same time: what is gone is removed. */
static int gone(int rc)
{
    return rc != 0 && errno == ENOENT ? 0 : rc;
}

/* Owns fd. */
static int remove_children(struct removal *w, int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return -1;
    }
    int rc = 0, sys = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, ".."))
            continue;
        if (remove_below(w, dirfd(dir), entry->d_name, depth) != 0) {
            rc = -1;
            sys = errno;
        }
    }
    closedir(dir);
    errno = sys;
    return rc;
}

static int move_up(struct removal *w, int dir_fd, const char *name)
{
    char fresh[40];
    snprintf(fresh, sizeof fresh, ".deep.%016llx", (unsigned long long)w->serial++);
    if (renameat(dir_fd, name, w->top, fresh) != 0)
        return -1;
    w->moved = true;
    return 0;
}

static int remove_below(struct removal *w, int dir_fd, const char *name, unsigned depth)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return gone(-1);
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_dev != w->device) {
        close(fd);
        errno = EBUSY; /* a mount: somebody else's files are in there */
        return -1;
    }
    if (depth == REMOVE_DEPTH) {
        close(fd);
        return move_up(w, dir_fd, name);
    }
    if (remove_children(w, fd, depth + 1) != 0)
        return -1;
    return gone(unlinkat(dir_fd, name, AT_REMOVEDIR));
}

static int remove_top(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    WC_CLEANUP_FD int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct removal w = { .top = top };
    struct stat st;
    if (top < 0 || fstat(top, &st) != 0)
        return gone(-1);
    w.device = st.st_dev;
    if (getrandom(&w.serial, sizeof w.serial, 0) != sizeof w.serial)
        w.serial = (uint64_t)getpid() << 32;
    do {
        w.moved = false;
        int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return gone(-1);
        if (remove_children(&w, fd, 1) != 0)
            return -1;
    } while (w.moved);
    return gone(rmdir(path));
}

int wc_fs_remove_tree(const char *path, struct wc_err *err)
{
    return remove_top(path) == 0 ? 0 : fail(err, "remove", path);
}

bool wc_fs_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
