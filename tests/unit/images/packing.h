/* packing.h - gzip and zstd by the libraries themselves. Used by the tests of images only; they
 * link z and zstd. */
#ifndef TESTS_UNIT_IMAGES_PACKING_H
#define TESTS_UNIT_IMAGES_PACKING_H

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/buf.h"

/* Appends one gzip member. */
static inline void gzip_into(struct wc_buf *out, const void *bytes, size_t len)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, (uLong)len);
    Bytef *block = wc_alloc(bound);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    z.next_out = block;
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    wc_buf_add(out, block, z.total_out);
    deflateEnd(&z);
    wc_free(block);
}

/* Appends one zstd frame. */
static inline void zstd_into(struct wc_buf *out, const void *bytes, size_t len)
{
    size_t bound = ZSTD_compressBound(len);
    void *block = wc_alloc(bound);
    size_t n = ZSTD_compress(block, bound, bytes, len, 3);
    assert_false(ZSTD_isError(n));
    wc_buf_add(out, block, n);
    wc_free(block);
}

/* Appends a zstd frame that says nothing (RFC 8878, 3.1.2). */
static inline void zstd_skip_into(struct wc_buf *out)
{
    static const unsigned char frame[] = { 0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'n', 'o', 'n', 'e' };
    wc_buf_add(out, frame, sizeof frame);
}

#endif
