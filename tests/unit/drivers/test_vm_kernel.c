/* test_vm_kernel.c - kernels on disk: installed from a directory or a package, listed, put in use,
 * removed; an initramfs that is packed anew exactly when a part of it changed; damage and leftovers
 * of runs that were broken off. */
#include "harness/wc_test.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/kernel.h"
#include "drivers/hyperv/kernel_config.h"
#include "unit/drivers/vm_module.h"

#define RELEASE "9.9.0-1-cloud-amd64"

struct box {
    char root[64];
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err;
};

static const char *at(struct box *box, const char *path)
{
    return wc_arena_printf(&box->arena, "%s/%s", box->root, path);
}

static void put(struct box *box, const char *path, const void *bytes, size_t len)
{
    char *whole = wc_arena_strdup(&box->arena, at(box, path));
    char *slash = strrchr(whole, '/');
    *slash = '\0';
    assert_int_equal(wc_fs_mkdirs(whole, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(wc_fs_write_atomic(whole, bytes, len, 0755, false, NULL), 0);
}

static void put_image(struct box *box, const char *path, const char *release, char last)
{
    char image[0x400] = { 0 };
    memcpy(image + 0x202, "HdrS", 4);
    image[0x20f] = 1; /* at 0x200 + 0x100 */
    snprintf(image + 0x300, 0x80, "%s (builder) #1", release);
    image[sizeof image - 1] = last;
    put(box, path, image, sizeof image);
}

static void put_module(struct box *box, const char *path, const char *needs)
{
    WC_CLEANUP_BUF struct wc_buf info = WC_BUF_INIT, module = WC_BUF_INIT;
    wc_buf_printf(&info, "depends=%s", needs);
    vm_module_make(&module, info.data, info.len + 1);
    put(box, path, module.data, module.len);
}

/* A root with programs, and a directory "from" like an unpacked package. */
static void begin(struct box *box)
{
    *box = (struct box){ 0 };
    snprintf(box->root, sizeof box->root, "/tmp/wc-kernel-XXXXXX");
    assert_non_null(mkdtemp(box->root));
    wc_arena_init(&box->arena);
    box->paths = (struct wc_paths){ .lib = at(box, "lib"), .run = at(box, "run") };
    box->paths.bin = at(box, "bin");
    put(box, "bin/wcompose-guest", "agent", 5);
    put(box, "bin/wcompose-join", "join", 4);
    put_image(box, "from/boot/vmlinuz-" RELEASE, RELEASE, 0);
    put_image(box, "from/boot/vmlinuz-9.8.0-1-amd64", "9.8.0-1-amd64", 0);
    put(box, "from/lib/modules/" RELEASE "/modules.builtin", "kernel/fs/ext4/ext4.ko\n", 23);
    put_module(box, "from/lib/modules/" RELEASE "/kernel/overlay.ko", "");
    put_module(box, "from/lib/modules/" RELEASE "/kernel/virtio_ring.ko", "");
    put_module(box, "from/lib/modules/" RELEASE "/kernel/virtio_blk.ko", "virtio_ring");
}

static void end(struct box *box)
{
    assert_int_equal(wc_fs_remove_tree(box->root, NULL), 0);
    wc_arena_deinit(&box->arena);
}

static int install(struct box *box, const char *from, bool *made)
{
    struct wc_vm_kernel_source source = { .from = at(box, from) };
    const char *name = NULL;
    box->err = (struct wc_err){ 0 };
    int rc = wc_vm_kernel_install(&box->paths, &source, &box->arena, &name, made, &box->err);
    assert_true(rc != 0 || name != NULL);
    return rc;
}

static int find(struct box *box, const char *wanted, struct wc_vm_kernel *out)
{
    box->err = (struct wc_err){ 0 };
    *out = (struct wc_vm_kernel){ 0 };
    return wc_vm_kernel_find(&box->paths, wanted, &box->arena, out, &box->err);
}

/* How many entries of the store begin with `begin`. */
static size_t count(struct box *box, const char *dir_path, const char *begin)
{
    size_t n = 0;
    DIR *dir = opendir(at(box, dir_path));
    assert_non_null(dir);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        n += wc_str_starts(entry->d_name, begin);
    closedir(dir);
    return n;
}

static void a_directory_is_installed(void **state)
{
    (void)state;
    struct box box;
    struct wc_vm_kernel_row *rows;
    struct wc_kernel_meta meta;
    bool made = false;
    size_t n = 0;
    begin(&box);
    assert_int_equal(install(&box, "from", &made), 0);
    assert_true(made);
    assert_int_equal(wc_vm_kernel_list(&box.paths, &box.arena, &rows, &n, &box.err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].name, RELEASE); /* the one for cloud machines */
    assert_string_equal(rows[0].release, RELEASE);
    assert_true(rows[0].in_use);
    assert_null(rows[0].broken);
    assert_int_equal(rows[0].n_modules, 3);
    assert_true(wc_strv_has(&rows[0].missing, "virtiofs"));
    assert_int_equal(
        wc_kernel_meta_read(at(&box, "lib/vm/kernels/" RELEASE), &box.arena, &meta, &box.err), 0);
    assert_string_equal(meta.modules.items[0], "virtio_ring.ko");
    assert_string_equal(meta.modules.items[1], "virtio_blk.ko");
    assert_int_equal(install(&box, "from", &made), 0);
    assert_false(made);
    assert_int_equal(rename(at(&box, "lib/vm/kernels/" RELEASE), at(&box, "taken")), 0);
    assert_int_equal(install(&box, "taken", &made), 0); /* one of ours serves as a source */
    assert_true(made);
    assert_int_equal(wc_vm_kernel_list(&box.paths, &box.arena, &rows, &n, &box.err), 0);
    assert_int_equal(rows[0].n_modules, 3);
    assert_false(wc_strv_has(&rows[0].missing, "ext4"));       /* still known to be built in */
    put_image(&box, "from/boot/vmlinuz-" RELEASE, RELEASE, 1); /* a rebuild of the same release */
    assert_int_equal(install(&box, "from", &made), 0);
    assert_true(made);
    assert_int_equal(count(&box, "lib/vm/kernels", ".new-"), 0);
    end(&box);
}

static void what_is_no_kernel_is_refused(void **state)
{
    (void)state;
    struct box box;
    bool made;
    begin(&box);
    assert_int_equal(install(&box, "absent", &made), WC_ERR_NOENT);
    put(&box, "plain/vmlinuz", "text", 4);
    assert_int_equal(install(&box, "plain", &made), WC_ERR_SPEC);
    assert_non_null(strstr(box.err.msg, "no kernel image"));
    assert_int_equal(install(&box, "plain/vmlinuz", &made), WC_ERR_SPEC);
    assert_non_null(strstr(box.err.msg, "neither a Debian package nor"));
    assert_int_equal(install(&box, "bin", &made), WC_ERR_SPEC);
    put_image(&box, "evil/vmlinuz", "../../etc", 0);
    assert_int_equal(install(&box, "evil", &made), WC_ERR_SPEC);
    put_image(&box, "dumb/vmlinuz", "", 0);
    assert_int_equal(install(&box, "dumb", &made), WC_ERR_SPEC);
    put(&box, "half.deb", "!<arch>\nrest", 12);
    assert_int_equal(install(&box, "half.deb", &made), WC_ERR_UNAVAILABLE);
    put(&box, "from/lib/modules/" RELEASE "/kernel/virtio_blk.ko", "damaged", 7);
    assert_int_equal(install(&box, "from", &made), WC_ERR_SPEC);
    assert_int_equal(count(&box, "lib/vm/kernels", ".new-"), 0);
    assert_int_equal(count(&box, "lib/vm/kernels", "9"), 0);
    end(&box);
}

static void leftovers_are_swept(void **state)
{
    (void)state;
    struct box box;
    bool made;
    begin(&box);
    put(&box, "lib/vm/kernels/.new-AbCdEf/root/boot/vmlinuz", "x", 1);
    put(&box, "lib/vm/kernels/.9.9.old/vmlinuz", "x", 1);
    assert_int_equal(install(&box, "from", &made), 0);
    assert_int_equal(count(&box, "lib/vm/kernels", ".new-"), 0);
    assert_int_equal(count(&box, "lib/vm/kernels", ".9.9"), 0);
    end(&box);
}

static void the_initramfs_follows_its_parts(void **state)
{
    (void)state;
    struct box box;
    struct wc_vm_kernel first, again, newer;
    struct stat before, after;
    bool made;
    begin(&box);
    assert_int_equal(install(&box, "from", &made), 0);
    assert_int_equal(find(&box, NULL, &first), 0);
    assert_string_equal(first.name, RELEASE);
    assert_int_equal(strlen(first.identity), 64);
    assert_int_equal(stat(first.initramfs, &before), 0);
    assert_int_equal(find(&box, RELEASE, &again), 0);
    assert_string_equal(again.identity, first.identity);
    assert_int_equal(stat(again.initramfs, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    put(&box, "bin/wcompose-guest", "newer", 5);
    assert_int_equal(find(&box, NULL, &newer), 0);
    assert_string_not_equal(newer.identity, first.identity);
    assert_string_not_equal(newer.initramfs, first.initramfs);
    assert_int_equal(access(first.initramfs, R_OK), 0); /* who was told of it finds it */
    const struct timeval old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    assert_int_equal(utimes(first.initramfs, old), 0);
    put(&box, "bin/wcompose-join", "other", 5);
    assert_int_equal(find(&box, NULL, &again), 0);
    assert_int_not_equal(access(first.initramfs, R_OK), 0); /* after an hour it goes */
    assert_int_equal(unlink(again.initramfs), 0);
    assert_int_equal(find(&box, NULL, &newer), 0); /* lost: packed again, the same */
    assert_string_equal(newer.identity, again.identity);
    put_image(&box, "from/boot/vmlinuz-" RELEASE, RELEASE, 1);
    assert_int_equal(install(&box, "from", &made), 0);
    assert_int_equal(find(&box, NULL, &again), 0);
    assert_string_not_equal(again.identity, newer.identity);
    end(&box);
}

static void a_kernel_by_path_is_found(void **state)
{
    (void)state;
    struct box box;
    struct wc_vm_kernel plain, with;
    begin(&box);
    put_image(&box, "own/bzImage", "7.0-own", 0);
    assert_int_equal(find(&box, at(&box, "own/bzImage"), &plain), 0);
    assert_string_equal(plain.release, "7.0-own");
    assert_string_equal(plain.image, at(&box, "own/bzImage"));
    assert_int_equal(plain.missing.n, 0);
    put_module(&box, "own/modules/virtio_blk.ko", "");
    assert_int_equal(find(&box, at(&box, "own/bzImage"), &with), 0);
    assert_string_not_equal(with.identity, plain.identity);
    assert_true(wc_strv_has(&with.missing, "erofs"));
    put_image(&box, "own/bzImage", "7.0-own", 1);
    assert_int_equal(find(&box, at(&box, "own/bzImage"), &plain), 0);
    assert_string_not_equal(with.identity, plain.identity);
    assert_int_equal(find(&box, "/absent/bzImage", &plain), WC_ERR_UNAVAILABLE);
    assert_int_equal(find(&box, at(&box, "bin/wcompose-join"), &plain), WC_ERR_SPEC);
    end(&box);
}

static void what_is_missing_is_said_with_what_mends_it(void **state)
{
    (void)state;
    struct box box;
    struct wc_vm_kernel kernel;
    bool made;
    begin(&box);
    assert_int_equal(find(&box, NULL, &kernel), WC_ERR_UNAVAILABLE);
    assert_non_null(strstr(box.err.msg, "wcompose vm kernel install"));
    assert_int_equal(install(&box, "from", &made), 0);
    assert_int_equal(find(&box, "9.9.0-1-clod-amd64", &kernel), WC_ERR_UNAVAILABLE);
    assert_non_null(strstr(box.err.msg, "did you mean '" RELEASE "'?"));
    assert_int_equal(find(&box, "../x", &kernel), WC_ERR_UNAVAILABLE);
    assert_int_equal(unlink(at(&box, "bin/wcompose-guest")), 0);
    assert_int_equal(find(&box, NULL, &kernel), WC_ERR_UNAVAILABLE);
    assert_non_null(strstr(box.err.msg, "wcompose-guest"));
    static const char *const damages[] = { "", "{}", "{\"v\":1}", "[1",
                                           "{\"v\":1,\"name\":\"..\"}" };
    for (size_t i = 0; i < WC_COUNT(damages); i++) {
        put(&box, "lib/vm/kernels/" RELEASE "/meta", damages[i], strlen(damages[i]));
        assert_int_equal(find(&box, NULL, &kernel), WC_ERR_UNAVAILABLE);
        assert_non_null(strstr(box.err.msg, "vm kernel install --force"));
    }
    end(&box);
}

static void use_and_rm(void **state)
{
    (void)state;
    struct box box;
    bool made;
    begin(&box);
    put_image(&box, "two/vmlinuz", "8.0-two", 0);
    assert_int_equal(install(&box, "from", &made), 0);
    assert_int_equal(install(&box, "two", &made), 0);
    assert_string_equal(wc_kernel_in_use(&box.paths, &box.arena), RELEASE);
    assert_int_equal(wc_vm_kernel_use(&box.paths, "8.0-tow", &box.arena, &box.err), WC_ERR_NOENT);
    assert_non_null(strstr(box.err.msg, "8.0-two"));
    assert_int_equal(wc_vm_kernel_use(&box.paths, "8.0-two", &box.arena, &box.err), 0);
    assert_string_equal(wc_kernel_in_use(&box.paths, &box.arena), "8.0-two");
    assert_int_equal(wc_vm_kernel_remove(&box.paths, "8.0-two", &box.arena, &box.err),
                     WC_ERR_CONFLICT);
    assert_int_equal(wc_vm_kernel_remove(&box.paths, "../kernels", &box.arena, &box.err),
                     WC_ERR_NOENT);
    assert_int_equal(wc_vm_kernel_remove(&box.paths, RELEASE, &box.arena, &box.err), 0);
    assert_int_equal(wc_vm_kernel_remove(&box.paths, "8.0-two", &box.arena, &box.err), 0);
    assert_null(wc_kernel_in_use(&box.paths, &box.arena));
    end(&box);
}

static void the_configuration_is_checked(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, absent = WC_BUF_INIT;
    wc_kernel_config_text(&text);
    wc_kernel_config_absent(text.data, &absent);
    assert_string_equal(absent.data, "");
    char *line = strstr(text.data, "\nCONFIG_EROFS_FS=y\n");
    assert_non_null(line);
    line[strlen("\nCONFIG_EROFS_FS=")] = 'm';
    wc_kernel_config_absent(text.data, &absent);
    assert_string_equal(absent.data, "EROFS_FS");
    char *old = strstr(text.data, "\nCONFIG_RETPOLINE=y\n");
    assert_non_null(old);
    memcpy(old, "\n# a later name   \n", 19);
    wc_buf_reset(&absent);
    wc_kernel_config_absent(text.data, &absent); /* has it as MITIGATION_RETPOLINE */
    assert_string_equal(absent.data, "EROFS_FS");
}

WC_MAIN(WC_CASE(a_directory_is_installed), WC_CASE(what_is_no_kernel_is_refused),
        WC_CASE(leftovers_are_swept), WC_CASE(the_initramfs_follows_its_parts),
        WC_CASE(a_kernel_by_path_is_found), WC_CASE(what_is_missing_is_said_with_what_mends_it),
        WC_CASE(use_and_rm), WC_CASE(the_configuration_is_checked))
