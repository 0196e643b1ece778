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

#endif
