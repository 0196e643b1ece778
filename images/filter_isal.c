/* filter_isal.c - gzip by ISA-L, at twice zlib's speed (measured). Loaded when the first layer asks
 * for it: it has no static archive in Debian, and whoever doesn't have it loses speed only.
 * libdeflate is as fast, but wants whole layers in memory. */
#include "images/filter.h"

#ifdef WC_HAVE_ISAL
#include <dlfcn.h>
#include <isa-l.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

enum { RUN_MAX = 1 << 30 }; /* it counts in 32 bits */
#define LIBRARY "libisal.so.2"

static struct {
    void (*init)(struct inflate_state *state);
    void (*reset)(struct inflate_state *state);
    int (*inflate)(struct inflate_state *state);
    bool loaded;
} isal;

struct gzip {
    struct inflate_state state;
    bool ended; /* a member is over; the next byte begins another */
};

/* dlsym's object pointer is a function's: POSIX has both the same size and kind, C doesn't say. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    isal.loaded = library != NULL && find(library, "isal_inflate_init", &isal.init) &&
                  find(library, "isal_inflate_reset", &isal.reset) &&
                  find(library, "isal_inflate", &isal.inflate);
    wc_log(WC_LOG_DEBUG, "images", "gzip by %s", isal.loaded ? LIBRARY : "zlib");
}

bool wc_filter_has_isal(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return isal.loaded;
}

static void *gzip_open(void)
{
    struct gzip *self = wc_alloc(sizeof *self);
    isal.init(&self->state);
    self->state.crc_flag = ISAL_GZIP;
    self->ended = false;
    return self;
}

static int gzip_step(void *data, struct wc_filter_io *io)
{
    struct gzip *self = data;
    struct inflate_state *state = &self->state;
    if (self->ended && io->in_len == 0)
        return 0;
    if (self->ended)
        isal.reset(state);
    size_t in = io->in_len < RUN_MAX ? io->in_len : RUN_MAX;
    size_t out = io->out_len < RUN_MAX ? io->out_len : RUN_MAX;
    state->next_in = (uint8_t *)(uintptr_t)io->in;
    state->avail_in = (uint32_t)in;
    state->next_out = io->out;
    state->avail_out = (uint32_t)out;
    int rc = isal.inflate(state);
    in -= state->avail_in;
    out -= state->avail_out;
    io->in += in;
    io->in_len -= in;
    io->out += out;
    io->out_len -= out;
    self->ended = state->block_state == ISAL_BLOCK_FINISH;
    io->between = self->ended;
    if (rc >= ISAL_DECOMP_OK) /* above it: more input or more room is needed */
        return 0;
    io->why =
        rc == ISAL_INCORRECT_CHECKSUM ? "its checksum is wrong" : "the compressed data is damaged";
    return -1;
}

const struct wc_filter wc_filter_isal = {
    .open = gzip_open,
    .step = gzip_step,
    .close = wc_free,
};

#else

bool wc_filter_has_isal(void)
{
    return false;
}

const struct wc_filter wc_filter_isal;

#endif
