/* test_surge.c - start-first: the old one of a replica is there until the new one has proved
 * itself, whatever comes in between.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

#include "orchestrator/core/desired.h"

/* What was to stop, and was suspended before anything came of it, runs as one that nobody asked to
 * stop: its successor comes before it goes. */
static void a_stop_that_nothing_came_of(void **state)
{
    static const enum wc_request_kind kinds[] = { WC_REQUEST_STOP, WC_REQUEST_RESTART };
    struct box box;
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        box_begin(&box, 1);
        box_apply(&box, "web&");
        box_submit(&box, (struct wc_request){ .kind = kinds[i] }, NULL, NULL);
        box_request(&box, WC_REQUEST_SUSPEND, NULL);
        box_pass(&box, 1000);
        assert_int_equal(box_running(&box, "web"), 1);
        box_apply(&box, "web=2&");
        assert_int_equal(box.status, 0);
        assert_true(box_in_order(&box, "started", "stopping"));
        assert_null(strstr(box.events.data, "restarting"));
        assert_int_equal(box_running(&box, "web"), 1);
        assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_STOP), 1);
        box_end(&box);
    }
}

/* The same of one that was to be replaced at once, because it didn't run yet. */
static void a_removal_that_nothing_came_of(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 8);
    wc_sim_set_latency(box.world, WC_VERB_START, 50, 50);
    box_submit(&box, (struct wc_request){ 0 }, "web&", NULL);
    for (int i = 0; i < 100 && wc_sim_find(box.world, "web", WC_LIFE_CREATED) == NULL; i++)
        box_pass(&box, 1);
    assert_non_null(wc_sim_find(box.world, "web", WC_LIFE_CREATED)); /* its start is under way */
    box_submit(&box, (struct wc_request){ 0 }, "web=2&", NULL);
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_SUSPEND }, NULL, NULL);
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1);
    box_apply(&box, "web=2&");
    assert_int_equal(box.status, 0);
    assert_true(box_in_order(&box, "started", "stopping"));
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

struct seek {
    const char *service, *but; /* not this one */
    enum wc_life life;
    char id[80];
};

static void seek(void *data, const struct wc_fact *fact)
{
    struct seek *seek = data;
    if (wc_streq(fact->service, seek->service) && fact->life == seek->life &&
        !wc_streq(fact->id, seek->but))
        snprintf(seek->id, sizeof seek->id, "%s", fact->id);
}

/* The id of one in that life, another than `but`. */
static struct seek find(const struct box *box, const char *service, enum wc_life life,
                        const char *but)
{
    struct seek sought = { .service = service, .but = but, .life = life };
    wc_sim_visit(box->world, seek, &sought);
    return sought;
}

/* One that a stranger has frozen answers nobody: the old one stays until it goes on. */
static void one_that_stands_still_is_not_ready(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 2);
    box_apply(&box, "web&");
    const struct seek old = find(&box, "web", WC_LIFE_RUNNING, "");
    unsigned done = box.n_done;
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "web=2&", NULL);
    while (box_running(&box, "web") < 2)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    const struct seek new = find(&box, "web", WC_LIFE_RUNNING, old.id);
    wc_sim_fail_next(box.world, WC_VERB_MEND, "web", 3, WC_ERR_UNAVAILABLE, "no freezer");
    assert_true(wc_sim_pause(box.world, new.id));
    wc_sim_nudge(box.world);
    while (wc_sim_find(box.world, "web", WC_LIFE_PAUSED) != NULL) {
        assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_STOP), 0);
        uv_run(&box.loop, UV_RUN_NOWAIT);
    }
    uint64_t thawed_ms = wc_sim_now(box.world);
    assert_true(box_until(&box, &box.n_done, done + 1));
    assert_int_equal(box.status, 0);
    assert_true(wc_sim_now(box.world) >= thawed_ms + 100); /* its monitor time, from then on */
    assert_string_equal(find(&box, "web", WC_LIFE_RUNNING, "").id, new.id);
    const struct wc_engine_counts *counts = wc_engine_counts(box.engine);
    assert_int_equal(counts->actions[WC_VERB_MEND].n[WC_REASON_DRIFT][1], 3); /* that failed, */
    assert_int_equal(counts->actions[WC_VERB_MEND].n[WC_REASON_DRIFT][0], 1); /* and went well */
    box_end(&box);
}

