/* tree.c - writing. openat2(2) resolves each path beneath the tree's descriptor without following
 * links: a name that is a link in one entry and a directory in the next leads nowhere.
 */
#include "orchestrator/gitops/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/git.h"

/* As deep as what is copied out of it may be (tree_copy.c): each entry is resolved from the top. */
enum { DEPTH_MAX = 64 };
enum { DIR_MODE = 0755, FILE_MODE = 0644, PROGRAM_MODE = 0755 };

int wc_tree_open(int root_fd, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, path[0] == '\0' ? "." : path, &how, sizeof how);
}

static int open_plain(int root_fd, const char *path, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

int wc_tree_begin(struct wc_tree *tree, const struct wc_app_source *source,
                  const struct wc_source_place *place, const char *store, struct wc_err *err)
{
    *tree = (struct wc_tree){
        .arena = place->arena,
        .fd = -1,
        .bytes_left = wc_source_max_bytes(source),
        .files_left = source->max_files != 0 ? source->max_files : WC_APP_SOURCE_MAX_FILES,
    };
    int rc = wc_source_dir(place, store, &tree->store, err);
    if (rc != 0)
        return rc;
    char *fresh = wc_arena_printf(place->arena, "%s/.new-XXXXXX", tree->store);
    if (mkdtemp(fresh) == NULL)
        return wc_err_set(err, WC_ERR_IO, errno, "make a directory in %s", tree->store);
    tree->fresh = fresh;
    tree->fd = open(fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->fd >= 0 && fchmod(tree->fd, DIR_MODE) == 0)
        return 0;
    int sys = errno;
    wc_tree_drop(tree);
    return wc_err_set(err, WC_ERR_IO, sys, "open %s", fresh);
}

void wc_tree_drop(struct wc_tree *tree)
{
    struct wc_err ignored = { 0 };
    if (tree->fd >= 0)
        close(tree->fd);
    if (tree->fresh != NULL)
        (void)wc_fs_remove_tree(tree->fresh, &ignored);
    tree->fd = -1;
    tree->fresh = NULL;
}

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    if (sys == ELOOP || sys == EXDEV || sys == ENOTDIR || sys == EEXIST)
        return wc_err_set(err, WC_ERR_PERM, 0, "%.120s comes twice, or leads through a link", path);
    return wc_err_set(err, WC_ERR_IO, sys, "%s %.120s", doing, path);
}

static int count(struct wc_tree *tree, size_t bytes, struct wc_err *err)
{
    if (bytes > tree->bytes_left)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
    if (tree->files_left == 0)
        return wc_err_set(err, WC_ERR_LIMIT, 0,
                          "there are more files in it than the cap allows (max_files)");
    tree->bytes_left -= bytes;
    tree->files_left--;
    return 0;
}

/* Makes a directory and those above it. */
static int make_dirs(struct wc_tree *tree, const char *path, size_t len, struct wc_err *err)
{
    char part[4096];
    unsigned depth = 0;
    for (size_t at = 0; at < len; at++) {
        if (++depth > DEPTH_MAX)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "directories in it are deeper than %d",
                              DEPTH_MAX);
        at += strcspn(path + at, "/");
        at = at < len ? at : len;
        if (at >= sizeof part)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "a path in it is too long");
        memcpy(part, path, at);
        part[at] = '\0';
        int there = open_plain(tree->fd, part, O_PATH | O_DIRECTORY, 0);
        if (there >= 0) {
            close(there);
            continue;
        }
        const char *name = strrchr(part, '/');
        size_t above_len = name == NULL ? 0 : (size_t)(name - part);
        char above[4096] = ".";
        memcpy(above, above_len > 0 ? part : ".", above_len > 0 ? above_len : 1);
        above[above_len > 0 ? above_len : 1] = '\0';
        int fd = open_plain(tree->fd, above, O_PATH | O_DIRECTORY, 0);
        int rc = fd < 0 ? -1 : mkdirat(fd, name == NULL ? part : name + 1, DIR_MODE);
        if (rc == 0)
            rc = fchmodat(fd, name == NULL ? part : name + 1, DIR_MODE, 0);
        int sys = errno;
        if (fd >= 0)
            close(fd);
        errno = sys;
        if (rc != 0)
            return fail("make", part, err);
        if ((rc = count(tree, 0, err)) != 0)
            return rc;
    }
    return 0;
}

