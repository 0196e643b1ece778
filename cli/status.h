/* status.h - an app on one screen: is it as it should be, and if not, what is missing (cli, layer
 * 5, pure).
 *
 * Idea:    three conditions, as reconcilers name them. Ready: everything that is wanted is there
 *          and well. Reconciling: something is under way that may change that by itself. Stalled:
 *          nothing of that comes by itself any more; a person is needed.
 * Owner:   everything that comes out lives in the arena or is borrowed from what went in.
 * Threads: any. Errors: none.
 */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "cli/why.h"

struct wc_buf;

/* A condition, and why it is or isn't so. */
struct wc_condition {
    bool holds;
    const char *reason; /* never NULL; "" when there is nothing to say */
};

/* One service. */
struct wc_status_service {
    const char *service;
    const char *state; /* as struct wc_why; "not up": it isn't wanted at the moment */
    bool ready, wanted;
    unsigned running, done, healthy, instances, restarts; /* counts of its wanted instances */
    bool has_check;
    int64_t since_ms;                     /* wall clock: as it is now; 0 = not known */
    const struct wc_rollout_row *rollout; /* that is not at its end, or NULL */
    const char *note;                     /* what it waits for, why it failed; "" */
};

struct wc_status {
    const char *project;
    struct wc_condition ready, reconciling, stalled;
    uint64_t generation; /* in force; 0 = none */
    const char *outcome; /* of it, or NULL */
    bool supervised;
    bool file_differs;                  /* the file says something else than what was accepted */
    struct wc_status_service *services; /* by name */
    size_t n;
    const char *next[3]; /* as struct wc_why */
    size_t n_next;
    int64_t now_ms;
};

/* Sums up. in->model says which services there are, in->history which generation.
 *   file_differs  see above
 */
void wc_status_make(const struct wc_why_in *in, const char *project, bool file_differs,
                    struct wc_arena *arena, struct wc_status *out);

void wc_status_format_text(const struct wc_status *status, const struct wc_style *style,
                           const char *command, struct wc_buf *out);
void wc_status_format_json(const struct wc_status *status, struct wc_buf *out);

#endif
