/* usage.h - what an instance uses, read from the kernel's own books (contract).
 *
 * Idea:    its first process leads to all of it: /proc/PID/cgroup to its control groups, of version
 *          1 or 2 or some of each, and /proc/PID/net to its network. Nothing is executed and no
 *          namespace is entered.
 * Owner:   what comes out lives in the caller's arena, or is a value.
 * Threads: any. Blocks: for a few small reads of files that the kernel makes up.
 * Errors:  WC_ERR_NOENT: the process has ended. A book that the host doesn't keep is WC_UNSET.
 * Source:  Linux, Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst; proc(5).
 */
#ifndef WCOMPOSE_USAGE_H
#define WCOMPOSE_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_arena;

/* Totals since the instance was made; WC_UNSET = not known. */
struct wc_usage {
    int64_t cpu_ns;
    int64_t memory_bytes;       /* without page cache that can be dropped at once */
    int64_t memory_limit_bytes; /* the tightest that holds for it; the host's memory when none does
                                 */
    int64_t net_rx_bytes, net_tx_bytes; /* of its own network but lo; none of the host's */
    int64_t read_bytes, write_bytes;    /* of block devices */
    int64_t pids, pids_limit;           /* limit WC_UNSET: none */
};

/* Reads it.
 *   proc  where procfs is ("/proc"); tests give another one
 *   pid   of the instance's first process
 */
int wc_usage_read(const char *proc, int pid, struct wc_usage *out, struct wc_err *err);

/* One process of an instance. */
struct wc_process {
    int pid, ppid;         /* as the host counts */
    unsigned uid;          /* as the host counts */
    int64_t started_at_ms; /* wall clock */
    int64_t cpu_ms;
    const char *command; /* its arguments, blanks between; "[name]" when it has none */
};

/* Lists the processes of the instance, those of groups within its own too, by pid. */
int wc_usage_processes(const char *proc, int pid, struct wc_arena *arena, struct wc_process **out,
                       size_t *n, struct wc_err *err);

#endif
