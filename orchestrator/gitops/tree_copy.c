/* tree_copy.c - copying a directory that others may write meanwhile, and telling whether it has
 * changed. Everything is opened beneath a descriptor and looked at before it is read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/gitops/tree.h"

enum { DEPTH_MAX = 64, TARGET_MAX = 4096 };

/* One walk: for what each entry is worth. */
struct walk {
    struct wc_tree *tree; /* NULL: only looked at */
    struct wc_arena *arena;
    struct wc_sha256 *hash;
    unsigned files_left;
    bool free_links;
};

static int list_names(int fd, struct wc_arena *arena, const char ***names, size_t *n,
                      struct wc_err *err)
{
    size_t cap = 0;
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        int sys = errno;
        if (copy >= 0)
            close(copy);
        return wc_err_set(err, WC_ERR_IO, sys, "read a directory");
    }
    *names = NULL;
    *n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (wc_streq(entry->d_name, ".") || wc_streq(entry->d_name, ".."))
            continue;
        *names = wc_arena_grow(arena, *names, *n, &cap, sizeof **names);
        (*names)[(*n)++] = wc_arena_strdup(arena, entry->d_name);
    }
    closedir(dir);
    if (*n > 1)
        qsort(*names, *n, sizeof **names, wc_str_qsort_cmp);
    return 0;
}

static void add_hash(struct walk *walk, const char *mode, const char *path, const char *what)
{
    wc_sha256_update(walk->hash, mode, strlen(mode) + 1);
    wc_sha256_update(walk->hash, path, strlen(path) + 1);
    wc_sha256_update(walk->hash, what, strlen(what) + 1);
}

static int copy_file(struct walk *walk, int fd, const struct stat *st, const char *path,
                     struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    const struct wc_tree_copy copy = { .fd = fd, .is_program = (st->st_mode & S_IXUSR) != 0 };
    int rc = wc_tree_file_rest(walk->tree, path, &copy, hex, err);
    if (rc == 0)
        add_hash(walk, copy.is_program ? "program" : "file", path, hex);
    return rc;
}

static int copy_link(struct walk *walk, int above, const char *name, const char *path,
                     struct wc_err *err)
{
    char target[TARGET_MAX];
    ssize_t n = readlinkat(above, name, target, sizeof target - 1);
    if (n < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "read link %.120s", path);
    target[n] = '\0';
    add_hash(walk, "link", path, target);
    if (!walk->free_links)
        return wc_tree_link(walk->tree, path, target, err);
    if (symlinkat(target, walk->tree->fd, path) == 0)
        return 0;
    return wc_err_set(err, WC_ERR_IO, errno, "link %.120s", path);
}

static int copy_dir(struct walk *walk, int fd, const char *path, unsigned depth,
                    struct wc_err *err);

/* One entry by its name; path is its whole one in the tree. */
static int copy_entry(struct walk *walk, int above, const char *name, const char *path,
                      unsigned depth, struct wc_err *err)
{
    struct stat st;
    if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return wc_err_set(err, WC_ERR_CONFLICT, errno, "%.120s changes while it is copied", path);
    if (S_ISLNK(st.st_mode))
        return copy_link(walk, above, name, path, err);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return wc_err_set(err, WC_ERR_PERM, 0, "%.120s is neither a file, a directory nor a link",
                          path);
    int fd = openat(above, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        int sys = errno;
        if (fd >= 0)
            close(fd);
        return wc_err_set(err, WC_ERR_IO, sys, "open %.120s", path);
    }
    int rc = S_ISREG(st.st_mode) ? copy_file(walk, fd, &st, path, err)
                                 : copy_dir(walk, fd, path, depth + 1, err);
    close(fd);
    return rc;
}

