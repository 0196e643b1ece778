/* engine_request.c - requests set goals; the reviews do the rest. A request only counts: how many
 * of its instances are open, how many failed. It ends when nothing of it can come any further.
 */
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"

bool wc_eng_is_up(const struct inst *inst)
{
    return inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
}

/* ---- who waits for whom ---- */

void wc_eng_take(struct request *request, struct inst *inst)
{
    struct request *old = inst->request;
    if (old == request)
        return;
    if (old != NULL) {
        old->n_open -= inst->verdict == VERDICT_OPEN;
        old->n_failed -= inst->verdict == VERDICT_FAILED;
        old->cancelled = true; /* its intent was replaced */
    }
    inst->request = request;
    inst->story.cause = request->said;
    inst->story.awaited = NULL;
    inst->verdict = VERDICT_OPEN;
    inst->changed = false;
    inst->out.phase = WC_PHASE_ACTING; /* looked at anew */
    request->n_open++;
    wc_eng_dirty(inst);
}

/* A new attempt: former failures are forgiven. */
void wc_eng_forgive(struct inst *inst)
{
    inst->failures = 0;
    inst->delay_ms = inst->retry_at_ms = 0;
    inst->op_failed = inst->stuck = inst->lost = false;
}

void wc_eng_want_running(struct inst *inst, const struct wc_request *ask, bool even_completed)
{
    bool completed = inst->fact.life == WC_LIFE_EXITED && inst->fact.exit_known &&
                     inst->fact.exit_code == 0 && !inst->fact.stopped_by_user &&
                     inst->goal != WC_GOAL_STOPPED;
    enum wc_restart policy = inst->desired->spec->restart;
    bool once = policy == WC_RESTART_NO || policy == WC_RESTART_ON_FAILURE;
    inst->goal = WC_GOAL_RUNNING;
    inst->by_user = inst->stopped = false;
    inst->no_deps = ask->no_deps;
    wc_eng_forgive(inst);
    if (wc_eng_is_up(inst)) {
        inst->restart |=
            inst->stop_sent ||
            inst->hooks.until_ms != 0; /* the stop that is on its way comes to its end */
        if (inst->recreate || inst->restart)
            inst->gated = !ask->no_deps;
        return;
    }
    inst->start_asked =
        inst->fact.life == WC_LIFE_EXITED && (even_completed || !completed || !once);
    inst->gated = !ask->no_deps;
}

void wc_eng_want_down(struct inst *inst, const struct wc_request *ask, enum wc_goal goal)
{
    inst->goal = goal;
    inst->grace_ms = ask->timeout_ms;
    inst->by_user = true;
    inst->restart = inst->recreate = inst->start_asked = false;
    wc_eng_forgive(inst);
}

/* ---- services of a request ---- */

static int select_services(struct wc_engine *engine, struct request *request, struct wc_err *err)
{
    const struct wc_request *ask = &request->ask;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        svc->selected = ask->n_services == 0;
    }
    for (size_t i = 0; i < ask->n_services; i++) {
        struct svc *svc = wc_map_get(&engine->svcs, ask->services[i]);
        if (svc == NULL || (svc->spec == NULL && svc->insts == NULL))
            return wc_err_set(err, WC_ERR_NOENT, 0, "no such service: %s", ask->services[i]);
        svc->selected = true;
    }
    return 0;
}

/* core/graph.h, wc_graph_spread, over the engine's own marks. */
void wc_eng_spread(struct wc_engine *engine, bool to_needed)
{
    const struct revision *rev = engine->rev;
    struct wc_arena arena;
    if (rev == NULL)
        return;
    wc_arena_init(&arena);
    bool *selected = WC_NEW_ARRAY(&arena, bool, rev->graph.n);
    for (size_t i = 0; i < rev->graph.n; i++)
        selected[i] = rev->svcs[i]->selected;
    wc_graph_spread(&rev->graph, &arena, selected, to_needed);
    for (size_t i = 0; i < rev->graph.n; i++)
        rev->svcs[i]->selected = selected[i];
    wc_arena_deinit(&arena);
}

unsigned wc_eng_for_selected(struct request *request, wc_eng_goal_fn *set)
{
    struct wc_engine *engine = request->engine;
    unsigned n = 0;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        if (!svc->selected)
            continue;
        for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc, n++)
            set(request, inst);
    }
    return n;
}

/* ---- what each kind wants ---- */

bool wc_eng_is_since(const struct request *request, int64_t at_ms)
{
    return request->ask.since_ms != 0 && at_ms > request->ask.since_ms;
}

static void start_one(struct request *request, struct inst *inst)
{
    if (inst->desired == NULL || inst->awaits || wc_eng_is_since(request, inst->fact.started_at_ms))
        return;
    wc_eng_want_running(inst, &request->ask, true);
    inst->svc->want = WC_WANT_RUNNING;
    wc_eng_take(request, inst);
}

/* What is to come in a rollout that a person stops isn't waited for: the request that brought it
 * is not gone on with by a successor, who would start all of it. */
