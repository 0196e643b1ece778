/* source.h - where images come from: OCI layouts and archives (images).
 *
 * Idea:    whatever the form, the rest of the room asks for blobs by digest and for two JSON files.
 *          An archive is read once, front to back, each member into tmp/ while it is hashed: what
 *          turns out to be a blob of the image is already in place and verified.
 * Owner:   the caller opens and closes; strings are in the txn's arena.
 * Threads: one. Blocks: on reading.
 * Errors:  WC_ERR_NOENT, WC_ERR_SPEC (corrupt, hostile, or no image in it), WC_ERR_LIMIT,
 * WC_ERR_IO. Source:  OCI Image Format Specification 1.0, image-layout; the tar that `docker save`
 * writes (moby, image/spec v1.2, "combined image JSON + filesystem changeset format").
 */
#ifndef IMAGES_SOURCE_H
#define IMAGES_SOURCE_H

#include "images/manifest.h"
#include "images/store.h"

enum wc_source_kind { WC_SOURCE_OCI, WC_SOURCE_DOCKER };

struct wc_source {
    struct wc_image_txn *txn;
    const char *path;
    enum wc_source_kind kind;
    int dir_fd;            /* an OCI layout directory, or -1 */
    struct wc_map members; /* an archive's files: name -> struct wc_source_member */
};

/* A file of an archive, hashed on arrival. */
struct wc_source_member {
    const char *temp; /* beneath the store; NULL: a blob the store already had */
    const char *link; /* another member's name, when it is a link */
    char hex[WC_SHA256_HEX + 1];
    uint64_t size;
};

/* Opens "oci:DIR", "oci-archive:FILE", "docker-archive:FILE" or a path. */
int wc_source_open(struct wc_image_txn *txn, const char *text, struct wc_source *out,
                   struct wc_err *err);
void wc_source_close(struct wc_source *source);

/* Appends a top-level JSON file ("index.json", "manifest.json") to out; at most 16 MiB. */
int wc_source_json(const struct wc_source *source, const char *name, struct wc_buf *out,
                   struct wc_err *err);

/* Stages the blob, verified by size and digest, unless the store has it. */
int wc_source_stage(struct wc_source *source, const struct wc_desc *desc, struct wc_err *err);

/* The same for a layer, which is large: where the source is a directory, *fd is its file and
 * nothing is staged or verified (unpack.h does both on the way); else the blob is staged and *fd is
 * -1. */
int wc_source_open_blob(struct wc_source *source, const struct wc_desc *desc, int *fd,
                        struct wc_err *err);

/* Stages an archive's file by its name and says what it is; links are followed. */
int wc_source_stage_member(struct wc_source *source, const char *name, struct wc_desc *out,
                           struct wc_err *err);

#endif
