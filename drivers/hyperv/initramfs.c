/* initramfs.c - packs what the guest's kernel begins with.
 *
 * Idea:    nobody has to remember to pack it again: each time it is asked for, what it was made of
 *          is compared, by size and times, with what is there. It is named by its content, so that
 *          a VM that starts while a newer agent is packed still finds the one that it was told of;
 *          what is old goes an hour later.
 *          Not compressed: a VM reads it at the speed of memory, and under emulation to unpack 3 MB
 *          costs more than to copy them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "drivers/hyperv/cpio.h"
#include "drivers/hyperv/kernel.h"
#include "drivers/hyperv/modules.h"

enum { PROGRAM_MAX_BYTES = 32 << 20, NOTE_MAX_BYTES = 64 << 10, KEEP_OLD_S = 3600 };

static const char prefix[] = "initramfs-";

/* ---- what it was made of ---- */

static int add_stamp(struct wc_buf *out, const char *path, struct wc_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "look at %s", path);
    wc_buf_printf(out, "%s %llx:%llx:%llx:%llx.%lx;", path, (unsigned long long)st.st_dev,
                  (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
                  (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    return 0;
}

/* The hash of paths, sizes and times of all that goes in. */
static int stamp_parts(const struct wc_initramfs_parts *parts, char hex[WC_SHA256_HEX + 1],
                       struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const char *const programs[] = { parts->agent, parts->join };
    for (size_t i = 0; i < WC_COUNT(programs); i++)
        if (add_stamp(&text, programs[i], NULL) != 0)
            return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                              "%s is missing; build or install wcompose again", programs[i]);
    int rc = add_stamp(&text, parts->image, err);
    for (size_t i = 0; i < parts->n_modules && rc == 0; i++)
        rc = add_stamp(&text, parts->modules[i], err);
    if (rc == 0)
        wc_sha256_hex(text.data, text.len, hex);
    return rc;
}

/* Takes what is noted when it is of these parts and still there. */
static bool read_note(const struct wc_initramfs_parts *parts, const char *stamp,
                      struct wc_arena *arena, const char **initramfs, const char **identity)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *note = NULL;
    const char *path = wc_arena_printf(arena, "%s/packed", parts->dir);
    if (wc_fs_read(path, NOTE_MAX_BYTES, &text, NULL) != 0 ||
        wc_json_parse(text.data, text.len, &note, NULL) != 0)
        return false;
    const char *name = wc_json_str(wc_json_get(note, "initramfs"), "");
    const char *id = wc_json_str(wc_json_get(note, "identity"), "");
    if (!wc_streq(wc_json_str(wc_json_get(note, "parts"), ""), stamp) ||
        !wc_str_starts(name, prefix) || strchr(name, '/') != NULL || strlen(id) != WC_SHA256_HEX)
        return false;
    *initramfs = wc_arena_printf(arena, "%s/%s", parts->dir, name);
    *identity = wc_arena_strdup(arena, id);
    return access(*initramfs, R_OK) == 0;
}

static int write_note(const struct wc_initramfs_parts *parts, const char *stamp, const char *name,
                      const char *identity, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf path = WC_BUF_INIT, text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "parts", stamp);
    wc_jsonw_str(&w, "initramfs", name);
    wc_jsonw_str(&w, "identity", identity);
    wc_jsonw_end_object(&w);
    wc_buf_printf(&path, "%s/packed", parts->dir);
    return wc_fs_write_atomic(path.data, text.data, text.len, 0644, false, err);
}

/* ---- making it ---- */

static int add_program(struct wc_cpio *cpio, const char *name, const char *path, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    int rc = wc_fs_read(path, PROGRAM_MAX_BYTES, &bytes, err);
    if (rc == 0)
        wc_cpio_file(cpio, name, 0755, bytes.data, bytes.len);
    return rc;
}

