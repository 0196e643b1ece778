/* pull_layers.c - layers on their way from the network through the unpacking threads into files,
 * and the commit that makes them an image. Nothing is written twice: a thread that is behind makes
 * its transfer wait, and with it the server. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "images/pull_priv.h"

static void give_up(struct wc_pull_item *item, struct wc_err *err)
{
    (void)wc_pull_fail(item, err);
}

/* ---- the configuration ---- */

/* An image without an index says in its configuration what it is made for. */
static int check_platform(struct wc_pull_item *item, const struct wc_json *config,
                          struct wc_err *err)
{
    const char *os = wc_json_str(wc_json_get(config, "os"), item->wanted.os);
    const char *arch = wc_json_str(wc_json_get(config, "architecture"), item->wanted.architecture);
    const char *variant = wc_json_str(wc_json_get(config, "variant"), NULL);
    struct wc_arena *arena = item->pull->arena;
    if (wc_platform_fits(&item->wanted, os, arch, variant))
        return 0;
    const char *wanted = wc_platform_text(arena, &item->wanted);
    if (item->wanted.asked)
        return wc_err_set(err, WC_ERR_NOENT, 0, "the image isn't made for %s, but for %.20s/%.20s",
                          wanted, os, arch);
    item->out->note =
        wc_arena_printf(arena, "is made for %.20s/%.20s, and this machine is %s", os, arch, wanted);
    return 0;
}

static int read_config(struct wc_pull_item *item, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    int rc = wc_txn_read_blob(&item->txn, item->manifest.config.digest, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &config, err);
    if (rc == 0)
        rc = check_platform(item, config, err);
    if (rc == 0)
        rc = wc_config_diff_ids(item->pull->arena, config, &item->diff_ids, err);
    if (rc == 0 && item->diff_ids.n != item->manifest.n_layers)
        rc = wc_err_set(err, WC_ERR_SPEC, 0,
                        "malformed image: %zu layers, but %zu diff ids in its configuration",
                        item->manifest.n_layers, item->diff_ids.n);
    return rc;
}

/* ---- sharing ---- */

static bool is_fetching(const struct wc_pull_item *other, const char *digest)
{
    if (other->stage != WC_STAGE_LAYERS && other->stage != WC_STAGE_UNPACK)
        return false;
    for (size_t i = 0; i < other->manifest.n_layers; i++)
        if (!other->layers[i].needless && wc_streq(other->layers[i].desc.digest, digest))
            return true;
    return false;
}

/* True while another image is about to bring a layer that this one needs. */
static bool must_wait(const struct wc_pull_item *item)
{
    for (size_t k = 0; k < item->pull->n; k++) {
        const struct wc_pull_item *other = &item->pull->items[k];
        for (size_t i = 0; other != item && i < item->manifest.n_layers; i++)
            if (is_fetching(other, item->manifest.layers[i].digest))
                return true;
    }
    return false;
}

/* ---- bytes ---- */

static enum wc_fetch_take on_bytes(void *data, const void *bytes, size_t len)
{
    struct wc_pull_layer *layer = data;
    size_t known = layer->part < len ? layer->part : len;
    size_t taken = known + wc_unpack_feed(layer->unpack, (const char *)bytes + known, len - known);
    if (taken < len) {
        layer->part = taken;
        return WC_FETCH_LATER;
    }
    layer->part -= known;
    return WC_FETCH_TAKEN;
}

static void on_layer(void *data)
{
    struct wc_pull_layer *layer = data;
    struct wc_pull_item *item = layer->item;
    item->pull->fetching--;
    item->out->retries += layer->fetch.resumed;
    if (layer->fetch.code != 0) {
        struct wc_err err = layer->fetch.err;
        give_up(item, &err);
        return;
    }
    layer->fetched = true;
    item->out->layers++;
    if (!wc_streq(layer->fetch.auth->host->name, item->endpoints.items[item->endpoints.n - 1].host))
        item->out->source = layer->fetch.auth->host->name;
    wc_unpack_end(layer->unpack);
}

static void on_wake(void *data)
{
    struct wc_pull *pull = data;
    wc_http_wake(pull->registry.http);
}

