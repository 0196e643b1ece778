/* engine_rollout.c - what core/rollout.c decides, seen from and done to instances. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "orchestrator/bus.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_text.h"

/* ---- who is who ---- */

bool wc_eng_is_held(const struct inst *inst)
{
    return inst->desired != NULL && inst->desired == inst->former.instance;
}

static bool is_target(const struct inst *inst)
{
    return inst->desired != NULL && inst->desired != inst->former.instance;
}

struct inst *wc_eng_heir(const struct inst *inst)
{
    struct inst *heir = inst->svc->insts;
    while (heir != NULL &&
           (heir == inst || !is_target(heir) || heir->fact.index != inst->fact.index))
        heir = heir->next_in_svc;
    return heir;
}

/* The one that is kept in the slot of a new one, or NULL. */
static struct inst *held_beside(const struct inst *inst)
{
    struct inst *held = inst->svc->insts;
    while (held != NULL && (!wc_eng_is_held(held) || held->fact.index != inst->fact.index))
        held = held->next_in_svc;
    return held;
}

void wc_eng_former_drop(struct inst *inst)
{
    wc_eng_revision_unref(inst->former.rev);
    inst->former = (struct former){ 0 };
}

void wc_eng_former_keep(struct inst *inst, struct revision *rev)
{
    if (inst->desired == NULL || wc_eng_is_held(inst))
        return;
    wc_eng_former_drop(inst);
    inst->former = (struct former){ inst->desired, rev };
    rev->refs++;
}

/* ---- beginning ---- */

static const struct wc_rollout_note *note_of(const struct wc_request *ask, const char *service)
{
    for (size_t i = 0; i < ask->n_rollouts; i++)
        if (strcmp(ask->rollouts[i].service, service) == 0)
            return &ask->rollouts[i];
    return NULL;
}

static bool is_unfinished(enum wc_rollout_state state)
{
    return state == WC_ROLLOUT_ROLLING || state == WC_ROLLOUT_PAUSED || state == WC_ROLLOUT_FAILED;
}

static bool is_gradual(const struct wc_request *ask, const struct wc_service *service)
{
    if (ask->no_start)
        return false;
    if (ask->kind == WC_REQUEST_APPLY)
        return service->update.set || (ask->is_rollback && service->rollback.set);
    const struct wc_rollout_note *note = note_of(ask, service->name);
    return note != NULL && is_unfinished(note->state);
}

bool wc_eng_is_gradual(const struct request *request, const struct svc *svc)
{
    return svc->spec != NULL && is_gradual(&request->ask, svc->spec);
}

static bool is_back(const struct wc_request *ask, const char *service)
{
    const struct wc_rollout_note *note = note_of(ask, service);
    return note != NULL ? note->back : ask->is_rollback;
}

bool wc_eng_surges(const struct wc_request *ask, const struct wc_service *service)
{
    return is_gradual(ask, service) &&
           wc_rollout_conf_of(service, is_back(ask, service->name)).start_first;
}

bool wc_eng_hold(struct request *request, struct inst *inst)
{
    struct inst *heir = wc_eng_heir(inst);
    if (!wc_eng_is_gradual(request, inst->svc) || heir == NULL || inst->former.instance == NULL ||
        !wc_eng_is_up(inst) || inst->goal != WC_GOAL_RUNNING || inst->stop_sent ||
        held_beside(inst) != NULL || wc_eng_front_is_behind(inst))
        return false;
    bool surges = !inst->engine->rev->no_surge && wc_eng_surges(&request->ask, inst->svc->spec);
    bool begun = wc_eng_is_up(heir) || heir->op != NULL;
    if (begun && !surges)
        return false; /* one of the two must go now */
    inst->desired = inst->former.instance;
    inst->recreate = false; /* the heir's coming is what becomes of it */
    heir->awaits = !begun;
    wc_eng_dirty(inst);
    return true;
}

static void tell(struct rollout *r, const char *action, const char *reason)
{
    const struct wc_event event = {
        .type = WC_EVENT_ROLLOUT, .action = action, .service = r->svc->name, .reason = reason
    };
    wc_eng_tell_other(r->svc->insts->engine, &event);
}

/* Takes it off the list of those under way. */
static void leave(struct wc_engine *engine, struct rollout *r)
{
    struct rollout **at = &engine->rolling;
    while (*at != NULL && *at != r)
        at = &(*at)->next;
    if (*at == r)
        *at = r->next;
    r->next = NULL;
}

static void enter(struct wc_engine *engine, struct rollout *r)
{
    leave(engine, r);
    r->next = engine->rolling;
    engine->rolling = r;
    r->dirty = true;
}

