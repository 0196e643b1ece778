/* supervisor_ask.c - a request is written down before the engine hears of it, together with what it
 * means for services from now on, and crossed out when it has ended. A successor finds in the
 * ledger what we had not finished, and which services a person wants down.
 *
 * What it means is computed here, by the rules by which the engine spreads requests over the graph,
 * and not taken from the engine afterwards: it must be on disk before anything is done.
 */
#include "orchestrator/supervisor_priv.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/str.h"
#include "orchestrator/core/graph.h"

static const char *const verb_names[] = {
    [WC_REQUEST_APPLY] = "apply",     [WC_REQUEST_START] = "start",   [WC_REQUEST_STOP] = "stop",
    [WC_REQUEST_RESTART] = "restart", [WC_REQUEST_KILL] = "kill",     [WC_REQUEST_DOWN] = "down",
    [WC_REQUEST_SUSPEND] = "suspend", [WC_REQUEST_RESUME] = "resume", [WC_REQUEST_PAUSE] = "pause",
    [WC_REQUEST_UNPAUSE] = "unpause",
};

bool wc_sup_kind_of(const char *verb, enum wc_request_kind *out)
{
    for (size_t i = 0; i < WC_COUNT(verb_names); i++)
        if (verb_names[i] != NULL && wc_streq(verb, verb_names[i])) {
            *out = (enum wc_request_kind)i;
            return true;
        }
    return false;
}

/* ---- the header of a request ---- */

static bool flag(const struct wc_json *header, const char *key)
{
    return wc_json_bool(wc_json_get(header, key), false);
}

int wc_sup_read_request(const struct wc_json *header, struct wc_arena *arena,
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

void wc_sup_write_key(const struct wc_request *request, const struct wc_json *header,
                      struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "wait", request->wait == WC_WAIT_READY ? "ready" : "started");
    wc_jsonw_i64(&w, "timeout_ms", request->timeout_ms);
    wc_jsonw_i64(&w, "signal", request->signal);
    wc_jsonw_bool(&w, "no_recreate", request->no_recreate);
    wc_jsonw_bool(&w, "no_start", request->no_start);
    wc_jsonw_bool(&w, "no_deps", request->no_deps);
    wc_jsonw_bool(&w, "remove_orphans", request->remove_orphans);
    wc_jsonw_bool(&w, "remove_volumes", request->remove_volumes);
    copy_texts(header, &w, "services");
    copy_texts(header, &w, "scale");
    wc_jsonw_end_object(&w);
}

/* ---- what it means for services ---- */

struct meaning {
    const struct wc_supervisor *sup;
    const struct wc_request *request;
    const struct wc_json *header;
    const struct wc_project *project; /* NULL: none is known */
    struct wc_arena arena;
    struct wc_wish *changes;
    size_t n, cap;
};

static bool is_named(const struct wc_request *request, const char *service)
{
    for (size_t i = 0; i < request->n_services; i++)
        if (wc_streq(request->services[i], service))
            return true;
    return request->n_services == 0;
}

/* The number in "service=N" of the header's list, which was checked before; WC_UNSET without one.
 */
static int64_t scale_of(const struct wc_json *header, const char *service)
{
    size_t len = strlen(service);
    int64_t replicas = WC_UNSET, n;
    const struct wc_json *list = wc_json_get(header, "scale");
    for (const struct wc_json *at = wc_json_first(list); at != NULL; at = wc_json_next(at)) {
        const char *text = wc_json_str(at, "");
        if (strncmp(text, service, len) == 0 && text[len] == '=' &&
            wc_str_to_i64(text + len + 1, 0, INT32_MAX, &n))
            replicas = n;
    }
    return replicas;
}