static void give_up_older(const struct request *request, const struct inst *inst)
{
    if (inst->awaits && inst->request != NULL && inst->request != request)
        inst->request->cancelled = true;
}

static void stop_one(struct request *request, struct inst *inst)
{
    wc_eng_rollout_pause(inst->svc, "the service was stopped");
    give_up_older(request, inst);
    if (inst->goal == WC_GOAL_GONE || inst->awaits)
        return;
    wc_eng_want_down(inst, &request->ask, WC_GOAL_STOPPED);
    inst->svc->want = WC_WANT_STOPPED;
    wc_eng_take(request, inst);
}

static void restart_one(struct request *request, struct inst *inst)
{
    if (inst->desired == NULL || inst->awaits || wc_eng_is_since(request, inst->fact.started_at_ms))
        return;
    wc_eng_want_running(inst, &request->ask, true);
    inst->grace_ms = request->ask.timeout_ms;
    inst->gated = request->whole || inst->recreate || inst->fact.earlier_boot;
    inst->restart = wc_eng_is_up(inst);
    inst->svc->want = WC_WANT_RUNNING;
    wc_eng_take(request, inst);
}

static void down_one(struct request *request, struct inst *inst)
{
    bool orphan = inst->engine->rev != NULL && inst->svc->spec == NULL;
    if (orphan && request->whole && !request->ask.remove_orphans)
        return;
    wc_eng_rollout_drop(inst->engine, inst->svc);
    wc_eng_want_down(inst, &request->ask, WC_GOAL_GONE);
    inst->svc->want = WC_WANT_NOTHING;
    wc_eng_take(request, inst);
}

static void suspend_one(struct request *request, struct inst *inst)
{
    wc_eng_take(request, inst); /* who waited for it waits in vain */
}

/* Those that a change of mind about a pause is for. */
static void pause_one(struct request *request, struct inst *inst)
{
    if (inst->desired == NULL || !wc_eng_is_up(inst) || inst->awaits)
        return;
    wc_eng_drift_anew(inst);
    wc_eng_take(request, inst);
}

static bool only_passes(const struct wc_request *ask)
{
    return ask->kind == WC_REQUEST_KILL && ask->signal != 0 && ask->signal != SIGKILL;
}

/* A pause is ended in the same way; whether one is suspended is another matter. */
static void note_pause(struct request *request, struct svc *svc)
{
    const struct wc_request *ask = &request->ask;
    bool other = ask->kind == WC_REQUEST_SUSPEND || ask->kind == WC_REQUEST_RESUME;
    /* what the file doesn't have any more is leaving, and must not come back as one that is paused
     */
    bool wished = ask->kind == WC_REQUEST_PAUSE && svc->spec != NULL;
    bool paused = other || only_passes(ask) ? svc->paused : wished;
    if (paused == svc->paused || ask->keeps_suspended)
        return;
    svc->paused = paused;
    if (!paused)
        wc_eng_rollout_go_on(svc);
    wc_eng_dirty_svc(svc);
}

/* What is said of a service ends its suspension, unless it is a signal that only passes through. */
static void note_suspension(struct request *request, struct svc *svc)
{
    const struct wc_request *ask = &request->ask;
    bool passes = only_passes(ask);
    bool suspended = passes ? svc->suspended : ask->kind == WC_REQUEST_SUSPEND;
    if (suspended == svc->suspended || ask->keeps_suspended)
        return;
    svc->suspended = suspended;
    request->changed++;
    if (!suspended)
        wc_eng_rollout_go_on(svc);
    for (struct inst *inst = svc->insts; !suspended && inst != NULL; inst = inst->next_in_svc)
        wc_eng_hooks_again(inst);
    wc_eng_dirty_svc(svc);
}

static void kill_one(struct request *request, struct inst *inst);

static int begin_change(struct request *request, struct wc_err *err)
{
    static wc_eng_goal_fn *const setters[] = {
        [WC_REQUEST_START] = start_one,     [WC_REQUEST_STOP] = stop_one,
        [WC_REQUEST_RESTART] = restart_one, [WC_REQUEST_KILL] = kill_one,
        [WC_REQUEST_DOWN] = down_one,       [WC_REQUEST_SUSPEND] = suspend_one,
        [WC_REQUEST_RESUME] = suspend_one,  [WC_REQUEST_PAUSE] = pause_one,
        [WC_REQUEST_UNPAUSE] = pause_one,
    };
    const struct wc_request *ask = &request->ask;
    struct wc_engine *engine = request->engine;
    int status = select_services(engine, request, err);
    if (status != 0)
        return status;
    if (ask->kind == WC_REQUEST_DOWN && request->whole)
        engine->is_down = true;
    else if (ask->kind == WC_REQUEST_START || ask->kind == WC_REQUEST_RESTART)
        engine->is_down = false;
    if (ask->kind == WC_REQUEST_START && !ask->no_deps)
        wc_eng_spread(engine, true);
    if (ask->kind == WC_REQUEST_RESTART && !ask->no_deps)
        wc_eng_spread(engine, false);
    if (!ask->quiet)
        wc_eng_tell_asked(request);
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        if (!svc->selected)
            continue;
        note_suspension(request, svc);
        note_pause(request, svc);
    }
    unsigned n = wc_eng_for_selected(request, setters[ask->kind]);
    bool starts = ask->kind == WC_REQUEST_START || ask->kind == WC_REQUEST_RESTART;
    if (starts && engine->rev == NULL && n > 0)
        return wc_err_set(err, WC_ERR_STATE, 0, "the model of %s is not known: use 'wcompose up'",
                          engine->config.project);
    if (starts && n == 0)
        return wc_err_set(err, WC_ERR_NOENT, 0, "nothing to start: use 'wcompose up' first");
    if (starts && engine->net == NET_FAILED)
        engine->net_retry_ms = 0;
    return 0;
}

