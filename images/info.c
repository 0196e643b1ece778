/* info.c - reading the store without a lock: resolve and list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "images/find.h"
#include "images/manifest.h"
#include "images/ref.h"
#include "images/unpack.h"

enum { ID_PREFIX_MIN = 6 };

/* True when `digest` starts with `text`, which may leave "sha256:" out. */
static bool id_matches(const char *digest, const char *text)
{
    const char *hex = wc_str_starts(text, "sha256:") ? text + 7 : text;
    return digest != NULL && wc_str_starts(digest + 7, hex);
}

static bool looks_like_id(const char *text)
{
    bool full = wc_str_starts(text, "sha256:");
    const char *hex = full ? text + 7 : text;
    size_t len = strlen(hex);
    return len >= ID_PREFIX_MIN && len <= 64 && strspn(hex, "0123456789abcdef") == len;
}

/* The best of several platforms, so far. */
struct best {
    const struct wc_index_entry *entry;
    int rank;
};

static void consider(struct wc_arena *arena, const struct wc_platform *wanted,
                     const struct wc_index_entry *e, struct best *best)
{
    int rank = e->platform != NULL ? wc_platform_rank(arena, wanted, e->platform) : 0;
    if (best->entry == NULL || rank > best->rank)
        *best = (struct best){ e, rank };
}

/* A list's digest leads to all of its platforms that are here; that isn't several images. */
static int find_id(struct wc_arena *arena, const struct wc_index *index, const char *text,
                   const struct wc_platform *wanted, struct best *out, struct wc_err *err)
{
    struct best found = { 0 };
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *e = &index->items[i];
        const struct wc_index_entry *other = found.entry;
        if (!id_matches(e->id, text) && !id_matches(e->digest, text) &&
            !id_matches(e->list_digest, text))
            continue;
        if (other != NULL && !wc_streq(other->id, e->id) &&
            (e->list_digest == NULL || !wc_streq0(other->list_digest, e->list_digest)))
            return wc_err_set(err, WC_ERR_SPEC, 0, "'%.80s' is the start of several image ids",
                              text);
        consider(arena, wanted, e, &found);
    }
    *out = found;
    return 0;
}

static bool has_digest(const struct wc_index_entry *e, const struct wc_ref *ref)
{
    return wc_streq(e->digest, ref->digest) || wc_streq0(e->list_digest, ref->digest);
}

static const struct wc_index_entry *find_ref(struct wc_arena *arena, const struct wc_index *index,
                                             const struct wc_ref *ref,
                                             const struct wc_platform *wanted)
{
    struct best by_name = { 0 }, by_digest = { 0 };
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *e = &index->items[i];
        bool named = e->reference != NULL && wc_streq(e->reference, ref->name);
        bool fits = ref->digest == NULL ? named : has_digest(e, ref);
        if (fits)
            consider(arena, wanted, e, named ? &by_name : &by_digest);
    }
    if (by_name.entry == NULL || by_digest.rank > by_name.rank)
        return by_digest.entry; /* a digest that is here under another name, for what is wanted */
    return by_name.entry;
}

bool wc_index_is_meant(struct wc_arena *arena, const char *text, const struct wc_index_entry *entry)
{
    struct wc_ref ref;
    struct wc_err none = { 0 };
    if (looks_like_id(text) && (id_matches(entry->id, text) || id_matches(entry->digest, text) ||
                                id_matches(entry->list_digest, text)))
        return true;
    if (wc_str_starts(text, "sha256:") || wc_ref_parse(arena, text, &ref, &none) != 0)
        return false;
    return ref.digest != NULL ? has_digest(entry, &ref)
                              : entry->reference != NULL && wc_streq(entry->reference, ref.name);
}

static int not_found(const struct wc_index *index, const char *text, const struct wc_ref *ref,
                     struct wc_err *err)
{
    const char **names = NULL;
    size_t n = 0;
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    names = WC_NEW_ARRAY(&scratch, const char *, index->n + 1);
    for (size_t i = 0; i < index->n; i++)
        if (index->items[i].reference != NULL)
            names[n++] = wc_image_short_reference(index->items[i].reference);
    const char *close = wc_str_suggest(wc_image_short_reference(ref->name), names, n);
    int rc = close != NULL
                 ? wc_err_set(err, WC_ERR_NOENT, 0,
                              "no image '%.100s' in the store; did you mean '%.80s'?", text, close)
                 : wc_err_set(err, WC_ERR_NOENT, 0,
                              "no image '%.80s' in the store; 'wcompose pull', 'wcompose build', "
                              "'wcompose image load FILE' or 'wcompose image make RECIPE' puts "
                              "one there",
                              text);
    wc_arena_deinit(&scratch);
    return rc;
}

