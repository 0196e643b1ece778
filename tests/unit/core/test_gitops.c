/* test_gitops.c - what the stories of simulate_gitops don't look at: windows, pauses, words. */
#include "harness/wc_test.h"

#include "base/str.h"
#include "orchestrator/core/gitops.h"

enum { HOUR = 3600000 };
static const int64_t DAY = 24 * (int64_t)HOUR, MONDAY = 4 * 24 * (int64_t)HOUR; /* 1970-01-05 */

static void windows(void **state)
{
    (void)state;
    const struct wc_agent_window night[] = { { 0x1f, 22 * 60, 6 * 60 } }; /* Mon-Fri 22:00-04:00 */
    assert_int_equal(wc_gitops_window_at(NULL, 0, MONDAY), 0);
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY), MONDAY + 22 * HOUR);
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY + 22 * HOUR), 0);
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY + DAY + 4 * HOUR - 1), 0);
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY + DAY + 4 * HOUR),
                     MONDAY + DAY + 22 * HOUR);
    /* Friday's goes on into Saturday; the next is Monday's */
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY + 5 * DAY + HOUR), 0);
    assert_int_equal(wc_gitops_window_at(night, 1, MONDAY + 5 * DAY + 5 * HOUR),
                     MONDAY + 7 * DAY + 22 * HOUR);
    const struct wc_agent_window sunday[] = { { 0x40, 23 * 60, 120 } };
    assert_int_equal(wc_gitops_window_at(sunday, 1, MONDAY + 30 * 60000), 0);
    assert_int_equal(wc_gitops_window_at(sunday, 1, MONDAY + HOUR), MONDAY + 6 * DAY + 23 * HOUR);
}

static struct wc_gitops_in input(int64_t now_ms)
{
    return (struct wc_gitops_in){
        .app = "shop", .inputs = "i", .now_ms = now_ms, .interval_ms = 60000, .repair = true
    };
}

static void pauses_grow_and_end(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    const struct wc_gitops_result broken = { .end = WC_GITOPS_TRANSIENT, .reason = "LookFailed" };
    int64_t now_ms = 1000000;
    for (int i = 0; i < 12; i++) {
        static const int64_t waits[] = { 5000, 10000, 20000, 40000, 60000 };
        int64_t wait = waits[i < 4 ? i : 4];
        struct wc_gitops_in in = input(now_ms);
        struct wc_gitops_pass pass = { 0 };
        assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_LOOK);
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &broken);
        struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
        wc_gitops_conclude(&in, &memory, &pass);
        assert_int_equal(out.act, WC_GITOPS_REST);
        assert_in_range(out.wake_at_ms - now_ms, wait * 9 / 10, wait * 11 / 10);
        assert_string_equal(memory.conditions[WC_GITOPS_RECONCILING].reason, "LookFailed");
        struct wc_gitops_in early = input(out.wake_at_ms - 1);
        struct wc_gitops_pass none = { 0 };
        assert_int_equal(wc_gitops_step(&early, &memory, &none).act, WC_GITOPS_REST);
        early.forced = true;
        assert_int_equal(wc_gitops_step(&early, &memory, &none).act, WC_GITOPS_LOOK);
        now_ms = out.wake_at_ms;
    }
}

static void looks_spread(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    const struct wc_gitops_result done = { .mark = "m" };
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 2000; i++) {
        struct wc_gitops_in in = input(1000000 + i * (int64_t)60000);
        struct wc_gitops_pass pass = { 0 };
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &done);
        int64_t wait = memory.due_at_ms - in.now_ms;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 57000, 57100);
    assert_in_range(most, 62900, 63000);
}

/* A remote that was away isn't asked by all apps at the same moment. */
static void pauses_spread(void **state)
{
    (void)state;
    const struct wc_gitops_result broken = { .end = WC_GITOPS_TRANSIENT };
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 2000; i++) {
        char name[16];
        struct wc_gitops_memory memory = { 0 };
        struct wc_gitops_pass pass = { 0 };
        struct wc_gitops_in in = input(1000000);
        snprintf(name, sizeof name, "app%d", i);
        in.app = name;
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &broken);
        int64_t wait = memory.retry_at_ms - in.now_ms;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 4500, 4520);
    assert_in_range(most, 5480, 5500);
}

