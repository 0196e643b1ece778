/* filter_zstd.c - zstd by its own library, which goes from frame to frame by itself. */
#include "images/filter.h"

#include <zstd.h>

static void *zstd_open(void)
{
    return ZSTD_createDStream();
}

static int zstd_step(void *self, struct wc_filter_io *io)
{
    ZSTD_inBuffer in = { io->in, io->in_len, 0 };
    ZSTD_outBuffer out = { io->out, io->out_len, 0 };
    size_t rc = ZSTD_decompressStream(self, &out, &in);
    if (ZSTD_isError(rc)) {
        io->why = ZSTD_getErrorName(rc);
        return -1;
    }
    if (in.pos > 0 || out.pos > 0) /* else it only says that it waits for a frame's start */
        io->between = rc == 0;
    io->in += in.pos;
    io->in_len -= in.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    return 0;
}

static void zstd_close(void *self)
{
    ZSTD_freeDStream(self);
}

const struct wc_filter wc_filter_zstd = {
    .open = zstd_open,
    .step = zstd_step,
    .close = zstd_close,
};
