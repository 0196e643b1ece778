/* test_supervisor.c - a whole supervisor: what clients may ask of it, and how it comes and goes. */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "supervisor_memory.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "harness/exposition_reader.h"
#include "orchestrator/supervisor_priv.h"

/* Cases ----------------------------------------------------------------------------------------*/

static void up_ps_and_noop(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct reply up = ask(&host, WC_CALL_APPLY);
    assert_string_equal(up.error, "");
    assert_int_equal(up.code, 0);
    assert_true(up.changed >= 2);
    assert_true(up.n_events > 0);
    struct wc_ps ps = list(&host);
    assert_true(ps.supervised);
    assert_int_equal(ps.n, 2);
    assert_string_equal(ps.rows[0].fact.service, "db");
    assert_int_equal(ps.rows[0].fact.life, WC_LIFE_RUNNING);
    assert_true(ps.rows[1].wanted);
    assert_string_equal(ps.rows[1].ports, "8080->80/tcp");
    struct reply again = ask(&host, WC_CALL_APPLY);
    assert_int_equal(again.code, 0);
    assert_int_equal(again.changed, 0);
    assert_int_equal(again.n_events, 0);
    end(&host);
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 2);
    host_deinit(&host);
}

static void state_is_kept_until_down(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct stat st;
    struct wc_history history = read_history(&host);
    assert_int_equal(history.n, 1);
    assert_string_equal(history.in_force->text, host.wire.data);
    assert_int_equal(history.in_force->outcome, WC_OUTCOME_STABLE);
    assert_int_equal(stat(lib_file(&host, "journal"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct reply down = ask(&host, WC_CALL_DOWN);
    assert_int_equal(down.code, 0);
    assert_true(down.changed >= 2);
    assert_true(down.leaving);
    join(&host); /* by itself: nothing is left to do */
    assert_int_equal(wc_sim_count_networks(host.world), 0);
    assert_false(wc_fs_exists(lib_file(&host, "journal")));
    assert_false(wc_fs_exists(wc_paths_project_lib(&host.paths, &host.arena, "shop")));
    assert_false(wc_fs_exists(wc_paths_project_run(&host.paths, &host.arena, "shop")));
    host_deinit(&host);
}

/* One supervisor may see a project end and begin several times. */
static void a_second_down_forgets_too(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct wc_client *keep = open_client(&host);
    for (int times = 0; times < 3; times++) {
        assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
        assert_int_equal(ask(&host, WC_CALL_DOWN).code, 0);
        assert_int_equal(ask(&host, WC_CALL_DOWN).code, 0);
        assert_false(wc_fs_exists(wc_arena_printf(
            &host.arena, "%s/journal", wc_paths_project_lib(&host.paths, &host.arena, "shop"))));
    }
    wc_client_close(keep);
    end(&host);
    host_deinit(&host);
}

static void only_one_lives(void **state)
{
    (void)state;
    struct host host, other;
    host_init(&host);
    start(&host);
    other = host;
    other.sup = NULL;
    sem_init(&other.ready, 0, 0);
    assert_int_equal(pthread_create(&other.thread, NULL, run, &other), 0);
    sem_wait(&other.ready);
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    assert_int_equal(other.status, WC_ERR_CONFLICT);
    assert_int_equal(other.n_ended, 0);
    sem_destroy(&other.ready);
    assert_int_equal(ask(&host, WC_CALL_PING).code, 0);
    end(&host);
    host_deinit(&host);
}

static void two_clients(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct wc_client *watcher = open_client(&host);
    struct wc_call events = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    struct wc_call ping = { .verb = WC_CALL_PING };
    struct wc_err err = { 0 };
    uint64_t id;
    assert_int_equal(wc_client_send(watcher, &events, &id, &err), 0);
    assert_int_equal(ask_on(watcher, &ping).code, 0); /* it is subscribed by now */
    const char *const web[] = { "web" };
    struct wc_client *client = open_client(&host);
    struct wc_call stop = { .verb = WC_CALL_STOP, .services = web, .n_services = 1 };
    struct reply reply = ask_on(client, &stop);
    assert_int_equal(reply.code, 0);
    assert_int_equal(reply.changed, 1);
    assert_int_equal(reply.n_events, 0); /* didn't ask for them */
    struct reply seen = ask_on(watcher, &ping);
    assert_int_equal(seen.n_exited, 1);
    wc_client_close(client);
    wc_client_close(watcher);
    struct wc_ps ps = list(&host);
    assert_int_equal(ps.rows[1].fact.life, WC_LIFE_EXITED);
    assert_true(ps.rows[1].fact.stopped_by_user);
    struct reply start_again = ask(&host, WC_CALL_START);
    assert_int_equal(start_again.changed, 1);
    end(&host);
    host_deinit(&host);
}

struct heard {
    uint64_t seqs[64], causes[64];
    char actions[64][16];
    size_t n;
    bool done;
};

static void on_past(void *data, const struct wc_answer *answer)
{
    struct heard *past = data;
    past->done |= answer->done;
    if (answer->event == NULL || past->n == 64)
        return;
    past->seqs[past->n] = answer->event->seq;
    past->causes[past->n] = answer->event->cause;
    snprintf(past->actions[past->n++], sizeof past->actions[0], "%s", answer->event->action);
}

static struct heard ask_past(struct host *host, int64_t since_ms, int64_t until_ms)
{
    struct heard past = { 0 };
    struct wc_err err = { 0 };
    struct wc_client *client = open_client(host);
    struct wc_call call = { .verb = WC_CALL_EVENTS,
                            .timeout_ms = WC_UNSET,
                            .since_ms = since_ms,
                            .until_ms = until_ms,
                            .past_only = true };
    struct wc_client_waiting waiting = { .interrupt_fd = -1, .answer = on_past, .data = &past };
    assert_int_equal(wc_client_send(client, &call, &waiting.id, &err), 0);
    assert_int_equal(wc_client_wait(client, &waiting, &err), 0);
    wc_client_close(client);
    assert_true(past.done);
    return past;
}

/* Numbers grow, causes come before; and `ps` with detail tells the very same. */
static void the_past_is_remembered(void **state)
{
    (void)state;
    struct host host;
    struct wc_err err = { 0 };
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct heard past = ask_past(&host, 1, 0);
    assert_true(past.n > 4);
    assert_string_equal(past.actions[0], "applying");
    assert_string_equal(past.actions[past.n - 1], "ready");
    for (size_t i = 0; i < past.n; i++) {
        assert_true(past.causes[i] < past.seqs[i]);
        assert_true(i == 0 || past.seqs[i] > past.seqs[i - 1]);
    }
    struct wc_ps ps;
    struct wc_ps_options options = { .paths = &host.paths, .project = "shop", .detail = true };
    struct wc_arena arena;
    wc_arena_init(&arena);
    assert_int_equal(wc_client_ps(&options, &arena, &ps, &err), 0);
    assert_int_equal(ps.generation, 1);
    assert_int_equal(ps.n_forgotten, 0);
    assert_int_equal(ps.n_events, past.n);
    for (size_t i = 0; i < past.n; i++) {
        assert_int_equal(ps.events[i].seq, past.seqs[i]);
        assert_string_equal(ps.events[i].action, past.actions[i]);
    }
    for (size_t i = 0; i < ps.n; i++) {
        assert_int_equal(ps.rows[i].phase, WC_PHASE_SETTLED);
        assert_true(ps.rows[i].phase_at_ms > 0);
        assert_string_equal(ps.rows[i].last.action, "started");
    }
    int64_t last_ms = ps.events[ps.n_events - 1].wall_ms;
    assert_int_equal(ask_past(&host, last_ms + 1, 0).n, 0);
    assert_int_equal(ask_past(&host, 1, ps.events[0].wall_ms - 1).n, 0);
    wc_arena_deinit(&arena);
    end(&host);
    host_deinit(&host);
}

static struct exposition scrape(struct host *host)
{
    const char *text;
    struct wc_err err = { 0 };
    if (wc_client_metrics(&host->paths, "shop", &host->arena, &text, &err) != 0)
        fail_msg("%s", err.msg);
    return exposition_read(text);
}

/* What is printed stands in docs/metrics.md. */
static void are_documented(const struct exposition *x)
{
    char row[128];
    struct wc_err err = { 0 };
    struct wc_buf text = WC_BUF_INIT;
    if (wc_fs_read(WC_SOURCE_DIR "/docs/metrics.md", 1 << 20, &text, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < x->n_families; i++) {
        snprintf(row, sizeof row, "`%s`", x->families[i]);
        if (strstr(text.data, row) == NULL)
            fail_msg("docs/metrics.md lacks %s", row);
    }
    wc_buf_deinit(&text);
}

/* Before an app, with it, and after a person stopped it. */
static void metrics_follow_the_app(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct wc_client *keep = open_client(&host); /* it has nothing else to stay for */
    struct exposition read = scrape(&host);
    assert_true(
        exposition_value(&read, "wcompose_build_info{project=shop,version=" WC_VERSION "}") == 1);
    assert_true(exposition_value(&read, "wcompose_app_condition{project=shop,type=Ready,"
                                        "status=true}") == 0);
    assert_null(exposition_find(&read, "wcompose_app_generation{project=shop}"));
    exposition_free(&read);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    read = scrape(&host);
    static const struct {
        const char *series;
        double value;
    } up[] = {
        { "wcompose_app_generation{project=shop}", 1 },
        { "wcompose_app_condition{project=shop,type=Ready,status=true}", 1 },
        { "wcompose_app_condition{project=shop,type=Ready,status=false}", 0 },
        { "wcompose_app_condition{project=shop,type=Reconciling,status=true}", 0 },
        { "wcompose_app_condition{project=shop,type=Stalled,status=false}", 1 },
        { "wcompose_instance_state{project=shop,service=web,slot=1,state=running}", 1 },
        { "wcompose_instance_state{project=shop,service=web,slot=1,state=exited}", 0 },
        { "wcompose_app_observed_generation{project=shop}", 1 },
        { "wcompose_app_condition{project=shop,type=Suspended,status=true}", 0 },
        { "wcompose_app_suspended{project=shop}", 0 },
        { "wcompose_orphans{project=shop}", 0 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=exit}", 0 },
        { "wcompose_plan_actions_total{project=shop,action=create,reason=asked,result=ok}", 2 },
        { "wcompose_plan_actions_total{project=shop,action=start,reason=asked,result=ok}", 2 },
        { "wcompose_plan_actions_total{project=shop,action=start,reason=asked,result=failed}", 0 },
        { "wcompose_action_duration_seconds_count{project=shop,action=start,driver=process}", 2 },
        { "wcompose_instance_ready_seconds_count{project=shop}", 2 },
        { "wcompose_reconcile_total{project=shop,result=ready}", 1 },
        { "wcompose_reconcile_duration_seconds_count{project=shop}", 1 },
        { "wcompose_drift_total{project=shop,kind=removed}", 0 },
        { "wcompose_rollbacks_total{project=shop,reason=asked}", 0 },
        { "wcompose_journal_failed{project=shop}", 0 },
    };
    for (size_t i = 0; i < WC_COUNT(up); i++)
        if (exposition_value(&read, up[i].series) != up[i].value)
            fail_msg("%s is not %g", up[i].series, up[i].value);
    assert_true(exposition_value(&read, "wcompose_journal_bytes{project=shop}") > 100);
    assert_true(exposition_value(&read, "wcompose_rss_bytes{project=shop}") > 100000);
    assert_true(exposition_value(&read, "wcompose_fds{project=shop}") > 3);
    assert_true(exposition_value(&read, "wcompose_loop_lag_seconds_count{project=shop}") > 3);
    assert_true(exposition_value(&read, "wcompose_journal_fsync_seconds_count{project=shop}") > 0);
    are_documented(&read);
    exposition_free(&read);
    assert_int_equal(ask(&host, WC_CALL_STOP).code, 0);
    read = scrape(&host);
    assert_true(exposition_value(&read, "wcompose_reconcile_total{project=shop,result=stopped}") ==
                1);
    assert_true(exposition_value(&read, "wcompose_instance_state{project=shop,service=web,slot=1,"
                                        "state=exited}") == 1);
    assert_true(exposition_value(&read, "wcompose_app_condition{project=shop,type=Ready,"
                                        "status=true}") == 0);
    exposition_free(&read);
    wc_client_close(keep);
    end(&host);
    host_deinit(&host);
}

/* An address that others can reach is refused before anything is touched; a port is served. */
static void metrics_on_a_port(void **state)
{
    (void)state;
    struct host host;
    char got[40000], request[] = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    host_init(&host);
    host.metrics = "0.0.0.0:0";
    assert_int_equal(pthread_create(&host.thread, NULL, run, &host), 0);
    sem_wait(&host.ready);
    assert_int_equal(pthread_join(host.thread, NULL), 0);
    assert_int_equal(host.status, WC_ERR_USAGE);
    assert_int_equal(host.loop_close, 0);
    host.status = 0;
    host.metrics = "127.0.0.1:0";
    start(&host);
    struct sockaddr_in at = { .sin_family = AF_INET };
    at.sin_port = htons((uint16_t)wc_http_port(&host.sup->http));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    size_t len = 0;
    for (ssize_t n; (n = read(fd, got + len, sizeof got - 1 - len)) > 0;)
        len += (size_t)n;
    got[len] = '\0';
    close(fd);
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    struct exposition read = exposition_read(strstr(got, "\r\n\r\n") + 4);
    assert_true(exposition_value(&read, "wcompose_journal_failed{project=shop}") == 0);
    exposition_free(&read);
    end(&host);
    host_deinit(&host);
}

/* With nothing left to do, one of a service manager stays, and does the next thing. */
static void one_that_stays(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    host.stays = true;
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct reply down = ask(&host, WC_CALL_DOWN);
    assert_int_equal(down.code, 0);
    assert_false(down.leaving);
    usleep(50000);
    assert_int_equal(ask(&host, WC_CALL_PING).code, 0);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(read_history(&host).in_force->outcome, WC_OUTCOME_STABLE);
    end(&host);
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 2);
    host_deinit(&host);
}

/* The one that is asked to make room first ends the call that is under way. */
static void relieved_when_idle(void **state)
{
    (void)state;
    struct host host;
    struct wc_err err = { 0 };
    host_init(&host);
    start(&host);
    struct wc_client *busy = open_client(&host), *next = open_client(&host);
    struct wc_call apply = { .verb = WC_CALL_APPLY,
                             .timeout_ms = WC_UNSET,
                             .wait = WC_WAIT_READY,
                             .spec = host.wire.data,
                             .spec_len = host.wire.len };
    struct wc_call leave = { .verb = WC_CALL_SHUTDOWN, .when_idle = true };
    struct reply reply = { 0 };
    struct wc_client_waiting waiting = { .interrupt_fd = -1, .answer = on_answer, .data = &reply };
    assert_int_equal(wc_client_send(busy, &apply, &waiting.id, &err), 0);
    assert_true(ask_on(next, &leave).leaving);
    assert_int_equal(wc_client_wait(busy, &waiting, &err), 0);
    assert_int_equal(reply.code, 0);
    join(&host); /* though two clients are connected and an app runs */
    wc_client_close(busy);
    wc_client_close(next);
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 2);
    host_deinit(&host);
}

static void client_that_leaves_gives_up_nothing(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct wc_client *client = open_client(&host);
    struct wc_call call = { .verb = WC_CALL_APPLY,
                            .timeout_ms = WC_UNSET,
                            .spec = host.wire.data,
                            .spec_len = host.wire.len,
                            .events = true };
    struct wc_err err = { 0 };
    uint64_t id;
    assert_int_equal(wc_client_send(client, &call, &id, &err), 0);
    wc_client_close(client);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    assert_int_equal(list(&host).n, 2);
    end(&host);
    host_deinit(&host);
}

static void successor_adopts(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    end(&host);
    struct wc_ps ps = list(&host); /* nobody to ask: from the host itself */
    assert_false(ps.supervised);
    assert_int_equal(ps.n, 2);
    assert_int_equal(ps.rows[0].fact.life, WC_LIFE_RUNNING);
    assert_string_equal(ps.rows[1].ports, "8080->80/tcp");
    unsigned n_starts = wc_sim_count_ops(host.world, WC_VERB_START);
    start(&host);
    ps = list(&host);
    assert_true(ps.supervised);
    assert_true(ps.rows[0].wanted && ps.rows[1].wanted);
    assert_int_equal(ask(&host, WC_CALL_APPLY).changed, 0);
    assert_int_equal(wc_sim_count_ops(host.world, WC_VERB_START), n_starts);
    assert_int_equal(ask(&host, WC_CALL_DOWN).code, 0);
    join(&host);
    host_deinit(&host);
}

static void old_state_is_taken_over(void **state)
{
    (void)state;
    struct host host;
    struct wc_err err = { 0 };
    host_init(&host);
    assert_int_equal(
        wc_fs_mkdirs(wc_paths_project_lib(&host.paths, &host.arena, "shop"), 0700, &err), 0);
    static const char pending[] = "{\"wait\":\"started\",\"services\":[\"db\"]}";
    wc_fs_write_atomic(lib_file(&host, "spec.json"), host.wire.data, host.wire.len, 0600, false,
                       &err);
    wc_fs_write_atomic(lib_file(&host, "pending.json"), pending, sizeof pending - 1, 0600, false,
                       &err);
    assert_string_equal(read_history(&host).in_force->text, host.wire.data); /* by clients, too */
    start(&host);
    wait_done(&host);
    struct wc_ps ps = list(&host);
    assert_int_equal(ps.n, 1);
    assert_string_equal(ps.rows[0].fact.service, "db");
    assert_int_equal(ps.rows[0].fact.life, WC_LIFE_RUNNING);
    end(&host);
    assert_false(wc_fs_exists(lib_file(&host, "spec.json")));
    assert_false(wc_fs_exists(lib_file(&host, "pending.json")));
    assert_string_equal(read_history(&host).in_force->text, host.wire.data);
    host_deinit(&host);
}

static void wrong_models_are_refused(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    struct wc_client *keep = open_client(&host); /* else it leaves after the first refusal */
    load(&host, "name: other\nservices: { a: { image: a } }\n");
    struct reply reply = ask(&host, WC_CALL_APPLY);
    assert_int_equal(reply.code, WC_ERR_SPEC);
    assert_non_null(strstr(reply.error, "other"));
    wc_buf_reset(&host.wire);
    wc_buf_adds(&host.wire, "{\"services\":7}");
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, WC_ERR_SPEC);
    assert_false(wc_fs_exists(lib_file(&host, "journal")));
    assert_int_equal(list(&host).n, 0);
    wc_client_close(keep);
    join(&host); /* nothing was accepted, so it left */
    host_deinit(&host);
}

static void shutdown_leaves_instances(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct reply reply = ask(&host, WC_CALL_SHUTDOWN);
    assert_int_equal(reply.code, 0);
    assert_true(reply.leaving);
    join(&host);
    assert_int_equal(wc_sim_count(host.world, NULL, WC_LIFE_RUNNING), 2);
    assert_true(wc_fs_exists(lib_file(&host, "journal")));
    host_deinit(&host);
}

WC_MAIN(WC_CASE(up_ps_and_noop), WC_CASE(state_is_kept_until_down),
        WC_CASE(a_second_down_forgets_too), WC_CASE(only_one_lives), WC_CASE(two_clients),
        WC_CASE(the_past_is_remembered), WC_CASE(metrics_follow_the_app),
        WC_CASE(metrics_on_a_port), WC_CASE(one_that_stays), WC_CASE(relieved_when_idle),
        WC_CASE(client_that_leaves_gives_up_nothing), WC_CASE(successor_adopts),
        WC_CASE(old_state_is_taken_over), WC_CASE(wrong_models_are_refused),
        WC_CASE(shutdown_leaves_instances))
