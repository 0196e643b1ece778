/* test_gitops_ends.c - what is remembered of an action by how it ended, and what follows from that.
 * Each case is of faults that were planted in the step (tools/mutants.py --gitops), and that no
 * story told of.
 */
#include "harness/wc_test.h"

#include "orchestrator/core/gitops.h"

/* An app in the middle of a pass: r1 is good, r2 was found. */
struct app {
    struct wc_gitops_memory memory;
    struct wc_gitops_pass pass;
    struct wc_gitops_in in;
};

static const struct wc_gitops_result done = { .end = WC_GITOPS_DONE },
                                     left = { .end = WC_GITOPS_LEFT },
                                     broken = { .end = WC_GITOPS_TRANSIENT, .reason = "Broken" },
                                     refused = { .end = WC_GITOPS_REFUSED, .reason = "Unhealthy" };

static struct app app(void)
{
    return (struct app){
        .memory = { .good = { "r1", "i" }, .seen = { "r2", "i" }, .mark = "m2" },
        .pass = { .looked = true, .fetched = true, .candidate = { "r2", "i" } },
        .in = { .app = "shop",
                .inputs = "i",
                .now_ms = 1000000,
                .interval_ms = 60000,
                .limit_ms = 300000,
                .repair = true },
    };
}

static void note(struct app *a, enum wc_gitops_act act, const struct wc_gitops_result *result)
{
    wc_gitops_note(&a->in, &a->memory, &a->pass, act, result);
}

static enum wc_gitops_act next(const struct app *a)
{
    return wc_gitops_step(&a->in, &a->memory, &a->pass).act;
}

/* An attempt that was broken off five times isn't begun a sixth time, nor ever again. */
static void an_attempt_has_five_tries(void **state)
{
    (void)state;
    struct app a = app();
    a.memory.attempt = a.pass.candidate;
    a.memory.tries = WC_GITOPS_TRIES - 1;
    wc_gitops_begin(&a.in, &a.memory);
    assert_string_equal(a.memory.attempt.id, "r2");
    assert_int_equal(a.memory.n_rejected, 0);
    a.memory.tries = WC_GITOPS_TRIES;
    struct app suspended = a, by_file = a;
    suspended.memory.is_suspended = true;
    by_file.in.suspend = true;
    wc_gitops_begin(&suspended.in, &suspended.memory);
    wc_gitops_begin(&by_file.in, &by_file.memory);
    assert_string_equal(suspended.memory.attempt.id, "r2");
    assert_string_equal(by_file.memory.attempt.id, "r2");
    wc_gitops_begin(&a.in, &a.memory);
    assert_string_equal(a.memory.attempt.id, "");
    assert_true(a.memory.restoring);
    assert_int_equal(a.memory.n_rejected, 1);
    assert_string_equal(a.memory.rejected[0].key.id, "r2");
    assert_string_equal(a.memory.rejected[0].reason, "Interrupted");
}

/* Under other inputs it isn't gone on with, and not rejected: it is judged anew. */
static void an_attempt_is_of_its_inputs(void **state)
{
    (void)state;
    struct app a = app();
    a.memory.attempt = a.pass.candidate;
    a.memory.tries = 1;
    a.in.inputs = "j";
    wc_gitops_begin(&a.in, &a.memory);
    assert_string_equal(a.memory.attempt.id, "");
    assert_true(a.memory.restoring);
    assert_int_equal(a.memory.n_rejected, 0);
    struct app first = app();
    first.memory.good = (struct wc_gitops_key){ 0 };
    first.memory.attempt = first.pass.candidate;
    first.in.inputs = "j";
    wc_gitops_begin(&first.in, &first.memory);
    assert_false(first.memory.restoring); /* there is nothing to go back to */
}

/* When it was looked at is known by the next pass, which a clock that was set back doesn't hold up.
 */
