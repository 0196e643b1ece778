/* supervisor_look.c - what clients may look at: the instances, and what happened to them, now and
 * for as long back as the recall goes.
 */
#include "orchestrator/supervisor_priv.h"

#include "base/json.h"
#include "base/str.h"
#include "orchestrator/control_ps.h"

/* ---- ps ---- */

struct ps {
    struct wc_jsonw w;
    const struct wc_project *project;
};

static void visit_ps(void *data, const struct wc_instance_status *status)
{
    struct ps *ps = data;
    wc_ps_write(&ps->w, status, ps->project);
}

/* With "detail": also the events that are kept and the generation in force, of the same moment. */
static void add_detail(const struct wc_supervisor *sup, struct wc_jsonw *w)
{
    wc_jsonw_i64(w, "generation", (int64_t)sup->ledger.in_force);
    wc_jsonw_i64(w, "forgotten", (int64_t)sup->recall.n_forgotten);
    wc_jsonw_array(w, "events");
    for (size_t i = 0; i < sup->recall.n; i++)
        wc_jsonw_raw(w, NULL, wc_recall_get(&sup->recall, i)->json);
    wc_jsonw_end_array(w);
}

int wc_sup_ps(struct wc_supervisor *sup, struct wc_conn *conn,
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
    if (sup->journal.failed.code != 0)
        wc_jsonw_str(&ps.w, "warning", sup->journal.failed.msg);
    if (wc_json_bool(wc_json_get(message->header, "detail"), false))
        add_detail(sup, &ps.w);
    wc_jsonw_end_object(&ps.w);
    wc_conn_send(conn, WC_CONN_ANSWER, line.data, line.len);
    return 0;
}

/* ---- events ---- */

static void send_event(struct wc_conn *conn, enum wc_conn_kind kind, uint64_t id, const char *json,
                       size_t len)
{
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    wc_buf_printf(&line, "{\"id\":%llu,\"event\":", (unsigned long long)id);
    wc_buf_add(&line, json, len);
    wc_buf_addc(&line, '}');
    wc_conn_send(conn, kind, line.data, line.len);
}

/* The past goes out as answers: it is bounded, and must not have holes. */
static void send_past(const struct wc_supervisor *sup, struct wc_conn *conn, uint64_t id,
                      int64_t since_ms, int64_t until_ms)
{
    for (size_t i = 0; i < sup->recall.n; i++) {
        const struct wc_recalled *at = wc_recall_get(&sup->recall, i);
        if (at->wall_ms >= since_ms && (until_ms == 0 || at->wall_ms <= until_ms))
            send_event(conn, WC_CONN_ANSWER, id, at->json, at->len);
    }
}

int wc_sup_events(struct wc_supervisor *sup, struct wc_conn *conn,
                  const struct wc_control_message *message, struct wc_err *err)
{
    int64_t since_ms = wc_json_i64(wc_json_get(message->header, "since_ms"), 0);
    int64_t until_ms = wc_json_i64(wc_json_get(message->header, "until_ms"), 0);
    bool past_only = wc_json_bool(wc_json_get(message->header, "past_only"), false);
    if (!past_only && conn->events_id != 0)
        return wc_err_set(err, WC_ERR_CONFLICT, 0, "this connection is subscribed already");
    if (since_ms > 0)
        send_past(sup, conn, message->id, since_ms, until_ms);
    if (past_only)
        wc_conn_fail(conn, message->id, 0, NULL);
    else
        conn->events_id = message->id;
    return 0;
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
    bool rolls = event->type == WC_EVENT_ROLLOUT;
    sup->rollouts_moved = sup->rollouts_moved || rolls;
    sup->wants_rollback = sup->wants_rollback || (rolls && wc_streq0(event->action, "failed"));
    WC_CLEANUP_BUF struct wc_buf json = WC_BUF_INIT;
    wc_event_to_json(event, &json);
    wc_metrics_count(&sup->metrics, event);
    wc_recall_add(&sup->recall, event->seq, event->wall_ms, json.data, json.len);
    for (struct wc_sup_call *call = sup->calls; call != NULL; call = call->next)
        if (call->events && call->conn != NULL)
            send_event(call->conn, WC_CONN_EVENT, call->id, json.data, json.len);
    for (struct wc_conn *conn = sup->control.conns; conn != NULL; conn = conn->next)
        if (conn->events_id != 0)
            send_event(conn, WC_CONN_EVENT, conn->events_id, json.data, json.len);
}