int wc_index_find(struct wc_arena *arena, const struct wc_index *index, const char *text,
                  const struct wc_platform *wanted, struct wc_found *out, struct wc_err *err)
{
    struct wc_ref ref = { .name = text };
    struct wc_err ref_err = { 0 };
    struct wc_found found = { 0 };
    bool id = looks_like_id(text);
    int ref_rc = wc_str_starts(text, "sha256:")
                     ? wc_err_set(&ref_err, WC_ERR_SPEC, 0, "'%.100s' is not an image id", text)
                     : wc_ref_parse(arena, text, &ref, &ref_err);
    if (ref_rc == 0)
        found.entry = find_ref(arena, index, &ref, wanted);
    found.by_name = found.entry != NULL && ref.digest == NULL;
    found.reference = ref.name;
    if (found.entry == NULL && id) {
        struct best best = { 0 };
        int rc = find_id(arena, index, text, wanted, &best, err);
        if (rc != 0)
            return rc;
        found.entry = best.entry;
        found.by_id = true;
        if (found.entry != NULL)
            found.reference =
                found.entry->reference != NULL ? found.entry->reference : found.entry->id;
    }
    if (found.entry == NULL && ref_rc != 0 && !id)
        return wc_err_set(err, WC_ERR_SPEC, 0, "%s", ref_err.msg);
    if (found.entry == NULL)
        return not_found(index, text, &ref, err);
    *out = found;
    return 0;
}

int wc_index_find_for(struct wc_arena *arena, const struct wc_index *index, const char *text,
                      const char *platform, struct wc_found *out, struct wc_err *err)
{
    struct wc_platform wanted;
    int rc = wc_platform_wanted(arena, platform, &wanted, err);
    if (rc == 0)
        rc = wc_index_find(arena, index, text, &wanted, out, err);
    if (rc != 0 || !wanted.asked || out->entry->platform == NULL ||
        wc_platform_rank(arena, &wanted, out->entry->platform) > 0)
        return rc;
    return wc_err_set(err, WC_ERR_NOENT, 0, "image %.100s is here for %s, and not for %s", text,
                      out->entry->platform, wc_platform_text(arena, &wanted));
}

static int read_json(const struct wc_image_store *store, const char *digest, struct wc_json **out,
                     struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_store_read_blob(store, digest, &text, err);
    return rc != 0 ? rc : wc_json_parse(text.data, text.len, out, err);
}

int wc_image_read(const struct wc_image_store *store, struct wc_arena *arena,
                  const struct wc_index_entry *entry, struct wc_image_parts *out,
                  struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *manifest = NULL;
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    struct wc_image_parts parts = { .entry = entry };
    int rc = read_json(store, entry->digest, &manifest, err);
    if (rc == 0)
        rc = wc_manifest_read(arena, manifest, &parts.manifest, err);
    if (rc == 0)
        rc = read_json(store, parts.manifest.config.digest, &config, err);
    if (rc == 0)
        rc = wc_config_diff_ids(arena, config, &parts.diff_ids, err);
    if (rc == 0 && parts.diff_ids.n != parts.manifest.n_layers)
        rc = wc_err_set(err, WC_ERR_SPEC, 0,
                        "broken image store: %.19s… has %zu layers and %zu "
                        "diff ids",
                        entry->digest, parts.manifest.n_layers, parts.diff_ids.n);
    if (rc != 0)
        return rc;
    wc_config_read(arena, config, &parts.info);
    parts.info.reference = entry->reference != NULL ? entry->reference : entry->id;
    parts.info.digest = entry->digest;
    parts.info.list_digest = entry->list_digest;
    parts.info.id = entry->id;
    parts.info.stored = entry->stored;
    parts.info.pulled = entry->pulled;
    *out = parts;
    return 0;
}

