/* writer.c - the layer writer. libarchive's own disk writer was measured at twice the time, and it
 * checks a path and then uses it: between the two a link can be swapped in. */
#include "images/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

enum { PARENT_MODE = 0755 };

/* A directory whose time is set at the end. */
struct wc_layer_dir {
    struct wc_layer_dir *older;
    const char *path;
    struct timespec mtime;
};

/* What a name holds before an entry is put there. */
enum place { PLACE_FREE, PLACE_DIR, PLACE_WHITEOUT, PLACE_OTHER };

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    int code = sys == EACCES || sys == EPERM ? WC_ERR_PERM : WC_ERR_IO;
    return wc_err_set(err, code, sys, "%s %.150s", doing, path);
}

static int hostile(const char *path, const char *why, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "refused entry '%.120s': %s", path, why);
}

void wc_layer_writer_init(struct wc_layer_writer *w, int root_fd,
                          const struct wc_layer_limits *limits)
{
    *w = (struct wc_layer_writer){
        .root_fd = root_fd, .limits = *limits, .privileged = geteuid() == 0, .parent_fd = -1
    };
    wc_arena_init(&w->arena);
}

static void forget_parent(struct wc_layer_writer *w)
{
    if (w->parent_fd >= 0)
        close(w->parent_fd);
    w->parent_fd = -1;
    w->parent[0] = '\0';
}

void wc_layer_writer_deinit(struct wc_layer_writer *w)
{
    forget_parent(w);
    wc_arena_deinit(&w->arena);
}

static int open_beneath(int root_fd, const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV |
                                       RESOLVE_NO_MAGICLINKS };
    long fd;
    int tries = 0;
    do {
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    } while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 64)));
    return (int)fd;
}

/* Counts one more, entries that nobody wrote down but others need included. */
static int count_entry(struct wc_layer_writer *w, struct wc_err *err)
{
    if (++w->entries > w->limits.entries)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "more than %llu entries in a layer",
                          (unsigned long long)w->limits.entries);
    return 0;
}

static int remember_dir(struct wc_layer_writer *w, const char *path, struct timespec mtime,
                        struct wc_err *err)
{
    w->dirs_bytes += sizeof(struct wc_layer_dir) + strlen(path) + 1;
    if (w->dirs_bytes > w->limits.names)
        return wc_err_set(err, WC_ERR_LIMIT, 0,
                          "the names of the layer's directories take more than %zu bytes",
                          w->limits.names);
    struct wc_layer_dir *dir = WC_NEW(&w->arena, struct wc_layer_dir);
    *dir = (struct wc_layer_dir){ .older = w->dirs,
                                  .path = wc_arena_strdup(&w->arena, path),
                                  .mtime = mtime };
    w->dirs = dir;
    return 0;
}

static int not_a_dir(const char *path, struct wc_err *err)
{
    if (errno == ENOTDIR || errno == ELOOP)
        return hostile(path, "a part of its path is a link or a file in this layer", err);
    if (errno == EXDEV)
        return hostile(path, "its path leaves the layer", err);
    return fail("open the directory of", path, err);
}

static enum place look(int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return PLACE_FREE;
    if (S_ISDIR(st.st_mode))
        return PLACE_DIR;
    return S_ISCHR(st.st_mode) && st.st_rdev == 0 ? PLACE_WHITEOUT : PLACE_OTHER;
}

static int set_opaque(const struct wc_layer_writer *w, int fd, struct wc_err *err)
{
    const char *name = w->privileged ? "trusted.overlay.opaque" : "user.overlay.opaque";
    return fsetxattr(fd, name, "y", 1, 0) == 0 ? 0 : fail("mark as opaque:", name, err);
}

/* Opens one directory on the way to an entry, made when it is missing. A whiteout of this layer
 * that is in its place means: what the layers below have there is gone, and this is new. */
static int enter(const struct wc_layer_writer *w, int dir_fd, const char *name, bool *made)
{
    struct wc_err err = { 0 };
    bool hidden = look(dir_fd, name) == PLACE_WHITEOUT;
    if (hidden && unlinkat(dir_fd, name, 0) != 0)
        return -1;
    *made = mkdirat(dir_fd, name, PARENT_MODE) == 0;
    if (!*made && errno != EEXIST)
        return -1;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && ((*made && fchmod(fd, PARENT_MODE) != 0) ||
                    (*made && hidden && set_opaque(w, fd, &err) != 0))) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

/* Makes the missing directories of `path`, one at a time from the root. Returns the last one's
 * descriptor or a negative code. */
