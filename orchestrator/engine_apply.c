/* engine_apply.c - requests that bring a model: apply it, or take it over from a predecessor. What
 * is wanted of each service is noted with the service (want, hash): that is what a successor gets.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"

static void say_why_replaced(struct inst *inst)
{
    const struct inst *heir = wc_eng_heir(inst);
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

/* One that is replaced in its turn. A stop, restart or removal that nothing has come of yet is
 * taken back: all of the service is wanted to run now, and so does this one until then. */
static bool keep_until_its_turn(struct request *request, struct inst *inst)
{
    bool asked = inst->goal == WC_GOAL_STOPPED || inst->goal == WC_GOAL_GONE || inst->restart;
    bool put_off = asked && !inst->stop_sent && inst->hooks.until_ms == 0;
    if (put_off) {
        inst->goal = WC_GOAL_RUNNING;
        inst->restart = inst->gated = false;
    }
    if (!wc_eng_hold(request, inst))
        return false;
    if (put_off) {
        wc_eng_want_running(inst, &request->ask, false);
        wc_eng_take(request, inst);
    }
    return true;
}

static void apply_wanted(struct request *request, struct inst *inst)
{
    const struct wc_request *ask = &request->ask;
    bool exists = inst->fact.life != WC_LIFE_ABSENT;
    if (inst->desired == NULL && keep_until_its_turn(request, inst))
        return;
    if (inst->desired == NULL) { /* replaced, or one too many */
        say_why_replaced(inst);
        wc_eng_want_down(inst, ask, WC_GOAL_GONE);
        inst->by_user = false;
        wc_eng_take(request, inst);
        return;
    }
    if (ask->force_recreate && exists && !wc_eng_is_since(request, inst->fact.created_at_ms)) {
        bool goes = inst->stop_sent || inst->hooks.until_ms != 0; /* it has no turn to wait for */
        inst->again = wc_eng_is_gradual(request, inst->svc) && wc_eng_is_up(inst) && !goes;
        inst->recreate = !inst->again;
        wc_eng_set(&inst->why, "recreated on request");
    }
    if (inst->fact.life == WC_LIFE_BROKEN)
        wc_eng_forgive(inst);
    inst->grace_ms = ask->timeout_ms;
    wc_eng_want_running(inst, ask, false);
    if (ask->no_start && (!wc_eng_is_up(inst) || inst->recreate)) {
        inst->goal = WC_GOAL_CREATED;
        inst->start_asked = false;
    }
    memcpy(inst->svc->hash, ask->no_recreate ? "" : inst->desired->hash,
           ask->no_recreate ? 1 : sizeof inst->svc->hash);
    memcpy(inst->svc->inplace, inst->desired->inplace, sizeof inst->svc->inplace);
    wc_eng_take(request, inst);
}

