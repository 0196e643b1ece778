/* test_supervisor.c - a whole supervisor over the simulated host, asked through its socket by the
 * product's own client.
 *
 * The supervisor has a thread and a loop of its own; the client blocks in the test's thread, as it
 * does in a command.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "harness/wc_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/sim/sim.h"
#include "orchestrator/client_priv.h"
#include "wcompose/client.h"
#include "wcompose/spec.h"
#include "wcompose/supervisor.h"

struct host {
    char root[64];
    struct wc_arena arena;
    struct wc_paths paths;
    struct wc_sim_world *world;
    struct wc_buf wire;

    pthread_t thread;
    sem_t ready;
    uv_loop_t loop;
    uv_async_t stop;
    struct wc_supervisor *sup;
    int status; /* of start or ready */
    struct wc_err err;
    unsigned n_ended;
    int loop_close;
};

static const char shop[] = "name: shop\n"
                           "services:\n"
                           "  db: { image: db }\n"
                           "  web: { image: web, depends_on: [db], ports: ['8080:80'] }\n";

/* The wire text of a compose file. */
static void load(struct host *host, const char *yaml)
{
    struct wc_err err = { 0 };
    const char *path = wc_arena_printf(&host->arena, "%s/compose.yaml", host->root);
    assert_int_equal(wc_fs_write_atomic(path, yaml, strlen(yaml), 0600, false, &err), 0);
    struct wc_diags diags;
    struct wc_project *project;
    wc_diags_init(&diags, &host->arena);
    struct wc_spec_options options = { .files = &path, .n_files = 1, .cwd = host->root };
    int rc = wc_spec_load(&options, &host->arena, &diags, &project);
    if (rc != 0)
        fail_msg("%s", diags.items[0].msg);
    wc_buf_reset(&host->wire);
    wc_spec_render_wire(project, &host->wire);
}

static void host_init(struct host *host)
{
    memset(host, 0, sizeof *host);
    signal(SIGPIPE, SIG_IGN); /* as the supervisor does: clients leave when they like */
    snprintf(host->root, sizeof host->root, "/tmp/wc-sup-XXXXXX");
    assert_non_null(mkdtemp(host->root));
    wc_arena_init(&host->arena);
    host->wire = (struct wc_buf)WC_BUF_INIT;
    host->paths.lib = wc_arena_printf(&host->arena, "%s/lib", host->root);
    host->paths.run = wc_arena_printf(&host->arena, "%s/run", host->root);
    host->paths.etc = wc_arena_printf(&host->arena, "%s/etc", host->root);
    host->paths.images = wc_arena_printf(&host->arena, "%s/lib/images", host->root);
    host->paths.volumes = wc_arena_printf(&host->arena, "%s/lib/volumes", host->root);
    host->paths.bin = host->root;
    host->world = wc_sim_world_new(1000, 7);
    sem_init(&host->ready, 0, 0);
    load(host, shop);
}

static void host_deinit(struct host *host)
{
    struct wc_err err = { 0 };
    wc_sim_world_free(host->world);
    assert_int_equal(wc_fs_remove_tree(host->root, &err), 0);
    wc_buf_deinit(&host->wire);
    wc_arena_deinit(&host->arena);
    sem_destroy(&host->ready);
}

/* The supervisor's thread ----------------------------------------------------------------------*/

static void on_ready(void *data, int status, const struct wc_err *err)
{
    struct host *host = data;
    host->status = status;
    if (status != 0)
        host->err = *err;
    sem_post(&host->ready);
}

static void on_ended(void *data)
{
    struct host *host = data;
    host->n_ended++;
    uv_close((uv_handle_t *)&host->stop, NULL);
}

static void on_stop(uv_async_t *stop)
{
    wc_supervisor_end(((struct host *)stop->data)->sup);
}

static void *run(void *data)
{
    struct host *host = data;
    struct wc_supervisor_config config = {
        .loop = &host->loop,
        .project = "shop",
        .paths = &host->paths,
        .process = &wc_sim_ops,
        .driver_extra = host->world,
        .clock = wc_sim_clock(host->world),
        .first_client_ms = 5000,
    };
    struct wc_supervisor_listener listener = { on_ready, on_ended, host };
    uv_loop_init(&host->loop);
    uv_async_init(&host->loop, &host->stop, on_stop);
    host->stop.data = host;
    int rc = wc_supervisor_start(&config, &listener, &host->sup, &host->err);
    if (rc != 0) {
        host->status = rc;
        uv_close((uv_handle_t *)&host->stop, NULL);
        sem_post(&host->ready);
    }
    uv_run(&host->loop, UV_RUN_DEFAULT);
    host->loop_close = uv_loop_close(&host->loop);
    return NULL;
}

static void start(struct host *host)
{
    host->n_ended = 0;
    assert_int_equal(pthread_create(&host->thread, NULL, run, host), 0);
    sem_wait(&host->ready);
    if (host->status != 0)
        fail_msg("%s", host->err.msg);
}

static void join(struct host *host)
{
    assert_int_equal(pthread_join(host->thread, NULL), 0);
    assert_int_equal(host->n_ended, 1);
    assert_int_equal(host->loop_close, 0);
}

