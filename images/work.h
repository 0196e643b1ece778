/* work.h - directories in tmp/ that live as long as who works in them (images, private).
 *
 * Idea:    a work directory is locked (flock on itself) by who made it, for as long as his process
 *          lives; so whoever finds one that isn't locked knows that a crash left it, and removes
 * it. Several processes work beside each other, and none of them sweeps another's. Owner:   who
 * opened it closes it. Threads: any; one per directory. Blocks: on the disk. Errors:  WC_ERR_IO,
 * WC_ERR_PERM.
 */
#ifndef IMAGES_WORK_H
#define IMAGES_WORK_H

#include "base/arena.h"
#include "wcompose/err.h"

/* The store it is about. */
struct wc_work_place {
    int fd;
    const char *dir; /* absolute */
};

/* Removes what crashes left in tmp/. Failures are logged: they harm nobody but the disk. */
void wc_work_sweep(const struct wc_work_place *store);

/* Makes a directory of our own, locked. *name ("tmp/1a2b3c") is in the arena. */
int wc_work_open(const struct wc_work_place *store, struct wc_arena *arena, const char **name,
                 int *fd, struct wc_err *err);

/* Removes it with all that is in it, and unlocks what is left. */
void wc_work_close(const struct wc_work_place *store, const char *name, int fd);

#endif