/* "…/virtio-rng.ko.xz" -> "lib/modules/virtio-rng.ko" */
static const char *name_inside(struct wc_arena *arena, const char *path)
{
    const char *file = strrchr(path, '/');
    file = file != NULL ? file + 1 : path;
    const char *end = strstr(file, ".ko");
    size_t len = end != NULL ? (size_t)(end - file) + 3 : strlen(file);
    return wc_arena_printf(arena, "lib/modules/%.*s", (int)len, file);
}

static int pack(const struct wc_initramfs_parts *parts, struct wc_arena *arena, struct wc_buf *out,
                struct wc_err *err)
{
    static const char *const dirs[] = { "bin", "dev",  "lib", "lib/modules",
                                        "mnt", "proc", "run", "sys" };
    WC_CLEANUP_BUF struct wc_buf list = WC_BUF_INIT;
    struct wc_cpio cpio = { .out = out };
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        wc_cpio_dir(&cpio, dirs[i], 0755);
    wc_cpio_chardev(&cpio, "dev/console", 0600, 5, 1);
    int rc = add_program(&cpio, "init", parts->agent, err);
    if (rc == 0)
        rc = add_program(&cpio, "bin/wcompose-join", parts->join, err);
    for (size_t i = 0; i < parts->n_modules && rc == 0; i++) {
        WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
        const char *name = name_inside(arena, parts->modules[i]);
        rc = wc_module_read(parts->modules[i], &bytes, err);
        wc_cpio_file(&cpio, name, 0644, bytes.data, bytes.len);
        wc_buf_printf(&list, "/%s\n", name);
    }
    wc_cpio_file(&cpio, "modules", 0644, list.data, list.len);
    wc_cpio_end(&cpio);
    return rc;
}

/* Removes those that nobody can have been told of lately. */
static void remove_old(const char *dir_path, const char *kept)
{
    DIR *dir = opendir(dir_path);
    const struct dirent *entry;
    struct stat st;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (wc_str_starts(entry->d_name, prefix) && !wc_streq(entry->d_name, kept) &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime + KEEP_OLD_S < time(NULL))
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
}

static const char *identify(struct wc_arena *arena, const char *image, const char *initramfs)
{
    char hex[WC_SHA256_HEX + 1];
    const char *both = wc_arena_printf(arena, "%s %s", image, initramfs);
    wc_sha256_hex(both, strlen(both), hex);
    return wc_arena_strdup(arena, hex);
}

static int make(const struct wc_initramfs_parts *parts, const char *stamp, struct wc_arena *arena,
                const char **initramfs, const char **identity, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    char image[WC_SHA256_HEX + 1], hex[WC_SHA256_HEX + 1];
    const char *image_sha256 = parts->image_sha256;
    int rc = wc_fs_mkdirs(parts->dir, 0755, err);
    if (rc == 0 && image_sha256 == NULL) {
        rc = wc_kernel_file_sha256(parts->image, image, err);
        image_sha256 = image;
    }
    if (rc == 0)
        rc = pack(parts, arena, &bytes, err);
    if (rc != 0)
        return rc;
    wc_sha256_hex(bytes.data, bytes.len, hex);
    const char *name = wc_arena_printf(arena, "%s%.16s", prefix, hex);
    const char *path = wc_arena_printf(arena, "%s/%s", parts->dir, name);
    const char *id = identify(arena, image_sha256, hex);
    rc = wc_fs_write_atomic(path, bytes.data, bytes.len, 0644, false, err);
    if (rc == 0)
        rc = write_note(parts, stamp, name, id, err);
    if (rc != 0)
        return rc;
    remove_old(parts->dir, name);
    *initramfs = path;
    *identity = id;
    return 0;
}

int wc_initramfs_ready(const struct wc_initramfs_parts *parts, struct wc_arena *arena,
                       const char **initramfs, const char **identity, struct wc_err *err)
{
    char stamp[WC_SHA256_HEX + 1];
    int rc = stamp_parts(parts, stamp, err);
    if (rc != 0 || read_note(parts, stamp, arena, initramfs, identity))
        return rc;
    return make(parts, stamp, arena, initramfs, identity, err);
}
