/* test_engine.c - the engine on a simulated host: what a request does to the world, and in which
 * order.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

static const struct wc_sim_program job = { .run_ms = 50, .stop_ms = 5 };
static const struct wc_sim_program failing_job = { .run_ms = 50, .exit_code = 3, .stop_ms = 5 };
static const struct wc_sim_program slow = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = 400 };
static const struct wc_sim_program sick = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = -1 };
static const struct wc_sim_program stubborn = { .run_ms = -1, .stop_ms = -1 };

#define SHOP "api<db.h,migrate.c db+ migrate<db.h web!always<api.s"

static void start_order(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 1);
    wc_sim_set_program(box.world, "db", &slow);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, SHOP);
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 4);
    assert_true(box_in_order(&box, "web-1 created", "db-1 started")); /* made early, all of them */
    assert_true(box_in_order(&box, "db-1 started", "db-1 healthy"));
    assert_true(box_in_order(&box, "db-1 healthy", "migrate-1 started"));
    assert_true(box_in_order(&box, "migrate-1 exited", "api-1 started"));
    assert_true(box_in_order(&box, "api-1 started", "web-1 started"));
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 3);
    box_end(&box);
}

static void no_op_apply(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 2);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, SHOP);
    unsigned ops = box_ops(&box);
    box_apply(&box, SHOP);
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 0);
    assert_int_equal(box_ops(&box), ops);
    box_end(&box);
}

static void replace_changed(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    box_apply(&box, "db web<db.s");
    box_apply(&box, "db web=2<db.s");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 2); /* the old one and the new one */
    assert_true(box_in_order(&box, "web-1 exited", "web-1 removed"));
    assert_true(box_in_order(&box, "web-1 removed", "web-1 created"));
    assert_null(strstr(box.events.data, "db-1"));
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

static void recreate_on_request(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 4);
    box_apply(&box, "web");
    assert_true(box_do(&box, (struct wc_request){ .force_recreate = true }, "web", NULL));
    assert_int_equal(box.status, 0);
    assert_true(box_in_order(&box, "web-1 removed", "web-1 started"));
    assert_true(box_do(&box, (struct wc_request){ .no_recreate = true }, "web=2", NULL));
    assert_int_equal(box.changed, 0);
    assert_true(box_do(&box, (struct wc_request){ .no_start = true }, "web=3", NULL));
    assert_int_equal(wc_sim_count(box.world, "web", WC_LIFE_CREATED), 1);
    assert_int_equal(box_running(&box, "web"), 0);
    box_end(&box);
}

static void failing_start_blocks(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    wc_sim_fail_next(box.world, WC_VERB_START, "db", 1, WC_ERR_CONFLICT, "port 5432 is taken");
    box_apply(&box, "db other web<db.s");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service db: start: port 5432 is taken");
    assert_int_equal(box_running(&box, "web"), 0);
    assert_int_equal(box_running(&box, "other"), 1);
    box_apply(&box, "db other web<db.s"); /* a new request tries again */
    assert_int_equal(box.status, 0);
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

/* Without a policy there is one attempt; with one a few are made before the request is told, and
 * they go on behind it. */
static void failing_create(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 26);
    wc_sim_fail_next(box.world, WC_VERB_CREATE, "db", 1, WC_ERR_NOENT, "no such program");
    box_apply(&box, "db web<db.s");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service db: create: no such program");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_CREATE), 2);
    wc_sim_fail_next(box.world, WC_VERB_CREATE, "db", 4, WC_ERR_NOENT, "no such program");
    box_apply(&box, "db!always web<db.s");
    assert_int_equal(box.status, 0);
    wc_sim_fail_next(box.world, WC_VERB_CREATE, "db", 7, WC_ERR_NOENT, "no such program");
    box_apply(&box, "db!always=2 web<db.s");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service db: create: no such program");
    box_pass(&box, 10000);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 2);
    box_end(&box);
}

