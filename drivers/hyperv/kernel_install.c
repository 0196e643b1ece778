/* kernel_install.c - from a package, a directory or this host's own kernel to one of ours.
 *
 * Idea:    all is made in a directory with a name of its own beside the others and becomes the
 *          kernel by one rename. What a broken-off run leaves lies in such directories, which the
 *          next one that has the lock removes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/deb.h"
#include "drivers/hyperv/kernel_make.h"
#include "drivers/hyperv/modules.h"

enum { IMAGE_MAX_BYTES = 512 << 20 };

/* ---- where the parts are ---- */

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The image in a directory: vmlinuz or vmlinuz-RELEASE, one for cloud machines before others, the
 * newest of several. NULL when there is none. */
static const char *find_image(struct wc_arena *arena, const char *path, bool cloud_only)
{
    const char *best = NULL;
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        bool cloud = strstr(name, "cloud") != NULL;
        if (!wc_str_starts(name, "vmlinuz") || (cloud_only && !cloud))
            continue;
        bool best_cloud = best != NULL && strstr(best, "cloud") != NULL;
        if (best == NULL || cloud > best_cloud ||
            (cloud == best_cloud && strverscmp(name, best) > 0))
            best = wc_arena_strdup(arena, name);
    }
    if (dir != NULL)
        closedir(dir);
    return best == NULL ? NULL : wc_arena_printf(arena, "%s/%s", path, best);
}

/* Finds image and modules below `root`, which may be unpacked from a package, a mount, or "". */
static int find_parts(struct wc_arena *arena, const char *root, bool cloud_only,
                      struct wc_kernel_parts *out, struct wc_err *err)
{
    struct wc_kernel_parts parts = { .origin = out->origin, .force = out->force };
    parts.image = find_image(arena, wc_arena_printf(arena, "%s/boot", root), cloud_only);
    if (parts.image == NULL)
        parts.image = find_image(arena, root, cloud_only);
    if (parts.image == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s has no kernel: neither boot/vmlinuz-… nor vmlinuz", root);
    int rc = wc_kernel_image_release(parts.image, arena, &parts.release, err);
    if (rc != 0)
        return rc;
    const char *const places[] = {
        wc_arena_printf(arena, "%s/lib/modules/%s", root, parts.release),
        wc_arena_printf(arena, "%s/usr/lib/modules/%s", root, parts.release),
        wc_arena_printf(arena, "%s/modules", root),
    };
    for (size_t i = 0; i < WC_COUNT(places) && parts.modules_dir == NULL; i++)
        parts.modules_dir = is_dir(places[i]) ? places[i] : NULL;
    if (parts.origin == NULL)
        parts.origin = parts.image;
    *out = parts;
    return 0;
}

/* ---- making the directory ---- */

int wc_kernel_stage(const struct wc_paths *paths, struct wc_arena *arena, const char **dir,
                    struct wc_err *err)
{
    const char *kernels = wc_kernels_dir(paths, arena);
    int rc = wc_fs_mkdirs(kernels, 0755, err);
    if (rc != 0)
        return rc;
    char *made = wc_arena_printf(arena, "%s/.new-XXXXXX", kernels);
    if (mkdtemp(made) == NULL)
        return wc_err_set(err, wc_fs_code(errno), errno, "make a directory in %s", kernels);
    *dir = made;
    return 0;
}

static int copy_file(const char *from, const char *to, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    int rc = wc_fs_read(from, IMAGE_MAX_BYTES, &bytes, err);
    return rc != 0 ? rc : wc_fs_write_atomic(to, bytes.data, bytes.len, 0644, true, err);
}

static int copy_modules(struct wc_arena *arena, const char *from, const char *to,
                        struct wc_kernel_meta *meta, struct wc_err *err)
{
    struct wc_modules modules = { 0 };
    int rc = wc_fs_mkdirs(to, 0755, err);
    if (rc == 0)
        rc = wc_modules_resolve(from, arena, &modules, err);
    for (size_t i = 0; i < modules.n && rc == 0; i++) {
        WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
        const char *name = wc_arena_printf(arena, "%s.ko", modules.items[i].name);
        rc = wc_module_read(modules.items[i].path, &bytes, err);
        if (rc == 0)
            rc = wc_fs_write_atomic(wc_arena_printf(arena, "%s/%s", to, name), bytes.data,
                                    bytes.len, 0644, true, err);
        wc_strv_add(arena, &meta->modules, name);
    }
    meta->missing = modules.missing;
    /* with it the directory says all that the tree said: it may be installed from, or named by path
     */
    const char *builtin = wc_arena_printf(arena, "%s/modules.builtin", from);
    if (rc == 0 && wc_fs_exists(builtin))
        rc = copy_file(builtin, wc_arena_printf(arena, "%s/modules.builtin", to), err);
    return rc;
}

static int fill_stage(struct wc_arena *arena, const struct wc_kernel_parts *parts,
                      const char *stage, struct wc_kernel_meta *meta, struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    const char *image = wc_arena_printf(arena, "%s/vmlinuz", stage);
    int rc = copy_file(parts->image, image, err);
    if (rc == 0)
        rc = wc_kernel_file_sha256(image, hex, err);
    if (rc == 0 && parts->modules_dir != NULL)
        rc = copy_modules(arena, parts->modules_dir, wc_arena_printf(arena, "%s/modules", stage),
                          meta, err);
    if (rc != 0)
        return rc;
    meta->image_sha256 = wc_arena_strdup(arena, hex);
    meta->wanted = wc_modules_wanted(arena);
    rc = wc_kernel_meta_write(stage, meta, err);
    if (rc == 0 && chmod(stage, 0755) != 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "set the mode of %s", stage);
    return rc;
}

/* ---- putting it in its place ---- */

/* Removes what runs that were broken off have left. The lock is held, and who stages holds it. */
static void sweep(const struct wc_paths *paths, struct wc_arena *arena)
{
    const char *path = wc_kernels_dir(paths, arena);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        bool old = entry->d_name[0] == '.' && len > 5 && wc_streq(entry->d_name + len - 4, ".old");
        if (old || wc_str_starts(entry->d_name, ".new-"))
            (void)wc_fs_remove_tree(wc_arena_printf(arena, "%s/%s", path, entry->d_name), NULL);
    }
    if (dir != NULL)
        closedir(dir);
}