static void begin_slots(struct wc_engine *engine, struct rollout *r)
{
    for (struct inst *inst = r->svc->insts; inst != NULL; inst = inst->next_in_svc) {
        if (!is_target(inst))
            continue;
        r->n++;
        bool waits = inst->awaits || inst->again;
        inst->ended = false;
        if (inst->awaits && (inst->fact.life != WC_LIFE_ABSENT || inst->op != NULL))
            inst->recreate = true; /* half begun before: not beside the one that is kept */
        inst->slot =
            (struct wc_rollout_slot){ .released = !waits, .released_at_ms = engine->now_ms };
    }
}

static void begin(struct request *request, struct svc *svc)
{
    struct wc_engine *engine = request->engine;
    const struct wc_rollout_note *note = note_of(&request->ask, svc->name);
    bool goes_on = request->ask.since_ms != 0 && svc->rollout != NULL; /* begun before a crash */
    struct rollout *r = svc->rollout;
    if (r == NULL)
        r = svc->rollout = wc_calloc(1, sizeof *r);
    unsigned failures = note != NULL ? note->failures : goes_on ? r->now.failures : 0;
    char reason[sizeof r->reason] = "";
    if (note != NULL && note->reason != NULL)
        snprintf(reason, sizeof reason, "%s", note->reason);
    else if (goes_on)
        memcpy(reason, r->reason, sizeof reason);
    leave(engine, r);
    *r = (struct rollout){
        .svc = svc,
        .back = is_back(&request->ask, svc->name),
        .no_deps = request->ask.no_deps,
        .began_at_ms = goes_on ? r->began_at_ms : engine->clock.wall(engine->clock.data),
    };
    r->conf = wc_rollout_conf_of(svc->spec, r->back);
    r->conf.start_first = r->conf.start_first && !engine->rev->no_surge;
    r->now = (struct wc_rollout){ .state = note != NULL ? note->state : WC_ROLLOUT_ROLLING,
                                  .failures = failures };
    memcpy(r->reason, reason, sizeof reason);
    begin_slots(engine, r);
    if (r->now.state == WC_ROLLOUT_ROLLING) {
        enter(engine, r);
        if (note == NULL && !goes_on)
            tell(r, r->back ? "rolling back" : "rolling", NULL);
    }
}

void wc_eng_rollouts_begin(struct request *request)
{
    const struct revision *rev = request->engine->rev;
    for (struct rollout *r = request->engine->rolling, *next; r != NULL; r = next) {
        next = r->next;
        if (r->svc->spec == NULL) /* the model lacks it */
            wc_eng_rollout_drop(request->engine, r->svc);
    }
    for (size_t i = 0; i < rev->graph.n; i++) {
        struct svc *svc = rev->svcs[i];
        bool any = false;
        for (const struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
            any = any || wc_eng_is_held(inst) || inst->again;
        if (any)
            begin(request, svc);
        else if (svc->rollout != NULL)
            wc_eng_rollout_drop(request->engine, svc);
    }
}

/* ---- a turn ---- */

static int by_index(const void *pa, const void *pb)
{
    const struct inst *a = *(struct inst *const *)pa, *b = *(struct inst *const *)pb;
    return (a->fact.index > b->fact.index) - (a->fact.index < b->fact.index);
}

/* The new instance of each slot, in order; sets r->n. */
static struct inst **targets_of(struct rollout *r)
{
    unsigned n = 0;
    for (const struct inst *inst = r->svc->insts; inst != NULL; inst = inst->next_in_svc)
        n += is_target(inst);
    struct inst **list = wc_calloc(n + 1, sizeof *list);
    r->n = 0;
    for (struct inst *inst = r->svc->insts; inst != NULL; inst = inst->next_in_svc)
        if (is_target(inst))
            list[r->n++] = inst;
    qsort(list, r->n, sizeof *list, by_index);
    return list;
}

bool wc_eng_is_ready(const struct inst *inst)
{
    if (inst->awaits || inst->again || inst->recreate || inst->restart || wc_eng_is_frozen(inst))
        return false;
    if (inst->out.phase == WC_PHASE_COMPLETED)
        return true;
    return wc_eng_is_up(inst) && !inst->stop_sent && !wc_eng_has_hooks_left(inst) &&
           (!inst->check.enabled || inst->health.status == WC_HEALTH_HEALTHY);
}

/* An op that failed is tried again a few times; a program that ended is not what was wanted. */
static bool has_failed(const struct inst *inst)
{
    enum { TRIES = 3 };
    if (inst->out.phase == WC_PHASE_COMPLETED || inst->recreate)
        return false;
    return inst->out.phase == WC_PHASE_FAILED || inst->health.status == WC_HEALTH_UNHEALTHY ||
           inst->ended || inst->failures >= TRIES;
}

static void look(const struct inst *inst, struct wc_rollout_slot *slot)
{
    const struct inst *held = held_beside(inst);
    *slot = inst->slot;
    if (!slot->released && !slot->failed && !inst->awaits && !inst->again) {
        slot->released = true; /* somebody else took the old one away */
        slot->released_at_ms = inst->engine->now_ms;
        slot->ready_at_ms = 0;
    }
    slot->old_up = inst->again ? wc_eng_is_up(inst) : held != NULL && wc_eng_is_up(held);
    slot->new_ready = wc_eng_is_ready(inst) && wc_eng_front_has(inst);
    slot->new_failed = slot->released && has_failed(inst);
}

static void retire(struct inst *held, const struct inst *heir)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *why = wc_diff_why(heir->desired, &held->fact, &arena);
    wc_eng_set(&held->why, why != NULL ? why : "replaced");
    wc_arena_deinit(&arena);
    held->desired = NULL;
    held->goal = WC_GOAL_GONE;
    held->grace_ms = heir->grace_ms;
    held->by_user = held->restart = held->recreate = held->start_asked = false;
    wc_eng_forgive(held);
    if (heir->request != NULL)
        wc_eng_take(heir->request, held);
    wc_eng_count(held);
    wc_eng_dirty(held);
}

