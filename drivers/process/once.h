/* once.h - at most once in a run of an instance, whoever asks (process driver).
 *
 * Idea:    begun is noted before, ended after; who finds "begun" only knows that it must not begin
 * again. Threads: any; the notes are in memory (tmpfs), so no call blocks for long.
 */
#ifndef DRIVERS_PROCESS_ONCE_H
#define DRIVERS_PROCESS_ONCE_H

#include <stdint.h>
#include <sys/types.h>

#include "wcompose/err.h"

struct wc_once {
    const char *run_dir, *name; /* name: a file name, at most 40 bytes */
    pid_t pid;                  /* the run: its first process */
    uint64_t starttime;
};

/* Returns 0: go on; 1: it was done before, with *code; WC_ERR_CONFLICT: it was begun before, and
 * its end isn't known; WC_ERR_IO and kin: it can't be noted, so it must not begin. */
int wc_once_begin(const struct wc_once *once, int *code, struct wc_err *err);

/* Notes how it ended; or that it never began. */
void wc_once_end(const struct wc_once *once, int code);
void wc_once_forget(const struct wc_once *once);

#endif
