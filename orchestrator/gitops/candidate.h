/* candidate.h - what a pass would put in force: a project that was loaded, and what its images
 * stand for (orchestrator/gitops, private).
 *
 * Owner:   the runner's; strings live in its arena.
 * Threads: one. Blocks: wc_gitops_candidate_ask, on registries.
 */
#ifndef ORCHESTRATOR_GITOPS_CANDIDATE_H
#define ORCHESTRATOR_GITOPS_CANDIDATE_H

#include "base/buf.h"
#include "base/hash.h"
#include "wcompose/gitops.h"

struct wc_gitops_candidate {
    const struct wc_gitops_run *run;
    struct wc_gitops_record *record; /* its answers are replaced by new ones */
    struct wc_arena *arena;
    const char *inputs;             /* of now */
    struct wc_project *project;     /* once loaded */
    struct wc_buf wire;             /* the same, as text */
    struct wc_gitops_images images; /* with what they stand for, once that is in the text */
    char hash[WC_SHA256_HEX + 1];   /* of those that were asked about */
};

/* Puts what is known of its images into a project that was just loaded. False when an image is
 * among them that nobody was asked about. */
bool wc_gitops_candidate_known(struct wc_gitops_candidate *candidate);

/* Asks the registries about the newest revision's images, and takes down what they answer. *hash is
 * set when all are known, be it from before; that may go with an error. */
int wc_gitops_candidate_ask(struct wc_gitops_candidate *candidate, const char **hash,
                            struct wc_err *err);

#endif