/* Of many, the newest are remembered; each once. */
static void rejections_are_bounded(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    const struct wc_gitops_result refused = { .end = WC_GITOPS_REFUSED, .reason = "Invalid" };
    struct wc_gitops_in in = input(5);
    for (unsigned i = 0; i < WC_GITOPS_REJECTED + 3; i++) {
        struct wc_gitops_pass pass = { 0 };
        snprintf(pass.candidate.id, sizeof pass.candidate.id, "r%u", i);
        snprintf(pass.candidate.inputs, sizeof pass.candidate.inputs, "i");
        for (int again = 0; again < 2; again++)
            wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOAD, &refused);
        if (i < WC_GITOPS_REJECTED)
            assert_int_equal(memory.n_rejected, i + 1);
    }
    assert_int_equal(memory.n_rejected, WC_GITOPS_REJECTED);
    for (int i = 0; i < WC_GITOPS_REJECTED; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i + 3);
        assert_string_equal(memory.rejected[i].key.id, id);
    }
    assert_string_equal(memory.rejected[0].reason, "Invalid");
}

/* What can't be fetched for good is rejected as it is known, not believed, and not fetched again
 * while the source says the same; another mark is another candidate. */
static void refused_before_it_is_here(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .good = { "r1", "i" } };
    struct wc_gitops_pass pass = { 0 };
    struct wc_gitops_in in = input(1000);
    const struct wc_gitops_result looked = { .mark = "m2" };
    const struct wc_gitops_result refused = {
        .end = WC_GITOPS_REFUSED, .reason = "TooLarge", .why = "there is more in it", .id = "r2"
    };
    wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &looked);
    assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_FETCH);
    wc_gitops_note(&in, &memory, &pass, WC_GITOPS_FETCH, &refused);
    assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_COMPARE);
    wc_gitops_conclude(&in, &memory, &pass);
    const struct wc_gitops_condition *c = memory.conditions;
    assert_int_equal(c[WC_GITOPS_STALLED].status, WC_GITOPS_TRUE);
    assert_string_equal(c[WC_GITOPS_STALLED].message, "there is more in it");
    assert_int_equal(c[WC_GITOPS_SOURCE_VERIFIED].status, WC_GITOPS_FALSE);
    assert_int_equal(memory.failures, 0);
    for (int again = 0; again < 2; again++) {
        const struct wc_gitops_result now = { .mark = again == 0 ? "m2" : "m3" };
        struct wc_gitops_pass next = { 0 };
        wc_gitops_note(&in, &memory, &next, WC_GITOPS_LOOK, &now);
        assert_int_equal(wc_gitops_step(&in, &memory, &next).act,
                         again == 0 ? WC_GITOPS_COMPARE : WC_GITOPS_FETCH);
    }
}

/* Waiting is said, and when the window opens it is woken. */
static void a_window_is_waited_for(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    struct wc_gitops_pass pass = { .looked = true,
                                   .fetched = true,
                                   .verified = true,
                                   .loaded = true,
                                   .candidate = { "r1", "i" } };
    struct wc_gitops_in in = input(1000);
    memory.due_at_ms = 61000;
    in.window_at_ms = 31000;
    struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
    assert_int_equal(out.act, WC_GITOPS_REST);
    assert_int_equal(out.wake_at_ms, 31000);
    wc_gitops_conclude(&in, &memory, &pass);
    assert_string_equal(memory.conditions[WC_GITOPS_RECONCILING].reason, "WaitsForWindow");
    assert_string_equal(memory.conditions[WC_GITOPS_RECONCILING].message,
                        "no maintenance window is open; the next opens at 1970-01-01T00:00:31Z");
    in.waits_for = "db";
    wc_gitops_conclude(&in, &memory, &pass);
    assert_string_equal(memory.conditions[WC_GITOPS_RECONCILING].message, "db");
    assert_int_equal(wc_gitops_step(&in, &memory, &pass).wake_at_ms, 61000);
}

/* A window opens for what is there to be applied: where the source is away, nothing is. */
static void a_window_that_nobody_waits_for(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .good = { "r1", "i" } };
    struct wc_gitops_pass pass = { .compared = true };
    const struct wc_gitops_result broken = { .end = WC_GITOPS_TRANSIENT, .reason = "LookFailed" };
    struct wc_gitops_in in = input(1000);
    in.window_at_ms = 2000;
    (void)wc_gitops_start(&in, &memory, &pass, WC_GITOPS_LOOK);
    wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &broken);
    struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
    assert_int_equal(out.act, WC_GITOPS_REST);
    assert_int_equal(out.wake_at_ms, memory.retry_at_ms);
}

