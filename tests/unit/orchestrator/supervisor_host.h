/* supervisor_host.h - a supervisor over a simulated host, asked through its socket by the product's
 * own client.
 *
 * The supervisor has a thread and a loop of its own; the client blocks in the test's thread, as it
 * does in a command.
 */
#ifndef TESTS_UNIT_ORCHESTRATOR_SUPERVISOR_HOST_H
#define TESTS_UNIT_ORCHESTRATOR_SUPERVISOR_HOST_H

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
    const struct wc_disk *disk;               /* NULL: the host's */
    const char *metrics;                      /* as wc_supervisor_config */
    const struct wc_unsealing_ops *unsealing; /* as wc_supervisor_config */
    bool stays;

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
static inline void load(struct host *host, const char *yaml)
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

static inline void host_init(struct host *host)
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

static inline void host_deinit(struct host *host)
{
    struct wc_err err = { 0 };
    wc_sim_world_free(host->world);
    assert_int_equal(wc_fs_remove_tree(host->root, &err), 0);
    wc_buf_deinit(&host->wire);
    wc_arena_deinit(&host->arena);
    sem_destroy(&host->ready);
}

/* The supervisor's thread ----------------------------------------------------------------------*/

static inline void on_ready(void *data, int status, const struct wc_err *err)
{
    struct host *host = data;
    host->status = status;
    if (status != 0)
        host->err = *err;
    sem_post(&host->ready);
}

static inline void on_ended(void *data)
{
    struct host *host = data;
    host->n_ended++;
    uv_close((uv_handle_t *)&host->stop, NULL);
}

static inline void on_stop(uv_async_t *stop)
{
    wc_supervisor_end(((struct host *)stop->data)->sup);
}

static inline void *run(void *data)
{
    struct host *host = data;
    struct wc_supervisor_config config = {
        .loop = &host->loop,
        .project = "shop",
        .paths = &host->paths,
        .process = &wc_sim_ops,
        .driver_extra = host->world,
        .clock = wc_sim_clock(host->world),
        .disk = host->disk,
        .metrics = host->metrics,
        .unsealing = host->unsealing,
        .stays = host->stays,
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

static inline void start(struct host *host)
{
    host->n_ended = 0;
    assert_int_equal(pthread_create(&host->thread, NULL, run, host), 0);
    sem_wait(&host->ready);
    if (host->status != 0)
        fail_msg("%s", host->err.msg);
}

static inline void join(struct host *host)
{
    assert_int_equal(pthread_join(host->thread, NULL), 0);
    assert_int_equal(host->n_ended, 1);
    assert_int_equal(host->loop_close, 0);
}

static inline void end(struct host *host)
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

static inline void on_answer(void *data, const struct wc_answer *answer)
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

static inline struct wc_client *open_client(struct host *host)
{
    struct wc_err err = { 0 };
    struct wc_client *client;
    if (wc_client_open(&host->paths, "shop", false, &client, &err) != 0)
        fail_msg("%s", err.msg);
    return client;
}

static inline struct reply ask_on(struct wc_client *client, struct wc_call *call)
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

static inline struct reply ask(struct host *host, enum wc_call_verb verb)
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

static inline struct wc_ps list(struct host *host)
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

static inline const char *lib_file(struct host *host, const char *name)
{
    return wc_arena_printf(&host->arena, "%s/projects/shop/%s", host->paths.lib, name);
}

#endif
