/* baseline.h - what an instance's groups allow it, as it was written and as it is now (process
 * driver).
 *
 * Idea:    the runtime turns a spec into numbers, rounds them, and leaves out what a host lacks. So
 * what was written is read back once, right behind, and kept in run:limits; from then on a look
 * compares files with that, whatever version of cgroups there is, and putting it back is writing
 * the same bytes. Whoever changes limits on purpose notes them anew (wc_baseline_note). Rejected:
 * comparing with the spec, which needs the arithmetic of each runtime. File:    run:limits has a
 * line "FILE VALUE" for each, replaced by rename. Threads: any; calls block for some reads of
 * kernel files.
 */
#ifndef DRIVERS_PROCESS_BASELINE_H
#define DRIVERS_PROCESS_BASELINE_H

#include "drivers/process/cgroup.h"

struct wc_buf;

#define WC_BASELINE_FILE "limits"

/* Reads the group's limits and keeps them as what is meant. */
int wc_baseline_note(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                     struct wc_err *err);

/* Appends what differs, "mem_limit 67108864 -> 33554432, pids_limit 100 -> unlimited", to `out`:
 * meant, then found. Nothing when all is as noted, or the group is gone. Where nothing was noted
 * yet, what is found is. */
void wc_baseline_look(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                      struct wc_buf *out);

/* Writes back what differs. Returns 0, or the first refusal; the rest has been written. */
int wc_baseline_restore(const struct wc_cgroup_host *host, const char *cgroup, const char *run_dir,
                        struct wc_err *err);

/* The files of the group that are looked at and exist, appended to `out`, arena-owned. */
void wc_baseline_files(const struct wc_cgroup_host *host, const char *cgroup,
                       struct wc_arena *arena, struct wc_strv *out);

#endif