static void a_look_is_dated(void **state)
{
    (void)state;
    struct app a = app();
    const struct wc_gitops_result looked = { .mark = "m2" };
    a.pass = (struct wc_gitops_pass){ 0 };
    note(&a, WC_GITOPS_LOOK, &looked);
    assert_int_equal(a.memory.looked_at_ms, a.in.now_ms);
    struct app before = app();
    before.memory = a.memory;
    before.pass = (struct wc_gitops_pass){ 0 };
    assert_int_equal(next(&before), WC_GITOPS_REST);
    before.in.now_ms -= 1;
    assert_int_equal(next(&before), WC_GITOPS_LOOK);
}

/* The same mark means the same revision under the same inputs only, and only where one is known. */
static void a_mark_is_of_its_inputs(void **state)
{
    (void)state;
    const struct wc_gitops_result looked = { .mark = "m2" }, silent = { .mark = "" };
    struct app same = app(), other = app(), none = app(), unmarked = app();
    same.pass = other.pass = none.pass = unmarked.pass = (struct wc_gitops_pass){ 0 };
    other.in.inputs = "j";
    none.memory.seen = (struct wc_gitops_key){ .inputs = "i" };
    unmarked.memory.mark[0] = '\0';
    note(&same, WC_GITOPS_LOOK, &looked);
    note(&other, WC_GITOPS_LOOK, &looked);
    note(&none, WC_GITOPS_LOOK, &looked);
    note(&unmarked, WC_GITOPS_LOOK, &silent);
    assert_string_equal(same.pass.candidate.id, "r2");
    assert_string_equal(other.pass.candidate.id, "");
    assert_string_equal(none.pass.candidate.id, "");
    assert_int_equal(none.memory.generation, 0); /* nothing isn't a candidate */
    assert_string_equal(unmarked.pass.candidate.id, "");
    assert_int_equal(next(&other), WC_GITOPS_FETCH);
}

/* A key that can't be read now says nothing about who signed. */
static void not_found_out_is_not_told(void **state)
{
    (void)state;
    struct app a = app();
    struct wc_gitops_condition *c = &a.memory.conditions[WC_GITOPS_SOURCE_VERIFIED];
    c->status = WC_GITOPS_TRUE;
    note(&a, WC_GITOPS_VERIFY, &broken);
    assert_int_equal(c->status, WC_GITOPS_TRUE);
    assert_true(a.pass.failed);
    assert_int_equal(a.memory.failures, 1);
    note(&a, WC_GITOPS_VERIFY, &refused);
    assert_int_equal(c->status, WC_GITOPS_FALSE);
    assert_false(a.memory.rejected[0].is_believed);
}

/* A question to registries that was broken off on request wasn't asked. */
static void a_question_that_was_left(void **state)
{
    (void)state;
    struct app a = app();
    a.in.ask_ms = 60000;
    a.memory.ask_at_ms = 7;
    note(&a, WC_GITOPS_ASK, &left);
    assert_int_equal(a.memory.asked_at_ms, 0);
    assert_int_equal(a.memory.ask_at_ms, 7);
    assert_int_equal(a.memory.unanswered, 0);
    assert_true(a.pass.ended);
}

/* An apply that was left, or couldn't be tried, ends the pass; the first is none of its tries. */
static void an_apply_that_did_not_end(void **state)
{
    (void)state;
    struct app a = app(), b = app(), never = app();
    a.memory.attempt = b.memory.attempt = never.memory.attempt = a.pass.candidate;
    a.memory.tries = b.memory.tries = 2;
    note(&a, WC_GITOPS_APPLY, &left);
    assert_int_equal(a.memory.tries, 1);
    assert_true(a.pass.ended);
    assert_false(a.pass.failed);
    note(&a, WC_GITOPS_APPLY, &left);
    assert_int_equal(a.memory.tries, 0);
    note(&never, WC_GITOPS_APPLY, &left);
    assert_int_equal(never.memory.tries, 0);
    note(&b, WC_GITOPS_APPLY, &broken);
    assert_int_equal(b.memory.tries, 2);
    assert_true(b.pass.ended && b.pass.failed);
    assert_int_equal(next(&b), WC_GITOPS_REST);
    assert_string_equal(b.memory.attempt.id, "r2");
}

