/* pull_manifest.c - asking a registry what a name stands for: an index, a manifest, a
 * configuration.
 *
 * What the store has under the name is asked about by HEAD, which registries that count pulls don't
 * count, and which is all that a second pull of the same tag costs.
 */
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "images/find.h"
#include "images/names.h"
#include "images/pull_priv.h"

enum { LEVELS_MAX = 3 };

static const char accept[] = "Accept: " WC_TYPE_MANIFEST ", " WC_TYPE_INDEX
                             ", " WC_TYPE_DOCKER_MANIFEST ", " WC_TYPE_DOCKER_LIST;

static void on_fetched(void *data);

static struct wc_arena *arena_of(const struct wc_pull_item *item)
{
    return item->pull->arena;
}

/* Starts a fetch of something small. */
static void fetch(struct wc_pull_item *item, enum wc_pull_stage stage, const char *what,
                  uint64_t limit)
{
    if (item->has_fetch)
        wc_fetch_stop(&item->fetch);
    item->stage = stage;
    item->has_fetch = true;
    item->fetch = (struct wc_fetch){ .registry = &item->pull->registry,
                                     .endpoints = &item->endpoints,
                                     .endpoint = item->endpoint,
                                     .head = stage == WC_STAGE_HEAD,
                                     .what = what,
                                     .accept = stage == WC_STAGE_CONFIG ? NULL : accept,
                                     .limit = limit,
                                     .done = on_fetched,
                                     .data = item };
    wc_fetch_start(&item->fetch);
}

static void fetch_manifest(struct wc_pull_item *item, enum wc_pull_stage stage)
{
    const char *which = item->want.digest != NULL ? item->want.digest : item->ref.tag;
    fetch(item, stage, wc_arena_printf(arena_of(item), "manifests/%s", which),
          WC_PULL_MANIFEST_MAX);
}

static void give_up(struct wc_pull_item *item, struct wc_err *err)
{
    (void)wc_pull_fail(item, err);
}

/* ---- what the store has ---- */

/* The name that the store's index has it by. */
static const char *stored_name(const struct wc_pull_item *item)
{
    return item->ref.digest == NULL ? item->ref.name
                                    : wc_arena_printf(arena_of(item), "%s/%s@%s", item->ref.domain,
                                                      item->ref.path, item->ref.digest);
}

/* The entry of the store that the reference leads to, whole and for the platform; NULL: none. */
static const struct wc_index_entry *find_stored(struct wc_pull_item *item)
{
    struct wc_index index;
    struct wc_found found;
    struct wc_image_parts parts;
    struct wc_err none = { 0 };
    const char *text = item->ref.digest == NULL ? item->ref.name : stored_name(item);
    if (wc_store_read_index(item->pull->store, arena_of(item), &index, &none) != 0 ||
        wc_index_find(arena_of(item), &index, text, &item->wanted, &found, &none) != 0 ||
        found.by_id ||
        wc_image_read(item->pull->store, arena_of(item), found.entry, &parts, &none) != 0)
        return NULL;
    for (size_t i = 0; i < parts.diff_ids.n; i++)
        if (wc_store_layer_bytes(item->pull->store, parts.diff_ids.items[i]) < 0)
            return NULL;
    if (!wc_platform_fits(&item->wanted, parts.info.os, parts.info.architecture,
                          parts.info.variant))
        return NULL;
    return found.entry;
}