static int begin_layer(struct wc_pull_item *item, size_t i, struct wc_err *err)
{
    struct wc_pull_layer *layer = &item->layers[i];
    const struct wc_unpack_want want = { layer->desc.digest, layer->desc.size,
                                         item->diff_ids.items[i] };
    layer->begun = true;
    int rc = wc_unpack_begin(item->set, &want, &layer->unpack, err);
    if (rc != 0)
        return rc;
    if (layer->unpack == NULL) {
        layer->needless = layer->fetched = true;
        return 0;
    }
    item->out->n_layers++;
    item->out->total += (uint64_t)layer->desc.size;
    return 0;
}

static void start_layer(struct wc_pull_item *item, struct wc_pull_layer *layer)
{
    layer->fetch = (struct wc_fetch){
        .registry = &item->pull->registry,
        .endpoints = &item->endpoints,
        .endpoint = item->endpoint,
        .what = wc_arena_printf(item->pull->arena, "blobs/%s", layer->desc.digest),
        .limit = (uint64_t)layer->desc.size,
        .take = on_bytes,
        .done = on_layer,
        .data = layer,
    };
    item->pull->fetching++;
    wc_fetch_start(&layer->fetch);
}

/* ---- stages ---- */

static void begin_layers(struct wc_pull_item *item)
{
    const struct wc_unpack_options options = { .wake = on_wake, .data = item->pull };
    struct wc_err err = { 0 };
    int rc = 0;
    item->stage = WC_STAGE_LAYERS;
    item->set = wc_unpack_open(&item->txn, &options);
    for (size_t i = 0; rc == 0 && i < item->manifest.n_layers; i++)
        rc = begin_layer(item, i, &err);
    if (rc != 0)
        give_up(item, &err);
    else
        wc_pull_show(item, WC_PULL_FETCHING);
}

void wc_pull_layers(struct wc_pull_item *item)
{
    struct wc_err err = { 0 };
    if (read_config(item, &err) != 0) {
        give_up(item, &err);
        return;
    }
    item->layers =
        WC_NEW_ARRAY(item->pull->arena, struct wc_pull_layer, item->manifest.n_layers + 1);
    for (size_t i = 0; i < item->manifest.n_layers; i++)
        item->layers[i] = (struct wc_pull_layer){ .item = item, .desc = item->manifest.layers[i] };
    item->stage = WC_STAGE_SHARED;
}

/* Starts transfers while there may be more, and goes on with those whose thread has room again. */
static void move_layers(struct wc_pull_item *item)
{
    bool all = true;
    item->out->done = 0;
    for (size_t i = 0; i < item->manifest.n_layers && item->stage == WC_STAGE_LAYERS; i++) {
        struct wc_pull_layer *layer = &item->layers[i];
        bool started = layer->fetch.registry != NULL;
        if (!layer->needless && !started && item->pull->fetching < item->pull->settings.parallel)
            start_layer(item, layer);
        else if (started && layer->fetch.is_paused)
            wc_fetch_go_on(&layer->fetch);
        all = all && layer->fetched;
        item->out->done += layer->fetch.received;
    }
    if (all && item->stage == WC_STAGE_LAYERS) {
        item->stage = WC_STAGE_UNPACK;
        wc_pull_show(item, WC_PULL_FINISHING);
    }
}

/* Everything is unpacked, or something is wrong with it. */
static void close_set(struct wc_pull_item *item)
{
    struct wc_err err = { 0 };
    struct wc_unpack_set *set = item->set;
    item->set = NULL;
    int rc = wc_unpack_close(set, &err);
    if (rc == 0) {
        wc_pull_stamp(item);
        wc_txn_tag(&item->txn, &item->entry);
        item->has_txn = false;
        rc = wc_txn_commit(&item->txn, &err);
    }
    if (rc != 0)
        give_up(item, &err);
    else
        wc_pull_done(item, WC_PULL_PULLED);
}

void wc_pull_advance(struct wc_pull_item *item)
{
    uint64_t taken;
    if (item->stage == WC_STAGE_SHARED && !must_wait(item))
        begin_layers(item);
    if (item->stage == WC_STAGE_LAYERS)
        move_layers(item);
    /* Over; or one has failed, and then the transfers of the others are for nothing. */
    if ((item->stage == WC_STAGE_LAYERS || item->stage == WC_STAGE_UNPACK) &&
        wc_unpack_wait(item->set, 0, &taken))
        close_set(item);
}
