/* io_limits.h - giving blkio_config to a control group that exists (process driver).
 *
 * Idea:    written by us, before the first instruction of a run and while it runs, by the same
 *          code. Not every kernel has each of these files, nor every device a scheduler with
 *          weights: what can't be had is told and left out, as with rlimits, and keeps nothing from
 *          running.
 * Owner:   values. Threads: any; a few writes to cgroupfs.
 * Source:  kernel, Documentation/admin-guide/cgroup-v1/blkio-controller.rst, cgroup-v2.rst, "IO",
 *          Documentation/block/bfq-iosched.rst.
 */
#ifndef DRIVERS_PROCESS_IO_LIMITS_H
#define DRIVERS_PROCESS_IO_LIMITS_H

#include <stdbool.h>

#include "drivers/process/cgroup.h"
#include "wcompose/io_limits.h"

struct wc_buf;

/* True when anything is asked for. */
bool wc_io_limits_any(const struct wc_io_limits *limits);

/* Gives them to the group `path`; what isn't limited any more gets the kernel's default. Appends to
 * `without`, for people, what can't be had: "blkio_config.weight: this kernel has none". */
void wc_io_limits_apply(const struct wc_cgroup_host *host, const char *path,
                        const struct wc_io_limits *limits, struct wc_buf *without);

/* 0 when weights are in their range and every path is a block device; else WC_ERR_SPEC,
 * WC_ERR_NOENT, with the place in the file. */
int wc_io_limits_check(const struct wc_io_limits *limits, struct wc_err *err);

#endif
