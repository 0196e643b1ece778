/* story.h - what an instance can tell of itself: since when it is as it is, and because of what
 * (private to orchestrator/engine* and its parts; bus.c writes it).
 *
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_STORY_H
#define ORCHESTRATOR_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/engine.h"

struct svc;

/* What an instance has to tell of itself. */
struct story {
    enum wc_phase phase; /* since at_ms (wall clock, 0 = never looked at) */
    int64_t at_ms;
    struct wc_said said;       /* its last event; `reason` is its own */
    uint64_t cause;            /* seq of the event that what is done next follows from */
    uint64_t started;          /* seq of the event of its last start */
    const struct svc *awaited; /* what it was told to wait for, until it does no more */
    bool hit;                  /* a person's signal is on its way to this run */
};

#endif
