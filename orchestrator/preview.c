/* preview.c - the engine over the dry-run driver, and its record read as one action a service.
 */
#include "wcompose/preview.h"

#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "orchestrator/core/graph.h"
#include "wcompose/dry_run.h"
#include "wcompose/engine.h"

enum { GUARD_MS = 20000 };

/* One slot, as the record shows it. */
struct slot {
    const char *service;
    bool created, started, stopped, removed, updated;
    const char *reason; /* why it stops or goes, or NULL */
};

struct previewer {
    const struct wc_preview_config *config;
    struct wc_arena *arena;
    struct wc_preview *out;
    struct wc_dry_run run;
    struct wc_engine *engine;
    uv_loop_t loop;
    uv_timer_t guard;
    struct wc_map slots;    /* "service/index" -> slot */
    struct wc_map services; /* name -> wc_preview_service */
    bool closing;
    int status;
    struct wc_err err;
};

const char *wc_preview_action_name(enum wc_preview_action action)
{
    switch (action) {
    case WC_PREVIEW_REPLACE:
        return "replace";
    case WC_PREVIEW_RESTART:
        return "restart";
    case WC_PREVIEW_CREATE:
        return "create";
    case WC_PREVIEW_RUN:
        return "run once";
    case WC_PREVIEW_START:
        return "start";
    case WC_PREVIEW_REMOVE:
        return "remove";
    case WC_PREVIEW_STOP:
        return "stop";
    case WC_PREVIEW_UPDATE:
        return "update";
    case WC_PREVIEW_UNCHANGED:
        return "unchanged";
    }
    return "unknown";
}

static struct slot *slot_of(struct previewer *p, const char *service, unsigned index)
{
    const char *key = wc_arena_printf(p->arena, "%s/%u", service, index);
    struct slot *slot = wc_map_get(&p->slots, key);
    if (slot != NULL)
        return slot;
    slot = WC_NEW(p->arena, struct slot);
    slot->service = wc_arena_strdup(p->arena, service);
    wc_map_put(&p->slots, key, slot);
    return slot;
}

/* ---- running it ---- */

static void on_event(void *data, const struct wc_event *event)
{
    struct previewer *p = data;
    if (event->type == WC_EVENT_NETWORK && wc_streq(event->action, "created"))
        p->out->n_networks++;
    if (event->type != WC_EVENT_INSTANCE || event->reason == NULL)
        return;
    if (wc_streq(event->action, "stopping") || wc_streq(event->action, "removed"))
        slot_of(p, event->service, event->index)->reason = wc_arena_strdup(p->arena, event->reason);
}

static void on_closed(void *data)
{
    struct previewer *p = data;
    if (!uv_is_closing((uv_handle_t *)&p->guard))
        uv_close((uv_handle_t *)&p->guard, NULL);
}

static void finish(struct previewer *p, int status, const struct wc_err *err)
{
    if (p->closing)
        return;
    p->closing = true;
    p->status = status;
    if (status != 0 && err != NULL)
        p->err = *err;
    wc_engine_close(p->engine, on_closed, p);
}

static void visit_existing(void *data, const struct wc_instance_status *status)
{
    if (status->fact.life != WC_LIFE_ABSENT)
        (void)slot_of(data, status->fact.service, status->fact.index);
}

static void on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    (void)changed;
    finish(data, status, err);
}

static void on_opened(void *data, int status, const struct wc_err *err)
{
    struct previewer *p = data;
    const struct wc_preview_config *config = p->config;
    if (status != 0) {
        finish(p, status, err);
        return;
    }
    wc_engine_visit(p->engine, visit_existing, p);
    const struct wc_request request = {
        .kind = WC_REQUEST_APPLY,
        .project = config->project,
        .timeout_ms = WC_UNSET,
        .force_recreate = config->force_recreate,
        .no_recreate = config->no_recreate,
        .remove_orphans = config->remove_orphans,
        .done = on_done,
        .data = p,
    };
    wc_engine_submit(p->engine, &request);
}

