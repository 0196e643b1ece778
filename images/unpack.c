/* unpack.c - the threads of a set of layers, and the buffers between feeders and them. A thread a
 * layer and not a pipeline of threads: layers are many, and a hand-over of every block costs more
 * than it wins when all processors are busy anyway. */
#include "images/unpack.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/str.h"
#include "images/unpack_layer.h"

enum { THREADS_MAX = 16 };

struct wc_unpack_set {
    struct wc_image_txn *txn;
    struct wc_unpack_options options;
    struct wc_map by_digest, by_diff; /* struct wc_unpack */
    struct wc_unpack *first, *last;
    pthread_mutex_t mutex;
    pthread_cond_t over; /* a layer is done or failed */
    unsigned running;    /* layers that are neither */
    pthread_cond_t work; /* there is a layer to begin, or nothing will come any more */
    pthread_t threads[THREADS_MAX];
    unsigned n_threads, idle;
    bool closing, stop;             /* no more layers; nor any more work */
    struct wc_unpack *queue;        /* the first layer that no thread has */
    const struct wc_unpack *failed; /* the first to fail */
};

/* ---- the threads ---- */

static void wake(const struct wc_unpack_set *set)
{
    if (set->options.wake != NULL)
        set->options.wake(set->options.data);
}

static void stop(struct wc_unpack_set *set)
{
    set->stop = true;
    for (struct wc_unpack *l = set->first; l != NULL; l = l->next)
        pthread_cond_broadcast(&l->changed);
    pthread_cond_broadcast(&set->work);
}

static void finish(struct wc_unpack *layer, int rc, const struct wc_err *err)
{
    struct wc_unpack_set *set = layer->set;
    pthread_mutex_lock(&set->mutex);
    layer->state = rc == 0 ? WC_UNPACK_DONE : WC_UNPACK_FAILED;
    layer->err = *err;
    wc_free(layer->ring);
    layer->ring = NULL;
    if (rc != 0 && set->failed == NULL)
        set->failed = layer;
    if (rc != 0)
        stop(set); /* the image is lost with any of its layers */
    set->running--;
    pthread_cond_broadcast(&layer->changed);
    pthread_cond_broadcast(&set->over);
    pthread_mutex_unlock(&set->mutex);
    wake(set);
}

static struct wc_unpack *next_layer(struct wc_unpack_set *set)
{
    pthread_mutex_lock(&set->mutex);
    while (set->queue == NULL && !set->closing && !set->stop) {
        set->idle++;
        pthread_cond_wait(&set->work, &set->mutex);
        set->idle--;
    }
    struct wc_unpack *layer = set->stop ? NULL : set->queue;
    if (layer != NULL) {
        set->queue = layer->next;
        layer->started = true;
    }
    pthread_mutex_unlock(&set->mutex);
    return layer;
}

static void *work(void *data)
{
    struct wc_unpack_set *set = data;
    struct wc_unpack *layer;
    while ((layer = next_layer(set)) != NULL) {
        struct wc_err err = { 0 };
        int rc = wc_unpack_work(layer, set->txn->store, &err);
        finish(layer, rc, &err);
    }
    return NULL;
}

static unsigned default_threads(void)
{
    cpu_set_t cpus;
    unsigned n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    return 2 * n;
}

/* One more thread, when all are busy and there may be one. */
static int want_thread(struct wc_unpack_set *set, struct wc_err *err)
{
    pthread_mutex_lock(&set->mutex);
    unsigned waiting = 0;
    for (const struct wc_unpack *l = set->queue; l != NULL; l = l->next)
        waiting++;
    bool needed = set->idle < waiting && set->n_threads < set->options.threads;
    pthread_mutex_unlock(&set->mutex);
    if (!needed)
        return 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys = pthread_create(&set->threads[set->n_threads], NULL, work, set);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (sys == 0)
        set->n_threads++;
    else if (set->n_threads == 0)
        return wc_err_set(err, WC_ERR_IO, sys, "start a thread to unpack");
    return 0;
}

/* ---- layers ---- */

