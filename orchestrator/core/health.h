/* health.h - from answers of a health check to a state (orchestrator/core, pure).
 *
 * Idea:    what counts is Docker's timeline (interval, start_period, retries), but until the first
 * success it is asked more often, first at once, then after 100 ms doubling up to 2 s: a service is
 * seen healthy when it is, not an interval later. Such early failures never count. "The check could
 * not be run" is no answer: it changes nothing by itself.
 * Threads: none. Errors: none.
 * Source:  Compose Specification, "healthcheck"; Dockerfile reference, HEALTHCHECK.
 */
#ifndef ORCHESTRATOR_CORE_HEALTH_H
#define ORCHESTRATOR_CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/model.h"
#include "wcompose/state.h"

/* A check as it is carried out: the service's laid over the image's, defaults filled in. */
struct wc_health_conf {
    bool enabled;
    struct wc_strv test;   /* CMD or CMD-SHELL and what follows; borrowed */
    struct wc_check check; /* instead of it, when its kind isn't TEST; texts borrowed */
    uint64_t interval_ms, timeout_ms, start_period_ms, start_interval_ms;
    unsigned retries;
};

/* Merges. `service` and `image` may be unset; neither is NULL. */
struct wc_health_conf wc_health_merge(const struct wc_healthcheck *service,
                                      const struct wc_healthcheck *image);

/* True when both ask the same: what is known by the answers of one holds for the other. */
bool wc_health_asks_same(const struct wc_health_conf *a, const struct wc_health_conf *b);

struct wc_health_watch {
    enum wc_health status;            /* NONE when there is no check, or nothing runs */
    unsigned failing;                 /* failures in a row that count */
    unsigned said_no;                 /* of those, checks that ran and failed */
    unsigned not_run;                 /* checks in a row that could not be run */
    unsigned early;                   /* early probes so far */
    uint64_t started_at_ms;           /* of the process, engine's clock */
    uint64_t counts_from_ms;          /* a failure before that does not count */
    uint64_t next_at_ms;              /* when to ask next; 0 = never */
    uint64_t first_ok_ms, last_ok_ms; /* of this run; 0 = none passed yet */
};

enum wc_probe { WC_PROBE_OK, WC_PROBE_FAILED, WC_PROBE_NOT_RUN };

/* Starts watching a process that started at started_at_ms (engine's clock; may lie back for one
 * that was adopted). */
void wc_health_begin(struct wc_health_watch *health, const struct wc_health_conf *conf,
                     uint64_t started_at_ms, uint64_t now_ms);

/* Takes an answer that came at now_ms; sets status and next_at_ms. */
void wc_health_answer(struct wc_health_watch *health, const struct wc_health_conf *conf,
                      enum wc_probe answer, uint64_t now_ms);

/* NOTIFY: takes what it said of itself. */
void wc_health_notified(struct wc_health_watch *health, const struct wc_health_conf *conf,
                        enum wc_notified said, uint64_t now_ms);

/* NOTIFY: next_at_ms is there, and it is not ready: it is unhealthy. */
void wc_health_expire(struct wc_health_watch *health, const struct wc_health_conf *conf);

/* True when it is unhealthy by its own answers: one that could not be asked is not to be restarted
 * for that. */
bool wc_health_is_sick(const struct wc_health_watch *health, const struct wc_health_conf *conf);

/* How long a run that ends at now_ms was good for something, for wc_backoff_ran_well: all of it
 * when there is no check, else from the first check that passed to the end, or to the last one that
 * passed when it was unhealthy. */
uint64_t wc_health_good_ms(const struct wc_health_watch *health, uint64_t up_at_ms,
                           uint64_t now_ms);

#endif
