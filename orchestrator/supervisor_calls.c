/* supervisor_calls.c - what clients may ask of a supervisor.
 *
 * One row per verb. A call becomes an engine request and is answered when the engine is done with
 * it, whether or not the client is still there.
 */
#include "orchestrator/supervisor_priv.h"

#include <malloc.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"

struct wc_sup_call *wc_sup_call_new(struct wc_supervisor *sup, struct wc_conn *conn, uint64_t id)
{
    struct wc_sup_call *call = wc_calloc(1, sizeof *call);
    call->sup = sup;
    call->conn = conn;
    call->id = id;
    call->key = (struct wc_buf)WC_BUF_INIT;
    call->next = sup->calls;
    call->link = &sup->calls;
    if (call->next != NULL)
        call->next->link = &call->next;
    sup->calls = call;
    if (conn != NULL)
        conn->calls++;
    return call;
}

void wc_sup_call_free(struct wc_sup_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    if (call->conn != NULL)
        call->conn->calls--;
    wc_buf_deinit(&call->key);
    wc_free(call);
}

void wc_sup_drop_calls(struct wc_supervisor *sup)
{
    while (sup->calls != NULL)
        wc_sup_call_free(sup->calls);
}

struct done {
    int code;
    unsigned changed;
    bool leaving;
    const char *error;
};

static void send_done(struct wc_conn *conn, uint64_t id, const struct done *done)
{
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&line);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "id", (int64_t)id);
    wc_jsonw_bool(&w, "done", true);
    wc_jsonw_i64(&w, "code", done->code);
    wc_jsonw_i64(&w, "changed", done->changed);
    if (done->leaving)
        wc_jsonw_bool(&w, "leaving", true);
    if (done->error != NULL)
        wc_jsonw_str(&w, "error", done->error);
    wc_jsonw_end_object(&w);
    wc_conn_send(conn, WC_CONN_ANSWER, line.data, line.len);
}

static void on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    struct wc_sup_call *call = data;
    if (call->is_parked) /* the rollback took its place in the engine */
        return;
    if (status != 0 && call->kind == WC_REQUEST_APPLY && call->is_newest &&
        (wc_sup_undo(call, err) || wc_sup_park(call, err)))
        return;
    struct wc_supervisor *sup = call->sup;
    bool is_rollback = call->is_rollback;
    wc_sup_finish(call, status, err, changed);
    if (is_rollback)
        wc_sup_unpark(sup, status, err);
}

void wc_sup_finish(struct wc_sup_call *call, int status, const struct wc_err *err, unsigned changed)
{
    struct wc_supervisor *sup = call->sup;
    wc_sup_settle(call, status);
    if (call->kind == WC_REQUEST_DOWN && status == 0 && call->whole &&
        sup->newest_apply < call->ask) /* nobody wants it up again since */
        wc_sup_forget(sup);
    wc_sup_conclude(call, status, err);
    struct wc_conn *conn = call->conn;
    uint64_t id = call->id;
    bool is_last = sup->calls == call && call->next == NULL;
    wc_sup_call_free(call);
    if (conn == NULL)
        return;
    struct done done = {
        .code = status,
        .changed = changed,
        .leaving = is_last && !sup->config.stays && sup->control.n_conns == 1 &&
                   !wc_engine_busy(sup->engine),
        .error = status != 0 && err != NULL ? err->msg : NULL,
    };
    send_done(conn, id, &done);
    malloc_trim(0); /* what the change needed is not needed to look after it; a client may stay */
}

void wc_sup_submit(struct wc_sup_call *call, struct wc_request *request)
{
    call->kind = request->kind;
    call->whole = request->n_services == 0;
    request->done = on_done;
    request->data = call;
    wc_engine_submit(call->sup->engine, request);
    wc_sup_note_rollouts(call->sup); /* first: without it, what is wanted goes to all at once */
    wc_sup_note_wants(call->sup);
}

typedef int verb_fn(struct wc_supervisor *sup, struct wc_conn *conn,
                    const struct wc_control_message *message, struct wc_err *err);

static bool flag(const struct wc_json *header, const char *key)
{
    return wc_json_bool(wc_json_get(header, key), false);
}

