/* test_causes.c - every event names the one that led to it: followed back, the chain ends at what
 * came from outside.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

static const struct wc_sim_program job = { .run_ms = 50, .stop_ms = 5 };
static const struct wc_sim_program slow = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = 400 };
static const struct wc_sim_program sick = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = -1 };
static const struct wc_sim_program stubborn = { .run_ms = -1, .stop_ms = -1 };

/* The last event of that text, and what it comes from: "a < b < c". */
static void check_chain(const struct box *box, const char *text, const char *expected)
{
    WC_CLEANUP_BUF struct wc_buf chain = WC_BUF_INIT;
    const struct told *at = NULL;
    for (size_t i = 0; i < box->n_told; i++)
        if (wc_streq(box->told[i].text, text))
            at = &box->told[i];
    while (at != NULL) {
        wc_buf_printf(&chain, "%s%s", chain.len > 0 ? " < " : "", at->text);
        assert_true(at->cause < at->seq); /* causes come first, so no chain goes round */
        const struct told *cause = NULL;
        for (size_t i = 0; i < box->n_told; i++)
            if (at->cause != 0 && box->told[i].seq == at->cause)
                cause = &box->told[i];
        at = cause;
    }
    assert_string_equal(chain.len > 0 ? chain.data : "", expected);
}

static void a_start_follows_from_what_it_waited_for(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 1);
    wc_sim_set_program(box.world, "db", &slow);
    wc_sim_set_program(box.world, "migrate", &job);
    box_apply(&box, "api<migrate.c db+ migrate<db.h");
    check_chain(&box, "api-1 started",
                "api-1 started < migrate-1 exited"); /* which ended by itself */
    check_chain(&box, "migrate-1 started",
                "migrate-1 started < db-1 healthy < db-1 started < db-1 created < applying");
    box_end(&box);
}

static void a_wait_follows_from_the_last_news_of_what_it_waits_for(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 2);
    wc_sim_set_program(box.world, "db", &sick);
    box_apply(&box, "db+ web<db.h");
    assert_int_equal(box.status, WC_ERR_STATE);
    check_chain(&box, "web-1 waiting", "web-1 waiting < db-1 unhealthy");
    box_end(&box);
}

static void a_restart_follows_from_the_end(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    box_apply(&box, "web!always");
    const struct wc_fact *fact = wc_sim_find(box.world, "web", WC_LIFE_RUNNING);
    char id[200];
    snprintf(id, sizeof id, "%s", fact->id);
    assert_true(wc_sim_exit(box.world, id, 7));
    box_pass(&box, 2000);
    check_chain(&box, "web-1 started", "web-1 started < web-1 restarting < web-1 exited");
    assert_true(wc_sim_vanish(box.world, id)); /* a stranger's doing has no cause of ours */
    box_pass(&box, 2000);
    check_chain(&box, "web-1 removed", "web-1 removed");
    check_chain(&box, "web-1 created", "web-1 created < web-1 removed");
    box_end(&box);
}

static void what_a_person_asks_is_the_root(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 4);
    wc_sim_set_program(box.world, "deaf", &stubborn);
    box_apply(&box, "deaf web");
    box_request(&box, WC_REQUEST_STOP, "web");
    check_chain(&box, "web-1 exited", "web-1 exited < web-1 stopping < asked");
    box_request(&box, WC_REQUEST_START, "web");
    check_chain(&box, "web-1 started", "web-1 started < asked");
    box_request(&box, WC_REQUEST_RESTART, "web");
    check_chain(&box, "web-1 started", "web-1 started < web-1 exited < web-1 stopping < asked");
    box_request(&box, WC_REQUEST_KILL, "web");
    box_pass(&box, 100);
    check_chain(&box, "web-1 exited", "web-1 exited < asked");
    box_request(&box, WC_REQUEST_DOWN, NULL);
    check_chain(&box, "deaf-1 removed",
                "deaf-1 removed < deaf-1 exited < deaf-1 killing < deaf-1 stopping < asked");
    check_chain(&box, "removed", "removed < asked"); /* the project */
    box_end(&box);
}

