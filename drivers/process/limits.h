/* limits.h - what an instance may use, as numbers, and giving it to control groups that exist
 * (process driver).
 *
 * Idea:    the same numbers go into config.json before a start and into the groups' files while it
 * runs, so that an update and a new instance can't come to different ends.
 * Owner:   values; texts are the service's. Threads: any; wc_limits_apply blocks.
 * Source:  Compose Specification, "mem_limit" and its like; kernel, Documentation/admin-guide/
 * cgroup-v1/memory.rst, cgroup-v2.rst.
 */
#ifndef DRIVERS_PROCESS_LIMITS_H
#define DRIVERS_PROCESS_LIMITS_H

#include <stdint.h>

#include "drivers/process/cgroup.h"

struct wc_limits {
    int64_t memory_bytes;      /* -1 = none */
    int64_t swap_bytes;        /* memory and swap together; -1 = none. Without memory: none */
    int64_t reservation_bytes; /* -1 = none */
    int64_t cpu_quota_us;      /* of each period; -1 = none */
    int64_t cpu_period_us;
    int64_t cpu_shares; /* -1 = the usual */
    int64_t pids;       /* -1 = none */
    const char *cpuset; /* NULL = all that the group above has */
};

/* The service's, without I/O (io_limits.h). */
void wc_limits_of(const struct wc_service *service, struct wc_limits *out);

/* WC_ERR_SPEC: what no kernel has is asked for. Engines refuse it when a container is made, so a
 * file may say it. */
int wc_limits_check(const struct wc_service *service, struct wc_err *err);

/* Gives them to the groups of `path`; what isn't limited gets the kernel's default. Idempotent;
 * what was done before an error stays done. Returns 0, WC_ERR_CONFLICT when the kernel refuses the
 * value for what runs there (memory below what is in use, CPUs that the group above lacks),
 * WC_ERR_NOENT when there is no such group, WC_ERR_UNAVAILABLE without the controller, WC_ERR_IO.
 */
int wc_limits_apply(const struct wc_cgroup_host *host, const char *path,
                    const struct wc_limits *limits, struct wc_err *err);

#endif