static void on_guard(uv_timer_t *timer)
{
    struct wc_err err = { 0 };
    int status = wc_err_set(&err, WC_ERR_BUG, 0, "the plan did not come to an end");
    finish(timer->data, status, &err);
}

static int run_engine(struct previewer *p)
{
    const struct wc_preview_config *config = p->config;
    const struct wc_engine_config engine = {
        .loop = &p->loop,
        .project = config->project->name,
        .paths = config->paths,
        .images = config->images,
        .assumed = config->assumed,
        .process = &wc_dry_run_process_ops,
        .hyperv = config->hyperv != NULL ? &wc_dry_run_hyperv_ops : NULL,
        .driver_extra = &p->run,
        .on_event = on_event,
        .data = p,
        .preview = true,
    };
    int sys = uv_loop_init(&p->loop);
    if (sys != 0)
        return wc_err_set(&p->err, WC_ERR_IO, -sys, "event loop");
    uv_timer_init(&p->loop, &p->guard);
    p->guard.data = p;
    uv_timer_start(&p->guard, on_guard, GUARD_MS, 0);
    p->status = wc_engine_open(&engine, on_opened, &p->engine, &p->err);
    if (p->status != 0)
        uv_close((uv_handle_t *)&p->guard, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&p->loop) != 0)
        return wc_err_set(&p->err, WC_ERR_BUG, 0, "plan: a handle was left on the loop");
    return p->status;
}

/* ---- reading the record ---- */

static void read_record(struct previewer *p)
{
    for (size_t i = 0; i < p->run.n_ops; i++) {
        const struct wc_dry_run_op *op = &p->run.ops[i];
        if (op->service == NULL)
            continue;
        struct slot *slot = slot_of(p, op->service, op->index);
        slot->created |= op->verb == WC_VERB_CREATE;
        slot->started |= op->verb == WC_VERB_START;
        slot->stopped |= op->verb == WC_VERB_STOP || op->verb == WC_VERB_KILL;
        slot->removed |= op->verb == WC_VERB_REMOVE;
        slot->updated |= op->verb == WC_VERB_UPDATE;
    }
    p->out->n_ops = (unsigned)p->run.n_ops;
}

static enum wc_preview_action action_of(const struct slot *slot, bool job)
{
    if (slot->created && slot->removed)
        return WC_PREVIEW_REPLACE;
    if (slot->created)
        return job ? WC_PREVIEW_RUN : WC_PREVIEW_CREATE;
    if (slot->removed)
        return WC_PREVIEW_REMOVE;
    if (slot->started)
        return slot->stopped ? WC_PREVIEW_RESTART : WC_PREVIEW_START;
    if (slot->stopped)
        return WC_PREVIEW_STOP;
    return slot->updated ? WC_PREVIEW_UPDATE : WC_PREVIEW_UNCHANGED;
}

static const char *reason_of(const struct slot *slot, enum wc_preview_action action)
{
    if (slot->reason != NULL)
        return slot->reason;
    switch (action) {
    case WC_PREVIEW_REPLACE:
    case WC_PREVIEW_RESTART:
        return "changed";
    case WC_PREVIEW_CREATE:
        return "not there yet";
    case WC_PREVIEW_RUN:
        return "others wait for its completion";
    case WC_PREVIEW_START:
        return "not running";
    case WC_PREVIEW_REMOVE:
        return "not wanted any more";
    case WC_PREVIEW_STOP:
        return "to be stopped";
    case WC_PREVIEW_UPDATE:
        return "limits or labels changed";
    case WC_PREVIEW_UNCHANGED:
        break;
    }
    return "up to date";
}

