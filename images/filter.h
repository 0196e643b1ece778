/* filter.h - one compression each, as a step function (images, private).
 *
 * Idea:    a filter turns some input into some output and keeps its place; whoever calls it brings
 *          bytes and takes bytes, so no filter reads, allocates buffers or knows of limits.
 * Owner:   the caller opens and closes. Threads: one at a time per handle. Blocks: never.
 */
#ifndef IMAGES_FILTER_H
#define IMAGES_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes in and out; the step moves the pointers and takes from the lengths. */
struct wc_filter_io {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_len;
    bool between;    /* set by the step: between two members or frames, where a stream may end */
    const char *why; /* set by a step that failed */
};

struct wc_filter {
    void *(*open)(void);
    /* Does what it can. Returns 0, or -1 with io->why. */
    int (*step)(void *self, struct wc_filter_io *io);
    void (*close)(void *self);
};

extern const struct wc_filter wc_filter_zlib, wc_filter_zstd;

/* The fast one for gzip; only to be opened when the library behind it is there. */
extern const struct wc_filter wc_filter_isal;
bool wc_filter_has_isal(void);

#endif
