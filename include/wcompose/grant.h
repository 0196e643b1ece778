/* grant.h - what files from a restricted source may have of the host (contract, plain data, pure).
 *
 * Idea:    nothing, but for what the host's admin has written down: an attribute that reaches out
 * of the containers is refused unless it is granted here, and one that nobody has thought about is
 * refused too. What stays inside (command, image, limits, named volumes of the project) is free.
 * Owner:   the caller of wc_spec_load. Threads: values.
 */
#ifndef WCOMPOSE_GRANT_H
#define WCOMPOSE_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/lists.h"

/* Ports of the host, both ends included. */
struct wc_grant_ports {
    unsigned from, to; /* 1..65535 */
};

/* How many instances there may be where nothing is said. */
enum { WC_GRANT_INSTANCES = 100 };

/* How much all instances of the services may have together, by the limits that they are given; 0:
 * as much as they like (instances: WC_GRANT_INSTANCES). One that has no limit has too much. A
 * rollout that starts the new one first has more for its time. */
struct wc_grant_limits {
    int64_t instances, memory_bytes, nano_cpus, pids;
};

/* All that is granted. Zeroed: nothing. Variables of the environment are granted by
 * wc_spec_options.allow_env, levels of isolation held by wc_plan_hold (plan.h). */
struct wc_grant {
    const struct wc_grant_ports *ports; /* that may be published; a free one (0) always may */
    size_t n_ports;
    struct wc_strv binds;    /* absolute directories: what lies beneath may be mounted */
    struct wc_strv caps;     /* "NET_ADMIN", with or without CAP_ */
    struct wc_strv sysctls;  /* names, or a beginning with '*' at its end */
    struct wc_strv devices;  /* paths of the host: "/dev/ttyUSB0" */
    struct wc_strv networks; /* names on the host, of other projects or external */
    struct wc_strv volumes;  /* likewise */
    bool build;              /* images may be built on this host */
    struct wc_grant_limits limits;
};

#endif
