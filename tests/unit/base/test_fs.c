/* test_fs.c - whole files: bounded reads, atomic replacement, removal that never follows a link. */
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/arena.h"
#include "base/str.h"
#include "wcompose/diag.h"

static char root[64];

static const char *path(const char *name)
{
    static char text[4][256];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof text[0], "%s/%s", root, name);
    return out;
}

static void make_root(void)
{
    snprintf(root, sizeof root, "/tmp/wc-test-fs-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void remove_root(void)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_remove_tree(root, &err), 0);
    assert_false(wc_fs_exists(root));
}

static void replaces_atomically(void **state)
{
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    assert_int_equal(wc_fs_write_atomic(path("a"), "one", 3, 0600, true, &err), 0);
    assert_int_equal(wc_fs_write_atomic(path("a"), "second", 6, 0640, false, &err), 0);
    assert_int_equal(wc_fs_read(path("a"), 100, &buf, &err), 0);
    assert_string_equal(buf.data, "second");
    struct stat st;
    assert_int_equal(stat(path("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(wc_fs_write_atomic(path("no/such"), "x", 1, 0600, false, &err), WC_ERR_NOENT);
    remove_root();
}

/* A process that is killed in the middle leaves its new file; it is known by its name. */
static void what_the_dead_began_is_swept(void **state)
{
    static const char *const stay[] = { "a",
                                        "a.0123456.new",
                                        "a.0123456g.new",
                                        "a.01234567.newer",
                                        "b.01234567.new",
                                        "xa.01234567.new" };
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
        assert_int_equal(wc_fs_write_atomic(path(stay[i]), "x", 1, 0600, false, &err), 0);
    assert_int_equal(wc_fs_write_atomic(path("a.01234567.new"), "x", 1, 0600, false, &err), 0);
    assert_int_equal(wc_fs_write_atomic(path("a.89abcdef.new"), "x", 1, 0600, false, &err), 0);
    wc_fs_sweep_atomic(path("a"));
    assert_false(wc_fs_exists(path("a.01234567.new")));
    assert_false(wc_fs_exists(path("a.89abcdef.new")));
    for (size_t i = 0; i < sizeof stay / sizeof stay[0]; i++)
        assert_true(wc_fs_exists(path(stay[i])));
    wc_fs_sweep_atomic(path("no/such"));
    remove_root();
}

static void reads_are_bounded(void **state)
{
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    assert_int_equal(wc_fs_write_atomic(path("a"), "0123456789", 10, 0600, false, &err), 0);
    assert_int_equal(wc_fs_read(path("a"), 9, &buf, &err), WC_ERR_LIMIT);
    assert_int_equal(buf.len, 0);
    assert_int_equal(wc_fs_read(root, 9, &buf, &err), WC_ERR_IO);
    assert_int_equal(wc_fs_read("/dev/zero", 9, &buf, &err), WC_ERR_IO);
    assert_int_equal(wc_fs_read(path("none"), 9, &buf, &err), WC_ERR_NOENT);
    remove_root();
}

/* A container can nest deeper than we have descriptors, names or stack for. */
static void removal_is_not_stopped_by_depth(void **state)
{
    enum { DEPTH = 3000, FILES = 200 };
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    struct rlimit before, few;
    assert_int_equal(wc_fs_mkdirs(path("deep"), 0755, &err), 0);
    int fd = open(path("deep"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        assert_int_equal(mkdirat(fd, "e", 0755), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = FILES;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int rc = wc_fs_remove_tree(path("deep"), &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, 0);
    assert_false(wc_fs_exists(path("deep")));
    remove_root();
}

static void removal_does_not_follow_links(void **state)
{
    (void)state;
    make_root();
    struct wc_err err = { 0 };
    assert_int_equal(wc_fs_mkdirs(path("keep/deep"), 0755, &err), 0);
    assert_int_equal(wc_fs_mkdirs(path("gone/deep/er"), 0755, &err), 0);
    assert_int_equal(wc_fs_write_atomic(path("keep/deep/file"), "x", 1, 0600, false, &err), 0);
    assert_int_equal(symlink(path("keep"), path("gone/link")), 0);
    assert_int_equal(wc_fs_remove_tree(path("gone"), &err), 0);
    assert_false(wc_fs_exists(path("gone")));
    assert_true(wc_fs_exists(path("keep/deep/file")));
    assert_int_equal(wc_fs_remove_tree(path("gone"), &err), 0);
    remove_root();
}

static void errors_wrap_and_map(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    assert_int_equal(wc_err_set(&err, WC_ERR_IO, ENOSPC, "write %s", "x"), WC_ERR_IO);
    wc_err_wrap_(&err, "service %s", "web");
    assert_string_equal(err.msg, "service web: write x: No space left on device");
    for (int i = 0; i < 100; i++)
        wc_err_wrap_(&err, "layer %d", i);
    assert_true(strlen(err.msg) < sizeof err.msg);
    assert_int_equal(wc_err_exit_status(WC_ERR_ISOLATION), 4);
    assert_int_equal(wc_err_exit_status(-1000), 1);
}

static void diagnostics_sort_by_place(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_diags diags;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    static const char text[] = "first\r\nsecond\nthird";
    wc_diags_source(&diags, "b.yaml", text, sizeof text - 1);
    wc_diags_source(&diags, "a.yaml", text, sizeof text - 1);
    wc_diags_add(&diags, WC_SEVERITY_ERROR, "E2", (struct wc_loc){ "a.yaml", 1, 1 }, "last");
    wc_diags_add(&diags, WC_SEVERITY_WARNING, "W1", (struct wc_loc){ "b.yaml", 2, 9 }, "middle");
    wc_diags_add(&diags, WC_SEVERITY_ERROR, "E1", (struct wc_loc){ "b.yaml", 2, 3 }, "first");
    wc_diags_sort(&diags);
    assert_string_equal(diags.items[0].msg, "first");
    assert_string_equal(diags.items[1].msg, "middle");
    assert_string_equal(diags.items[2].msg, "last");
    assert_int_equal(diags.n_errors, 2);
    size_t len;
    assert_memory_equal(wc_diags_line(&diags, "b.yaml", 1, &len), "first", 5);
    assert_int_equal(len, 5);
    assert_memory_equal(wc_diags_line(&diags, "b.yaml", 3, &len), "third", 5);
    assert_null(wc_diags_line(&diags, "b.yaml", 4, &len));
    assert_null(wc_diags_line(&diags, "none", 1, &len));
    wc_arena_deinit(&arena);
}

static void root_moves_all_paths(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    setenv("WCOMPOSE_ROOT", "relative", 1);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), WC_ERR_USAGE);
    setenv("WCOMPOSE_ROOT", "/tmp/somewhere", 1);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), 0);
    assert_string_equal(paths.run, "/tmp/somewhere/run");
    assert_string_equal(wc_paths_instance_lib(&paths, &arena, "shop", "shop-web-1.ab"),
                        "/tmp/somewhere/lib/projects/shop/instances/shop-web-1.ab");
    wc_arena_deinit(&arena);
}

/* Whoever can write to our directories commands us. */
static void roots_of_others_are_not_used(void **state)
{
    (void)state;
    if (geteuid() != 0)
        WC_SKIP("needs root");
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err = { 0 };
    make_root();
    wc_arena_init(&arena);
    setenv("WCOMPOSE_ROOT", root, 1);
    assert_int_equal(wc_fs_mkdirs(path("run"), 0700, &err), 0);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), 0);
    assert_int_equal(chown(path("run"), 12345, 12345), 0);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), WC_ERR_PERM);
    assert_int_equal(chown(path("run"), 0, 0), 0);
    assert_int_equal(chmod(root, 01777), 0);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), WC_ERR_PERM);
    assert_int_equal(chmod(root, 0755), 0);
    assert_int_equal(wc_paths_find(&arena, &paths, &err), 0);
    wc_arena_deinit(&arena);
    remove_root();
}

