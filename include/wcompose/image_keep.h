/* image_keep.h - keeping house among images: names, archives, space (contract, pure of libuv).
 *
 * Owner:   what is given back lives in the caller's arena or buffer.
 * Threads: as image.h: calls block and are safe beside each other, also of several processes.
 * Errors:  WC_ERR_NOENT (no such image), WC_ERR_SPEC (malformed name, broken store), WC_ERR_IO.
 * Source:  OCI Image Format Specification 1.1, image-layout; the tar that `docker save` writes
 *          (moby, image/spec v1.2); Docker Engine API 1.43, "Inspect an image", "Prune images".
 */
#ifndef WCOMPOSE_IMAGE_KEEP_H
#define WCOMPOSE_IMAGE_KEEP_H

#include "wcompose/image.h"

struct wc_buf;

/* Brings what people type into its normal form, its digest left out:
 * "docker.io/library/nginx:1.22" of "nginx:1.22@sha256:…". Looks into no store. */
int wc_image_normal_reference(const char *text, struct wc_arena *arena, const char **out,
                              struct wc_err *err);

/* Gives the image that `source` names (as wc_image_resolve) the name `name`, which another image
 * then loses; with all platforms that the name `source` has. */
int wc_image_tag(struct wc_image_store *store, const char *source, const char *name,
                 struct wc_err *err);

/* Writes images as one archive to fd, in any form or in all: what one tool doesn't look at, the
 * next one reads. Layers go as they are packed. */
enum wc_image_form { WC_IMAGE_FORM_BOTH, WC_IMAGE_FORM_OCI, WC_IMAGE_FORM_DOCKER };
struct wc_image_save_options {
    const char *const *names; /* n, as wc_image_resolve takes them */
    size_t n;
    const char *platform; /* of names that are there for several; NULL: this machine's */
    enum wc_image_form form;
    int fd;
};
int wc_image_save(struct wc_image_store *store, const struct wc_image_save_options *options,
                  struct wc_err *err);

/* Appends what docker's `image inspect` says of an image, one JSON object. platform: as
 * wc_image_resolve_for, but WC_ERR_NOENT when it isn't there for that one. */
int wc_image_inspect(struct wc_image_store *store, const char *reference, const char *platform,
                     struct wc_buf *out, struct wc_err *err);

/* Removes images without a name, with `all` also those with names, that nobody uses; and all blobs
 * and layers that no image needs. */
struct wc_image_pruned {
    struct wc_strv untagged, deleted; /* references; ids */
    uint64_t freed_bytes;
    bool deferred; /* another process is adding images: space is given back the next time */
};
int wc_image_prune(struct wc_image_store *store, bool all, const struct wc_image_uses *uses,
                   struct wc_arena *arena, struct wc_image_pruned *out, struct wc_err *err);

/* What images take on the disk. Blobs that are kept packed beside their unpacked layers count. */
struct wc_image_space {
    size_t images, images_used; /* by digest; a name more is no image more */
    size_t layers, layers_used; /* unpacked */
    int64_t bytes, free_bytes;  /* of both; what a prune of all unused would give back */
};
int wc_image_space(struct wc_image_store *store, const struct wc_image_uses *uses,
                   struct wc_image_space *out, struct wc_err *err);

#endif
