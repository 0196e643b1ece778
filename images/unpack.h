/* unpack.h - the layers of one image on their way into the store, as their bytes arrive (images).
 *
 * Idea:    one pass: the packed bytes are hashed, kept as a blob, inflated, hashed again (the diff
 *          id), parsed as tar and written as files, by a thread for each layer. Whoever has the
 *          bytes (a file, a network loop) feeds them piece by piece in any order of layers, and is
 *          never made to wait: a layer whose buffer is full takes less, and `wake` tells when to go
 *          on. Nothing counts before wc_unpack_close has said 0 and the txn is committed.
 *
 *     wc_unpack_open(&txn, &options, &set);            the txn's thread, txn neither locked nor
 * over for each layer: wc_unpack_begin(set, &want, &layer, &err);   layer == NULL: nothing to fetch
 *     as bytes come:  n = wc_unpack_feed(layer, bytes, len);       n < len: the rest after `wake`
 *     at its end:     wc_unpack_end(layer);
 *     after `wake`:   wc_unpack_look(layer, &look);                going on, done, or failed and
 * why all ended:      rc = wc_unpack_close(set, &err);             waits; then tag, wc_txn_commit
 *
 * Order:   layers get their threads in the order they were begun. At most `threads` are unpacked at
 *          once; a further one takes bytes up to its buffer's size and no more until a thread is
 *          free. So whoever fetches several at once begins them in the order he fetches them.
 * Failure: the image is lost with any of its layers, so the first that fails stops the others,
 * which then take their bytes and drop them. Close the set to learn why. Resume:  a transfer that
 * broke is gone on with by feeding from the offset that was reached (the number of bytes that
 * wc_unpack_feed took); nothing need be fed twice. Memory:  WC_UNPACK_BUFFER a layer that is begun
 * and not done, and about 1 MiB for each thread; zstd up to 128 MiB a thread more, when a layer was
 * packed with windows that large. Owner:   the set owns its layers; handles are valid until
 * wc_unpack_close or _abort. Strings of `want` and the options are copied. Threads: everything is
 * called from the txn's thread, but `wake`, which is called from the set's. Blocks: only _feed_all,
 * _wait, _close and _abort. Signals go to other threads than the set's. Errors:  WC_ERR_SPEC (wrong
 * digest or size, corrupt or hostile content), WC_ERR_LIMIT (a bomb), WC_ERR_IO (disk full …),
 * WC_ERR_PERM, WC_ERR_CANCELLED. They name the layer.
 */
#ifndef IMAGES_UNPACK_H
#define IMAGES_UNPACK_H

#include "images/store.h"

/* Most bytes that a layer takes ahead of its thread. */
enum { WC_UNPACK_BUFFER = 1 << 20 };

struct wc_unpack_set;
struct wc_unpack;

struct wc_unpack_options {
    unsigned threads;         /* most at once; 0 = twice the processors we may use, at most 16 */
    void (*wake)(void *data); /* there is room again, or a layer is done or failed; on a thread of
                                 the set, so it only signals (uv_async_send); may be NULL */
    void *data;
};

/* What a layer must turn out to be. */
struct wc_unpack_want {
    const char *digest;  /* of the packed bytes, "sha256:…" */
    int64_t size;        /* of the packed bytes; more or fewer is an error */
    const char *diff_id; /* of the unpacked bytes, "sha256:…" */
};

enum wc_unpack_state { WC_UNPACK_RUNNING, WC_UNPACK_DONE, WC_UNPACK_FAILED };

struct wc_unpack_look {
    enum wc_unpack_state state;
    uint64_t taken;    /* packed bytes that are behind us */
    struct wc_err err; /* when it failed */
};

/* Opens a set. The txn must not be changed but through it until it is closed. */
struct wc_unpack_set *wc_unpack_open(struct wc_image_txn *txn,
                                     const struct wc_unpack_options *options);

/* Begins a layer. *out NULL: its bytes are not needed, because the store has it, or can unpack it
 * from its blob (which the set then does by itself), or this set already has it. Returns 0 or
 * WC_ERR_CONFLICT. */
int wc_unpack_begin(struct wc_unpack_set *set, const struct wc_unpack_want *want,
                    struct wc_unpack **out, struct wc_err *err);

/* The same for bytes that are in a file, from its offset to its end; they are read by the layer's
 * thread. fd is borrowed until the set is closed. */
int wc_unpack_file(struct wc_unpack_set *set, const struct wc_unpack_want *want, int fd,
                   struct wc_err *err);

/* Takes bytes; returns how many. All of them when the layer has failed (they go nowhere). */
size_t wc_unpack_feed(struct wc_unpack *layer, const void *bytes, size_t len);

/* Takes all of them, and waits where it must. For who reads files. */
void wc_unpack_feed_all(struct wc_unpack *layer, const void *bytes, size_t len);

/* Says that no more will come. */
void wc_unpack_end(struct wc_unpack *layer);

/* Says how far it is. */
void wc_unpack_look(struct wc_unpack *layer, struct wc_unpack_look *out);

/* Unpacks one layer whose blob is there, unless it is there too. */
int wc_unpack_one(struct wc_image_txn *txn, const struct wc_unpack_want *want, struct wc_err *err);

/* Waits at most so long for what was begun to be over: true when it is, or when a layer has failed.
 * *taken: packed bytes of all layers that are behind us. For who shows progress. */
bool wc_unpack_wait(struct wc_unpack_set *set, unsigned wait_ms, uint64_t *taken);

/* Waits for all layers, stages them in the txn, frees the set. A layer that fails stops the others,
 * and is what is returned; one that was begun and not ended is WC_ERR_CANCELLED. */
int wc_unpack_close(struct wc_unpack_set *set, struct wc_err *err);

/* Gives up: stops the threads as soon as they look, frees the set. What they wrote goes with the
 * txn, which the caller then aborts. */
void wc_unpack_abort(struct wc_unpack_set *set);

#endif