/* A secret is nobody else's, and a file that could make us wait is none. */
static void secrets_are_ours_alone(void **state)
{
    (void)state;
    static const mode_t bad[] = { 0604, 0640, 0620, 0602, 0660, 0644, 0610 };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err err = { 0 };
    make_root();
    assert_int_equal(wc_fs_write_atomic(path("key"), "k", 1, 0600, false, &err), 0);
    assert_int_equal(wc_fs_read_secret(path("key"), 10, &text, &err), 0);
    assert_string_equal(text.data, "k");
    assert_int_equal(chmod(path("key"), 0400), 0);
    assert_int_equal(wc_fs_read_secret(path("key"), 10, &text, &err), 0);
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        assert_int_equal(chmod(path("key"), bad[i]), 0);
        assert_int_equal(wc_fs_read_secret(path("key"), 10, &text, &err), WC_ERR_PERM);
        assert_non_null(strstr(err.msg, "chmod 600 it"));
    }
    assert_string_equal(text.data, "kk");
    assert_int_equal(mkfifo(path("pipe"), 0600), 0);
    assert_int_equal(wc_fs_read_secret(path("pipe"), 10, &text, &err), WC_ERR_PERM);
    assert_int_equal(wc_fs_read_secret(path("none"), 10, &text, &err), WC_ERR_NOENT);
    if (geteuid() == 0) {
        assert_int_equal(chmod(path("key"), 0600), 0);
        assert_int_equal(chown(path("key"), 12345, 0), 0);
        assert_int_equal(wc_fs_read_secret(path("key"), 10, &text, &err), WC_ERR_PERM);
        assert_non_null(strstr(err.msg, "chown it to root"));
    }
    remove_root();
}

static void *remove_again(void *data)
{
    struct wc_err err = { 0 };
    int rc = wc_fs_remove_tree(data, &err);
    if (rc != 0)
        fprintf(stderr, "%s\n", err.msg);
    return rc == 0 ? data : NULL;
}

/* Two who remove the same: each finds that it is gone, whoever was first. */
static void removed_by_two(void **state)
{
    (void)state;
    enum { ROUNDS = 60, DIRS = 30 };
    make_root();
    for (int round = 0; round < ROUNDS; round++) {
        char dir[300];
        pthread_t other;
        void *result;
        for (int i = 0; i < DIRS; i++) {
            snprintf(dir, sizeof dir, "%s/both/%d/x/y", root, i);
            assert_int_equal(wc_fs_mkdirs(dir, 0755, NULL), 0);
        }
        snprintf(dir, sizeof dir, "%s/both", root);
        assert_int_equal(pthread_create(&other, NULL, remove_again, dir), 0);
        assert_non_null(remove_again(dir));
        pthread_join(other, &result);
        assert_non_null(result);
    }
    remove_root();
}

WC_MAIN(WC_CASE(replaces_atomically), WC_CASE(what_the_dead_began_is_swept),
        WC_CASE(reads_are_bounded), WC_CASE(secrets_are_ours_alone),
        WC_CASE(removal_is_not_stopped_by_depth), WC_CASE(removal_does_not_follow_links),
        WC_CASE(removed_by_two), WC_CASE(errors_wrap_and_map), WC_CASE(diagnostics_sort_by_place),
        WC_CASE(root_moves_all_paths), WC_CASE(roots_of_others_are_not_used))
