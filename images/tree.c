/* tree.c - collecting files, following links and library needs, writing the tar. */
#include "images/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/elf.h"

enum { LINKS_MAX = 16, COPY_BLOCK = 1 << 18, TARGET_MAX = 4096 };

void wc_tree_init(struct wc_tree *tree, struct wc_arena *arena, int root_fd)
{
    *tree = (struct wc_tree){ .arena = arena, .root_fd = root_fd };
    wc_map_init(&tree->nodes, arena);
}

/* "/lib/../bin//x" -> "usr/bin/x": the one spelling under which a file is known. */
static const char *canonical(struct wc_arena *arena, const char *path)
{
    static const char *const merged[] = { "bin", "sbin", "lib", "lib64", "lib32", "libx32" };
    char *out = wc_arena_alloc(arena, strlen(path) + 8);
    size_t len = 0;
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        if (n == 2 && memcmp(path, "..", 2) == 0) {
            while (len > 0 && out[--len] != '/')
                continue;
        } else if (n > 0 && !(n == 1 && *path == '.')) {
            if (len > 0)
                out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + (path[n] == '/');
    }
    out[len] = '\0';
    size_t first = strcspn(out, "/");
    for (size_t i = 0; i < WC_COUNT(merged); i++)
        if (strlen(merged[i]) == first && memcmp(merged[i], out, first) == 0 && out[first] == '/')
            return wc_arena_printf(arena, "usr/%s", out);
    return out;
}

static int open_in_root(const struct wc_tree *tree, const char *path, uint64_t flags)
{
    struct open_how how = { .flags = flags | O_CLOEXEC,
                            .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, tree->root_fd, *path == '\0' ? "." : path, &how, sizeof how);
}

/* What the root has at `path`, not following a last link. */
static bool stat_in_root(const struct wc_tree *tree, const char *path, struct stat *st)
{
    WC_CLEANUP_FD int fd = open_in_root(tree, path, O_PATH | O_NOFOLLOW);
    return fd >= 0 && fstat(fd, st) == 0;
}

static void put_parents(struct wc_tree *tree, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return;
    const char *parent = wc_arena_strndup(tree->arena, path, (size_t)(slash - path));
    if (wc_map_has(&tree->nodes, parent))
        return;
    struct stat st;
    mode_t mode = 0755;
    if (stat_in_root(tree, parent, &st) && S_ISDIR(st.st_mode))
        mode = (st.st_mode & 01777) | 0700;
    wc_tree_put(tree, &(struct wc_tree_node){ .path = parent, .mode = S_IFDIR | mode });
}

void wc_tree_put(struct wc_tree *tree, const struct wc_tree_node *node)
{
    struct wc_tree_node *copy = WC_NEW(tree->arena, struct wc_tree_node);
    *copy = *node;
    copy->path = canonical(tree->arena, node->path);
    put_parents(tree, copy->path);
    wc_map_put(&tree->nodes, copy->path, copy);
}

bool wc_tree_has(const struct wc_tree *tree, const char *path)
{
    return wc_map_has(&tree->nodes, canonical(tree->arena, path));
}

/* Package files belong to root in an image; one that doesn't on disk loses what its group gave. */
static mode_t mode_of(const struct stat *st)
{
    bool roots = st->st_uid == 0 && st->st_gid == 0;
    return (st->st_mode & S_IFMT) | (st->st_mode & (roots ? 07777 : 01777));
}

/* Takes exactly what is at `path`: a file, a link as a link, a directory without its content. */
static int take_one(struct wc_tree *tree, const char *path, const struct stat *st,
                    struct wc_err *err)
{
    struct wc_tree_node node = { .path = path, .mode = mode_of(st) };
    if (S_ISREG(st->st_mode)) {
        node.source = path;
        node.size = (uint64_t)st->st_size;
    } else if (S_ISLNK(st->st_mode)) {
        char target[TARGET_MAX];
        WC_CLEANUP_FD int fd = open_in_root(tree, path, O_PATH | O_NOFOLLOW);
        ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target - 1);
        if (n < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "read link /%s", path);
        node.mode = S_IFLNK | 0777;
        node.target = wc_arena_strndup(tree->arena, target, (size_t)n);
    } else if (!S_ISDIR(st->st_mode)) {
        return 0;
    }
    wc_tree_put(tree, &node);
    return 0;
}

