/* step.h - the reconcile decision for one instance (orchestrator/core, pure).
 *
 * Idea:    level-triggered: the answer depends on what is wanted and what is seen, never on which
 * event came. Booting, recovering from a crash and the ordinary pass are therefore the same code.
 * Owner:   values. Threads: none. Blocks: never. Errors: none.
 * Source:  Compose Specification, "restart", "stop_grace_period", "depends_on".
 */
#ifndef ORCHESTRATOR_CORE_STEP_H
#define ORCHESTRATOR_CORE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/deps.h"
#include "wcompose/state.h"

/* What is wanted of one instance. */
enum wc_goal {
    WC_GOAL_LEAVE,   /* nobody speaks for it: observe only */
    WC_GOAL_GONE,    /* stopped and removed */
    WC_GOAL_STOPPED, /* kept, not running */
    WC_GOAL_CREATED, /* there; not started by us */
    WC_GOAL_RUNNING, /* running, by its restart policy */
};

/* What is to be done. */
enum wc_act {
    WC_ACT_NONE,
    WC_ACT_CREATE,
    WC_ACT_START,
    WC_ACT_POST_START, /* the next hook of it */
    WC_ACT_PRE_STOP,   /* the same; it begins the time that they have */
    WC_ACT_STOP,
    WC_ACT_KILL,
    WC_ACT_REMOVE,
    WC_ACT_UPDATE, /* what can be changed in place */
    WC_ACT_MEND    /* put back what somebody else changed of it */
};

struct wc_step_in {
    enum wc_goal goal;
    enum wc_life life;
    uint64_t now_ms;
    bool op_in_flight;
    bool sibling_there; /* another incarnation of the same slot exists, or has an op in flight */
    bool host_ready;    /* networks are up */
    enum wc_deps deps;  /* READY also when dependencies don't matter (a restart by policy) */
    bool joins;         /* it is made within another's namespaces: creating waits for deps too */
    bool dependents_up; /* something that needs it goes down too, and is not down yet */
    bool yields; /* RUNNING: another incarnation is to have its names and ports, and hasn't yet */

    bool lost;        /* ABSENT: it was removed by somebody else */
    bool start_asked; /* a request wants a start now, whatever the policy says */
    enum wc_restart restart;
    int64_t restart_max;
    bool exit_ok; /* EXITED with 0, and not stopped for being sick */
    bool stopped_by_user;
    unsigned failures;    /* exits and failed ops in a row */
    bool op_failed;       /* the last create, start or remove failed */
    uint64_t retry_at_ms; /* not to be tried before */

    bool drifted;        /* RUNNING, PAUSED: somebody else changed something of it, or paused it */
    uint64_t mend_at_ms; /* that isn't put back before */
    bool sick;       /* RUNNING: its health check failed, and the service says to restart it then */
    bool post_start; /* RUNNING: hooks of its start are left to be run */
    bool hook_failed;    /* RUNNING: one of them failed: that start has failed */
    bool pre_stop;       /* RUNNING: hooks of its stop are left to be run */
    bool hook_in_flight; /* never two at a time */
    uint64_t
        hooks_until_ms;    /* its stop has begun: when it is no longer put off for hooks; 0 = not */
    bool outdated;         /* it lacks limits or labels that it can be given in place */
    uint64_t update_at_ms; /* with outdated: not to be tried before */
    bool stop_sent;        /* also when that was for being sick */
    uint64_t kill_at_ms;   /* with stop_sent: when grace is over */
};

struct wc_step_out {
    enum wc_act act;
    enum wc_phase phase;
    uint64_t wake_at_ms; /* 0 = nothing changes by itself */
};

/* Returns the next action for one instance; WC_ACT_NONE with wake_at_ms != 0 means "ask again
 * then". */
struct wc_step_out wc_step(const struct wc_step_in *in);

#endif
