/* test_successor.c - what a supervisor finds of its predecessor, and goes on with.
 *
 * A predecessor that was killed in the middle of a request is one whose journal says that the
 * request began: the cases write that record where it would have been written, and leave the world
 * as far as it had come.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "supervisor_memory.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/crc32c.h"
#include "drivers/sim/world.h"
#include "orchestrator/disk.h"

static const struct wc_sim_program failing = { .run_ms = 10, .exit_code = 1, .stop_ms = 5 };

/* Writing what a predecessor wrote --------------------------------------------------------------*/

/* A request began at that time (wall clock), and no more. `wire`: of an apply. */
static void begin_in_past(struct host *host, const char *verb, const char *key, int64_t at_ms,
                          const struct wc_buf *wire)
{
    struct past past;
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    open_past(host, &past);
    struct wc_ask ask = { .id = past.ledger.last_id + 1,
                          .verb = verb,
                          .at_ms = at_ms,
                          .before = past.ledger.in_force,
                          .key = key };
    if (wire != NULL) {
        const struct wc_generation made = { .number = past.ledger.last_number + 1,
                                            .made_at_ms = at_ms,
                                            .text = wire->data,
                                            .len = wire->len };
        wc_ledger_put_generation(&payload, &made);
        write_past(&past, WC_RECORD_GENERATION, &payload);
        wc_buf_reset(&payload);
        ask.number = made.number;
    }
    wc_ledger_put_ask(&payload, &ask, NULL, 0);
    write_past(&past, WC_RECORD_ASK, &payload);
    close_past(&past);
}

static int64_t wall_of(struct host *host)
{
    const struct wc_clock *clock = wc_sim_clock(host->world);
    return clock->wall(clock->data);
}

static const struct wc_ps_row *row_of(const struct wc_ps *ps, const char *service)
{
    for (size_t i = 0; i < ps->n; i++)
        if (wc_streq(ps->rows[i].fact.service, service))
            return &ps->rows[i];
    fail_msg("no %s", service);
    return NULL;
}

static enum wc_life life_of(struct host *host, const char *service)
{
    struct wc_ps ps = list(host);
    return row_of(&ps, service)->fact.life;
}

static int64_t started_of(struct host *host, const char *service)
{
    struct wc_ps ps = list(host);
    return row_of(&ps, service)->fact.started_at_ms;
}

static struct reply ask_for(struct host *host, enum wc_call_verb verb, const char *service)
{
    struct wc_client *client = open_client(host);
    struct wc_call call = { .verb = verb, .services = &service, .n_services = 1, .events = true };
    struct reply reply = ask_on(client, &call);
    wc_client_close(client);
    return reply;
}

/* Gives what may wrongly come back the time to do so. */
static void let_pass(struct host *host)
{
    struct wc_client *client = open_client(host);
    struct wc_call ping = { .verb = WC_CALL_PING };
    for (int i = 0; i < 50; i++) {
        ask_on(client, &ping);
        usleep(1000);
    }
    wc_client_close(client);
}

/* Cases ----------------------------------------------------------------------------------------*/

static void what_waits_for_a_restart_stays_stopped(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db }\n"
                "  web: { image: web, restart: always }\n");
    wc_sim_set_program(host.world, "web", &failing);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(ask_for(&host, WC_CALL_STOP, "web").code, 0);
    end(&host);
    for (int successors = 0; successors < 3; successors++) {
        start(&host);
        unsigned n_starts = wc_sim_count_ops(host.world, WC_VERB_START);
        let_pass(&host);
        assert_int_equal(life_of(&host, "web"), WC_LIFE_EXITED);
        assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
        assert_int_equal(wc_sim_count_ops(host.world, WC_VERB_START), n_starts);
        end(&host);
    }
    start(&host);
    assert_int_equal(ask_for(&host, WC_CALL_START, "web").code, 0); /* until somebody starts it */
    struct wc_ledger ledger = read_ledger(&host);
    assert_null(wc_ledger_wish(&ledger, "web"));
    wc_ledger_deinit(&ledger);
    end(&host);
    host_deinit(&host);
}

