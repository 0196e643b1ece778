/* front.h - which incarnation of a replica names and published ports lead to, while several are
 * there (orchestrator/core, pure).
 *
 * Idea:    they lead to one that is ready, and stay with it; the one that is wanted takes them over
 *          when it is ready too. While none is, whoever has them keeps them as long as it runs.
 * Owner:   values. Threads: none. Blocks: never. Errors: none.
 */
#ifndef ORCHESTRATOR_CORE_FRONT_H
#define ORCHESTRATOR_CORE_FRONT_H

#include <stdbool.h>
#include <stddef.h>

/* One incarnation. */
struct wc_front {
    bool leads;  /* they lead to it now */
    bool wanted; /* it is the one that the model asks for; the others are there until it is ready */
    bool up;     /* it runs */
    bool ready;  /* and is healthy, or has no health check, and its post_start hooks are over */
    bool stays;  /* nobody wants it to end */
};

/* Returns the number of the one that they are to lead to; n is at least 1. */
size_t wc_front_choose(const struct wc_front *all, size_t n);

#endif
