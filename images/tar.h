/* tar.h - walks a tar, packed or not (images). libarchive parses, inflate.h hashes and counts.
 *
 * Owner:   the caller opens and closes; what is read from is borrowed; entries are valid until the
 * next one. Threads: one at a time per handle. Blocks: on reading. Errors:  WC_ERR_SPEC (corrupt),
 * WC_ERR_LIMIT, WC_ERR_IO.
 */
#ifndef IMAGES_TAR_H
#define IMAGES_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "wcompose/err.h"

struct archive_entry;
struct wc_tar;

/* Opens a tar stream; more than max_bytes unpacked is an error. */
struct wc_bytes;
int wc_tar_open(const struct wc_bytes *from, uint64_t max_bytes, struct wc_tar **out,
                struct wc_err *err);
int wc_tar_open_fd(int fd, uint64_t max_bytes, struct wc_tar **out, struct wc_err *err);
void wc_tar_close(struct wc_tar *tar);

/* Steps to the next entry; *entry NULL at the end. */
int wc_tar_next(struct wc_tar *tar, struct archive_entry **entry, struct wc_err *err);

/* Gives the next run of the entry's content and its offset; *len 0 with *end at the end. */
struct wc_tar_run {
    const void *bytes;
    size_t len;
    uint64_t offset;
    bool end;
};
int wc_tar_data(struct wc_tar *tar, struct wc_tar_run *run, struct wc_err *err);

/* Reads what follows the last entry and gives the hash of the whole unpacked stream. */
int wc_tar_finish(struct wc_tar *tar, char hex[WC_SHA256_HEX + 1], struct wc_err *err);

/* Writes all of it at `offset`. Returns 0, or -1 with errno. */
int wc_write_at(int fd, const void *bytes, size_t len, uint64_t offset);

#endif
