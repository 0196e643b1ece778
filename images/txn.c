/* txn.c - changing the store: everything is made in tmp/ under the lock; the commit syncs once for
 * all of it, renames, and replaces the index last. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "images/layer.h"
#include "images/names.h"
#include "images/store.h"
#include "images/tar.h"

struct wc_txn_rename {
    struct wc_txn_rename *older;
    const char *from, *to; /* relative to the store */
    bool done;
};

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "image store: %s %s", doing, path);
}

static int take_lock(struct wc_image_txn *txn, struct wc_err *err)
{
    txn->lock_fd = openat(txn->store->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (txn->lock_fd < 0)
        return fail("open", "lock", err);
    if (flock(txn->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (txn->progress != NULL)
        txn->progress(txn->progress_data, "waiting for another change of the image store", 0, 0);
    while (flock(txn->lock_fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return fail("lock", txn->store->dir, err);
    return 0;
}

static int remove_temp(struct wc_image_txn *txn, struct wc_err *err)
{
    return wc_fs_remove_tree(wc_arena_printf(&txn->arena, "%s/tmp", txn->store->dir), err);
}

static void release(struct wc_image_txn *txn)
{
    struct wc_err err = { 0 };
    if (remove_temp(txn, &err) != 0)
        wc_log(WC_LOG_WARN, "images", "leftovers stay: %s", err.msg);
    if (txn->lock_fd >= 0)
        close(txn->lock_fd);
    wc_arena_deinit(&txn->arena);
}

int wc_txn_begin(struct wc_image_store *store, wc_image_progress_fn *progress, void *progress_data,
                 struct wc_image_txn *txn, struct wc_err *err)
{
    *txn = (struct wc_image_txn){
        .store = store, .progress = progress, .progress_data = progress_data, .lock_fd = -1
    };
    wc_arena_init(&txn->arena);
    wc_map_init(&txn->blobs, &txn->arena);
    wc_map_init(&txn->layers, &txn->arena);
    int rc = take_lock(txn, err);
    if (rc == 0)
        rc = remove_temp(txn, err);
    if (rc == 0 && mkdirat(store->fd, "tmp", 0700) != 0)
        rc = fail("make directory", "tmp", err);
    if (rc == 0)
        rc = wc_store_read_index(store, &txn->arena, &txn->index, err);
    if (rc == 0)
        return 0;
    if (txn->lock_fd >= 0)
        close(txn->lock_fd);
    wc_arena_deinit(&txn->arena);
    return rc;
}

const char *wc_txn_temp(struct wc_image_txn *txn)
{
    return wc_arena_printf(&txn->arena, "tmp/%u", txn->next_temp++);
}

int wc_sink_open(struct wc_image_txn *txn, struct wc_sink *sink, struct wc_err *err)
{
    *sink = (struct wc_sink){ .temp = wc_txn_temp(txn) };
    sink->fd = openat(txn->store->fd, sink->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (sink->fd < 0)
        return fail("create", sink->temp, err);
    sink->hash = wc_sha256_new();
    return 0;
}

int wc_sink_write(struct wc_sink *sink, const void *bytes, size_t len, struct wc_err *err)
{
    if (wc_write_at(sink->fd, bytes, len, sink->size) != 0)
        return fail("write", "a blob", err);
    wc_sha256_update(sink->hash, bytes, len);
    sink->size += len;
    return 0;
}

int wc_sink_close(struct wc_sink *sink, struct wc_err *err)
{
    wc_sha256_finish(sink->hash, sink->hex);
    return close(sink->fd) == 0 ? 0 : fail("write", "a blob", err);
}

static const char *blob_path(struct wc_arena *arena, const char *hex)
{
    return wc_arena_printf(arena, "blobs/sha256/%s", hex);
}

bool wc_txn_has_blob(const struct wc_image_txn *txn, const char *hex)
{
    char path[128];
    snprintf(path, sizeof path, "blobs/sha256/%s", hex);
    return wc_map_has(&txn->blobs, hex) ||
           faccessat(txn->store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void plan_rename(struct wc_image_txn *txn, const char *from, const char *to)
{
    struct wc_txn_rename *step = WC_NEW(&txn->arena, struct wc_txn_rename);
    *step = (struct wc_txn_rename){ .older = txn->renames, .from = from, .to = to };
    txn->renames = step;
}

void wc_txn_stage(struct wc_image_txn *txn, const struct wc_sink *sink)
{
    if (wc_txn_has_blob(txn, sink->hex))
        return;
    const char *hex = wc_arena_strdup(&txn->arena, sink->hex);
    wc_map_put(&txn->blobs, hex, wc_arena_strdup(&txn->arena, sink->temp));
    plan_rename(txn, sink->temp, blob_path(&txn->arena, hex));
}

int wc_txn_stage_bytes(struct wc_image_txn *txn, const void *bytes, size_t len, const char **digest,
                       struct wc_err *err)
{
    struct wc_sink sink;
    int rc = wc_sink_open(txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = wc_sink_write(&sink, bytes, len, err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    if (rc != 0 || closed != 0)
        return rc != 0 ? rc : closed;
    wc_txn_stage(txn, &sink);
    *digest = wc_arena_printf(&txn->arena, "sha256:%s", sink.hex);
    return 0;
}

int wc_txn_open_blob(const struct wc_image_txn *txn, const char *digest, int *fd,
                     struct wc_err *err)
{
    char path[128];
    const char *hex = digest + strlen("sha256:");
    const char *staged = wc_map_get(&txn->blobs, hex);
    snprintf(path, sizeof path, "blobs/sha256/%s", hex);
    *fd = openat(txn->store->fd, staged != NULL ? staged : path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0 ? 0 : fail("open blob", hex, err);
}

int wc_txn_read_blob(const struct wc_image_txn *txn, const char *digest, struct wc_buf *out,
                     struct wc_err *err)
{
    char path[4096];
    const char *staged = wc_map_get(&txn->blobs, digest + strlen("sha256:"));
    if (staged == NULL)
        return wc_store_read_blob(txn->store, digest, out, err);
    snprintf(path, sizeof path, "%s/%s", txn->store->dir, staged);
    return wc_fs_read(path, WC_STORE_JSON_MAX, out, err);
}

static int unpack_into(struct wc_image_txn *txn, const char *digest, const char *temp,
                       struct wc_layer_result *result, struct wc_err *err)
{
    const struct wc_layer_options options = { .limits = wc_layer_limits_default };
    WC_CLEANUP_FD int root = -1;
    WC_CLEANUP_FD int blob = -1;
    int rc = wc_txn_open_blob(txn, digest, &blob, err);
    if (rc != 0)
        return rc;
    if (mkdirat(txn->store->fd, temp, 0755) == 0)
        root = openat(txn->store->fd, temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || fchmod(root, 0755) != 0) /* whatever the umask: it is a container's "/" */
        return fail("make directory", temp, err);
    return wc_layer_unpack(blob, root, &options, result, err);
}

static int stage_diff(struct wc_image_txn *txn, const char *diff_id, uint64_t bytes,
                      struct wc_err *err)
{
    const char *text =
        wc_arena_printf(&txn->arena, "%s %llu\n", diff_id, (unsigned long long)bytes);
    struct wc_sink sink;
    int rc = wc_sink_open(txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = wc_sink_write(&sink, text, strlen(text), err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    plan_rename(txn, sink.temp,
                wc_arena_printf(&txn->arena, "diffs/%.*s", WC_LAYER_NAME, diff_id + 7));
    return rc != 0 ? rc : closed;
}

/* Two layers whose diff ids start alike can't both be here: 16 digits collide by chance once in
 * 10^9 layers, so that is somebody's doing. */
static int collision(const char *diff_id, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_CONFLICT, 0,
                      "layer %s can't be told from another one in the store by its first %d digits",
                      diff_id, WC_LAYER_NAME);
}

static int check_collision(struct wc_image_txn *txn, const char *diff_id, struct wc_err *err)
{
    const char *diff =
        wc_arena_printf(&txn->arena, "%s/diffs/%.*s", txn->store->dir, WC_LAYER_NAME, diff_id + 7);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err none = { 0 };
    if (wc_fs_read(diff, 4096, &text, &none) != 0 || wc_str_starts(text.data, diff_id))
        return 0;
    return collision(diff_id, err);
}

int wc_txn_unpack(struct wc_image_txn *txn, const char *digest, const char *diff_id,
                  struct wc_err *err)
{
    const char *to =
        wc_arena_printf(&txn->arena, "layers/%.*s", WC_LAYER_NAME, diff_id + strlen("sha256:"));
    if (wc_store_layer_bytes(txn->store, diff_id) >= 0)
        return 0;
    const char *staged = wc_map_get(&txn->layers, to);
    if (staged != NULL) /* the same layer twice, or one that only starts alike */
        return wc_streq(staged, diff_id) ? 0 : collision(diff_id, err);
    int rc = check_collision(txn, diff_id, err);
    if (rc != 0)
        return rc;
    const char *temp = wc_txn_temp(txn);
    struct wc_layer_result result = { .bytes = 0 };
    rc = unpack_into(txn, digest, temp, &result, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "layer %.19s", digest);
    if (!wc_streq(result.diff_id, diff_id + strlen("sha256:")))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "corrupt layer: its content is sha256:%.12s…, the image says %.19s…",
                          result.diff_id, diff_id);
    plan_rename(txn, temp, to);
    wc_map_put(&txn->layers, to, (void *)(uintptr_t)wc_arena_strdup(&txn->arena, diff_id));
    return stage_diff(txn, diff_id, result.bytes, err);
}

static const char *keep_str(struct wc_image_txn *txn, const char *text)
{
    return wc_arena_strdup(&txn->arena, text);
}

void wc_txn_tag(struct wc_image_txn *txn, const struct wc_index_entry *entry)
{
    struct wc_index *index = &txn->index;
    size_t kept = 0;
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *old = &index->items[i];
        bool same_name = wc_streq0(old->reference, entry->reference);
        bool nameless = old->reference == NULL && wc_streq(old->digest, entry->digest);
        if (!nameless && (!same_name || entry->reference == NULL))
            index->items[kept++] = *old;
    }
    index->n = kept;
    index->items =
        wc_arena_grow(&txn->arena, index->items, index->n, &index->cap, sizeof *index->items);
    index->items[index->n++] = (struct wc_index_entry){
        .reference = keep_str(txn, entry->reference),
        .digest = keep_str(txn, entry->digest),
        .size = entry->size,
        .media_type = keep_str(txn, entry->media_type),
        .id = keep_str(txn, entry->id),
        .list_digest = keep_str(txn, entry->list_digest),
        .recipe = keep_str(txn, entry->recipe),
    };
}

static int by_reference(const void *a, const void *b)
{
    const struct wc_index_entry *x = a, *y = b;
    if (x->reference == NULL || y->reference == NULL)
        return x->reference != NULL ? -1 : y->reference != NULL ? 1 : strcmp(x->digest, y->digest);
    return strcmp(x->reference, y->reference);
}

static void print_index(const struct wc_index *index, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "schemaVersion", 2);
    wc_jsonw_str(&w, "mediaType", WC_TYPE_INDEX);
    wc_jsonw_array(&w, "manifests");
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *e = &index->items[i];
        const struct {
            const char *key, *value;
        } notes[] = { { WC_NOTE_REF, e->reference },
                      { WC_NOTE_ID, e->id },
                      { WC_NOTE_LIST, e->list_digest },
                      { WC_NOTE_RECIPE, e->recipe } };
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "mediaType", e->media_type);
        wc_jsonw_str(&w, "digest", e->digest);
        wc_jsonw_i64(&w, "size", e->size);
        wc_jsonw_object(&w, "annotations");
        for (size_t k = 0; k < WC_COUNT(notes); k++)
            if (notes[k].value != NULL)
                wc_jsonw_str(&w, notes[k].key, notes[k].value);
        wc_jsonw_end_object(&w);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
}

/* Writes the new index into tmp/, so that a full disk shows before anything is renamed. */
static int write_index(struct wc_image_txn *txn, const char **temp, struct wc_err *err)
{
    if (txn->index.n > 1)
        qsort(txn->index.items, txn->index.n, sizeof *txn->index.items, by_reference);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    print_index(&txn->index, &text);
    if (text.len > WC_STORE_JSON_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0,
                          "too many images or names: the store's index would have %zu bytes, and "
                          "may have %d",
                          text.len, WC_STORE_JSON_MAX);
    struct wc_sink sink;
    int rc = wc_sink_open(txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = wc_sink_write(&sink, text.data, text.len, err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    *temp = sink.temp;
    return rc != 0 ? rc : closed;
}

/* Puts the finished files in their places, oldest first, so that a layer comes before its diff. */
static int publish(struct wc_image_txn *txn, struct wc_err *err)
{
    struct wc_txn_rename *oldest = NULL;
    for (struct wc_txn_rename *r = txn->renames, *next; r != NULL; r = next) {
        next = r->older;
        r->older = oldest;
        oldest = r;
    }
    txn->renames = oldest;
    int fd = txn->store->fd;
    for (struct wc_txn_rename *r = oldest; r != NULL; r = r->older) {
        if (renameat(fd, r->from, fd, r->to) != 0) {
            /* a directory that a crash left without its diff: out of the way, and again */
            if ((errno != ENOTEMPTY && errno != EEXIST) ||
                renameat(fd, r->to, fd, wc_txn_temp(txn)) != 0 ||
                renameat(fd, r->from, fd, r->to) != 0)
                return fail("rename to", r->to, err);
        }
        r->done = true;
    }
    return 0;
}

static void unpublish(struct wc_image_txn *txn)
{
    for (const struct wc_txn_rename *r = txn->renames; r != NULL; r = r->older)
        if (r->done && renameat(txn->store->fd, r->to, txn->store->fd, r->from) != 0)
            wc_log(WC_LOG_WARN, "images", "leftover stays: %s/%s", txn->store->dir, r->to);
}

/* The new names must be on disk before the index that speaks of them: not every file system keeps
 * the order of renames in different directories. */
static int sync_names(struct wc_image_txn *txn, struct wc_err *err)
{
    static const char *const dirs[] = { "blobs/sha256", "layers", "diffs" };
    for (size_t i = 0; txn->renames != NULL && i < WC_COUNT(dirs); i++) {
        WC_CLEANUP_FD int fd = openat(txn->store->fd, dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0)
            return fail("sync", dirs[i], err);
    }
    return 0;
}

int wc_txn_put_index(struct wc_image_txn *txn, struct wc_err *err)
{
    const char *index = NULL;
    int fd = txn->store->fd;
    int rc = write_index(txn, &index, err);
    if (rc == 0 &&
        (syncfs(fd) != 0 || renameat(fd, index, fd, "index.json") != 0 || fsync(fd) != 0))
        rc = fail("replace", "index.json", err);
    return rc;
}

int wc_txn_commit(struct wc_image_txn *txn, struct wc_err *err)
{
    const char *index = NULL;
    int fd = txn->store->fd;
    int rc = write_index(txn, &index, err);
    if (rc == 0 && syncfs(fd) != 0)
        rc = fail("sync", txn->store->dir, err);
    if (rc == 0)
        rc = publish(txn, err);
    if (rc == 0)
        rc = sync_names(txn, err);
    if (rc == 0 && renameat(fd, index, fd, "index.json") != 0)
        rc = fail("rename to", "index.json", err);
    if (rc != 0)
        unpublish(txn);
    else if (fsync(fd) != 0)
        rc = fail("sync", txn->store->dir, err);
    if (rc == 0 && txn->collect)
        rc = wc_store_collect(txn, err);
    release(txn);
    return rc;
}

void wc_txn_abort(struct wc_image_txn *txn)
{
    release(txn);
}
