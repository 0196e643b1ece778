/* doctor.h - what this host has and lacks for each level of isolation (contract, pure of libuv).
 *
 * Idea:    everything is looked at, nothing is changed; what is missing comes with the command that
 *          mends it.
 * Threads: any; blocks for some 100 ms.
 */
#ifndef WCOMPOSE_DOCTOR_H
#define WCOMPOSE_DOCTOR_H

#include <stddef.h>

#include "wcompose/model.h"

struct wc_arena;
struct wc_paths;

/* How it is with one thing. */
enum wc_doctor_state {
    WC_DOCTOR_GOOD,
    WC_DOCTOR_POOR,    /* it goes without: slower, or less of it */
    WC_DOCTOR_MISSING, /* the level can't be had */
};

/* One thing that was looked at. Strings are the arena's or literals. */
struct wc_doctor_row {
    enum wc_isolation level; /* that needs it; process for what both need; DEFAULT: neither, but
                                apps that follow a source (`reconcile`) */
    enum wc_doctor_state state;
    const char *what;  /* "OCI runtime" */
    const char *found; /* "crun 1.8.1", or what is wrong */
    const char *fix;   /* a command, or NULL */
};

/* Looks at all of it: rows of process first, those of hyperv, of sources. Returns how many. */
size_t wc_doctor_look(const struct wc_paths *paths, struct wc_arena *arena,
                      struct wc_doctor_row **rows);

#endif
