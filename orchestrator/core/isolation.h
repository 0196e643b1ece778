/* isolation.h - at which level a service runs, and why (orchestrator/core, pure).
 *
 * Idea:    a promise is kept or refused with a reason, never weakened: the only change this
 * function ever makes to what was asked is upwards. Owner:   arguments are borrowed; sentences are
 * literals or live in the arena. Threads: none. Source: design.md section 4; Docker Engine API,
 * HostConfig.Isolation.
 */
#ifndef ORCHESTRATOR_CORE_ISOLATION_H
#define ORCHESTRATOR_CORE_ISOLATION_H

#include <stdbool.h>

#include "wcompose/plan.h"

struct wc_arena;

struct wc_isolation_in {
    const struct wc_service *service;
    const struct wc_plan_host *host;
    const char *other_tenant; /* a tenant of the same project that is not the service's, or NULL */
};

/* Decides. On success *out holds the level, a stable code ("asked", "default", "untrusted",
 * "tenant"), the sentence and the deciding place. Returns 0, or WC_ERR_ISOLATION with the demand,
 * its place and what the host lacks in *err.
 */
int wc_isolation_decide(const struct wc_isolation_in *in, struct wc_arena *arena,
                        struct wc_isolation_choice *out, struct wc_err *err);

#endif
