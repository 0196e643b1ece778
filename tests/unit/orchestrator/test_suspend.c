/* test_suspend.c - services that are left as they are; and restarts at the pace that a file sets.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

static const struct wc_sim_program crashy = { .run_ms = 100, .exit_code = 1, .stop_ms = 5 };

struct seen {
    const char *service;
    bool suspended;
    char would[64], waiting[128];
};

static void see(void *data, const struct wc_instance_status *status)
{
    struct seen *seen = data;
    if (strcmp(status->fact.service, seen->service) != 0)
        return;
    seen->suspended = status->suspended;
    snprintf(seen->would, sizeof seen->would, "%s", status->would != NULL ? status->would : "");
    snprintf(seen->waiting, sizeof seen->waiting, "%s",
             status->waiting != NULL ? status->waiting : "");
}

static struct seen look_at(const struct box *box, const char *service)
{
    struct seen seen = { .service = service };
    wc_engine_visit(box->engine, see, &seen);
    return seen;
}

static void kill_of(struct box *box, const char *service)
{
    assert_true(wc_sim_kill(box->world, wc_sim_find(box->world, service, WC_LIFE_RUNNING)->id));
    wc_sim_nudge(box->world);
    box_pass(box, 30000);
}

static void nothing_is_done_with_it(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 1);
    box_apply(&box, "db!always web!always<db.s");
    box_request(&box, WC_REQUEST_SUSPEND, "web");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 1);
    unsigned before = box_ops(&box);
    kill_of(&box, "web");
    assert_int_equal(box_ops(&box), before);
    assert_true(look_at(&box, "web").suspended);
    assert_string_equal(look_at(&box, "web").would, "start");
    assert_string_equal(look_at(&box, "web").waiting, "'wcompose resume' (it would start)");
    assert_false(look_at(&box, "db").suspended);
    kill_of(&box, "db");
    assert_int_equal(box_running(&box, "db"), 1); /* the others are looked after */
    box_request(&box, WC_REQUEST_RESUME, "web");
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1);
    assert_string_equal(look_at(&box, "web").waiting, "");
    box_end(&box);
}

/* What somebody asks for is done, and ends it. */
static void an_explicit_word_ends_it(void **state)
{
    static const enum wc_request_kind kinds[] = { WC_REQUEST_APPLY, WC_REQUEST_START,
                                                  WC_REQUEST_RESTART };
    struct box box;
    (void)state;
    box_begin(&box, 2);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        box_apply(&box, "web!always");
        box_request(&box, WC_REQUEST_SUSPEND, NULL);
        kill_of(&box, "web");
        assert_int_equal(box_running(&box, "web"), 0);
        if (kinds[i] == WC_REQUEST_APPLY)
            box_apply(&box, "web!always");
        else
            box_request(&box, kinds[i], "web");
        assert_int_equal(box_running(&box, "web"), 1);
        assert_false(look_at(&box, "web").suspended);
    }
    box_request(&box, WC_REQUEST_SUSPEND, NULL);
    box_request(&box, WC_REQUEST_STOP, NULL);
    assert_int_equal(box_running(&box, "web"), 0);
    box_request(&box, WC_REQUEST_SUSPEND, NULL);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count(box.world, "web", WC_LIFE_EXITED), 0);
    box_end(&box);
}

/* Who waits for it when it is suspended is told at once. */
static void who_waits_is_told(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "web", NULL);
    unsigned done = box.n_done;
    box_request(&box, WC_REQUEST_SUSPEND, NULL);
    assert_true(box_until(&box, &box.n_done, done + 2));
    box_pass(&box, 1000);
    assert_int_equal(box_ops(&box), 0);
    box_request(&box, WC_REQUEST_RESUME, NULL); /* and what was asked for comes */
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

static uint64_t starts_ms[64];
static unsigned n_starts;
static const struct wc_sim_world *watched;

static void note_start(void *data, const struct wc_fact *fact)
{
    (void)data;
    if (fact->life == WC_LIFE_RUNNING && strcmp(fact->service, "web") == 0 && n_starts < 64)
        starts_ms[n_starts++] = wc_sim_now(watched);
}