/* Fills layers and size. Returns the number of layers that aren't unpacked. */
static size_t add_layers(const struct wc_image_store *store, struct wc_arena *arena,
                         struct wc_image_parts *parts)
{
    size_t missing = 0;
    struct wc_strv layers = { 0 };
    parts->info.size_bytes = 0;
    for (size_t i = 0; i < parts->diff_ids.n; i++) {
        const char *diff_id = parts->diff_ids.items[i];
        int64_t bytes = wc_store_layer_bytes(store, diff_id);
        missing += bytes < 0;
        parts->info.size_bytes += bytes < 0 ? 0 : bytes;
        wc_strv_add(
            arena, &layers,
            wc_arena_printf(arena, "%s/layers/%.*s", store->dir, WC_LAYER_NAME, diff_id + 7));
    }
    parts->info.layers = layers;
    if (missing > 0)
        parts->info.size_bytes = WC_UNSET;
    return missing;
}

static int begin_missing(struct wc_unpack_set *set, const struct wc_desc *layer,
                         const char *diff_id, struct wc_err *err)
{
    const struct wc_unpack_want want = { layer->digest, layer->size, diff_id };
    struct wc_unpack *bytes = NULL;
    int rc = wc_unpack_begin(set, &want, &bytes, err);
    if (rc != 0 || bytes == NULL)
        return rc;
    return wc_err_set(err, WC_ERR_SPEC, 0, "broken image store: blob %.19s… is missing",
                      layer->digest);
}

/* Unpacks layers that are only there as blobs. */
static int unpack_missing(struct wc_image_store *store, const struct wc_image_parts *parts,
                          struct wc_err *err)
{
    struct wc_image_txn txn;
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    struct wc_unpack_set *set = wc_unpack_open(&txn, NULL);
    for (size_t i = 0; rc == 0 && i < parts->diff_ids.n; i++)
        rc = begin_missing(set, &parts->manifest.layers[i], parts->diff_ids.items[i], err);
    if (rc == 0)
        rc = wc_unpack_close(set, err);
    else
        wc_unpack_abort(set);
    if (rc == 0)
        return wc_txn_commit(&txn, err);
    wc_txn_abort(&txn);
    return rc;
}

int wc_image_resolve(struct wc_image_store *store, const char *reference, struct wc_arena *arena,
                     struct wc_image_info *out, struct wc_err *err)
{
    return wc_image_resolve_for(store, reference, NULL, arena, out, err);
}

int wc_image_resolve_for(struct wc_image_store *store, const char *reference, const char *platform,
                         struct wc_arena *arena, struct wc_image_info *out, struct wc_err *err)
{
    struct wc_index index;
    struct wc_found found = { 0 };
    struct wc_image_parts parts;
    struct wc_platform wanted;
    int rc = wc_platform_wanted(arena, platform, &wanted, err);
    if (rc == 0)
        rc = wc_store_read_index(store, arena, &index, err);
    if (rc == 0)
        rc = wc_index_find(arena, &index, reference, &wanted, &found, err);
    if (rc == 0)
        rc = wc_image_read(store, arena, found.entry, &parts, err);
    if (rc != 0)
        return rc;
    if (add_layers(store, arena, &parts) > 0) {
        rc = unpack_missing(store, &parts, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "image %s", found.reference);
        add_layers(store, arena, &parts);
    }
    parts.info.reference = found.reference;
    *out = parts.info;
    return 0;
}

int wc_image_list(struct wc_image_store *store, wc_image_visit_fn *visit, void *data,
                  struct wc_err *err)
{
    struct wc_arena arena;
    struct wc_index index;
    wc_arena_init(&arena);
    int rc = wc_store_read_index(store, &arena, &index, err); /* is sorted as it is written */
    for (size_t i = 0; rc == 0 && i < index.n; i++) {
        struct wc_image_parts parts;
        struct wc_err broken = { 0 };
        const struct wc_index_entry *entry = &index.items[i];
        if (wc_image_read(store, &arena, entry, &parts, &broken) == 0)
            add_layers(store, &arena, &parts);
        else /* the others are none the worse for it */
            parts.info = (struct wc_image_info){
                .reference = entry->reference != NULL ? entry->reference : entry->id,
                .digest = entry->digest,
                .id = entry->id,
                .size_bytes = WC_UNSET,
                .broken = broken.msg,
            };
        rc = visit(data, &parts.info);
    }
    wc_arena_deinit(&arena);
    return rc;
}
