/* test_gitops_record.c - record.json: what is written is read, and a damaged one is refused. */
// LINK: wc_orchestrator wc_spec
#include "harness/wc_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/gitops.h"

struct box {
    struct wc_arena arena;
    char dir[64];
    struct wc_gitops_record record;
    struct wc_err err;
};

static void open_box(struct box *box)
{
    *box = (struct box){ .dir = "/tmp/wcompose-record-XXXXXX" };
    wc_arena_init(&box->arena);
    assert_non_null(mkdtemp(box->dir));
}

static void close_box(struct box *box)
{
    wc_arena_deinit(&box->arena);
    assert_int_equal(wc_fs_remove_tree(box->dir, &box->err), 0);
}

static struct wc_gitops_image old_image = { "web", "r.example/web:1", "1.4.2", "sha256:a", 77 },
                              new_image = { "web", "r.example/web:1", "1.4.3", "sha256:b", 0 };

static struct wc_gitops_record sample(struct wc_gitops_past *past)
{
    struct wc_gitops_record r = {
        .memory = { .generation = 7,
                    .mark = "m",
                    .seen = { "r3", "i1", "h2" },
                    .good = { "r2", "i1", "h1" },
                    .attempt = { "r3", "i1", "h2" },
                    .tries = 2,
                    .unjudged_at_ms = 10,
                    .superseded = 3,
                    .restoring = true,
                    .failures = 4,
                    .retry_at_ms = 11,
                    .looked_at_ms = 12,
                    .due_at_ms = 13,
                    .asked_at_ms = 15,
                    .ask_at_ms = 16,
                    .unanswered = 3,
                    .unanswered_why = "r.example: away",
                    .wake_at_ms = 14,
                    .n_rejected = 1 },
        .good = { .name = "main@r2", .author = "Ann", .subject = "\"two\"", .tree = "t2" },
        .good_text = "{\"good\": 1}",
        .attempt_text = "{}",
        .source = "/srv/x.git",
        .good_images = { &old_image, 1 },
        .attempt_images = { &new_image, 1 },
        .answers = { &new_image, 1 },
        .answers_of = { "r3", "i1", "h2" },
        .past = past,
        .n_past = 1,
    };
    r.memory.rejected[0] = (struct wc_gitops_rejection){
        { "r1", "i1", "" }, "Unhealthy", "web is unhealthy", 99, true
    };
    r.memory.conditions[WC_GITOPS_STALLED] =
        (struct wc_gitops_condition){ WC_GITOPS_TRUE, "Unhealthy", "web", 6, 98 };
    return r;
}

static void round_trip(void **state)
{
    (void)state;
    struct box box;
    struct wc_gitops_past past = { 5, "applied", "main@r2", "" };
    struct wc_gitops_record wrote = sample(&past), *read = &box.record;
    open_box(&box);
    assert_int_equal(wc_gitops_record_write(box.dir, &wrote, &box.err), 0);
    assert_int_equal(wc_gitops_record_read(box.dir, &box.arena, read, &box.err), 0);
    wrote.memory.is_suspended = read->memory.is_suspended;
    assert_memory_equal(&read->memory, &wrote.memory, sizeof wrote.memory);
    assert_string_equal(read->good_text, wrote.good_text);
    assert_string_equal(read->good.subject, "\"two\"");
    assert_null(read->good.signer);
    assert_string_equal(read->good.tree, "t2");
    assert_int_equal(read->good_images.n, 1);
    assert_string_equal(read->good_images.items[0].tag, "1.4.2");
    assert_int_equal(read->good_images.items[0].since_ms, 77);
    assert_int_equal(read->attempt_images.n, 1);
    assert_string_equal(read->attempt_images.items[0].digest, "sha256:b");
    assert_string_equal(wc_gitops_image_pinned(&read->answers.items[0], &box.arena),
                        "r.example/web:1.4.3@sha256:b");
    assert_string_equal(read->answers_of.images, "h2");
    assert_int_equal(read->n_past, 1);
    assert_string_equal(read->past[0].what, "applied");
    close_box(&box);
}

static void set(struct wc_gitops_record *r, enum wc_gitops_condition_type type,
                enum wc_gitops_truth status, const char *reason)
{
    struct wc_gitops_condition *c = &r->memory.conditions[type];
    c->status = status;
    c->since_ms = 1700000000000;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
}

