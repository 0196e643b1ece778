/* health.h - what a service says about its health, and what it runs around its life (contract,
 * pure; part of the model).
 *
 * Source:  Compose Specification, "healthcheck", "post_start", "pre_stop"; docs/health.md for what
 * is ours. Owner:   as model.h.
 */
#ifndef WCOMPOSE_HEALTH_H
#define WCOMPOSE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

/* How a service is asked: by a program inside (healthcheck.test), or from outside without one
 * (x-wcompose.probe). */
enum wc_check_kind {
    WC_CHECK_TEST,
    WC_CHECK_TCP,
    WC_CHECK_HTTP,
    WC_CHECK_FILE,
    WC_CHECK_UNIX,
    WC_CHECK_NOTIFY /* it is not asked: it tells, as by sd_notify(3) */
};
struct wc_check {
    enum wc_check_kind kind;
    int64_t port;     /* TCP, HTTP: 1..65535, on the instance's loopback */
    const char *path; /* HTTP: of the request, default "/"; FILE, UNIX: absolute, inside */
    const char *host; /* HTTP: the Host header, default localhost */
    unsigned status_min, status_max; /* HTTP: a status in between is well; default 200..399 */
};

/* healthcheck. test[0] is CMD, CMD-SHELL or NONE; n == 0: the image's test, with the other members
 * laid over it. */
struct wc_healthcheck {
    bool set;     /* the service has a healthcheck section */
    bool disable; /* disable: true, or test: NONE */
    struct wc_strv test;
    int64_t watchdog_ms;   /* NOTIFY: at most so long between two WATCHDOG=1; WC_UNSET: none */
    struct wc_check check; /* kind other than TEST: x-wcompose.probe, which has no `test` */
    int64_t interval_ms, timeout_ms, start_period_ms,
        start_interval_ms; /* WC_UNSET: 30 s, 30 s, 0, 5 s */
    int64_t retries;       /* WC_UNSET: 3 */
    struct wc_loc at;
};

/* x-wcompose.on_unhealthy: what becomes of an instance whose health check fails. */
enum wc_on_unhealthy { WC_ON_UNHEALTHY_NONE, WC_ON_UNHEALTHY_RESTART };

/* One command of post_start or pre_stop. */
struct wc_hook {
    struct wc_strv command;
    const char *user, *working_dir; /* NULL: the service's */
    bool privileged;
    struct wc_kvs environment; /* over the service's; value NULL = as it is there */
    struct wc_loc at;
};

#endif