static void begin_watch(struct box *box, const struct wc_sim_program *program)
{
    n_starts = 0;
    watched = box->world;
    wc_sim_watch(box->world, note_start, NULL);
    wc_sim_set_program(box->world, "web", program);
}

static void a_fixed_delay(void **state)
{
    static const char *const models[] = { "web!always$700", "web!always$1" };
    static const uint64_t least_ms[] = { 800, 101 };
    struct box box;
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        box_begin(&box, 4);
        begin_watch(&box, &crashy);
        box_submit(&box, (struct wc_request){ 0 }, models[k], NULL);
        box_pass(&box, 20000);
        assert_true(n_starts > 20);
        for (unsigned i = 1; i < n_starts; i++)
            assert_in_range(starts_ms[i] - starts_ms[i - 1], least_ms[k], least_ms[k] + 20);
        box_end(&box);
    }
}

/* A person who asks doesn't wait for what the policy waits for. */
static void a_word_ends_a_wait(void **state)
{
    static const enum wc_request_kind kinds[] = { WC_REQUEST_START, WC_REQUEST_RESTART };
    struct box box;
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        box_begin(&box, 13);
        begin_watch(&box, &crashy);
        box_submit(&box, (struct wc_request){ 0 }, "web!always", NULL);
        while (n_starts < 9 || strstr(look_at(&box, "web").waiting, "backoff") == NULL)
            uv_run(&box.loop, UV_RUN_NOWAIT); /* the next one is 12 s off */
        wc_sim_set_program(box.world, "web", &wc_sim_program_default);
        uint64_t asked_ms = wc_sim_now(box.world);
        assert_int_equal(box_running(&box, "web"), 0);
        unsigned done = box.n_done;
        box_submit(&box, (struct wc_request){ .kind = kinds[k] }, NULL, "web");
        wc_sim_nudge(box.world);
        assert_true(box_until(&box, &box.n_done, done + 1));
        assert_int_equal(box_running(&box, "web"), 1);
        assert_true(wc_sim_now(box.world) < asked_ms + 100);
        box_end(&box);
    }
}

static void so_many_attempts(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    begin_watch(&box, &crashy);
    box_submit(&box, (struct wc_request){ 0 }, "web!always$50/0/2", NULL);
    box_pass(&box, 60000);
    assert_int_equal(n_starts, 3);
    box_end(&box);
}

/* A run that outlasts the window was a good restart, and counts for nothing. */
static void a_window(void **state)
{
    static const struct wc_sim_program three_seconds = { .run_ms = 3000, .exit_code = 1 };
    struct box box;
    (void)state;
    box_begin(&box, 6);
    begin_watch(&box, &three_seconds);
    box_submit(&box, (struct wc_request){ 0 }, "web!always$100/2000/1", NULL);
    box_pass(&box, 60000);
    assert_true(n_starts > 15);
    box_end(&box);
    box_begin(&box, 7);
    begin_watch(&box, &three_seconds);
    box_submit(&box, (struct wc_request){ 0 }, "web!always$100/5000/1", NULL);
    box_pass(&box, 60000);
    assert_int_equal(n_starts, 2);
    box_end(&box);
}

/* What goes down for its failed start comes back when its policy says, though something that it
 * needs (restart: true) is replaced meanwhile. */
static void the_pace_of_what_fails(void **state)
{
    static const struct wc_sim_program bad_start = { .run_ms = -1, .stop_ms = 300, .hook_code = 3 };
    struct box box;
    (void)state;
    box_begin(&box, 8);
    begin_watch(&box, &bad_start);
    box_submit(&box, (struct wc_request){ 0 }, "db web!always@<db.sr", NULL);
    for (unsigned version = 2; version < 8; version++) {
        wc_buf_reset(&box.events);
        while (strstr(box.events.data, "p-web-1 stopping") == NULL)
            box_pass(&box, 1);
        char model[32];
        snprintf(model, sizeof model, "db=%u web!always@<db.sr", version);
        box_submit(&box, (struct wc_request){ 0 }, model, "db");
        box_pass(&box, 350); /* it has ended */
    }
    box_pass(&box, 60000);
    assert_true(n_starts > 8);
    for (unsigned i = 2; i < 8;
         i++) /* 100 ms << (i - 2), a tenth less, after an end 300 ms later */
        assert_true(starts_ms[i] - starts_ms[i - 1] >= (90U << (i - 2)) + 300);
    box_end(&box);
}

