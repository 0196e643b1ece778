/* supervisor_calls.c - what clients may ask of a supervisor.
 *
 * One row per verb. A call becomes an engine request and is answered when the engine is done with
 * it, whether or not the client is still there. An apply of the text that was applied last, with
 * nothing heard of any instance since, is answered at once: that is the no-op `up`.
 */
#include "orchestrator/supervisor_priv.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/control_ps.h"

static bool flag(const struct wc_json *header, const char *key)
{
    return wc_json_bool(wc_json_get(header, key), false);
}

/* Fills a request from the header; service names are borrowed from it. */
static int read_request(const struct wc_json *header, struct wc_arena *arena,
                        struct wc_request *out, struct wc_err *err)
{
    const struct wc_json *services = wc_json_get(header, "services");
    size_t n = wc_json_count(services);
    const char **names = WC_NEW_ARRAY(arena, const char *, n + 1);
    size_t i = 0;
    for (const struct wc_json *at = wc_json_first(services); at != NULL; at = wc_json_next(at)) {
        names[i] = wc_json_str(at, NULL);
        if (names[i++] == NULL)
            return wc_err_set(err, WC_ERR_SPEC, 0, "\"services\" is a list of names");
    }
    int64_t signal = wc_json_i64(wc_json_get(header, "signal"), 0);
    if (signal < 0 || signal > 64)
        return wc_err_set(err, WC_ERR_SPEC, 0, "\"signal\" is a number from 1 to 64");
    out->services = names;
    out->n_services = n;
    out->wait = wc_streq(wc_json_str(wc_json_get(header, "wait"), ""), "ready") ? WC_WAIT_READY
                                                                                : WC_WAIT_STARTED;
    out->timeout_ms = wc_json_i64(wc_json_get(header, "timeout_ms"), WC_UNSET);
    out->signal = (int)signal;
    out->force_recreate = flag(header, "force_recreate");
    out->no_recreate = flag(header, "no_recreate");
    out->no_start = flag(header, "no_start");
    out->no_deps = flag(header, "no_deps");
    out->remove_orphans = flag(header, "remove_orphans");
    out->remove_volumes = flag(header, "remove_volumes");
    return 0;
}

static void copy_texts(const struct wc_json *header, struct wc_jsonw *w, const char *key)
{
    const struct wc_json *list = wc_json_get(header, key);
    wc_jsonw_array(w, key);
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at))
        wc_jsonw_str(w, NULL, wc_json_str(at, ""));
    wc_jsonw_end_array(w);
}

/* What an apply asks for beside the model, as apply.json keeps it. force_recreate is left out: a
 * successor can't know which instances were replaced already. */
static void write_key(const struct wc_request *request, const struct wc_json *header,
                      struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "wait", request->wait == WC_WAIT_READY ? "ready" : "started");
    wc_jsonw_i64(&w, "timeout_ms", request->timeout_ms);
    wc_jsonw_bool(&w, "no_recreate", request->no_recreate);
    wc_jsonw_bool(&w, "no_start", request->no_start);
    wc_jsonw_bool(&w, "no_deps", request->no_deps);
    wc_jsonw_bool(&w, "remove_orphans", request->remove_orphans);
    copy_texts(header, &w, "services");
    copy_texts(header, &w, "scale");
    wc_jsonw_end_object(&w);
}

static struct wc_sup_call *call_new(struct wc_supervisor *sup, struct wc_conn *conn, uint64_t id)
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

static void call_free(struct wc_sup_call *call)
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
        call_free(sup->calls);
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

/* The image store replaces its index when it changes: a tag that moved makes `up` look again. */
static void stat_images(struct wc_supervisor *sup, struct stat *out)
{
    *out = (struct stat){ 0 };
    char path[4096];
    snprintf(path, sizeof path, "%s/index.json", sup->config.paths->images);
    if (stat(path, out) != 0)
        *out = (struct stat){ 0 };
}