/* One that can't be made on this host: known before anything of the others is made. */
static void refused_before_anything(void **state)
{
    static const struct wc_sim_program unmakeable = { .run_ms = -1, .unmakeable = true };
    struct box box;
    (void)state;
    box_begin(&box, 6);
    wc_sim_set_program(box.world, "web", &unmakeable);
    box_apply(&box, "db web");
    assert_int_equal(box.status, WC_ERR_UNAVAILABLE);
    assert_string_equal(box.err.msg, "service web: it can't be made on this host");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_CREATE), 0);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_NET_UP), 0);
    wc_sim_set_program(box.world, "web", &wc_sim_program_default);
    box_apply(&box, "db web");
    assert_int_equal(box.status, 0);
    wc_sim_set_program(box.world, "web", &unmakeable); /* what is there is not made again */
    box_apply(&box, "db web");
    assert_int_equal(box.status, 0);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    box_end(&box);
}

static void failing_job_blocks(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 6);
    wc_sim_set_program(box.world, "migrate", &failing_job);
    box_apply(&box, "api<migrate.c migrate web<api.s");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service migrate: exited 3");
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 0);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, "api<migrate.c migrate web<api.s");
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 2);
    box_end(&box);
}

static void unhealthy_blocks(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 7);
    wc_sim_set_program(box.world, "db", &sick);
    box_apply(&box, "db+ web<db.h");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_non_null(strstr(box.err.msg, "service db: never became healthy"));
    assert_int_equal(box_running(&box, "web"), 0);
    /* what isn't required doesn't block */
    box_apply(&box, "db+ web<db.h?");
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

/* on_unhealthy: restart. It is stopped, waits longer each time, and is forgotten about when it is
 * well; with restart: no, or without on_unhealthy, it is left as it is. */
static void unhealthy_is_restarted(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 27);
    box_apply(&box, "db+^!always off+!always stays+^");
    wc_sim_set_program(box.world, "db", &sick);
    wc_sim_set_program(box.world, "off", &sick);
    wc_sim_set_program(box.world, "stays", &sick);
    wc_buf_reset(&box.events);
    box_pass(&box, 4000);
    assert_true(box_in_order(&box, "db-1 unhealthy", "db-1 stopping"));
    assert_true(box_in_order(&box, "db-1 exited", "db-1 restarting"));
    assert_non_null(strstr(box.events.data, "off-1 unhealthy"));
    assert_non_null(strstr(box.events.data, "stays-1 unhealthy"));
    assert_null(strstr(box.events.data, "off-1 stopping"));
    assert_null(strstr(box.events.data, "stays-1 stopping"));
    unsigned starts = wc_sim_count_ops(box.world, WC_VERB_START);
    box_pass(&box, 120000); /* each run takes 4 s to be found sick, and 0, 0.1, 0.2 … 12.8 s more */
    unsigned more = wc_sim_count_ops(box.world, WC_VERB_START) - starts;
    assert_in_range(more, 8, 12);
    wc_sim_set_program(box.world, "db", &wc_sim_program_default);
    box_pass(&box, 70000);
    assert_int_equal(box_running(&box, "db"), 1);
    starts = wc_sim_count_ops(box.world, WC_VERB_START);
    box_pass(&box, 70000);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START), starts);
    box_end(&box);
}

/* A sick one that ends with 0 when it is told to stop has failed all the same, also for a successor
 * of who told it. */
