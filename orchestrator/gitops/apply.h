/* apply.h - a project's text is put in force by its own supervisor (orchestrator/gitops, private).
 */
#ifndef ORCHESTRATOR_GITOPS_APPLY_H
#define ORCHESTRATOR_GITOPS_APPLY_H

#include "wcompose/gitops.h"

struct wc_gitops_apply {
    const struct wc_paths *paths;
    const char *project;
    const char *text; /* wire text */
    bool is_old;      /* of a generation of before: a rollback */
    bool prune;       /* remove services that it doesn't have */
    int64_t limit_ms; /* until it is ready */
    int interrupt_fd;
};

enum wc_gitops_applied {
    WC_APPLIED_READY,
    WC_APPLIED_NOT_READY, /* the time is over, or something failed: why says what */
    WC_APPLIED_BROKEN,    /* it couldn't be asked, or the host wasn't able to */
    WC_APPLIED_LEFT,      /* interrupted; the supervisor goes on */
};

/* Blocks until it is ready or won't be. *why lives in the arena; "" when ready. */
enum wc_gitops_applied wc_gitops_apply(const struct wc_gitops_apply *apply, struct wc_arena *arena,
                                       const char **why);

/* Takes a project down by its own supervisor, services that its text doesn't have too, volumes not.
 * Blocks until nothing of it runs. WC_ERR_CANCELLED when interrupted; the supervisor goes on. */
int wc_gitops_down(const struct wc_paths *paths, const char *project, int interrupt_fd,
                   struct wc_err *err);

#endif