void wc_pull_stamp(struct wc_pull_item *item)
{
    struct timespec now;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    wc_time_rfc3339((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text, sizeof text);
    item->entry.pulled = wc_arena_strdup(arena_of(item), text);
}

/* It was asked about, and is as it was: policies that look at the age want to know. */
static void note_time(struct wc_pull_item *item)
{
    struct wc_err err = { 0 };
    int rc = wc_txn_begin(item->pull->store, NULL, NULL, &item->txn, &err);
    if (rc == 0) {
        wc_pull_stamp(item);
        wc_txn_tag(&item->txn, &item->entry);
        rc = wc_txn_commit(&item->txn, &err);
    }
    if (rc != 0)
        wc_log(WC_LOG_WARN, "images", "%s: the time isn't noted: %s", item->out->name, err.msg);
}

static void is_unchanged(struct wc_pull_item *item)
{
    if (item->stage == WC_STAGE_HEAD && !item->pull->options->ask_only)
        note_time(item);
    item->out->digest =
        item->entry.list_digest != NULL ? item->entry.list_digest : item->entry.digest;
    item->out->id = item->entry.id;
    wc_pull_done(item, WC_PULL_UNCHANGED);
}

void wc_pull_begin(struct wc_pull_item *item)
{
    const struct wc_index_entry *stored = find_stored(item);
    item->entry = stored != NULL ? *stored : (struct wc_index_entry){ 0 };
    item->list_digest = NULL;
    item->level = 0;
    item->want = (struct wc_desc){ .digest = item->ref.digest, .size = -1 };
    if (stored != NULL && item->ref.digest != NULL) {
        is_unchanged(item); /* what has a digest never changes */
        return;
    }
    wc_pull_show(item, WC_PULL_ASKING);
    bool head = stored != NULL || item->pull->options->ask_only;
    fetch_manifest(item, head ? WC_STAGE_HEAD : WC_STAGE_MANIFEST);
}

/* ---- answers ---- */

static int lies(const struct wc_pull_item *item, const char *what, const char *digest,
                struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "%s sends other content than was asked for: %s %.19s…",
                      item->fetch.host->name, what, digest);
}

/* True when that is what the store has under the name. */
static bool has_digest(const struct wc_pull_item *item, const char *digest)
{
    const struct wc_index_entry *entry = &item->entry;
    return wc_streq0(entry->list_digest != NULL ? entry->list_digest : entry->digest, digest);
}

/* All that was wanted is known. */
static void is_offered(struct wc_pull_item *item, const char *digest)
{
    if (has_digest(item, digest)) {
        is_unchanged(item);
        return;
    }
    item->out->digest = digest;
    wc_pull_done(item, WC_PULL_OFFERED);
}

static void take_head(struct wc_pull_item *item)
{
    const char *now = item->fetch.code == 0 ? item->fetch.digest : NULL;
    item->endpoint = item->fetch.endpoint;
    if (now != NULL && has_digest(item, now))
        is_unchanged(item);
    else if (now != NULL && wc_ref_is_digest(now) && item->pull->options->ask_only)
        is_offered(item, now);
    else if (item->fetch.code == 0 || item->fetch.code == WC_ERR_UNAVAILABLE)
        fetch_manifest(item, WC_STAGE_MANIFEST); /* changed, or a registry that can't say */
    else
        give_up(item, &item->fetch.err);
}

/* An image for one platform. */
static int take_image(struct wc_pull_item *item, const struct wc_json *root, const char *digest,
                      struct wc_err *err)
{
    const char *type = wc_json_str(wc_json_get(root, "mediaType"), WC_TYPE_MANIFEST);
    struct wc_manifest *m = &item->manifest;
    int rc = wc_manifest_read(arena_of(item), root, m, err);
    if (rc == 0 && m->n_layers > WC_PULL_LAYERS_MAX)
        rc = wc_err_set(err, WC_ERR_LIMIT, 0, "the image has %zu layers, and may have %d",
                        m->n_layers, WC_PULL_LAYERS_MAX);
    for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
        if (m->layers[i].size > WC_PULL_LAYER_MAX)
            rc =
                wc_err_set(err, WC_ERR_LIMIT, 0, "layer %.19s… has %lld bytes, and may have 64 GiB",
                           m->layers[i].digest, (long long)m->layers[i].size);
    if (rc == 0 && m->config.size > WC_STORE_JSON_MAX)
        rc = wc_err_set(err, WC_ERR_LIMIT, 0, "the image's configuration is larger than %d bytes",
                        WC_STORE_JSON_MAX);
    if (rc == 0 && !wc_streq(type, WC_TYPE_MANIFEST) && !wc_streq(type, WC_TYPE_DOCKER_MANIFEST))
        rc =
            wc_err_set(err, WC_ERR_SPEC, 0, "not an image manifest: it calls itself '%.80s'", type);
    if (rc != 0)
        return rc;
    item->entry = (struct wc_index_entry){
        .reference = stored_name(item),
        .digest = digest,
        .size = (int64_t)item->fetch.text.len,
        .media_type = wc_arena_strdup(arena_of(item), type),
        .id = m->config.digest,
        .list_digest = item->list_digest,
    };
    return 0;
}