static void settle(struct wc_sup_call *call, int status)
{
    struct wc_supervisor *sup = call->sup;
    if (call->kind != WC_REQUEST_APPLY || !call->is_newest)
        return;
    wc_sup_settle_pending(sup);
    sup->is_settled = status == 0;
    wc_buf_reset(&sup->settled_key);
    wc_buf_add(&sup->settled_key, call->key.data, call->key.len);
}

static void on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    struct wc_sup_call *call = data;
    if (status != 0 && call->kind == WC_REQUEST_APPLY && call->is_newest && wc_sup_undo(call, err))
        return;
    wc_sup_finish(call, status, err, changed);
}

void wc_sup_finish(struct wc_sup_call *call, int status, const struct wc_err *err, unsigned changed)
{
    struct wc_supervisor *sup = call->sup;
    settle(call, status);
    if (call->kind == WC_REQUEST_DOWN && status == 0 && call->whole)
        wc_sup_forget(sup);
    struct wc_conn *conn = call->conn;
    uint64_t id = call->id;
    bool is_last = sup->calls == call && call->next == NULL;
    call_free(call);
    if (conn == NULL)
        return;
    struct done done = {
        .code = status,
        .changed = changed,
        .leaving = is_last && sup->control.n_conns == 1 && !wc_engine_busy(sup->engine),
        .error = status != 0 && err != NULL ? err->msg : NULL,
    };
    send_done(conn, id, &done);
    malloc_trim(0); /* what the change needed is not needed to look after it; a client may stay */
}

static void submit(struct wc_sup_call *call, struct wc_request *request)
{
    call->kind = request->kind;
    call->whole = request->n_services == 0;
    request->done = on_done;
    request->data = call;
    wc_engine_submit(call->sup->engine, request);
}

/* Borrowed bytes as a buffer that is only read. */
static struct wc_buf view(const char *bytes, size_t len)
{
    return (struct wc_buf){ .data = (char *)bytes, .len = len };
}

typedef int verb_fn(struct wc_supervisor *sup, struct wc_conn *conn,
                    const struct wc_control_message *message, struct wc_err *err);

static bool is_noop(struct wc_supervisor *sup, const struct wc_control_message *message,
                    const struct wc_buf *key)
{
    if (!sup->is_settled || !sup->has_accepted || sup->calls != NULL ||
        flag(message->header, "force_recreate"))
        return false;
    if (sup->accepted.len != message->body_len ||
        memcmp(sup->accepted.data, message->body, message->body_len) != 0 ||
        !wc_streq(sup->settled_key.data, key->data))
        return false;
    struct stat images;
    stat_images(sup, &images);
    return images.st_ino == sup->settled_images.st_ino &&
           images.st_size == sup->settled_images.st_size &&
           images.st_mtim.tv_sec == sup->settled_images.st_mtim.tv_sec &&
           images.st_mtim.tv_nsec == sup->settled_images.st_mtim.tv_nsec;
}

/* Accepts a model and hands it to the engine. `call` is consumed, also on failure. */
static int apply(struct wc_sup_call *call, struct wc_request *request, const struct wc_buf *text,
                 struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    int rc = wc_sup_load_model(text, &call->key, &request->arena, &request->project, err);
    if (rc == 0 && !wc_streq(request->project->name, sup->config.project))
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "this is the supervisor of '%s', not of '%s'",
                        sup->config.project, request->project->name);
    if (rc == 0)
        rc = wc_sup_write_accepted(sup, text->data, text->len, err);
    if (rc == 0)
        rc = wc_sup_write_pending(sup, &call->key, err);
    if (rc != 0) {
        if (request->arena != NULL)
            wc_sup_free_model(request->arena);
        call_free(call);
        return rc;
    }
    sup->is_settled = false;
    stat_images(sup, &sup->settled_images);
    for (struct wc_sup_call *other = sup->calls; other != NULL; other = other->next)
        other->is_newest = false;
    call->is_newest = true;
    request->kind = WC_REQUEST_APPLY;
    submit(call, request);
    return 0;
}

