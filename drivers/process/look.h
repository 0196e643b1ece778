/* look.h - the part of a probe that needs the instance's own view (process driver).
 *
 * Idea:    no program is run: a thread of the pool steps into the instance's network namespace for
 * the time of one socket(2), or resolves a path beneath its root. The socket stays in that
 * namespace; all that follows (connect, read) is done on the loop, without blocking.
 * Threads: wc_look_in any; a thread that can't come back from a namespace ends the process, as what
 * it would do next would happen in the wrong one.
 * Errors:  "could not look" is WC_ERR_*; what was seen is the answer.
 */
#ifndef DRIVERS_PROCESS_LOOK_H
#define DRIVERS_PROCESS_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/health.h"

struct wc_look_in {
    int pidfd; /* of the instance's first process, and its number */
    int pid;
    const struct wc_check *check;
    bool ip6; /* TCP, HTTP: by way of ::1, not 127.0.0.1 */

    int fd;          /* out: a socket that is connected or connecting (TCP, HTTP); -1 = none */
    bool connecting; /* out: wait until it can be written */
    bool passed;     /* out, with fd -1: the answer */
    int why;         /* out, not passed: an errno */
};

/* Looks. TCP and HTTP give a socket, or the answer when a connection is refused at once; FILE and
 * UNIX give the answer. Returns 0, WC_ERR_STATE when the instance is gone, or what else prevented
 * it. */
int wc_look_inside(struct wc_look_in *look, struct wc_err *err);

/* A socket of the network namespace that the process of `pidfd` is in; non-blocking where SOCK_*
 * says so, closed on exec. Returns it, or a code as above. */
int wc_look_socket(int pidfd, int domain, int type, int protocol, struct wc_err *err);

#endif