/* Puts the manifest into a change of the store, and goes on with the configuration. */
static int begin_txn(struct wc_pull_item *item, struct wc_err *err)
{
    const char *digest;
    int rc = wc_txn_begin(item->pull->store, NULL, NULL, &item->txn, err);
    if (rc != 0)
        return rc;
    item->has_txn = true;
    return wc_txn_stage_bytes(&item->txn, item->fetch.text.data, item->fetch.text.len, &digest,
                              err);
}

static void fetch_config(struct wc_pull_item *item)
{
    const struct wc_desc *config = &item->manifest.config;
    if (wc_txn_has_blob(&item->txn, config->digest + strlen("sha256:"))) {
        wc_pull_layers(item);
        return;
    }
    fetch(item, WC_STAGE_CONFIG, wc_arena_printf(arena_of(item), "blobs/%s", config->digest),
          (uint64_t)config->size);
}

/* One of several platforms is chosen, and asked for by its digest. */
static int take_index(struct wc_pull_item *item, const struct wc_json *root, const char *digest,
                      struct wc_err *err)
{
    if (++item->level > LEVELS_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "image lists nested too deep");
    if (item->list_digest == NULL)
        item->list_digest = digest;
    return wc_platform_pick(arena_of(item), root, &item->wanted, &item->want, err);
}

static int check_manifest(struct wc_pull_item *item, const char **digest, struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    const struct wc_buf *text = &item->fetch.text;
    wc_sha256_hex(text->data, text->len, hex);
    *digest = wc_arena_printf(arena_of(item), "sha256:%s", hex);
    const char *said = item->want.digest != NULL ? item->want.digest : item->fetch.digest;
    if (said != NULL && wc_ref_is_digest(said) && !wc_streq(said, *digest))
        return lies(item, "manifest", said, err);
    if (item->want.size >= 0 && (uint64_t)item->want.size != text->len)
        return lies(item, "manifest", *digest, err);
    return 0;
}

static void take_manifest(struct wc_pull_item *item)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    const char *digest = NULL;
    const struct wc_buf *text = &item->fetch.text;
    bool is_index = false;
    item->endpoint = item->fetch.endpoint;
    int rc = check_manifest(item, &digest, &err);
    if (rc == 0 && item->pull->options->ask_only) {
        is_offered(item, digest);
        return;
    }
    if (rc == 0)
        rc = wc_json_parse(text->data, text->len, &root, &err);
    if (rc == 0 && wc_json_get(root, "schemaVersion") != NULL &&
        wc_json_i64(wc_json_get(root, "schemaVersion"), 2) != 2)
        rc = wc_err_set(&err, WC_ERR_SPEC, 0,
                        "the image is stored in the form of Docker before 1.10 (schema 1); push it "
                        "again with a newer one");
    if (rc == 0) {
        is_index = wc_json_get(root, "manifests") != NULL;
        rc = is_index ? take_index(item, root, digest, &err) : take_image(item, root, digest, &err);
    }
    if (rc == 0 && !is_index)
        rc = begin_txn(item, &err);
    if (rc != 0) {
        give_up(item, &err);
        return;
    }
    if (is_index) {
        fetch_manifest(item, WC_STAGE_MANIFEST);
        return;
    }
    item->out->digest = item->list_digest != NULL ? item->list_digest : digest;
    item->out->id = item->entry.id;
    fetch_config(item);
}

static void take_config(struct wc_pull_item *item)
{
    struct wc_err err = { 0 };
    const struct wc_desc *want = &item->manifest.config;
    const char *digest = NULL;
    const struct wc_buf *text = &item->fetch.text;
    int rc = wc_txn_stage_bytes(&item->txn, text->data, text->len, &digest, &err);
    if (rc == 0 && (!wc_streq(digest, want->digest) || (int64_t)text->len != want->size))
        rc = lies(item, "configuration", want->digest, &err);
    if (rc != 0)
        give_up(item, &err);
    else
        wc_pull_layers(item);
}

static void on_fetched(void *data)
{
    struct wc_pull_item *item = data;
    item->out->retries += item->fetch.resumed;
    if (item->stage == WC_STAGE_HEAD) {
        take_head(item);
    } else if (item->fetch.code != 0) {
        struct wc_err err = item->fetch.err;
        give_up(item, &err);
    } else if (item->stage == WC_STAGE_MANIFEST) {
        take_manifest(item);
    } else {
        take_config(item);
    }
}