/* Where the link at `path` leads, as a path from the root. */
static const char *follow(struct wc_tree *tree, const char *path)
{
    const struct wc_tree_node *node = wc_map_get(&tree->nodes, path);
    if (node->target[0] == '/')
        return canonical(tree->arena, node->target);
    const char *slash = strrchr(path, '/');
    int dir = slash == NULL ? 0 : (int)(slash - path);
    return canonical(tree->arena, wc_arena_printf(tree->arena, "%.*s/%s", dir, path, node->target));
}

int wc_tree_take(struct wc_tree *tree, const char *path, struct wc_err *err)
{
    path = canonical(tree->arena, path);
    for (int links = 0; links < LINKS_MAX; links++) {
        struct stat st;
        if (!stat_in_root(tree, path, &st))
            return wc_err_set(err, WC_ERR_SPEC, 0, "none of the packages has /%s", path);
        int rc = take_one(tree, path, &st, err);
        if (rc != 0 || !S_ISLNK(st.st_mode))
            return rc;
        path = follow(tree, path);
    }
    return wc_err_set(err, WC_ERR_SPEC, 0, "too many links at /%s", path);
}

const char *wc_tree_real(struct wc_tree *tree, const char *path)
{
    char link[64], target[TARGET_MAX], top[TARGET_MAX];
    struct stat st;
    WC_CLEANUP_FD int fd = open_in_root(tree, path, O_PATH);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, target, sizeof target - 1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", tree->root_fd);
    ssize_t len = readlink(link, top, sizeof top - 1);
    if (n <= len || len <= 0 || memcmp(target, top, (size_t)len) != 0 || target[len] != '/')
        return NULL;
    return wc_arena_strndup(tree->arena, target + len + 1, (size_t)(n - len - 1));
}

static bool is_skipped(const struct wc_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->skip.n; i++) {
        const char *pattern = tree->skip.items[i];
        if (fnmatch(pattern + (*pattern == '/'), path, 0) == 0)
            return true;
    }
    return false;
}

static int copy_below(struct wc_tree *tree, const char *path, struct wc_err *err);

static int copy_one(struct wc_tree *tree, const char *path, struct wc_err *err)
{
    struct stat st;
    if (is_skipped(tree, path))
        return 0;
    if (!stat_in_root(tree, path, &st))
        return wc_err_set(err, WC_ERR_SPEC, 0, "none of the packages has /%s", path);
    int rc = take_one(tree, path, &st, err);
    return rc == 0 && S_ISDIR(st.st_mode) ? copy_below(tree, path, err) : rc;
}

/* The sorted names in a directory of the root. */
static int list_names(struct wc_tree *tree, const char *path, struct wc_strv *out,
                      struct wc_err *err)
{
    int fd = open_in_root(tree, path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int sys = errno;
        if (fd >= 0)
            close(fd);
        return wc_err_set(err, wc_fs_code(sys), sys, "open /%s of the packages", path);
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (!wc_streq(entry->d_name, ".") && !wc_streq(entry->d_name, ".."))
            wc_strv_add(tree->arena, out, wc_arena_strdup(tree->arena, entry->d_name));
    closedir(dir);
    if (out->n > 1)
        qsort(out->items, out->n, sizeof *out->items, wc_str_qsort_cmp);
    return 0;
}

static int copy_below(struct wc_tree *tree, const char *path, struct wc_err *err)
{
    struct wc_strv names = { 0 };
    int rc = list_names(tree, path, &names, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = copy_one(tree, wc_arena_printf(tree->arena, "%s/%s", path, names.items[i]), err);
    return rc;
}

int wc_tree_copy(struct wc_tree *tree, const char *pattern, struct wc_err *err)
{
    const char *path = canonical(tree->arena, pattern);
    if (strpbrk(path, "*?[") == NULL)
        return copy_one(tree, path, err);
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    const char *dir = wc_arena_strndup(tree->arena, path, len);
    const char *last = slash == NULL ? path : slash + 1;
    struct wc_strv names = { 0 };
    int rc = list_names(tree, dir, &names, err);
    size_t n = 0;
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        if (fnmatch(last, names.items[i], 0) != 0)
            continue;
        n++;
        rc = copy_one(tree, wc_arena_printf(tree->arena, "%s/%s", dir, names.items[i]), err);
    }
    if (rc == 0 && n == 0)
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "nothing in the packages matches %s", pattern);
    return rc;
}

