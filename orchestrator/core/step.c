/* step.c - the decision, one small function for each life. A running instance is never removed, and
 * nothing is made or started while another incarnation of its slot is there: so two of them can't
 * run, whatever order facts arrive in.
 */
#include "orchestrator/core/step.h"

static struct wc_step_out rest(enum wc_phase phase)
{
    return (struct wc_step_out){ .act = WC_ACT_NONE, .phase = phase };
}

static struct wc_step_out wait_until(enum wc_phase phase, uint64_t at_ms)
{
    return (struct wc_step_out){ .act = WC_ACT_NONE, .phase = phase, .wake_at_ms = at_ms };
}

static struct wc_step_out act(enum wc_act what)
{
    return (struct wc_step_out){ .act = what, .phase = WC_PHASE_ACTING };
}

/* Nothing is to be done with it but to give it what it lacks. */
static struct wc_step_out settle(const struct wc_step_in *in, enum wc_phase phase)
{
    if (!in->outdated)
        return rest(phase);
    if (in->update_at_ms > in->now_ms)
        return wait_until(phase, in->update_at_ms);
    return act(WC_ACT_UPDATE);
}

/* True when the policy brings back something that ended or could not be started. */
static bool policy_restarts(const struct wc_step_in *in)
{
    bool may_try = in->restart_max < 0 || (int64_t)in->failures <= in->restart_max;
    switch (in->restart) {
    case WC_RESTART_NO:
        return false;
    case WC_RESTART_ALWAYS:
    case WC_RESTART_UNLESS_STOPPED:
        return may_try;
    case WC_RESTART_ON_FAILURE:
        return !((in->life == WC_LIFE_EXITED || in->lost) && in->exit_ok) && may_try;
    }
    return false;
}

/* A create or start that nothing forbids but its surroundings. */
static struct wc_step_out bring_up(const struct wc_step_in *in, enum wc_act what)
{
    if (in->op_failed && !in->start_asked && !policy_restarts(in))
        return rest(WC_PHASE_FAILED);
    if (in->retry_at_ms > in->now_ms)
        return wait_until(WC_PHASE_WAIT_BACKOFF, in->retry_at_ms);
    if (in->sibling_there)
        return rest(WC_PHASE_WAIT_SIBLING);
    bool needs_deps = what == WC_ACT_START || in->joins;
    if (needs_deps && in->deps == WC_DEPS_BLOCKED)
        return rest(WC_PHASE_BLOCKED);
    if (needs_deps && in->deps == WC_DEPS_WAIT)
        return rest(WC_PHASE_WAIT_DEPS);
    if (!in->host_ready)
        return rest(WC_PHASE_WAIT_HOST);
    return act(what);
}

static struct wc_step_out take_away(const struct wc_step_in *in)
{
    if (in->retry_at_ms > in->now_ms)
        return wait_until(WC_PHASE_WAIT_BACKOFF, in->retry_at_ms);
    return act(WC_ACT_REMOVE);
}

static struct wc_step_out step_absent(const struct wc_step_in *in)
{
    if (in->goal != WC_GOAL_RUNNING && in->goal != WC_GOAL_CREATED)
        return rest(WC_PHASE_SETTLED);
    if (in->lost && in->goal == WC_GOAL_RUNNING && !policy_restarts(in))
        return rest(in->exit_ok ? WC_PHASE_COMPLETED : WC_PHASE_FAILED);
    return bring_up(in, WC_ACT_CREATE);
}

static struct wc_step_out step_created(const struct wc_step_in *in)
{
    if (in->goal == WC_GOAL_GONE)
        return take_away(in);
    struct wc_step_out first = settle(in, WC_PHASE_SETTLED);
    if (in->goal != WC_GOAL_RUNNING || first.act == WC_ACT_UPDATE)
        return first; /* what it starts with is what it is to have */
    return bring_up(in, WC_ACT_START);
}

/* What is stopped for being sick is to come back: where the policy would let it lie (or its last
 * attempt is used up) it runs on as it is. */
static bool is_to_heal(const struct wc_step_in *in)
{
    bool last_try = in->restart_max >= 0 && (int64_t)in->failures >= in->restart_max;
    return in->sick && in->goal == WC_GOAL_RUNNING && in->life == WC_LIFE_RUNNING &&
           in->restart != WC_RESTART_NO && !last_try && !in->stopped_by_user;
}