/* What went while nobody looked is made again, unless a person had stopped it. */
static void what_is_missing_is_made_again(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db, restart: always }\n"
                "  web: { image: web, restart: always }\n");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(ask_for(&host, WC_CALL_STOP, "web").code, 0);
    end(&host);
    struct wc_ps ps = list(&host);
    for (size_t i = 0; i < ps.n; i++)
        assert_true(wc_sim_vanish(host.world, ps.rows[i].fact.id));
    start(&host);
    let_pass(&host);
    ps = list(&host);
    assert_int_equal(row_of(&ps, "db")->fact.life, WC_LIFE_RUNNING);
    assert_int_equal(wc_sim_count(host.world, "web", WC_LIFE_RUNNING), 0);
    end(&host);
    host_deinit(&host);
}

static void a_stop_is_finished(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    begin_in_past(&host, "stop", "{\"services\":[\"web\"]}", wall_of(&host), NULL);
    start(&host);
    wait_done(&host);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_EXITED);
    assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
    end(&host);
    host_deinit(&host);
}

static void a_start_is_finished(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(ask(&host, WC_CALL_STOP).code, 0);
    struct wc_client *keep = open_client(&host);
    end(&host);
    wc_client_close(keep);
    begin_in_past(&host, "start", "{}", wall_of(&host), NULL);
    start(&host);
    wait_done(&host);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_RUNNING);
    assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
    end(&host);
    host_deinit(&host);
}

/* Only what started before it was asked for; and only once. */
static void a_restart_is_finished_once(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    int64_t db = started_of(&host, "db"), web = started_of(&host, "web");
    assert_true(db < web); /* web needs db */
    end(&host);
    begin_in_past(&host, "restart", "{\"no_deps\":true}", db, NULL); /* web: done already */
    start(&host);
    wait_done(&host);
    assert_true(started_of(&host, "db") > db);
    assert_int_equal(started_of(&host, "web"), web);
    db = started_of(&host, "db");
    end(&host);
    start(&host);
    let_pass(&host);
    assert_int_equal(started_of(&host, "db"), db);
    end(&host);
    host_deinit(&host);
}

static void a_down_is_finished(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    begin_in_past(&host, "down", "{\"remove_volumes\":true}", wall_of(&host), NULL);
    start(&host);
    struct wc_client *client = open_client(&host);
    wc_client_close(client);
    join(&host); /* by itself: nothing is left to do */
    assert_int_equal(wc_sim_count_networks(host.world), 0);
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 0);
    assert_false(wc_fs_exists(wc_paths_project_lib(&host.paths, &host.arena, "shop")));
    host_deinit(&host);
}

/* What came after it, but wants nothing up, doesn't keep the project known. */
static void a_down_with_a_stop_behind_it(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    begin_in_past(&host, "down", "{}", wall_of(&host), NULL);
    begin_in_past(&host, "stop", "{}", wall_of(&host), NULL);
    start(&host);
    join(&host);
    assert_false(wc_fs_exists(lib_file(&host, "journal")));
    host_deinit(&host);
}

/* An apply that came after a down: the project is known, and up. */
static void a_down_with_an_apply_behind_it(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db2 }\n");
    begin_in_past(&host, "down", "{}", wall_of(&host), NULL);
    begin_in_past(&host, "apply", "{}", wall_of(&host), &host.wire);
    start(&host);
    wait_done(&host);
    assert_int_equal(read_history(&host).in_force->number, 2);
    assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
    end(&host);
    host_deinit(&host);
}

static void an_apply_is_finished(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db }\n"
                "  web: { image: web2, depends_on: [db] }\n");
    begin_in_past(&host, "apply", "{\"wait\":\"started\"}", wall_of(&host), &host.wire);
    start(&host);
    wait_done(&host);
    struct wc_ps ps = list(&host);
    assert_int_equal(ps.n, 2);
    assert_string_equal(row_of(&ps, "web")->fact.image, "web2");
    struct wc_history history = read_history(&host);
    assert_int_equal(history.in_force->number, 2);
    assert_int_equal(history.in_force->outcome, WC_OUTCOME_STABLE);
    assert_int_equal(history.back->number, 1);
    end(&host);
    host_deinit(&host);
}

