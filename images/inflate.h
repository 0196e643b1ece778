/* inflate.h - a byte stream, unpacked: gzip, zstd or plain, found by looking (images).
 *
 * Idea:    the unpacked bytes pass through one place, where they are hashed (the diff id) and
 *          counted (the caps); the tar parser behind it never sees compression.
 * Owner:   the caller opens and closes; `fd` is borrowed and read from its current offset.
 * Threads: one at a time per handle. Blocks: on reading.
 * Source:  OCI Image Format Specification 1.0, layer media types.
 */
#ifndef IMAGES_INFLATE_H
#define IMAGES_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "wcompose/err.h"

struct wc_inflate;

/* Opens a stream over `fd`. More than max_bytes unpacked, or more than 1 GiB at over 1000 times the
 * packed size, ends it with WC_ERR_LIMIT. Returns 0, WC_ERR_SPEC or WC_ERR_IO. */
int wc_inflate_open(int fd, uint64_t max_bytes, struct wc_inflate **out, struct wc_err *err);
void wc_inflate_close(struct wc_inflate *in);

/* Gives the next run of unpacked bytes (borrowed until the next call); *len 0 at the end. Returns
 * 0, WC_ERR_SPEC (corrupt), WC_ERR_LIMIT, WC_ERR_IO. */
int wc_inflate_next(struct wc_inflate *in, const void **bytes, size_t *len, struct wc_err *err);

/* Reads to the end, so that the hash is that of the whole stream, and gives it. */
int wc_inflate_finish(struct wc_inflate *in, char hex[WC_SHA256_HEX + 1], struct wc_err *err);

#endif
