/* checkout.h - a tree of git's, and of its sub-modules, as one directory (orchestrator/gitops,
 * private).
 *
 * Idea:    a commit names each sub-module's commit by its hash, so who signed the one has signed
 * all content; where that is got from is only an address. It is an author's word all the same: an
 * address is held to what the source's own may be, and to the host where it is local. Owner:
 * strings live in the place's arena. Threads: one. Blocks: on git, until the deadline. Errors:  as
 * wcompose/source.h says; what a remote of a sub-module refuses is WC_ERR_UNAVAILABLE.
 */
#ifndef ORCHESTRATOR_GITOPS_CHECKOUT_H
#define ORCHESTRATOR_GITOPS_CHECKOUT_H

#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/lfs.h"
#include "orchestrator/gitops/tree.h"
#include "wcompose/lists.h"

/* How many sub-modules a source may have in all, and how deep in each other. */
enum { WC_MODULES_MAX = 32, WC_MODULES_DEEP = 4 };

/* All that one checkout has in common. */
struct wc_checkout {
    struct wc_tree tree;
    const struct wc_app_source *source;
    const struct wc_source_place *place;
    uint64_t deadline_at_ms; /* of all of it */
    unsigned modules_left;
    struct wc_strv used; /* names of the directories in place/modules that were used */
    struct wc_lfs_use lfs;
};

/* One sub-module: where it is named, and which commit is meant. */
struct wc_module {
    const struct wc_git *git; /* of the commit that names it */
    const char *commit;       /* that has .gitmodules */
    const char *path;         /* from that commit's top */
    const char *id;           /* the sub-module's commit */
};

/* modules.c: a sub-module's own source and place, fetched. */
struct wc_module_source {
    struct wc_app_source source;
    struct wc_source_place place;
    struct wc_revision revision;
};

/* Finds out where a sub-module is to be got from, and gets its one commit, unless it is here. */
int wc_module_fetch(struct wc_checkout *all, const struct wc_module *module,
                    struct wc_module_source *out, struct wc_err *err);

/* The address of the sub-module at `path` in what `git config -z --list` prints of .gitmodules
 * (pure). NULL with the reason in *why: it has none, or two are at that path. */
const char *wc_module_url(const char *text, size_t len, const char *path, const char **why);

/* An address as .gitmodules has it, from the one of the repository that has it: "../lib.git" beside
 * "https://host/shop.git" (pure). What isn't relative is taken as it is. NULL: it leads out of the
 * host, or nowhere. */
const char *wc_module_resolve(const char *base, const char *url, struct wc_arena *arena);

/* True when a sub-module's address may be used for a source: https or ssh; on this host only where
 * the source is, relative, and beside it (pure).
 *   source    the source's own address
 *   url       as .gitmodules has it
 *   resolved  what came of it */
bool wc_module_may(const char *source, const char *url, const char *resolved, const char **why);

#endif
