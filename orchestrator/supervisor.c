/* supervisor.c - the life of a supervisor: lock, open, serve, leave.
 *
 * It leaves when nothing is wanted or running, no call is under way and nobody is connected; that
 * is asked before every sleep of the loop, so no callback has to remember to ask. (Rejected: a
 * count of reasons to stay, which is one forgotten decrement away from a process that never ends.)
 */
#include "wcompose/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/paths.h"
#include "orchestrator/supervisor_priv.h"
#include "wcompose/sealed.h"

/* Leaving --------------------------------------------------------------------------------------*/

static void maybe_ended(struct wc_supervisor *sup)
{
    if (!sup->engine_closed || !sup->control_closed || sup->n_handles > 0 ||
        sup->http.n_handles > 0 || wc_journal_busy(&sup->journal))
        return;
    struct wc_supervisor_listener listener = sup->listener;
    wc_sup_drop_calls(sup);
    wc_journal_deinit(&sup->journal);
    wc_ledger_deinit(&sup->ledger);
    wc_recall_deinit(&sup->recall);
    wc_metrics_deinit(&sup->metrics);
    wc_sup_remove_empty(sup);
    wc_buf_deinit(&sup->settled_key);
    wc_arena_deinit(&sup->arena);
    wc_free(sup);
    listener.ended(listener.data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct wc_supervisor *sup = handle->data;
    sup->n_handles--;
    maybe_ended(sup);
}

static void close_handles(struct wc_supervisor *sup)
{
    uv_close((uv_handle_t *)&sup->patience, on_handle_closed);
    uv_close((uv_handle_t *)&sup->retry, on_handle_closed);
    uv_close((uv_handle_t *)&sup->prepare, on_handle_closed);
}

static void on_engine_closed(void *data)
{
    struct wc_supervisor *sup = data;
    sup->engine_closed = true;
    if (!wc_journal_busy(&sup->journal))
        close_handles(sup);
}

static void on_control_closed(void *data)
{
    struct wc_supervisor *sup = data;
    sup->control_closed = true;
    maybe_ended(sup);
}

static void on_http_closed(void *data)
{
    maybe_ended(data);
}

void wc_supervisor_end(struct wc_supervisor *sup)
{
    if (sup->phase == WC_SUP_ENDING)
        return;
    sup->phase = WC_SUP_ENDING;
    struct wc_err unsaid;
    (void)wc_journal_commit(&sup->journal, &unsaid); /* what a bad disk has kept in memory so far */
    if (sup->control.is_open)
        wc_control_close(&sup->control);
    else
        sup->control_closed = true;
    wc_http_close(&sup->http);
    wc_engine_close(sup->engine, on_engine_closed, sup);
}

static bool is_idle(const struct wc_supervisor *sup)
{
    return sup->control.n_conns == 0 && sup->calls == NULL && !wc_engine_busy(sup->engine);
}

static const char *reason_to_leave(const struct wc_supervisor *sup)
{
    if (sup->is_relieved && sup->calls == NULL)
        return "another one takes over";
    bool may_leave = sup->patience_over && !sup->config.stays;
    return may_leave && is_idle(sup) ? "nothing left to do" : NULL;
}

/* Once after each visit: with nobody there and no call under way, it may be for long. */
static void maybe_rest(struct wc_supervisor *sup)
{
    if (sup->control.n_conns > 0 || sup->calls != NULL)
        sup->is_resting = false;
    else if (!sup->is_resting) {
        sup->is_resting = true;
        wc_sup_rest();
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct wc_supervisor *sup = prepare->data;
    wc_sup_note_turn(sup);
    wc_sup_watch_journal(sup);
    if (sup->old_until_seq != 0 && sup->journal.durable_seq >= sup->old_until_seq) {
        wc_sup_drop_old_files(sup);
        sup->old_until_seq = 0;
    }
    if (sup->phase == WC_SUP_SERVING)
        wc_sup_turn_rollouts(sup);
    if (sup->phase == WC_SUP_SERVING)
        maybe_rest(sup);
    const char *why_leave = sup->phase == WC_SUP_SERVING ? reason_to_leave(sup) : NULL;
    if (why_leave != NULL) {
        wc_log(WC_LOG_INFO, "supervisor", "%s: %s", sup->config.project, why_leave);
        wc_supervisor_end(sup);
    } else if (sup->phase == WC_SUP_ENDING && sup->engine_closed &&
               !wc_journal_busy(&sup->journal) && !uv_is_closing((uv_handle_t *)&sup->prepare)) {
        close_handles(sup);
    }
}

/* Opening --------------------------------------------------------------------------------------*/

static void on_patience_over(uv_timer_t *timer)
{
    struct wc_supervisor *sup = timer->data;
    sup->patience_over = true;
}

static void on_message(void *data, struct wc_conn *conn, const struct wc_control_message *message)
{
    struct wc_supervisor *sup = data;
    sup->patience_over = true; /* somebody came: from now on, being idle is a reason to leave */
    wc_sup_on_message(sup, conn, message);
}

static void fill_metrics(void *data, struct wc_buf *out)
{
    wc_sup_expose(data, out);
}

/* A port that somebody else has is no reason not to look after the project. */
static void serve_metrics(struct wc_supervisor *sup)
{
    struct wc_err err = { 0 };
    sup->http.loop = sup->config.loop;
    sup->http.fill = fill_metrics;
    sup->http.closed = on_http_closed;
    sup->http.data = sup;
    if (sup->config.metrics != NULL && wc_http_listen(&sup->http, sup->config.metrics, &err) != 0) {
        wc_log(WC_LOG_WARN, "supervisor", "%s: %s", sup->config.project, err.msg);
        wc_http_close(&sup->http);
    }
}

static int serve(struct wc_supervisor *sup, struct wc_err *err)
{
    struct wc_err why = { 0 };
    if (wc_sup_open_state(sup, &why) != 0)
        wc_log(WC_LOG_ERROR, "supervisor", "%s: what was accepted is not known: %s",
               sup->config.project, why.msg);
    wc_sup_resume(sup);
    sup->control.loop = sup->config.loop;
    sup->control.message = on_message;
    sup->control.left = wc_sup_on_left;
    sup->control.closed = on_control_closed;
    sup->control.data = sup;
    serve_metrics(sup);
    return wc_control_listen(&sup->control, sup->run_dir, err);
}

static void on_engine_opened(void *data, int status, const struct wc_err *err)
{
    struct wc_supervisor *sup = data;
    if (sup->phase == WC_SUP_ENDING)
        return;
    struct wc_err failed = { 0 };
    if (status != 0 && err != NULL)
        failed = *err;
    if (status == 0) {
        sup->phase = WC_SUP_SERVING;
        status = serve(sup, &failed);
    }
    if (sup->listener.ready != NULL)
        sup->listener.ready(sup->listener.data, status, &failed);
    if (status != 0)
        wc_supervisor_end(sup);
    else
        uv_timer_start(&sup->patience, on_patience_over, sup->config.first_client_ms, 0);
}

static void init_handles(struct wc_supervisor *sup)
{
    uv_prepare_init(sup->config.loop, &sup->prepare);
    uv_timer_init(sup->config.loop, &sup->patience);
    uv_timer_init(sup->config.loop, &sup->retry);
    sup->prepare.data = sup->retry.data = sup;
    sup->patience.data = sup;
    uv_prepare_start(&sup->prepare, on_prepare);
    (void)uv_loop_configure(sup->config.loop, UV_METRICS_IDLE_TIME); /* wc_sup_note_turn asks */
    sup->n_handles = 3;
}

static struct wc_supervisor *supervisor_new(const struct wc_supervisor_config *config,
                                            const struct wc_supervisor_listener *listener)
{
    struct wc_supervisor *sup = wc_calloc(1, sizeof *sup);
    sup->config = *config;
    sup->listener = *listener;
    sup->settled_key = (struct wc_buf)WC_BUF_INIT;
    sup->journal.dir_fd = sup->journal.fd = -1;
    wc_arena_init(&sup->arena);
    sup->lib_dir = wc_paths_project_lib(config->paths, &sup->arena, config->project);
    sup->run_dir = wc_paths_project_run(config->paths, &sup->arena, config->project);
    return sup;
}

int wc_supervisor_start(const struct wc_supervisor_config *config,
                        const struct wc_supervisor_listener *listener, struct wc_supervisor **out,
                        struct wc_err *err)
{
    struct sockaddr_storage at;
    int rc = config->metrics != NULL ? wc_http_address(config->metrics, &at, err) : 0;
    if (rc != 0)
        return rc;
    struct wc_supervisor *sup = supervisor_new(config, listener);
    rc = wc_sup_lock(sup->run_dir, &sup->lock_fd, err);
    if (rc == 0) {
        struct wc_engine_config engine = {
            .loop = config->loop,
            .project = config->project,
            .paths = config->paths,
            .images = config->images,
            .process = config->process,
            .hyperv = config->hyperv,
            .driver_extra = config->driver_extra,
            .clock = config->clock,
            .unsealing = config->unsealing != NULL ? config->unsealing : &wc_unsealing_ops,
            .on_event = wc_sup_on_event,
            .data = sup,
        };
        rc = wc_engine_open(&engine, on_engine_opened, &sup->engine, err);
        if (rc != 0)
            wc_sup_unlock(sup->run_dir, sup->lock_fd, false);
    }
    if (rc != 0) {
        wc_arena_deinit(&sup->arena);
        wc_free(sup);
        return rc;
    }
    init_handles(sup);
    *out = sup;
    return 0;
}