static size_t standing(const struct box *box, const char *service)
{
    return wc_sim_count(box->world, service, WC_LIFE_PAUSED);
}

/* It holds against strangers and restarts, until somebody says otherwise. */
static void a_pause_holds(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 9);
    box_apply(&box, "db web*2!always+^");
    box_request(&box, WC_REQUEST_PAUSE, "web");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 2);
    assert_int_equal(standing(&box, "web"), 2);
    assert_int_equal(box_running(&box, "db"), 1);
    assert_non_null(strstr(box.events.data, "p-web-1 paused"));
    assert_string_equal(look_at(&box, "web").waiting, "'wcompose unpause'");
    box_request(&box, WC_REQUEST_PAUSE, "web");
    assert_int_equal(box.changed, 0);
    unsigned before = box_ops(&box);
    box_pass(&box, 60000); /* no check is asked, nothing is healed */
    assert_int_equal(box_ops(&box), before);
    assert_true(wc_sim_unpause(box.world, wc_sim_find(box.world, "web", WC_LIFE_PAUSED)->id));
    wc_sim_nudge(box.world);
    box_pass(&box, 1000);
    assert_int_equal(standing(&box, "web"), 2);
    assert_true(wc_sim_kill(box.world, wc_sim_find(box.world, "web", WC_LIFE_PAUSED)->id));
    wc_sim_nudge(box.world);
    box_pass(&box, 10000); /* its policy brings it back, and then it stands still */
    assert_int_equal(standing(&box, "web"), 2);
    box_request(&box, WC_REQUEST_SUSPEND, "web");
    box_request(&box, WC_REQUEST_RESUME, "web");
    assert_int_equal(standing(&box, "web"), 2);
    box_request(&box, WC_REQUEST_UNPAUSE, "web");
    assert_int_equal(box.changed, 2);
    assert_int_equal(box_running(&box, "web"), 2);
    assert_null(strstr(box.events.data, "p-web-1 paused"));
    box_end(&box);
}

static void an_explicit_word_ends_a_pause(void **state)
{
    static const enum wc_request_kind kinds[] = { WC_REQUEST_APPLY, WC_REQUEST_START,
                                                  WC_REQUEST_RESTART, WC_REQUEST_STOP };
    struct box box;
    (void)state;
    box_begin(&box, 10);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        box_apply(&box, "web!always");
        box_request(&box, WC_REQUEST_PAUSE, NULL);
        assert_int_equal(standing(&box, "web"), 1);
        if (kinds[i] == WC_REQUEST_APPLY)
            box_apply(&box, "web!always");
        else
            box_request(&box, kinds[i], "web");
        box_pass(&box, 1000);
        assert_int_equal(standing(&box, "web"), 0);
        assert_int_equal(box_running(&box, "web"), kinds[i] != WC_REQUEST_STOP);
    }
    box_apply(&box, "web!always");
    box_request(&box, WC_REQUEST_PAUSE, NULL);
    assert_true(box_do(&box, (struct wc_request){ .kind = WC_REQUEST_KILL, .signal = 1 }, NULL,
                       NULL)); /* only passes through */
    box_pass(&box, 1000);
    assert_int_equal(standing(&box, "web"), 1);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(standing(&box, "web"), 0);
    box_end(&box);
}

