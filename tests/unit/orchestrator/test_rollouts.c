/* test_rollouts.c - changes replica by replica, through a supervisor: how they end, what is written
 * down of them, and what a successor makes of it.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "supervisor_memory.h"

static const struct wc_sim_program failing = { .run_ms = 10, .exit_code = 1, .stop_ms = 5 };

/* web in version `version`, `replicas` times, with an update_config. */
static void load_web(struct host *host, int version, int replicas, const char *update)
{
    load(host, wc_arena_printf(&host->arena,
                               "name: shop\n"
                               "services:\n"
                               "  db: { image: db }\n"
                               "  web:\n"
                               "    image: web:%d\n"
                               "    restart: always\n"
                               "    network_mode: none\n"
                               "    deploy: { replicas: %d, update_config: { %s } }\n",
                               version, replicas, update));
}

/* How many run of an image. */
static unsigned running(struct host *host, const char *image)
{
    struct wc_ps ps = list(host);
    unsigned n = 0;
    for (size_t i = 0; i < ps.n; i++)
        n += ps.rows[i].fact.life == WC_LIFE_RUNNING && wc_streq0(ps.rows[i].fact.image, image);
    return n;
}

static const struct wc_rollout_row *rollout_of_web(struct host *host)
{
    struct wc_history history = read_history(host);
    assert_int_equal(history.n_rollouts, 1);
    assert_string_equal(history.rollouts[0].service, "web");
    return &history.rollouts[0];
}

static void all_of_it_in_the_end(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 3, "parallelism: 1, monitor: 100ms");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(read_history(&host).n_rollouts, 0); /* nothing was changed */
    load_web(&host, 2, 3, "parallelism: 1, monitor: 100ms");
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(running(&host, "web:2"), 3);
    assert_int_equal(wc_sim_count(host.world, "web", WC_LIFE_RUNNING), 3);
    const struct wc_rollout_row *row = rollout_of_web(&host);
    assert_int_equal(row->state, WC_ROLLOUT_DONE);
    assert_int_equal(row->n_changed, 3);
    assert_int_equal(row->from, 1);
    assert_int_equal(row->to, 2);
    assert_int_equal(row->failures, 0);
    assert_true(row->ended_at_ms - row->began_at_ms >= 300); /* each was watched */
    end(&host);
    host_deinit(&host);
}

/* A change of update_config alone changes no instance. */
static void the_way_is_no_change(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 2, "parallelism: 1");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    load_web(&host, 1, 2, "parallelism: 2, order: start-first, failure_action: rollback");
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, 0);
    assert_int_equal(reply.changed, 0);
    end(&host);
    host_deinit(&host);
}

static void a_failure_pauses_it_and_it_stays_so(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 3, "parallelism: 1, monitor: 100ms");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    wc_sim_set_program(host.world, "web", &failing);
    load_web(&host, 2, 3, "parallelism: 1, monitor: 100ms");
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, WC_ERR_STATE);
    assert_non_null(strstr(reply.error, "exited 1"));
    assert_int_equal(running(&host, "web:1"), 2);
    assert_int_equal(rollout_of_web(&host)->state, WC_ROLLOUT_PAUSED);
    for (int successors = 0; successors < 2; successors++) {
        end(&host);
        start(&host);
        assert_int_equal(running(&host, "web:1"), 2);
        assert_int_equal(rollout_of_web(&host)->state, WC_ROLLOUT_PAUSED);
        assert_int_equal(rollout_of_web(&host)->failures, 1);
    }
    wc_sim_set_program(host.world, "web", &wc_sim_program_default);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0); /* the same again: it goes on */
    assert_int_equal(running(&host, "web:2"), 3);
    assert_int_equal(rollout_of_web(&host)->state, WC_ROLLOUT_DONE);
    end(&host);
    host_deinit(&host);
}

static const char back_first[] =
    "parallelism: 1, monitor: 100ms, order: start-first, failure_action: rollback";

