/* test_gitops.c - what the stories of simulate_gitops don't look at: windows, pauses, words. */
#include "harness/wc_test.h"

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
    for (int i = 0; i < 200; i++) {
        struct wc_gitops_in in = input(1000000 + i * (int64_t)60000);
        struct wc_gitops_pass pass = { 0 };
        wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOOK, &done);
        int64_t wait = memory.due_at_ms - in.now_ms;
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 57000, 58000);
    assert_in_range(most, 62000, 63000);
}

/* Of many, the newest are remembered; each once. */
static void rejections_are_bounded(void **state)
{
    (void)state;
    struct wc_gitops_memory memory = { 0 };
    const struct wc_gitops_result refused = { .end = WC_GITOPS_REFUSED, .reason = "Invalid" };
    struct wc_gitops_in in = input(5);
    for (int i = 0; i < WC_GITOPS_REJECTED + 3; i++) {
        struct wc_gitops_pass pass = { 0 };
        snprintf(pass.candidate.id, sizeof pass.candidate.id, "r%d", i);
        snprintf(pass.candidate.inputs, sizeof pass.candidate.inputs, "i");
        for (int again = 0; again < 2; again++)
            wc_gitops_note(&in, &memory, &pass, WC_GITOPS_LOAD, &refused);
    }
    assert_int_equal(memory.n_rejected, WC_GITOPS_REJECTED);
    assert_string_equal(memory.rejected[0].key.id, "r3");
    assert_string_equal(memory.rejected[WC_GITOPS_REJECTED - 1].key.id, "r66");
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
    struct wc_gitops_memory memory = { .n_rejected = 3 };
    memory.rejected[0] = (struct wc_gitops_rejection){ .key = { "r1", "i", "" } };
    memory.rejected[1] =
        (struct wc_gitops_rejection){ .key = { "r2", "i", "" }, .is_believed = true };
    memory.rejected[2] = (struct wc_gitops_rejection){ .key = { "r3", "i", "" } };
    wc_gitops_forgive(&memory);
    assert_int_equal(memory.n_rejected, 1);
    assert_string_equal(memory.rejected[0].key.id, "r2");
}

/* Waiting --------------------------------------------------------------------------------------*/

static const struct wc_gitops_result done = { .end = WC_GITOPS_DONE },
                                     pending = { .end = WC_GITOPS_PENDING };

/* An app with r1 in force and ready, and r2 in force and waited for. */
struct waiting {
    struct wc_gitops_memory memory;
    struct wc_gitops_pass pass;
    struct wc_gitops_in in;
};

static struct wc_gitops_out next(struct waiting *w)
{
    return wc_gitops_step(&w->in, &w->memory, &w->pass);
}

/* What is next has to be that; it is done, and ends so. */
static void does(struct waiting *w, enum wc_gitops_act act, const struct wc_gitops_result *result)
{
    assert_int_equal(next(w).act, act);
    (void)wc_gitops_start(&w->in, &w->memory, &w->pass, act);
    wc_gitops_note(&w->in, &w->memory, &w->pass, act, result);
}

static void finds(struct waiting *w, const char *mark, const char *id)
{
    const struct wc_gitops_result looked = { .mark = mark }, fetched = { .id = id };
    does(w, WC_GITOPS_LOOK, &looked);
    does(w, WC_GITOPS_FETCH, &fetched);
}

static void is_sound(struct waiting *w)
{
    does(w, WC_GITOPS_VERIFY, &done);
    does(w, WC_GITOPS_LOAD, &done);
    does(w, WC_GITOPS_PULL, &done);
}

static struct waiting wait_for_r2(void)
{
    struct waiting w = { .memory = { .good = { "r1", "i" }, .seen = { "r1", "i" }, .mark = "m1" },
                         .in = input(1000000) };
    w.in.limit_ms = 300000;
    finds(&w, "m2", "r2");
    is_sound(&w);
    assert_int_equal(next(&w).act, WC_GITOPS_APPLY);
    assert_in_range(next(&w).wake_at_ms - w.in.now_ms, 57000, 63000);
    does(&w, WC_GITOPS_APPLY, &pending);
    assert_int_equal(w.memory.unjudged_at_ms, 1000000);
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_in_range(next(&w).wake_at_ms - w.in.now_ms, 57000, 63000);
    return w;
}