/* An apply of some services, and then a stop of another: both, in that order. */
static void requests_go_on_in_their_order(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db2 }\n"
                "  web: { image: web, depends_on: [db] }\n");
    begin_in_past(&host, "stop", "{}", wall_of(&host), NULL);
    begin_in_past(&host, "apply", "{\"services\":[\"db\"]}", wall_of(&host), &host.wire);
    start(&host);
    wait_done(&host);
    struct wc_ps ps = list(&host);
    assert_string_equal(row_of(&ps, "db")->fact.image, "db2");
    assert_int_equal(row_of(&ps, "db")->fact.life, WC_LIFE_RUNNING);
    assert_int_equal(row_of(&ps, "web")->fact.life, WC_LIFE_EXITED);
    end(&host);
    host_deinit(&host);
}

/* An `up` that was still waiting for something when a person stopped one of its services: it is
 * gone on with, and that one stays as it is. */
static void a_stop_is_newer_than_what_goes_on(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    int64_t asked_ms = wall_of(&host) - 1000;
    assert_int_equal(ask_for(&host, WC_CALL_STOP, "web").code, 0);
    end(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db2 }\n"
                "  web: { image: web, depends_on: [db] }\n");
    begin_in_past(&host, "apply", "{\"wait\":\"started\"}", asked_ms, &host.wire);
    start(&host);
    wait_done(&host);
    let_pass(&host);
    struct wc_ps ps = list(&host);
    assert_string_equal(row_of(&ps, "db")->fact.image, "db2");
    assert_int_equal(row_of(&ps, "db")->fact.life, WC_LIFE_RUNNING);
    assert_int_not_equal(row_of(&ps, "web")->fact.life, WC_LIFE_RUNNING);
    end(&host);
    host_deinit(&host);
}

/* One that can't be gone on with is given up, or every successor would fail at it. */
static void nonsense_is_given_up(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    wc_buf_adds(&wire, "{\"services\":7}");
    begin_in_past(&host, "dance", "{}", wall_of(&host), NULL);
    begin_in_past(&host, "stop", "no JSON", wall_of(&host), NULL);
    begin_in_past(&host, "apply", "{}", wall_of(&host), &wire);
    start(&host);
    wait_done(&host);
    struct wc_ps ps = list(&host);
    assert_int_equal(row_of(&ps, "web")->fact.life, WC_LIFE_RUNNING);
    assert_true(row_of(&ps, "web")->wanted); /* by the model before */
    struct wc_history history = read_history(&host);
    assert_int_equal(history.rows[1].outcome, WC_OUTCOME_REJECTED);
    assert_int_equal(history.in_force->number, 1);
    end(&host);
    host_deinit(&host);
}

static void a_rejected_model_is_not_adopted(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    WC_CLEANUP_BUF struct wc_buf first = WC_BUF_INIT;
    wc_buf_add(&first, host.wire.data, host.wire.len);
    struct wc_sim_program program = wc_sim_program_default;
    program.unmakeable = true;
    wc_sim_set_program(host.world, "cache", &program);
    load(&host, "name: shop\nservices:\n  db: { image: db }\n  cache: { image: c }\n");
    assert_int_not_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n, 2);
    assert_int_equal(history.rows[1].outcome, WC_OUTCOME_REJECTED);
    assert_non_null(history.rows[1].reason);
    assert_string_equal(history.in_force->text, first.data);
    assert_null(history.back);
    end(&host);
    host_deinit(&host);
}

static void scale_by_hand_outlives_us(void **state)
{
    (void)state;
    struct host host;
    static const char *const three[] = { "web=3" };
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db }\n  web: { image: web }\n");
    start(&host);
    struct wc_client *client = open_client(&host);
    struct wc_call call = { .verb = WC_CALL_APPLY,
                            .spec = host.wire.data,
                            .spec_len = host.wire.len,
                            .scale = three,
                            .n_scale = 1 };
    assert_int_equal(ask_on(client, &call).code, 0);
    wc_client_close(client);
    end(&host);
    start(&host);
    struct wc_ps ps = list(&host);
    assert_int_equal(ps.n, 4);
    for (size_t i = 0; i < ps.n; i++)
        assert_true(ps.rows[i].wanted && !ps.rows[i].stale);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0); /* as the file says */
    assert_int_equal(wc_sim_count(host.world, "web", WC_LIFE_RUNNING), 1);
    assert_int_equal(read_history(&host).n, 1); /* the same model all the time */
    end(&host);
    host_deinit(&host);
}