static unsigned count_told(const struct box *box, const char *text)
{
    unsigned n = 0;
    for (size_t i = 0; i < box->n_told; i++)
        n += wc_streq(box->told[i].text, text);
    return n;
}

/* A rollout of what the next model lacks is over, and nothing more is said of it. */
static void it_ends_with_its_service(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    box_apply(&box, "db web&");
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "db web=2&", NULL);
    while (box_running(&box, "web") < 2)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    assert_int_equal(count_told(&box, "rolling"), 1);
    assert_true(box_do(&box, (struct wc_request){ .remove_orphans = true }, "db", NULL));
    box_pass(&box, 1000);
    assert_int_equal(count_told(&box, "done"), 0);
    assert_int_equal(box_running(&box, "web"), 0);
    box_end(&box);
}

/* What stands still makes no progress, and isn't late for that. */
static void a_pause_is_no_delay(void **state)
{
    static const struct wc_sim_program slow = { .run_ms = -1,
                                                .stop_ms = 5,
                                                .healthy_after_ms = 5000 };
    struct box box;
    (void)state;
    box_begin(&box, 6);
    box_apply(&box, "web&+");
    wc_sim_set_program(box.world, "web", &slow);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "web=2&+", NULL);
    while (box_running(&box, "web") < 2)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    box_request(&box, WC_REQUEST_PAUSE, NULL);
    box_pass(&box, 100000); /* longer than the rollout may go without progress */
    box_request(&box, WC_REQUEST_UNPAUSE, NULL);
    box_pass(&box, 20000);
    assert_int_equal(count_told(&box, "done"), 1);
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

static void note_state(void *data, const struct wc_rollout_note *note)
{
    *(enum wc_rollout_state *)data = note->state;
}

/* One that stopped is no more once a model comes that doesn't go replica by replica. */
static void another_model_ends_it(void **state)
{
    static const struct wc_sim_program failing = { .run_ms = 10, .exit_code = 1, .stop_ms = 5 };
    enum wc_rollout_state seen = WC_ROLLOUT_DONE;
    struct box box;
    (void)state;
    box_begin(&box, 7);
    box_apply(&box, "web&");
    wc_sim_set_program(box.world, "web", &failing);
    box_apply(&box, "web=2&");
    wc_engine_rollouts(box.engine, note_state, &seen);
    assert_int_equal(seen, WC_ROLLOUT_PAUSED);
    wc_sim_set_program(box.world, "web", &wc_sim_program_default);
    box_apply(&box, "web=3");
    assert_int_equal(box.status, 0);
    wc_engine_rollouts(box.engine, note_state, &seen);
    assert_int_equal(seen, WC_ROLLOUT_NONE);
    box_end(&box);
}

/* A successor learns of two models before "web*2=3&", whose rollout has stopped. */
static void succeed(struct box *box, const char *older, const char *newer, const char *began_newer)
{
    char hash[65];
    wc_desired_hash("web-3", "app", hash);
    const struct wc_intent intent = { .service = "web", .want = WC_WANT_RUNNING, .hash = hash };
    const struct wc_rollout_note note = { .service = "web", .state = WC_ROLLOUT_PAUSED };
    const struct wc_request former = { .kind = WC_REQUEST_ADOPT, .is_former = true };
    const struct wc_request now = { .kind = WC_REQUEST_ADOPT,
                                    .intents = &intent,
                                    .n_intents = 1,
                                    .rollouts = &note,
                                    .n_rollouts = 1 };
    box_close(box);
    box_open(box);
    box_submit(box, former, older, began_newer == NULL ? "web" : NULL);
    box_submit(box, former, newer, began_newer);
    assert_true(box_do(box, now, "web*2!always=3&", NULL));
    assert_int_equal(box->status, 0);
    box_pass(box, 1000);
    assert_int_equal(box_running(box, "web"), 2);
}

/* Ends the replica as by itself, and gives what its policy brings back the time to come. */
static size_t after_the_end_of(struct box *box, const char *id)
{
    assert_true(wc_sim_kill(box->world, id));
    wc_sim_nudge(box->world);
    box_pass(box, 5000);
    return box_running(box, "web");
}