/* What got ready is compared already: all of it is as it is wanted. */
static void ready_is_not_drifted(void **state)
{
    (void)state;
    struct app a = app();
    a.memory.attempt = a.pass.candidate;
    a.pass.drifted = a.pass.not_ready = true;
    note(&a, WC_GITOPS_APPLY, &done);
    assert_string_equal(a.memory.good.id, "r2");
    assert_true(a.pass.compared);
    assert_false(a.pass.drifted || a.pass.not_ready);
    wc_gitops_conclude(&a.in, &a.memory, &a.pass);
    assert_int_equal(a.memory.conditions[WC_GITOPS_READY].status, WC_GITOPS_TRUE);
}

/* A rollback that can't be tried is tried again by the next pass; one that ended is over, also
 * when not all of it got ready, which is said. */
static void a_restore_is_tried_until_it_ends(void **state)
{
    (void)state;
    struct app a = app();
    const struct wc_gitops_result unready = { .not_ready = true, .why = "db is unhealthy" };
    a.memory.restoring = true;
    a.pass.drifted = true;
    (void)wc_gitops_start(&a.in, &a.memory, &a.pass, WC_GITOPS_RESTORE);
    assert_string_equal(a.memory.conditions[WC_GITOPS_RECONCILING].reason, "Restoring");
    note(&a, WC_GITOPS_RESTORE, &broken);
    assert_true(a.memory.restoring && a.pass.ended && a.pass.failed);
    assert_int_equal(next(&a), WC_GITOPS_REST);
    a.pass.ended = a.pass.failed = false;
    assert_int_equal(next(&a), WC_GITOPS_RESTORE);
    note(&a, WC_GITOPS_RESTORE, &unready);
    assert_false(a.memory.restoring || a.pass.drifted);
    assert_true(a.pass.compared && a.pass.not_ready);
    wc_gitops_conclude(&a.in, &a.memory, &a.pass);
    const struct wc_gitops_condition *ready = &a.memory.conditions[WC_GITOPS_READY];
    assert_int_equal(ready->status, WC_GITOPS_FALSE);
    assert_string_equal(ready->message, "db is unhealthy");
}

/* A comparison, or a repair, that failed ends the pass: it isn't repaired by guess. */
static void a_comparison_that_failed(void **state)
{
    (void)state;
    struct app a = app();
    const struct wc_gitops_result odd = { .end = WC_GITOPS_TRANSIENT, .drifted = true };
    note(&a, WC_GITOPS_COMPARE, &odd);
    assert_true(a.pass.ended && a.pass.failed);
    assert_false(a.pass.drifted);
    assert_int_equal(next(&a), WC_GITOPS_REST);
}

/* The attempt got ready as people went back: images that were known of the other go with it. */
static void images_go_with_their_revision(void **state)
{
    (void)state;
    struct app a = app();
    a.memory.good = (struct wc_gitops_key){ "r1", "i", "x1" };
    a.memory.attempt = (struct wc_gitops_key){ "r2", "i", "x2" };
    a.memory.seen = a.pass.candidate = (struct wc_gitops_key){ "r1", "i", "x1" };
    struct app other = a;
    note(&a, WC_GITOPS_APPLY, &done);
    assert_string_equal(a.memory.good.images, "x2");
    assert_string_equal(a.memory.seen.images, "");
    assert_string_equal(a.pass.candidate.images, "");
    other.memory.seen = other.pass.candidate = (struct wc_gitops_key){ "r3", "i", "x3" };
    note(&other, WC_GITOPS_APPLY, &done);
    assert_string_equal(other.memory.seen.images, "x3");
    assert_string_equal(other.pass.candidate.images, "x3");
    struct app same = app(); /* the same revision with other images: what is known holds */
    same.memory.good = (struct wc_gitops_key){ "r1", "i", "x1" };
    same.memory.attempt = same.memory.seen = same.pass.candidate =
        (struct wc_gitops_key){ "r1", "i", "x2" };
    note(&same, WC_GITOPS_APPLY, &done);
    assert_string_equal(same.memory.seen.images, "x2");
}