/* An op of the one that was killed makes an orphan late: who was to remove orphans still does. */
static void orphans_that_come_late_go(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    for (int prunes = 0; prunes < 2; prunes++) {
        load(&host, "name: shop\nservices:\n  db: { image: db }\n");
        start(&host);
        struct wc_client *client = open_client(&host);
        struct wc_call call = { .verb = WC_CALL_APPLY,
                                .spec = host.wire.data,
                                .spec_len = host.wire.len,
                                .remove_orphans = prunes != 0,
                                .events = true };
        assert_int_equal(ask_on(client, &call).code, 0);
        wc_client_close(client);
        end(&host);
        const struct wc_instance late = { .id = "shop-web-1.0a1b2c3d",
                                          .name = "shop-web-1",
                                          .project = "shop",
                                          .service = "web",
                                          .index = 1,
                                          .level = WC_ISOLATION_PROCESS };
        sim_create(host.world, &late, false);
        start(&host);
        let_pass(&host);
        assert_int_equal(wc_sim_count(host.world, "web", WC_LIFE_CREATED), prunes != 0 ? 0 : 1);
        assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
        end(&host);
    }
    host_deinit(&host);
}

/* What was suspended stays so, whoever looks after it. */
static void a_suspension_outlives_us(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db, restart: always }\n"
                "  web: { image: web, restart: always }\n");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(ask_for(&host, WC_CALL_SUSPEND, "web").code, 0);
    end(&host);
    const struct wc_fact *web = wc_sim_find(host.world, "web", WC_LIFE_RUNNING);
    assert_true(wc_sim_kill(host.world, web->id));
    const struct wc_fact *db = wc_sim_find(host.world, "db", WC_LIFE_RUNNING);
    assert_true(wc_sim_kill(host.world, db->id));
    start(&host);
    let_pass(&host);
    assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
    struct wc_ps ps = list(&host);
    assert_int_equal(row_of(&ps, "web")->fact.life, WC_LIFE_EXITED);
    assert_true(row_of(&ps, "web")->suspended);
    assert_non_null(strstr(row_of(&ps, "web")->waiting, "it would start"));
    assert_int_equal(ask_for(&host, WC_CALL_RESUME, "web").code, 0);
    let_pass(&host);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_RUNNING);
    end(&host);
    start(&host);
    ps = list(&host);
    assert_false(row_of(&ps, "web")->suspended);
    end(&host);
    host_deinit(&host);
}

/* So was a pause; one that somebody else made is none. */
static void a_pause_outlives_us(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    load(&host, "name: shop\nservices:\n  db: { image: db, restart: always }\n"
                "  web: { image: web, restart: always }\n");
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(ask_for(&host, WC_CALL_PAUSE, "web").code, 0);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_PAUSED);
    end(&host);
    assert_true(wc_sim_pause(host.world, wc_sim_find(host.world, "db", WC_LIFE_RUNNING)->id));
    start(&host);
    let_pass(&host);
    assert_int_equal(life_of(&host, "db"), WC_LIFE_RUNNING);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_PAUSED);
    end(&host);
    assert_true(wc_sim_unpause(host.world, wc_sim_find(host.world, "web", WC_LIFE_PAUSED)->id));
    start(&host);
    let_pass(&host);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_PAUSED);
    assert_int_equal(ask_for(&host, WC_CALL_UNPAUSE, "web").code, 0);
    end(&host);
    start(&host);
    let_pass(&host);
    assert_int_equal(life_of(&host, "web"), WC_LIFE_RUNNING);
    end(&host);
    host_deinit(&host);
}

static void generations_are_told(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct wc_client *keep = open_client(&host);
    for (int n = 1; n <= 14; n++) {
        load(&host, wc_arena_printf(&host.arena,
                                    "name: shop\nservices: { web: { image: 'web:%d' } }\n", n));
        assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
        assert_int_equal(ask(&host, WC_CALL_APPLY).changed, 0);
    }
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n, 10);
    assert_int_equal(history.rows[0].number, 5);
    assert_int_equal(history.in_force->number, 14);
    assert_int_equal(history.back->number, 13);
    const struct wc_project *model;
    struct wc_err err = { 0 };
    assert_int_equal(wc_history_model(history.back, &host.arena, &model, &err), 0);
    assert_string_equal(model->services[0].image, "web:13");
    assert_non_null(strstr(history.back->source, "compose.yaml"));
    wc_client_close(keep);
    end(&host);
    host_deinit(&host);
}

