/* volume.h - named volumes on disk: lib/volumes/<name>/_data (process driver).
 *
 * Idea:    a volume is a directory. It is filled from the image once, when it is new or still
 * empty, under a lock that every process of this host respects; a new one appears by rename, so
 * that a crash in the middle leaves nothing that looks like data. Threads: a worker's; all calls
 * block. Errors: WC_ERR_IO, WC_ERR_NOENT, with the path.
 */
#ifndef DRIVERS_PROCESS_VOLUME_H
#define DRIVERS_PROCESS_VOLUME_H

#include <stdbool.h>

#include "wcompose/err.h"

struct wc_arena;

/* What to fill an empty volume with; root_fd -1 = nothing. */
struct wc_volume_source {
    int root_fd;        /* the image's root */
    const char *target; /* directory in it */
};

/* Makes sure that `dir`/_data is there and returns its path: mode, owner and content of the image's
 * directory when it was missing or empty, else as it is; 0755 root without such a directory.
 */
int wc_volume_prepare(const char *dir, const struct wc_volume_source *source,
                      struct wc_arena *arena, const char **data, struct wc_err *err);

/* Removes dir with all data; absent is success. Returns as soon as nothing is left of it. */
int wc_volume_remove(const char *dir, struct wc_err *err);

/* Looks `subpath` up in a volume's data without leaving it; it must be there. Makes `place` (with
 * its parents) an empty directory or file, as the part is one, for the keeper to bind it to.
 */
int wc_volume_subpath(const char *data, const char *subpath, const char *place, struct wc_err *err);

/* Copies the content of directory from_fd, and its owner, mode and times, into directory to_fd:
 * files with owner, mode, times and extended attributes, links, devices, FIFOs; no sockets.
 */
int wc_copy_tree(int from_fd, int to_fd, struct wc_err *err);

#endif