/* Opens the directory that an entry goes into, and gives its last name. */
static int open_above(struct wc_tree *tree, const char *path, const char **name, int *fd,
                      struct wc_err *err)
{
    if (!wc_git_is_path(path))
        return wc_err_set(
            err, WC_ERR_PERM, 0, "a path in it can't be made: %.120s",
            wc_git_printable(tree->arena, (struct wc_piece){ path, strlen(path) }, 120));
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    int rc = make_dirs(tree, path, len, err);
    if (rc != 0)
        return rc;
    *name = slash == NULL ? path : slash + 1;
    *fd = len == 0 ? dup(tree->fd)
                   : open_plain(tree->fd, wc_arena_strndup(tree->arena, path, len),
                                O_PATH | O_DIRECTORY, 0);
    return *fd >= 0 ? 0 : fail("open", path, err);
}

static int write_all(int fd, const struct wc_piece *bytes)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = write(fd, bytes->at + at, bytes->len - at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* A new file, and the count of what will be in it. */
static int make_file(struct wc_tree *tree, const char *path, size_t bytes, int *out,
                     struct wc_err *err)
{
    const char *name;
    int above, rc = count(tree, bytes, err);
    if (rc == 0)
        rc = open_above(tree, path, &name, &above, err);
    if (rc != 0)
        return rc;
    int fd = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    int sys = errno;
    close(above);
    errno = sys;
    if (fd < 0)
        return fail("write", path, err);
    *out = fd;
    return 0;
}

int wc_tree_file_begin(struct wc_tree *tree, const char *path, size_t size,
                       struct wc_tree_file *out, struct wc_err *err)
{
    int fd, rc = make_file(tree, path, size, &fd, err);
    if (rc == 0)
        *out = (struct wc_tree_file){ fd, path };
    return rc;
}

int wc_tree_file_add(struct wc_tree_file *file, const struct wc_piece *bytes, struct wc_err *err)
{
    return write_all(file->fd, bytes) == 0 ? 0 : fail("write", file->path, err);
}

int wc_tree_file_end(struct wc_tree_file *file, bool is_program, struct wc_err *err)
{
    int rc = fchmod(file->fd, is_program ? PROGRAM_MODE : FILE_MODE) == 0
                 ? 0
                 : fail("write", file->path, err);
    wc_tree_file_drop(file);
    return rc;
}

void wc_tree_file_drop(struct wc_tree_file *file)
{
    if (file->path != NULL)
        close(file->fd);
    file->path = NULL;
}

int wc_tree_file(struct wc_tree *tree, const char *path, const struct wc_piece *bytes,
                 bool is_program, struct wc_err *err)
{
    struct wc_tree_file file;
    int rc = wc_tree_file_begin(tree, path, bytes->len, &file, err);
    if (rc != 0)
        return rc;
    rc = wc_tree_file_add(&file, bytes, err);
    if (rc == 0)
        return wc_tree_file_end(&file, is_program, err);
    wc_tree_file_drop(&file);
    return rc;
}

/* By the kernel, which shares the blocks where the file system can. */
static int copy_all(int to, int from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* it is shorter than it was */
        if (n <= 0)
            return -1;
        bytes -= (size_t)n;
    }
    return 0;
}

