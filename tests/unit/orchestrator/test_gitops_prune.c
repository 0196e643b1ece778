/* test_gitops_prune.c - apps that the agent file no longer has: whose they are decides. */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "harness/wc_test.h"

#include <stdlib.h>
#include <sys/file.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/gitops.h"

#define FILE_NAME "/etc/wcompose/agent.yaml"

static struct {
    char root[64];
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_agent_app kept;
    struct wc_agent agent;
    struct wc_gitops_pruned pruned;
    char said[512];
    struct wc_err err;
} box;

static void on_say(void *data, const char *line)
{
    (void)data;
    snprintf(box.said, sizeof box.said, "%s", line);
}

static const char *of(const char *app, const char *file)
{
    return wc_arena_printf(&box.arena, "%s/%s", wc_gitops_dir(&box.paths, &box.arena, app), file);
}

/* What a pass for `file` leaves behind of an app. */
static void applied(const char *app, const char *file)
{
    const struct wc_gitops_record record = { .memory = { .good = { "r1", "i1" } },
                                             .good_text = "{}" };
    const char *dir = wc_gitops_dir(&box.paths, &box.arena, app);
    assert_int_equal(wc_gitops_record_write(dir, &record, &box.err), 0);
    if (file != NULL)
        assert_int_equal(wc_gitops_own(dir, file, &box.err), 0);
}

static void open_box(void)
{
    memset(&box, 0, sizeof box);
    snprintf(box.root, sizeof box.root, "/tmp/wc-test-prune-XXXXXX");
    assert_non_null(mkdtemp(box.root));
    setenv("WCOMPOSE_ROOT", box.root, 1);
    wc_arena_init(&box.arena);
    assert_int_equal(wc_paths_find(&box.arena, &box.paths, &box.err), 0);
    box.kept.name = "kept";
    box.agent = (struct wc_agent){ .apps = &box.kept, .n_apps = 1, .prune_apps = true };
    applied("kept", FILE_NAME);
    applied("gone", FILE_NAME);
}

static void close_box(void)
{
    wc_arena_deinit(&box.arena);
    assert_int_equal(wc_fs_remove_tree(box.root, &box.err), 0);
}

static void prune(void)
{
    const struct wc_gitops_prune ask = { .paths = &box.paths,
                                         .agent = &box.agent,
                                         .file = FILE_NAME,
                                         .interrupt_fd = -1,
                                         .say = on_say };
    if (wc_gitops_prune(&ask, &box.pruned, &box.err) != 0)
        fail_msg("%s", box.err.msg);
}

/* Nothing of it is in force: what is kept of it goes, and nothing else. */
static void forgets_what_is_gone(void **state)
{
    (void)state;
    open_box();
    assert_int_equal(wc_fs_mkdirs(of("gone", "trees/x"), 0700, &box.err), 0);
    assert_int_equal(wc_fs_mkdirs(of("strange", "trees"), 0700, &box.err), 0);
    prune();
    assert_int_equal(box.pruned.n_failed + box.pruned.n_left, 0);
    assert_false(wc_fs_exists(of("gone", "record.json")));
    assert_false(wc_fs_exists(of("gone", "trees")));
    assert_true(wc_fs_exists(of("kept", "record.json")));
    assert_true(wc_fs_exists(of("strange", "trees"))); /* no pass has made that */
    prune();
    close_box();
}

static void leaves_what_isnt_its_own(void **state)
{
    (void)state;
    open_box();
    applied("others", "/srv/other.yaml");
    applied("old", NULL);
    applied("asleep", FILE_NAME);
    assert_int_equal(wc_gitops_set_suspended(&box.paths, "asleep", true, &box.err), 0);
    prune();
    assert_int_equal(box.pruned.n_left, 1);
    assert_non_null(strstr(box.said, "suspended"));
    assert_true(wc_fs_exists(of("others", "record.json")));
    assert_true(wc_fs_exists(of("old", "record.json")));
    assert_true(wc_fs_exists(of("asleep", "record.json")));
    close_box();
}

/* Nobody has asked for it, or the file is empty by accident. */
static void only_when_it_is_wanted(void **state)
{
    (void)state;
    open_box();
    box.agent.prune_apps = false;
    prune();
    assert_true(wc_fs_exists(of("gone", "record.json")));
    box.agent = (struct wc_agent){ .prune_apps = true };
    prune();
    assert_true(wc_fs_exists(of("gone", "record.json")));
    assert_true(wc_fs_exists(of("kept", "record.json")));
    close_box();
}

static void waits_for_a_pass(void **state)
{
    (void)state;
    open_box();
    int fd = -1;
    assert_int_equal(wc_gitops_lock(wc_gitops_dir(&box.paths, &box.arena, "gone"), &fd, &box.err),
                     0);
    prune();
    assert_int_equal(box.pruned.n_failed, 1);
    assert_true(wc_fs_exists(of("gone", "record.json")));
    close(fd);
    prune();
    assert_int_equal(box.pruned.n_failed, 0);
    assert_false(wc_fs_exists(of("gone", "record.json")));
    close_box();
}

/* A prune that was killed when it had removed the record is gone on with. */
static void what_a_killed_one_left_is_found(void **state)
{
    (void)state;
    open_box();
    assert_int_equal(unlink(of("gone", "record.json")), 0);
    assert_true(wc_fs_exists(of("gone", "owner")));
    prune();
    assert_int_equal(box.pruned.n_failed, 0);
    assert_false(wc_fs_exists(of("gone", "owner")));
    assert_true(wc_fs_exists(of("kept", "record.json")));
    close_box();
}

static void damaged_records_end_nothing(void **state)
{
    (void)state;
    open_box();
    const char *record = of("gone", "record.json");
    assert_int_equal(wc_fs_write_atomic(record, "{", 1, 0600, false, &box.err), 0);
    prune();
    assert_int_equal(box.pruned.n_failed, 1);
    assert_true(wc_fs_exists(record));
    close_box();
}

WC_MAIN(WC_CASE(forgets_what_is_gone), WC_CASE(leaves_what_isnt_its_own),
        WC_CASE(only_when_it_is_wanted), WC_CASE(waits_for_a_pass),
        WC_CASE(what_a_killed_one_left_is_found), WC_CASE(damaged_records_end_nothing))
