/* remove.h - what is used, and untying names, between remove.c and keep.c (images, private).
 *
 * Owner:   everything is in the txn's arena. Threads: the txn's.
 */
#ifndef IMAGES_REMOVE_H
#define IMAGES_REMOVE_H

#include "images/find.h"

/* What is in use, as wc_image_uses lists it. */
struct wc_used {
    struct wc_strv layers, references;
};

/* Asks; nothing when `uses` is NULL. */
void wc_used_list(const struct wc_image_uses *uses, struct wc_used *out);

/* True when one of the references leads to the image of that digest. */
bool wc_used_is_meant(struct wc_image_txn *txn, const struct wc_index *index, const char *digest,
                      const struct wc_used *used);

/* How many of the layers somebody runs from. */
size_t wc_used_layers(const struct wc_used *used, const struct wc_strv *diff_ids);

/* A copy that later changes of the index don't shorten. */
struct wc_index wc_index_copy(struct wc_image_txn *txn);

#endif
