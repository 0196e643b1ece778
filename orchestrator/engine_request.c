/* engine_request.c - requests set goals; the reviews do the rest. A request only counts: how many
 * of its instances are open, how many failed. It ends when nothing of it can come any further.
 */
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/engine_priv.h"

static bool is_up(const struct inst *inst)
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
    inst->verdict = VERDICT_OPEN;
    inst->changed = false;
    inst->out.phase = WC_PHASE_ACTING; /* looked at anew */
    request->n_open++;
    wc_eng_dirty(inst);
}

/* A new attempt: former failures are forgiven. */
static void forgive(struct inst *inst)
{
    inst->failures = 0;
    inst->delay_ms = inst->retry_at_ms = 0;
    inst->op_failed = inst->stuck = inst->lost = false;
}

static void want_running(struct inst *inst, const struct wc_request *ask, bool even_completed)
{
    bool completed = inst->fact.life == WC_LIFE_EXITED && inst->fact.exit_known &&
                     inst->fact.exit_code == 0 && !inst->fact.stopped_by_user &&
                     inst->goal != WC_GOAL_STOPPED;
    enum wc_restart policy = inst->desired->spec->restart;
    bool once = policy == WC_RESTART_NO || policy == WC_RESTART_ON_FAILURE;
    inst->goal = WC_GOAL_RUNNING;
    inst->by_user = inst->stopped = false;
    inst->no_deps = ask->no_deps;
    forgive(inst);
    if (is_up(inst)) {
        inst->restart |= inst->stop_sent; /* the stop that is on its way comes to its end */
        if (inst->recreate || inst->restart)
            inst->gated = !ask->no_deps;
        return;
    }
    inst->start_asked =
        inst->fact.life == WC_LIFE_EXITED && (even_completed || !completed || !once);
    inst->gated = !ask->no_deps;
}