/* since_ms is when it became so, not when it was said last. */
static void since_when(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .good = { "r1", "i" } };
    struct wc_gitops_pass pass = { .looked = true, .compared = true, .candidate = { "r1", "i" } };
    const struct wc_gitops_condition *ready = &memory.conditions[WC_GITOPS_READY];
    struct wc_gitops_in in = input(1000), later = input(2000);
    wc_gitops_conclude(&in, &memory, &pass);
    wc_gitops_conclude(&later, &memory, &pass);
    assert_int_equal(ready->since_ms, 1000);
    pass.drifted = true;
    wc_gitops_conclude(&later, &memory, &pass);
    assert_int_equal(ready->status, WC_GITOPS_FALSE);
    assert_string_equal(ready->reason, "Drifted");
    assert_int_equal(ready->since_ms, 2000);
}

static struct wc_gitops_in following(int64_t now_ms)
{
    struct wc_gitops_in in = input(now_ms);
    in.ask_ms = 300000;
    return in;
}

static void ask(const struct wc_gitops_in *in, struct wc_gitops_memory *memory, const char *images,
                enum wc_gitops_end end)
{
    struct wc_gitops_pass pass = { .looked = true, .candidate = memory->seen };
    const struct wc_gitops_result result = {
        .end = end, .reason = "RegistryFailed", .why = "r.example: away", .images = images
    };
    wc_gitops_note(in, memory, &pass, WC_GITOPS_ASK, &result);
    wc_gitops_conclude(in, memory, &pass);
}

/* Other images are another candidate; those that were asked about first aren't. */
static void images_make_candidates(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .seen = { "r1", "i", "" }, .generation = 5 };
    struct wc_gitops_in in = following(1000000);
    ask(&in, &memory, "h1", WC_GITOPS_DONE);
    assert_string_equal(memory.seen.images, "h1");
    assert_int_equal(memory.generation, 5);
    ask(&in, &memory, "h1", WC_GITOPS_DONE);
    assert_int_equal(memory.generation, 5);
    ask(&in, &memory, "h2", WC_GITOPS_DONE);
    assert_string_equal(memory.seen.images, "h2");
    assert_int_equal(memory.generation, 6);
    assert_in_range(memory.ask_at_ms - in.now_ms, 285000, 315000);
}

/* What was answered holds for a revision that is loaded after it; where it turns out to name an
 * image that nobody was asked about, nothing of it is known. */
static void images_that_were_not_asked_about(void **state)
{
    (void)state;
    for (int unknown = 0; unknown < 2; unknown++) {
        struct wc_gitops_memory memory = { .seen = { "r1", "i", "h1" }, .ask_at_ms = 2000000 };
        struct wc_gitops_pass pass = {
            .looked = true, .fetched = true, .verified = true, .candidate = memory.seen
        };
        const struct wc_gitops_result loaded = { .has_unknown = unknown != 0 };
        struct wc_gitops_in in = following(1000000);
        assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_LOAD);
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOAD, &loaded);
        assert_int_equal(wc_gitops_step(&in, &memory, &pass).act,
                         unknown ? WC_GITOPS_ASK : WC_GITOPS_PULL);
        assert_string_equal(pass.candidate.images, unknown ? "" : "h1");
        assert_string_equal(memory.seen.images, unknown ? "" : "h1");
    }
}

/* Registries that are away are asked again by a clock of their own; the source is looked at as
 * ever, and it is said all the while. */
static void registries_away(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .seen = { "r1", "i", "h1" },
                                       .good = { "r1", "i", "h1" },
                                       .due_at_ms = 1060000 };
    const struct wc_gitops_condition *c = &memory.conditions[WC_GITOPS_RECONCILING];
    struct wc_gitops_in in = following(1000000);
    ask(&in, &memory, "h1", WC_GITOPS_TRANSIENT);
    assert_int_equal(memory.failures, 0);
    assert_in_range(memory.ask_at_ms - in.now_ms, 4500, 5500);
    assert_int_equal(memory.due_at_ms, 1060000);
    struct wc_gitops_pass pass = { .looked = true, .compared = true, .candidate = memory.seen };
    assert_int_equal(wc_gitops_step(&in, &memory, &pass).wake_at_ms, memory.ask_at_ms);
    wc_gitops_conclude(&in, &memory, &pass); /* a pass that didn't ask says it as well */
    assert_int_equal(c->status, WC_GITOPS_TRUE);
    assert_string_equal(c->reason, "RegistryFailed");
    assert_string_equal(c->message, "r.example: away");
    for (int i = 0; i < 10; i++)
        ask(&in, &memory, "h1", WC_GITOPS_TRANSIENT);
    assert_in_range(memory.ask_at_ms - in.now_ms, 270000, 330000);
    ask(&in, &memory, "h1", WC_GITOPS_DONE);
    assert_int_equal(c->status, WC_GITOPS_FALSE);
    assert_string_equal(c->reason, "UpToDate");
}