static void sick_end_is_a_failure(void **state)
{
    static const struct wc_sim_program polite = {
        .run_ms = -1, .stop_ms = 300, .healthy_after_ms = -1, .polite = true
    };
    struct box box;
    (void)state;
    box_begin(&box, 28);
    wc_sim_set_program(box.world, "web", &polite);
    assert_true(box_do(&box, (struct wc_request){ 0 }, "web+^!failure", NULL));
    wc_buf_reset(&box.events);
    box_pass(&box, 6000);
    assert_true(box_in_order(&box, "web-1 stopping", "web-1 restarting"));
    for (int i = 0; wc_sim_count_ops(box.world, WC_VERB_STOP) < 2; i++) {
        assert_true(i < 100000);
        box_pass(&box, 1);
    }
    box_close(&box); /* between the stop and the end */
    box_open(&box);
    assert_true(
        box_do(&box, (struct wc_request){ .kind = WC_REQUEST_ADOPT }, "web+^!failure", NULL));
    box_pass(&box, 2000);
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

/* The verbs of the ops on a service that matter for hooks, in order: "start post stop pre". */
static char order[400];

static void note_order(void *data, const struct wc_op *op)
{
    const char *word = op->verb == WC_VERB_START  ? "start"
                       : op->verb == WC_VERB_STOP ? "stop"
                       : op->verb == WC_VERB_KILL ? "kill"
                       : op->hook == NULL         ? NULL
                       : op->once[1] == 'o'       ? "post"
                                                  : "pre";
    size_t len = strlen(order);
    (void)data;
    if (word != NULL)
        snprintf(order + len, sizeof order - len, "%s ", word);
}

/* post_start after the start, and before who waits for it; pre_stop before each stop of ours. */
static void hooks_in_order(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 29);
    wc_sim_judge(box.world, note_order, NULL);
    order[0] = '\0';
    box_apply(&box, "db@ web<db.s");
    assert_string_equal(order, "start post start ");
    box_apply(&box, "db@% web<db.s");
    box_apply(&box, "db=2@% web<db.s");
    order[0] = '\0';
    box_request(&box, WC_REQUEST_RESTART, "db");
    assert_string_equal(order, "pre stop start post ");
    order[0] = '\0';
    box_apply(&box, "db=3 web<db.s"); /* what goes has the hooks that it was made with */
    assert_string_equal(order, "pre stop start ");
    box_apply(&box, "db=4% web<db.s");
    order[0] = '\0';
    assert_true(wc_sim_exit(box.world, wc_sim_find(box.world, "db", WC_LIFE_RUNNING)->id, 0));
    box_pass(&box, 100);
    assert_string_equal(order, ""); /* it ended by itself */
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_string_equal(order, "stop ");
    box_end(&box);
}

static void failed_post_start(void **state)
{
    static const struct wc_sim_program bad = { .run_ms = -1, .stop_ms = 5, .hook_code = 3 };
    struct box box;
    (void)state;
    box_begin(&box, 30);
    wc_sim_set_program(box.world, "db", &bad);
    wc_sim_judge(box.world, note_order, NULL);
    order[0] = '\0';
    box_apply(&box, "db@% web<db.s");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_non_null(strstr(box.err.msg, "service db: post_start 1: exited 3"));
    assert_int_equal(box_running(&box, "web"), 0);
    assert_int_equal(box_running(&box, "db"), 0);
    assert_string_equal(order, "start post stop "); /* nothing to take leave of */
    wc_sim_set_program(box.world, "db", &wc_sim_program_default);
    box_apply(&box, "db@% web<db.s");
    assert_int_equal(box.status, 0);
    assert_int_equal(box_running(&box, "web"), 1);
    /* by its policy it is tried again, and waits longer each time */
    wc_sim_set_program(box.world, "api", &bad);
    assert_true(box_do(&box, (struct wc_request){ 0 }, "api@!always db@% web<db.s", NULL));
    assert_int_equal(box.status, WC_ERR_STATE);
    wc_sim_set_program(box.world, "api", &wc_sim_program_default);
    box_pass(&box, 20000);
    assert_int_equal(box_running(&box, "api"), 1);
    box_end(&box);
}

/* A hook may take the grace period; then the stop goes on without it. A failed one stops nothing.
 */
