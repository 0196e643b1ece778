/* engine_tally.c - what services look like to each other, kept as counts: an instance adds to its
 * service's view, a service's outlook goes to its dependents only when an answer changed. So a
 * change costs what hangs on it, not the size of the project.
 */
#include <string.h>

#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"

static bool is_up(const struct inst *inst)
{
    return inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
}

enum wc_goal wc_eng_goal(const struct inst *inst)
{
    return inst->svc->suspended ? WC_GOAL_LEAVE : wc_eng_goal_meant(inst);
}

enum wc_goal wc_eng_goal_meant(const struct inst *inst)
{
    if (inst->recreate)
        return WC_GOAL_GONE;
    if (inst->restart)
        return WC_GOAL_STOPPED;
    if (inst->awaits)
        return WC_GOAL_LEAVE;
    return inst->goal;
}

/* True when it fails again and again: for those who wait that is as good as failed. */
static bool is_looping(const struct inst *inst)
{
    return inst->failures >= ENG_LOOPING && !is_up(inst);
}

static bool has_failed(const struct inst *inst)
{
    switch (inst->out.phase) {
    case WC_PHASE_FAILED:
    case WC_PHASE_BLOCKED:
    case WC_PHASE_STOPPED:
        return true;
    case WC_PHASE_WAIT_HOST:
        return inst->engine->net == NET_FAILED;
    case WC_PHASE_WAIT_BACKOFF:
    case WC_PHASE_ACTING:
        return is_looping(inst);
    case WC_PHASE_SETTLED:
        return !is_up(inst); /* stopped, or only created */
    case WC_PHASE_COMPLETED:
    case WC_PHASE_HOOKS:
    case WC_PHASE_STOPPING:
    case WC_PHASE_WAIT_DEPS:
    case WC_PHASE_WAIT_SIBLING:
    case WC_PHASE_WAIT_DEPENDENTS:
        break;
    }
    return false;
}

/* True for one that is unhealthy, and is restarted for that: who waits for it goes on waiting. */
static bool is_healed(const struct inst *inst)
{
    return inst->sick || (wc_eng_is_sick(inst) && inst->out.phase == WC_PHASE_ACTING);
}

static struct tally tally_of(const struct inst *inst)
{
    enum wc_goal goal = wc_eng_goal(inst);
    struct tally t = { 0 };
    t.going_down = (goal == WC_GOAL_GONE || goal == WC_GOAL_STOPPED) && is_up(inst) && !inst->stuck;
    t.wanted = inst->desired != NULL && inst->goal != WC_GOAL_GONE && !inst->awaits;
    if (!t.wanted)
        return t;
    if (is_up(inst) && !t.going_down && wc_eng_has_hooks_left(inst)) {
        return t; /* not started yet */
    } else if (is_up(inst) && !t.going_down) {
        t.started = true;
        t.healthy = inst->health.status == WC_HEALTH_HEALTHY;
        t.unhealthy = inst->health.status == WC_HEALTH_UNHEALTHY && !is_healed(inst);
        t.unchecked = !inst->check.enabled;
    } else if (inst->out.phase == WC_PHASE_COMPLETED && !inst->recreate && !inst->restart) {
        t.started = t.completed = true;
    } else if (!inst->recreate && !inst->restart && !t.going_down) {
        t.failed = has_failed(inst);
    }
    return t;
}

static void apply(struct wc_dep_view *view, const struct tally *t, unsigned sign)
{
    /* unsigned arithmetic: sign is 1 or its complement */
    view->wanted += t->wanted * sign;
    view->started += t->started * sign;
    view->healthy += t->healthy * sign;
    view->unhealthy += t->unhealthy * sign;
    view->unchecked += t->unchecked * sign;
    view->completed += t->completed * sign;
    view->failed += t->failed * sign;
}