static int put_in_place(const char *stage, const char *dir, struct wc_err *err)
{
    if (!wc_fs_exists(dir))
        return rename(stage, dir) == 0
                   ? 0
                   : wc_err_set(err, wc_fs_code(errno), errno, "rename to %s", dir);
    if (renameat2(AT_FDCWD, stage, AT_FDCWD, dir, RENAME_EXCHANGE) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "exchange %s", dir);
    return 0; /* the old one is what is removed as the stage */
}

/* True when what is installed under that name is the same. */
static bool is_same(const struct wc_paths *paths, struct wc_arena *arena,
                    const struct wc_kernel_meta *meta)
{
    struct wc_kernel_meta old;
    const char *dir = wc_kernel_dir(paths, arena, meta->name);
    return wc_kernel_meta_read(dir, arena, &old, NULL) == 0 &&
           wc_streq(old.image_sha256, meta->image_sha256) && wc_streq(old.wanted, meta->wanted) &&
           wc_streq(old.origin, meta->origin);
}

int wc_kernel_adopt(const struct wc_paths *paths, const struct wc_kernel_parts *parts,
                    struct wc_arena *arena, const char **name, bool *made, struct wc_err *err)
{
    const char *stage = NULL;
    struct wc_kernel_meta meta = { .name = parts->release,
                                   .release = parts->release,
                                   .origin = parts->origin };
    if (!wc_kernel_name_ok(meta.name))
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s doesn't say which release it is", parts->image);
    int rc = wc_kernel_stage(paths, arena, &stage, err);
    if (rc != 0)
        return rc;
    rc = fill_stage(arena, parts, stage, &meta, err);
    bool same = rc == 0 && !parts->force && is_same(paths, arena, &meta);
    if (rc == 0 && !same)
        rc = put_in_place(stage, wc_kernel_dir(paths, arena, meta.name), err);
    (void)wc_fs_remove_tree(stage, NULL);
    if (rc == 0 && wc_kernel_in_use(paths, arena) == NULL)
        rc = wc_kernel_set_in_use(paths, arena, meta.name, err);
    if (rc != 0)
        return rc;
    *name = meta.name;
    *made = !same;
    return 0;
}

/* ---- the sources ---- */

/* A call to install under way. */
struct install {
    const struct wc_paths *paths;
    const struct wc_vm_kernel_source *source;
    struct wc_arena *arena;
    const char **name;
    bool *made;
    struct wc_err *err;
};

