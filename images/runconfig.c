/* runconfig.c - the statements that say how the image runs, as an OCI configuration. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "images/fill.h"
#include "images/manifest.h"

struct config {
    struct wc_kvs env, labels;
    const struct wc_recipe_item *single[WC_RECIPE_LABEL + 1]; /* the last statement of each word */
    struct wc_strv expose, volumes;
};

/* Sets KEY=VALUE, replacing an earlier one. False when there is no '='. */
static bool put_pair(struct wc_arena *arena, struct wc_kvs *list, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return false;
    const char *key = wc_arena_strndup(arena, text, (size_t)(equals - text));
    for (size_t i = 0; i < list->n; i++)
        if (wc_streq(list->items[i].key, key)) {
            list->items[i].value = equals + 1;
            return true;
        }
    struct wc_kv *items = WC_NEW_ARRAY(arena, struct wc_kv, list->n + 1);
    if (list->n > 0)
        memcpy(items, list->items, list->n * sizeof *items);
    items[list->n++] = (struct wc_kv){ .key = key, .value = equals + 1 };
    list->items = items;
    return true;
}

static int collect(struct wc_arena *arena, const struct wc_recipe *recipe, struct config *c,
                   struct wc_err *err)
{
    put_pair(arena, &c->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (size_t i = 0; i < recipe->n; i++) {
        const struct wc_recipe_item *item = &recipe->items[i];
        c->single[item->word] = item;
        for (size_t k = 0; k < item->args.n; k++) {
            const char *text = item->args.items[k];
            bool good = true;
            if (item->word == WC_RECIPE_ENV)
                good = put_pair(arena, &c->env, text);
            else if (item->word == WC_RECIPE_LABEL)
                good = put_pair(arena, &c->labels, text);
            else if (item->word == WC_RECIPE_EXPOSE)
                wc_strv_add(arena, &c->expose, text);
            else if (item->word == WC_RECIPE_VOLUME)
                wc_strv_add(arena, &c->volumes, text);
            if (!good)
                return wc_err_at(err, WC_ERR_SPEC, item->at, "'%.100s' is not KEY=VALUE", text);
        }
    }
    return 0;
}

static void print_list(struct wc_jsonw *w, const char *key, const struct wc_recipe_item *item)
{
    if (item == NULL)
        return;
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < item->args.n; i++)
        wc_jsonw_str(w, NULL, item->args.items[i]);
    wc_jsonw_end_array(w);
}

