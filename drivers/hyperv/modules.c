/* modules.c - one walk of the tree for an index by name, then each wanted module after what it
 * depends on. modules.dep isn't used: a package has none before it is installed (modinfo.h). */
#include "drivers/hyperv/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/run.h"
#include "base/str.h"
#include "drivers/hyperv/modinfo.h"

enum { TREE_DEPTH = 16, TREE_MODULES = 20000, CHAIN_DEPTH = 32, BUILTIN_MAX_BYTES = 4 << 20 };

struct wanted {
    const char *name;
    bool extra; /* good to have; some kernels are known without it */
};

static const struct wanted wanted[] = {
    { "virtio_mmio", false },    { "virtio_blk", false }, { "virtio_net", false },
    { "virtio_console", false }, { "virtio_rng", false }, { "virtio_balloon", false },
    { "crc32c_generic", true },  { "erofs", false },      { "ext4", false },
    { "overlay", false },        { "virtiofs", false },   { "pvpanic_mmio", false },
    { "vmgenid", true },
};

const char *wc_modules_wanted(struct wc_arena *arena)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < WC_COUNT(wanted); i++)
        wc_buf_printf(&out, "%s%s", i > 0 ? "," : "", wanted[i].name);
    return wc_arena_strdup(arena, out.data);
}

/* ---- the index ---- */

struct tree {
    struct wc_arena *arena;
    struct wc_map paths;   /* name -> path of the module's file */
    struct wc_map builtin; /* names */
    struct wc_err *err;
};

static bool ends_in(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && memcmp(text + len - n, end, n) == 0;
}

/* "virtio-rng.ko.xz" -> "virtio_rng"; NULL when it is no module. */
static const char *module_name(struct wc_arena *arena, const char *file)
{
    static const char *const packed[] = { ".xz", ".zst", ".gz" };
    size_t len = strlen(file);
    for (size_t i = 0; i < WC_COUNT(packed); i++)
        if (ends_in(file, len, packed[i]))
            len -= strlen(packed[i]);
    if (!ends_in(file, len, ".ko"))
        return NULL;
    char *name = wc_arena_strndup(arena, file, len - 3);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    return name;
}

static int index_dir(struct tree *tree, int fd, const char *path, unsigned depth);

static int index_entry(struct tree *tree, int dir_fd, const char *path, const char *file,
                       unsigned depth)
{
    struct stat st;
    const char *below = wc_arena_printf(tree->arena, "%s/%s", path, file);
    if (fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return wc_err_set(tree->err, wc_fs_code(errno), errno, "look at %s", below);
    if (S_ISDIR(st.st_mode)) {
        if (depth == TREE_DEPTH)
            return wc_err_set(tree->err, WC_ERR_LIMIT, 0, "%s lies deeper than %d directories",
                              below, TREE_DEPTH);
        int fd = openat(dir_fd, file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return wc_err_set(tree->err, wc_fs_code(errno), errno, "open %s", below);
        return index_dir(tree, fd, below, depth + 1);
    }
    const char *name = S_ISREG(st.st_mode) ? module_name(tree->arena, file) : NULL;
    if (name != NULL && !wc_map_has(&tree->paths, name))
        wc_map_put(&tree->paths, name, (void *)(uintptr_t)below);
    if (tree->paths.n > TREE_MODULES)
        return wc_err_set(tree->err, WC_ERR_LIMIT, 0, "more than %d modules", TREE_MODULES);
    return 0;
}

/* Owns fd. */
static int index_dir(struct tree *tree, int fd, const char *path, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return wc_err_set(tree->err, WC_ERR_IO, errno, "read %s", path);
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        if (!wc_streq(entry->d_name, ".") && !wc_streq(entry->d_name, ".."))
            rc = index_entry(tree, dirfd(dir), path, entry->d_name, depth);
    closedir(dir);
    return rc;
}

/* Reads modules.builtin: "kernel/fs/ext4/ext4.ko" a line. A kernel without one has nothing that
 * could be known to be built in. */
static int index_builtin(struct tree *tree, const char *dir)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    const char *path = wc_arena_printf(tree->arena, "%s/modules.builtin", dir);
    int rc = wc_fs_read(path, BUILTIN_MAX_BYTES, &text, &err);
    if (rc == WC_ERR_NOENT)
        return 0;
    if (rc != 0) {
        *tree->err = err;
        return rc;
    }
    for (char *line = text.data; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        bool more = line[len] == '\n';
        line[len] = '\0';
        const char *slash = strrchr(line, '/');
        const char *name = module_name(tree->arena, slash != NULL ? slash + 1 : line);
        if (name != NULL)
            wc_map_put(&tree->builtin, name, NULL);
        line += len + more;
    }
    return 0;
}

/* ---- what is needed, in order ---- */

struct resolving {
    struct tree *tree;
    struct wc_modules *out;
    struct wc_map placed; /* name -> placed, or absent: below */
};
static char placed_there, placed_missing, placed_begun;

static int place(struct resolving *r, const char *name, unsigned depth, bool *there);

/* Places what a module needs. *there is false when something of that isn't to be had. */
static int place_depends(struct resolving *r, const char *path, unsigned depth, bool *there)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    struct wc_strv depends = { 0 };
    struct tree *tree = r->tree;
    int rc = wc_module_read(path, &bytes, tree->err);
    if (rc == 0) {
        rc = wc_modinfo_depends(bytes.data, bytes.len, tree->arena, &depends, tree->err);
        if (rc != 0)
            return wc_err_wrap(tree->err, rc, "%s", path);
    }
    *there = true;
    for (size_t i = 0; i < depends.n && rc == 0 && *there; i++) {
        const char *file = wc_arena_printf(tree->arena, "%s.ko", depends.items[i]);
        rc = place(r, module_name(tree->arena, file), depth + 1, there);
    }
    return rc;
}

