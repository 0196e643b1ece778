/* find.h - from what people type to an entry of the index, and from there to the image's parts
 * (images). Owner: results are in the arena, or point into the index. Threads: any.
 */
#ifndef IMAGES_FIND_H
#define IMAGES_FIND_H

#include "images/manifest.h"
#include "images/platform.h"
#include "images/store.h"

struct wc_found {
    const struct wc_index_entry *entry;
    const char *reference; /* the name it was found by; its own, or its id, when found by id */
    bool by_id;            /* found by an id or a digest alone */
    bool by_name;          /* found by a name alone, which may have other platforms too */
};

/* Finds name[:tag][@digest], "sha256:…", or 6+ digits of an id. Where that leads to several
 * platforms it is the best for `wanted`, and the first when none of them fits: it is the caller's
 * to refuse it. Returns 0, WC_ERR_NOENT (with advice), WC_ERR_SPEC. */
int wc_index_find(struct wc_arena *arena, const struct wc_index *index, const char *text,
                  const struct wc_platform *wanted, struct wc_found *out, struct wc_err *err);

/* The same for a platform as people type it (NULL: this machine's); WC_ERR_NOENT when one was asked
 * for and what there is isn't for it. */
int wc_index_find_for(struct wc_arena *arena, const struct wc_index *index, const char *text,
                      const char *platform, struct wc_found *out, struct wc_err *err);

/* True when `text` leads to the entry, whatever platform is wanted. */
bool wc_index_is_meant(struct wc_arena *arena, const char *text,
                       const struct wc_index_entry *entry);

struct wc_image_parts {
    const struct wc_index_entry *entry;
    struct wc_manifest manifest;
    struct wc_strv diff_ids;   /* as many as manifest.layers */
    struct wc_image_info info; /* without layers and size */
};

/* Reads manifest and configuration. Returns 0 or WC_ERR_SPEC, WC_ERR_NOENT, WC_ERR_IO. */
int wc_image_read(const struct wc_image_store *store, struct wc_arena *arena,
                  const struct wc_index_entry *entry, struct wc_image_parts *out,
                  struct wc_err *err);

#endif
