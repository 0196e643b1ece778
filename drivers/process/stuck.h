/* stuck.h - why a process is still there after SIGKILL (drivers/process).
 *
 * Idea:    the kernel says where it waits; a sentence for people comes of it. Threads: any. Blocks:
 * reads all of /proc once.
 */
#ifndef DRIVERS_PROCESS_STUCK_H
#define DRIVERS_PROCESS_STUCK_H

#include <sys/types.h>

#include "wcompose/err.h"

/* Looks at a process that was killed a while ago. Returns 0 when it is gone, else WC_ERR_TIMEOUT
 * with what holds it. */
int wc_stuck_look(pid_t pid, struct wc_err *err);

#endif
