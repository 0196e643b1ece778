/* given.h - the copies of configs and secrets that an instance gets (process driver). */
#ifndef DRIVERS_PROCESS_GIVEN_H
#define DRIVERS_PROCESS_GIVEN_H

#include "wcompose/model.h"

struct wc_arena;

/* Writes the content of a WC_MOUNT_COPY to a file of its own below `dir` (made when missing, 0700;
 * it is to be on memory: secrets), with its owner and mode; an earlier one goes.
 *   path  out: the file, arena-owned
 * Returns 0, or WC_ERR_NOENT, WC_ERR_LIMIT (a file of more than 1 MiB), WC_ERR_PERM or WC_ERR_IO
 * with the place of the reference. Blocks; any thread.
 */
int wc_given_copy(const struct wc_mount *mount, const char *dir, struct wc_arena *arena,
                  const char **path, struct wc_err *err);

#endif