struct wc_unpack_set *wc_unpack_open(struct wc_image_txn *txn,
                                     const struct wc_unpack_options *options)
{
    struct wc_unpack_set *set = wc_calloc(1, sizeof *set);
    set->txn = txn;
    if (options != NULL)
        set->options = *options;
    if (set->options.threads == 0)
        set->options.threads = default_threads();
    if (set->options.threads > THREADS_MAX)
        set->options.threads = THREADS_MAX;
    wc_map_init(&set->by_digest, &txn->arena);
    wc_map_init(&set->by_diff, &txn->arena);
    pthread_mutex_init(&set->mutex, NULL);
    pthread_cond_init(&set->work, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&set->over, &clock);
    pthread_condattr_destroy(&clock);
    return set;
}

/* What of the layer is missing. A layer of this set that has the same content does for both. */
static int look_up(struct wc_unpack_set *set, const struct wc_unpack_want *want, bool *need_blob,
                   bool *need_layer, struct wc_err *err)
{
    const struct wc_unpack *same = wc_map_get(&set->by_digest, want->digest);
    if (same != NULL && !wc_streq(same->diff_id, want->diff_id))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "malformed image: layer %.19s… has two different diff ids", want->digest);
    *need_blob = same == NULL && !wc_txn_has_blob(set->txn, want->digest + strlen("sha256:"));
    char name[WC_LAYER_NAME + 1];
    snprintf(name, sizeof name, "%s", want->diff_id + strlen("sha256:"));
    const struct wc_unpack *layer = wc_map_get(&set->by_diff, name);
    bool has = layer != NULL;
    if (layer != NULL && !wc_streq(layer->diff_id, want->diff_id))
        return wc_err_set(err, WC_ERR_CONFLICT, 0,
                          "layer %s can't be told from another one by its first %d digits",
                          want->diff_id, WC_LAYER_NAME);
    int rc = has ? 0 : wc_txn_has_layer(set->txn, want->diff_id, &has, err);
    *need_layer = !has;
    return rc;
}

static void set_source(struct wc_unpack *layer, bool need_blob, int fd)
{
    struct wc_image_txn *txn = layer->set->txn;
    const char *hex = layer->digest + strlen("sha256:");
    layer->fd = fd;
    layer->source = fd >= 0 ? WC_UNPACK_FILE : WC_UNPACK_FED;
    if (need_blob) {
        layer->blob_temp = wc_txn_temp(txn);
        return;
    }
    layer->source = WC_UNPACK_BLOB;
    layer->blob_path = wc_map_get(&txn->blobs, hex);
    if (layer->blob_path == NULL)
        layer->blob_path = wc_arena_printf(&txn->arena, "blobs/sha256/%s", hex);
}

static struct wc_unpack *add(struct wc_unpack_set *set, const struct wc_unpack_want *want)
{
    struct wc_arena *arena = &set->txn->arena;
    struct wc_unpack *layer = WC_NEW(arena, struct wc_unpack);
    *layer = (struct wc_unpack){ .set = set,
                                 .digest = wc_arena_strdup(arena, want->digest),
                                 .diff_id = wc_arena_strdup(arena, want->diff_id),
                                 .size = (uint64_t)want->size,
                                 .fd = -1 };
    pthread_cond_init(&layer->changed, NULL);
    return layer;
}

static void enqueue(struct wc_unpack_set *set, struct wc_unpack *layer)
{
    pthread_mutex_lock(&set->mutex);
    if (set->last != NULL)
        set->last->next = layer;
    else
        set->first = layer;
    set->last = layer;
    if (set->queue == NULL)
        set->queue = layer;
    set->running++;
    pthread_cond_signal(&set->work);
    pthread_mutex_unlock(&set->mutex);
}

