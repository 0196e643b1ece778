/* inflate.h - a byte stream, unpacked: gzip, zstd or plain, found by looking (images).
 *
 * Idea:    the unpacked bytes pass through one place, where they are hashed (the diff id) and
 *          counted (the caps); the tar parser behind it never sees compression. Several gzip
 *          members or zstd frames in a row are one stream, as the tools that make them mean it.
 * Owner:   the caller opens and closes; `fd` is borrowed and read from its current offset.
 * Threads: one at a time per handle. Blocks: on reading.
 * Source:  OCI Image Format Specification 1.1, layer media types; RFC 1952 (2.2: members follow one
 *          another); RFC 8878 (3.1: frames and skippable frames).
 */
#ifndef IMAGES_INFLATE_H
#define IMAGES_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "wcompose/err.h"

struct wc_inflate;

/* Where packed bytes come from: `next` gives a run of them that is valid until it is called again,
 * *len 0 at their end. Returns 0 or a negative code. */
struct wc_bytes {
    int (*next)(void *data, const void **bytes, size_t *len, struct wc_err *err);
    void *data;
};

/* Opens a stream; reads nothing yet. More than max_bytes unpacked, or more than 1 GiB at over 1000
 * times the packed size, ends it with WC_ERR_LIMIT. */
struct wc_inflate *wc_inflate_open(const struct wc_bytes *from, uint64_t max_bytes);
struct wc_inflate *wc_inflate_open_fd(int fd, uint64_t max_bytes);
void wc_inflate_close(struct wc_inflate *in);

/* Gives the next run of unpacked bytes (borrowed until the next call); *len 0 at the end. Returns
 * 0, WC_ERR_SPEC (corrupt, cut short, or a compression that images don't have), WC_ERR_LIMIT, or
 * what the source said. */
int wc_inflate_next(struct wc_inflate *in, const void **bytes, size_t *len, struct wc_err *err);

/* Reads to the end, so that the hash is that of the whole stream, and gives it. */
int wc_inflate_finish(struct wc_inflate *in, char hex[WC_SHA256_HEX + 1], struct wc_err *err);

#endif