static struct outlook outlook_of(const struct wc_dep_view *view)
{
    struct outlook outlook;
    memset(&outlook, 0, sizeof outlook);
    for (int c = WC_DEP_STARTED; c <= WC_DEP_COMPLETED; c++)
        for (int required = 0; required < 2; required++)
            outlook.answer[c][required] =
                wc_deps_condition((enum wc_dep_condition)c, required != 0, view);
    return outlook;
}

static void dirty_dependents(const struct revision *rev, size_t node)
{
    for (size_t d = rev->graph.dep_first[node]; d < rev->graph.dep_first[node + 1]; d++)
        wc_eng_dirty_svc(rev->svcs[rev->graph.edges[rev->graph.dependents[d]].from]);
}

/* True while a service must go down before those that it needs: for itself, or for one that needs
 * it in turn. A finished job between two services passes the order on: the database stays up for
 * the API although only the migration between them names it.
 */
static bool holds_up(const struct svc *svc)
{
    return svc->going_down != 0 || svc->dependents_up != 0;
}

/* The services that this one needs learn that it holds them up, or no longer does. Every edge is
 * walked once for each change of its upper end; the graph has no cycles. */
static void tell_needed(const struct revision *rev, const struct svc *svc, bool up)
{
    for (size_t e = rev->graph.first[svc->node]; e < rev->graph.first[svc->node + 1]; e++) {
        struct svc *needed = rev->svcs[rev->graph.edges[e].to];
        bool before = holds_up(needed);
        needed->dependents_up += up ? 1U : -1U;
        if (needed->dependents_up == 0)
            wc_eng_dirty_svc(needed);
        if (before != holds_up(needed))
            tell_needed(rev, needed, up);
    }
}

void wc_eng_count(struct inst *inst)
{
    const struct revision *rev = inst->engine->rev;
    struct svc *svc = inst->svc;
    struct tally now = tally_of(inst), before = inst->tally;
    if (inst->dead)
        memset(&now, 0, sizeof now);
    if (memcmp(&now, &before, sizeof now) == 0)
        return;
    inst->tally = now;
    bool held = holds_up(svc);
    svc->going_down += (unsigned)now.going_down - (unsigned)before.going_down;
    inst->engine->going_down += (unsigned)now.going_down - (unsigned)before.going_down;
    if (rev == NULL || svc->node == SIZE_MAX)
        return;
    if (held != holds_up(svc))
        tell_needed(rev, svc, !held);
    struct wc_dep_view *view = &rev->views[svc->node];
    apply(view, &before, -1U);
    apply(view, &now, 1U);
    struct outlook outlook = outlook_of(view);
    if (memcmp(&outlook, &svc->outlook, sizeof outlook) != 0) {
        svc->outlook = outlook;
        dirty_dependents(rev, svc->node);
    }
}

void wc_eng_recount(struct wc_engine *engine)
{
    const struct revision *rev = engine->rev;
    engine->going_down = 0;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        svc->going_down = svc->dependents_up = 0;
    }
    memset(rev->views, 0, rev->graph.n * sizeof *rev->views);
    for (size_t node = 0; node < rev->graph.n; node++)
        rev->views[node].replicas = (unsigned)rev->project->services[node].replicas;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL)
            continue;
        inst->needs = NULL; /* an edge of the model before */
        inst->tally = tally_of(inst);
        inst->svc->going_down += inst->tally.going_down;
        engine->going_down += inst->tally.going_down;
        if (inst->svc->node != SIZE_MAX)
            apply(&rev->views[inst->svc->node], &inst->tally, 1U);
        wc_eng_dirty(inst);
    }
    for (size_t node = 0; node < rev->graph.n; node++) {
        struct svc *svc = rev->svcs[node];
        svc->outlook = outlook_of(&rev->views[node]);
        if (svc->going_down != 0) /* the others tell when they come to hold something up */
            tell_needed(rev, svc, true);
    }
}