/* ---- kill ---- */

struct kill_op {
    struct wc_op op; /* first: freed as the op */
    struct request *request;
    struct inst *inst;
};

static void on_killed(struct wc_op *op)
{
    struct request *request = ((struct kill_op *)op)->request;
    struct inst *inst = ((struct kill_op *)op)->inst;
    request->n_ops--;
    inst->n_signals--; /* until now nothing else was done with it: the signal is for this run */
    wc_eng_dirty(inst);
    wc_eng_dirty_siblings(inst);
    if (op->status == 0)
        request->changed++;
    else if (request->status == 0) {
        request->err = op->err;
        request->status = op->status;
    }
    wc_eng_op_end(request->engine, op);
}

/* A signal that ends it is a stop by a person; any other one is only passed on. */
static void kill_one(struct request *request, struct inst *inst)
{
    int number = request->ask.signal != 0 ? request->ask.signal : SIGKILL;
    bool ends = number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGQUIT;
    if (wc_eng_is_since(request, inst->fact.started_at_ms))
        return;
    if (ends)
        wc_eng_rollout_pause(inst->svc, "the service was killed");
    if (number == SIGKILL)
        give_up_older(request, inst);
    if (number == SIGKILL && inst->goal != WC_GOAL_GONE && !inst->awaits) {
        wc_eng_want_down(inst, &request->ask, WC_GOAL_STOPPED);
        inst->svc->want = WC_WANT_STOPPED;
        wc_eng_take(request, inst);
        inst->changed = true; /* counted by the op */
    }
    if (!wc_eng_is_up(inst))
        return;
    if (number == SIGKILL) {
        inst->stop_sent = true;
        inst->kill_at_ms = inst->engine->now_ms + ENG_REKILL_MS;
    }
    struct kill_op *ko = wc_calloc(1, sizeof *ko);
    ko->request = request;
    ko->inst = inst;
    inst->n_signals++;
    inst->stopped = inst->stopped || ends;
    inst->story.hit = true;
    inst->story.cause = request->said;
    ko->op.verb = WC_VERB_KILL;
    ko->op.done = on_killed;
    ko->op.id = inst->id;
    ko->op.project = inst->engine->config.project;
    ko->op.signal = number;
    ko->op.by_user = ends;
    ko->op.reason = WC_REASON_ASKED;
    request->n_ops++;
    wc_eng_submit_op(inst->engine, inst->fact.level, &ko->op);
}

/* ---- beginning and end ---- */

static int adopt(struct request *request, struct wc_err *err)
{
    struct wc_engine *engine = request->engine;
    int status = wc_eng_bind_model(request, true, err);
    if (status != 0)
        return status;
    if (!request->ask.is_former)
        wc_eng_tell_project(request, "adopted", "a new supervisor took over what was there");
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->story.cause == 0)
            inst->story.cause = request->said;
    }
    return 0;
}

void wc_eng_request_begin(struct wc_engine *engine, struct request *request)
{
    struct wc_err err = { 0 };
    int status = 0;
    bool is_model = request->ask.kind == WC_REQUEST_APPLY || request->ask.kind == WC_REQUEST_ADOPT;
    if (is_model && request->ask.project == NULL)
        status = wc_err_set(&err, WC_ERR_BUG, 0, "a request without a model");
    else if (request->ask.kind == WC_REQUEST_APPLY)
        status = wc_eng_begin_apply(request, &err);
    else if (request->ask.kind == WC_REQUEST_ADOPT)
        status = adopt(request, &err);
    else if (engine->rev == NULL && request->ask.project != NULL)
        status = wc_eng_bind_model(request, false, &err);
    if (status == 0 && !is_model)
        status = begin_change(request, &err);
    if (request->ask.arena != NULL) { /* not taken over */
        wc_arena_wipe(request->ask.arena);
        wc_free(request->ask.arena);
        request->ask.arena = NULL;
    }
    request->ask.services = NULL;
    if (engine->rev != NULL)
        wc_eng_recount(engine);
    if (status == 0)
        return;
    request->stage = STAGE_END;
    request->status = status;
    request->err = err;
}