static int make_parents(struct wc_layer_writer *w, const char *path, struct timespec mtime,
                        struct wc_err *err)
{
    char part[WC_LAYER_PATH];
    int fd = fcntl(w->root_fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return fail("open the root for", path, err);
    for (const char *p = path; *p != '\0';) {
        size_t len = strcspn(p, "/");
        memcpy(part, p, len);
        part[len] = '\0';
        bool made = false;
        int next = enter(w, fd, part, &made);
        if (next < 0) {
            int rc = not_a_dir(path, err);
            close(fd);
            return rc;
        }
        close(fd);
        fd = next;
        p += len;
        int rc = 0;
        if (made) {
            memcpy(part, path, (size_t)(p - path));
            part[p - path] = '\0';
            rc = count_entry(w, err);
            if (rc == 0)
                rc = remember_dir(w, part, mtime, err);
        }
        if (rc != 0) {
            close(fd);
            return rc;
        }
        p += *p == '/';
    }
    return fd;
}

/* Opens (and makes, when missing) the directory that holds the last name of `clean`. *dir_fd
 * belongs to the writer; *name points into clean. */
static int open_parent(struct wc_layer_writer *w, char *clean, struct timespec mtime, int *dir_fd,
                       char **name, struct wc_err *err)
{
    char *slash = strrchr(clean, '/');
    if (slash == NULL) {
        *name = clean;
        *dir_fd = w->root_fd;
        return 0;
    }
    *name = slash + 1;
    *slash = '\0';
    int rc = 0;
    if (w->parent_fd < 0 || !wc_streq(w->parent, clean)) {
        forget_parent(w);
        int fd = open_beneath(w->root_fd, clean);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) /* ENOTDIR: a whiteout, perhaps */
            fd = rc = make_parents(w, clean, mtime, err);
        else if (fd < 0)
            rc = not_a_dir(clean, err);
        if (fd >= 0) {
            rc = 0;
            w->parent_fd = fd;
            memcpy(w->parent, clean, strlen(clean) + 1);
        }
    }
    *slash = '/';
    *dir_fd = w->parent_fd;
    return rc;
}

/* Removes what is at `name`, so that an entry can take its place. */
static int clear(struct wc_layer_writer *w, int dir_fd, const char *name, enum place place,
                 struct wc_err *err)
{
    if (place == PLACE_FREE)
        return 0;
    if (place != PLACE_DIR)
        return unlinkat(dir_fd, name, 0) == 0 ? 0 : fail("replace", name, err);
    char path[64 + 256];
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir_fd, name);
    int rc = wc_fs_remove_tree(path, err);
    if (dir_fd != w->parent_fd)
        forget_parent(w); /* it may have been beneath the tree that went */
    return rc;
}

static int opaque_child(const struct wc_layer_writer *w, int dir_fd, const char *name,
                        struct wc_err *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail("open", name, err);
    int rc = set_opaque(w, fd, err);
    close(fd);
    return rc;
}

/* ".wh.x" hides x of the layers below; ".wh..wh..opq" all that they hold in this directory. What
 * this very layer has at x stays: a whiteout speaks of lower layers only. */
static int add_whiteout(struct wc_layer_writer *w, int dir_fd, const char *name, struct wc_err *err)
{
    if (wc_streq(name, ".wh..wh..opq"))
        return set_opaque(w, dir_fd, err);
    if (wc_str_starts(name, ".wh..wh."))
        return 0; /* book-keeping of the old aufs driver; has no meaning in an image */
    const char *target = name + strlen(".wh.");
    /* NOLINTNEXTLINE(clang-analyzer-core.*): the name starts with ".wh.", so target is in it */
    if (*target == '\0' || wc_streq(target, ".") || wc_streq(target, ".."))
        return hostile(name, "a whiteout must name an entry of its directory", err);
    switch (look(dir_fd, target)) {
    case PLACE_DIR:
        return opaque_child(w, dir_fd, target, err);
    case PLACE_WHITEOUT:
    case PLACE_OTHER:
        return 0;
    case PLACE_FREE:
        break;
    }
    if (mknodat(dir_fd, target, S_IFCHR, makedev(0, 0)) != 0)
        return fail("make whiteout", target, err);
    return 0;
}