static void wait_for_the_look(struct waiting *w)
{
    int64_t look_ms = next(w).wake_at_ms;
    does(w, WC_GITOPS_WAIT, &pending);
    w->in.now_ms = look_ms;
}

/* It is looked for at the interval; seen once more that the one before isn't ready; and then it
 * takes its place. What is good, and what is rejected, doesn't change by that. */
static void a_newer_one_takes_its_place(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    wait_for_the_look(&w);
    finds(&w, "m3", "r3");
    is_sound(&w);
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_int_equal(next(&w).wake_at_ms, w.in.now_ms);
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_int_equal(next(&w).act, WC_GITOPS_APPLY);
    assert_true(wc_gitops_start(&w.in, &w.memory, &w.pass, WC_GITOPS_APPLY));
    assert_string_equal(w.memory.attempt.id, "r3");
    assert_int_equal(w.memory.tries, 1);
    assert_int_equal(w.memory.superseded, 1);
    assert_int_equal(w.memory.n_rejected, 0);
    assert_string_equal(w.memory.good.id, "r1");
    assert_string_equal(w.memory.conditions[WC_GITOPS_RECONCILING].reason, "Superseded");
    wc_gitops_note(&w.in, &w.memory, &w.pass, WC_GITOPS_APPLY, &done);
    assert_string_equal(w.memory.good.id, "r3");
    assert_int_equal(w.memory.superseded, 0);
    assert_int_equal(w.memory.unjudged_at_ms, 0);
    assert_int_equal(next(&w).act, WC_GITOPS_REST);
}

/* The one before got ready while the newer one was made ready: it isn't thrown away. */
static void ready_at_the_last_moment(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    wait_for_the_look(&w);
    finds(&w, "m3", "r3");
    is_sound(&w);
    does(&w, WC_GITOPS_WAIT, &done);
    assert_string_equal(w.memory.good.id, "r2");
    assert_int_equal(next(&w).act, WC_GITOPS_APPLY);
    assert_false(wc_gitops_start(&w.in, &w.memory, &w.pass, WC_GITOPS_APPLY));
    assert_int_equal(w.memory.superseded, 0);
    assert_int_equal(w.memory.unjudged_at_ms, w.in.now_ms);
}

/* Who tells of news is heard at once; who tells all the time doesn't keep out what was found. */
static void who_tells_is_heard(void **state)
{
    (void)state;
    const struct wc_gitops_result told = { .end = WC_GITOPS_PENDING, .told = true };
    struct waiting w = wait_for_r2();
    w.in.ask_ms = 0;
    w.in.now_ms += 10;
    does(&w, WC_GITOPS_WAIT, &told);
    finds(&w, "m3", "r3");
    assert_true(w.pass.forced);
    is_sound(&w);
    does(&w, WC_GITOPS_WAIT, &told);
    assert_int_equal(next(&w).wake_at_ms, w.in.now_ms);
    does(&w, WC_GITOPS_APPLY, &pending);
    assert_string_equal(w.memory.attempt.id, "r3");
    const struct wc_gitops_result same = { .mark = "m3" };
    does(&w, WC_GITOPS_LOOK, &same);
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_true(next(&w).wake_at_ms > w.in.now_ms);
}

/* What isn't believed, or can't be reached, doesn't end the wait; it is said, and looked at again.
 */
