/* input.h - reading files that users, or their files, name (base, layer 0).
 *
 * Idea:    such a name may lead anywhere: to a FIFO nobody writes to, a device without an end, a
 *          directory, a file that an editor is replacing, or, by a symbolic link, out of the folder
 *          that it should stay in. What it is is looked at before anything is read.
 * Threads: any; calls block only on a pipe that the process was handed (/dev/stdin, /dev/fd/N).
 * Errors:  WC_ERR_NOENT, WC_ERR_PERM, WC_ERR_LIMIT, WC_ERR_IO; messages give the reason alone, the
 *          caller names the file.
 */
#ifndef BASE_INPUT_H
#define BASE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

struct wc_buf;

/* Appends the whole of a regular file, or what standard input and handed-over pipes give until
 * their end. A file whose size or time changes meanwhile is read again, a few times.
 *   path   absolute and cleaned when `root` is given
 *   root   NULL, or an absolute directory that the file must lie in, all symbolic links followed:
 *          else WC_ERR_PERM with err->sys EXDEV
 *   limit  most bytes accepted; more gives WC_ERR_LIMIT
 * On an error `out` is as it was.
 */
int wc_input_read(const char *path, const char *root, size_t limit, struct wc_buf *out,
                  struct wc_err *err);

/* Looks whether `path` lies in `root` when all its symbolic links are followed. Returns 0 when it
 * does, and when nothing is there; else as above. */
int wc_input_beneath(const char *path, const char *root, struct wc_err *err);

#endif