/* One replica of each former model: each is looked after by its own. */
static void each_by_the_model_that_it_is_of(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    box_apply(&box, "web");
    const struct seek first = find(&box, "web", WC_LIFE_RUNNING, "");
    assert_true(box_do(&box, (struct wc_request){ .no_recreate = true }, "web*2=2", NULL));
    const struct seek second = find(&box, "web", WC_LIFE_RUNNING, first.id);
    assert_string_not_equal(first.id, second.id);
    succeed(&box, "web&", "web*2!always=2&", NULL);
    assert_int_equal(after_the_end_of(&box, second.id), 2);
    assert_int_equal(after_the_end_of(&box, first.id), 1);
    box_end(&box);
}

/* Of a program that computed other hashes: by the one at which the rollout began. */
static void where_no_model_says_so(void **state)
{
    struct box box;
    (void)state;
    for (int began_newer = 0; began_newer < 2; began_newer++) {
        box_begin(&box, 4);
        box_apply(&box, "web*2");
        const struct seek one = find(&box, "web", WC_LIFE_RUNNING, "");
        succeed(&box, began_newer ? "web*2=8&" : "web*2!always=8&",
                began_newer ? "web*2!always=9&" : "web*2=9&", began_newer ? "web" : NULL);
        assert_int_equal(after_the_end_of(&box, one.id), 2);
        box_end(&box);
    }
}

/* What is on its way down has no turn of a rollout to wait for: it isn't started once more only to
 * be replaced then. */
static void what_goes_down_is_replaced_at_once(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 8);
    box_apply(&box, "web*3&");
    unsigned starts = wc_sim_count_ops(box.world, WC_VERB_START);
    wc_sim_set_latency(box.world, WC_VERB_KILL, 20, 20);
    unsigned done = box.n_done;
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_KILL }, NULL, NULL);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY, .force_recreate = true }, "web*3&",
               NULL);
    assert_true(box_until(&box, &box.n_done, done + 2));
    assert_int_equal(box.status, 0);
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 3);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START) - starts, 3);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_STOP), 0);
    box_end(&box);
}

/* One whose old incarnation somebody else takes away before its turn has its turn by that, and is
 * watched for as long as any other, though nobody looked at it meanwhile. */
static void who_comes_by_itself_is_watched_too(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 9);
    box_apply(&box, "web*2!always&");
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY, .force_recreate = true },
               "web*2!always&", NULL);
    while (wc_sim_count_ops(box.world, WC_VERB_START) < 3)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    box_request(&box, WC_REQUEST_PAUSE, NULL);
    box_pass(&box, 1000);
    assert_int_equal(count_told(&box, "done"), 0);
    struct seek one = find(&box, "web", WC_LIFE_PAUSED, ""); /* the second one waits for its turn */
    if (strstr(one.id, "-2.") == NULL)
        one = find(&box, "web", WC_LIFE_PAUSED, one.id);
    assert_true(wc_sim_vanish(box.world, one.id));
    wc_sim_nudge(box.world);
    box_pass(&box, 5000);
    assert_int_equal(wc_sim_count(box.world, "web", WC_LIFE_PAUSED), 2);
    uint64_t before_ms = wc_sim_now(box.world);
    box_request(&box, WC_REQUEST_UNPAUSE, NULL);
    for (unsigned turns = 0; turns < 2000 && count_told(&box, "done") == 0; turns++)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    assert_int_equal(count_told(&box, "done"), 1);
    assert_int_equal(box.status, 0);
    assert_true(wc_sim_now(box.world) >= before_ms + 100);
    assert_int_equal(box_running(&box, "web"), 2);
    box_end(&box);
}

WC_MAIN(WC_CASE(who_comes_by_itself_is_watched_too), WC_CASE(what_goes_down_is_replaced_at_once),
        WC_CASE(a_stop_that_nothing_came_of), WC_CASE(a_removal_that_nothing_came_of),
        WC_CASE(one_that_stands_still_is_not_ready), WC_CASE(it_ends_with_its_service),
        WC_CASE(a_pause_is_no_delay), WC_CASE(another_model_ends_it),
        WC_CASE(each_by_the_model_that_it_is_of), WC_CASE(where_no_model_says_so))
