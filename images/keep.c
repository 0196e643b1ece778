/* keep.c - tagging, pruning, and how much is in use. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/str.h"
#include "images/ref.h"
#include "images/remove.h"
#include "wcompose/image_keep.h"

int wc_image_normal_reference(const char *text, struct wc_arena *arena, const char **out,
                              struct wc_err *err)
{
    struct wc_ref ref;
    int rc = wc_ref_parse(arena, text, &ref, err);
    if (rc == 0)
        *out = ref.name;
    return rc;
}

/* Gives what was found a name, with all the platforms that its own name has, and no others. */
static void name_all(struct wc_image_txn *txn, const struct wc_found *found, const char *name)
{
    struct wc_index_entry *entries =
        WC_NEW_ARRAY(&txn->arena, struct wc_index_entry, txn->index.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < txn->index.n; i++) {
        const struct wc_index_entry *e = &txn->index.items[i];
        if (e == found->entry ||
            (found->by_name && wc_streq0(e->reference, found->entry->reference)))
            entries[n++] = *e;
    }
    wc_txn_untag(txn, name);
    for (size_t i = 0; i < n; i++) {
        entries[i].reference = name;
        wc_txn_tag(txn, &entries[i]);
    }
}

int wc_image_tag(struct wc_image_store *store, const char *source, const char *name,
                 struct wc_err *err)
{
    struct wc_image_txn txn;
    struct wc_found found = { 0 };
    struct wc_platform host;
    struct wc_ref ref;
    wc_platform_host(&host);
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    rc = wc_ref_parse(&txn.arena, name, &ref, err);
    if (rc == 0 && ref.digest != NULL)
        rc = wc_err_set(err, WC_ERR_SPEC, 0,
                        "'%.100s' is no name to give: a digest comes from the content", name);
    if (rc == 0)
        rc = wc_txn_lock(&txn, err);
    if (rc == 0)
        rc = wc_index_find(&txn.arena, &txn.index, source, &host, &found, err);
    if (rc != 0) {
        wc_txn_abort(&txn);
        return rc;
    }
    name_all(&txn, &found, ref.name);
    return wc_txn_commit(&txn, err);
}

/* Whether somebody runs the image (all of its layers are in use), or will want it. One that can't
 * be read isn't run by anybody. */
static bool is_used(struct wc_image_txn *txn, const struct wc_index_entry *entry,
                    const struct wc_used *used)
{
    struct wc_image_parts parts;
    struct wc_err broken = { 0 };
    if (wc_used_is_meant(txn, &txn->index, entry->digest, used))
        return true;
    return used->layers.n > 0 &&
           wc_image_read(txn->store, &txn->arena, entry, &parts, &broken) == 0 &&
           parts.diff_ids.n > 0 && wc_used_layers(used, &parts.diff_ids) == parts.diff_ids.n;
}

static bool in_index(const struct wc_index *index, const char *digest)
{
    for (size_t i = 0; i < index->n; i++)
        if (wc_streq(index->items[i].digest, digest))
            return true;
    return false;
}

/* Drops what prune drops from the index. */
static void drop_unused(struct wc_image_txn *txn, bool all, const struct wc_used *used,
                        struct wc_strv *untagged)
{
    struct wc_index *index = &txn->index;
    bool *drop = WC_NEW_ARRAY(&txn->arena, bool, index->n + 1);
    for (size_t i = 0; i < index->n; i++)
        drop[i] =
            (all || index->items[i].reference == NULL) && !is_used(txn, &index->items[i], used);
    size_t kept = 0;
    for (size_t i = 0; i < index->n; i++) {
        if (!drop[i])
            index->items[kept++] = index->items[i];
        else if (index->items[i].reference != NULL)
            wc_strv_add(&txn->arena, untagged, index->items[i].reference);
    }
    index->n = kept;
}

static void copy_list(struct wc_arena *arena, const struct wc_strv *from, struct wc_strv *out)
{
    for (size_t i = 0; i < from->n; i++)
        wc_strv_add(arena, out, wc_arena_strdup(arena, from->items[i]));
}