static void pre_stop_has_a_limit(void **state)
{
    static const struct wc_sim_program bad = { .run_ms = -1, .stop_ms = 5, .hook_code = 3 };
    struct box box;
    (void)state;
    box_begin(&box, 31);
    wc_sim_set_program(box.world, "web", &bad);
    box_apply(&box, "web%");
    box_request(&box, WC_REQUEST_STOP, "web");
    assert_int_equal(box.status, 0);
    assert_int_equal(box_running(&box, "web"), 0);
    box_request(&box, WC_REQUEST_START, "web");
    wc_sim_set_latency(box.world, WC_VERB_EXEC, 60000, 60000);
    uint64_t before = wc_sim_now(box.world);
    box_request(&box, WC_REQUEST_STOP, "web");
    assert_int_equal(box.status, 0);
    assert_in_range(wc_sim_now(box.world) - before, 10000, 10100);
    box_end(&box);
}

/* kill -9 of the supervisor in between: no hook is run twice in a run. */
static void hooks_over_a_crash(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 32);
    wc_sim_set_latency(box.world, WC_VERB_EXEC, 50, 50);
    wc_sim_judge(box.world, note_order, NULL);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "db@ web<db.s", NULL);
    while (wc_sim_count_ops(box.world, WC_VERB_EXEC) == 0)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    wc_sim_set_crash(box.world, true, 0);
    box_close(&box);
    wc_sim_set_crash(box.world, false, 0);
    box_open(&box);
    order[0] = '\0';
    box_apply(&box, "db@ web<db.s");
    assert_int_equal(box.status, 0);
    assert_string_equal(order, "post start "); /* asked, and answered by what is noted */
    box_end(&box);
}

static void check_missing(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 8);
    box_apply(&box, "db web<db.h");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_non_null(strstr(box.err.msg, "db has no health check"));
    box_end(&box);
}

static void crash_restarts_at_once(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 9);
    box_apply(&box, "db web!always<db.s");
    box_pass(&box, 20000);
    uint64_t before = wc_sim_now(box.world);
    assert_true(wc_sim_kill(box.world, wc_sim_find(box.world, "web", WC_LIFE_RUNNING)->id));
    assert_int_equal(box_running(&box, "web"), 0);
    while (box_running(&box, "web") == 0)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    assert_true(wc_sim_now(box.world) - before <= 10);
    box_end(&box);
}

static void crash_loop_backs_off(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 10);
    wc_sim_set_program(box.world, "web",
                       &(struct wc_sim_program){ .run_ms = 1, .exit_code = 1, .stop_ms = 1 });
    assert_true(box_do(&box, (struct wc_request){ 0 }, "web!always", NULL));
    box_pass(&box, 10000);
    unsigned starts = wc_sim_count_ops(box.world, WC_VERB_START);
    assert_in_range(starts, 6, 10); /* 0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 s */
    box_pass(&box, 600000);
    assert_in_range(wc_sim_count_ops(box.world, WC_VERB_START) - starts, 9, 16);
    /* who waits for such a one is told, and does not wait for ever */
    box_apply(&box, "top<web.h web!always+");
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_non_null(strstr(box.err.msg, "service web: exited 1"));
    box_end(&box);
}

static void on_failure_gives_up(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 11);
    wc_sim_set_program(box.world, "web", &failing_job);
    assert_true(box_do(&box, (struct wc_request){ 0 }, "web!2", NULL));
    box_pass(&box, 100000);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START), 3); /* and two restarts */
    assert_false(wc_engine_busy(box.engine));
    box_end(&box);
}

static void stop_order(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 12);
    box_apply(&box, "api<db.s db web!always<api.s");
    box_request(&box, WC_REQUEST_STOP, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 3);
    assert_true(box_in_order(&box, "web-1 exited", "api-1 stopping"));
    assert_true(box_in_order(&box, "api-1 exited", "db-1 stopping"));
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_EXITED), 3);
    box_pass(&box, 100000);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 0); /* it stays so */
    box_request(&box, WC_REQUEST_START, "web");
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 3);
    assert_true(box_in_order(&box, "db-1 started", "web-1 started"));
    box_end(&box);
}

