/* metrics.h - events counted (orchestrator/core, pure).
 *
 * Idea:    what has happened since the supervisor began, as numbers that only grow. They are fed
 *          from the one stream of events, so no code that acts has to remember to count. How things
 *          are at the moment is not in here: that is read when somebody asks.
 * Owner:   the value owns its copies of names. All zero is an empty one.
 * Threads: a value. Errors: none.
 * Limits:  names of services are those of accepted models; beyond WC_METRICS_SERVICES different
 *          ones, further ones are not counted.
 */
#ifndef ORCHESTRATOR_CORE_METRICS_H
#define ORCHESTRATOR_CORE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/event.h"
#include "wcompose/histogram.h"

struct wc_exposition;

enum { WC_METRICS_SERVICES = 10000 };

/* How a request of a person ended. */
enum wc_metrics_end {
    WC_METRICS_READY,
    WC_METRICS_UNCHANGED,
    WC_METRICS_STOPPED,
    WC_METRICS_REMOVED,
    WC_METRICS_FAILED,
};
enum { WC_METRICS_ENDS = WC_METRICS_FAILED + 1 };

/* What somebody else did to something of ours. */
enum wc_metrics_drift {
    WC_METRICS_GONE,   /* removed an instance */
    WC_METRICS_PAUSE,  /* paused one */
    WC_METRICS_LIMITS, /* changed its limits */
    WC_METRICS_LINKS,  /* its links */
    WC_METRICS_NETS,   /* the networks, rules, ports, names of the project */
};
enum { WC_METRICS_DRIFTS = WC_METRICS_NETS + 1 };

/* Why the app went back to a former version. */
enum wc_metrics_rollback {
    WC_METRICS_BACK_ASKED,  /* somebody asked for it */
    WC_METRICS_BACK_FAILED, /* the new one's rollout failed */
};
enum { WC_METRICS_ROLLBACKS = WC_METRICS_BACK_FAILED + 1 };

struct wc_metrics_service {
    char *name;
    uint64_t restarts[WC_ENDS]; /* by what kind of end */
};

struct wc_metrics {
    uint64_t ends[WC_METRICS_ENDS];
    struct wc_histogram took; /* of those requests, from the first to the last */
    uint64_t rollbacks[WC_METRICS_ROLLBACKS];
    uint64_t drift[WC_METRICS_DRIFTS];   /* what somebody else did */
    struct wc_metrics_service *services; /* n_services, sorted by name */
    size_t n_services, cap_services;
};

void wc_metrics_deinit(struct wc_metrics *metrics);

/* Counts one event. */
void wc_metrics_count(struct wc_metrics *metrics, const struct wc_event *event);

/* The app goes back. No event tells what led to that. */
void wc_metrics_go_back(struct wc_metrics *metrics, enum wc_metrics_rollback why);

/* From now on the service is printed, though it never restarted: its 0 is known. */
void wc_metrics_know(struct wc_metrics *metrics, const char *service);

/* Prints them. */
void wc_metrics_expose(const struct wc_metrics *metrics, struct wc_exposition *x);

#endif