static int copy_dir(struct walk *walk, int fd, const char *path, unsigned depth, struct wc_err *err)
{
    const char **names;
    size_t n;
    if (depth > DEPTH_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "%.120s is too deep", path);
    int rc = list_names(fd, walk->arena, &names, &n, err);
    if (rc == 0 && path[0] != '\0') {
        add_hash(walk, "directory", path, "");
        rc = wc_tree_dir(walk->tree, path, err);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (wc_streq(names[i], ".git"))
            continue; /* a work tree's repository isn't part of it */
        const char *inner =
            path[0] == '\0' ? names[i] : wc_arena_printf(walk->arena, "%s/%s", path, names[i]);
        rc = copy_entry(walk, fd, names[i], inner, depth, err);
    }
    return rc;
}

int wc_source_tree_copy(struct wc_tree *tree, int from_fd, const char *name, bool free_links,
                        char id[65], struct wc_err *err)
{
    struct stat st;
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct walk walk = {
        .tree = tree, .arena = &arena, .hash = wc_sha256_new(), .free_links = free_links
    };
    int rc = 0;
    if (fstat(from_fd, &st) != 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "stat");
    else if (S_ISDIR(st.st_mode))
        rc = copy_dir(&walk, from_fd, name, 0, err);
    else if (S_ISREG(st.st_mode) && name[0] != '\0')
        rc = copy_file(&walk, from_fd, &st, name, err);
    else
        rc = wc_err_set(err, WC_ERR_PERM, 0, "%.120s is neither a file nor a directory", name);
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_finish(walk.hash, hex);
    if (rc == 0)
        snprintf(id, 65, "%s", hex);
    wc_arena_deinit(&arena);
    return rc;
}

int wc_tree_copy_open(const struct wc_tree_copy_open *take, int from_fd, char id[65],
                      const char **dir, struct wc_err *err)
{
    struct wc_tree tree;
    int rc = wc_tree_begin(&tree, take->source, take->place, take->store, err);
    if (rc != 0)
        return rc;
    rc = wc_source_tree_copy(&tree, from_fd, take->name, take->free_links, id, err);
    if (rc == 0)
        return wc_tree_keep(&tree, id, dir, err);
    wc_tree_drop(&tree);
    return rc;
}

bool wc_tree_is_open_to_others(const struct stat *st)
{
    return (st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & S_IWOTH) != 0 ||
           ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0 && st->st_gid != getegid());
}

static int stat_dir(struct walk *walk, int fd, unsigned depth, struct wc_err *err)
{
    const char **names;
    size_t n;
    int rc = list_names(fd, walk->arena, &names, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct stat st;
        char text[160];
        if (wc_streq(names[i], ".git") || fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (walk->files_left-- == 0)
            return wc_err_set(err, WC_ERR_LIMIT, 0,
                              "there are more files in it than the cap allows (max_files)");
        bool is_dir = S_ISDIR(st.st_mode); /* its own times change with each editor's backup */
        snprintf(text, sizeof text, "%o %llu %lld %lld.%09ld", (unsigned)st.st_mode,
                 (unsigned long long)st.st_ino, is_dir ? 0LL : (long long)st.st_size,
                 is_dir ? 0LL : (long long)st.st_mtim.tv_sec,
                 is_dir ? 0L : (long)st.st_mtim.tv_nsec);
        add_hash(walk, text, names[i], "");
        if (!is_dir || depth == DEPTH_MAX)
            continue;
        int inner = openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0)
            continue;
        rc = stat_dir(walk, inner, depth + 1, err);
        add_hash(walk, "up", "", "");
        close(inner);
    }
    return rc;
}

int wc_tree_stat_hash(int fd, unsigned max_files, char id[65], struct wc_err *err)
{
    struct wc_arena arena;
    char hex[WC_SHA256_HEX + 1];
    wc_arena_init(&arena);
    struct walk walk = { .arena = &arena, .hash = wc_sha256_new(), .files_left = max_files };
    int rc = stat_dir(&walk, fd, 0, err);
    wc_sha256_finish(walk.hash, hex);
    if (rc == 0)
        snprintf(id, 65, "%s", hex);
    wc_arena_deinit(&arena);
    return rc;
}