/* The migration is long gone, yet the database outlives the API that needed it. */
static void stop_order_through_a_finished_job(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 26);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, SHOP);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_true(box_in_order(&box, "api-1 exited", "db-1 stopping"));
    box_end(&box);
}

static void grace_then_kill(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 13);
    wc_sim_set_program(box.world, "web", &stubborn);
    box_apply(&box, "web");
    uint64_t before = wc_sim_now(box.world);
    box_request(&box, WC_REQUEST_STOP, NULL);
    assert_in_range(wc_sim_now(box.world) - before, 10000, 10020);
    assert_true(box_in_order(&box, "web-1 stopping", "web-1 killing"));
    box_request(&box, WC_REQUEST_START, NULL);
    before = wc_sim_now(box.world);
    assert_true(
        box_do(&box, (struct wc_request){ .kind = WC_REQUEST_STOP, .timeout_ms = 50 }, NULL, NULL));
    assert_in_range(wc_sim_now(box.world) - before, 50, 70);
    box_end(&box);
}

/* The driver says that SIGKILL has no effect: `down` says so and ends; what the stuck one needs is
 * not kept up by it. */
static void kill_without_effect(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 14);
    wc_sim_set_program(box.world, "web", &stubborn);
    box_apply(&box, "db web<db.s");
    wc_sim_fail_next(box.world, WC_VERB_KILL, "web", 2, WC_ERR_TIMEOUT, "nobody reaps it");
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, WC_ERR_STATE);
    assert_string_equal(box.err.msg, "service web: nobody reaps it");
    assert_true(box_in_order(&box, "web-1 killing", "web-1 failed"));
    assert_int_equal(wc_sim_count(box.world, "db", WC_LIFE_RUNNING), 0);
    assert_int_equal(wc_sim_count(box.world, "web", WC_LIFE_RUNNING), 1);
    assert_true(wc_engine_busy(box.engine));
    box_pass(&box, 25000); /* it is tried again, and then it works */
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 0);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count_networks(box.world), 0);
    box_end(&box);
}

static void down_leaves_nothing(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 14);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, SHOP);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 4);
    for (int life = WC_LIFE_CREATED; life <= WC_LIFE_BROKEN; life++)
        assert_int_equal(wc_sim_count(box.world, NULL, (enum wc_life)life), 0);
    assert_null(wc_engine_project(box.engine));
    assert_false(wc_engine_busy(box.engine));
    box_apply(&box, SHOP);
    assert_int_equal(box.status, 0);
    box_end(&box);
}

static void down_without_model(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 15);
    box_apply(&box, "db web<db.s");
    box_close(&box);
    box_open(&box);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_ABSENT), 2);
    box_end(&box);
}

static void adoption(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 16);
    box_apply(&box, "db!always+ web!always<db.h");
    box_close(&box);
    assert_true(wc_sim_kill(box.world, wc_sim_find(box.world, "web", WC_LIFE_RUNNING)->id));
    box_open(&box);
    unsigned ops = box_ops(&box);
    box_pass(&box, 1000);
    assert_int_equal(box_ops(&box), ops); /* nobody speaks for it yet */
    assert_true(box_do(&box, (struct wc_request){ .kind = WC_REQUEST_ADOPT },
                       "db!always=2+ web!always<db.h", NULL));
    assert_int_equal(box.changed, 0);
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1);
    assert_int_equal(box_running(&box, "db"), 1);
    assert_int_equal(box_ops(&box), ops + 1); /* one start; db is kept though it is stale */
    box_apply(&box, "db!always=2+ web!always<db.h");
    assert_int_equal(box.changed, 2);
    box_end(&box);
}