static void release(const struct rollout *r, struct inst *inst)
{
    struct inst *held = held_beside(inst);
    if (inst->again) {
        inst->again = false;
        inst->recreate = true;
    }
    inst->awaits = inst->ended = false;
    wc_eng_forgive(inst);
    if (held != NULL && !r->conf.start_first)
        retire(held, inst);
    wc_eng_count(inst);
    wc_eng_dirty(inst);
}

/* What came beside the old one and isn't better than it goes again; the old one stays. Unless it is
 * down: then nothing is won by going back to it. */
static void take_back(struct inst *inst, struct inst *held, const char *why)
{
    if (!wc_eng_is_up(held)) {
        retire(held, inst);
        return;
    }
    inst->awaits = true;
    inst->recreate = inst->fact.life != WC_LIFE_ABSENT || inst->op != NULL;
    inst->slot.released = false;
    wc_eng_set(&inst->why, why);
    wc_eng_count(inst);
    wc_eng_dirty(inst);
}

static void act(const struct rollout *r, struct inst *inst, const struct wc_rollout_slot *slot)
{
    bool turns = slot->released && (inst->awaits || inst->again);
    bool goes_on = r->conf.action == WC_FAILURE_CONTINUE; /* with the new one, come what may */
    struct inst *held = held_beside(inst);
    inst->slot = *slot;
    if (turns)
        release(r, inst);
    else if (held != NULL && slot->failed && !inst->awaits && !goes_on)
        take_back(inst, held, "it failed, and its predecessor is still there");
    else if (held != NULL && slot->released && !slot->done && !inst->awaits &&
             r->now.state == WC_ROLLOUT_PAUSED) /* nobody will look at it again */
        take_back(inst, held, "its rollout has stopped, and its predecessor is still there");
    else if (held != NULL && slot->released && (slot->done || slot->failed))
        retire(held, inst);
}

static void say_why_stopped(struct rollout *r, struct inst *const *targets)
{
    char text[256];
    for (unsigned i = 0; i < r->n; i++) {
        const struct inst *inst = targets[i];
        if (!inst->slot.failed)
            continue;
        if (has_failed(inst))
            wc_eng_failure_text(inst, text, sizeof text);
        else
            snprintf(text, sizeof text, "was not ready within %.0f s",
                     (double)r->conf.progress_ms / 1000);
        snprintf(r->reason, sizeof r->reason, "%u of %u replicas changed; %s-%u %s", r->n_changed,
                 r->n, r->svc->name, inst->fact.index, text);
        return;
    }
}

static void finish(struct wc_engine *engine, struct rollout *r, struct inst *const *targets)
{
    static const char *const actions[WC_ROLLOUT_STATES] = {
        [WC_ROLLOUT_DONE] = "done", [WC_ROLLOUT_PAUSED] = "paused", [WC_ROLLOUT_FAILED] = "failed"
    };
    leave(engine, r);
    r->ended_at_ms = engine->clock.wall(engine->clock.data);
    if (r->now.failures > 0)
        say_why_stopped(r, targets);
    tell(r, actions[r->now.state], r->reason[0] != '\0' ? r->reason : NULL);
    if (r->now.state == WC_ROLLOUT_DONE)
        wc_eng_restart_dependents(engine, r->svc);
    wc_eng_dirty_svc(r->svc);
}

static void tell_progress(struct rollout *r)
{
    char text[64];
    snprintf(text, sizeof text, "%u of %u replicas", r->n_changed, r->n);
    tell(r, "changed", text);
}