static void end(struct host *host)
{
    uv_async_send(&host->stop);
    join(host);
}

/* Clients --------------------------------------------------------------------------------------*/

struct reply {
    bool done;
    int code;
    unsigned changed, n_events, n_exited;
    bool leaving;
    char error[256];
};

static void on_answer(void *data, const struct wc_answer *answer)
{
    struct reply *reply = data;
    if (answer->event != NULL) {
        reply->n_events++;
        reply->n_exited +=
            answer->event->type == WC_EVENT_INSTANCE && wc_streq(answer->event->action, "exited");
    }
    if (answer->done) {
        reply->done = true;
        reply->code = answer->code;
        reply->changed = answer->changed;
        reply->leaving = answer->leaving;
        snprintf(reply->error, sizeof reply->error, "%s",
                 answer->error != NULL ? answer->error : "");
    }
}

static struct wc_client *open_client(struct host *host)
{
    struct wc_err err = { 0 };
    struct wc_client *client;
    if (wc_client_open(&host->paths, "shop", false, &client, &err) != 0)
        fail_msg("%s", err.msg);
    return client;
}

static struct reply ask_on(struct wc_client *client, struct wc_call *call)
{
    struct wc_err err = { 0 };
    struct reply reply = { 0 };
    struct wc_client_waiting waiting = { .interrupt_fd = -1, .answer = on_answer, .data = &reply };
    call->timeout_ms = WC_UNSET;
    assert_int_equal(wc_client_send(client, call, &waiting.id, &err), 0);
    if (wc_client_wait(client, &waiting, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(reply.done);
    return reply;
}

static struct reply ask(struct host *host, enum wc_call_verb verb)
{
    struct wc_client *client = open_client(host);
    struct wc_call call = { .verb = verb, .events = true };
    if (verb == WC_CALL_APPLY) {
        call.spec = host->wire.data;
        call.spec_len = host->wire.len;
        call.wait = WC_WAIT_READY;
    }
    struct reply reply = ask_on(client, &call);
    wc_client_close(client);
    return reply;
}

static struct wc_ps list(struct host *host)
{
    struct wc_err err = { 0 };
    struct wc_ps ps;
    struct wc_ps_options options = {
        .paths = &host->paths, .project = "shop", .process = &wc_sim_ops, .extra = host->world
    };
    if (wc_client_ps(&options, &host->arena, &ps, &err) != 0)
        fail_msg("%s", err.msg);
    return ps;
}

static const char *lib_file(struct host *host, const char *name)
{
    return wc_arena_printf(&host->arena, "%s/projects/shop/%s", host->paths.lib, name);
}

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

static void spec_is_kept_until_down(void **state)
{
    (void)state;
    struct host host;
    host_init(&host);
    start(&host);
    assert_int_equal(ask(&host, WC_CALL_APPLY).code, 0);
    struct stat st;
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    assert_int_equal(wc_fs_read(lib_file(&host, "spec.json"), 1 << 20, &text, &err), 0);
    assert_string_equal(text.data, host.wire.data);
    assert_int_equal(stat(lib_file(&host, "spec.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(wc_fs_exists(lib_file(&host, "pending.json")));
    struct reply down = ask(&host, WC_CALL_DOWN);
    assert_int_equal(down.code, 0);
    assert_true(down.changed >= 2);
    assert_true(down.leaving);
    join(&host); /* by itself: nothing is left to do */
    assert_int_equal(wc_sim_count_networks(host.world), 0);
    assert_false(wc_fs_exists(lib_file(&host, "spec.json")));
    assert_false(wc_fs_exists(wc_paths_project_lib(&host.paths, &host.arena, "shop")));
    assert_false(wc_fs_exists(wc_paths_project_run(&host.paths, &host.arena, "shop")));
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

static void pending_apply_is_finished(void **state)
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
    start(&host);
    struct wc_client *client = open_client(&host);
    struct wc_call ping = { .verb = WC_CALL_PING };
    for (int i = 0; i < 2000 && wc_fs_exists(lib_file(&host, "pending.json")); i++) {
        ask_on(client, &ping);
        usleep(1000);
    }
    wc_client_close(client);
    struct wc_ps ps = list(&host);
    assert_int_equal(ps.n, 1);
    assert_string_equal(ps.rows[0].fact.service, "db");
    assert_int_equal(ps.rows[0].fact.life, WC_LIFE_RUNNING);
    end(&host);
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
    assert_false(wc_fs_exists(lib_file(&host, "spec.json")));
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
    assert_true(wc_fs_exists(lib_file(&host, "spec.json")));
    host_deinit(&host);
}

WC_MAIN(WC_CASE(up_ps_and_noop), WC_CASE(spec_is_kept_until_down), WC_CASE(only_one_lives),
        WC_CASE(two_clients), WC_CASE(client_that_leaves_gives_up_nothing),
        WC_CASE(successor_adopts), WC_CASE(pending_apply_is_finished),
        WC_CASE(wrong_models_are_refused), WC_CASE(shutdown_leaves_instances))
