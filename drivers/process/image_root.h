/* image_root.h - an image's files as one tree, without a mount anyone can see (process driver).
 *
 * Idea:    a detached overlay (fsopen, fsmount) is known by its descriptor alone: when that is
 * closed, or the process killed, it is gone. Threads: a worker's; blocks.
 */
#ifndef DRIVERS_PROCESS_IMAGE_ROOT_H
#define DRIVERS_PROCESS_IMAGE_ROOT_H

#include "wcompose/err.h"
#include "wcompose/model.h"

/* Opens the root made of `upper` (may be NULL) over `layers` (lowest first), read-only. Returns 0
 * and an O_PATH directory descriptor that the caller closes, or WC_ERR_IO, WC_ERR_NOENT.
 */
int wc_image_root(const struct wc_strv *layers, const char *upper, int *fd, struct wc_err *err);

/* Opens `path` beneath root_fd; links are resolved as if it were the root directory. Returns a
 * descriptor (O_CLOEXEC is added), or -1 with errno.
 */
int wc_image_root_open(int root_fd, const char *path, int flags);

#endif
