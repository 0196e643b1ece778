/* test_gitops_wait.c - an attempt that isn't ready yet: what is looked at meanwhile, what takes its
 * place, and when it is judged. What the stories of simulate_gitops don't look at. */
#include "harness/wc_test.h"

#include "orchestrator/core/gitops.h"

static struct wc_gitops_in input(int64_t now_ms)
{
    return (struct wc_gitops_in){
        .app = "shop", .inputs = "i", .now_ms = now_ms, .interval_ms = 60000, .repair = true
    };
}

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
    struct waiting killed = w; /* the pass that goes on with it doesn't look up either */
    killed.pass = (struct wc_gitops_pass){ 0 };
    assert_int_equal(next(&killed).act, WC_GITOPS_APPLY);
    assert_int_equal(next(&killed).wake_at_ms, 0);
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

WC_MAIN(WC_CASE(a_newer_one_takes_its_place), WC_CASE(ready_at_the_last_moment),
        WC_CASE(who_tells_is_heard), WC_CASE(a_newer_one_that_is_no_good),
        WC_CASE(a_newer_one_waits_for_its_window), WC_CASE(back_to_the_good_one),
        WC_CASE(somebody_is_judged), WC_CASE(a_killed_wait),
        WC_CASE(other_images_of_what_is_waited_for))