int wc_image_prune(struct wc_image_store *store, bool all, const struct wc_image_uses *uses,
                   struct wc_arena *arena, struct wc_image_pruned *out, struct wc_err *err)
{
    struct wc_image_txn txn;
    struct wc_used used = { 0 };
    struct wc_image_pruned pruned = { 0 };
    struct wc_strv untagged = { 0 }, deleted = { 0 };
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    rc = wc_txn_lock(&txn, err);
    if (rc != 0) {
        wc_txn_abort(&txn);
        return rc;
    }
    wc_used_list(uses, &used);
    txn.before = wc_index_copy(&txn);
    drop_unused(&txn, all, &used, &untagged);
    for (size_t i = 0; i < txn.before.n; i++) {
        const struct wc_index_entry *e = &txn.before.items[i];
        if (!in_index(&txn.index, e->digest) && !wc_strv_has(&deleted, e->id))
            wc_strv_add(&txn.arena, &deleted, e->id);
    }
    copy_list(arena, &untagged, &pruned.untagged);
    copy_list(arena, &deleted, &pruned.deleted);
    txn.collect = true;
    txn.keep = &used.layers;
    txn.uses = uses;
    rc = wc_txn_commit(&txn, err);
    pruned.freed_bytes = txn.freed_bytes;
    pruned.deferred = txn.deferred;
    if (rc == 0)
        *out = pruned;
    return rc;
}

/* Counts blobs and layers once, however many images share them. */
struct tally {
    struct wc_image_store *store;
    struct wc_map seen, wanted; /* digests and diff ids; of used images */
    struct wc_image_space *out;
    const struct wc_used *used;
};

static int64_t blob_bytes(const struct wc_image_store *store, struct wc_arena *arena,
                          const char *digest)
{
    struct stat st;
    const char *path = wc_arena_printf(arena, "blobs/sha256/%s", digest + strlen("sha256:"));
    return fstatat(store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : 0;
}

static void count_one(struct tally *t, const char *id, int64_t bytes, bool used)
{
    bool wanted_new = used && wc_map_put(&t->wanted, id, NULL);
    bool is_new = wc_map_put(&t->seen, id, NULL);
    t->out->bytes += is_new ? bytes : 0;
    t->out->free_bytes += is_new && !used ? bytes : 0;
    if (!is_new && wanted_new)
        t->out->free_bytes -= bytes; /* counted as free by an image that nobody uses */
}

static void count_image(struct tally *t, struct wc_arena *arena, const struct wc_image_parts *parts,
                        bool used)
{
    for (size_t i = 0; i < parts->diff_ids.n; i++) {
        const char *diff_id = parts->diff_ids.items[i];
        int64_t bytes = wc_store_layer_bytes(t->store, diff_id);
        struct wc_strv one = { .items = &parts->diff_ids.items[i], .n = 1 };
        const char *key = wc_arena_printf(arena, "layer %s", diff_id);
        bool wanted = used || wc_used_layers(t->used, &one) > 0;
        t->out->layers += bytes >= 0 && !wc_map_has(&t->seen, key);
        t->out->layers_used += bytes >= 0 && wanted && !wc_map_has(&t->wanted, key);
        count_one(t, key, bytes < 0 ? 0 : bytes, wanted);
        const char *blob = parts->manifest.layers[i].digest;
        count_one(t, blob, blob_bytes(t->store, arena, blob), used);
    }
    count_one(t, parts->entry->digest, parts->entry->size, used);
    count_one(t, parts->entry->id, blob_bytes(t->store, arena, parts->entry->id), used);
}

int wc_image_space(struct wc_image_store *store, const struct wc_image_uses *uses,
                   struct wc_image_space *out, struct wc_err *err)
{
    struct wc_image_txn txn; /* so that nothing goes while we count */
    struct wc_used used = { 0 };
    struct wc_image_space space = { 0 };
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    wc_used_list(uses, &used);
    struct tally t = { .store = store, .out = &space, .used = &used };
    struct wc_map digests;
    wc_map_init(&t.seen, &txn.arena);
    wc_map_init(&t.wanted, &txn.arena);
    wc_map_init(&digests, &txn.arena);
    for (size_t i = 0; i < txn.index.n; i++) {
        const struct wc_index_entry *entry = &txn.index.items[i];
        struct wc_image_parts parts;
        struct wc_err broken = { 0 };
        if (!wc_map_put(&digests, entry->digest, NULL) ||
            wc_image_read(store, &txn.arena, entry, &parts, &broken) != 0)
            continue;
        bool in_use = is_used(&txn, entry, &used);
        space.images++;
        space.images_used += in_use;
        count_image(&t, &txn.arena, &parts, in_use);
    }
    wc_txn_abort(&txn);
    *out = space;
    return 0;
}