static void want_down(struct inst *inst, const struct wc_request *ask, enum wc_goal goal)
{
    inst->goal = goal;
    inst->grace_ms = ask->timeout_ms;
    inst->by_user = true;
    inst->restart = inst->recreate = inst->start_asked = false;
    forgive(inst);
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

/* Selects along edges: what the selected ones need, or what needs them by `restart: true`. Nodes go
 * in wave order through a work list, so each edge is looked at once. */
static void spread(struct wc_engine *engine, bool to_needed)
{
    const struct revision *rev = engine->rev;
    struct wc_arena arena;
    if (rev == NULL)
        return;
    const struct wc_graph *graph = &rev->graph;
    wc_arena_init(&arena);
    size_t *queue = WC_NEW_ARRAY(&arena, size_t, graph->n);
    size_t head = 0, tail = 0;
    for (size_t i = 0; i < graph->n; i++)
        if (rev->svcs[i]->selected)
            queue[tail++] = i;
    while (head < tail) {
        size_t node = queue[head++];
        const size_t *first = to_needed ? graph->first : graph->dep_first;
        for (size_t k = first[node]; k < first[node + 1]; k++) {
            const struct wc_edge *edge = &graph->edges[to_needed ? k : graph->dependents[k]];
            size_t other = to_needed ? edge->to : edge->from;
            if (rev->svcs[other]->selected || (!to_needed && !edge->restart))
                continue;
            rev->svcs[other]->selected = true;
            queue[tail++] = other;
        }
    }
    wc_arena_deinit(&arena);
}

typedef void goal_fn(struct request *request, struct inst *inst);

static unsigned for_selected(struct request *request, goal_fn *set)
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

/* Its successor in the slot, or NULL. */
static const struct inst *heir_of(const struct inst *inst)
{
    const struct inst *heir = inst->svc->insts;
    while (heir != NULL && (heir->desired == NULL || heir->fact.index != inst->fact.index))
        heir = heir->next_in_svc;
    return heir;
}

static void say_why_replaced(struct inst *inst)
{
    const struct inst *heir = heir_of(inst);
    if (heir == NULL) {
        wc_eng_set(&inst->why, "one replica too many");
        return;
    }
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *why = wc_diff_why(heir->desired, &inst->fact, &arena);
    wc_eng_set(&inst->why, why != NULL ? why : "replaced");
    wc_arena_deinit(&arena);
}

static void apply_wanted(struct request *request, struct inst *inst)
{
    const struct wc_request *ask = &request->ask;
    bool exists = inst->fact.life != WC_LIFE_ABSENT;
    if (inst->desired == NULL) { /* replaced, or one too many */
        say_why_replaced(inst);
        want_down(inst, ask, WC_GOAL_GONE);
        inst->by_user = false;
        wc_eng_take(request, inst);
        return;
    }
    if (ask->force_recreate && exists) {
        inst->recreate = true;
        wc_eng_set(&inst->why, "recreated on request");
    }
    if (inst->fact.life == WC_LIFE_BROKEN)
        forgive(inst);
    inst->grace_ms = ask->timeout_ms;
    want_running(inst, ask, false);
    if (ask->no_start && (!is_up(inst) || inst->recreate)) {
        inst->goal = WC_GOAL_CREATED;
        inst->start_asked = false;
    }
    memcpy(inst->svc->hash, ask->no_recreate ? "" : inst->desired->hash,
           ask->no_recreate ? 1 : sizeof inst->svc->hash);
    wc_eng_take(request, inst);
}

/* True when the service gets a new instance in place of one that runs. */
static bool is_replaced(const struct svc *svc)
{
    for (const struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
        if (is_up(inst) &&
            (inst->recreate || (inst->goal == WC_GOAL_GONE && heir_of(inst) != NULL)))
            return true;
    return false;
}

/* depends_on with restart: true: who needs something that is replaced starts again after it. */
static void restart_dependents(struct request *request)
{
    struct revision *rev = request->engine->rev;
    for (size_t i = 0; i < rev->graph.n; i++)
        rev->svcs[i]->selected = is_replaced(rev->svcs[i]);
    spread(request->engine, false);
    for (size_t i = 0; i < rev->graph.n; i++) {
        if (!rev->svcs[i]->selected || is_replaced(rev->svcs[i]))
            continue;
        for (struct inst *inst = rev->svcs[i]->insts; inst != NULL; inst = inst->next_in_svc)
            if (is_up(inst) && inst->goal == WC_GOAL_RUNNING && !inst->recreate) {
                inst->restart = true;
                inst->gated = true;
                wc_eng_set(&inst->why, "something it needs is replaced");
                wc_eng_take(request, inst);
            }
    }
}

static void say_orphan(struct wc_engine *engine, const struct svc *svc)
{
    char text[256];
    snprintf(
        text, sizeof text,
        "service %s is not in the file any more, but still there (--remove-orphans removes it)",
        svc->name);
    const struct wc_event event = {
        .type = WC_EVENT_LOG, .action = "warning", .service = svc->name, .reason = text
    };
    wc_eng_tell_other(engine, &event);
}

static void orphans(struct request *request)
{
    struct wc_engine *engine = request->engine;
    const struct wc_strv *disabled = &engine->rev->project->disabled;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        if (svc->spec != NULL || svc->insts == NULL)
            continue;
        bool gone = request->ask.remove_orphans && !wc_strv_has(disabled, svc->name);
        for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc) {
            if (gone) {
                wc_eng_set(&inst->why, "not in the file any more");
                want_down(inst, &request->ask, WC_GOAL_GONE);
                wc_eng_take(request, inst);
            } else if (inst->goal != WC_GOAL_GONE) {
                inst->goal = WC_GOAL_LEAVE;
            }
        }
        if (!gone && request->ask.kind == WC_REQUEST_APPLY && !wc_strv_has(disabled, svc->name))
            say_orphan(engine, svc);
    }
}

/* The networks of the new model may differ though no instance does. */
static void check_networks(struct wc_engine *engine)
{
    if (engine->net_hash[0] == '\0' || wc_streq(engine->net_hash, engine->rev->nets_hash))
        return;
    if (engine->net != NET_WORKING)
        engine->net = NET_UNKNOWN;
    engine->net_wanted = true;
    engine->net_retry_ms = 0;
}

static bool slot_exists(const struct inst *target)
{
    for (const struct inst *inst = target->svc->insts; inst != NULL; inst = inst->next_in_svc)
        if (inst->fact.index == target->fact.index && inst->fact.life != WC_LIFE_ABSENT)
            return true;
    return false;
}