static void a_newer_one_that_is_no_good(void **state)
{
    (void)state;
    const struct wc_gitops_result refused = { .end = WC_GITOPS_REFUSED, .reason = "NotBelieved" };
    const struct wc_gitops_result away = { .end = WC_GITOPS_TRANSIENT, .reason = "LookFailed" };
    struct waiting w = wait_for_r2();
    wait_for_the_look(&w);
    finds(&w, "m3", "r3");
    does(&w, WC_GITOPS_VERIFY, &refused);
    int64_t look_ms = next(&w).wake_at_ms;
    assert_in_range(look_ms - w.in.now_ms, 57000, 63000);
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_string_equal(w.memory.attempt.id, "r2");
    assert_int_equal(w.memory.conditions[WC_GITOPS_STALLED].status, WC_GITOPS_TRUE);
    assert_int_equal(w.memory.conditions[WC_GITOPS_READY].status, WC_GITOPS_UNKNOWN);
    w.in.now_ms = look_ms;
    does(&w, WC_GITOPS_LOOK, &away);
    assert_int_equal(w.memory.failures, 1);
    assert_in_range(next(&w).wake_at_ms - w.in.now_ms, 4500, 5500);
    w.in.now_ms = next(&w).wake_at_ms;
    does(&w, WC_GITOPS_LOOK, &away);
    assert_int_equal(w.memory.failures, 2);
    assert_in_range(next(&w).wake_at_ms - w.in.now_ms, 9000, 11000);
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_string_equal(w.memory.conditions[WC_GITOPS_RECONCILING].reason, "LookFailed");
    w.in.now_ms = next(&w).wake_at_ms;
    const struct wc_gitops_result back = { .mark = "m3" };
    does(&w, WC_GITOPS_LOOK, &back);
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_int_equal(w.memory.failures, 0);
    assert_string_equal(w.memory.conditions[WC_GITOPS_RECONCILING].reason, "Applying");
}

/* Out of a window, and before an app that it waits for, a newer one doesn't take the place. When
 * the window opens, it does; without another look. */
static void a_newer_one_waits_for_its_window(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    wait_for_the_look(&w);
    finds(&w, "m3", "r3");
    w.in.window_at_ms = w.in.now_ms + 20000;
    does(&w, WC_GITOPS_VERIFY, &done);
    does(&w, WC_GITOPS_LOAD, &done);
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_int_equal(next(&w).wake_at_ms, w.in.window_at_ms);
    does(&w, WC_GITOPS_WAIT, &pending);
    w.in.now_ms = w.in.window_at_ms;
    w.in.window_at_ms = 0;
    w.in.waits_for = "db";
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    w.in.waits_for = NULL;
    does(&w, WC_GITOPS_PULL, &done);
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_int_equal(next(&w).act, WC_GITOPS_APPLY);
}

/* People go back to what is good: at once, in a window or not, and nothing is rejected. */
static void back_to_the_good_one(void **state)
{
    (void)state;
    const struct wc_gitops_result told = { .end = WC_GITOPS_PENDING, .told = true };
    struct waiting w = wait_for_r2();
    does(&w, WC_GITOPS_WAIT, &told);
    finds(&w, "m1", "r1");
    w.in.window_at_ms = w.in.now_ms + 20000;
    does(&w, WC_GITOPS_WAIT, &pending);
    assert_int_equal(next(&w).act, WC_GITOPS_RESTORE);
    assert_true(wc_gitops_start(&w.in, &w.memory, &w.pass, WC_GITOPS_RESTORE));
    assert_true(w.memory.restoring);
    assert_false(w.pass.waits);
    assert_string_equal(w.memory.attempt.id, "");
    assert_int_equal(w.memory.unjudged_at_ms, 0);
    wc_gitops_note(&w.in, &w.memory, &w.pass, WC_GITOPS_RESTORE, &done);
    assert_int_equal(w.memory.n_rejected, 0);
    assert_int_equal(next(&w).act, WC_GITOPS_REST);
}

/* For as long as the first of them may take, and so many times; then one is judged. */
static void somebody_is_judged(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    w.in.now_ms = w.memory.unjudged_at_ms + w.in.limit_ms - 1;
    assert_int_equal(next(&w).act, WC_GITOPS_LOOK);
    w.in.now_ms++;
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_int_equal(next(&w).wake_at_ms, 0);
    w.in.now_ms = w.memory.unjudged_at_ms - 1; /* the clock was set back */
    assert_int_equal(next(&w).wake_at_ms, 0);
    w.in.now_ms = w.memory.unjudged_at_ms;
    w.memory.superseded = WC_GITOPS_SUPERSEDED - 1;
    assert_int_not_equal(next(&w).wake_at_ms, 0);
    w.memory.superseded++;
    assert_int_equal(next(&w).act, WC_GITOPS_WAIT);
    assert_int_equal(next(&w).wake_at_ms, 0);
    const struct wc_gitops_result late = { .end = WC_GITOPS_REFUSED, .reason = "Unhealthy" };
    does(&w, WC_GITOPS_WAIT, &late);
    assert_int_equal(w.memory.superseded, 0);
    assert_int_equal(w.memory.n_rejected, 1);
    assert_int_equal(next(&w).act, WC_GITOPS_RESTORE);
    assert_false(wc_gitops_start(&w.in, &w.memory, &w.pass, WC_GITOPS_RESTORE));
}