/* What isn't ready, or has drifted, is looked at again within a minute, however long the interval
 * is; and what is due sooner stays so. */
static void unready_is_not_believed_for_long(void **state)
{
    (void)state;
    const struct wc_gitops_result unready = { .not_ready = true, .why = "starting" },
                                  drifted = { .drifted = true, .why = "stopped" };
    static const enum wc_gitops_act acts[] = { WC_GITOPS_COMPARE, WC_GITOPS_RESTORE };
    for (size_t i = 0; i < 4; i++) {
        struct app a = app();
        a.memory.due_at_ms = a.in.now_ms + 3600000;
        note(&a, acts[i / 2], i % 2 == 0 ? &unready : &done);
        assert_int_equal(a.memory.due_at_ms - a.in.now_ms, i % 2 == 0 ? 60000 : 3600000);
        struct app soon = app();
        soon.memory.due_at_ms = soon.in.now_ms + 5000;
        note(&soon, acts[i / 2], &unready);
        assert_int_equal(soon.memory.due_at_ms - soon.in.now_ms, 5000);
    }
    struct app reports = app();
    reports.in.repair = false;
    reports.memory.due_at_ms = reports.in.now_ms + 3600000;
    note(&reports, WC_GITOPS_COMPARE, &drifted);
    assert_int_equal(reports.memory.due_at_ms - reports.in.now_ms, 60000);
}

/* Who waits for images of a newer one hears of the attempt's end, and goes on with them after. */
static void images_keep_nobody_waiting(void **state)
{
    (void)state;
    const struct wc_gitops_result broken_off = { .end = WC_GITOPS_PENDING };
    struct app a = app();
    a.memory.attempt = (struct wc_gitops_key){ "r3", "i", "" };
    a.memory.unjudged_at_ms = a.in.now_ms;
    a.memory.due_at_ms = a.in.now_ms + 60000;
    a.pass.waits = a.pass.verified = a.pass.loaded = true;
    assert_int_equal(next(&a), WC_GITOPS_PULL);
    note(&a, WC_GITOPS_PULL, &broken_off);
    assert_false(a.pass.failed);
    assert_false(a.pass.pulled);
    assert_int_equal(next(&a), WC_GITOPS_WAIT);
    assert_int_equal(wc_gitops_step(&a.in, &a.memory, &a.pass).wake_at_ms, 0);
    note(&a, WC_GITOPS_WAIT, &refused);
    assert_int_equal(next(&a), WC_GITOPS_RESTORE);
    note(&a, WC_GITOPS_RESTORE, &done);
    assert_int_equal(next(&a), WC_GITOPS_PULL);
    note(&a, WC_GITOPS_PULL, &done);
    assert_int_equal(next(&a), WC_GITOPS_APPLY);
}

WC_MAIN(WC_CASE(an_attempt_has_five_tries), WC_CASE(an_attempt_is_of_its_inputs),
        WC_CASE(a_look_is_dated), WC_CASE(a_mark_is_of_its_inputs),
        WC_CASE(not_found_out_is_not_told), WC_CASE(a_question_that_was_left),
        WC_CASE(an_apply_that_did_not_end), WC_CASE(ready_is_not_drifted),
        WC_CASE(a_restore_is_tried_until_it_ends), WC_CASE(a_comparison_that_failed),
        WC_CASE(images_go_with_their_revision), WC_CASE(images_keep_nobody_waiting),
        WC_CASE(unready_is_not_believed_for_long))