/* A new engine doesn't know which networks are up; those of what is there already must be. */
static void assume_networks(struct wc_engine *engine)
{
    const struct revision *rev = engine->rev;
    if (engine->net_names.n > 0 || engine->net != NET_UNKNOWN)
        return;
    for (size_t k = 0; k < rev->n_instances; k++) {
        if (!slot_exists(rev->targets[k]))
            continue;
        for (size_t i = 0; i < rev->instances[k].n_nets; i++) {
            if (wc_map_has(&engine->net_names, rev->instances[k].nets[i].name))
                continue;
            char *name = wc_arena_strdup(&engine->arena, rev->instances[k].nets[i].name);
            wc_map_put(&engine->net_names, name, name);
        }
    }
}

static int begin_apply(struct request *request, struct wc_err *err)
{
    struct wc_engine *engine = request->engine;
    struct revision *rev;
    int status = wc_eng_revision(engine, &request->ask, &rev, err);
    if (status != 0)
        return status;
    request->ask.arena = NULL; /* the revision's now */
    wc_eng_adopt_revision(engine, rev);
    engine->prune = request->ask.remove_orphans;
    engine->is_down = false;
    engine->told = true;
    if (engine->net == NET_FAILED)
        engine->net = NET_UNKNOWN;
    engine->net_retry_ms = 0;
    wc_eng_tell_project(request, "applying", NULL);
    assume_networks(engine);
    for (size_t node = 0; node < rev->graph.n; node++)
        if (rev->svcs[node]->selected)
            rev->svcs[node]->want = request->ask.no_start ? WC_WANT_CREATED : WC_WANT_RUNNING;
    for_selected(request, apply_wanted);
    if (!request->ask.no_deps)
        restart_dependents(request);
    orphans(request);
    check_networks(engine);
    return 0;
}

static void take_intents(struct request *request)
{
    for (size_t i = 0; i < request->ask.n_intents; i++) {
        struct svc *svc = wc_map_get(&request->engine->svcs, request->ask.intents[i].service);
        if (svc == NULL)
            continue;
        const char *hash = request->ask.intents[i].hash;
        svc->want = request->ask.intents[i].want;
        snprintf(svc->hash, sizeof svc->hash, "%s", hash != NULL ? hash : "");
    }
}

/* Without intents, what there is says what was wanted. A missing instance is made again by the same
 * rule by which one that ended is started again: a job that has run doesn't run twice because
 * somebody tidied up after it. */
static void adopt_one(struct inst *inst, bool told)
{
    static const enum wc_goal goals[] = { [WC_WANT_NOTHING] = WC_GOAL_LEAVE,
                                          [WC_WANT_CREATED] = WC_GOAL_CREATED,
                                          [WC_WANT_STOPPED] = WC_GOAL_STOPPED,
                                          [WC_WANT_RUNNING] = WC_GOAL_RUNNING };
    bool made = inst->fact.life == WC_LIFE_CREATED;
    inst->goal = made ? WC_GOAL_CREATED : WC_GOAL_RUNNING;
    if (told)
        inst->goal = goals[inst->svc->want];
    inst->stopped = !told && inst->fact.stopped_by_user;
    inst->gated = false;
    inst->lost = inst->fact.life == WC_LIFE_ABSENT;
    wc_eng_dirty(inst);
}

/* What a predecessor was about to replace or to scale away. */
static void drop_surplus(struct wc_engine *engine)
{
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || inst->desired != NULL || inst->svc->spec == NULL ||
            inst->svc->want == WC_WANT_NOTHING)
            continue;
        inst->goal = WC_GOAL_GONE;
        wc_eng_set(&inst->why, "one replica too many");
        wc_eng_dirty(inst);
    }
}

/* What exists is kept; `supervise` says whether its policy holds from now on. */
static int bind_model(struct request *request, bool supervise, struct wc_err *err)
{
    struct wc_engine *engine = request->engine;
    struct revision *rev;
    struct wc_request ask = request->ask;
    ask.kind = WC_REQUEST_ADOPT;
    int status = wc_eng_revision(engine, &ask, &rev, err);
    if (status != 0)
        return status;
    request->ask.arena = NULL;
    wc_eng_adopt_revision(engine, rev);
    take_intents(request);
    engine->told = engine->told || request->ask.n_intents > 0;
    for (size_t k = 0; supervise && k < rev->n_instances; k++)
        adopt_one(rev->targets[k], request->ask.n_intents > 0);
    if (supervise && request->ask.n_intents > 0) {
        engine->prune = request->ask.remove_orphans;
        drop_surplus(engine);
        orphans(request);
    }
    assume_networks(engine);
    return 0;
}