static void mean(struct meaning *m, const char *service)
{
    const struct wc_wish *now = wc_ledger_wish(&m->sup->ledger, service);
    struct wc_wish before = { .service = service, .replicas = WC_UNSET };
    if (now != NULL)
        before = *now;
    struct wc_wish wanted = before;
    bool passes = m->request->signal != 0 && m->request->signal != SIGKILL;
    switch (m->request->kind) {
    case WC_REQUEST_APPLY:
        wanted.stopped = before.stopped && m->request->no_start;
        wanted.suspended = before.suspended && m->request->keeps_suspended;
        wanted.paused = before.paused && m->request->keeps_suspended;
        wanted.replicas = scale_of(m->header, service);
        break;
    case WC_REQUEST_START:
    case WC_REQUEST_RESTART:
        wanted.stopped = wanted.suspended = wanted.paused = false;
        break;
    case WC_REQUEST_STOP:
        wanted.stopped = true;
        wanted.suspended = wanted.paused = false;
        break;
    case WC_REQUEST_KILL:
        wanted.stopped = true;
        wanted.suspended = before.suspended && passes;
        wanted.paused = before.paused && passes;
        break;
    case WC_REQUEST_SUSPEND:
    case WC_REQUEST_RESUME:
        wanted.suspended = m->request->kind == WC_REQUEST_SUSPEND;
        break;
    case WC_REQUEST_PAUSE:
    case WC_REQUEST_UNPAUSE:
        wanted.suspended = false;
        wanted.paused = m->request->kind == WC_REQUEST_PAUSE;
        break;
    case WC_REQUEST_DOWN:
        wanted.stopped = wanted.suspended = wanted.paused = false;
        wanted.replicas = WC_UNSET;
        break;
    case WC_REQUEST_ADOPT:
        break;
    }
    if (wanted.stopped == before.stopped && wanted.suspended == before.suspended &&
        wanted.paused == before.paused && wanted.replicas == before.replicas)
        return;
    wanted.service = wc_arena_strdup(&m->arena, service);
    m->changes = wc_arena_grow(&m->arena, m->changes, m->n, &m->cap, sizeof wanted);
    m->changes[m->n++] = wanted;
}

static void mean_project(struct meaning *m)
{
    const struct wc_request *request = m->request;
    const struct wc_project *project = m->project;
    bool *selected = WC_NEW_ARRAY(&m->arena, bool, project->n_services + 1);
    for (size_t i = 0; i < project->n_services; i++)
        selected[i] = is_named(request, project->services[i].name);
    bool is_restart = request->kind == WC_REQUEST_RESTART;
    bool follows =
        is_restart || request->kind == WC_REQUEST_APPLY || request->kind == WC_REQUEST_START;
    if (request->n_services > 0 && follows && !request->no_deps) {
        struct wc_graph graph;
        wc_graph_make(project, &m->arena, &graph);
        wc_graph_spread(&graph, &m->arena, selected, !is_restart);
    }
    for (size_t i = 0; i < project->n_services; i++)
        if (selected[i])
            mean(m, project->services[i].name);
}

/* Services that the model doesn't have: their instances obey all the same, and what was meant for
 * those that are quite gone is forgotten by an apply of everything. */
static void mean_others(struct meaning *m)
{
    const struct wc_request *request = m->request;
    const struct wc_ledger *ledger = &m->sup->ledger;
    for (size_t i = 0; i < request->n_services; i++)
        if (m->project == NULL || wc_project_service(m->project, request->services[i]) == NULL)
            mean(m, request->services[i]);
    for (size_t i = 0; i < ledger->n_wishes && request->n_services == 0; i++)
        if (m->project == NULL || wc_project_service(m->project, ledger->wishes[i].service) == NULL)
            mean(m, ledger->wishes[i].service);
}

static bool is_up(const struct wc_instance_status *status)
{
    return status->fact.life == WC_LIFE_RUNNING || status->fact.life == WC_LIFE_PAUSED;
}

/* A signal is for what runs; what waits for a restart isn't touched by it. */
static void mean_killed(void *data, const struct wc_instance_status *status)
{
    struct meaning *m = data;
    bool is_same = m->n > 0 && wc_streq(m->changes[m->n - 1].service, status->fact.service);
    if (is_up(status) && !is_same && is_named(m->request, status->fact.service))
        mean(m, status->fact.service);
}

/* Orphans are stopped with the others. */
static void mean_stopped(void *data, const struct wc_instance_status *status)
{
    struct meaning *m = data;
    const char *service = status->fact.service;
    bool is_same = m->n > 0 && wc_streq(m->changes[m->n - 1].service, service);
    if (!is_same && m->request->n_services == 0 &&
        (m->project == NULL || wc_project_service(m->project, service) == NULL))
        mean(m, service);
}

static void find_meaning(struct meaning *m)
{
    int number = m->request->signal != 0 ? m->request->signal : SIGKILL;
    bool ends = number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGQUIT;
    if (m->request->kind == WC_REQUEST_KILL) {
        if (ends)
            wc_engine_visit(m->sup->engine, mean_killed, m);
        return;
    }
    if (m->project != NULL)
        mean_project(m);
    mean_others(m);
    if (m->request->kind == WC_REQUEST_STOP)
        wc_engine_visit(m->sup->engine, mean_stopped, m);
}

