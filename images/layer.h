/* layer.h - from a layer's bytes to a directory (images).
 *
 * Owner:   descriptors are the caller's. Threads: any; one layer per call. Blocks: on the disk.
 * Errors:  as inflate.h and writer.h.
 * Source:  OCI Image Format Specification 1.0, layer; POSIX.1-2001 pax; GNU tar's sparse forms.
 */
#ifndef IMAGES_LAYER_H
#define IMAGES_LAYER_H

#include "base/hash.h"
#include "images/writer.h"

/* Far above real images: 64 GiB and 4 million entries a layer, 200 directories deep, 256 MiB of
 * memory for some million directories. */
extern const struct wc_layer_limits wc_layer_limits_default;

struct wc_layer_options {
    struct wc_layer_limits limits;
    bool merge_usr; /* see writer.h */
};

struct wc_layer_result {
    char diff_id[WC_SHA256_HEX + 1]; /* hex SHA-256 of the unpacked stream */
    uint64_t bytes, entries;
};

/* Unpacks the tar (plain, gzip or zstd) read from blob_fd into the directory root_fd. On failure
 * the directory holds part of it: the caller removes it. */
int wc_layer_unpack(int blob_fd, int root_fd, const struct wc_layer_options *options,
                    struct wc_layer_result *out, struct wc_err *err);

/* The same for packed bytes from anywhere. */
struct wc_bytes;
int wc_layer_unpack_from(const struct wc_bytes *from, int root_fd,
                         const struct wc_layer_options *options, struct wc_layer_result *out,
                         struct wc_err *err);

#endif
