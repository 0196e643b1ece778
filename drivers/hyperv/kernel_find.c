/* kernel_find.c - from what is wanted to an image and an initramfs. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/kernel.h"
#include "drivers/hyperv/modules.h"

static void add_programs(const struct wc_paths *paths, struct wc_arena *arena,
                         struct wc_initramfs_parts *parts)
{
    parts->agent = wc_arena_printf(arena, "%s/wcompose-guest", paths->bin);
    parts->join = wc_arena_printf(arena, "%s/wcompose-join", paths->bin);
}

static int find_installed(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                          struct wc_vm_kernel *out, struct wc_err *err)
{
    struct wc_kernel_meta meta;
    const char *dir = wc_kernel_dir(paths, arena, name);
    int rc = wc_kernel_meta_read(dir, arena, &meta, err);
    if (rc == WC_ERR_NOENT && !wc_fs_exists(dir))
        return wc_kernel_unknown(paths, name, WC_ERR_UNAVAILABLE, arena, err);
    if (rc != 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "guest kernel %s is damaged; 'wcompose vm kernel install --force' gets "
                          "it again",
                          name);
    if (!wc_streq(meta.wanted, wc_modules_wanted(arena)))
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "guest kernel %s was installed for another version of wcompose; "
                          "'wcompose vm kernel install --force' gets it again",
                          name);
    struct wc_strv modules = { 0 };
    for (size_t i = 0; i < meta.modules.n; i++)
        wc_strv_add(arena, &modules,
                    wc_arena_printf(arena, "%s/modules/%s", dir, meta.modules.items[i]));
    struct wc_initramfs_parts parts = { .dir = dir,
                                        .image = wc_arena_printf(arena, "%s/vmlinuz", dir),
                                        .image_sha256 = meta.image_sha256,
                                        .modules = modules.items,
                                        .n_modules = modules.n };
    add_programs(paths, arena, &parts);
    struct wc_vm_kernel found = {
        .name = meta.name, .release = meta.release, .image = parts.image, .missing = meta.missing
    };
    rc = wc_initramfs_ready(&parts, arena, &found.initramfs, &found.identity, err);
    if (rc == 0)
        *out = found;
    return rc;
}

/* The directory of the initramfs for an image that lies elsewhere. */
static const char *dir_of_path(const struct wc_paths *paths, struct wc_arena *arena,
                               const char *image)
{
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex(image, strlen(image), hex);
    return wc_arena_printf(arena, "%s/.path/%.16s", wc_kernels_dir(paths, arena), hex);
}

static int find_by_path(const struct wc_paths *paths, const char *image, struct wc_arena *arena,
                        struct wc_vm_kernel *out, struct wc_err *err)
{
    struct stat st;
    struct wc_modules modules = { 0 };
    struct wc_vm_kernel found = { .name = wc_arena_strdup(arena, image) };
    const char *slash = strrchr(image, '/');
    const char *beside = wc_arena_printf(arena, "%.*s/modules", (int)(slash - image), image);
    if (access(image, R_OK) != 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, errno, "guest kernel %s", image);
    int rc = wc_kernel_image_release(image, arena, &found.release, err);
    if (rc == 0 && stat(beside, &st) == 0 && S_ISDIR(st.st_mode))
        rc = wc_modules_resolve(beside, arena, &modules, err);
    if (rc != 0)
        return rc;
    struct wc_strv files = { 0 };
    for (size_t i = 0; i < modules.n; i++)
        wc_strv_add(arena, &files, modules.items[i].path);
    struct wc_initramfs_parts parts = { .dir = dir_of_path(paths, arena, image),
                                        .image = found.name,
                                        .modules = files.items,
                                        .n_modules = files.n };
    add_programs(paths, arena, &parts);
    found.image = parts.image;
    found.missing = modules.missing;
    rc = wc_initramfs_ready(&parts, arena, &found.initramfs, &found.identity, err);
    if (rc == 0)
        *out = found;
    return rc;
}

int wc_vm_kernel_find(const struct wc_paths *paths, const char *wanted, struct wc_arena *arena,
                      struct wc_vm_kernel *out, struct wc_err *err)
{
    if (wanted == NULL)
        wanted = wc_kernel_in_use(paths, arena);
    if (wanted == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "no guest kernel is installed; 'wcompose vm kernel install' gets one");
    if (wanted[0] == '/')
        return find_by_path(paths, wanted, arena, out, err);
    if (!wc_kernel_name_ok(wanted))
        return wc_kernel_unknown(paths, wanted, WC_ERR_UNAVAILABLE, arena, err);
    return find_installed(paths, wanted, arena, out, err);
}
