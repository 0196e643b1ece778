/* proof.h - a decision on its way to words (orchestrator/core, private to proof*.c).
 *
 * Owner:   texts are literals or the arena's.
 */
#ifndef ORCHESTRATOR_CORE_PROOF_H
#define ORCHESTRATOR_CORE_PROOF_H

#include "orchestrator/core/isolation.h"
#include "wcompose/plan.h"

struct wc_arena;

/* One decision. */
struct wc_prover {
    const struct wc_proof_in *in;
    struct wc_arena *arena;
    struct wc_isolation_facts facts;
    struct wc_verdict verdict;
    struct wc_isolation_step *steps;
    size_t n;
    /* the first rule that requires a level, by level; of the host's and of the project's */
    const struct wc_rule *by_host[WC_ISOLATION_HYPERV + 1], *by_project[WC_ISOLATION_HYPERV + 1];
};

/* ---- proof_text.c: parts of sentences ---- */

/* "host policy 'data'"; "profile prod default". */
const char *wc_proof_rule(const struct wc_prover *p, const struct wc_rule *rule, bool is_host);
const char *wc_proof_profile(const struct wc_prover *p);

/* Why somebody wants a level, and where that stands (zero: nowhere). */
const char *wc_proof_demand(const struct wc_prover *p, enum wc_demand by, enum wc_isolation level);
struct wc_loc wc_proof_place(const struct wc_prover *p, enum wc_demand by, enum wc_isolation level);

/* Two demands exclude each other. */
bool wc_proof_is_conflict(enum wc_ruling ruling);

/* Why a level, or any, can't be had. */
const char *wc_proof_obstacle(const struct wc_prover *p, enum wc_ruling ruling);

/* The whole verdict; what there is to know about it. */
const char *wc_proof_why(const struct wc_prover *p);
const char *wc_proof_remark(const struct wc_prover *p, enum wc_isolation_note note);

/* ---- proof_steps.c ---- */

/* Fills steps and n. */
void wc_proof_steps(struct wc_prover *p);

#endif
