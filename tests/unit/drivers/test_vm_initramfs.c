/* test_vm_initramfs.c - the archive, read back by a reader of this file; what modules say; in which
 * order they are loaded, whatever the tree holds. */
#include "harness/wc_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/hyperv/cpio.h"
#include "drivers/hyperv/modinfo.h"
#include "drivers/hyperv/modules.h"
#include "unit/drivers/vm_module.h"

/* ---- cpio ---- */

static uint32_t hex(const char *at)
{
    char digits[9];
    memcpy(digits, at, 8);
    digits[8] = '\0';
    return (uint32_t)strtoul(digits, NULL, 16);
}

struct member {
    const char *name, *bytes;
    uint32_t mode, len, major, minor, inode;
};

/* Reads the member at *at; false at the trailer. */
static bool next(const struct wc_buf *archive, size_t *at, struct member *out)
{
    const char *head = archive->data + *at;
    assert_true(*at % 4 == 0 && *at + 110 <= archive->len);
    assert_memory_equal(head, "070701", 6);
    uint32_t name_len = hex(head + 6 + 11 * 8);
    *out = (struct member){ .name = head + 110,
                            .inode = hex(head + 6),
                            .mode = hex(head + 14),
                            .len = hex(head + 54),
                            .major = hex(head + 78),
                            .minor = hex(head + 86) };
    assert_int_equal(out->name[name_len - 1], '\0');
    size_t body = (*at + 110 + name_len + 3) & ~(size_t)3;
    out->bytes = archive->data + body;
    *at = (body + out->len + 3) & ~(size_t)3;
    assert_true(*at <= archive->len);
    return strcmp(out->name, "TRAILER!!!") != 0;
}

static void archive_reads_back(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_cpio cpio = { .out = &out };
    struct member m;
    size_t at = 0;
    wc_cpio_dir(&cpio, "dev", 0755);
    wc_cpio_chardev(&cpio, "dev/console", 0600, 5, 1);
    wc_cpio_file(&cpio, "init", 0755, "abcde", 5);
    wc_cpio_file(&cpio, "empty", 0644, "", 0);
    wc_cpio_end(&cpio);
    assert_true(next(&out, &at, &m));
    assert_string_equal(m.name, "dev");
    assert_int_equal(m.mode, S_IFDIR | 0755);
    assert_true(next(&out, &at, &m));
    assert_int_equal(m.mode, S_IFCHR | 0600);
    assert_int_equal(m.major, 5);
    assert_int_equal(m.minor, 1);
    assert_true(next(&out, &at, &m));
    assert_int_equal(m.len, 5);
    assert_memory_equal(m.bytes, "abcde", 5);
    assert_int_equal(m.inode, 3);
    assert_true(next(&out, &at, &m));
    assert_int_equal(m.len, 0);
    assert_false(next(&out, &at, &m));
    assert_int_equal(at, out.len);
}

/* ---- what a module says ---- */

static int depends(const struct wc_buf *module, struct wc_arena *arena, struct wc_strv *out)
{
    struct wc_err err = { 0 };
    *out = (struct wc_strv){ 0 };
    return wc_modinfo_depends(module->data, module->len, arena, out, &err);
}

static void modules_say_what_they_need(void **state)
{
    (void)state;
    static const char info[] = "license=GPL\0depends=jbd2,mbcache\0name=ext4";
    static const char open_end[] = "depends=a";
    WC_CLEANUP_BUF struct wc_buf module = WC_BUF_INIT, cut = WC_BUF_INIT, none = WC_BUF_INIT;
    struct wc_arena arena;
    struct wc_strv list;
    wc_arena_init(&arena);
    vm_module_make(&module, info, sizeof info);
    assert_int_equal(depends(&module, &arena, &list), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0], "jbd2");
    assert_string_equal(list.items[1], "mbcache");
    vm_module_make(&cut, open_end, sizeof open_end - 1); /* no NUL at its end */
    assert_int_equal(depends(&cut, &arena, &list), 0);
    assert_string_equal(list.items[0], "a");
    vm_module_make(&none, "depends=", 9);
    assert_int_equal(depends(&none, &arena, &list), 0);
    assert_int_equal(list.n, 0);
    wc_arena_deinit(&arena);
}

/* Every number of the headers, turned into others: never more than an error. */
static void damaged_modules_are_refused(void **state)
{
    (void)state;
    static const char info[] = "depends=a";
    static const uint64_t values[] = { 0, 1, 0xff, 0xffff, UINT32_MAX, UINT64_MAX, 1ull << 63 };
    WC_CLEANUP_BUF struct wc_buf module = WC_BUF_INIT;
    struct wc_arena arena;
    struct wc_strv list;
    wc_arena_init(&arena);
    vm_module_make(&module, info, sizeof info);
    for (size_t len = 0; len < module.len; len++) {
        const struct wc_buf cut = { module.data, len, module.cap };
        assert_int_equal(depends(&cut, &arena, &list), WC_ERR_SPEC);
    }
    for (size_t at = 0; at + 8 <= module.len; at++)
        for (size_t v = 0; v < WC_COUNT(values); v++) {
            char kept[8];
            memcpy(kept, module.data + at, 8);
            memcpy(module.data + at, &values[v], 8);
            (void)depends(&module, &arena, &list);
            memcpy(module.data + at, kept, 8);
        }
    assert_int_equal(depends(&module, &arena, &list), 0);
    wc_arena_deinit(&arena);
}