/* Where tags aren't followed any more, what is remembered of them has nobody look at the source. */
static void nobody_asks_any_more(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .seen = { "r1", "i", "h1" },
                                       .looked_at_ms = 900000,
                                       .due_at_ms = 1060000,
                                       .asked_at_ms = 600000,
                                       .ask_at_ms = 950000 };
    struct wc_gitops_in in = input(1000000);
    struct wc_gitops_pass pass = { 0 };
    struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
    assert_int_equal(out.act, WC_GITOPS_REST);
    assert_int_equal(out.wake_at_ms, 1060000);
    in.ask_ms = 300000;
    assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_LOOK);
}

/* Nothing is known of a new revision's images: it waits, as for a source that is away. */
static void nothing_is_known(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .seen = { "r1", "i", "" } };
    struct wc_gitops_in in = following(1000000);
    ask(&in, &memory, NULL, WC_GITOPS_TRANSIENT);
    assert_int_equal(memory.failures, 1);
    assert_string_equal(memory.conditions[WC_GITOPS_RECONCILING].reason, "RegistryFailed");
}

/* What a revision was rejected for holds whatever its images are; a pair's rejection doesn't, and
 * what was ready isn't rejected. */
static void rejections_of_pairs(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { .good = { "r1", "i", "h1" }, .n_rejected = 2 };
    memory.rejected[0].key = (struct wc_gitops_key){ "r1", "i", "h2" };
    memory.rejected[1].key = (struct wc_gitops_key){ "r2", "i", "" };
    const struct wc_gitops_key bad = { "r1", "i", "h2" }, other = { "r1", "i", "h3" };
    const struct wc_gitops_key whole = { "r2", "i", "h9" }, elsewhere = { "r2", "k", "h9" };
    assert_ptr_equal(wc_gitops_rejected(&memory, &bad), &memory.rejected[0]);
    assert_null(wc_gitops_rejected(&memory, &other));
    assert_ptr_equal(wc_gitops_rejected(&memory, &whole), &memory.rejected[1]);
    assert_null(wc_gitops_rejected(&memory, &elsewhere));
    memory.rejected[0].key = (struct wc_gitops_key){ "r1", "i", "" };
    assert_null(wc_gitops_rejected(&memory, &memory.good));
    assert_non_null(wc_gitops_rejected(&memory, &other));
}

static void what_was_not_believed_is_forgiven(void **state)
{
    (void)state;
    static const char *const ids[] = { "r1", "r2", "r3", "r4" };
    struct wc_gitops_memory memory = { .n_rejected = WC_COUNT(ids) };
    for (size_t i = 0; i < WC_COUNT(ids); i++) {
        snprintf(memory.rejected[i].key.id, sizeof memory.rejected[i].key.id, "%s", ids[i]);
        memory.rejected[i].is_believed = i % 2 == 0;
    }
    for (int again = 0; again < 2; again++) { /* the second time there is nothing to forgive */
        wc_gitops_forgive(&memory);
        assert_int_equal(memory.n_rejected, 2);
        assert_string_equal(memory.rejected[0].key.id, "r1");
        assert_string_equal(memory.rejected[1].key.id, "r3");
    }
}

/* What was forgiven is judged anew, and may be rejected again. */
static void what_is_forgiven_is_forgotten(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    struct wc_gitops_pass pass = { .looked = true, .fetched = true, .candidate = { "r1", "i" } };
    const struct wc_gitops_result refused = { .end = WC_GITOPS_REFUSED, .reason = "Rewritten" };
    struct wc_gitops_in in = input(1000);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_VERIFY);
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_VERIFY, &refused);
        assert_int_equal(memory.n_rejected, 1);
        assert_ptr_equal(wc_gitops_rejected(&memory, &pass.candidate), &memory.rejected[0]);
        assert_int_equal(wc_gitops_step(&in, &memory, &pass).act, WC_GITOPS_REST);
        wc_gitops_forgive(&memory);
        assert_null(wc_gitops_rejected(&memory, &pass.candidate));
    }
}

WC_MAIN(WC_CASE(what_was_not_believed_is_forgiven), WC_CASE(what_is_forgiven_is_forgotten),
        WC_CASE(windows), WC_CASE(pauses_grow_and_end), WC_CASE(looks_spread),
        WC_CASE(pauses_spread), WC_CASE(rejections_are_bounded), WC_CASE(refused_before_it_is_here),
        WC_CASE(a_window_is_waited_for), WC_CASE(a_window_that_nobody_waits_for),
        WC_CASE(since_when), WC_CASE(images_make_candidates),
        WC_CASE(images_that_were_not_asked_about), WC_CASE(registries_away),
        WC_CASE(nobody_asks_any_more), WC_CASE(nothing_is_known), WC_CASE(rejections_of_pairs))