/* ---- beginning and end ---- */

int64_t wc_sup_wall_ms(const struct wc_supervisor *sup)
{
    const struct wc_clock *clock = sup->config.clock;
    struct timespec now;
    if (clock != NULL)
        return clock->wall(clock->data);
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What went on after it was told as failed is given up for what is asked now. */
static void give_up_failed(struct wc_supervisor *sup)
{
    for (size_t i = 0; i < sup->ledger.n_asks; i++) {
        const struct wc_done done = { .id = sup->ledger.asks[i].id,
                                      .at_ms = wc_sup_wall_ms(sup),
                                      .outcome = WC_OUTCOME_FAILED };
        const struct wc_sup_call *call = sup->calls;
        while (call != NULL && call->ask != done.id)
            call = call->next;
        if (call != NULL || !wc_streq(sup->ledger.asks[i].verb, verb_names[WC_REQUEST_DOWN]))
            continue;
        WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
        wc_ledger_put_done(&payload, &done);
        wc_sup_record(sup, WC_RECORD_DONE, &payload); /* takes it out of the ledger */
        i--;
    }
}

int wc_sup_begin(struct wc_sup_call *call, const struct wc_request *request,
                 const struct wc_json *header, const struct wc_sup_model *model, struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    const struct wc_generation *now = wc_ledger_accepted(&sup->ledger);
    struct meaning m = { .sup = sup, .request = request, .header = header };
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    struct wc_ask ask = { .id = sup->ledger.last_id + 1,
                          .verb = verb_names[request->kind],
                          .at_ms = wc_sup_wall_ms(sup),
                          .before = now != NULL ? now->number : 0,
                          .force = request->force_recreate,
                          .prune = request->kind == WC_REQUEST_APPLY && request->remove_orphans,
                          .key = call->key.data };
    bool is_apply = request->kind == WC_REQUEST_APPLY;
    if (is_apply)
        ask.number = wc_sup_take_model(sup, request->project, model);
    else if (model != NULL) {
        ask.text = model->text;
        ask.len = model->len;
    }
    wc_arena_init(&m.arena);
    m.project = is_apply ? request->project : wc_engine_project(sup->engine);
    find_meaning(&m);
    wc_ledger_put_ask(&payload, &ask, m.changes, m.n);
    wc_arena_deinit(&m.arena);
    give_up_failed(sup);
    wc_sup_record(sup, WC_RECORD_ASK, &payload);
    call->ask = ask.id;
    return wc_sup_commit(sup, err);
}

static enum wc_outcome outcome_of(const struct wc_sup_call *call, int status)
{
    if (call->kind != WC_REQUEST_APPLY)
        return status == 0 ? WC_OUTCOME_STABLE : WC_OUTCOME_FAILED;
    if (!call->is_newest)
        return WC_OUTCOME_SUPERSEDED;
    if (status == 0)
        return WC_OUTCOME_STABLE;
    bool in_engine = call->project != NULL && wc_engine_project(call->sup->engine) == call->project;
    return in_engine ? WC_OUTCOME_FAILED : WC_OUTCOME_REJECTED;
}

void wc_sup_conclude(struct wc_sup_call *call, int status, const struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    bool is_open = call->ask != 0 && wc_ledger_ask(&sup->ledger, call->ask) != NULL;
    if (!is_open || sup->phase == WC_SUP_ENDING) /* we give up: the successor finishes it */
        return;
    /* the engine goes on with a down that failed, and so does who comes after it, until somebody
     * asks for something else */
    if (call->kind == WC_REQUEST_DOWN && call->whole && status != 0 && status != WC_ERR_CANCELLED)
        return;
    const struct wc_done done = { .id = call->ask,
                                  .at_ms = wc_sup_wall_ms(sup),
                                  .outcome = outcome_of(call, status),
                                  .reason = status != 0 && err != NULL ? err->msg : NULL };
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    struct wc_err unsaid;
    wc_ledger_put_done(&payload, &done);
    wc_sup_record(sup, WC_RECORD_DONE, &payload);
    (void)wc_sup_commit(sup, &unsaid); /* the journal tells, and tries again */
}
