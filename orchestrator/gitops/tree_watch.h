/* tree_watch.h - whether anything in a directory, or beneath it, changes (orchestrator/gitops,
 * private; uses libuv).
 *
 * Idea:    one inotify descriptor with a watch for each directory. What changes is not looked at:
 *          whoever is told looks for himself. When directories come or go, or the kernel has left
 *          something out, the tree is walked again, and told of after that: nothing is missed.
 * Owner:   who opened it closes it; it is freed when its handles are closed.
 * Threads: the loop's; trees are walked on libuv's own.
 * Errors:  what can't be watched is told by `partial`, and is found at the next look.
 */
#ifndef ORCHESTRATOR_GITOPS_TREE_WATCH_H
#define ORCHESTRATOR_GITOPS_TREE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum { WC_TREE_WATCH_MAX = 4096 }; /* directories that are watched of a tree, the upper ones */

struct wc_tree_watch;

struct wc_tree_watch_config {
    const char *root; /* absolute; a symbolic link is followed here, and only here */
    const char *only; /* a file right in it: nothing else counts, or is watched; NULL: all do */
    size_t max;       /* directories; 0 = WC_TREE_WATCH_MAX */
    void (*changed)(void *data); /* some time after the last of several changes */
    /* Not all is watched; words for why. Once for each reason, until it is whole again. */
    void (*partial)(void *data, const char *root, const char *why);
    void (*closed)(void *data); /* nothing is called after that */
    void *data;
};

/* Begins to watch. Never fails: what is wrong is told later. */
struct wc_tree_watch *wc_tree_watch_open(uv_loop_t *uv, const struct wc_tree_watch_config *config);

/* True when that is what it watches. */
bool wc_tree_watch_is_of(const struct wc_tree_watch *watch, const char *root, const char *only);

/* Sees whether the root is still the directory that is watched: it may have been replaced, which
 * nothing tells of. */
void wc_tree_watch_check(struct wc_tree_watch *watch);

/* Ends it; `closed` follows. */
void wc_tree_watch_close(struct wc_tree_watch *watch);

#endif