/* A pass that was killed while it waited: the attempt is gone on with, and looked up from at once
 * where it is time; how long nobody was judged is remembered. */
static void a_killed_wait(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    w.pass = (struct wc_gitops_pass){ 0 };
    assert_int_equal(next(&w).act, WC_GITOPS_APPLY);
    assert_in_range(next(&w).wake_at_ms - w.in.now_ms, 57000, 63000);
    w.in.forced = true;
    assert_int_equal(next(&w).wake_at_ms, w.in.now_ms);
    w.in.now_ms += 1000;
    does(&w, WC_GITOPS_APPLY, &pending);
    assert_int_equal(w.memory.unjudged_at_ms, 1000000);
    assert_int_equal(w.memory.tries, 2);
    assert_int_equal(next(&w).act, WC_GITOPS_LOOK);
    const struct wc_gitops_result left = { .end = WC_GITOPS_LEFT };
    wc_gitops_note(&w.in, &w.memory, &w.pass, WC_GITOPS_WAIT, &left);
    assert_int_equal(w.memory.tries, 1);
    assert_int_equal(next(&w).act, WC_GITOPS_REST);
    assert_true(next(&w).wake_at_ms > w.in.now_ms);
}

/* A new tag makes the revision that is waited for another candidate; one that can't be loaded any
 * more isn't waited for. */
static void other_images_of_what_is_waited_for(void **state)
{
    (void)state;
    struct waiting w = wait_for_r2();
    const struct wc_gitops_result told = { .end = WC_GITOPS_PENDING, .told = true };
    const struct wc_gitops_result same = { .mark = "m2" }, answered = { .images = "h2" };
    const struct wc_gitops_result invalid = { .end = WC_GITOPS_REFUSED, .reason = "Invalid" };
    snprintf(w.memory.attempt.images, sizeof w.memory.attempt.images, "h1");
    w.memory.seen = w.pass.candidate = w.memory.attempt;
    w.in.ask_ms = 300000;
    w.memory.ask_at_ms = w.in.now_ms + 200000;
    does(&w, WC_GITOPS_WAIT, &told);
    does(&w, WC_GITOPS_LOOK, &same);
    does(&w, WC_GITOPS_ASK, &answered); /* who tells wants that, too */
    does(&w, WC_GITOPS_FETCH, &(struct wc_gitops_result){ .id = "r2" });
    does(&w, WC_GITOPS_VERIFY, &done);
    does(&w, WC_GITOPS_LOAD, &invalid);
    assert_string_equal(w.memory.attempt.id, "");
    assert_true(w.memory.restoring);
    assert_false(w.pass.waits);
    assert_int_equal(w.memory.n_rejected, 1);
    assert_int_equal(next(&w).act, WC_GITOPS_RESTORE);
}

WC_MAIN(WC_CASE(what_was_not_believed_is_forgiven), WC_CASE(windows), WC_CASE(pauses_grow_and_end),
        WC_CASE(looks_spread), WC_CASE(rejections_are_bounded), WC_CASE(refused_before_it_is_here),
        WC_CASE(a_window_is_waited_for), WC_CASE(since_when), WC_CASE(images_make_candidates),
        WC_CASE(registries_away), WC_CASE(nothing_is_known), WC_CASE(rejections_of_pairs),
        WC_CASE(a_newer_one_takes_its_place), WC_CASE(ready_at_the_last_moment),
        WC_CASE(who_tells_is_heard), WC_CASE(a_newer_one_that_is_no_good),
        WC_CASE(a_newer_one_waits_for_its_window), WC_CASE(back_to_the_good_one),
        WC_CASE(somebody_is_judged), WC_CASE(a_killed_wait),
        WC_CASE(other_images_of_what_is_waited_for))
