/* pull.c - the loop round all images of a pull, and how each of them ends. */
#include "wcompose/pull.h"

#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"
#include "images/pull_priv.h"

enum { TICK_MS = 100 };

const char *wc_pull_state_name(enum wc_pull_state state)
{
    static const char *const names[] = {
        [WC_PULL_WAITING] = "waiting",   [WC_PULL_ASKING] = "asking",
        [WC_PULL_FETCHING] = "fetching", [WC_PULL_FINISHING] = "finishing",
        [WC_PULL_PULLED] = "pulled",     [WC_PULL_UNCHANGED] = "unchanged",
        [WC_PULL_OFFERED] = "offered",   [WC_PULL_FAILED] = "failed",
    };
    return names[state];
}

/* ---- ends ---- */

void wc_pull_show(struct wc_pull_item *item, enum wc_pull_state state)
{
    const struct wc_image_pull_options *options = item->pull->options;
    item->out->state = state;
    item->shown_state = state;
    item->shown_done = item->out->done;
    if (options->event != NULL)
        options->event(options->data, item->out);
}

/* Lets go of everything that is under way for it. */
static void release(struct wc_pull_item *item)
{
    if (item->has_fetch)
        wc_fetch_stop(&item->fetch);
    item->has_fetch = false;
    for (size_t i = 0; item->layers != NULL && i < item->manifest.n_layers; i++) {
        struct wc_pull_layer *layer = &item->layers[i];
        if (layer->fetch.registry == NULL)
            continue;
        item->pull->fetching -= layer->fetch.is_active;
        wc_fetch_stop(&layer->fetch);
    }
    item->layers = NULL;
    if (item->set != NULL)
        wc_unpack_abort(item->set);
    item->set = NULL;
    if (item->has_txn)
        wc_txn_abort(&item->txn);
    item->has_txn = false;
}

void wc_pull_done(struct wc_pull_item *item, enum wc_pull_state state)
{
    release(item);
    item->stage = WC_STAGE_OVER;
    wc_pull_show(item, state);
}

bool wc_pull_fail(struct wc_pull_item *item, const struct wc_err *err)
{
    bool by_registry = err->code == WC_ERR_SPEC || err->code == WC_ERR_LIMIT;
    item->out->err = *err;
    (void)wc_err_wrap(&item->out->err, err->code, "%s", wc_image_short_reference(item->out->name));
    if (item->out->service != NULL)
        (void)wc_err_wrap(&item->out->err, err->code, "service %s", item->out->service);
    if (item->out->err.at.file == NULL)
        item->out->err.at = item->out->at;
    if (by_registry && item->endpoint + 1 < item->endpoints.n) {
        wc_log(WC_LOG_WARN, "images", "%s; the next registry is asked", item->out->err.msg);
        release(item);
        item->out->done = item->out->total = 0;
        item->out->layers = item->out->n_layers = 0;
        item->out->source = NULL;
        item->endpoint++;
        wc_pull_begin(item);
        return true;
    }
    wc_pull_done(item, WC_PULL_FAILED);
    return false;
}

/* ---- beginning ---- */

static bool is_same(const struct wc_pull_image *a, const struct wc_pull_image *b)
{
    return wc_streq0(a->name, b->name) && wc_streq0(a->platform, b->platform);
}

static int prepare(struct wc_pull_item *item, struct wc_err *err)
{
    struct wc_pull *pull = item->pull;
    struct wc_pull_image *out = item->out;
    int rc = wc_ref_parse(pull->arena, out->reference, &item->ref, err);
    if (rc != 0)
        return rc;
    out->name = item->ref.digest == NULL
                    ? item->ref.name
                    : wc_arena_printf(pull->arena, "%s@%s", item->ref.name, item->ref.digest);
    for (struct wc_pull_item *other = pull->items; other < item; other++)
        if (is_same(other->out, out))
            item->twin = other;
    wc_platform_host(&item->wanted);
    if (out->platform != NULL && *out->platform != '\0')
        rc = wc_platform_parse(pull->arena, out->platform, &item->wanted, err);
    if (rc == 0)
        rc = wc_registries_endpoints(&pull->settings.registries, pull->arena, &item->ref,
                                     &item->endpoints, err);
    return rc;
}

static void begin(struct wc_pull *pull, size_t i)
{
    struct wc_pull_item *item = &pull->items[i];
    struct wc_err err = { 0 };
    item->pull = pull;
    item->out = &pull->options->images[i];
    if (prepare(item, &err) != 0)
        (void)wc_pull_fail(item, &err);
    else if (item->twin == NULL)
        wc_pull_begin(item);
}

