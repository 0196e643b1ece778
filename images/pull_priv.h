/* pull_priv.h - a pull under way, shared by pull*.c (images, private).
 *
 * Idea:    each image is a small state machine that answers of fetches and of unpacking threads
 * move on; one loop waits for all of them. A txn of its own makes each whole or nothing. Owner:
 * wc_image_pull's stack and arena. Threads: one; the unpacking threads only wake it.
 */
#ifndef IMAGES_PULL_PRIV_H
#define IMAGES_PULL_PRIV_H

#include "images/fetch.h"
#include "images/manifest.h"
#include "images/platform.h"
#include "images/store.h"
#include "images/unpack.h"
#include "wcompose/pull.h"

/* Most bytes of a manifest (as the distribution specification advises) and of a layer, and most
 * layers: what load takes. */
enum { WC_PULL_MANIFEST_MAX = 4 << 20, WC_PULL_LAYERS_MAX = 200 };
#define WC_PULL_LAYER_MAX (INT64_C(64) << 30)

struct wc_pull_layer {
    struct wc_pull_item *item;
    struct wc_desc desc;
    struct wc_fetch fetch;
    struct wc_unpack *unpack;
    size_t part; /* bytes of what comes next that were taken already */
    bool begun, fetched, needless;
};

enum wc_pull_stage {
    WC_STAGE_NEW,
    WC_STAGE_HEAD,     /* asking whether it has changed */
    WC_STAGE_MANIFEST, /* getting an index or a manifest */
    WC_STAGE_CONFIG,
    WC_STAGE_SHARED, /* another image fetches what this one needs, too */
    WC_STAGE_LAYERS,
    WC_STAGE_UNPACK, /* all is fetched */
    WC_STAGE_OVER,
};

struct wc_pull_item {
    struct wc_pull *pull;
    struct wc_pull_image *out;
    const struct wc_pull_item *twin; /* an earlier one that is the same, or NULL */
    enum wc_pull_stage stage;
    struct wc_ref ref;
    struct wc_platform wanted;
    struct wc_endpoints endpoints;
    size_t endpoint;       /* that is asked */
    struct wc_fetch fetch; /* of a manifest or the configuration */
    bool has_fetch;
    unsigned level;          /* of nested indexes */
    const char *list_digest; /* of the index it was chosen from, or NULL */
    struct wc_desc want;     /* the manifest that is asked for by digest */
    struct wc_index_entry entry;
    struct wc_manifest manifest;
    struct wc_strv diff_ids;
    struct wc_image_txn txn;
    bool has_txn;
    struct wc_unpack_set *set;
    struct wc_pull_layer *layers;
    uint64_t shown_done;
    enum wc_pull_state shown_state;
};

struct wc_pull {
    struct wc_image_store *store;
    const struct wc_image_pull_options *options;
    struct wc_arena *arena;
    struct wc_pull_settings settings;
    struct wc_registry registry;
    struct wc_pull_item *items;
    size_t n;
    unsigned fetching; /* layers */
};

/* pull_manifest.c: from a reference to a configuration. */
void wc_pull_begin(struct wc_pull_item *item);

/* pull_layers.c: from a configuration to an image in the store. */
void wc_pull_layers(struct wc_pull_item *item);

/* Moves on what can be: begins layers, goes on with paused ones, commits. */
void wc_pull_advance(struct wc_pull_item *item);

/* pull.c: ends of an item. What failed here may be had from another endpoint: then it begins again
 * there, and that is said by true. */
bool wc_pull_fail(struct wc_pull_item *item, const struct wc_err *err);
void wc_pull_done(struct wc_pull_item *item, enum wc_pull_state state);

/* Notes in an entry that its registry was asked now. */
void wc_pull_stamp(struct wc_pull_item *item);

/* Sets the state that is shown, and shows it. */
void wc_pull_show(struct wc_pull_item *item, enum wc_pull_state state);

#endif
