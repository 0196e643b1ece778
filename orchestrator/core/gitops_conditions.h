/* gitops_conditions.h - setting a condition (orchestrator/core, private to gitops*.c; pure). */
#ifndef ORCHESTRATOR_CORE_GITOPS_CONDITIONS_H
#define ORCHESTRATOR_CORE_GITOPS_CONDITIONS_H

#include "orchestrator/core/gitops.h"

/* Why: one word, and a sentence; NULL = "". */
struct wc_gitops_told {
    const char *reason, *message;
};

/* Sets it, for the newest candidate; since_ms moves where status or reason differ. */
void wc_gitops_tell(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                    enum wc_gitops_condition_type type, enum wc_gitops_truth status,
                    const struct wc_gitops_told *told);

/* That an attempt is under way, and whether it took the place of another. */
void wc_gitops_tell_applying(const struct wc_gitops_in *in, struct wc_gitops_memory *memory);

/* What there is to say of the newest candidate, by what the look at it has come to. */
void wc_gitops_tell_all(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        const struct wc_gitops_pass *pass);

#endif
