/* stage.h - what a change has in its own directory, between stage.c and txn.c (images, private).
 *
 * Owner:   the txn. Threads: its one. Blocks: on the disk.
 * Errors:  as store.h.
 */
#ifndef IMAGES_STAGE_H
#define IMAGES_STAGE_H

#include "images/store.h"

/* A file or directory that the commit puts in its place. */
struct wc_txn_rename {
    struct wc_txn_rename *older;
    const char *from, *to; /* relative to the store */
    const char *diff_id;   /* of a layer and of its diff; NULL for a blob */
    bool done;
};

/* Writes txn->index to a file of ours, on disk when it returns, and gives its name. */
int wc_stage_index(struct wc_image_txn *txn, const char **temp, struct wc_err *err);

/* WC_ERR_CONFLICT when the store has another layer whose diff id starts as this one's. */
int wc_stage_check_collision(struct wc_image_txn *txn, const char *diff_id, struct wc_err *err);

#endif