/* A stop, when nobody is led to it any more, and after its hooks: they have so much time together,
 * and a hook that still runs then ends with its instance. One that failed to start has nothing to
 * take leave of. */
static struct wc_step_out stop(const struct wc_step_in *in)
{
    if (in->yields && in->hooks_until_ms == 0)
        return rest(WC_PHASE_WAIT_HOST);
    bool begun = in->hooks_until_ms != 0, in_time = !begun || in->hooks_until_ms > in->now_ms;
    bool left = in->pre_stop && !in->hook_failed && in->life == WC_LIFE_RUNNING;
    if (in_time && (in->hook_in_flight ? !begun : left))
        return act(WC_ACT_PRE_STOP);
    if (in_time && in->hook_in_flight)
        return wait_until(WC_PHASE_HOOKS, in->hooks_until_ms);
    return act(WC_ACT_STOP);
}

/* It runs, and is to run. A stop that has begun comes to its end (the engine makes it a restart).
 * What stands still is let go on first: so does a hook in it. */
static struct wc_step_out stay(const struct wc_step_in *in)
{
    if (in->drifted && in->mend_at_ms <= in->now_ms)
        return act(WC_ACT_MEND);
    if (in->drifted)
        return wait_until(in->hook_in_flight ? WC_PHASE_HOOKS : WC_PHASE_SETTLED, in->mend_at_ms);
    if (in->hook_in_flight)
        return rest(WC_PHASE_HOOKS);
    return in->post_start && in->life == WC_LIFE_RUNNING ? act(WC_ACT_POST_START)
                                                         : settle(in, WC_PHASE_SETTLED);
}

static struct wc_step_out step_running(const struct wc_step_in *in)
{
    bool stays = in->goal == WC_GOAL_RUNNING || in->goal == WC_GOAL_CREATED;
    bool begun = in->hooks_until_ms != 0; /* also when it is well again: it has taken leave */
    if (stays && !in->stop_sent)
        return begun || is_to_heal(in) || in->hook_failed ? stop(in) : stay(in);
    if (!in->stop_sent)
        return in->dependents_up && in->hooks_until_ms == 0 ? rest(WC_PHASE_WAIT_DEPENDENTS)
                                                            : stop(in);
    if (in->kill_at_ms > in->now_ms)
        return wait_until(WC_PHASE_STOPPING, in->kill_at_ms);
    return act(WC_ACT_KILL);
}

static struct wc_step_out step_exited(const struct wc_step_in *in)
{
    if (in->goal == WC_GOAL_GONE)
        return take_away(in);
    if (in->goal != WC_GOAL_RUNNING)
        return settle(in, WC_PHASE_SETTLED);
    if (in->start_asked) /* with what it is to have */
        return bring_up(in, WC_ACT_START);
    if (in->stopped_by_user)
        return settle(in, WC_PHASE_STOPPED);
    if (policy_restarts(in))
        return bring_up(in, WC_ACT_START);
    return settle(in, in->exit_ok && !in->op_failed ? WC_PHASE_COMPLETED : WC_PHASE_FAILED);
}

/* Half-made: it goes, and then comes anew if it is wanted. */
static struct wc_step_out step_broken(const struct wc_step_in *in)
{
    if (in->goal == WC_GOAL_STOPPED)
        return rest(WC_PHASE_SETTLED);
    return take_away(in);
}

struct wc_step_out wc_step(const struct wc_step_in *in)
{
    if (in->goal == WC_GOAL_LEAVE)
        return rest(WC_PHASE_SETTLED);
    if (in->op_in_flight)
        return rest(WC_PHASE_ACTING);
    switch (in->life) {
    case WC_LIFE_ABSENT:
        return step_absent(in);
    case WC_LIFE_CREATED:
        return step_created(in);
    case WC_LIFE_RUNNING:
    case WC_LIFE_PAUSED:
        return step_running(in);
    case WC_LIFE_EXITED:
        return step_exited(in);
    case WC_LIFE_BROKEN:
        return step_broken(in);
    }
    return rest(WC_PHASE_SETTLED);
}