static int adopt_root(struct install *in, const char *root, const char *origin)
{
    struct wc_kernel_parts parts = { .origin = origin, .force = in->source->force };
    int rc = find_parts(in->arena, root, false, &parts, in->err);
    return rc != 0 ? rc
                   : wc_kernel_adopt(in->paths, &parts, in->arena, in->name, in->made, in->err);
}

static int adopt_deb(struct install *in, const char *file, const char *work, const char *origin)
{
    const char *root = wc_arena_printf(in->arena, "%s/root", work);
    if (in->source->progress != NULL)
        in->source->progress(in->source->progress_data, "unpack", 0, 0);
    int rc = wc_deb_unpack(file, root, in->err);
    return rc != 0 ? rc : adopt_root(in, root, origin);
}

/* What Debian calls this machine; NULL when no kernel package is known for it. */
static const char *debian_arch(void)
{
    struct utsname host;
    if (uname(&host) != 0)
        return NULL;
    return wc_streq(host.machine, "x86_64")    ? "amd64"
           : wc_streq(host.machine, "aarch64") ? "arm64"
                                               : NULL;
}

static int from_apt(struct install *in, const char *work)
{
    struct wc_deb_work deb = { .arena = in->arena,
                               .dir = work,
                               .progress = in->source->progress,
                               .progress_data = in->source->progress_data };
    const char *arch = debian_arch(), *version, *package = NULL, *file;
    if (arch == NULL)
        return wc_err_set(in->err, WC_ERR_UNAVAILABLE, 0,
                          "no guest kernel is packaged for this kind of processor; give one with "
                          "--from");
    int rc = wc_deb_find(&deb, wc_arena_printf(in->arena, "linux-image-cloud-%s", arch),
                         "linux-image-", &version, &package, in->err);
    if (rc != 0)
        return rc;
    const char *origin = wc_arena_printf(in->arena, "%s %s", package, version);
    const char *same = in->source->force ? NULL : wc_kernel_of_origin(in->paths, in->arena, origin);
    if (same != NULL) {
        *in->name = same;
        *in->made = false;
        return 0;
    }
    rc = wc_deb_download(&deb, package, &file, in->err);
    return rc != 0 ? rc : adopt_deb(in, file, work, origin);
}

/* A kernel for cloud machines that this host has installed serves as it is. */
static int from_host(struct install *in, const char *work)
{
    struct wc_kernel_parts parts = { .force = in->source->force };
    struct wc_err none = { 0 };
    if (find_parts(in->arena, "", true, &parts, &none) == 0 && parts.modules_dir != NULL)
        return wc_kernel_adopt(in->paths, &parts, in->arena, in->name, in->made, in->err);
    return from_apt(in, work);
}

static int from_file(struct install *in, const char *work)
{
    static const char magic[] = "!<arch>\n";
    char begin[sizeof magic] = "";
    const char *from = in->source->from;
    WC_CLEANUP_FD int fd = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return wc_err_set(in->err, wc_fs_code(errno), errno, "open %s", from);
    if (pread(fd, begin, sizeof magic - 1, 0) != (ssize_t)sizeof magic - 1 ||
        memcmp(begin, magic, sizeof magic - 1) != 0)
        return wc_err_set(in->err, WC_ERR_SPEC, 0,
                          "%s is neither a Debian package nor a directory with a kernel", from);
    return adopt_deb(in, from, work, from);
}

int wc_vm_kernel_install(const struct wc_paths *paths, const struct wc_vm_kernel_source *source,
                         struct wc_arena *arena, const char **name, bool *made, struct wc_err *err)
{
    struct install in = { paths, source, arena, name, made, err };
    const char *work = NULL;
    WC_CLEANUP_FD int lock = -1;
    int rc = wc_kernels_lock(paths, arena, &lock, err);
    if (rc != 0)
        return rc;
    sweep(paths, arena);
    rc = wc_kernel_stage(paths, arena, &work, err);
    if (rc != 0)
        return rc;
    if (source->from == NULL)
        rc = from_host(&in, work);
    else if (is_dir(source->from))
        rc = adopt_root(&in, source->from, NULL);
    else
        rc = from_file(&in, work);
    (void)wc_fs_remove_tree(work, NULL);
    return rc;
}