/* True when the service gets a new instance in place of one that runs. */
static bool is_replaced(const struct svc *svc)
{
    for (const struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
        if (wc_eng_is_up(inst) &&
            (inst->recreate || (inst->goal == WC_GOAL_GONE && wc_eng_heir(inst) != NULL)))
            return true;
    return false;
}

/* What is to be replaced when its turn comes is not started again before. What goes down because it
 * has failed counts as down: whether it comes back, and when, is its policy's to say. */
static bool start_again(struct inst *inst)
{
    bool fails = inst->sick || inst->hooks.failed;
    if (!wc_eng_is_up(inst) || fails || inst->goal != WC_GOAL_RUNNING || inst->recreate ||
        inst->again || wc_eng_is_held(inst))
        return false;
    inst->restart = true;
    inst->gated = true;
    wc_eng_set(&inst->why, "something it needs is replaced");
    wc_eng_dirty(inst);
    return true;
}

/* depends_on with restart: true: who needs something that is replaced starts again after it. */
static void restart_dependents(struct request *request)
{
    struct revision *rev = request->engine->rev;
    for (size_t i = 0; i < rev->graph.n; i++)
        rev->svcs[i]->selected = is_replaced(rev->svcs[i]);
    wc_eng_spread(request->engine, false);
    for (size_t i = 0; i < rev->graph.n; i++) {
        if (!rev->svcs[i]->selected || is_replaced(rev->svcs[i]))
            continue;
        for (struct inst *inst = rev->svcs[i]->insts; inst != NULL; inst = inst->next_in_svc)
            if (start_again(inst))
                wc_eng_take(request, inst);
    }
}

/* The same after a rollout, when no request asks any more. */
void wc_eng_restart_dependents(struct wc_engine *engine, const struct svc *svc)
{
    const struct revision *rev = engine->rev;
    for (size_t i = 0; i < rev->graph.n; i++)
        rev->svcs[i]->selected = rev->svcs[i] == svc;
    wc_eng_spread(engine, false);
    for (size_t i = 0; i < rev->graph.n; i++) {
        if (!rev->svcs[i]->selected || rev->svcs[i] == svc)
            continue;
        for (struct inst *inst = rev->svcs[i]->insts; inst != NULL; inst = inst->next_in_svc)
            start_again(inst);
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

static void say_no_room(struct wc_engine *engine)
{
    const struct wc_event event = {
        .type = WC_EVENT_LOG,
        .action = "warning",
        .reason = "order: start-first is carried out as stop-first this time: a network has not "
                  "enough free addresses for two of each replica",
    };
    wc_eng_tell_other(engine, &event);
}

static bool is_leaving(const struct request *request, const char *service)
{
    for (size_t i = 0; i < request->ask.n_leaving; i++)
        if (wc_streq(request->ask.leaving[i], service))
            return true;
    return false;
}

static void orphans(struct request *request)
{
    struct wc_engine *engine = request->engine;
    const struct wc_strv *disabled = &engine->rev->project->disabled;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        if (svc->spec != NULL || svc->insts == NULL)
            continue;
        bool gone = (request->ask.remove_orphans || is_leaving(request, svc->name)) &&
                    !wc_strv_has(disabled, svc->name);
        svc->suspended &= !gone || request->ask.keeps_suspended;
        svc->paused &= !gone || request->ask.keeps_suspended;
        for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc) {
            if (gone) {
                wc_eng_set(&inst->why, "not in the file any more");
                wc_eng_want_down(inst, &request->ask, WC_GOAL_GONE);
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

static void assume_network(struct wc_engine *engine, const char *network)
{
    if (wc_map_has(&engine->net_names, network))
        return;
    char *name = wc_arena_strdup(&engine->arena, network);
    wc_map_put(&engine->net_names, name, name);
}

/* A new engine doesn't know which networks are up; those of what is there already must be. */
static void assume_networks(struct wc_engine *engine)
{
    const struct revision *rev = engine->rev;
    const struct wc_net_request *net = &rev->nets.request;
    if (engine->net_names.n > 0 || engine->net != NET_UNKNOWN)
        return;
    for (size_t k = 0; k < rev->n_instances; k++) {
        if (!slot_exists(rev->targets[k]))
            continue;
        for (size_t i = 0; i < rev->instances[k].n_nets; i++)
            assume_network(engine, rev->instances[k].nets[i].name);
    }
    for (size_t i = net->n_networks - rev->nets.n_lingering; i < net->n_networks; i++)
        assume_network(engine, net->networks[i].name);
}

int wc_eng_begin_apply(struct request *request, struct wc_err *err)
{
    struct wc_engine *engine = request->engine;
    struct revision *rev;
    int status = wc_eng_revision(engine, &request->ask, &rev, err);
    if (status != 0)
        return status;
    request->ask.arena = NULL; /* the revision's now */
    wc_eng_adopt_revision(request, rev);
    engine->prune = request->ask.remove_orphans;
    engine->is_down = false;
    engine->told = true;
    if (engine->net == NET_FAILED)
        engine->net = NET_UNKNOWN;
    engine->net_retry_ms = 0;
    wc_eng_tell_project(request, "applying", NULL);
    if (rev->no_surge)
        say_no_room(engine);
    assume_networks(engine);
    for (size_t node = 0; node < rev->graph.n; node++)
        if (rev->svcs[node]->selected) {
            struct svc *svc = rev->svcs[node];
            if ((svc->suspended || svc->paused) && !request->ask.keeps_suspended)
                wc_eng_rollout_go_on(svc);
            svc->suspended &= request->ask.keeps_suspended;
            svc->paused &= request->ask.keeps_suspended;
            rev->svcs[node]->want = request->ask.no_start ? WC_WANT_CREATED : WC_WANT_RUNNING;
        }
    wc_eng_for_selected(request, apply_wanted);
    if (!request->ask.no_deps)
        restart_dependents(request);
    wc_eng_rollouts_begin(request);
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
        const char *inplace = request->ask.intents[i].inplace;
        svc->want = request->ask.intents[i].want;
        svc->suspended = request->ask.intents[i].suspended;
        svc->paused = request->ask.intents[i].paused;
        snprintf(svc->hash, sizeof svc->hash, "%s", hash != NULL ? hash : "");
        snprintf(svc->inplace, sizeof svc->inplace, "%s", inplace != NULL ? inplace : "");
    }
}

static const enum wc_goal goal_of[] = { [WC_WANT_NOTHING] = WC_GOAL_LEAVE,
                                        [WC_WANT_CREATED] = WC_GOAL_CREATED,
                                        [WC_WANT_STOPPED] = WC_GOAL_STOPPED,
                                        [WC_WANT_RUNNING] = WC_GOAL_RUNNING };

/* Without intents, what there is says what was wanted. A missing instance is made again by the same
 * rule by which one that ended is started again: a job that has run doesn't run twice because
 * somebody tidied up after it. */
static void adopt_one(struct inst *inst, bool told)
{
    bool made = inst->fact.life == WC_LIFE_CREATED;
    inst->goal = made ? WC_GOAL_CREATED : WC_GOAL_RUNNING;
    if (told)
        inst->goal = goal_of[inst->svc->want];
    inst->stopped = !told && inst->fact.stopped_by_user;
    inst->gated = inst->fact.earlier_boot; /* the app comes up in its order, as after `up` */
    inst->lost = inst->fact.life == WC_LIFE_ABSENT;
    inst->drift.told_paused = inst->svc->paused && inst->fact.life == WC_LIFE_PAUSED;
    wc_eng_dirty(inst);
}

/* What a predecessor would have changed later. */
static void hold_unfinished(struct request *request)
{
    struct wc_engine *engine = request->engine;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->desired == NULL && inst->svc->spec != NULL)
            if (wc_eng_hold(request, inst)) /* adopted as running just now, whatever is wanted */
                inst->goal = goal_of[inst->svc->want];
    }
    wc_eng_rollouts_begin(request);
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
int wc_eng_bind_model(struct request *request, bool supervise, struct wc_err *err)
{
    struct wc_engine *engine = request->engine;
    struct revision *rev;
    struct wc_request ask = request->ask;
    ask.kind = WC_REQUEST_ADOPT;
    int status = wc_eng_revision(engine, &ask, &rev, err);
    if (status != 0)
        return status;
    request->ask.arena = NULL;
    wc_eng_adopt_revision(request, rev);
    take_intents(request);
    engine->told = engine->told || request->ask.n_intents > 0;
    for (size_t k = 0; supervise && k < rev->n_instances; k++)
        adopt_one(rev->targets[k], request->ask.n_intents > 0);
    if (supervise && request->ask.n_intents > 0) {
        engine->prune = request->ask.remove_orphans;
        hold_unfinished(request);
        drop_surplus(engine);
        orphans(request);
    }
    assume_networks(engine);
    return 0;
}