int wc_tree_file_from(struct wc_tree *tree, const char *path, const struct wc_tree_copy *copy,
                      struct wc_err *err)
{
    int fd, rc = make_file(tree, path, copy->bytes, &fd, err);
    if (rc != 0)
        return rc;
    if (copy_all(fd, copy->fd, copy->bytes) != 0 ||
        fchmod(fd, copy->is_program ? PROGRAM_MODE : FILE_MODE) != 0)
        rc = fail("write", path, err);
    close(fd);
    return rc;
}

/* One piece of an open file: 1, or 0 at its end. What is too much isn't written any more. */
static int copy_piece(struct wc_tree *tree, int to, int from, struct wc_sha256 *hash,
                      struct wc_err *err)
{
    char bytes[65536];
    ssize_t n;
    do
        n = read(from, bytes, sizeof bytes);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "read");
    if ((size_t)n > tree->bytes_left)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "there is more in it than size_limit allows");
    tree->bytes_left -= (size_t)n;
    wc_sha256_update(hash, bytes, (size_t)n);
    if (write_all(to, &(struct wc_piece){ bytes, (size_t)n }) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "write");
    return n > 0;
}

int wc_tree_file_rest(struct wc_tree *tree, const char *path, const struct wc_tree_copy *copy,
                      char hex[65], struct wc_err *err)
{
    int fd, rc = make_file(tree, path, 0, &fd, err);
    if (rc != 0)
        return rc;
    struct wc_sha256 *hash = wc_sha256_new();
    do
        rc = copy_piece(tree, fd, copy->fd, hash, err);
    while (rc > 0);
    wc_sha256_finish(hash, hex);
    if (rc < 0)
        rc = wc_err_wrap(err, rc, "%.120s", path);
    else if (fchmod(fd, copy->is_program ? PROGRAM_MODE : FILE_MODE) != 0)
        rc = fail("write", path, err);
    close(fd);
    return rc;
}

bool wc_tree_link_stays(const char *path, const char *target)
{
    size_t depth = 0;
    for (const char *at = path; *at != '\0'; at++)
        depth += *at == '/';
    if (target[0] == '/' || target[0] == '\0')
        return false;
    bool down = false;
    for (const char *part = target;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 2 && part[0] == '.' && part[1] == '.') {
            if (down || depth-- == 0)
                return false;
        } else if (len > 0 && !(len == 1 && part[0] == '.')) {
            down = true;
        }
        part += len;
        if (*part == '\0')
            return true;
    }
}

int wc_tree_link(struct wc_tree *tree, const char *path, const char *target, struct wc_err *err)
{
    const char *name;
    int above, rc = count(tree, 0, err);
    if (rc == 0 && !wc_tree_link_stays(path, target))
        rc = wc_err_set(err, WC_ERR_PERM, 0, "the link %.100s leads out of the source", path);
    if (rc == 0)
        rc = open_above(tree, path, &name, &above, err);
    if (rc != 0)
        return rc;
    if (symlinkat(target, above, name) != 0)
        rc = fail("link", path, err);
    close(above);
    return rc;
}

int wc_tree_dir(struct wc_tree *tree, const char *path, struct wc_err *err)
{
    if (!wc_git_is_path(path))
        return wc_err_set(err, WC_ERR_PERM, 0, "a path in it can't be made");
    return make_dirs(tree, path, strlen(path), err);
}

int wc_tree_keep(struct wc_tree *tree, const char *id, const char **out, struct wc_err *err)
{
    const char *path = wc_arena_printf(tree->arena, "%s/%s", tree->store, id);
    int rc = 0;
    if (syncfs(tree->fd) != 0) /* one call instead of one for each file */
        rc = wc_err_set(err, WC_ERR_IO, errno, "sync %s", tree->fresh);
    else if (rename(tree->fresh, path) == 0)
        tree->fresh = NULL;
    else if (errno != EEXIST && errno != ENOTEMPTY)
        rc = wc_err_set(err, WC_ERR_IO, errno, "rename %s", tree->fresh);
    wc_tree_drop(tree);
    if (rc == 0)
        *out = path;
    return rc;
}