static int do_apply(struct wc_supervisor *sup, struct wc_conn *conn,
                    const struct wc_control_message *message, struct wc_err *err)
{
    struct wc_request request = { 0 };
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    WC_CLEANUP_BUF struct wc_buf key = WC_BUF_INIT;
    int rc = read_request(message->header, &scratch, &request, err);
    if (rc == 0 && message->body == NULL)
        rc = wc_err_set(err, WC_ERR_SPEC, 0, "apply needs a body: the model");
    if (rc == 0) {
        write_key(&request, message->header, &key);
        if (is_noop(sup, message, &key)) {
            send_done(conn, message->id, &(struct done){ 0 });
        } else {
            struct wc_sup_call *call = call_new(sup, conn, message->id);
            call->events = flag(message->header, "events");
            wc_buf_add(&call->key, key.data, key.len);
            struct wc_buf text = view(message->body, message->body_len);
            rc = apply(call, &request, &text, err);
        }
    }
    wc_arena_deinit(&scratch);
    return rc;
}

static void on_adopted(void *data, int status, const struct wc_err *err, unsigned changed)
{
    (void)changed;
    struct wc_sup_call *call = data;
    if (status != 0)
        wc_log(WC_LOG_WARN, "supervisor", "adopt: %s", err != NULL ? err->msg : "failed");
    call_free(call);
}

/* Hands the engine a model without asking for changes. */
static int adopt(struct wc_supervisor *sup, const struct wc_buf *text, const struct wc_buf *key,
                 struct wc_err *err)
{
    struct wc_request request = { .kind = WC_REQUEST_ADOPT, .timeout_ms = WC_UNSET };
    int rc = wc_sup_load_model(text, key, &request.arena, &request.project, err);
    if (rc != 0)
        return rc;
    struct wc_sup_call *call = call_new(sup, NULL, 0);
    call->kind = request.kind;
    request.done = on_adopted;
    request.data = call;
    wc_engine_submit(sup->engine, &request);
    return 0;
}

/* start, stop, restart, kill, down: the engine's words. */
static int do_change(struct wc_supervisor *sup, struct wc_conn *conn,
                     const struct wc_control_message *message, struct wc_err *err)
{
    static const struct {
        const char *verb;
        enum wc_request_kind kind;
    } kinds[] = {
        { "start", WC_REQUEST_START },     { "stop", WC_REQUEST_STOP },
        { "restart", WC_REQUEST_RESTART }, { "kill", WC_REQUEST_KILL },
        { "down", WC_REQUEST_DOWN },
    };
    struct wc_request request = { 0 };
    for (size_t i = 0; i < WC_COUNT(kinds); i++)
        if (wc_streq(message->verb, kinds[i].verb))
            request.kind = kinds[i].kind;
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    int rc = read_request(message->header, &scratch, &request, err);
    if (rc == 0 && message->body != NULL && wc_engine_project(sup->engine) == NULL) {
        struct wc_buf text = view(message->body, message->body_len);
        rc = adopt(sup, &text, NULL, err);
    }
    if (rc == 0) {
        sup->is_settled = false;
        struct wc_sup_call *call = call_new(sup, conn, message->id);
        call->events = flag(message->header, "events");
        submit(call, &request);
    }
    wc_arena_deinit(&scratch);
    return rc;
}

struct ps {
    struct wc_jsonw w;
    const struct wc_project *project;
};

static void visit_ps(void *data, const struct wc_instance_status *status)
{
    struct ps *ps = data;
    wc_ps_write(&ps->w, status, ps->project);
}