static int do_apply(struct wc_supervisor *sup, struct wc_conn *conn,
                    const struct wc_control_message *message, struct wc_err *err)
{
    struct wc_request request = { 0 };
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    const int64_t restores = wc_json_i64(wc_json_get(message->header, "restores"), 0);
    const struct wc_sup_model model = { .text = message->body,
                                        .len = message->body_len,
                                        .restores = restores > 0 ? (uint64_t)restores : 0 };
    int rc = wc_sup_read_request(message->header, &scratch, &request, err);
    if (rc == 0 && message->body == NULL)
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "apply needs a body: the model");
    if (rc == 0) {
        wc_sup_write_key(&request, message->header, &key);
        if (wc_sup_is_noop(sup, &model, &key, request.force_recreate)) {
            send_done(conn, message->id, &(struct done){ 0 });
        } else {
            struct wc_sup_call *call = wc_sup_call_new(sup, conn, message->id);
            call->events = flag(message->header, "events");
            wc_buf_add(&call->key, key.data, key.len);
            rc = wc_sup_apply(call, &request, message->header, &model, err);
            if (rc != 0)
                wc_sup_call_free(call);
        }
    }
    wc_arena_deinit(&scratch);
    return rc;
}

/* start, stop, restart, kill, down: the engine's words. What a full disk doesn't let us write down
 * is done all the same: to stop something may be what makes room. */
static int do_change(struct wc_supervisor *sup, struct wc_conn *conn,
                     const struct wc_control_message *message, struct wc_err *err)
{
    struct wc_request request = { 0 };
    const struct wc_sup_model model = { .text = message->body, .len = message->body_len };
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    int rc = wc_sup_read_request(message->header, &scratch, &request, err);
    (void)wc_sup_kind_of(message->verb, &request.kind);
    bool brings_model = message->body != NULL && wc_engine_project(sup->engine) == NULL;
    if (rc == 0 && brings_model)
        rc = wc_sup_adopt(sup, model.text, model.len, err);
    if (rc == 0) {
        sup->is_settled = false;
        struct wc_sup_call *call = wc_sup_call_new(sup, conn, message->id);
        call->events = flag(message->header, "events");
        wc_sup_write_key(&request, message->header, &call->key);
        struct wc_err unsaid;
        (void)wc_sup_begin(call, &request, message->header, brings_model ? &model : NULL, &unsaid);
        wc_sup_submit(call, &request);
    }
    wc_arena_deinit(&scratch);
    return rc;
}

static int do_ping(struct wc_supervisor *sup, struct wc_conn *conn,
                   const struct wc_control_message *message, struct wc_err *err)
{
    (void)sup, (void)err;
    send_done(conn, message->id, &(struct done){ 0 });
    return 0;
}

static int do_shutdown(struct wc_supervisor *sup, struct wc_conn *conn,
                       const struct wc_control_message *message, struct wc_err *err)
{
    if (flag(message->header, "if_free") && (sup->calls != NULL || sup->config.stays))
        return wc_err_set(err, WC_ERR_STATE, 0, "the supervisor has other things to do");
    bool waits = sup->calls != NULL && flag(message->header, "when_idle");
    send_done(conn, message->id, &(struct done){ .leaving = true });
    if (waits)
        sup->is_relieved = true;
    else
        wc_supervisor_end(sup);
    return 0;
}

static const struct {
    const char *name;
    verb_fn *run;
} verbs[] = {
    { "apply", do_apply },       { "start", do_change },        { "stop", do_change },
    { "restart", do_change },    { "kill", do_change },         { "down", do_change },
    { "ps", wc_sup_ps },         { "events", wc_sup_events },   { "ping", do_ping },
    { "shutdown", do_shutdown }, { "metrics", wc_sup_metrics }, { "suspend", do_change },
    { "resume", do_change },     { "pause", do_change },        { "unpause", do_change },
};

void wc_sup_on_message(void *data, struct wc_conn *conn, const struct wc_control_message *message)
{
    struct wc_supervisor *sup = data;
    struct wc_err err = { 0 };
    size_t i = 0;
    while (i < WC_COUNT(verbs) && !wc_streq(message->verb, verbs[i].name))
        i++;
    int rc = i < WC_COUNT(verbs)
                 ? verbs[i].run(sup, conn, message, &err)
                 : wc_err_set(&err, WC_ERR_USAGE, 0, "unknown verb '%.40s'", message->verb);
    if (rc != 0)
        wc_conn_fail(conn, message->id, rc, err.msg);
}

void wc_sup_on_left(void *data, struct wc_conn *conn)
{
    struct wc_supervisor *sup = data;
    for (struct wc_sup_call *call = sup->calls; call != NULL; call = call->next)
        if (call->conn == conn)
            call->conn = NULL;
    conn->calls = 0;
}
