/* filter_zlib.c - gzip by zlib: everywhere, at half of ISA-L's speed. */
#include "images/filter.h"

#include <zlib.h>

#include "base/alloc.h"

enum { RUN_MAX = 1 << 30 }; /* zlib counts in 32 bits */

struct gzip {
    z_stream stream;
    bool ended; /* a member is over; the next byte begins another */
};

static void *gzip_open(void)
{
    struct gzip *self = wc_calloc(1, sizeof *self);
    if (inflateInit2(&self->stream, 15 + 16) != Z_OK) { /* 16: with gzip's header and checksum */
        wc_free(self);
        return NULL;
    }
    return self;
}

static int gzip_step(void *data, struct wc_filter_io *io)
{
    struct gzip *self = data;
    z_stream *z = &self->stream;
    if (self->ended && io->in_len == 0)
        return 0;
    if (self->ended)
        inflateReset(z);
    size_t in = io->in_len < RUN_MAX ? io->in_len : RUN_MAX;
    size_t out = io->out_len < RUN_MAX ? io->out_len : RUN_MAX;
    z->next_in = (Bytef *)(uintptr_t)io->in;
    z->avail_in = (uInt)in;
    z->next_out = io->out;
    z->avail_out = (uInt)out;
    int rc = inflate(z, Z_NO_FLUSH);
    in -= z->avail_in;
    out -= z->avail_out;
    io->in += in;
    io->in_len -= in;
    io->out += out;
    io->out_len -= out;
    self->ended = rc == Z_STREAM_END;
    io->between = self->ended;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR) /* the last: nothing to do yet */
        return 0;
    io->why = z->msg != NULL ? z->msg : "the compressed data is damaged";
    return -1;
}

static void gzip_close(void *data)
{
    struct gzip *self = data;
    inflateEnd(&self->stream);
    wc_free(self);
}

const struct wc_filter wc_filter_zlib = {
    .open = gzip_open,
    .step = gzip_step,
    .close = gzip_close,
};
