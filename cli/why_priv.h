/* why_priv.h - what the two walks share (private to cli/why_*.c).
 *
 * Idea:    why_chain.c walks along dependencies, why_causes.c along the causes of events; both add
 *          links to one chain.
 * Threads: any.
 */
#ifndef CLI_WHY_PRIV_H
#define CLI_WHY_PRIV_H

#include "cli/why.h"

enum { WC_WHY_STEPS = 40 }; /* longer chains are cut */

struct wc_why_teller {
    const struct wc_why_in *in;
    struct wc_arena *arena;
    struct wc_why *out;
    bool *seen;  /* by row */
    size_t root; /* number of the step + 1; 0 = the last one */
};

/* The place of a field of a service ("" = the service), zero when the file isn't known. */
struct wc_loc wc_why_place(const struct wc_why_teller *t, const char *service, const char *field);

/* Adds a link; that of an instance. field: that makes it so; "" = the service as a whole, NULL =
 * none. */
struct wc_why_step *wc_why_add(struct wc_why_teller *t, const struct wc_why_step *step);
void wc_why_add_row(struct wc_why_teller *t, const struct wc_ps_row *row, int64_t wall_ms,
                    const char *text, const char *field);

/* The event of that number; the last one of an instance of that action. NULL: none is remembered.
 */
const struct wc_event *wc_why_event(const struct wc_ps *ps, uint64_t seq);
const struct wc_event *wc_why_last(const struct wc_ps *ps, const struct wc_ps_row *row,
                                   const char *action);

/* Adds one event; it and all that it comes from; all that it comes from. e may be NULL. */
void wc_why_add_event(struct wc_why_teller *t, const struct wc_event *e);
void wc_why_follow(struct wc_why_teller *t, const struct wc_event *e);
void wc_why_follow_cause(struct wc_why_teller *t, const struct wc_event *e);

#endif