static bool may_begin(const struct wc_engine *engine, const struct rollout *r)
{
    return r->no_deps ||
           wc_deps_judge(&engine->rev->graph, r->svc->node, engine->rev->views).state ==
               WC_DEPS_READY;
}

static void turn(struct wc_engine *engine, struct rollout *r)
{
    struct inst **targets = targets_of(r);
    struct wc_rollout_slot *slots = wc_calloc(r->n + 1, sizeof *slots);
    for (unsigned i = 0; i < r->n; i++)
        look(targets[i], &slots[i]);
    r->dirty = false;
    r->wake_at_ms =
        wc_rollout_step(&r->conf, &r->now, slots, r->n, may_begin(engine, r), engine->now_ms);
    unsigned before = r->n_changed;
    r->n_changed = 0;
    for (unsigned i = 0; i < r->n; i++)
        r->n_changed += slots[i].done;
    if (r->n_changed != before && r->now.state == WC_ROLLOUT_ROLLING)
        tell_progress(r);
    if (r->now.state != WC_ROLLOUT_ROLLING) {
        for (unsigned i = 0; i < r->n; i++)
            targets[i]->slot.failed = slots[i].failed;
        finish(engine, r, targets);
    }
    for (unsigned i = 0; i < r->n; i++)
        act(r, targets[i], &slots[i]);
    wc_free(slots);
    wc_free(targets);
}

bool wc_eng_rollouts_turn(struct wc_engine *engine)
{
    bool moved = false;
    for (struct rollout *r = engine->rolling, *next; r != NULL; r = next) {
        next = r->next;
        if (r->svc->suspended || r->svc->paused ||
            (!r->dirty && (r->wake_at_ms == 0 || r->wake_at_ms > engine->now_ms)))
            continue;
        turn(engine, r);
        moved = true;
    }
    return moved;
}

uint64_t wc_eng_rollouts_wake(const struct wc_engine *engine)
{
    uint64_t wake_ms = 0;
    for (const struct rollout *r = engine->rolling; r != NULL; r = r->next) {
        bool waits = r->wake_at_ms != 0 && !r->svc->suspended && !r->svc->paused;
        if (waits && (wake_ms == 0 || r->wake_at_ms < wake_ms))
            wake_ms = r->wake_at_ms;
    }
    return wake_ms;
}

/* ---- people ---- */

void wc_eng_rollout_pause(struct svc *svc, const char *reason)
{
    struct rollout *r = svc->rollout;
    if (r == NULL || r->now.state != WC_ROLLOUT_ROLLING)
        return;
    r->now.state = WC_ROLLOUT_PAUSED;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    leave(svc->insts->engine, r);
    for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc) {
        struct inst *held = held_beside(inst);
        if (is_target(inst) && !inst->awaits && held != NULL)
            take_back(inst, held, "its predecessor is still there");
    }
    tell(r, "paused", reason);
}

void wc_eng_rollout_go_on(struct svc *svc)
{
    if (svc->rollout == NULL)
        return;
    svc->rollout->dirty = true;
    for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
        if (inst->slot.released && !inst->slot.done)
            inst->slot.released_at_ms = svc->insts->engine->now_ms;
}

void wc_eng_rollout_drop(struct wc_engine *engine, struct svc *svc)
{
    struct rollout *r = svc->rollout;
    for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
        inst->awaits = inst->again = false;
    if (r == NULL || !is_unfinished(r->now.state))
        return;
    leave(engine, r);
    r->now.state = WC_ROLLOUT_NONE;
}

enum verdict wc_eng_rollout_judge(const struct inst *inst)
{
    const struct rollout *r = inst->svc->rollout;
    if (r == NULL || !is_target(inst) || inst->goal != WC_GOAL_RUNNING)
        return VERDICT_OK;
    if (r->now.state == WC_ROLLOUT_ROLLING)
        return VERDICT_OPEN;
    bool stopped = r->now.state == WC_ROLLOUT_PAUSED || r->now.state == WC_ROLLOUT_FAILED;
    return stopped && (inst->awaits || inst->slot.failed) ? VERDICT_FAILED : VERDICT_OK;
}

void wc_engine_rollouts(const struct wc_engine *engine, wc_engine_rollout_fn *visit, void *data)
{
    for (size_t i = 0; engine->rev != NULL && i < engine->rev->graph.n; i++) {
        const struct rollout *r = engine->rev->svcs[i]->rollout;
        if (r == NULL)
            continue;
        visit(data, &(struct wc_rollout_note){ .service = r->svc->name,
                                               .state = r->now.state,
                                               .back = r->back,
                                               .n = r->n,
                                               .n_changed = r->n_changed,
                                               .failures = r->now.failures,
                                               .began_at_ms = r->began_at_ms,
                                               .ended_at_ms = r->ended_at_ms,
                                               .reason = r->reason[0] != '\0' ? r->reason : NULL });
    }
}
