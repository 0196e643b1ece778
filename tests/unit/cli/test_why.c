/* test_why.c - chains from values: who waits for whom, and what it all comes from. */
#include "scene_box.h"

static const char shop[] = "name: shop\n"
                           "services:\n"
                           "  db:\n"
                           "    image: a\n"
                           "    healthcheck: {test: [CMD, x]}\n"
                           "  web:\n"
                           "    image: a\n"
                           "    restart: always\n"
                           "    depends_on:\n"
                           "      db: {condition: service_healthy}\n"
                           "  api:\n"
                           "    image: a\n"
                           "    depends_on: [web]\n";

static void check(struct scene *s, const char *service, const char *expected)
{
    struct wc_why why;
    static const struct wc_style plain;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_why_make(&s->in, service, 0, &s->arena, &why);
    wc_why_format_text(&why, &plain, "/srv", "wcompose", &out);
    assert_string_equal(out.data, expected);
}

static void waits_are_followed_to_who_is_in_trouble(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    struct wc_ps_row *api = scene_row(&s, "api"), *db = scene_row(&s, "db"),
                     *web = scene_row(&s, "web");
    api->fact.life = web->fact.life = WC_LIFE_CREATED;
    api->phase = WC_PHASE_WAIT_DEPS;
    api->phase_at_ms = T0 + 3000;
    api->needs = "web";
    web->phase = WC_PHASE_BLOCKED;
    web->phase_at_ms = T0 + 5000;
    web->needs = "db";
    web->needs_condition = WC_DEP_HEALTHY;
    db->health = WC_HEALTH_UNHEALTHY;
    db->failing = 4;
    db->health_output = "connection \033[31mrefused"; /* a program's words stay words */
    scene_event(&s, 1, 0, NULL, "applying", NULL);
    scene_event(&s, 2, 1, "db", "started", NULL);
    scene_event(&s, 4, 0, "db", "unhealthy", "3 failures in a row; last: connection refused");
    check(&s, "api",
          "- api is not ready: waits for web to be started\n"
          "  18:00:03Z  api  waits for web to be started   compose.yaml:13:18\n"
          "  18:00:05Z  web  is blocked: it needs db to be healthy   compose.yaml:10:7\n"
          "  18:00:04Z  db   is unhealthy: 4 checks in a row failed; last: connection ?[31mrefused"
          "   compose.yaml:5:5\n"
          "root cause: db is unhealthy: 4 checks in a row failed; last: connection ?[31mrefused\n"
          "next:  wcompose logs db\n");
    scene_end(&s);
}

static void health_that_is_still_to_come(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "db")->health = WC_HEALTH_STARTING;
    scene_event(&s, 1, 0, NULL, "applying", NULL);
    scene_event(&s, 2, 1, "db", "created", NULL);
    scene_event(&s, 3, 2, "db", "started", NULL);
    scene_generation(&s, 7, T0 + 950);
    check(&s, "db",
          "- db is not ready: has not passed its health check yet\n"
          "  18:00:10Z  db  has not passed its health check yet   compose.yaml:5:5\n"
          "  18:00:03Z  db  was started\n"
          "  18:00:02Z  db  was made\n"
          "  18:00:01Z      'wcompose up' applied generation @7\n"
          "root cause: db has not passed its health check yet\n"
          "next:  wcompose logs db\n");
    scene_end(&s);
}

static void health_that_is_needed_and_not_checked(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "db");
    struct wc_ps_row *web = scene_row(&s, "web");
    web->fact.life = WC_LIFE_CREATED;
    web->phase = WC_PHASE_BLOCKED;
    web->needs = "db";
    web->needs_condition = WC_DEP_HEALTHY;
    check(&s, "web",
          "x web is not ready: is blocked: it needs db to be healthy\n"
          "  18:00:10Z  web  is blocked: it needs db to be healthy   compose.yaml:10:7\n"
          "  18:00:10Z  db   runs, but has no health check that could say it is healthy"
          "   compose.yaml:3:3\n"
          "root cause: db runs, but has no health check that could say it is healthy\n"
          "next:  wcompose logs db\n");
    scene_end(&s);
}

static void what_runs_says_since_when_and_after_what(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "web");
    scene_event(&s, 1, 0, NULL, "applying", NULL);
    scene_event(&s, 2, 1, "db", "created", NULL);
    scene_event(&s, 3, 2, "db", "started", NULL);
    scene_event(&s, 5, 3, "db", "healthy", NULL);
    scene_event(&s, 10, 5, "web", "started", NULL);
    check(&s, "web",
          "* web is running, since 18:00:10Z (50s); it has no health check\n"
          "  18:00:10Z  web  was started\n"
          "  18:00:05Z  db   became healthy   compose.yaml:5:5\n"
          "  18:00:03Z  db   was started\n"
          "  18:00:02Z  db   was made\n"
          "  18:00:01Z       'wcompose up' applied the file\n");
    scene_end(&s);
}

