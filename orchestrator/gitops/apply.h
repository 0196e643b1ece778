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
    int wake_fd; /* readable: look up from it; read until nothing is left. -1: none */
};

enum wc_gitops_applied {
    WC_APPLIED_READY,
    WC_APPLIED_NOT_READY, /* the time is over, or something failed: why says what */
    WC_APPLIED_BROKEN,    /* it couldn't be asked, or the host wasn't able to */
    WC_APPLIED_LEFT,      /* interrupted; the supervisor goes on */
    WC_APPLIED_PENDING,   /* it isn't ready yet, and it is time to look up */
    WC_APPLIED_TOLD,      /* the same, because of wake_fd */
};

/* An apply that was asked for. It is heard of while somebody waits for it, or later. */
struct wc_gitops_applying;

/* Asks for it; what is borrowed stays valid until the end. What goes wrong is told by the first
 * wait. */
struct wc_gitops_applying *wc_gitops_apply_begin(const struct wc_gitops_apply *apply,
                                                 struct wc_arena *arena);

/* Blocks until it is ready or won't be, or until look_up_at_ms (CLOCK_MONOTONIC; 0 = never, and
 * wake_fd isn't heeded): then it may be waited for again. *why lives in the arena; "" when there is
 * nothing to say. */
enum wc_gitops_applied wc_gitops_apply_wait(struct wc_gitops_applying *applying,
                                            uint64_t look_up_at_ms, const char **why);

/* How much of its time is left; 0 = none. */
int64_t wc_gitops_apply_left_ms(const struct wc_gitops_applying *applying);

/* Nobody hears of it any more; the supervisor goes on with it. NULL is fine. */
void wc_gitops_apply_end(struct wc_gitops_applying *applying);

/* Takes a project down by its own supervisor, services that its text doesn't have too, volumes not.
 * Blocks until nothing of it runs. WC_ERR_CANCELLED when interrupted; the supervisor goes on. */
int wc_gitops_down(const struct wc_paths *paths, const char *project, int interrupt_fd,
                   struct wc_err *err);

#endif
