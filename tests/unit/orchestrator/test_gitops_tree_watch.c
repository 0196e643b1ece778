/* test_gitops_tree_watch.c - whatever changes in a tree is told of, however deep; and when not all
 * of it is watched, that is. */
// LINK: wc_orchestrator wc_spec
#include "harness/wc_test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "orchestrator/gitops/tree_watch.h"

enum { LIMIT_MS = 20000 };

struct box {
    char dir[64];
    uv_loop_t uv;
    uv_timer_t limit;
    struct wc_tree_watch *watch;
    unsigned n_changed, n_partial, n_closed;
    char why[256];
};

static void on_changed(void *data)
{
    struct box *box = data;
    box->n_changed++;
    uv_stop(&box->uv);
}

static void on_partial(void *data, const char *root, const char *why)
{
    struct box *box = data;
    (void)root;
    box->n_partial++;
    snprintf(box->why, sizeof box->why, "%s", why);
}

static void on_closed(void *data)
{
    struct box *box = data;
    box->n_closed++;
}

static void on_limit(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void make(const struct box *box, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", box->dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void put(const struct box *box, const char *name)
{
    char path[256];
    struct wc_err err = { 0 };
    snprintf(path, sizeof path, "%s/%s", box->dir, name);
    assert_int_equal(wc_fs_write_atomic(path, "x", 1, 0600, false, &err), 0);
}

/* How often it was told within that time, at most once more than before. */
static unsigned told_within(struct box *box, uint64_t limit_ms)
{
    unsigned before = box->n_changed;
    uv_timer_start(&box->limit, on_limit, limit_ms, 0);
    uv_run(&box->uv, UV_RUN_DEFAULT);
    return box->n_changed - before;
}

static void open_box(struct box *box, size_t max, const char *only)
{
    *box = (struct box){ .dir = "/tmp/wcompose-watch-XXXXXX" };
    assert_non_null(mkdtemp(box->dir));
    make(box, "a");
    make(box, "a/b");
    assert_int_equal(uv_loop_init(&box->uv), 0);
    uv_timer_init(&box->uv, &box->limit);
    const struct wc_tree_watch_config config = {
        .root = box->dir,
        .only = only,
        .max = max,
        .changed = on_changed,
        .partial = on_partial,
        .closed = on_closed,
        .data = box,
    };
    box->watch = wc_tree_watch_open(&box->uv, &config);
    assert_int_equal(told_within(box, LIMIT_MS), 1); /* of what came before it was watched */
}

static void close_box(struct box *box)
{
    struct wc_err err = { 0 };
    wc_tree_watch_close(box->watch);
    uv_close((uv_handle_t *)&box->limit, NULL);
    uv_run(&box->uv, UV_RUN_DEFAULT);
    assert_int_equal(box->n_closed, 1);
    assert_int_equal(uv_loop_close(&box->uv), 0);
    assert_int_equal(wc_fs_remove_tree(box->dir, &err), 0);
}

static void deep_changes_are_told(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, 0, NULL);
    put(&box, "a/b/file");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    make(&box, "a/b/c"); /* one that is new is watched, too */
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    put(&box, "a/b/c/file");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    assert_int_equal(box.n_partial, 0);
    close_box(&box);
}

/* A directory that was moved away is no longer of interest; one that was moved in is. */
static void moves_are_followed(void **state)
{
    (void)state;
    struct box box, other;
    char from[128], to[128];
    open_box(&box, 0, NULL);
    open_box(&other, 0, NULL);
    snprintf(from, sizeof from, "%s/a", box.dir);
    snprintf(to, sizeof to, "%s/moved", other.dir);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    assert_int_equal(told_within(&other, LIMIT_MS), 1);
    put(&other, "moved/b/file");
    assert_int_equal(told_within(&other, LIMIT_MS), 1);
    assert_int_equal(told_within(&box, 700), 0);
    close_box(&other);
    close_box(&box);
}

/* Links lead elsewhere, and aren't followed. */
static void links_are_not_followed(void **state)
{
    (void)state;
    struct box box, other;
    char link[128];
    open_box(&other, 0, NULL);
    open_box(&box, 0, NULL);
    snprintf(link, sizeof link, "%s/link", box.dir);
    assert_int_equal(symlink(other.dir, link), 0);
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    put(&other, "file");
    assert_int_equal(told_within(&box, 700), 0);
    close_box(&box);
    close_box(&other);
}

/* The upper ones are watched where not all can be, and it is said once. */
static void what_is_too_much_is_said(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, 2, NULL);
    assert_int_equal(box.n_partial, 1);
    assert_non_null(strstr(box.why, "more than 2 directories"));
    put(&box, "a/file");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    put(&box, "a/b/file");
    assert_int_equal(told_within(&box, 700), 0);
    close_box(&box);
}

static void one_file_alone(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, 0, "compose.yaml");
    put(&box, "other.yaml");
    put(&box, "a/compose.yaml");
    assert_int_equal(told_within(&box, 700), 0);
    put(&box, "compose.yaml");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    close_box(&box);
}

/* Another directory in its place, which nothing tells of, is found when it is looked for; and one
 * that is gone isn't told of again and again. */
static void another_root(void **state)
{
    (void)state;
    struct box box;
    struct wc_err err = { 0 };
    open_box(&box, 0, NULL);
    assert_int_equal(wc_fs_remove_tree(box.dir, &err), 0);
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    wc_tree_watch_check(box.watch);
    assert_int_equal(told_within(&box, 700), 0);
    assert_int_equal(mkdir(box.dir, 0700), 0);
    wc_tree_watch_check(box.watch);
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    put(&box, "file");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    close_box(&box);
}

/* Who asks whether the root is still the same while a new directory is let settle, as after each
 * pass: it is watched nevertheless. */
static void asked_while_it_settles(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, 0, NULL);
    make(&box, "a/new");
    bool is_slow = told_within(&box, 50) > 0; /* a machine on which it has settled by now */
    wc_tree_watch_check(box.watch);
    if (!is_slow)
        assert_int_equal(told_within(&box, LIMIT_MS), 1);
    put(&box, "a/new/file");
    assert_int_equal(told_within(&box, LIMIT_MS), 1);
    close_box(&box);
}

WC_MAIN(WC_CASE(deep_changes_are_told), WC_CASE(moves_are_followed),
        WC_CASE(links_are_not_followed), WC_CASE(what_is_too_much_is_said), WC_CASE(one_file_alone),
        WC_CASE(another_root), WC_CASE(asked_while_it_settles))
