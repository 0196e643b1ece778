/* runner_priv.h - what the files of a pass share (orchestrator/gitops, private).
 *
 * Owner:   the pass is on the stack of wc_gitops_run; strings live in its arena.
 * Threads: one. Blocks: wc_runner_act, and wc_runner_refresh for some files.
 */
#ifndef ORCHESTRATOR_GITOPS_RUNNER_PRIV_H
#define ORCHESTRATOR_GITOPS_RUNNER_PRIV_H

#include <sys/stat.h>

#include "base/hash.h"
#include "orchestrator/core/gitops.h"
#include "orchestrator/gitops/apply.h"
#include "orchestrator/gitops/candidate.h"
#include "wcompose/source.h"

/* A pass. */
struct wc_runner {
    const struct wc_gitops_run *run; /* `own`: its app is as the file has it now */
    struct wc_gitops_run own;
    struct wc_arena *arena;
    const char *dir;
    struct wc_gitops_record record;
    struct wc_gitops_in in;
    struct wc_gitops_pass pass;
    struct wc_gitops_ran ran;
    char inputs[WC_SHA256_HEX + 1];
    struct stat file_was; /* of the agent file when it was read last */
    struct wc_app_source source;
    struct wc_source_place place;
    struct wc_revision revision;
    struct wc_gitops_candidate candidate;
    struct wc_gitops_apply apply;        /* of what is waited for */
    struct wc_gitops_applying *applying; /* NULL: nothing is */
    bool has_waited;     /* in this pass something was put in force, which takes time */
    bool is_over;        /* this pass has to leave: what a revision is judged by is other now */
    bool is_gone;        /* the file doesn't have the app any more */
    bool has_unanswered; /* a registry didn't tell, and what was known holds */
};

/* Says a step, for people; %-formatted. */
void wc_runner_say(struct wc_runner *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The wall's clock. */
int64_t wc_runner_now_ms(void);

/* runner_acts.c: does it; what it came to is in *out, which is DONE before. */
void wc_runner_act(struct wc_runner *r, const struct wc_gitops_out *what,
                   struct wc_gitops_result *out);

/* Adds a line to the app's history. */
void wc_runner_add_past(struct wc_runner *r, const char *what, const char *revision,
                        const char *why);

/* The images that the attempt has and the good revision doesn't, in words; "". */
const char *wc_runner_image_change(const struct wc_runner *r);

/* runner_inputs.c: finds out what holds at the beginning of a pass. */
void wc_runner_prepare(struct wc_runner *r);

/* The same before each action: people suspend, windows close. */
void wc_runner_look_around(struct wc_runner *r);

/* What a revision is judged by is other than when the pass began, or the file doesn't have the app
 * any more (is_gone): this pass has to leave. */
bool wc_runner_is_stale(struct wc_runner *r);

#endif
