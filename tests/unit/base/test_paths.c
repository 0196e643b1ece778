/* test_paths.c - where state may live: who can write there could make us do anything. */
#include "harness/wc_test.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/paths.h"

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/wc-paths-XXXXXX");
    return mkdtemp(root) != NULL && setenv("WCOMPOSE_ROOT", root, 1) == 0 ? 0 : -1;
}

static int find(struct wc_arena *arena, struct wc_paths *paths, struct wc_err *err)
{
    *paths = (struct wc_paths){ 0 };
    *err = (struct wc_err){ 0 };
    return wc_paths_find(arena, paths, err);
}

static void one_root_holds_all(void **state)
{
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err;
    char expected[128];
    assert_int_equal(make_root(state), 0);
    wc_arena_init(&arena);
    assert_int_equal(find(&arena, &paths, &err), 0);
    snprintf(expected, sizeof expected, "%s/run/projects/shop", root);
    assert_string_equal(wc_paths_project_run(&paths, &arena, "shop"), expected);
    snprintf(expected, sizeof expected, "%s/lib/projects/shop", root);
    assert_string_equal(wc_paths_project_lib(&paths, &arena, "shop"), expected);
    snprintf(expected, sizeof expected, "%s/lib/images", root);
    assert_string_equal(paths.images, expected);
    assert_string_equal(paths.bin, getenv("WCOMPOSE_LIBEXEC"));
    wc_arena_deinit(&arena);
    rmdir(root);
}

static void roots_that_others_write_are_refused(void **state)
{
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err;
    assert_int_equal(make_root(state), 0);
    wc_arena_init(&arena);
    chmod(root, 0777);
    assert_int_equal(find(&arena, &paths, &err), WC_ERR_PERM);
    assert_non_null(strstr(err.msg, "anybody may write there"));
    assert_null(paths.lib);
    chmod(root, 0700);
    if (geteuid() == 0) {
        assert_int_equal(chown(root, 65534, 65534), 0);
        assert_int_equal(find(&arena, &paths, &err), WC_ERR_PERM);
        assert_non_null(strstr(err.msg, "belongs to somebody else"));
    }
    setenv("WCOMPOSE_ROOT", "here", 1);
    assert_int_equal(find(&arena, &paths, &err), WC_ERR_USAGE);
    assert_non_null(strstr(err.msg, "absolute path, not 'here'"));
    wc_arena_deinit(&arena);
    rmdir(root);
}

/* Exits with 0 when a user without privileges gets the directories of theirs. */
static void be_a_user(void)
{
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_err err;
    wc_arena_init(&arena);
    setenv("HOME", "/nowhere/anna", 1);
    setenv("XDG_RUNTIME_DIR", "/nowhere/run", 1);
    setenv("XDG_STATE_HOME", "state", 1); /* not absolute: as if it were not set */
    setenv("XDG_CONFIG_HOME", "/nowhere/config", 1);
    int rc = find(&arena, &paths, &err);
    bool good = rc == 0 && strcmp(paths.lib, "/nowhere/anna/.local/state/wcompose") == 0 &&
                strcmp(paths.etc, "/nowhere/config/wcompose") == 0 &&
                strcmp(paths.run, "/nowhere/run/wcompose") == 0;
    unsetenv("HOME");
    rc = find(&arena, &paths, &err);
    good = good && rc == WC_ERR_NOENT && strstr(err.msg, "set WCOMPOSE_ROOT") != NULL;
    wc_arena_deinit(&arena);
    _exit(good ? 0 : 1);
}

static void users_have_their_own(void **state)
{
    (void)state;
    int status = 0;
    unsetenv("WCOMPOSE_ROOT");
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && seteuid(65534) != 0)
            _exit(2);
        be_a_user();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

WC_MAIN(WC_CASE(one_root_holds_all), WC_CASE(roots_that_others_write_are_refused),
        WC_CASE(users_have_their_own))