static int begin(struct wc_unpack_set *set, const struct wc_unpack_want *want, int fd,
                 struct wc_unpack **out, struct wc_err *err)
{
    bool need_blob = false, need_layer = false;
    *out = NULL;
    int rc = look_up(set, want, &need_blob, &need_layer, err);
    if (rc != 0 || (!need_blob && !need_layer))
        return rc;
    struct wc_unpack *layer = add(set, want);
    set_source(layer, need_blob, fd);
    if (need_layer) {
        layer->root_temp = wc_txn_temp(set->txn);
        char *name = wc_arena_strndup(&set->txn->arena, want->diff_id + 7, WC_LAYER_NAME);
        wc_map_put(&set->by_diff, name, layer);
    }
    wc_map_put(&set->by_digest, layer->digest, layer);
    enqueue(set, layer);
    rc = want_thread(set, err);
    if (rc == 0 && layer->source == WC_UNPACK_FED)
        *out = layer;
    return rc;
}

int wc_unpack_begin(struct wc_unpack_set *set, const struct wc_unpack_want *want,
                    struct wc_unpack **out, struct wc_err *err)
{
    return begin(set, want, -1, out, err);
}

int wc_unpack_file(struct wc_unpack_set *set, const struct wc_unpack_want *want, int fd,
                   struct wc_err *err)
{
    struct wc_unpack *none = NULL;
    return begin(set, want, fd, &none, err);
}

/* ---- buffers ---- */

size_t wc_unpack_feed(struct wc_unpack *layer, const void *bytes, size_t len)
{
    pthread_mutex_lock(&layer->set->mutex);
    if (layer->state != WC_UNPACK_RUNNING || layer->set->stop) {
        pthread_mutex_unlock(&layer->set->mutex);
        return len;
    }
    size_t room = WC_UNPACK_BUFFER - (size_t)(layer->fed - layer->taken);
    size_t n = len < room ? len : room;
    if (layer->ring == NULL)
        layer->ring = wc_alloc(WC_UNPACK_BUFFER);
    size_t at = (size_t)(layer->fed % WC_UNPACK_BUFFER);
    size_t first = n < WC_UNPACK_BUFFER - at ? n : WC_UNPACK_BUFFER - at;
    memcpy(layer->ring + at, bytes, first);
    memcpy(layer->ring, (const char *)bytes + first, n - first);
    layer->fed += n;
    layer->refused = n < len;
    pthread_cond_broadcast(&layer->changed);
    pthread_mutex_unlock(&layer->set->mutex);
    return n;
}

void wc_unpack_feed_all(struct wc_unpack *layer, const void *bytes, size_t len)
{
    const char *p = bytes;
    while (len > 0) {
        size_t n = wc_unpack_feed(layer, p, len);
        p += n;
        len -= n;
        pthread_mutex_lock(&layer->set->mutex);
        while (len > 0 && layer->state == WC_UNPACK_RUNNING && !layer->set->stop &&
               layer->fed - layer->taken == WC_UNPACK_BUFFER)
            pthread_cond_wait(&layer->changed, &layer->set->mutex);
        pthread_mutex_unlock(&layer->set->mutex);
    }
}

void wc_unpack_end(struct wc_unpack *layer)
{
    pthread_mutex_lock(&layer->set->mutex);
    layer->ended = true;
    pthread_cond_broadcast(&layer->changed);
    pthread_mutex_unlock(&layer->set->mutex);
}

