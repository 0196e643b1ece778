/* freezer.h - whether a control group stands still, and letting it go on (process driver).
 *
 * Idea:    v1 has a controller for it (freezer.state), v2 has it in every group (cgroup.freeze, and
 * "frozen 1" in cgroup.events). A group also stands still because one above it does.
 * Threads: any; both calls are a few reads and writes of kernel files.
 * Errors:  WC_ERR_IO, WC_ERR_PERM with the file. A host without either: nothing is ever frozen.
 */
#ifndef DRIVERS_PROCESS_FREEZER_H
#define DRIVERS_PROCESS_FREEZER_H

#include <stdbool.h>

#include "drivers/process/cgroup.h"

/* True when the processes of group `path` are frozen, or are about to be. */
bool wc_freezer_is_frozen(const struct wc_cgroup_host *host, const char *path);

/* Freezes the group. Returns when it was asked for: a process in an uninterruptible call stops
 * after it. */
int wc_freezer_freeze(const struct wc_cgroup_host *host, const char *path, struct wc_err *err);

/* Lets the group, and those above it that are named in `path` (all ours), go on. Absent is
 * success. */
int wc_freezer_thaw(const struct wc_cgroup_host *host, const char *path, struct wc_err *err);

/* The file whose change tells of one, or NULL; arena-owned. v2: the kernel's own word; v1: what is
 * written to this group (not to one above it). */
const char *wc_freezer_event_file(const struct wc_cgroup_host *host, const char *path,
                                  struct wc_arena *arena);

#endif
