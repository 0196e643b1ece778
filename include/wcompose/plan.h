/* plan.h - the order of things: waves, reasons and actions for people (contract, plain data, pure).
 *
 * Idea:    a plan is what `wcompose plan` prints: derived by the same core that acts, from the same
 * values. Owner:   the arena given to the planner.
 */
#ifndef WCOMPOSE_PLAN_H
#define WCOMPOSE_PLAN_H

#include <stddef.h>

#include "wcompose/diag.h"
#include "wcompose/model.h"
#include "wcompose/state.h"

/* Why a service runs at its level. */
struct wc_isolation_choice {
    enum wc_isolation level; /* PROCESS or HYPERV */
    const char *code;        /* stable: "asked", "default" … */
    const char *why;         /* sentence, arena or literal */
    struct wc_loc at;        /* deciding line, or zero */
};

/* The graph in order. Wave w holds services whose dependencies are all in waves < w. */
struct wc_plan_service {
    const struct wc_service *service;
    unsigned wave; /* 1-based */
    struct wc_isolation_choice isolation;
};

/* The whole order. */
struct wc_plan {
    struct wc_plan_service
        *services; /* in start order: by wave, then name; stop order is the reverse */
    size_t n_services;
    unsigned n_waves;
};

/* Orders a project. A cycle is reported to diags (E201, with every edge's place) and makes the
 * result WC_ERR_SPEC; an isolation demand that can't be kept is reported (E401) and gives
 * WC_ERR_ISOLATION. hyperv_usable  whether this host can give a kernel of its own; when not,
 * hyperv_why says what is missing
 */
struct wc_plan_host {
    bool hyperv_usable;
    const char *hyperv_why;
};
int wc_plan_make(const struct wc_project *project, const struct wc_plan_host *host,
                 struct wc_arena *arena, struct wc_diags *diags, struct wc_plan *out);

/* Reports the cycles (E201) of a project, of one with other mistakes too: a dependency that isn't
 * there is passed over. */
void wc_plan_check(const struct wc_project *project, struct wc_arena *arena,
                   struct wc_diags *diags);

#endif
