/* health.h - what a service says about its health (contract, pure; part of the model).
 *
 * Source:  Compose Specification, "healthcheck"; docs/health.md for what is ours.
 * Owner:   as model.h.
 */
#ifndef WCOMPOSE_HEALTH_H
#define WCOMPOSE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

/* healthcheck. test[0] is CMD, CMD-SHELL or NONE; n == 0: the image's test, with the other members
 * laid over it. */
struct wc_healthcheck {
    bool set;     /* the service has a healthcheck section */
    bool disable; /* disable: true, or test: NONE */
    struct wc_strv test;
    int64_t interval_ms, timeout_ms, start_period_ms,
        start_interval_ms; /* WC_UNSET: 30 s, 30 s, 0, 5 s */
    int64_t retries;       /* WC_UNSET: 3 */
    struct wc_loc at;
};

/* x-wcompose.on_unhealthy: what becomes of an instance whose health check fails. */
enum wc_on_unhealthy { WC_ON_UNHEALTHY_NONE, WC_ON_UNHEALTHY_RESTART };

#endif