/* How an instance that is to run stands towards a request. */
static enum verdict judge_running(const struct inst *inst)
{
    bool ready = inst->request->ask.wait == WC_WAIT_READY;
    if (inst->out.phase == WC_PHASE_COMPLETED)
        return VERDICT_OK;
    if (inst->out.phase == WC_PHASE_SETTLED && is_up(inst)) {
        if (!ready)
            return VERDICT_OK;
        switch (inst->health.status) {
        case WC_HEALTH_NONE:
            return inst->svc->job && inst->desired->spec->restart == WC_RESTART_NO ? VERDICT_OPEN
                                                                                   : VERDICT_OK;
        case WC_HEALTH_HEALTHY:
            return VERDICT_OK;
        case WC_HEALTH_UNHEALTHY:
            return VERDICT_FAILED;
        case WC_HEALTH_STARTING:
            return VERDICT_OPEN;
        }
    }
    return has_failed(inst) ? VERDICT_FAILED : VERDICT_OPEN;
}

static bool wont_go(const struct inst *inst)
{
    bool is_needed = inst->out.phase == WC_PHASE_WAIT_HOST; /* nobody else can be led to */
    return inst->stuck || (inst->op_failed && inst->failures >= 3) ||
           (is_needed && inst->engine->net == NET_FAILED);
}

static enum verdict judge_down(const struct inst *inst, enum wc_goal goal)
{
    bool gone = goal == WC_GOAL_GONE;
    if (inst->op != NULL)
        return VERDICT_OPEN;
    if (gone ? inst->fact.life == WC_LIFE_ABSENT : !is_up(inst))
        return VERDICT_OK;
    return wont_go(inst) ? VERDICT_FAILED : VERDICT_OPEN;
}

bool wc_eng_is_about_pause(const struct request *request)
{
    return request->ask.kind == WC_REQUEST_PAUSE || request->ask.kind == WC_REQUEST_UNPAUSE;
}

/* One that goes down, or has, is nothing to wait for. */
static enum verdict judge_pause(const struct inst *inst)
{
    enum wc_goal goal = wc_eng_goal(inst);
    enum wc_life other = wc_eng_is_pause_wished(inst) ? WC_LIFE_RUNNING : WC_LIFE_PAUSED;
    if (inst->fact.life != other || (goal != WC_GOAL_RUNNING && goal != WC_GOAL_CREATED))
        return VERDICT_OK;
    return inst->drift.told_failure != NULL ? VERDICT_FAILED : VERDICT_OPEN;
}

static enum verdict judge(const struct inst *inst)
{
    if (inst->dead || inst->svc->suspended)
        return VERDICT_OK;
    if (wc_eng_is_about_pause(inst->request))
        return judge_pause(inst);
    enum verdict rollout = wc_eng_rollout_judge(inst);
    if (rollout != VERDICT_OK)
        return rollout;
    enum verdict inplace = wc_eng_inplace_judge(inst);
    if (inplace != VERDICT_OK)
        return inplace;
    if (inst->recreate || inst->restart)
        return wont_go(inst) ? VERDICT_FAILED : VERDICT_OPEN;
    switch (inst->goal) {
    case WC_GOAL_LEAVE:
        return VERDICT_OK;
    case WC_GOAL_GONE:
    case WC_GOAL_STOPPED:
        return judge_down(inst, inst->goal);
    case WC_GOAL_CREATED:
        if (inst->out.phase == WC_PHASE_SETTLED && inst->fact.life != WC_LIFE_ABSENT)
            return VERDICT_OK;
        return has_failed(inst) || inst->op_failed ? VERDICT_FAILED : VERDICT_OPEN;
    case WC_GOAL_RUNNING:
        return judge_running(inst);
    }
    return VERDICT_OPEN;
}

void wc_eng_judge(struct inst *inst)
{
    struct request *request = inst->request;
    if (request == NULL)
        return;
    enum verdict now = judge(inst), before = inst->verdict;
    request->n_open += (now == VERDICT_OPEN) - (unsigned)(before == VERDICT_OPEN);
    request->n_failed += (now == VERDICT_FAILED) - (unsigned)(before == VERDICT_FAILED);
    inst->verdict = now;
}
