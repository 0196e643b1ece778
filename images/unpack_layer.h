/* unpack_layer.h - a layer on its way, between unpack.c (threads, order) and unpack_layer.c (the
 * work) (images, private).
 *
 * Owner:   the set. Threads: fields under "shared" only with the set's mutex; the others are set
 *          before the layer is begun, or belong to its thread until it is done.
 */
#ifndef IMAGES_UNPACK_LAYER_H
#define IMAGES_UNPACK_LAYER_H

#include <pthread.h>
#include <stdbool.h>

#include "images/layer.h"

struct wc_image_store;
struct wc_unpack_set;

enum wc_unpack_source {
    WC_UNPACK_FED,  /* bytes are fed */
    WC_UNPACK_FILE, /* bytes are read from fd */
    WC_UNPACK_BLOB, /* a verified blob, in the store or staged */
};

struct wc_unpack {
    struct wc_unpack_set *set;
    struct wc_unpack *next;
    enum wc_unpack_source source;
    const char *digest, *diff_id;
    uint64_t size;
    int fd;                /* WC_UNPACK_FILE: borrowed until done */
    const char *blob_path; /* WC_UNPACK_BLOB: relative to the store */
    const char *blob_temp; /* where the blob is written; NULL: it is there */
    const char *root_temp; /* where the layer is written; NULL: it is there */

    /* shared */
    int state;                    /* enum wc_unpack_state */
    bool started, ended, refused; /* refused: the feeder was told that the buffer is full */
    char *ring;                   /* WC_UNPACK_BUFFER bytes once something was fed */
    uint64_t fed, taken, lent;    /* ever fed; ever given back; the run lent to the thread */
    pthread_cond_t changed;
    struct wc_err err;

    /* the thread's */
    struct wc_layer_result result;
};

/* Waits for fed bytes: lends the next run, which stays valid until the next call; *len 0 at the
 * end. WC_ERR_CANCELLED when the set stops, or closes before the layer is ended. (unpack.c) */
int wc_unpack_take(struct wc_unpack *layer, const void **bytes, size_t *len, struct wc_err *err);

/* Counts bytes that the thread has read by itself. False when the set stops. (unpack.c) */
bool wc_unpack_count(struct wc_unpack *layer, size_t bytes);

/* Does all of it; on the layer's thread. (unpack_layer.c) */
int wc_unpack_work(struct wc_unpack *layer, const struct wc_image_store *store, struct wc_err *err);

#endif
