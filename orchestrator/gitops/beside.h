/* beside.h - one long job of a pass in a process of its own, so that the pass can hear of something
 * else meanwhile, and end the job for it (orchestrator/gitops, private).
 *
 * Idea:    a fork, not a thread: pulls and builds block in libraries and in programs that they
 *          start, and have one way to be broken off that reaches all of them, a signal to their
 *          group. What they leave on disk outlives a kill, as everything of ours does.
 * Owner:   who starts it ends it. Threads: the process has one. Blocks: wc_beside_end.
 */
#ifndef ORCHESTRATOR_GITOPS_BESIDE_H
#define ORCHESTRATOR_GITOPS_BESIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "wcompose/err.h"

struct wc_beside {
    pid_t pid;
    int end_fd;         /* readable once it has ended */
    struct wc_err *err; /* shared with it: what the job said */
};

/* Starts job(data, err) in a copy of this process: what it changes in memory isn't seen here. It is
 * killed when this one is. WC_ERR_IO when there is no process or memory for it. */
int wc_beside_start(struct wc_beside *beside, int (*job)(void *data, struct wc_err *err),
                    void *data, struct wc_err *err);

/* Waits for its end and returns what the job returned, with its *err; its place in a file is left
 * out. `broken_off`: SIGTERM first, and SIGKILL five seconds later, for all that it has started;
 * then WC_ERR_CANCELLED, unless it had ended before. */
int wc_beside_end(struct wc_beside *beside, bool broken_off, struct wc_err *err);

#endif