static void a_failure_leads_back(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 2, back_first);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    wc_sim_set_program(host.world, "web", &failing);
    load_web(&host, 2, 2, back_first);
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, WC_ERR_STATE);
    assert_non_null(strstr(reply.error, "exited 1"));
    assert_non_null(strstr(reply.error, "rolled back to generation @1"));
    assert_int_equal(running(&host, "web:1"), 2);
    assert_int_equal(wc_sim_count(host.world, "web", WC_LIFE_ABSENT) > 0, true);
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n, 3);
    assert_int_equal(history.rows[1].outcome, WC_OUTCOME_ROLLED_BACK); /* remembered, */
    assert_non_null(strstr(history.rows[1].reason, "exited 1"));       /* and why */
    assert_int_equal(history.in_force->restores, 1);
    assert_int_equal(history.in_force->outcome, WC_OUTCOME_STABLE);
    end(&host);
    host_deinit(&host);
}

/* What the failed version brought goes with it; it would be an orphan that nobody asked for. */
static void what_came_with_it_goes_with_it(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 2, back_first);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    wc_sim_set_program(host.world, "web", &failing);
    load(&host, wc_arena_printf(&host.arena,
                                "name: shop\n"
                                "services:\n"
                                "  db: { image: db }\n"
                                "  cache: { image: cache }\n"
                                "  web:\n"
                                "    image: web:2\n"
                                "    restart: always\n"
                                "    network_mode: none\n"
                                "    depends_on: [cache]\n"
                                "    deploy: { replicas: 2, update_config: { %s } }\n",
                                back_first));
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, WC_ERR_STATE);
    assert_int_equal(running(&host, "web:1"), 2);
    assert_int_equal(running(&host, "db"), 1);
    assert_int_equal(running(&host, "cache"), 0);
    assert_int_equal(wc_sim_count(host.world, "cache", WC_LIFE_ABSENT), 1); /* it was there */
    end(&host);
    host_deinit(&host);
}

/* Without a generation that was stable there is no way back: it stops. */
static void there_may_be_no_way_back(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db }\n  bad: { image: bad }\n"
                "  late: { image: late, depends_on: { bad: { condition: "
                "service_completed_successfully } } }\n"
                "  web: { image: 'web:1', network_mode: none,\n"
                "         deploy: { update_config: { order: start-first } } }\n");
    wc_sim_set_program(host.world, "bad", &failing);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, WC_ERR_STATE);
    wc_sim_set_program(host.world, "web", &failing);
    load_web(&host, 2, 1, back_first);
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, WC_ERR_STATE);
    assert_null(strstr(reply.error, "rolled back"));
    assert_int_equal(running(&host, "web:1"), 1);
    end(&host);
    host_deinit(&host);
}

static bool is_back(struct host *host)
{
    struct wc_ledger ledger = read_ledger(host);
    const struct wc_generation *now = wc_ledger_accepted(&ledger);
    bool is = now != NULL && now->restores == 1 && now->outcome == WC_OUTCOME_STABLE;
    wc_ledger_deinit(&ledger);
    return is;
}

/* Killed between the failure and the way back: the successor takes it. */
static void a_successor_goes_back(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_web(&host, 1, 2, back_first);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    load_web(&host, 2, 2, back_first);

    struct past past;
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    open_past(&host, &past);
    const struct wc_generation made = {
        .number = 2, .made_at_ms = 5000, .text = host.wire.data, .len = host.wire.len
    };
    const struct wc_ask begun = { .id = past.ledger.last_id + 1,
                                  .verb = "apply",
                                  .at_ms = 5000,
                                  .number = 2,
                                  .before = 1,
                                  .key = "{\"wait\":\"started\"}" };
    const struct wc_rollout_row failed = { .service = "web",
                                           .state = WC_ROLLOUT_FAILED,
                                           .from = 1,
                                           .to = 2,
                                           .n = 2,
                                           .failures = 1,
                                           .began_at_ms = 5000,
                                           .reason = "it was no good" };
    wc_ledger_put_generation(&payload, &made);
    write_past(&past, WC_RECORD_GENERATION, &payload);
    wc_buf_reset(&payload);
    wc_ledger_put_ask(&payload, &begun, NULL, 0);
    write_past(&past, WC_RECORD_ASK, &payload);
    wc_buf_reset(&payload);
    wc_ledger_put_rollouts(&payload, &failed, 1);
    write_past(&past, WC_RECORD_ROLLOUTS, &payload);
    close_past(&past);

    start(&host);
    struct wc_client *keep = open_client(&host);
    for (int i = 0; i < 20000 && !is_back(&host); i++)
        usleep(1000);
    wc_client_close(keep);
    assert_int_equal(running(&host, "web:1"), 2);
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n, 3);
    assert_int_equal(history.rows[1].outcome, WC_OUTCOME_ROLLED_BACK);
    assert_int_equal(history.in_force->restores, 1);
    end(&host);
    host_deinit(&host);
}

