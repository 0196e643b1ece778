/* recall.h - the last events of a project, kept for those who ask later (private to orchestrator/).
 *
 * Idea:    a ring of events as JSON text, bounded by number and by bytes; the oldest go first. It
 *          is a supervisor's memory and ends with it: what must survive is in the journal.
 * Owner:   the recall owns its texts; what recall_get returns is borrowed until the next add.
 * Threads: a value. Errors: none.
 */
#ifndef ORCHESTRATOR_RECALL_H
#define ORCHESTRATOR_RECALL_H

#include <stddef.h>
#include <stdint.h>

enum {
    WC_RECALL_EVENTS = 1000,
    WC_RECALL_BYTES = 256 * 1024, /* of text; one event alone may be more */
};

/* One event. */
struct wc_recalled {
    uint64_t seq;
    int64_t wall_ms;
    char *json; /* as wc_event_to_json wrote it, len bytes */
    size_t len;
};

/* All zero is an empty one. */
struct wc_recall {
    struct wc_recalled *ring; /* cap places, at most WC_RECALL_EVENTS */
    size_t cap, first, n;
    size_t bytes;
    uint64_t n_forgotten;
};

void wc_recall_deinit(struct wc_recall *recall);

/* Adds a copy; `seq` is above all before it. */
void wc_recall_add(struct wc_recall *recall, uint64_t seq, int64_t wall_ms, const char *json,
                   size_t len);

/* The i-th kept event, oldest first; i < recall->n. */
const struct wc_recalled *wc_recall_get(const struct wc_recall *recall, size_t i);

#endif
