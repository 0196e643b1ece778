/* test_status.c - conditions from values. */
#include "scene_box.h"

#include "cli/status.h"

static const char shop[] = "name: shop\n"
                           "services:\n"
                           "  db: {image: a}\n"
                           "  job: {image: a}\n"
                           "  web: {image: a, depends_on: [db]}\n";

static void check(struct scene *s, bool ready, bool reconciling, bool stalled, const char *reason)
{
    struct wc_status status;
    wc_status_make(&s->in, "shop", false, &s->arena, &status);
    assert_string_equal(status.ready.reason, reason);
    assert_int_equal(status.ready.holds, ready);
    assert_int_equal(status.reconciling.holds, reconciling);
    assert_int_equal(status.stalled.holds, stalled);
    assert_int_equal(status.reconciling.reason[0] != '\0', reconciling);
    assert_int_equal(status.stalled.reason[0] != '\0', stalled);
}

static void ready_is_when_all_that_is_wanted_is_well(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    check(&s, false, false, false, "nothing of it is up");
    scene_row(&s, "db")->health = WC_HEALTH_HEALTHY;
    check(&s, true, false, false, "1 of 1 services"); /* the others were not asked for */
    scene_exited(&s, "job", 0);
    check(&s, true, false, false, "2 of 2 services"); /* a job that is done is well */
    struct wc_ps_row *web = scene_row(&s, "web");
    web->health = WC_HEALTH_STARTING;
    check(&s, false, true, false, "web has not passed its health check yet");
    web->health = WC_HEALTH_UNHEALTHY;
    web->failing = 3;
    check(&s, false, false, false, "web is unhealthy: 3 checks in a row failed; last: no output");
    web->wanted = false; /* on its way out */
    check(&s, true, false, false, "2 of 2 services");
    scene_end(&s);
}

static void stalled_is_what_does_not_come_by_itself(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    struct wc_ps_row *db = scene_exited(&s, "db", 1);
    struct wc_ps_row *web = scene_row(&s, "web");
    web->fact.life = WC_LIFE_CREATED;
    web->phase = WC_PHASE_BLOCKED;
    web->needs = "db";
    check(&s, false, false, true, "db is not restarted: its policy is restart: no");
    db->phase = WC_PHASE_WAIT_BACKOFF;
    db->failures = 2;
    web->phase = WC_PHASE_WAIT_DEPS;
    check(&s, false, true, false,
          "db waits 0.0 s more before the next try, after 2 failures in a row");
    db->failures = 5;
    check(&s, false, true, true,
          "db waits 0.0 s more before the next try, after 5 failures in a row");
    scene_end(&s);
}

static void without_a_supervisor_it_is_not_ready(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "db");
    s.ps.supervised = false;
    check(&s, false, false, true, "no supervisor is running: nothing is restarted or checked");
    scene_end(&s);
}

/* Of two instances in a slot, the one that is kept counts until the new one's turn has come. */
static void a_rollout_is_under_way_or_stopped(void **state)
{
    (void)state;
    struct scene s;
    struct wc_why why;
    struct wc_rollout_row rollout = {
        .service = "db", .state = WC_ROLLOUT_ROLLING, .to = 2, .n = 3, .n_changed = 1
    };
    scene_begin(&s, shop);
    s.history.rollouts = &rollout;
    s.history.n_rollouts = 1;
    struct wc_ps_row *waits = scene_row(&s, "db");
    scene_row(&s, "db");
    waits->fact.life = WC_LIFE_ABSENT;
    waits->waiting = "its turn in the rollout";
    check(&s, true, true, false, "1 of 1 services");
    wc_why_make(&s.in, "db", 0, &s.arena, &why);
    assert_true(why.ready);
    assert_string_equal(why.gap, "its rollout to @2 is under way: 1 of 3 replicas changed");
    rollout.state = WC_ROLLOUT_PAUSED;
    rollout.reason = "db-2 exited 1";
    check(&s, true, false, true, "1 of 1 services");
    wc_why_make(&s.in, "db", 0, &s.arena, &why);
    assert_string_equal(why.gap,
                        "its rollout to @2 is paused: 1 of 3 replicas changed; db-2 exited 1");
    rollout.state = WC_ROLLOUT_DONE;
    check(&s, true, false, false, "1 of 1 services");
    scene_end(&s);
}

static void on_the_screen(void **state)
{
    (void)state;
    struct scene s;
    struct wc_status status;
    static const struct wc_style plain;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    scene_begin(&s, shop);
    scene_generation(&s, 4, T0);
    for (unsigned i = 1; i <= 2; i++) {
        struct wc_ps_row *db = scene_row(&s, "db");
        db->fact.index = i;
        db->health = i == 1 ? WC_HEALTH_HEALTHY : WC_HEALTH_STARTING;
        db->restarts = i - 1;
    }
    struct wc_ps_row *web = scene_row(&s, "web");
    web->fact.life = WC_LIFE_CREATED;
    web->phase = WC_PHASE_WAIT_DEPS;
    web->needs = "db";
    wc_status_make(&s.in, "shop", true, &s.arena, &status);
    wc_status_format_text(&status, &plain, "wcompose -f x", &out);
    assert_string_equal(
        out.data,
        "shop: reconciling, generation @4 (stable)\n"
        "Ready        no: db has not passed its health check yet\n"
        "Reconciling  yes: db has not passed its health check yet\n"
        "Stalled      no\n"
        "   SERVICE  STATE         HEALTH       SINCE\n"
        "-  db       starting 2/2  healthy 1/2  50s    has not passed its health check yet; "
        "restarted 1 time\n"
        "o  job      not up        -            -\n"
        "-  web      waiting 0/1   -            50s    waits for db to be started\n"
        "note: the file says something else than what was accepted\n"
        "next:  wcompose -f x why db    wcompose -f x plan\n");
    wc_status_format_json(&status, &json);
    assert_non_null(strstr(json.data, "{\"Type\":\"Reconciling\",\"Status\":true,"));
    assert_non_null(strstr(json.data, "\"Generation\":4,\"Outcome\":\"stable\""));
    assert_non_null(strstr(json.data, "\"Service\":\"job\",\"State\":\"not up\",\"Ready\":false,"
                                      "\"Wanted\":false"));
    scene_end(&s);
}

WC_MAIN(WC_CASE(ready_is_when_all_that_is_wanted_is_well),
        WC_CASE(stalled_is_what_does_not_come_by_itself),
        WC_CASE(without_a_supervisor_it_is_not_ready), WC_CASE(a_rollout_is_under_way_or_stopped),
        WC_CASE(on_the_screen))