/* Services a and b in versions, with restart policies. */
static void load_both(struct host *host, int a, const char *a_restart, int b, const char *b_restart)
{
    static const char one[] = "    network_mode: none\n"
                              "    deploy: { replicas: 2, update_config: { monitor: 100ms } }\n";
    load(host, wc_arena_printf(&host->arena,
                               "name: shop\nservices:\n"
                               "  a:\n    image: a:%d\n    restart: '%s'\n%s"
                               "  b:\n    image: b:%d\n    restart: '%s'\n%s",
                               a, a_restart, one, b, b_restart, one));
}

/* When the one that runs of an image was started; 0: none does. */
static int64_t started_at(struct host *host, const char *image)
{
    struct wc_ps ps = list(host);
    for (size_t i = 0; i < ps.n; i++)
        if (ps.rows[i].fact.life == WC_LIFE_RUNNING && wc_streq0(ps.rows[i].fact.image, image))
            return ps.rows[i].fact.started_at_ms;
    return 0;
}

/* Ends what runs of a service, as by itself; true when that of the image is started again. */
static bool comes_back(struct host *host, const char *service, const char *image)
{
    int64_t before_ms = started_at(host, image), now_ms = before_ms;
    struct wc_client *client = open_client(host);
    struct wc_call call = {
        .verb = WC_CALL_KILL, .services = &service, .n_services = 1, .signal = SIGHUP
    };
    assert_int_not_equal(before_ms, 0);
    assert_int_equal(ask_on(client, &call).code, 0);
    for (int i = 0; i < 20000 && now_ms <= before_ms; i++) {
        now_ms = started_at(host, image);
        usleep(1000);
    }
    wc_client_close(client);
    return now_ms > before_ms;
}

/* Two rollouts that stopped, and began at different generations: what each has left as it was is
 * looked after by its own, also by a successor. */
static void each_by_its_own_model(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load_both(&host, 1, "always", 1, "no");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    wc_sim_set_program(host.world, "a", &failing);
    load_both(&host, 2, "no", 1, "always"); /* of b that changes in place */
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, WC_ERR_STATE);
    wc_sim_set_program(host.world, "b", &failing);
    load_both(&host, 2, "no", 2, "no");
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, WC_ERR_STATE);
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n_rollouts, 2);
    assert_int_equal(history.rollouts[0].from, 1);
    assert_int_equal(history.rollouts[1].from, 2);
    wc_sim_set_program(host.world, "a", &wc_sim_program_default);
    wc_sim_set_program(host.world, "b", &wc_sim_program_default);
    for (int successors = 0; successors < 2; successors++) {
        end(&host);
        start(&host);
        assert_int_equal(running(&host, "a:1"), 1);
        assert_int_equal(running(&host, "b:1"), 1);
        assert_true(comes_back(&host, "a", "a:1"));
        assert_true(comes_back(&host, "b", "b:1"));
    }
    end(&host);
    host_deinit(&host);
}

WC_MAIN(WC_CASE(all_of_it_in_the_end), WC_CASE(the_way_is_no_change),
        WC_CASE(a_failure_pauses_it_and_it_stays_so), WC_CASE(a_failure_leads_back),
        WC_CASE(what_came_with_it_goes_with_it), WC_CASE(there_may_be_no_way_back),
        WC_CASE(a_successor_goes_back), WC_CASE(each_by_its_own_model))
