/* backoff.h - how long to wait before the next attempt (orchestrator/core, pure).
 *
 * Idea:    the first restart is immediate, because most exits are single ones and downtime is what
 * users feel; each further failure in a row doubles the wait. Jitter comes from the name and the
 * attempt, so that a fleet spreads and a test repeats.
 * Threads: none. Errors: none.
 * Source:  Compose Deploy Specification, "restart_policy".
 */
#ifndef ORCHESTRATOR_CORE_BACKOFF_H
#define ORCHESTRATOR_CORE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum { WC_BACKOFF_FIRST_MS = 100, WC_BACKOFF_MAX_MS = 60000, WC_BACKOFF_WELL_MS = 10000 };

/* Returns the wait after `failures` failures in a row: 0 for 0 and 1, then 100 ms doubling up to 60
 * s, each within 10 % of that. */
uint64_t wc_backoff_delay_ms(const char *id, unsigned failures);

/* True when something that ran for ran_ms ran well enough to forget its failures: at least 10 s and
 * ten times the last wait. */
bool wc_backoff_ran_well(uint64_t ran_ms, uint64_t delay_ms);

/* What deploy.restart_policy says of it; zero: nothing. */
struct wc_restart_pace {
    uint64_t delay_ms;  /* the wait before each restart, instead of the doubling one */
    uint64_t window_ms; /* what ran so long has been restarted well */
};

/* As wc_backoff_delay_ms and wc_backoff_ran_well, by that. Nothing waits before the first failure.
 */
uint64_t wc_backoff_pace_ms(struct wc_restart_pace pace, const char *id, unsigned failures);
bool wc_backoff_is_well(struct wc_restart_pace pace, uint64_t ran_ms, uint64_t delay_ms);

/* A number from a name and a count, spread evenly and the same in every run: for jitter. */
uint64_t wc_mix(const char *id, unsigned n);

#endif