/* Puts a module into the list, after those that it needs; does nothing for what is built in. */
static int place(struct resolving *r, const char *name, unsigned depth, bool *there)
{
    struct tree *tree = r->tree;
    const char *path = wc_map_get(&tree->paths, name);
    const char *state = wc_map_get(&r->placed, name);
    if (state == &placed_begun || depth > CHAIN_DEPTH)
        return wc_err_set(tree->err, WC_ERR_SPEC, 0, "module %s depends on itself", name);
    *there = state == &placed_there || (path == NULL && wc_map_has(&tree->builtin, name));
    if (state != NULL || path == NULL)
        return 0;
    wc_map_put(&r->placed, name, &placed_begun);
    int rc = place_depends(r, path, depth, there);
    if (rc != 0)
        return rc;
    wc_map_put(&r->placed, name, *there ? &placed_there : &placed_missing);
    if (!*there)
        return 0;
    struct wc_modules *out = r->out;
    out->items = wc_arena_grow(tree->arena, out->items, out->n, &out->cap, sizeof *out->items);
    out->items[out->n++] = (struct wc_module){ name, path };
    return 0;
}

int wc_modules_resolve(const char *dir, struct wc_arena *arena, struct wc_modules *out,
                       struct wc_err *err)
{
    struct tree tree = { .arena = arena, .err = err };
    struct wc_modules found = { 0 };
    struct resolving r = { .tree = &tree, .out = &found };
    wc_map_init(&tree.paths, arena);
    wc_map_init(&tree.builtin, arena);
    wc_map_init(&r.placed, arena);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", dir);
    int rc = index_dir(&tree, fd, dir, 0);
    if (rc == 0)
        rc = index_builtin(&tree, dir);
    for (size_t i = 0; i < WC_COUNT(wanted) && rc == 0; i++) {
        bool there = false;
        rc = place(&r, wanted[i].name, 0, &there);
        if (rc == 0 && !there && !wanted[i].extra)
            wc_strv_add(arena, &found.missing, wanted[i].name);
    }
    if (rc == 0)
        *out = found;
    return rc;
}

int wc_module_read(const char *path, struct wc_buf *out, struct wc_err *err)
{
    static const struct {
        const char *end, *program;
    } unpackers[] = { { ".xz", "xz" }, { ".zst", "zstd" }, { ".gz", "gzip" } };
    for (size_t i = 0; i < WC_COUNT(unpackers); i++)
        if (ends_in(path, strlen(path), unpackers[i].end)) {
            const char *const argv[] = { unpackers[i].program, "-dc", "--", path, NULL };
            return wc_run(argv, NULL, out, err);
        }
    return wc_fs_read(path, WC_MODULE_MAX_BYTES, out, err);
}
