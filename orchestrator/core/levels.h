/* levels.h - the levels of all services of a project (orchestrator/core, pure). */
#ifndef ORCHESTRATOR_CORE_LEVELS_H
#define ORCHESTRATOR_CORE_LEVELS_H

#include "wcompose/plan.h"

/* Decides for every service, or takes what is settled, and checks that this host can give it; what
 * can't be had is reported (E401), all of it.
 *   out  project->n_services entries
 * Returns 0 or WC_ERR_ISOLATION.
 */
int wc_levels_choose(const struct wc_project *project, const struct wc_plan_host *host,
                     struct wc_arena *arena, struct wc_diags *diags,
                     struct wc_isolation_choice *out);

#endif