/* After a boot the app comes up in its order, though restart policies know none. */
static void after_a_boot(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 18);
    const struct wc_sim_program late = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = 3000 };
    wc_sim_set_program(box.world, "db", &late);
    box_apply(&box, "db!always+ web!always<db.h");
    box_close(&box);
    wc_sim_reboot(box.world);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_EXITED), 2);
    box_open(&box);
    assert_true(box_do(&box, (struct wc_request){ .kind = WC_REQUEST_ADOPT },
                       "db!always+ web!always<db.h", NULL));
    box_pass(&box, 2000);
    assert_int_equal(box_running(&box, "db"), 1);
    assert_int_equal(box_running(&box, "web"), 0);
    box_pass(&box, 2000);
    assert_int_equal(box_running(&box, "web"), 1);
    assert_true(wc_sim_kill(box.world, wc_sim_find(box.world, "db", WC_LIFE_RUNNING)->id));
    assert_true(wc_sim_kill(box.world, wc_sim_find(box.world, "web", WC_LIFE_RUNNING)->id));
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1); /* by its policy, as always */
    box_end(&box);
}

static void newest_request_wins(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 17);
    wc_sim_set_program(box.world, "db", &sick);
    box_submit(&box, (struct wc_request){ 0 }, "db+ web<db.h", NULL);
    for (int i = 0; i < 8; i++)
        uv_run(&box.loop, UV_RUN_NOWAIT);
    assert_int_equal(box.n_done, 0);
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_STOP }, NULL, NULL);
    assert_true(box_until(&box, &box.n_done, 1));
    assert_int_equal(box.status, WC_ERR_CANCELLED);
    assert_true(box_until(&box, &box.n_done, 2));
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 0);
    /* up in the middle of a stop */
    box_apply(&box, "db web");
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_STOP }, NULL, NULL);
    uv_run(&box.loop, UV_RUN_NOWAIT);
    uv_run(&box.loop, UV_RUN_NOWAIT);
    box_apply(&box, "db web");
    box_until(&box, &box.n_done, 5);
    assert_int_equal(box.status, 0);
    box_pass(&box, 1000);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 2);
    box_end(&box);
}

static void scale(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 18);
    box_apply(&box, "web*5");
    assert_int_equal(box_running(&box, "web"), 5);
    box_apply(&box, "web*2");
    assert_int_equal(box.changed, 3);
    assert_int_equal(box_running(&box, "web"), 2);
    box_apply(&box, "top<web.s web*0");
    assert_int_equal(box_running(&box, "web"), 0);
    assert_int_equal(box_running(&box, "top"), 1); /* nothing to wait for */
    box_end(&box);
}

static void orphans(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 19);
    box_apply(&box, "db web");
    box_apply(&box, "db");
    assert_int_equal(box.changed, 0);
    assert_int_equal(box_running(&box, "web"), 1);
    assert_true(box_do(&box, (struct wc_request){ .remove_orphans = true }, "db", NULL));
    assert_int_equal(box.changed, 1);
    assert_int_equal(box_running(&box, "web"), 0);
    box_end(&box);
}

static void one_service(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 20);
    assert_true(box_do(&box, (struct wc_request){ 0 }, "api<db.s db web<api.s", "api"));
    assert_int_equal(box_running(&box, "db"), 1);
    assert_int_equal(box_running(&box, "api"), 1);
    assert_int_equal(wc_sim_count(box.world, "web", WC_LIFE_ABSENT), 0); /* never made */
    assert_true(box_do(&box, (struct wc_request){ 0 }, "api<db.s db=2 web<api.s", "web"));
    assert_int_equal(box_running(&box, "web"), 1);
    assert_true(
        box_do(&box, (struct wc_request){ .no_deps = true }, "api=2<db.s db=3 web<api.s", "api"));
    assert_int_equal(box.changed, 2);
    assert_true(box_do(&box, (struct wc_request){ 0 }, "api db", "nope"));
    assert_int_equal(box.status, WC_ERR_NOENT);
    box_end(&box);
}