static void start_one(struct request *request, struct inst *inst)
{
    if (inst->desired == NULL)
        return;
    want_running(inst, &request->ask, true);
    inst->svc->want = WC_WANT_RUNNING;
    wc_eng_take(request, inst);
}

static void stop_one(struct request *request, struct inst *inst)
{
    if (inst->goal == WC_GOAL_GONE)
        return;
    want_down(inst, &request->ask, WC_GOAL_STOPPED);
    inst->svc->want = WC_WANT_STOPPED;
    wc_eng_take(request, inst);
}

static void restart_one(struct request *request, struct inst *inst)
{
    if (inst->desired == NULL)
        return;
    want_running(inst, &request->ask, true);
    inst->grace_ms = request->ask.timeout_ms;
    inst->gated = request->whole || inst->recreate;
    inst->restart = is_up(inst);
    inst->svc->want = WC_WANT_RUNNING;
    wc_eng_take(request, inst);
}

static void down_one(struct request *request, struct inst *inst)
{
    bool orphan = inst->engine->rev != NULL && inst->svc->spec == NULL;
    if (orphan && request->whole && !request->ask.remove_orphans)
        return;
    want_down(inst, &request->ask, WC_GOAL_GONE);
    inst->svc->want = WC_WANT_NOTHING;
    wc_eng_take(request, inst);
}

static void kill_one(struct request *request, struct inst *inst);

static int begin_change(struct request *request, struct wc_err *err)
{
    static goal_fn *const setters[] = {
        [WC_REQUEST_START] = start_one,     [WC_REQUEST_STOP] = stop_one,
        [WC_REQUEST_RESTART] = restart_one, [WC_REQUEST_KILL] = kill_one,
        [WC_REQUEST_DOWN] = down_one,
    };
    const struct wc_request *ask = &request->ask;
    struct wc_engine *engine = request->engine;
    int status = select_services(engine, request, err);
    if (status != 0)
        return status;
    engine->is_down = ask->kind == WC_REQUEST_DOWN && request->whole;
    if (ask->kind == WC_REQUEST_START && !ask->no_deps)
        spread(engine, true);
    if (ask->kind == WC_REQUEST_RESTART && !ask->no_deps)
        spread(engine, false);
    unsigned n = for_selected(request, setters[ask->kind]);
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
    if (number == SIGKILL && inst->goal != WC_GOAL_GONE) {
        want_down(inst, &request->ask, WC_GOAL_STOPPED);
        inst->svc->want = WC_WANT_STOPPED;
        wc_eng_take(request, inst);
        inst->changed = true; /* counted by the op */
    }
    if (!is_up(inst))
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
    ko->op.verb = WC_VERB_KILL;
    ko->op.done = on_killed;
    ko->op.id = inst->id;
    ko->op.project = inst->engine->config.project;
    ko->op.signal = number;
    ko->op.by_user = ends;
    request->n_ops++;
    wc_eng_submit_op(inst->engine, inst->fact.level, &ko->op);
}

/* ---- beginning and end ---- */

void wc_eng_request_begin(struct wc_engine *engine, struct request *request)
{
    struct wc_err err = { 0 };
    int status = 0;
    bool is_model = request->ask.kind == WC_REQUEST_APPLY || request->ask.kind == WC_REQUEST_ADOPT;
    if (is_model && request->ask.project == NULL)
        status = wc_err_set(&err, WC_ERR_BUG, 0, "a request without a model");
    else if (request->ask.kind == WC_REQUEST_APPLY)
        status = begin_apply(request, &err);
    else if (request->ask.kind == WC_REQUEST_ADOPT)
        status = bind_model(request, true, &err);
    else if (engine->rev == NULL && request->ask.project != NULL)
        status = bind_model(request, false, &err);
    if (status == 0 && !is_model)
        status = begin_change(request, &err);
    if (request->ask.arena != NULL) { /* not taken over */
        wc_arena_deinit(request->ask.arena);
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
