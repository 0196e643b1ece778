/* rollout.h - how a change reaches the replicas of one service (orchestrator/core, pure).
 *
 * Idea:    a replica is released when it may change, and is done when its new incarnation has been
 *          ready for the monitor time without a break. The rollout only says which one may go next,
 *          and when too many have failed; taking the old one away and making the new one is the
 *          ordinary step. What it must remember is in two small values that the caller keeps.
 * Owner:   values; the slots are the caller's. Threads: none. Blocks: never. Errors: none.
 * Source:  Compose Deploy Specification, "update_config", "rollback_config".
 */
#ifndef ORCHESTRATOR_CORE_ROLLOUT_H
#define ORCHESTRATOR_CORE_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/model.h"
#include "wcompose/state.h"

/* What it goes by; latched when it begins. */
struct wc_rollout_conf {
    bool start_first;
    enum wc_failure_action action;
    unsigned parallelism; /* 0 = all at once */
    uint64_t delay_ms, monitor_ms, progress_ms;
    uint64_t max_failure_nano; /* share of the replicas, in billionths */
};

/* One replica. */
struct wc_rollout_slot {
    bool old_up;     /* its former incarnation runs */
    bool new_ready;  /* the new one is as it is to be: runs, is healthy, and names and ports lead to
                        it; or completed */
    bool new_failed; /* it ended, is unhealthy, or can't be made, since it was released */

    bool released; /* from here on: kept by the caller, changed by the step. One that failed and was
                      taken back (start-first) is not released any more, and isn't tried again */
    bool done, failed;
    uint64_t released_at_ms, ready_at_ms; /* ready_at_ms 0: not ready */
};

/* The rollout as a whole. */
struct wc_rollout {
    enum wc_rollout_state state;
    unsigned failures;   /* replicas that failed */
    uint64_t next_at_ms; /* no further one is released before */
};

/* Returns the conf of an update, or of a rollback when `back`: a rollback is never rolled back, it
 * stops. */
struct wc_rollout_conf wc_rollout_conf_of(const struct wc_service *service, bool back);

/* Moves the rollout on as far as the facts allow.
 *   may_begin  what the new version needs is there: without it nothing is released
 * Returns when to ask again though no fact has changed; 0 = never. */
uint64_t wc_rollout_step(const struct wc_rollout_conf *conf, struct wc_rollout *rollout,
                         struct wc_rollout_slot *slots, size_t n, bool may_begin, uint64_t now_ms);

#endif