static void restarts_lead_to_the_end_before(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    struct wc_ps_row *web = scene_exited(&s, "web", 3);
    web->phase = WC_PHASE_WAIT_BACKOFF;
    web->phase_at_ms = T0 + 12000;
    web->next_at_ms = T0 + 63250;
    web->failures = 6;
    web->restarts = 5;
    scene_event(&s, 11, 9, "web", "started", NULL);
    scene_event(&s, 12, 0, "web", "exited", "exited 3");
    check(&s, "web",
          "- web is not ready: waits 3.2 s more before the next try, after 6 failures in a row; "
          "restarted 5 times\n"
          "  18:00:12Z  web  waits 3.2 s more before the next try, after 6 failures in a row"
          "   compose.yaml:8:14\n"
          "  18:00:12Z  web  exited 3\n"
          "root cause: web exited 3\n"
          "next:  wcompose logs web\n");
    web->fact.life = WC_LIFE_RUNNING;
    web->phase = WC_PHASE_SETTLED;
    s.ps.n_events = 0;
    scene_event(&s, 8, 0, "web", "exited", "exited 3");
    scene_event(&s, 9, 8, "web", "restarting", "exited 3, restart 5");
    scene_event(&s, 10, 9, "web", "started", NULL);
    check(&s, "web",
          "* web is running, since 18:00:10Z (50s); it has no health check; restarted 5 times\n"
          "  18:00:10Z  web  was started\n"
          "  18:00:09Z  web  was to be restarted by its policy: exited 3, restart 5"
          "   compose.yaml:8:14\n"
          "  18:00:08Z  web  exited 3\n");
    scene_end(&s);
}

static void a_policy_that_gives_up_is_named(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_exited(&s, "db", 1)->phase_at_ms = T0 + 12000;
    check(&s, "db",
          "x db is not ready: is not restarted: its policy is restart: no\n"
          "  18:00:12Z  db  is not restarted: its policy is restart: no   compose.yaml:3:3\n"
          "  18:00:12Z  db  exited 1\n"
          "root cause: db exited 1\n"
          "next:  wcompose logs db\n");
    scene_end(&s);
}

static void what_a_person_stopped(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    struct wc_ps_row *web = scene_exited(&s, "web", 0);
    web->phase = WC_PHASE_SETTLED;
    web->fact.stopped_by_user = true;
    scene_event(&s, 10, 0, NULL, "asked", "stop web");
    scene_event(&s, 11, 10, "web", "stopping", NULL);
    scene_event(&s, 12, 11, "web", "exited", "exited 0");
    check(&s, "web",
          "x web is not ready: is stopped, as a person asked\n"
          "  18:00:12Z  web  is stopped, as a person asked\n"
          "  18:00:12Z  web  exited 0\n"
          "  18:00:11Z  web  was stopped\n"
          "  18:00:10Z       'wcompose stop web' was asked for\n"
          "root cause: 'wcompose stop web' was asked for\n"
          "next:  wcompose start web\n");
    scene_end(&s);
}

static void a_replacement_says_what_changed(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "web");
    s.in.changed = "environment.LEVEL";
    scene_generation(&s, 1, T0 - 5000);
    scene_generation(&s, 2, T0 + 4990);
    scene_event(&s, 5, 0, NULL, "applying", NULL);
    scene_event(&s, 6, 5, "web", "stopping", "configuration changed");
    scene_event(&s, 7, 6, "web", "removed", "configuration changed");
    scene_event(&s, 8, 5, "web", "created", NULL);
    scene_event(&s, 10, 8, "web", "started", NULL);
    check(&s, "web",
          "* web is running, since 18:00:10Z (50s); it has no health check\n"
          "  18:00:10Z  web  was started\n"
          "  18:00:08Z  web  was made\n"
          "  18:00:06Z  web  replaced what was there: configuration changed: environment.LEVEL"
          "   compose.yaml:6:3\n"
          "  18:00:05Z       'wcompose up' applied generation @2\n");
    s.generations[1].restores = 1;
    s.ps.n_events = 1;
    s.events[0].seq = 1;
    scene_event(&s, 10, 1, "web", "started", NULL);
    check(&s, "web",
          "* web is running, since 18:00:10Z (50s); it has no health check\n"
          "  18:00:10Z  web  was started\n"
          "  18:00:05Z       generation @1 was brought back, as @2\n");
    scene_end(&s);
}

static void without_a_supervisor_the_host_and_the_journal_tell(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    s.ps.supervised = false;
    struct wc_ps_row *web = scene_exited(&s, "web", 137);
    web->fact.exit_signal = 9;
    web->phase = WC_PHASE_SETTLED;
    scene_generation(&s, 3, T0 + 2000);
    check(&s, "web",
          "x web is not ready: exited 137 (SIGKILL)\n"
          "  18:00:12Z  web  exited 137 (SIGKILL)\n"
          "  18:00:02Z       generation @3 was accepted (stable)\n"
          "root cause: web exited 137 (SIGKILL)\n"
          "note: no supervisor is running: nothing is restarted or checked, and what happened is "
          "not remembered\n"
          "next:  wcompose start    wcompose logs web\n");
    check(&s, "api",
          "x api is not running: it has no instance\n"
          "             api  has no instance   compose.yaml:11:3\n"
          "  18:00:02Z       generation @3 was accepted (stable)\n"
          "root cause: api has no instance\n"
          "note: no supervisor is running: nothing is restarted or checked, and what happened is "
          "not remembered\n"
          "next:  wcompose up -d\n");
    scene_end(&s);
}