/* Looks for a library in the directories of `search` (colon-separated), then in the system's. */
static const char *find_library(struct wc_tree *tree, const char *soname, const char *search,
                                const char *origin)
{
    struct stat st;
    struct wc_strv dirs = { 0 }, below = { 0 };
    while (search != NULL && *search != '\0') {
        size_t len = strcspn(search, ":");
        const char *dir = wc_arena_strndup(tree->arena, search, len);
        if (wc_str_starts(dir, "$ORIGIN"))
            dir = wc_arena_printf(tree->arena, "%s%s", origin, dir + strlen("$ORIGIN"));
        wc_strv_add(tree->arena, &dirs, dir);
        search += len + (search[len] == ':');
    }
    struct wc_err none = { 0 };
    if (list_names(tree, "usr/lib", &below, &none) == 0)
        for (size_t i = 0; i < below.n; i++)
            if (strstr(below.items[i], "-linux-gnu") != NULL)
                wc_strv_add(tree->arena, &dirs,
                            wc_arena_printf(tree->arena, "usr/lib/%s", below.items[i]));
    wc_strv_add(tree->arena, &dirs, "usr/lib");
    for (size_t i = 0; i < dirs.n; i++) {
        const char *path =
            canonical(tree->arena, wc_arena_printf(tree->arena, "%s/%s", dirs.items[i], soname));
        if (stat_in_root(tree, path, &st) && !S_ISDIR(st.st_mode))
            return path;
    }
    return NULL;
}

int wc_tree_library(struct wc_tree *tree, const char *soname, struct wc_err *err)
{
    const char *path = find_library(tree, soname, NULL, "");
    if (path == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "none of the packages has library %s", soname);
    return wc_tree_take(tree, path, err);
}

static int take_needs(struct wc_tree *tree, const struct wc_tree_node *node, struct wc_err *err)
{
    struct wc_elf elf;
    WC_CLEANUP_FD int fd = open_in_root(tree, node->source, O_RDONLY | O_NOFOLLOW);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open /%s of the packages", node->source);
    if (!wc_elf_read(fd, tree->arena, &elf))
        return 0;
    int rc = 0;
    if (elf.interpreter != NULL && !wc_tree_has(tree, elf.interpreter))
        rc = wc_tree_take(tree, elf.interpreter, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "/%s's loader", node->path);
    const char *slash = strrchr(node->path, '/');
    const char *origin =
        wc_arena_strndup(tree->arena, node->path, slash == NULL ? 0 : (size_t)(slash - node->path));
    for (size_t i = 0; rc == 0 && i < elf.needed.n; i++) {
        const char *soname = elf.needed.items[i];
        const char *path = strchr(soname, '/') != NULL
                               ? canonical(tree->arena, soname)
                               : find_library(tree, soname, elf.search, origin);
        if (path == NULL)
            rc = wc_err_set(err, WC_ERR_SPEC, 0, "/%s needs %s, which none of the packages has",
                            node->path, soname);
        else if (!wc_tree_has(tree, path))
            rc = wc_tree_take(tree, path, err);
    }
    return rc;
}

