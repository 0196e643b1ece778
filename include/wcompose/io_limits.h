/* io_limits.h - what a service may read and write of block devices: blkio_config (contract, pure).
 *
 * Owner:   as the model. Threads: a value. Errors: none.
 * Source:  Compose Specification, "blkio_config".
 */
#ifndef WCOMPOSE_IO_LIMITS_H
#define WCOMPOSE_IO_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

/* A weight or a rate of one device. */
struct wc_io_device {
    const char *path; /* "/dev/sda"; "": it isn't said */
    int64_t value;    /* WC_UNSET: the same */
    struct wc_loc at;
};

/* One list of the file's; what comes later wins. */
struct wc_io_list {
    struct wc_io_device *items;
    size_t n;
};

/* What is limited, a second. */
enum wc_io_rate {
    WC_IO_READ_BPS,
    WC_IO_READ_IOPS,
    WC_IO_WRITE_BPS,
    WC_IO_WRITE_IOPS,
};

/* How many there are. */
enum { WC_IO_RATES = WC_IO_WRITE_IOPS + 1 };

/* All of it. */
struct wc_io_limits {
    int64_t weight; /* 10..1000; WC_UNSET: the kernel's usual one */
    struct wc_io_list weights;
    struct wc_io_list rates[WC_IO_RATES];
};

#endif
