/* keeper_link.h - starting a keeper and talking to one (process driver; drivers/keeper/protocol.h).
 * Threads: any.
 */
#ifndef DRIVERS_PROCESS_KEEPER_LINK_H
#define DRIVERS_PROCESS_KEEPER_LINK_H

#include <stdbool.h>
#include <sys/types.h>

#include "drivers/process/record.h"
#include "wcompose/err.h"

/* How a keeper is started. */
struct wc_keeper_start {
    const char *program, *run_dir;
    int sealed; /* the runtime's program (sealed.h), or -1; stays the caller's */
    int handed; /* for the instance's process (WC_KEEPER_HANDED_FD); 0 = none; stays the caller's */
    bool adopt; /* in the place of one that was killed while its process ran */
    int pidfd;  /* of that process, or -1; stays the caller's */
};

/* Starts `program` for run_dir in a session of its own. Returns 0, the keeper's pid (a child of
 * ours) and our end of its socket (non-blocking, close-on-exec); or WC_ERR_UNAVAILABLE, WC_ERR_IO.
 */
int wc_keeper_spawn(const struct wc_keeper_start *start, pid_t *pid, int *link, struct wc_err *err);

/* Connects to the keeper of run_dir; returns the descriptor or -1 with errno. */
int wc_keeper_connect(const char *run_dir);

/* Sends a command ("start", "abort"). False when the keeper is gone. */
bool wc_keeper_send(int link, const char *command);

/* Reads one packet. Returns 1 with *out, 0 when there is none now, -1 at the end. */
int wc_keeper_receive(int link, struct wc_report *out);

#endif