static void what_is_forgotten_is_said_to_be(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, shop);
    scene_row(&s, "web");
    scene_event(&s, 10, 5, "web", "started", NULL);
    check(&s, "web",
          "* web is running, since 18:00:10Z (50s); it has no health check\n"
          "  18:00:10Z  web  was started\n"
          "note: what was before is longer ago than the supervisor remembers\n");
    s.ps.n_events = 0;
    s.in.now_ms = T0 + 86400000;
    check(&s, "web",
          "* web is running, since 2026-11-27 18:00:10Z (23h59m); it has no health check\n"
          "  2026-11-27 18:00:10Z  web  was started\n"
          "note: it was started before this supervisor came, which doesn't know why\n");
    scene_end(&s);
}

/* What can't be true must not be endless: rows that wait for each other, events that cause
 * themselves. */
static void chains_end(void **state)
{
    (void)state;
    struct scene s;
    struct wc_why why;
    scene_begin(&s, shop);
    struct wc_ps_row *db = scene_row(&s, "db"), *web = scene_row(&s, "web");
    db->phase = web->phase = WC_PHASE_WAIT_DEPS;
    db->needs = "web";
    web->needs = "db";
    wc_why_make(&s.in, "web", 0, &s.arena, &why);
    assert_int_equal(why.n, 2);
    db->phase = WC_PHASE_SETTLED;
    scene_event(&s, 4, 6, "db", "created", NULL);
    scene_event(&s, 6, 4, "db", "started", NULL);
    wc_why_make(&s.in, "db", 0, &s.arena, &why);
    assert_int_equal(why.n, 2);
    scene_end(&s);
}

static void the_worst_off_is_explained(void **state)
{
    (void)state;
    struct scene s;
    struct wc_why why;
    scene_begin(&s, shop);
    scene_row(&s, "web");
    scene_exited(&s, "web", 1)->fact.index = 2;
    struct wc_ps_row *third = scene_row(&s, "web");
    third->fact.index = 3;
    third->phase = WC_PHASE_STOPPING;
    third->next_at_ms = T0 + 65000;
    wc_why_make(&s.in, "web", 0, &s.arena, &why);
    assert_int_equal(why.index, 2);
    assert_string_equal(why.state, "failed");
    wc_why_make(&s.in, "web", 1, &s.arena, &why);
    assert_int_equal(why.index, 1);
    assert_true(why.ready);
    wc_why_make(&s.in, "web", 3, &s.arena, &why);
    assert_string_equal(why.steps[0].text, "was asked to end; killed in 5.0 s if it doesn't");
    scene_end(&s);
}

static void as_json(void **state)
{
    (void)state;
    struct scene s;
    struct wc_why why;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    scene_begin(&s, shop);
    scene_exited(&s, "db", 1)->phase_at_ms = T0 + 12000;
    wc_why_make(&s.in, "db", 0, &s.arena, &why);
    wc_why_format_json(&why, NULL, true, &out);
    assert_string_equal(
        out.data,
        "{\"v\":1,\"Service\":\"db\",\"Index\":1,\"State\":\"failed\",\"Ready\":false,"
        "\"Summary\":\"is not ready: is not restarted: its policy is restart: no\","
        "\"Supervised\":true,\"Chain\":["
        "{\"Time\":\"2026-11-27T18:00:12.000Z\",\"Service\":\"db\",\"Index\":1,"
        "\"Text\":\"is not restarted: its policy is restart: no\","
        "\"At\":{\"File\":\"compose.yaml\",\"Line\":3,\"Column\":3}},"
        "{\"Time\":\"2026-11-27T18:00:12.000Z\",\"Service\":\"db\",\"Index\":1,"
        "\"Text\":\"exited 1\"}],"
        "\"RootCause\":{\"Service\":\"db\",\"Text\":\"exited 1\"},\"Log\":[],\"Note\":null,"
        "\"Next\":[\"logs db\"]}\n");
    scene_end(&s);
}

WC_MAIN(WC_CASE(waits_are_followed_to_who_is_in_trouble), WC_CASE(health_that_is_still_to_come),
        WC_CASE(health_that_is_needed_and_not_checked),
        WC_CASE(what_runs_says_since_when_and_after_what), WC_CASE(restarts_lead_to_the_end_before),
        WC_CASE(a_policy_that_gives_up_is_named), WC_CASE(what_a_person_stopped),
        WC_CASE(a_replacement_says_what_changed),
        WC_CASE(without_a_supervisor_the_host_and_the_journal_tell),
        WC_CASE(what_is_forgotten_is_said_to_be), WC_CASE(chains_end),
        WC_CASE(the_worst_off_is_explained), WC_CASE(as_json))