int wc_tree_close_over(struct wc_tree *tree, struct wc_err *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < tree->nodes.n; i++) { /* grows while we walk */
        const struct wc_tree_node *node = tree->nodes.entries[i].value;
        if (S_ISREG(node->mode) && node->source != NULL)
            rc = take_needs(tree, node, err);
    }
    return rc;
}

struct output {
    struct wc_sink *sink;
    struct wc_err *err;
};

static la_ssize_t on_write(struct archive *tar, void *data, const void *bytes, size_t len)
{
    struct output *out = data;
    if (wc_sink_write(out->sink, bytes, len, out->err) == 0)
        return (la_ssize_t)len;
    archive_set_error(tar, EIO, "write failed");
    return -1;
}

static int write_source(struct wc_tree *tree, struct archive *tar, const struct wc_tree_node *node,
                        struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open_in_root(tree, node->source, O_RDONLY | O_NOFOLLOW);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open /%s of the packages", node->source);
    WC_CLEANUP_FREE char *block = wc_alloc(COPY_BLOCK);
    for (uint64_t left = node->size; left > 0;) {
        ssize_t n = read(fd, block, left < COPY_BLOCK ? (size_t)left : COPY_BLOCK);
        if (n <= 0)
            return wc_err_set(err, WC_ERR_IO, n < 0 ? errno : 0, "read /%s of the packages",
                              node->source);
        if (archive_write_data(tar, block, (size_t)n) != n)
            return WC_ERR_IO; /* the sink has said why */
        left -= (uint64_t)n;
    }
    return 0;
}

static int write_node(struct wc_tree *tree, struct archive *tar, const struct wc_tree_node *node,
                      struct wc_err *err)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, node->path);
    archive_entry_set_mode(entry, node->mode);
    archive_entry_set_uid(entry, node->uid);
    archive_entry_set_gid(entry, node->gid);
    archive_entry_set_mtime(entry, WC_TREE_TIME, 0);
    if (S_ISLNK(node->mode))
        archive_entry_set_symlink(entry, node->target);
    archive_entry_set_size(entry, S_ISREG(node->mode) ? (la_int64_t)node->size : 0);
    int rc = 0;
    if (archive_write_header(tar, entry) < ARCHIVE_WARN)
        rc = WC_ERR_IO;
    archive_entry_free(entry);
    if (rc != 0 || !S_ISREG(node->mode))
        return rc;
    if (node->source != NULL)
        return write_source(tree, tar, node, err);
    return archive_write_data(tar, node->text, (size_t)node->size) == (la_ssize_t)node->size
               ? 0
               : WC_ERR_IO;
}

int wc_tree_write(struct wc_tree *tree, struct wc_sink *sink, struct wc_err *err)
{
    struct wc_err why = { 0 };
    struct output out = { .sink = sink, .err = &why };
    struct wc_strv paths = { 0 };
    for (size_t i = 0; i < tree->nodes.n; i++)
        wc_strv_add(tree->arena, &paths, tree->nodes.entries[i].key);
    if (paths.n > 1)
        qsort(paths.items, paths.n, sizeof *paths.items, wc_str_qsort_cmp);
    struct archive *tar = archive_write_new();
    archive_write_set_format_pax_restricted(tar);
    archive_write_set_bytes_per_block(tar, 0);
    int rc = archive_write_open(tar, &out, NULL, on_write, NULL) == ARCHIVE_OK ? 0 : WC_ERR_IO;
    for (size_t i = 0; rc == 0 && i < paths.n; i++)
        rc = write_node(tree, tar, wc_map_get(&tree->nodes, paths.items[i]), &why);
    if (archive_write_close(tar) != ARCHIVE_OK && rc == 0)
        rc = WC_ERR_IO;
    if (rc != 0 && why.code == 0)
        rc = wc_err_set(&why, WC_ERR_IO, 0, "write the layer: %s",
                        archive_error_string(tar) == NULL ? "failed" : archive_error_string(tar));
    archive_write_free(tar);
    if (rc != 0 && err != NULL)
        *err = why;
    return rc == 0 ? 0 : why.code;
}