/* ---- the loop ---- */

/* What happened to the first holds for the second. */
static void copy_twin(struct wc_pull_item *item)
{
    const char *reference = item->out->reference;
    if (item->twin->stage != WC_STAGE_OVER)
        return;
    *item->out = *item->twin->out;
    item->out->reference = reference;
    item->stage = WC_STAGE_OVER;
    wc_pull_show(item, item->out->state);
}

/* One round; true while something goes on. */
static bool advance(struct wc_pull *pull)
{
    bool busy = false;
    for (size_t i = 0; i < pull->n; i++) {
        struct wc_pull_item *item = &pull->items[i];
        if (item->stage != WC_STAGE_OVER && item->twin != NULL)
            copy_twin(item);
        else if (item->stage != WC_STAGE_OVER)
            wc_pull_advance(item);
        busy = busy || item->stage != WC_STAGE_OVER;
    }
    return busy;
}

static void show_progress(struct wc_pull *pull)
{
    for (size_t i = 0; i < pull->n; i++) {
        struct wc_pull_item *item = &pull->items[i];
        if (item->stage != WC_STAGE_OVER && item->out->done != item->shown_done)
            wc_pull_show(item, item->out->state);
    }
}

static void give_up(struct wc_pull *pull, const struct wc_err *err)
{
    for (size_t i = 0; i < pull->n; i++) {
        struct wc_pull_item *item = &pull->items[i];
        if (item->stage == WC_STAGE_OVER)
            continue;
        item->out->err = *err;
        wc_pull_done(item, WC_PULL_FAILED);
    }
}

static void run(struct wc_pull *pull)
{
    struct wc_err err = { 0 };
    uint64_t shown_at_ms = 0;
    for (size_t i = 0; i < pull->n; i++)
        begin(pull, i);
    while (advance(pull)) {
        if (wc_registry_wait(&pull->registry, TICK_MS, pull->options->interrupt_fd, &err) != 0) {
            give_up(pull, &err);
            return;
        }
        if (wc_registry_now() >= shown_at_ms + TICK_MS) {
            show_progress(pull);
            shown_at_ms = wc_registry_now();
        }
    }
}

int wc_image_pull(struct wc_image_store *store, const struct wc_image_pull_options *options,
                  struct wc_arena *arena, struct wc_err *err)
{
    struct wc_pull pull = { .store = store, .options = options, .arena = arena, .n = options->n };
    for (size_t i = 0; i < options->n; i++) {
        options->images[i].name = options->images[i].reference;
        options->images[i].state = WC_PULL_WAITING;
    }
    int rc = wc_pull_settings_read(options->config, arena, &pull.settings, err);
    if (rc == 0)
        rc = wc_registry_open(&pull.registry, arena, &pull.settings, err);
    if (rc != 0)
        return rc;
    pull.items = WC_NEW_ARRAY(arena, struct wc_pull_item, pull.n + 1);
    run(&pull);
    wc_registry_close(&pull.registry);
    for (size_t i = 0; i < pull.n; i++) {
        if (options->images[i].state != WC_PULL_FAILED)
            continue;
        *err = options->images[i].err;
        return err->code;
    }
    return 0;
}

int wc_image_check_platform(const char *text, struct wc_err *err)
{
    struct wc_arena scratch;
    struct wc_platform platform;
    wc_arena_init(&scratch);
    int rc = wc_platform_parse(&scratch, text, &platform, err);
    wc_arena_deinit(&scratch);
    return rc;
}

bool wc_image_is_for(const char *platform, const struct wc_image_info *info)
{
    struct wc_arena scratch;
    struct wc_platform wanted;
    struct wc_err none = { 0 };
    wc_arena_init(&scratch);
    bool fits = wc_platform_wanted(&scratch, platform, &wanted, &none) == 0 &&
                wc_platform_fits(&wanted, info->os, info->architecture, info->variant);
    wc_arena_deinit(&scratch);
    return fits;
}

static void read_platform(struct wc_arena *arena, const char *text, struct wc_platform *out)
{
    struct wc_err none = { 0 };
    if (wc_platform_wanted(arena, text, out, &none) != 0)
        wc_platform_host(out);
}

bool wc_image_same_platform(const char *a, const char *b)
{
    struct wc_arena scratch;
    struct wc_platform first, second;
    if (wc_streq0(a, b))
        return true;
    wc_arena_init(&scratch);
    read_platform(&scratch, a, &first);
    read_platform(&scratch, b, &second);
    bool same = wc_streq(wc_platform_usual(&scratch, &first), wc_platform_usual(&scratch, &second));
    wc_arena_deinit(&scratch);
    return same;
}