int wc_unpack_take(struct wc_unpack *layer, const void **bytes, size_t *len, struct wc_err *err)
{
    struct wc_unpack_set *set = layer->set;
    bool tell = false;
    int rc = 0;
    pthread_mutex_lock(&set->mutex);
    if (layer->lent > 0) {
        layer->taken += layer->lent;
        layer->lent = 0;
        tell = layer->refused && layer->fed - layer->taken <= WC_UNPACK_BUFFER / 2;
        layer->refused = layer->refused && !tell;
        pthread_cond_broadcast(&layer->changed);
    }
    if (tell) {
        pthread_mutex_unlock(&set->mutex);
        wake(set);
        pthread_mutex_lock(&set->mutex);
    }
    while (layer->fed == layer->taken && !layer->ended && !set->stop && !set->closing)
        pthread_cond_wait(&layer->changed, &set->mutex);
    size_t at = (size_t)(layer->taken % WC_UNPACK_BUFFER);
    size_t have = (size_t)(layer->fed - layer->taken);
    if (set->stop || (have == 0 && !layer->ended))
        rc = wc_err_set(err, WC_ERR_CANCELLED, 0, "given up before it was complete");
    else
        layer->lent = have < WC_UNPACK_BUFFER - at ? have : WC_UNPACK_BUFFER - at;
    *bytes = layer->ring == NULL ? NULL : layer->ring + at;
    *len = (size_t)layer->lent;
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

bool wc_unpack_count(struct wc_unpack *layer, size_t bytes)
{
    pthread_mutex_lock(&layer->set->mutex);
    layer->taken += bytes;
    bool going_on = !layer->set->stop;
    pthread_mutex_unlock(&layer->set->mutex);
    return going_on;
}

void wc_unpack_look(struct wc_unpack *layer, struct wc_unpack_look *out)
{
    pthread_mutex_lock(&layer->set->mutex);
    *out = (struct wc_unpack_look){ .state = (enum wc_unpack_state)layer->state,
                                    .taken = layer->taken,
                                    .err = layer->err };
    pthread_mutex_unlock(&layer->set->mutex);
}

/* ---- the end ---- */

bool wc_unpack_wait(struct wc_unpack_set *set, unsigned wait_ms, uint64_t *taken)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&set->mutex);
    while (set->running > 0 && !set->stop &&
           pthread_cond_timedwait(&set->over, &set->mutex, &until) == 0)
        continue;
    *taken = 0;
    for (const struct wc_unpack *l = set->first; l != NULL; l = l->next)
        *taken += l->taken;
    bool over = set->running == 0 || set->stop;
    pthread_mutex_unlock(&set->mutex);
    return over;
}

static void join(struct wc_unpack_set *set, bool give_up)
{
    pthread_mutex_lock(&set->mutex);
    set->closing = true;
    if (give_up)
        stop(set);
    for (struct wc_unpack *l = set->first; l != NULL; l = l->next)
        pthread_cond_broadcast(&l->changed);
    pthread_cond_broadcast(&set->work);
    pthread_mutex_unlock(&set->mutex);
    for (unsigned i = 0; i < set->n_threads; i++)
        pthread_join(set->threads[i], NULL);
}

static void deinit(struct wc_unpack_set *set)
{
    for (struct wc_unpack *l = set->first; l != NULL; l = l->next) {
        pthread_cond_destroy(&l->changed);
        wc_free(l->ring);
    }
    pthread_cond_destroy(&set->work);
    pthread_cond_destroy(&set->over);
    pthread_mutex_destroy(&set->mutex);
    wc_free(set);
}

static int stage(struct wc_unpack_set *set, const struct wc_unpack *layer, struct wc_err *err)
{
    if (layer->blob_temp != NULL) {
        struct wc_sink sink = { .temp = layer->blob_temp, .size = layer->size };
        memcpy(sink.hex, layer->digest + strlen("sha256:"), sizeof sink.hex);
        wc_txn_stage(set->txn, &sink);
    }
    if (layer->root_temp == NULL)
        return 0;
    return wc_txn_stage_layer(set->txn, layer->root_temp, layer->diff_id, layer->result.bytes, err);
}

int wc_unpack_close(struct wc_unpack_set *set, struct wc_err *err)
{
    int rc = 0;
    join(set, false);
    if (set->failed != NULL) {
        rc = set->failed->err.code;
        if (err != NULL)
            *err = set->failed->err;
        rc = wc_err_wrap(err, rc, "layer %.19s", set->failed->digest);
    }
    for (const struct wc_unpack *l = set->first; rc == 0 && l != NULL; l = l->next)
        rc = stage(set, l, err);
    deinit(set);
    return rc;
}

void wc_unpack_abort(struct wc_unpack_set *set)
{
    join(set, true);
    deinit(set);
}

int wc_unpack_one(struct wc_image_txn *txn, const struct wc_unpack_want *want, struct wc_err *err)
{
    struct wc_unpack *none = NULL;
    struct wc_unpack_set *set = wc_unpack_open(txn, NULL);
    int rc = wc_unpack_begin(set, want, &none, err);
    if (rc == 0)
        return wc_unpack_close(set, err);
    wc_unpack_abort(set);
    return rc;
}
