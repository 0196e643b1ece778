/* diff.h - why an instance is out of date (orchestrator/core, pure).
 *
 * Idea:    the decision is the hash's alone; this only explains it.
 * Threads: none. Errors: none.
 */
#ifndef ORCHESTRATOR_CORE_DIFF_H
#define ORCHESTRATOR_CORE_DIFF_H

#include <stdbool.h>

#include "wcompose/state.h"

struct wc_arena;

/* True when the instance that is there isn't the one that is wanted. */
bool wc_diff_stale(const struct wc_instance *wanted, const struct wc_fact *seen);

/* Returns the sentence for people: "image changed", "image changed: nginx:1.22 -> nginx:1.23",
 * "configuration changed", both joined by ", "; "isolation changed: process -> hyperv", whatever
 * else has; NULL when it is up to date. From the arena. */
const char *wc_diff_why(const struct wc_instance *wanted, const struct wc_fact *seen,
                        struct wc_arena *arena);

/* True when it lacks what it can be given in place. One that is stale as well gets both by its
 * successor. */
bool wc_diff_outdated(const struct wc_instance *wanted, const struct wc_fact *seen);

/* Returns what of it changed: "mem_limit 64 MiB -> 128 MiB, labels"; "limits or labels" when `old`
 * is NULL or nothing differs. From the arena, or a literal. */
const char *wc_diff_inplace(const struct wc_service *old, const struct wc_service *now,
                            struct wc_arena *arena);

#endif