static void print_keys(struct wc_jsonw *w, const char *key, const struct wc_strv *list)
{
    if (list->n == 0)
        return;
    wc_jsonw_object(w, key);
    for (size_t i = 0; i < list->n; i++) {
        wc_jsonw_object(w, list->items[i]);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_object(w);
}

/* healthcheck [interval=10s timeout=3s start_period=5s start_interval=1s retries=3] CMD WORD… */
static int print_health(struct wc_arena *arena, struct wc_jsonw *w,
                        const struct wc_recipe_item *item, struct wc_err *err)
{
    static const struct {
        const char *name, *key;
        bool duration;
    } options[] = { { "interval=", "Interval", true },
                    { "timeout=", "Timeout", true },
                    { "start_period=", "StartPeriod", true },
                    { "start_interval=", "StartInterval", true },
                    { "retries=", "Retries", false } };
    if (item == NULL)
        return 0;
    wc_jsonw_object(w, "Healthcheck");
    size_t i = 0;
    for (; i < item->args.n && strchr(item->args.items[i], '=') != NULL; i++) {
        size_t k = 0;
        while (k < WC_COUNT(options) && !wc_str_starts(item->args.items[i], options[k].name))
            k++;
        if (k == WC_COUNT(options))
            break;
        const char *value = item->args.items[i] + strlen(options[k].name);
        int64_t n = 0;
        bool good =
            options[k].duration ? wc_duration_parse(value, &n) : wc_str_to_i64(value, 1, 1000, &n);
        if (!good)
            return wc_err_at(err, WC_ERR_SPEC, item->at, "'%.60s' is not a value for %s", value,
                             options[k].name);
        wc_jsonw_i64(w, options[k].key, options[k].duration ? n * 1000000 : n);
    }
    const char *kind = i < item->args.n ? item->args.items[i] : "";
    if (!wc_streq(kind, "CMD") && !wc_streq(kind, "CMD-SHELL") && !wc_streq(kind, "NONE"))
        return wc_err_at(err, WC_ERR_SPEC, item->at,
                         "a health check is CMD and its words, CMD-SHELL and a line, or NONE");
    struct wc_recipe_item test = { 0 };
    for (; i < item->args.n; i++)
        wc_strv_add(arena, &test.args, item->args.items[i]);
    print_list(w, "Test", &test);
    wc_jsonw_end_object(w);
    return 0;
}

static void print_pairs(struct wc_arena *arena, struct wc_jsonw *w, const struct config *c)
{
    wc_jsonw_array(w, "Env");
    for (size_t i = 0; i < c->env.n; i++)
        wc_jsonw_str(w, NULL,
                     wc_arena_printf(arena, "%s=%s", c->env.items[i].key, c->env.items[i].value));
    wc_jsonw_end_array(w);
    if (c->labels.n == 0)
        return;
    wc_jsonw_object(w, "Labels");
    for (size_t i = 0; i < c->labels.n; i++)
        wc_jsonw_str(w, c->labels.items[i].key, c->labels.items[i].value);
    wc_jsonw_end_object(w);
}

static int print_run(struct wc_arena *arena, struct wc_jsonw *w, const struct config *c,
                     struct wc_err *err)
{
    static const struct {
        enum wc_recipe_word word;
        const char *key;
    } texts[] = { { WC_RECIPE_RUN_AS, "User" },
                  { WC_RECIPE_WORKDIR, "WorkingDir" },
                  { WC_RECIPE_STOPSIGNAL, "StopSignal" } };
    wc_jsonw_object(w, "config");
    for (size_t i = 0; i < WC_COUNT(texts); i++)
        if (c->single[texts[i].word] != NULL)
            wc_jsonw_str(w, texts[i].key, c->single[texts[i].word]->args.items[0]);
    print_keys(w, "ExposedPorts", &c->expose);
    print_pairs(arena, w, c);
    print_list(w, "Entrypoint", c->single[WC_RECIPE_ENTRYPOINT]);
    print_list(w, "Cmd", c->single[WC_RECIPE_CMD]);
    print_keys(w, "Volumes", &c->volumes);
    int rc = print_health(arena, w, c->single[WC_RECIPE_HEALTHCHECK], err);
    if (rc == 0)
        wc_jsonw_end_object(w);
    return rc;
}

int wc_recipe_config(struct wc_arena *arena, const struct wc_recipe *recipe, const char *diff_id,
                     struct wc_buf *out, struct wc_err *err)
{
    struct config c = { 0 };
    int rc = collect(arena, recipe, &c, err);
    if (rc != 0)
        return rc;
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "created", WC_TREE_TIME_TEXT);
    wc_jsonw_str(&w, "architecture", wc_host_architecture());
    wc_jsonw_str(&w, "os", "linux");
    rc = print_run(arena, &w, &c, err);
    if (rc != 0)
        return rc;
    wc_jsonw_object(&w, "rootfs");
    wc_jsonw_str(&w, "type", "layers");
    wc_jsonw_array(&w, "diff_ids");
    wc_jsonw_str(&w, NULL, diff_id);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_jsonw_array(&w, "history");
    wc_jsonw_object(&w, NULL);
    wc_jsonw_str(&w, "created", WC_TREE_TIME_TEXT);
    wc_jsonw_str(&w, "created_by", wc_arena_printf(arena, "wcompose image make %s", recipe->name));
    wc_jsonw_end_object(&w);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    return 0;
}