static void restart_and_kill(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 21);
    box_apply(&box, "api<db.sr db web!always<api.s");
    box_request(&box, WC_REQUEST_RESTART, "db");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 2); /* api asked to follow */
    assert_true(box_in_order(&box, "api-1 exited", "db-1 stopping"));
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 3);
    box_request(&box, WC_REQUEST_KILL, "web");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 1);
    box_pass(&box, 100000);
    assert_int_equal(box_running(&box, "web"), 0); /* a person killed it */
    box_end(&box);
}

static void vanished_comes_back(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 22);
    box_apply(&box, "web!always");
    assert_true(wc_sim_vanish(box.world, wc_sim_find(box.world, "web", WC_LIFE_RUNNING)->id));
    box_pass(&box, 1000);
    assert_int_equal(box_running(&box, "web"), 1);
    box_end(&box);
}

static void cycle_is_refused(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 23);
    box_apply(&box, "a<b.s b<a.s");
    assert_int_equal(box.status, WC_ERR_SPEC);
    assert_string_equal(box.err.msg, "dependency cycle: a -> b -> a");
    assert_int_equal(box_ops(&box), 0);
    box_end(&box);
}

static void close_under_way(void **state)
{
    struct box box;
    (void)state;
    for (int turns = 0; turns < 25; turns++) {
        box_begin(&box, 24);
        box_submit(&box, (struct wc_request){ 0 }, SHOP, NULL);
        for (int i = 0; i < turns; i++)
            uv_run(&box.loop, UV_RUN_NOWAIT);
        box_close(&box);
        assert_int_equal(box.n_done, 1);
        box_end(&box);
    }
}

/* Chain and star of a thousand: time must grow with the edges, not with their square. */
static void a_thousand(void **state)
{
    struct box box;
    (void)state;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (int i = 0; i < 1000; i++)
        wc_buf_printf(&text, i < 500 ? (i == 0 ? "s%03d " : "s%03d<s%03d.s ") : "s%03d<s000.s ", i,
                      i - 1);
    box_begin(&box, 25);
    clock_t before = clock(); /* of processors: others may have them meanwhile */
    box_apply(&box, text.data);
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_RUNNING), 1000);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    assert_int_equal(wc_sim_count(box.world, NULL, WC_LIFE_ABSENT), 1000);
    assert_true(clock() - before < 10 * CLOCKS_PER_SEC); /* 0.4 s here, with sanitizers */
    box_end(&box);
}

WC_MAIN(WC_CASE(start_order), WC_CASE(no_op_apply), WC_CASE(replace_changed),
        WC_CASE(recreate_on_request), WC_CASE(failing_start_blocks), WC_CASE(failing_create),
        WC_CASE(refused_before_anything), WC_CASE(failing_job_blocks), WC_CASE(unhealthy_blocks),
        WC_CASE(unhealthy_is_restarted), WC_CASE(sick_end_is_a_failure), WC_CASE(hooks_in_order),
        WC_CASE(failed_post_start), WC_CASE(pre_stop_has_a_limit), WC_CASE(hooks_over_a_crash),
        WC_CASE(check_missing), WC_CASE(crash_restarts_at_once), WC_CASE(crash_loop_backs_off),
        WC_CASE(on_failure_gives_up), WC_CASE(stop_order),
        WC_CASE(stop_order_through_a_finished_job), WC_CASE(grace_then_kill),
        WC_CASE(kill_without_effect), WC_CASE(down_leaves_nothing), WC_CASE(down_without_model),
        WC_CASE(adoption), WC_CASE(after_a_boot), WC_CASE(newest_request_wins), WC_CASE(scale),
        WC_CASE(orphans), WC_CASE(one_service), WC_CASE(restart_and_kill),
        WC_CASE(vanished_comes_back), WC_CASE(cycle_is_refused), WC_CASE(close_under_way),
        WC_CASE(a_thousand))
