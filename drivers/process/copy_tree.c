/* copy_tree.c - one directory into another, by descriptors only.
 *
 * Idea:    every step is an *at call on a descriptor that we hold and O_NOFOLLOW, so that links in
 * the source are copied, never followed. Hard links within the tree become separate files.
 */
#include "drivers/process/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"

enum { MAX_DEPTH = 128, XATTR_NAMES = 16384, XATTR_VALUE = 65536 };

static int copy_dir(int from, int to, unsigned depth, struct wc_err *err);

static int fail(const char *name, struct wc_err *err)
{
    return wc_err_set(err, wc_fs_code(errno), errno, "copying %s", name);
}

/* Best effort but for a full disk: a file system without extended attributes keeps the content. */
static int copy_xattrs(int from, int to)
{
    WC_CLEANUP_FREE char *names = wc_alloc(XATTR_NAMES);
    WC_CLEANUP_FREE char *value = wc_alloc(XATTR_VALUE);
    ssize_t len = flistxattr(from, names, XATTR_NAMES);
    for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
        if (wc_str_starts(name, "trusted.overlay."))
            continue;
        ssize_t size = fgetxattr(from, name, value, XATTR_VALUE);
        if (size >= 0 && fsetxattr(to, name, value, (size_t)size, 0) != 0 &&
            (errno == ENOSPC || errno == EDQUOT))
            return -1;
    }
    return 0;
}

/* Owner first: chown clears setuid bits and file capabilities. */
static int copy_meta(int from, int to, const struct stat *st)
{
    const struct timespec times[2] = { st->st_atim, st->st_mtim };
    if (fchown(to, st->st_uid, st->st_gid) != 0 || fchmod(to, st->st_mode & 07777) != 0)
        return -1;
    if (copy_xattrs(from, to) != 0)
        return -1;
    return futimens(to, times);
}

static int copy_bytes(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            n = sendfile(to, from, NULL, 1 << 30);
        if (n <= 0)
            return (int)n;
    }
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct wc_err *err)
{
    WC_CLEANUP_FD int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return fail(name, err);
    WC_CLEANUP_FD int to =
        openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0 || copy_bytes(from, to) != 0 || copy_meta(from, to, st) != 0)
        return fail(name, err);
    return 0;
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st,
                     struct wc_err *err)
{
    char target[4096];
    ssize_t len = readlinkat(from_dir, name, target, sizeof target - 1);
    if (len < 0)
        return fail(name, err);
    target[len] = '\0';
    if (symlinkat(target, to_dir, name) != 0 ||
        fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(name, err);
    return 0;
}

/* The mode without following a link as well: a container that has the volume already may have put
 * one in the node's place. */
static int copy_node(int to_dir, const char *name, const struct stat *st, struct wc_err *err)
{
    if (mknodat(to_dir, name, st->st_mode, st->st_rdev) != 0 ||
        fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        fchmodat(to_dir, name, st->st_mode & 07777, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(name, err);
    return 0;
}

static int copy_subdir(int from_dir, int to_dir, const char *name, unsigned depth,
                       struct wc_err *err)
{
    WC_CLEANUP_FD int from =
        openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 || (mkdirat(to_dir, name, 0700) != 0 && errno != EEXIST))
        return fail(name, err);
    WC_CLEANUP_FD int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return fail(name, err);
    return copy_dir(from, to, depth + 1, err);
}

static int copy_entry(int from, int to, const char *name, unsigned depth, struct wc_err *err)
{
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(name, err);
    switch (st.st_mode & S_IFMT) {
    case S_IFREG:
        return copy_file(from, to, name, &st, err);
    case S_IFDIR:
        return copy_subdir(from, to, name, depth, err);
    case S_IFLNK:
        return copy_link(from, to, name, &st, err);
    case S_IFSOCK: /* nobody listens on a copied socket */
        return 0;
    default:
        return copy_node(to, name, &st, err);
    }
}

static int copy_dir(int from, int to, unsigned depth, struct wc_err *err)
{
    if (depth > MAX_DEPTH)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "directories nested deeper than %d", MAX_DEPTH);
    int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    if (dir == NULL)
        return fail(".", err);
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        if (!wc_streq(entry->d_name, ".") && !wc_streq(entry->d_name, ".."))
            rc = copy_entry(from, to, entry->d_name, depth, err);
    closedir(dir);
    struct stat st;
    if (rc == 0 && (fstat(from, &st) != 0 || copy_meta(from, to, &st) != 0))
        rc = fail(".", err);
    return rc;
}

int wc_copy_tree(int from_fd, int to_fd, struct wc_err *err)
{
    return copy_dir(from_fd, to_fd, 0, err);
}
