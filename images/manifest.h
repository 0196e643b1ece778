/* manifest.h - what manifests and configurations say (images).
 *
 * Owner:   everything is in the caller's arena. Threads: any. Blocks: never.
 * Errors:  WC_ERR_SPEC for what no image says.
 * Source:  OCI Image Format Specification 1.0, manifest, image-index, config.
 */
#ifndef IMAGES_MANIFEST_H
#define IMAGES_MANIFEST_H

#include <stdint.h>

#include "wcompose/image.h"

struct wc_json;

struct wc_desc {
    const char *digest; /* "sha256:<64 hex>", checked */
    const char *media_type;
    int64_t size; /* bytes, >= 0 */
};

struct wc_manifest {
    struct wc_desc config, *layers;
    size_t n_layers;
};

/* Reads a descriptor. */
int wc_desc_read(struct wc_arena *arena, const struct wc_json *from, struct wc_desc *out,
                 struct wc_err *err);

/* Reads an image manifest (OCI or Docker schema 2). */
int wc_manifest_read(struct wc_arena *arena, const struct wc_json *from, struct wc_manifest *out,
                     struct wc_err *err);

/* Reads rootfs.diff_ids of a configuration. */
int wc_config_diff_ids(struct wc_arena *arena, const struct wc_json *config, struct wc_strv *out,
                       struct wc_err *err);

/* Reads the rest of a configuration into *info: everything but reference, digest, id, layers and
 * size. */
void wc_config_read(struct wc_arena *arena, const struct wc_json *config,
                    struct wc_image_info *info);

/* Writes and stages an OCI manifest of blobs that are staged, and fills the entry's digest, size,
 * media type and id. annotations may be NULL. (load.c) */
struct wc_image_txn;
struct wc_index_entry;
int wc_manifest_stage(struct wc_image_txn *txn, const struct wc_manifest *m,
                      const struct wc_kvs *annotations, struct wc_index_entry *entry,
                      struct wc_err *err);

/* This machine's architecture as Go and OCI call it: "amd64". */
const char *wc_host_architecture(void);

#endif