static void changes_are_events(void **state)
{
    (void)state;
    struct box box;
    struct wc_gitops_record *r = &box.record;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    open_box(&box);
    assert_int_equal(wc_gitops_record_read(box.dir, &box.arena, r, &box.err), 0);
    wc_gitops_note_events(r, &box.arena);
    assert_int_equal(r->events.n, 0);
    set(r, WC_GITOPS_READY, WC_GITOPS_TRUE, "Applied");
    set(r, WC_GITOPS_STALLED, WC_GITOPS_FALSE, "No");
    set(r, WC_GITOPS_RECONCILING, WC_GITOPS_TRUE, "Applying");
    r->memory.conditions[WC_GITOPS_STALLED].since_ms--; /* it was found out first */
    r->seen.name = "main@1";
    wc_gitops_note_events(r, &box.arena);
    wc_gitops_note_events(r, &box.arena);
    assert_int_equal(r->events.n, 3);
    assert_int_equal(wc_gitops_record_write(box.dir, r, &box.err), 0);
    assert_int_equal(wc_gitops_record_read(box.dir, &box.arena, r, &box.err), 0);
    assert_int_equal(r->events.n, 3);
    assert_int_equal(r->events.items[0].type, WC_GITOPS_STALLED);
    assert_int_equal(r->events.items[0].seq, 1);
    assert_int_equal(r->events.items[2].type, WC_GITOPS_RECONCILING);
    assert_int_equal(r->events.items[2].seq, 3);
    assert_string_equal(r->events.items[2].revision, "main@1");
    strcpy(r->memory.conditions[WC_GITOPS_READY].message, "as before, in other words");
    wc_gitops_note_events(r, &box.arena);
    assert_int_equal(r->events.n, 3);
    set(r, WC_GITOPS_READY, WC_GITOPS_TRUE, "Restored"); /* with the status that it had */
    wc_gitops_note_events(r, &box.arena);
    assert_int_equal(r->events.n, 4);
    wc_gitops_event_json("shop", &r->events.items[3], &text);
    assert_non_null(strstr(text.data, "\"seq\":4,\"app\":\"shop\",\"condition\":\"Ready\","
                                      "\"status\":\"True\",\"reason\":\"Restored\""));
    assert_non_null(strstr(text.data, "\"at\":\"2023-11-14T22:13:20"));
    for (int i = 0; i < 2 * WC_GITOPS_EVENTS; i++) {
        set(r, WC_GITOPS_READY, i % 2 == 0 ? WC_GITOPS_FALSE : WC_GITOPS_TRUE, "x");
        wc_gitops_note_events(r, &box.arena);
    }
    assert_int_equal(r->events.n, WC_GITOPS_EVENTS);
    assert_int_equal(r->events.items[0].seq, 4 + 2 * WC_GITOPS_EVENTS - WC_GITOPS_EVENTS + 1);
    assert_int_equal(r->events.items[WC_GITOPS_EVENTS - 1].seq, 4 + 2 * WC_GITOPS_EVENTS);
    close_box(&box);
}

static void absent_is_empty(void **state)
{
    (void)state;
    struct box box;
    open_box(&box);
    assert_int_equal(wc_gitops_record_read(box.dir, &box.arena, &box.record, &box.err), 0);
    assert_int_equal(box.record.memory.good.id[0], 0);
    close_box(&box);
}

/* A record that lies, or is of a newer version, is not taken for an empty one: what runs would be
 * taken for nothing. */
static void damaged_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{\"version\": 2}",
        "{\"version\": 1, \"good_key\": {\"id\": \"r1\", \"inputs\": \"i\"}}",
        "{\"version\": 1, \"attempt_key\": {\"id\": \"r1\", \"inputs\": \"i\"}}",
        "{\"version\": 1, \"restoring\": true}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct box box;
        char path[128];
        open_box(&box);
        snprintf(path, sizeof path, "%s/record.json", box.dir);
        assert_int_equal(wc_fs_write_atomic(path, bad[i], strlen(bad[i]), 0600, false, &box.err),
                         0);
        assert_int_equal(wc_gitops_record_read(box.dir, &box.arena, &box.record, &box.err),
                         WC_ERR_STATE);
        assert_non_null(strstr(box.err.msg, "record.json"));
        close_box(&box);
    }
}

/* Who has the lock is the only one who writes: what a killed pass began to write goes. */
static void half_a_record_is_swept(void **state)
{
    (void)state;
    struct box box;
    char half[128], told[128];
    int fd = -1, other = -1;
    open_box(&box);
    snprintf(half, sizeof half, "%s/record.json.0123abcd.new", box.dir);
    snprintf(told, sizeof told, "%s/told.json.0123abcd.new", box.dir);
    assert_int_equal(wc_fs_write_atomic(half, "{", 1, 0600, false, &box.err), 0);
    assert_int_equal(wc_fs_write_atomic(told, "{", 1, 0600, false, &box.err), 0);
    assert_int_equal(wc_gitops_lock(box.dir, &fd, &box.err), 0);
    assert_false(wc_fs_exists(half));
    assert_true(wc_fs_exists(told)); /* the agent's, which needs no lock for it */
    assert_int_equal(wc_fs_write_atomic(half, "{", 1, 0600, false, &box.err), 0);
    assert_int_equal(wc_gitops_lock(box.dir, &other, &box.err), WC_ERR_CONFLICT);
    assert_true(wc_fs_exists(half));
    close(other);
    close(fd);
    close_box(&box);
}

WC_MAIN(WC_CASE(half_a_record_is_swept), WC_CASE(round_trip), WC_CASE(changes_are_events),
        WC_CASE(absent_is_empty), WC_CASE(damaged_is_refused))
