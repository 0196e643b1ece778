/* cpio.h - writes the archive that a kernel unpacks at its start (hyperv driver).
 *
 * Idea:    the same content gives the same bytes: all files belong to root and to the beginning of
 *          time, and are numbered in order.
 * Owner:   `out` is the caller's. Threads: one at a time. Errors: none.
 * Source:  linux/Documentation/driver-api/early-userspace/buffer-format.rst ("newc").
 */
#ifndef DRIVERS_HYPERV_CPIO_H
#define DRIVERS_HYPERV_CPIO_H

#include <stddef.h>
#include <stdint.h>

struct wc_buf;

struct wc_cpio {
    struct wc_buf *out;
    uint32_t files; /* written so far; start with 0 */
};

/* Add an entry; `path` without a leading '/', its directories first.
 *   perm  permission bits, 0..07777
 *   len   of a file's content, below 4 GiB
 */
void wc_cpio_dir(struct wc_cpio *cpio, const char *path, uint32_t perm);
void wc_cpio_file(struct wc_cpio *cpio, const char *path, uint32_t perm, const void *bytes,
                  size_t len);
void wc_cpio_chardev(struct wc_cpio *cpio, const char *path, uint32_t perm, uint32_t major,
                     uint32_t minor);

/* Ends the archive. */
void wc_cpio_end(struct wc_cpio *cpio);

#endif