/* A disk without room
 * -----------------------------------------------------------------------------*/

static atomic_bool is_full;

static ssize_t write_if_room(void *data, int fd, const void *bytes, size_t len, off_t at)
{
    if (is_full) {
        errno = ENOSPC;
        return -1;
    }
    return wc_disk_host.ops->write(data, fd, bytes, len, at);
}

static void a_full_disk_stops_nothing_but_up(void **state)
{
    (void)state;
    struct host host;
    struct wc_disk_ops ops = *wc_disk_host.ops;
    const struct wc_disk disk = { &ops, NULL };
    ops.write = write_if_room;
    is_full = false;
    host_init(&host);
    host.disk = &disk;
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    is_full = true;
    load(&host, "name: shop\nservices:\n  db: { image: db }\n  web: { image: web2 }\n");
    struct reply up = ask(&host, WC_CALL_APPLY);
    assert_int_equal(up.code, WC_ERR_IO); /* a model that can't be kept isn't accepted */
    assert_non_null(strstr(up.error, "No space left on device"));
    struct wc_ps ps = list(&host);
    assert_string_equal(row_of(&ps, "web")->fact.image, "web");
    assert_int_equal(row_of(&ps, "web")->fact.life, WC_LIFE_RUNNING);
    assert_int_equal(ask_for(&host, WC_CALL_STOP, "web").code, 0); /* that may make room */
    assert_int_equal(life_of(&host, "web"), WC_LIFE_EXITED);
    struct wc_ledger ledger = read_ledger(&host);
    assert_null(wc_ledger_wish(&ledger, "web"));
    wc_ledger_deinit(&ledger);
    is_full = false;
    for (int i = 0; i < 20000 && ledger.n_wishes == 0; i++) { /* by itself, soon */
        usleep(1000);
        ledger = read_ledger(&host);
        bool is_kept = wc_ledger_wish(&ledger, "web") != NULL;
        wc_ledger_deinit(&ledger);
        ledger.n_wishes = is_kept;
    }
    assert_int_equal(ledger.n_wishes, 1);
    assert_int_equal(read_history(&host).rows[1].outcome, WC_OUTCOME_REJECTED);
    end(&host);
    host_deinit(&host);
}

static void state_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    struct host host;
    struct wc_err err = { 0 };
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    WC_CLEANUP_BUF struct wc_buf after = WC_BUF_INIT;
    wc_fs_read(lib_file(&host, "journal"), 1 << 20, &bytes, &err);
    bytes.data[8] = 2;
    uint32_t crc = wc_crc32c(0, bytes.data, 12);
    memcpy(bytes.data + 12, &crc, sizeof crc);
    wc_fs_write_atomic(lib_file(&host, "journal"), bytes.data, bytes.len, 0600, false, &err);
    start(&host);
    struct reply up = ask(&host, WC_CALL_APPLY);
    assert_int_equal(up.code, WC_ERR_STATE);
    assert_non_null(strstr(up.error, "format 2"));
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 2);
    end(&host);
    wc_fs_read(lib_file(&host, "journal"), 1 << 20, &after, &err);
    assert_int_equal(after.len, bytes.len);
    assert_memory_equal(after.data, bytes.data, bytes.len);
    host_deinit(&host);
}

WC_MAIN(WC_CASE(what_waits_for_a_restart_stays_stopped), WC_CASE(what_is_missing_is_made_again),
        WC_CASE(a_stop_is_finished), WC_CASE(a_start_is_finished),
        WC_CASE(a_restart_is_finished_once), WC_CASE(a_down_is_finished),
        WC_CASE(a_down_with_a_stop_behind_it), WC_CASE(a_down_with_an_apply_behind_it),
        WC_CASE(an_apply_is_finished), WC_CASE(requests_go_on_in_their_order),
        WC_CASE(a_stop_is_newer_than_what_goes_on), WC_CASE(nonsense_is_given_up),
        WC_CASE(a_rejected_model_is_not_adopted), WC_CASE(scale_by_hand_outlives_us),
        WC_CASE(generations_are_told), WC_CASE(orphans_that_come_late_go),
        WC_CASE(a_suspension_outlives_us), WC_CASE(a_pause_outlives_us),
        WC_CASE(a_full_disk_stops_nothing_but_up), WC_CASE(state_of_a_newer_version_is_left_alone))