/* ---- the order ---- */

static char tree[64];

static void make_tree(void)
{
    snprintf(tree, sizeof tree, "/tmp/wc-modules-XXXXXX");
    assert_non_null(mkdtemp(tree));
}

static void put(const char *path, const void *bytes, size_t len)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", tree, path);
    char *slash = strrchr(whole, '/');
    *slash = '\0';
    assert_int_equal(wc_fs_mkdirs(whole, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(wc_fs_write_atomic(whole, bytes, len, 0644, false, NULL), 0);
}

static void put_module(const char *path, const char *needs)
{
    WC_CLEANUP_BUF struct wc_buf info = WC_BUF_INIT, module = WC_BUF_INIT;
    wc_buf_printf(&info, "depends=%s", needs);
    vm_module_make(&module, info.data, info.len + 1);
    put(path, module.data, module.len);
}

static size_t place_of(const struct wc_modules *modules, const char *name)
{
    for (size_t i = 0; i < modules->n; i++)
        if (wc_streq(modules->items[i].name, name))
            return i;
    return SIZE_MAX;
}

static void each_comes_after_what_it_needs(void **state)
{
    (void)state;
    static const char builtin[] =
        "kernel/fs/overlayfs/overlay.ko\nkernel/drivers/virtio/virtio.ko\n";
    struct wc_arena arena;
    struct wc_modules modules = { 0 };
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    make_tree();
    put("modules.builtin", builtin, sizeof builtin - 1);
    put_module("kernel/fs/ext4/ext4.ko", "jbd2,mbcache");
    put_module("kernel/fs/jbd2/jbd2.ko", "");
    put_module("kernel/fs/mbcache.ko", "");
    put_module("kernel/a/virtio-rng.ko", "virtio,rng-core"); /* spelt in both ways */
    put_module("kernel/b/rng-core.ko", "");
    put_module("kernel/fs/erofs/erofs.ko", "absent");
    put("kernel/fs/notes.txt", "x", 1);
    assert_int_equal(wc_modules_resolve(tree, &arena, &modules, &err), 0);
    assert_int_equal(modules.n, 5);
    assert_true(place_of(&modules, "ext4") > place_of(&modules, "jbd2"));
    assert_true(place_of(&modules, "ext4") > place_of(&modules, "mbcache"));
    assert_true(place_of(&modules, "virtio_rng") > place_of(&modules, "rng_core"));
    assert_true(place_of(&modules, "ext4") != SIZE_MAX);
    assert_true(wc_strv_has(&modules.missing, "erofs"));      /* needs what isn't there */
    assert_true(wc_strv_has(&modules.missing, "virtio_blk")); /* isn't there */
    assert_false(wc_strv_has(&modules.missing, "overlay"));   /* built in */
    assert_false(wc_strv_has(&modules.missing, "vmgenid"));   /* only good to have */
    wc_fs_remove_tree(tree, NULL);
    wc_arena_deinit(&arena);
}

static int resolve_tree(struct wc_err *err)
{
    struct wc_arena arena;
    struct wc_modules modules = { 0 };
    *err = (struct wc_err){ 0 };
    wc_arena_init(&arena);
    int rc = wc_modules_resolve(tree, &arena, &modules, err);
    assert_true(rc == 0 || modules.n == 0);
    wc_arena_deinit(&arena);
    return rc;
}

static void hostile_trees_are_refused(void **state)
{
    (void)state;
    struct wc_err err;
    char deep[512] = "x", path[600];
    make_tree();
    put_module("erofs.ko", "fuse");
    put_module("fuse.ko", "erofs");
    assert_int_equal(resolve_tree(&err), WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "depends on itself"));
    put("fuse.ko", "no ELF", 6);
    assert_int_equal(resolve_tree(&err), WC_ERR_SPEC);
    assert_non_null(strstr(err.msg, "fuse.ko"));
    put("fuse.ko.xz", "no xz", 5);
    snprintf(path, sizeof path, "%s/fuse.ko", tree);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(resolve_tree(&err), WC_ERR_UNAVAILABLE);
    snprintf(path, sizeof path, "%s/fuse.ko.xz", tree);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(tree, path), 0); /* is not followed */
    assert_int_equal(resolve_tree(&err), 0);
    for (size_t len = 1; len < 60; len += 2)
        snprintf(deep + len, sizeof deep - len, "/x");
    put(deep, "x", 1);
    assert_int_equal(resolve_tree(&err), WC_ERR_LIMIT);
    wc_fs_remove_tree(tree, NULL);
    assert_int_equal(resolve_tree(&err), WC_ERR_NOENT);
}

WC_MAIN(WC_CASE(archive_reads_back), WC_CASE(modules_say_what_they_need),
        WC_CASE(damaged_modules_are_refused), WC_CASE(each_comes_after_what_it_needs),
        WC_CASE(hostile_trees_are_refused))
