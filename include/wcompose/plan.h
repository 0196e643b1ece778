/* plan.h - the order of things: waves, reasons and actions for people (contract, plain data, pure).
 *
 * Idea:    a plan is what `wcompose plan` prints: derived by the same core that acts, from the same
 * values. Owner:   the arena given to the planner.
 */
#ifndef WCOMPOSE_PLAN_H
#define WCOMPOSE_PLAN_H

#include <stddef.h>

#include "wcompose/diag.h"
#include "wcompose/host.h"
#include "wcompose/model.h"
#include "wcompose/state.h"

/* One thing that was looked at on the way to a decision. */
struct wc_isolation_step {
    const char *rule;  /* "isolation: hyperv", "policy 'data'" */
    const char *says;  /* "asks for hyperv", "is not about it" */
    const char *place; /* "host", "image" where it stands in no file of the project; else NULL */
    struct wc_loc at;  /* zero: nowhere */
    bool decided;
};

/* Something to know about a level that can be had. */
struct wc_isolation_remark {
    const char *code; /* stable: "licence", "tests_only" … */
    const char *text;
};

/* Why a service runs at its level. */
struct wc_isolation_choice {
    enum wc_isolation level; /* PROCESS or HYPERV; in a proof also DEFAULT: it can't run */
    const char *code;        /* stable: "asked", "untrusted", "version" …; docs/isolation.md */
    const char *why;         /* sentence, arena or literal */
    struct wc_loc at;        /* deciding line, or zero */
    const struct wc_isolation_step *steps; /* in a proof: all that was looked at, in order */
    size_t n_steps;
    const struct wc_isolation_remark *remarks; /* in a proof */
    size_t n_remarks;
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
    bool is_emulated; /* machines run without the processor's help here; set by who has asked the
                       * host
                       */
};

/* Orders a project. A cycle is reported to diags (E201, with every edge's place) and makes the
 * result WC_ERR_SPEC; an isolation demand that can't be kept is reported (E401) and gives
 * WC_ERR_ISOLATION. hyperv_usable  whether this host can give a kernel of its own; when not,
 * hyperv_why says what is missing
 */
struct wc_plan_host {
    bool hyperv_usable;
    const char *hyperv_why;
    const struct wc_policy *policy; /* the host's rules, or NULL: there are none */
};
int wc_plan_make(const struct wc_project *project, const struct wc_plan_host *host,
                 struct wc_arena *arena, struct wc_diags *diags, struct wc_plan *out);

/* Decides the level of every service by the rules alone, whether this host can give it or not, and
 * notes it in the model (wc_service_settle), so that hashes say it and whoever gets the model acts
 * by it. What can't be decided, as demands exclude each other, stays unsettled: wc_plan_make
 * reports it. policy  the host's rules, or NULL anew    false: only services that aren't settled
 */
void wc_plan_settle(struct wc_project *project, const struct wc_policy *policy, bool anew,
                    struct wc_arena *arena);

/* Holds a settled project from a restricted source to a level (E117, all that is below it).
 *   floor   HYPERV: every service with an instance has a kernel of its own
 *           DEFAULT: those that had one in `before` have one, also where they have no instance now
 *           PROCESS: any level is fine
 *   before  what is in force, settled, or NULL: nothing
 * Returns 0 or WC_ERR_ISOLATION.
 */
int wc_plan_hold(const struct wc_project *project, const struct wc_project *before,
                 enum wc_isolation floor, struct wc_arena *arena, struct wc_diags *diags);

/* Checks that no service of a settled model gets less than the rules demand by now. Returns 0, or
 * WC_ERR_ISOLATION with the first that does in *err. */
int wc_plan_verify(const struct wc_project *project, const struct wc_policy *policy,
                   struct wc_arena *arena, struct wc_err *err);

/* What a proof is made from. All is borrowed. */
struct wc_proof_in {
    const struct wc_project *project;
    const struct wc_service *service;
    const struct wc_policy *policy; /* the host's rules, or NULL */
    const struct wc_host_facts *host;
    const struct wc_image_facts *image; /* NULL: nothing is known of it */
};

/* Decides for one service on one host, and tells how. Never fails: that it can't run there is an
 * answer (level DEFAULT, `code` and `why` the reason, `at` the line that demands it). */
void wc_plan_prove(const struct wc_proof_in *in, struct wc_arena *arena,
                   struct wc_isolation_choice *out);

/* Reports the cycles (E201) of a project, of one with other mistakes too: a dependency that isn't
 * there is passed over. */
void wc_plan_check(const struct wc_project *project, struct wc_arena *arena,
                   struct wc_diags *diags);

#endif
