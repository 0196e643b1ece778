/* engine.c - the loop round the decision: open, flush, close.
 *
 * The flush runs in a prepare handle, right before every sleep, and goes on until nothing moves any
 * more: due instances, dirty instances, networks, requests. The handle is referenced while the
 * engine is open: an unreferenced one on an idle loop would never run. Rejected: acting from
 * callbacks (decisions would depend on the order of events), one timer per instance (thousands of
 * handles).
 */
#include "wcompose/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"
#include "orchestrator/engine_text.h"
#include "wcompose/image.h"

static void on_alarm(void *data)
{
    (void)data; /* the flush before the next sleep sees that time has passed */
}

/* ---- the loop's own time ---- */

static uint64_t loop_now(void *data)
{
    struct wc_engine *engine = data;
    uint64_t now = uv_now(engine->config.loop);
    return now != 0 ? now : 1;
}

static int64_t loop_wall(void *data)
{
    struct timespec now;
    (void)data;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_timer(uv_timer_t *timer)
{
    struct wc_engine *engine = timer->data;
    engine->armed_ms = 0;
}

static void loop_arm(void *data, uint64_t at_ms, wc_alarm_fn *fire, void *fire_data)
{
    struct wc_engine *engine = data;
    (void)fire;
    (void)fire_data;
    if (at_ms == 0) {
        uv_timer_stop(&engine->timer);
        return;
    }
    uint64_t now = loop_now(engine);
    uv_timer_start(&engine->timer, on_timer, at_ms > now ? at_ms - now : 0, 0);
}

/* ---- flush ---- */

static struct inst *pop_dirty(struct wc_engine *engine)
{
    struct inst *inst = engine->dirty;
    if (inst == NULL)
        return NULL;
    engine->dirty = inst->next_dirty;
    if (engine->dirty == NULL)
        engine->dirty_tail = &engine->dirty;
    inst->dirty = false;
    return inst;
}

/* Who has nothing to look after doesn't wake up for it. */
static bool looks(const struct wc_engine *engine)
{
    return engine->look_at_ms != 0 && engine->n_insts > 0;
}

static void arm(struct wc_engine *engine)
{
    uint64_t at_ms = engine->n_wakes > 0 ? engine->wakes[0]->wake_at_ms : 0;
    bool net_waits = engine->net_wanted && engine->net_retry_ms > engine->now_ms;
    if (net_waits && (at_ms == 0 || engine->net_retry_ms < at_ms))
        at_ms = engine->net_retry_ms;
    uint64_t rollout_ms = wc_eng_rollouts_wake(engine);
    if (rollout_ms != 0 && (at_ms == 0 || rollout_ms < at_ms))
        at_ms = rollout_ms;
    if (looks(engine) && (at_ms == 0 || engine->look_at_ms < at_ms))
        at_ms = engine->look_at_ms;
    if (at_ms == engine->armed_ms && at_ms > engine->now_ms)
        return;
    if (at_ms == 0 && engine->armed_ms == 0)
        return;
    engine->armed_ms = at_ms;
    engine->clock.arm(engine->clock.data, at_ms, on_alarm, engine);
}

static bool flush_once(struct wc_engine *engine)
{
    bool moved = false;
    wc_eng_wake_due(engine);
    wc_eng_capacity(engine);
    for (struct inst *inst; (inst = pop_dirty(engine)) != NULL; moved = true)
        if (!inst->dead)
            wc_eng_review(inst);
    wc_eng_net_look(engine);
    wc_eng_net_turn(engine);
    wc_eng_sealed_turn(engine);
    if (engine->dirty == NULL && wc_eng_rollouts_turn(engine))
        moved = true;
    if (engine->dirty != NULL)
        return true;
    return wc_eng_requests_turn(engine) || moved;
}

static void finish_opening(struct wc_engine *engine)
{
    engine->is_open = true;
    wc_engine_opened_fn *opened = engine->opened;
    engine->opened = NULL;
    if (opened != NULL)
        opened(engine->config.data, engine->open_status,
               engine->open_status != 0 ? &engine->open_err : NULL);
}

static void close_handles(struct wc_engine *engine);

/* While it closes, ops only end; requests are given up. */
static void flush_closing(struct wc_engine *engine)
{
    while (pop_dirty(engine) != NULL)
        ;
    while (engine->requests != NULL && engine->ops_open == 0) {
        struct wc_err err = { 0 };
        int status = wc_err_set(&err, WC_ERR_CANCELLED, 0, "the engine is closing");
        wc_eng_request_end(engine->requests, status, &err);
    }
    if (engine->n_open_drivers == 0 && engine->ops_open == 0)
        close_handles(engine);
}

static void flush(struct wc_engine *engine)
{
    engine->now_ms = engine->clock.now(engine->clock.data);
    if (!engine->is_open && !engine->closing && engine->lists_open == 0)
        finish_opening(engine);
    if (engine->is_open && engine->open_status == 0)
        while (!engine->closing && flush_once(engine))
            ;
    if (engine->closing) {
        flush_closing(engine);
        return;
    }
    wc_eng_free_dead(engine);
    if (looks(engine) && engine->look_at_ms <= engine->now_ms)
        engine->relist = true;
    if (engine->relist && engine->lists_open == 0)
        wc_eng_list(engine);
    arm(engine);
}

static void on_prepare(uv_prepare_t *prepare)
{
    flush(prepare->data);
}

static void on_kick(uv_idle_t *kick)
{
    uv_idle_stop(kick); /* it only kept the loop from sleeping before the flush */
}

/* ---- open ---- */

static int open_driver(struct wc_engine *engine, size_t slot, const struct wc_driver_ops *ops,
                       struct wc_err *err)
{
    struct eng_driver *driver = &engine->drivers[slot];
    driver->engine = engine;
    driver->level = slot == 0 ? WC_ISOLATION_PROCESS : WC_ISOLATION_HYPERV;
    if (ops == NULL)
        return 0;
    const struct wc_driver_config config = {
        .loop = engine->config.loop,
        .sink = { .observe = wc_eng_on_fact, .net_news = wc_eng_on_net_news, .data = driver },
        .project = engine->config.project,
        .images = engine->config.images,
        .paths = engine->config.paths,
        .extra = engine->config.driver_extra,
    };
    int status = ops->open(&config, &driver->driver, err);
    if (status != 0)
        return wc_err_wrap(err, status, "driver %s", ops->name);
    engine->n_open_drivers++;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct wc_engine *engine = handle->data;
    if (--engine->n_handles > 0)
        return;
    wc_engine_closed_fn *closed = engine->closed;
    void *data = engine->closed_data;
    wc_eng_sealed_deinit(engine);
    wc_eng_revision_unref(engine->rev);
    wc_eng_free_all(engine);
    wc_free(engine);
    if (closed != NULL)
        closed(data);
}

static void close_handles(struct wc_engine *engine)
{
    if (engine->handles_closing)
        return;
    engine->handles_closing = true;
    uv_close((uv_handle_t *)&engine->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&engine->kick, on_handle_closed);
    uv_close((uv_handle_t *)&engine->timer, on_handle_closed);
}

static void init_handles(struct wc_engine *engine)
{
    uv_prepare_init(engine->config.loop, &engine->prepare);
    uv_idle_init(engine->config.loop, &engine->kick);
    uv_timer_init(engine->config.loop, &engine->timer);
    engine->prepare.data = engine->kick.data = engine->timer.data = engine;
    engine->n_handles = 3;
    uv_prepare_start(&engine->prepare, on_prepare);
}

static void on_driver_closed(void *data)
{
    struct wc_engine *engine = data;
    engine->n_open_drivers--;
    uv_idle_start(&engine->kick, on_kick);
}

static void close_drivers(struct wc_engine *engine)
{
    for (size_t i = 0; i < ENG_DRIVERS; i++) {
        struct wc_driver *driver = engine->drivers[i].driver;
        engine->drivers[i].driver = NULL;
        if (driver != NULL)
            driver->ops->close(driver, on_driver_closed, engine);
    }
}

static struct wc_engine *engine_new(const struct wc_engine_config *config)
{
    struct wc_engine *engine = wc_calloc(1, sizeof *engine);
    engine->config = *config;
    engine->clock = (struct wc_clock){ loop_now, loop_wall, loop_arm, engine };
    if (config->clock != NULL)
        engine->clock = *config->clock;
    wc_arena_init(&engine->arena);
    wc_arena_init(&engine->ids_arena);
    wc_map_init(&engine->svcs, &engine->arena);
    wc_map_init(&engine->net_names, &engine->arena);
    wc_map_init(&engine->ids, &engine->ids_arena);
    engine->dirty_tail = &engine->dirty;
    engine->requests_tail = &engine->requests;
    for (size_t verb = 0; verb < ENG_VERBS; verb++)
        engine->waiting_tail[verb] = &engine->waiting[verb];
    wc_eng_sealed_init(engine);
    init_handles(engine);
    engine->now_ms = engine->clock.now(engine->clock.data);
    return engine;
}

int wc_engine_open(const struct wc_engine_config *config, wc_engine_opened_fn *opened,
                   struct wc_engine **out, struct wc_err *err)
{
    struct wc_engine *engine = engine_new(config);
    int status = open_driver(engine, 0, config->process, err);
    if (status == 0)
        status = open_driver(engine, 1, config->hyperv, err);
    if (status != 0) {
        engine->closing = true; /* frees itself once the loop runs */
        close_drivers(engine);
        return status;
    }
    engine->opened = opened;
    wc_eng_list(engine);
    *out = engine;
    return 0;
}

void wc_engine_close(struct wc_engine *engine, wc_engine_closed_fn *closed, void *data)
{
    engine->closed = closed;
    engine->closed_data = data;
    engine->closing = true;
    engine->opened = NULL;
    if (engine->armed_ms != 0)
        engine->clock.arm(engine->clock.data, 0, on_alarm, engine);
    uv_idle_start(&engine->kick, on_kick);
    wc_eng_sealed_cancel(engine);
    close_drivers(engine);
}

/* ---- requests and questions ---- */

void wc_engine_submit(struct wc_engine *engine, const struct wc_request *ask)
{
    struct request *request = wc_calloc(1, sizeof *request);
    request->engine = engine;
    request->ask = *ask;
    request->whole = ask->n_services == 0;
    engine->now_ms = engine->clock.now(engine->clock.data);
    request->began_ms = engine->now_ms;
    *engine->requests_tail = request;
    engine->requests_tail = &request->next;
    uv_idle_start(&engine->kick, on_kick);
    if (!engine->closing)
        wc_eng_request_begin(engine, request);
}

static int by_service_and_index(const void *pa, const void *pb)
{
    const struct inst *a = *(struct inst *const *)pa, *b = *(struct inst *const *)pb;
    int order = strcmp(a->svc->name, b->svc->name);
    if (order != 0)
        return order;
    if (a->fact.index != b->fact.index)
        return a->fact.index < b->fact.index ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* True when the model asks for another one: also for those that are kept as they are. */
static bool is_stale(const struct inst *inst)
{
    char hash[65];
    if (inst->svc->spec == NULL || inst->fact.life == WC_LIFE_ABSENT)
        return false;
    if (inst->desired == NULL)
        return true;
    if (inst->desired->image == NULL)
        return false;
    wc_desired_hash(inst->svc->spec->spec_hash, inst->desired->image->id, hash);
    return !wc_streq(hash, inst->fact.hash) ||
           !wc_streq(inst->svc->spec->inplace_hash, inst->fact.inplace);
}

static void visit_one(const struct inst *inst, wc_engine_visit_fn *visit, void *data)
{
    char waiting[256];
    struct wc_instance_status status = {
        .fact = inst->fact,
        .health = inst->health.status,
        .phase = inst->out.phase,
        .phase_at_ms = inst->story.at_ms,
        .restarts = inst->restarts,
        .failures = inst->failures,
        .failing = inst->health.failing,
        .last = inst->story.said,
        .wanted = inst->desired != NULL && inst->goal != WC_GOAL_GONE,
    };
    if (inst->needs != NULL && inst->engine->rev != NULL) {
        status.needs = inst->engine->rev->svcs[inst->needs->to]->name;
        status.needs_condition = inst->needs->condition;
        status.needs_shares = inst->needs->shares;
    }
    if (inst->out.wake_at_ms > inst->engine->now_ms)
        status.next_at_ms = inst->engine->clock.wall(inst->engine->clock.data) +
                            (int64_t)(inst->out.wake_at_ms - inst->engine->now_ms);
    wc_eng_waiting_text(inst, waiting, sizeof waiting);
    status.waiting = waiting[0] != '\0' ? waiting : NULL;
    status.stale = is_stale(inst);
    status.suspended = inst->svc->suspended;
    status.would = wc_eng_would_text(inst);
    memcpy(status.health_output, inst->health_output, sizeof status.health_output);
    visit(data, &status);
}

void wc_engine_visit(const struct wc_engine *engine, wc_engine_visit_fn *visit, void *data)
{
    struct inst **sorted = wc_calloc(engine->n_insts + 1, sizeof(struct inst *));
    size_t n = 0;
    for (size_t i = 0; i < engine->ids.n; i++)
        if (engine->ids.entries[i].value != NULL)
            sorted[n++] = engine->ids.entries[i].value;
    qsort(sorted, n, sizeof(struct inst *), by_service_and_index);
    for (size_t i = 0; i < n; i++)
        visit_one(sorted[i], visit, data);
    wc_free(sorted);
}

void wc_engine_intents(const struct wc_engine *engine, wc_engine_intent_fn *visit, void *data)
{
    for (size_t node = 0; engine->rev != NULL && node < engine->rev->graph.n; node++)
        visit(data, &(struct wc_intent){
                        engine->rev->svcs[node]->name, engine->rev->svcs[node]->want,
                        engine->rev->svcs[node]->hash, engine->rev->svcs[node]->inplace,
                        engine->rev->svcs[node]->suspended, engine->rev->svcs[node]->paused });
}

const struct wc_engine_counts *wc_engine_counts(const struct wc_engine *engine)
{
    return &engine->counts;
}

const struct wc_project *wc_engine_project(const struct wc_engine *engine)
{
    return engine->rev != NULL ? engine->rev->project : NULL;
}

/* Its own end brings nothing more: it is settled for good. */
static bool is_at_rest(const struct inst *inst)
{
    switch (inst->out.phase) {
    case WC_PHASE_SETTLED:
    case WC_PHASE_COMPLETED:
    case WC_PHASE_STOPPED:
    case WC_PHASE_FAILED:
        return inst->op == NULL;
    case WC_PHASE_BLOCKED:
    case WC_PHASE_ACTING:
    case WC_PHASE_HOOKS:
    case WC_PHASE_STOPPING:
    case WC_PHASE_WAIT_DEPS:
    case WC_PHASE_WAIT_BACKOFF:
    case WC_PHASE_WAIT_SIBLING:
    case WC_PHASE_WAIT_HOST:
    case WC_PHASE_WAIT_DEPENDENTS:
        break;
    }
    return false;
}

bool wc_engine_busy(const struct wc_engine *engine)
{
    if (engine->dirty != NULL) /* a fact nobody looked at yet: an exit may ask for a restart */
        return true;
    if (engine->requests != NULL || engine->ops_open > engine->n_ops[WC_VERB_EXEC])
        return true;
    for (size_t i = 0; i < engine->ids.n; i++) {
        const struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL)
            continue;
        if (inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED ||
            !is_at_rest(inst))
            return true;
    }
    return false;
}
