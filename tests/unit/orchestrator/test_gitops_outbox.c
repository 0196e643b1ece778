/* test_gitops_outbox.c - what people are to be told is kept until it is taken, whatever dies. */
#include "harness/wc_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/outbox_queue.h"

#define ID "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define TO "0123456789abcdef"

static char root[64];
static struct wc_arena arena;

static void open_box(void)
{
    snprintf(root, sizeof root, "/tmp/wc-test-outbox-XXXXXX");
    assert_non_null(mkdtemp(root));
    wc_arena_init(&arena);
}

static void close_box(void)
{
    wc_arena_deinit(&arena);
    assert_int_equal(wc_fs_remove_tree(root, NULL), 0);
}

static const char *in(const char *name)
{
    return wc_arena_printf(&arena, "%s/%s", root, name);
}

static void names_are_read_strictly(void **state)
{
    (void)state;
    struct wc_outbox_name name = { .at_ms = 1700000000000, .id = ID, .to = TO }, read;
    open_box();
    const char *text = wc_outbox_name(&name, &arena);
    assert_string_equal(text, "0000018bcfe56800-" ID "." TO);
    assert_true(wc_outbox_read_name(text, &read));
    assert_true(read.at_ms == name.at_ms);
    assert_string_equal(read.id, ID);
    assert_string_equal(read.to, TO);
    static const char *const bad[] = { "",
                                       ".",
                                       "told.json",
                                       "0000018bcfe56800-" ID "." TO ".12345678.new",
                                       "0000018bcfe56800-" ID "-" TO,
                                       "0000018bcfe56800." ID "." TO,
                                       "f000018bcfe56800-" ID "." TO,
                                       "0000018bcfe5680/-" ID "." TO,
                                       "0000018bcfe56800-" ID ".0123456789abcdeF" };
    for (size_t i = 0; i < WC_COUNT(bad); i++)
        assert_false(wc_outbox_read_name(bad[i], &read));
    close_box();
}

static void kept_until_dropped(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    struct wc_strv names;
    const char *body, *dir;
    struct stat st;
    open_box();
    dir = in("outbox");
    assert_int_equal(wc_outbox_list(dir, &arena, &names, &err), 0);
    assert_int_equal(names.n, 0);
    struct wc_outbox_name later = { .at_ms = 2000, .id = ID, .to = TO };
    struct wc_outbox_name first = { .at_ms = 1000, .id = ID, .to = "fedcba9876543210" };
    assert_int_equal(wc_outbox_put(dir, wc_outbox_name(&later, &arena), "{2}", &err), 0);
    assert_int_equal(wc_outbox_put(dir, wc_outbox_name(&first, &arena), "{1}", &err), 0);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    const char *half = in("outbox/0000018bcfe56800-x.12345678.new"); /* of one that was killed */
    assert_int_equal(wc_fs_write_atomic(half, "{", 1, 0600, false, &err), 0);
    assert_int_equal(wc_outbox_list(dir, &arena, &names, &err), 0);
    assert_false(wc_fs_exists(half));
    assert_int_equal(names.n, 2);
    assert_int_equal(wc_outbox_get(dir, names.items[0], &arena, &body, &err), 0);
    assert_string_equal(body, "{1}");
    assert_int_equal(wc_outbox_drop(dir, names.items[0], &err), 0);
    assert_int_equal(wc_outbox_drop(dir, names.items[0], &err), 0);
    assert_int_equal(wc_outbox_get(dir, names.items[0], &arena, &body, &err), WC_ERR_NOENT);
    assert_int_equal(wc_outbox_list(dir, &arena, &names, &err), 0);
    assert_int_equal(names.n, 1);
    assert_int_equal(wc_outbox_get(dir, names.items[0], &arena, &body, &err), 0);
    assert_string_equal(body, "{2}");
    close_box();
}

/* Who is told is known again, and isn't written: addresses have tokens in them. */
static void receivers_are_hashes(void **state)
{
    (void)state;
    const char *words[] = { "/bin/tell", "a b" }, *others[] = { "/bin/tell", "a", "b" };
    char one[WC_OUTBOX_TO + 1], two[WC_OUTBOX_TO + 1];
    struct wc_agent_notify url = { .url = "https://h/token", .secret_file = "/a" };
    struct wc_agent_notify same = { .url = "https://h/token", .secret_file = "/b" };
    struct wc_agent_notify command = { .command = { .items = words, .n = 2 } };
    struct wc_agent_notify other = { .command = { .items = others, .n = 3 } };
    wc_outbox_to(&url, one);
    wc_outbox_to(&same, two);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), WC_OUTBOX_TO);
    wc_outbox_to(&command, one);
    assert_string_not_equal(one, two);
    wc_outbox_to(&other, two);
    assert_string_not_equal(one, two);
}