static int do_ps(struct wc_supervisor *sup, struct wc_conn *conn,
                 const struct wc_control_message *message, struct wc_err *err)
{
    (void)err;
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    struct ps ps = { .w = WC_JSONW_INIT(&line), .project = wc_engine_project(sup->engine) };
    wc_jsonw_object(&ps.w, NULL);
    wc_jsonw_i64(&ps.w, "id", (int64_t)message->id);
    wc_jsonw_bool(&ps.w, "done", true);
    wc_jsonw_i64(&ps.w, "code", 0);
    wc_jsonw_array(&ps.w, "instances");
    wc_engine_visit(sup->engine, visit_ps, &ps);
    wc_jsonw_end_array(&ps.w);
    wc_jsonw_end_object(&ps.w);
    wc_conn_send(conn, WC_CONN_ANSWER, line.data, line.len);
    return 0;
}

static int do_events(struct wc_supervisor *sup, struct wc_conn *conn,
                     const struct wc_control_message *message, struct wc_err *err)
{
    (void)sup;
    if (conn->events_id != 0)
        return wc_err_set(err, WC_ERR_CONFLICT, 0, "this connection is subscribed already");
    conn->events_id = message->id;
    return 0;
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
    (void)err;
    send_done(conn, message->id, &(struct done){ .leaving = true });
    wc_supervisor_end(sup);
    return 0;
}

static const struct {
    const char *name;
    verb_fn *run;
} verbs[] = {
    { "apply", do_apply }, { "start", do_change },
    { "stop", do_change }, { "restart", do_change },
    { "kill", do_change }, { "down", do_change },
    { "ps", do_ps },       { "events", do_events },
    { "ping", do_ping },   { "shutdown", do_shutdown },
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

static void send_event(struct wc_conn *conn, uint64_t id, const struct wc_buf *json)
{
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    wc_buf_printf(&line, "{\"id\":%llu,\"event\":", (unsigned long long)id);
    wc_buf_add(&line, json->data, json->len);
    wc_buf_addc(&line, '}');
    wc_conn_send(conn, WC_CONN_EVENT, line.data, line.len);
}

void wc_sup_on_event(void *data, const struct wc_event *event)
{
    struct wc_supervisor *sup = data;
    static const char *const quiet[] = { "healthy", "waiting", "started", "created" };
    bool moved = event->type == WC_EVENT_INSTANCE;
    for (size_t i = 0; i < WC_COUNT(quiet); i++)
        moved = moved && !wc_streq0(event->action, quiet[i]);
    if (moved)
        sup->is_settled = false;
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    wc_event_to_json(event, &json);
    for (struct wc_sup_call *call = sup->calls; call != NULL; call = call->next)
        if (call->events && call->conn != NULL)
            send_event(call->conn, call->id, &json);
    for (struct wc_conn *conn = sup->control.conns; conn != NULL; conn = conn->next)
        if (conn->events_id != 0)
            send_event(conn, conn->events_id, &json);
}

static int finish_pending(struct wc_supervisor *sup, const struct wc_buf *pending,
                          struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    struct wc_request request = { 0 };
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    int rc = wc_json_parse(pending->data, pending->len, &header, err);
    if (rc == 0)
        rc = read_request(header, &scratch, &request, err);
    if (rc == 0) {
        struct wc_sup_call *call = call_new(sup, NULL, 0);
        wc_buf_add(&call->key, pending->data, pending->len);
        rc = apply(call, &request, &sup->accepted, err);
    }
    wc_arena_deinit(&scratch);
    return rc;
}

int wc_sup_resume(struct wc_supervisor *sup, struct wc_err *err)
{
    int rc = wc_sup_read_accepted(sup, err);
    if (rc == WC_ERR_NOENT)
        return 0;
    if (rc != 0)
        return rc;
    WC_CLEANUP_BUF struct wc_buf pending = WC_BUF_INIT;
    struct wc_err none;
    if (wc_fs_read(sup->pending_path, WC_CONTROL_LINE_MAX, &pending, &none) == 0)
        return finish_pending(sup, &pending, err);
    (void)wc_fs_read(sup->apply_path, WC_CONTROL_LINE_MAX, &pending, &none); /* its scale */
    return adopt(sup, &sup->accepted, &pending, err);
}
