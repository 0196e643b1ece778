/* stage.c - the files of a change before it is committed: blobs, unpacked layers, the new index. */
#include "images/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "images/names.h"
#include "images/platform.h"
#include "images/tar.h"

static int fail(const char *doing, const char *path, struct wc_err *err)
{
    int sys = errno;
    return wc_err_set(err, wc_fs_code(sys), sys, "image store: %s %s", doing, path);
}

const char *wc_txn_temp(struct wc_image_txn *txn)
{
    return wc_arena_printf(&txn->arena, "%s/%u", txn->work, txn->next_temp++);
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

static void plan_rename(struct wc_image_txn *txn, const char *from, const char *to,
                        const char *diff_id)
{
    struct wc_txn_rename *step = WC_NEW(&txn->arena, struct wc_txn_rename);
    *step =
        (struct wc_txn_rename){ .older = txn->renames, .from = from, .to = to, .diff_id = diff_id };
    txn->renames = step;
}

void wc_txn_stage(struct wc_image_txn *txn, const struct wc_sink *sink)
{
    if (wc_txn_has_blob(txn, sink->hex))
        return;
    const char *hex = wc_arena_strdup(&txn->arena, sink->hex);
    wc_map_put(&txn->blobs, hex, wc_arena_strdup(&txn->arena, sink->temp));
    plan_rename(txn, sink->temp, blob_path(&txn->arena, hex), NULL);
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

/* Two layers whose diff ids start alike can't both be here: 16 digits collide by chance once in
 * 10^9 layers, so that is somebody's doing. */
static int collision(const char *diff_id, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_CONFLICT, 0,
                      "layer %s can't be told from another one in the store by its first %d digits",
                      diff_id, WC_LAYER_NAME);
}

int wc_stage_check_collision(struct wc_image_txn *txn, const char *diff_id, struct wc_err *err)
{
    const char *diff =
        wc_arena_printf(&txn->arena, "%s/diffs/%.*s", txn->store->dir, WC_LAYER_NAME, diff_id + 7);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_err none = { 0 };
    if (wc_fs_read(diff, 4096, &text, &none) != 0 || wc_str_starts(text.data, diff_id))
        return 0;
    return collision(diff_id, err);
}

static const char *layer_path(struct wc_image_txn *txn, const char *dir, const char *diff_id)
{
    return wc_arena_printf(&txn->arena, "%s/%.*s", dir, WC_LAYER_NAME, diff_id + strlen("sha256:"));
}

int wc_txn_has_layer(struct wc_image_txn *txn, const char *diff_id, bool *has, struct wc_err *err)
{
    *has = wc_store_layer_bytes(txn->store, diff_id) >= 0;
    if (*has)
        return 0;
    const char *staged = wc_map_get(&txn->layers, layer_path(txn, "layers", diff_id));
    *has = staged != NULL; /* the same layer twice, or one that only starts alike */
    if (staged != NULL)
        return wc_streq(staged, diff_id) ? 0 : collision(diff_id, err);
    return wc_stage_check_collision(txn, diff_id, err);
}

int wc_txn_stage_layer(struct wc_image_txn *txn, const char *temp, const char *diff_id,
                       uint64_t bytes, struct wc_err *err)
{
    const char *id = wc_arena_strdup(&txn->arena, diff_id);
    const char *text = wc_arena_printf(&txn->arena, "%s %llu\n", id, (unsigned long long)bytes);
    struct wc_sink sink;
    int rc = wc_sink_open(txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = wc_sink_write(&sink, text, strlen(text), err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    if (rc != 0 || closed != 0)
        return rc != 0 ? rc : closed;
    const char *to = layer_path(txn, "layers", id);
    plan_rename(txn, wc_arena_strdup(&txn->arena, temp), to, id);
    plan_rename(txn, sink.temp, layer_path(txn, "diffs", id), id);
    wc_map_put(&txn->layers, to, (void *)(uintptr_t)id);
    return 0;
}

static const char *keep_str(struct wc_image_txn *txn, const char *text)
{
    return wc_arena_strdup(&txn->arena, text);
}

/* What the image's configuration says; NULL when it can't be read. */
static const char *configured_platform(struct wc_image_txn *txn, const char *id)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    struct wc_err unsaid = { 0 };
    if (id == NULL || wc_txn_read_blob(txn, id, &text, &unsaid) != 0 ||
        wc_json_parse(text.data, text.len, &config, &unsaid) != 0)
        return NULL;
    const struct wc_platform p = {
        .os = wc_json_str(wc_json_get(config, "os"), "linux"),
        .architecture = wc_json_str(wc_json_get(config, "architecture"), NULL),
        .variant = wc_json_str(wc_json_get(config, "variant"), NULL),
    };
    const char *usual = p.architecture == NULL ? NULL : wc_platform_usual(&txn->arena, &p);
    struct wc_platform none; /* an image may say anything; what is no platform is none */
    return usual != NULL && wc_platform_parse(&txn->arena, usual, &none, &unsaid) == 0 ? usual
                                                                                       : NULL;
}

static struct wc_index_entry keep_entry(struct wc_image_txn *txn,
                                        const struct wc_index_entry *entry)
{
    return (struct wc_index_entry){
        .reference = keep_str(txn, entry->reference),
        .digest = keep_str(txn, entry->digest),
        .size = entry->size,
        .media_type = keep_str(txn, entry->media_type),
        .id = keep_str(txn, entry->id),
        .platform = entry->platform != NULL ? keep_str(txn, entry->platform)
                                            : configured_platform(txn, entry->id),
        .list_digest = keep_str(txn, entry->list_digest),
        .recipe = keep_str(txn, entry->recipe),
        .pulled = keep_str(txn, entry->pulled),
    };
}

static void append(struct wc_image_txn *txn, struct wc_index *index,
                   const struct wc_index_entry *entry)
{
    index->items =
        wc_arena_grow(&txn->arena, index->items, index->n, &index->cap, sizeof *index->items);
    index->items[index->n++] = *entry;
}

static bool has_digest(const struct wc_index *index, const char *digest)
{
    for (size_t i = 0; i < index->n; i++)
        if (wc_streq(index->items[i].digest, digest))
            return true;
    return false;
}

/* Who lost its name stays without one, unless it has others. */
static void keep_nameless(struct wc_image_txn *txn, const struct wc_index_entry *loser)
{
    struct wc_index_entry entry = *loser;
    if (has_digest(&txn->index, entry.digest))
        return;
    entry.reference = NULL;
    append(txn, &txn->index, &entry);
}

void wc_txn_untag(struct wc_image_txn *txn, const char *reference)
{
    struct wc_index *index = &txn->index;
    struct wc_index_entry *losers = WC_NEW_ARRAY(&txn->arena, struct wc_index_entry, index->n + 1);
    size_t kept = 0, n = 0;
    for (size_t i = 0; i < index->n; i++) {
        if (wc_streq0(index->items[i].reference, reference))
            losers[n++] = index->items[i];
        else
            index->items[kept++] = index->items[i];
    }
    index->n = kept;
    for (size_t i = 0; i < n; i++)
        keep_nameless(txn, &losers[i]);
}

void wc_txn_tag(struct wc_image_txn *txn, const struct wc_index_entry *entry)
{
    struct wc_index_entry kept_entry = keep_entry(txn, entry);
    struct wc_index *index = &txn->index;
    if (txn->lock_fd < 0) /* once more when the index is ours */
        append(txn, &txn->tags, &kept_entry);
    struct wc_index_entry *losers = WC_NEW_ARRAY(&txn->arena, struct wc_index_entry, index->n + 1);
    size_t kept = 0, n = 0;
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *old = &index->items[i];
        bool same_name = wc_streq0(old->reference, entry->reference) &&
                         (old->platform == NULL || kept_entry.platform == NULL ||
                          wc_streq(old->platform, kept_entry.platform));
        bool nameless = old->reference == NULL && wc_streq(old->digest, entry->digest);
        if (same_name && entry->reference != NULL)
            losers[n++] = *old;
        else if (!nameless)
            index->items[kept++] = *old;
    }
    index->n = kept;
    append(txn, index, &kept_entry);
    for (size_t i = 0; i < n; i++)
        keep_nameless(txn, &losers[i]);
}

/* Of several platforms of a reference the one that runs here comes first. */
static int by_platform(const struct wc_index_entry *x, const struct wc_index_entry *y)
{
    struct wc_arena scratch;
    struct wc_platform host;
    wc_arena_init(&scratch);
    wc_platform_host(&host);
    int of_x = x->platform != NULL ? wc_platform_rank(&scratch, &host, x->platform) : 0;
    int of_y = y->platform != NULL ? wc_platform_rank(&scratch, &host, y->platform) : 0;
    wc_arena_deinit(&scratch);
    if (of_x != of_y)
        return of_x > of_y ? -1 : 1;
    return x->platform != NULL && y->platform != NULL ? strcmp(x->platform, y->platform) : 0;
}

static int by_reference(const void *a, const void *b)
{
    const struct wc_index_entry *x = a, *y = b;
    if (x->reference == NULL || y->reference == NULL)
        return x->reference != NULL ? -1 : y->reference != NULL ? 1 : strcmp(x->digest, y->digest);
    int order = strcmp(x->reference, y->reference);
    return order != 0 ? order : by_platform(x, y);
}

static const char *stored_name(struct wc_arena *arena, const struct wc_index *index, size_t i)
{
    const struct wc_index_entry *e = &index->items[i];
    bool is_first = i == 0 || e->reference == NULL || e->platform == NULL ||
                    !wc_streq0(index->items[i - 1].reference, e->reference);
    return is_first ? e->reference : wc_arena_printf(arena, "%s+%s", e->reference, e->platform);
}

static void print_platform(struct wc_arena *arena, const char *text, struct wc_jsonw *w)
{
    struct wc_platform p;
    struct wc_err none = { 0 };
    if (text == NULL || wc_platform_parse(arena, text, &p, &none) != 0)
        return;
    wc_jsonw_object(w, "platform");
    wc_jsonw_str(w, "architecture", p.architecture);
    wc_jsonw_str(w, "os", p.os);
    if (p.variant != NULL)
        wc_jsonw_str(w, "variant", p.variant);
    wc_jsonw_end_object(w);
}

static void print_index(struct wc_arena *arena, const struct wc_index *index, struct wc_buf *out)
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
        } notes[] = { { WC_NOTE_REF, stored_name(arena, index, i) },
                      { WC_NOTE_ID, e->id },
                      { WC_NOTE_LIST, e->list_digest },
                      { WC_NOTE_RECIPE, e->recipe },
                      { WC_NOTE_PULLED, e->pulled } };
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "mediaType", e->media_type);
        wc_jsonw_str(&w, "digest", e->digest);
        wc_jsonw_i64(&w, "size", e->size);
        print_platform(arena, e->platform, &w);
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

int wc_stage_index(struct wc_image_txn *txn, const char **temp, struct wc_err *err)
{
    if (txn->index.n > 1)
        qsort(txn->index.items, txn->index.n, sizeof *txn->index.items, by_reference);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    print_index(&txn->arena, &txn->index, &text);
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
    if (rc == 0 && fsync(sink.fd) != 0)
        rc = fail("write", "index.json", err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    *temp = sink.temp;
    return rc != 0 ? rc : closed;
}