static void told_is_remembered(void **state)
{
    (void)state;
    struct wc_err err = { 0 };
    struct wc_gitops_condition told[WC_GITOPS_CONDITIONS] = { 0 }, read[WC_GITOPS_CONDITIONS];
    open_box();
    assert_false(wc_told_read(root, read));
    told[WC_GITOPS_READY].status = WC_GITOPS_TRUE;
    snprintf(told[WC_GITOPS_READY].reason, sizeof told[0].reason, "Applied");
    told[WC_GITOPS_STALLED].status = WC_GITOPS_FALSE;
    assert_int_equal(wc_told_write(root, told, &err), 0);
    assert_true(wc_told_read(root, read));
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        assert_int_equal(read[i].status, told[i].status);
        assert_string_equal(read[i].reason, told[i].reason);
    }
    assert_int_equal(wc_fs_write_atomic(in("told.json"), "{", 1, 0600, false, &err), 0);
    assert_false(wc_told_read(root, read));
    assert_int_equal(wc_fs_write_atomic(in("told.json.0123abcd.new"), "{", 1, 0600, false, &err),
                     0);
    wc_told_sweep(root);
    assert_false(wc_fs_exists(in("told.json.0123abcd.new")));
    assert_true(wc_fs_exists(in("told.json")));
    close_box();
}

/* ---- off the loop ---- */

struct said {
    char text[200];
    bool is_late; /* nothing was said before the loop ran */
};

static void say(struct said *said, const char *what, const struct wc_err *err)
{
    size_t len = strlen(said->text);
    assert_true(said->is_late);
    snprintf(said->text + len, sizeof said->text - len, "%s%s ", what,
             err->code != 0 ? " failed" : "");
}

static void on_put(void *data, const struct wc_err *err)
{
    say(data, "put", err);
}

static void on_dropped(void *data, const struct wc_err *err)
{
    assert_true(wc_fs_exists(in("box/a")) && !wc_fs_exists(in("box/b")));
    say(data, "dropped", err);
}

static void on_told(void *data, const struct wc_err *err)
{
    say(data, "told", err);
}

static void changes_are_made_in_order_by_a_thread(void **state)
{
    (void)state;
    struct wc_outbox_queue queue;
    struct said said = { 0 };
    uv_loop_t loop;
    const struct wc_gitops_condition told[WC_GITOPS_CONDITIONS] = {
        [WC_GITOPS_READY] = { .status = WC_GITOPS_TRUE, .reason = "Applied" }
    };
    struct wc_gitops_condition read[WC_GITOPS_CONDITIONS];
    open_box();
    assert_int_equal(uv_loop_init(&loop), 0);
    wc_outbox_queue_init(&queue, &loop);
    assert_int_equal(wc_fs_write_atomic(in("file"), "", 0, 0600, false, NULL), 0);
    const struct wc_outbox_for bad = { in("file/box"), on_put, &said };
    const struct wc_outbox_for put = { in("box"), on_put, &said };
    const struct wc_outbox_for drop = { in("box"), on_dropped, &said };
    const struct wc_outbox_for tell = { in("app"), on_told, &said };
    wc_outbox_queue_put(&queue, &put, "a", "one");
    wc_outbox_queue_put(&queue, &put, "b", "two");
    wc_outbox_queue_put(&queue, &bad, "c", "three");
    wc_outbox_queue_drop(&queue, &drop, "b");
    usleep(20000); /* a job may be done by now; its end is not told here */
    said.is_late = true;
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    wc_outbox_queue_told(&queue, &tell, told);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(said.text, "put put put failed dropped told ");
    assert_true(wc_told_read(in("app"), read));
    assert_string_equal(read[WC_GITOPS_READY].reason, "Applied");
    assert_null(queue.first);
    assert_int_equal(uv_loop_close(&loop), 0);
    close_box();
}

WC_MAIN(WC_CASE(names_are_read_strictly), WC_CASE(kept_until_dropped),
        WC_CASE(receivers_are_hashes), WC_CASE(told_is_remembered),
        WC_CASE(changes_are_made_in_order_by_a_thread))