static const char *after_of(struct previewer *p, const struct wc_graph *graph, size_t node)
{
    static const char *const words[] = {
        [WC_DEP_STARTED] = "started", [WC_DEP_HEALTHY] = "healthy", [WC_DEP_COMPLETED] = "completed"
    };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t e = graph->first[node]; e < graph->first[node + 1]; e++)
        wc_buf_printf(&text, "%s%s %s", text.len > 0 ? ", " : "",
                      p->config->project->services[graph->edges[e].to].name,
                      words[graph->edges[e].condition]);
    return text.len > 0 ? wc_arena_strdup(p->arena, text.data) : NULL;
}

static struct wc_preview_service *add_service(struct previewer *p, const char *name)
{
    struct wc_preview_service *service = &p->out->services[p->out->n_services++];
    *service = (struct wc_preview_service){ .service = name,
                                            .action = WC_PREVIEW_UNCHANGED,
                                            .reason = "nothing to run" };
    wc_map_put(&p->services, name, service);
    return service;
}

/* Services of the file in start order: by wave, then name. */
static void add_services(struct previewer *p, const struct wc_graph *graph)
{
    unsigned *waves = WC_NEW_ARRAY(p->arena, unsigned, graph->n);
    unsigned n_waves = wc_graph_waves(graph, p->arena, waves);
    size_t *at = WC_NEW_ARRAY(p->arena, size_t, n_waves + 2);
    size_t *order = WC_NEW_ARRAY(p->arena, size_t, graph->n);
    for (size_t i = 0; i < graph->n; i++)
        at[waves[i] + 1]++;
    for (size_t w = 1; w < n_waves + 2; w++)
        at[w] += at[w - 1];
    for (size_t i = 0; i < graph->n; i++)
        order[at[waves[i]]++] = i;
    for (size_t i = 0; i < graph->n; i++)
        add_service(p, p->config->project->services[order[i]].name)->after =
            after_of(p, graph, order[i]);
}

static bool is_job(const struct previewer *p, const struct wc_graph *graph, const char *name)
{
    const struct wc_service *s = wc_project_service(p->config->project, name);
    if (s == NULL)
        return false;
    size_t node = (size_t)(s - p->config->project->services);
    for (size_t d = graph->dep_first[node]; d < graph->dep_first[node + 1]; d++)
        if (graph->edges[graph->dependents[d]].condition == WC_DEP_COMPLETED)
            return true;
    return false;
}

static void summarise(struct previewer *p)
{
    struct wc_graph graph;
    wc_graph_make(p->config->project, p->arena, &graph);
    p->out->services = WC_NEW_ARRAY(p->arena, struct wc_preview_service, graph.n + p->slots.n);
    add_services(p, &graph);
    for (size_t i = 0; i < p->slots.n; i++) {
        const struct slot *slot = p->slots.entries[i].value;
        enum wc_preview_action action = action_of(slot, is_job(p, &graph, slot->service));
        struct wc_preview_service *service = wc_map_get(&p->services, slot->service);
        if (service == NULL) {
            if (action == WC_PREVIEW_UNCHANGED)
                continue; /* an orphan that is left alone */
            service = add_service(p, slot->service);
        }
        service->counts[action]++;
        if (action <= service->action) {
            service->action = action;
            service->reason = reason_of(slot, action);
        }
    }
    for (size_t i = 0; i < p->out->n_services; i++)
        p->out->counts[p->out->services[i].action]++;
}

int wc_preview(const struct wc_preview_config *config, struct wc_arena *arena,
               struct wc_preview *out, struct wc_err *err)
{
    struct wc_preview preview = { 0 };
    struct previewer p = { .config = config, .arena = arena, .out = &preview };
    p.run = (struct wc_dry_run){ .process = config->process,
                                 .hyperv = config->hyperv,
                                 .extra = config->driver_extra,
                                 .arena = arena };
    wc_map_init(&p.slots, arena);
    wc_map_init(&p.services, arena);
    int status = run_engine(&p);
    if (status != 0) {
        *err = p.err;
        return status;
    }
    read_record(&p);
    summarise(&p);
    *out = preview;
    return 0;
}