/* Makes the directory, or keeps the one that is there: entries of a layer add up. */
static int add_dir(struct wc_layer_writer *w, const struct wc_layer_entry *e, int dir_fd,
                   const char *name, int *out_fd, struct wc_err *err)
{
    enum place place = look(dir_fd, name);
    if (place != PLACE_DIR) {
        int rc = clear(w, dir_fd, name, place, err);
        if (rc == 0 && mkdirat(dir_fd, name, 0700) != 0)
            rc = fail("make directory", e->path, err);
        if (rc == 0 && place == PLACE_WHITEOUT)
            rc = opaque_child(w, dir_fd, name, err);
        if (rc != 0)
            return rc;
    }
    *out_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *out_fd >= 0 ? 0 : fail("open directory", e->path, err);
}

static int add_root(const struct wc_layer_writer *w, int *out_fd, struct wc_err *err)
{
    *out_fd = fcntl(w->root_fd, F_DUPFD_CLOEXEC, 3);
    return *out_fd >= 0 ? 0 : fail("open", "the root", err);
}

/* Owner, mode and time of what can't be opened: links, devices, pipes. */
static int finish_node(const struct wc_layer_writer *w, const struct wc_layer_entry *e, int dir_fd,
                       const char *name, struct wc_err *err)
{
    if (w->privileged &&
        fchownat(dir_fd, name, (uid_t)e->uid, (gid_t)e->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail("set the owner of", e->path, err);
    if (!S_ISLNK(e->mode) && fchmodat(dir_fd, name, e->mode & 07777, 0) != 0)
        return fail("set the mode of", e->path, err);
    struct timespec times[2] = { e->mtime, e->mtime };
    if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        return fail("set the time of", e->path, err);
    return 0;
}

static int add_hardlink(struct wc_layer_writer *w, const struct wc_layer_entry *e, int dir_fd,
                        const char *name, struct wc_err *err)
{
    char target[WC_LAYER_PATH];
    int rc = wc_layer_path(w->merge_usr, w->limits.depth, e->hardlink, target, err);
    if (rc != 0)
        return rc;
    char *slash = strrchr(target, '/');
    const char *last = slash == NULL ? target : slash + 1;
    int from = w->root_fd;
    if (slash != NULL) {
        *slash = '\0';
        from = open_beneath(w->root_fd, target);
    }
    struct stat st, here;
    bool found = from >= 0 && *last != '\0' && fstatat(from, last, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!found || S_ISDIR(st.st_mode))
        rc = hostile(e->path, "it links to what is no file of this layer", err);
    else if (fstatat(dir_fd, name, &here, AT_SYMLINK_NOFOLLOW) == 0 && here.st_ino == st.st_ino &&
             here.st_dev == st.st_dev)
        rc = 0; /* already that very file */
    else {
        rc = clear(w, dir_fd, name, look(dir_fd, name), err);
        if (rc == 0 && linkat(from, last, dir_fd, name, 0) != 0)
            rc = errno == ENOENT ? hostile(e->path, "it replaces its own target", err)
                                 : fail("link", e->path, err);
    }
    if (slash != NULL && from >= 0)
        close(from);
    return rc;
}

static int add_special(struct wc_layer_writer *w, const struct wc_layer_entry *e, int dir_fd,
                       const char *name, struct wc_err *err)
{
    int rc = clear(w, dir_fd, name, look(dir_fd, name), err);
    if (rc != 0)
        return rc;
    if (S_ISLNK(e->mode)) {
        if (e->symlink == NULL || *e->symlink == '\0')
            return hostile(e->path, "a symbolic link without a target", err);
        if (symlinkat(e->symlink, dir_fd, name) != 0)
            return fail("make symbolic link", e->path, err);
    } else if (mknodat(dir_fd, name, (e->mode & S_IFMT) | 0600, S_ISFIFO(e->mode) ? 0 : e->rdev) !=
               0) {
        return fail("make device or pipe", e->path, err);
    }
    return finish_node(w, e, dir_fd, name, err);
}

static int add_file(struct wc_layer_writer *w, const struct wc_layer_entry *e, int dir_fd,
                    const char *name, int *out_fd, struct wc_err *err)
{
    if (e->size > w->limits.bytes || w->bytes > w->limits.bytes - e->size)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "'%.100s' makes the layer larger than %llu bytes",
                          e->path, (unsigned long long)w->limits.bytes);
    w->bytes += e->size;
    int rc = clear(w, dir_fd, name, look(dir_fd, name), err);
    if (rc != 0)
        return rc;
    *out_fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *out_fd >= 0 ? 0 : fail("create", e->path, err);
}

static int check_entry(struct wc_layer_writer *w, const struct wc_layer_entry *e,
                       struct wc_err *err)
{
    int rc = count_entry(w, err);
    if (rc != 0)
        return rc;
    if (e->uid < 0 || e->uid >= UINT32_MAX || e->gid < 0 || e->gid >= UINT32_MAX)
        return hostile(e->path, "its owner is out of range", err);
    return 0;
}

int wc_layer_writer_add(struct wc_layer_writer *w, const struct wc_layer_entry *entry, int *fd,
                        struct wc_err *err)
{
    *fd = -1;
    char clean[WC_LAYER_PATH];
    char *name = NULL;
    int dir_fd = -1;
    int rc = check_entry(w, entry, err);
    if (rc == 0)
        rc = wc_layer_path(w->merge_usr, w->limits.depth, entry->path, clean, err);
    if (rc != 0)
        return rc;
    bool is_dir = entry->hardlink == NULL && S_ISDIR(entry->mode);
    if (*clean == '\0' && !is_dir)
        return hostile(entry->path, "only a directory can be the root", err);
    rc = open_parent(w, clean, entry->mtime, &dir_fd, &name, err);
    if (rc != 0)
        return rc;
    if (wc_str_starts(name, ".wh."))
        return add_whiteout(w, dir_fd, name, err);
    if (entry->hardlink != NULL)
        return add_hardlink(w, entry, dir_fd, name, err);
    switch (entry->mode & S_IFMT) {
    case S_IFDIR:
        rc = remember_dir(w, clean, entry->mtime, err);
        if (rc != 0)
            return rc;
        return *clean == '\0' ? add_root(w, fd, err) : add_dir(w, entry, dir_fd, name, fd, err);
    case S_IFREG:
        return add_file(w, entry, dir_fd, name, fd, err);
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
        return add_special(w, entry, dir_fd, name, err);
    default: /* not an enum: what else a header may say */
        return hostile(entry->path, "of a kind that no image has", err);
    }
}

int wc_layer_writer_owner(const struct wc_layer_writer *w, const struct wc_layer_entry *e, int fd,
                          struct wc_err *err)
{
    mode_t mode = e->mode & 07777;
    if (w->privileged && fchown(fd, (uid_t)e->uid, (gid_t)e->gid) != 0)
        return fail("set the owner of", e->path, err);
    if (!w->privileged && S_ISDIR(e->mode))
        mode |= 0700; /* or we could not write into it ourselves */
    return fchmod(fd, mode) == 0 ? 0 : fail("set the mode of", e->path, err);
}

int wc_layer_writer_xattr(int fd, const char *name, const void *value, size_t len,
                          struct wc_err *err)
{
    bool user = wc_str_starts(name, "user.") && !wc_str_starts(name, "user.overlay.");
    if (!user && !wc_streq(name, "security.capability")) {
        wc_log(WC_LOG_DEBUG, "images", "left out extended attribute %s", name);
        return 0;
    }
    if (fsetxattr(fd, name, value, len, 0) == 0)
        return 0;
    if (user && errno == ENOTSUP) {
        wc_log(WC_LOG_WARN, "images", "this file system keeps no attribute %s", name);
        return 0;
    }
    return fail("set extended attribute", name, err);
}

int wc_layer_writer_close(const struct wc_layer_entry *entry, int fd, struct wc_err *err)
{
    int rc = 0;
    struct timespec times[2] = { entry->mtime, entry->mtime };
    if (futimens(fd, times) != 0)
        rc = fail("set the time of", entry->path, err);
    if (close(fd) != 0 && rc == 0)
        rc = fail("write", entry->path, err);
    return rc;
}

int wc_layer_writer_finish(struct wc_layer_writer *w, struct wc_err *err)
{
    forget_parent(w);
    struct wc_layer_dir *oldest = NULL; /* reversed: the last entry of a name must win */
    while (w->dirs != NULL) {
        struct wc_layer_dir *next = w->dirs->older;
        w->dirs->older = oldest;
        oldest = w->dirs;
        w->dirs = next;
    }
    for (const struct wc_layer_dir *dir = oldest; dir != NULL; dir = dir->older) {
        int fd = open_beneath(w->root_fd, *dir->path == '\0' ? "." : dir->path);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            continue; /* a later entry took its place */
        struct timespec times[2] = { dir->mtime, dir->mtime };
        bool done = fd >= 0 && futimens(fd, times) == 0;
        int rc = done ? 0 : fail("set the time of", dir->path, err);
        if (fd >= 0)
            close(fd);
        if (rc != 0)
            return rc;
    }
    return 0;
}