/* A pause isn't about what doesn't run yet: who waits for its start goes on waiting. */
static void a_pause_takes_nothing_over(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 16);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_STARTED }, "web!always", NULL);
    box_request(&box, WC_REQUEST_PAUSE, NULL); /* done at once: nothing runs */
    assert_int_equal(box.status, 0);
    assert_int_equal(box.n_done, 1); /* and nothing else is */
    assert_int_equal(box_running(&box, "web"), 0);
    assert_true(box_until(&box, &box.n_done, 2));
    assert_int_equal(box.status, 0);
    box_pass(&box, 1000);
    assert_int_equal(standing(&box, "web"), 1);
    box_end(&box);
}

/* What can't stand still is said to who asked, and tried again. */
static void a_pause_that_fails(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 11);
    box_apply(&box, "web!always");
    wc_sim_fail_next(box.world, WC_VERB_MEND, "web", 1, WC_ERR_UNAVAILABLE, "no freezer");
    box_request(&box, WC_REQUEST_PAUSE, NULL);
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service web: no freezer");
    box_pass(&box, 1000);
    assert_int_equal(standing(&box, "web"), 1);
    box_end(&box);
}

/* What a person stopped has that written on it: a successor that knows nothing else of it leaves it
 * alone, whatever its policy. */
static void a_stop_is_written_on_it(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 14);
    box_apply(&box, "db!always web!always");
    box_request(&box, WC_REQUEST_STOP, "web");
    assert_true(wc_sim_find(box.world, "web", WC_LIFE_EXITED)->stopped_by_user);
    box_close(&box);
    box_open(&box);
    assert_true(box_do(&box, (struct wc_request){ .kind = WC_REQUEST_ADOPT },
                       "db!always web!always", NULL));
    box_pass(&box, 60000);
    assert_int_equal(box_running(&box, "web"), 0);
    assert_int_equal(box_running(&box, "db"), 1);
    box_end(&box);
}

/* Of a driver that reports no life after an op: that it went well says it. */
static void ops_speak_for_themselves(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 15);
    wc_sim_deafen(box.world, true);
    box_apply(&box, "db web<db.s");
    assert_int_equal(box.status, 0);
    assert_true(wc_sim_now(box.world) < 2000); /* no look was needed */
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_CREATE), 2);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START), 2);
    wc_sim_deafen(box.world, false);
    box_end(&box);
}

/* A look while something is under way with what is gone: it is missed all the same, and soon. */
static void a_look_in_the_middle(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 12);
    box_apply(&box, "db!always web!always");
    wc_sim_deafen(box.world, true);
    wc_sim_vanish(box.world, wc_sim_find(box.world, "web", WC_LIFE_RUNNING)->id);
    wc_sim_deafen(box.world, false);
    wc_buf_reset(&box.events);
    wc_sim_fail_next(box.world, WC_VERB_MEND, "db", 1, WC_ERR_UNAVAILABLE, "no freezer");
    wc_sim_set_latency(box.world, WC_VERB_MEND, 10, 10); /* then all of it is looked at */
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_PAUSE }, NULL, "db");
    uv_run(&box.loop, UV_RUN_NOWAIT);
    wc_sim_set_latency(box.world, WC_VERB_MEND, 200, 200);
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_PAUSE }, NULL, "web");
    box_pass(&box, 1000);
    assert_true(box_in_order(&box, "p-web-1 removed", "p-web-1 started"));
    assert_int_equal(standing(&box, "web"), 1);
    box_end(&box);
}

WC_MAIN(WC_CASE(nothing_is_done_with_it), WC_CASE(an_explicit_word_ends_it),
        WC_CASE(who_waits_is_told), WC_CASE(a_fixed_delay), WC_CASE(a_word_ends_a_wait),
        WC_CASE(so_many_attempts), WC_CASE(a_window), WC_CASE(the_pace_of_what_fails),
        WC_CASE(a_pause_holds), WC_CASE(an_explicit_word_ends_a_pause),
        WC_CASE(a_pause_takes_nothing_over), WC_CASE(a_pause_that_fails),
        WC_CASE(a_stop_is_written_on_it), WC_CASE(ops_speak_for_themselves),
        WC_CASE(a_look_in_the_middle))