static void a_replacement_follows_from_the_model(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    box_apply(&box, "db web<db.sr");
    box_apply(&box, "db=2 web<db.sr");
    check_chain(&box, "db-1 stopping", "db-1 stopping < applying");
    check_chain(&box, "db-1 created", "db-1 created < applying");
    check_chain(&box, "web-1 stopping", "web-1 stopping < applying");
    check_chain(&box, "ready", "ready < applying");
    box_end(&box);
}

static void a_successor_is_a_root_of_its_own(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 6);
    box_apply(&box, "web!always");
    box_close(&box);
    box_open(&box);
    box_submit(&box, (struct wc_request){ .kind = WC_REQUEST_ADOPT }, "web!always", NULL);
    box_pass(&box, 10);
    assert_string_equal(box.told[box.n_told - 1].text, "adopted");
    box_end(&box);
}

struct seen {
    struct wc_instance_status web, db;
    char needs[16], action[16];
};

static void see(void *data, const struct wc_instance_status *status)
{
    struct seen *seen = data;
    if (wc_streq(status->fact.service, "web")) {
        seen->web = *status;
        snprintf(seen->needs, sizeof seen->needs, "%s", status->needs);
        snprintf(seen->action, sizeof seen->action, "%s", status->last.action);
    } else {
        seen->db = *status;
    }
}

static void phases_and_needs_are_visible(void **state)
{
    struct box box;
    struct seen seen = { 0 };
    (void)state;
    box_begin(&box, 7);
    wc_sim_set_program(box.world, "db", &slow);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_READY }, "db+ web<db.h", NULL);
    box_pass(&box, 200);
    wc_engine_visit(box.engine, see, &seen);
    assert_int_equal(seen.web.phase, WC_PHASE_WAIT_DEPS);
    assert_string_equal(seen.needs, "db");
    assert_int_equal(seen.web.needs_condition, WC_DEP_HEALTHY);
    assert_false(seen.web.needs_shares);
    assert_string_equal(seen.action, "waiting");
    assert_true(seen.web.last.seq > 0 && seen.web.last.wall_ms > 0);
    assert_true(seen.web.phase_at_ms > 0);
    assert_int_equal(seen.db.phase, WC_PHASE_SETTLED);
    assert_int_equal(seen.db.health, WC_HEALTH_STARTING);
    box_pass(&box, 1000);
    wc_engine_visit(box.engine, see, &seen);
    assert_int_equal(seen.web.phase, WC_PHASE_SETTLED);
    assert_int_equal(seen.web.next_at_ms, 0);
    box_end(&box);
}

static void backoff_says_until_when(void **state)
{
    struct box box;
    struct seen seen = { 0 };
    static const struct wc_sim_program crash = { .run_ms = 5, .exit_code = 1, .stop_ms = 5 };
    (void)state;
    box_begin(&box, 8);
    wc_sim_set_program(box.world, "db", &crash);
    box_submit(&box, (struct wc_request){ 0 }, "db!always", NULL);
    for (int i = 0; i < 4000 && seen.db.phase != WC_PHASE_WAIT_BACKOFF; i++) {
        uv_run(&box.loop, UV_RUN_NOWAIT); /* a turn, as time leaps over what is waited for */
        wc_engine_visit(box.engine, see, &seen);
    }
    const struct wc_clock *clock = wc_sim_clock(box.world);
    assert_int_equal(seen.db.phase, WC_PHASE_WAIT_BACKOFF);
    assert_true(seen.db.next_at_ms > clock->wall(clock->data));
    assert_true(seen.db.failures > 0);
    box_end(&box);
}

WC_MAIN(WC_CASE(a_start_follows_from_what_it_waited_for),
        WC_CASE(a_wait_follows_from_the_last_news_of_what_it_waits_for),
        WC_CASE(a_restart_follows_from_the_end), WC_CASE(what_a_person_asks_is_the_root),
        WC_CASE(a_replacement_follows_from_the_model), WC_CASE(a_successor_is_a_root_of_its_own),
        WC_CASE(phases_and_needs_are_visible), WC_CASE(backoff_says_until_when))
