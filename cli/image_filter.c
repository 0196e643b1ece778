/* image_filter.c - filters read once, and held against each image. */
#include "cli/image_filter.h"

#include <fnmatch.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"

static int take_time(struct wc_cli *cli, struct wc_image_store *store, const char *image,
                     int64_t *out)
{
    struct wc_image_info info;
    struct wc_err err = { 0 };
    if (wc_image_resolve(store, image, cli->arena, &info, &err) != 0)
        return wc_cli_fail(cli, &err);
    if (info.created != NULL && wc_time_parse(info.created, out))
        return 0;
    (void)wc_err_set(&err, WC_ERR_NOENT, 0, "image %s doesn't say when it was made", image);
    return wc_cli_fail(cli, &err);
}

static int take_dangling(struct wc_cli *cli, const char *value, enum wc_tri *out)
{
    bool yes = wc_streq(value, "true") || wc_streq(value, "1");
    if (!yes && !wc_streq(value, "false") && !wc_streq(value, "0"))
        return wc_cli_usage(cli, "--filter: dangling is true or false, not '%.40s'", value);
    *out = yes ? WC_TRI_TRUE : WC_TRI_FALSE;
    return 0;
}

static int take(struct wc_cli *cli, struct wc_image_store *store, const char *text,
                struct wc_image_filter *out)
{
    static const char *const keys[] = { "dangling", "reference", "label", "before", "since" };
    size_t len = strcspn(text, "=");
    const char *key = wc_arena_strndup(cli->arena, text, len);
    const char *value = text[len] == '=' ? text + len + 1 : "";
    if (*value == '\0')
        return wc_cli_usage(cli, "--filter '%.80s': expected KEY=VALUE", text);
    if (wc_streq(key, "dangling"))
        return take_dangling(cli, value, &out->dangling);
    if (wc_streq(key, "before"))
        return take_time(cli, store, value, &out->before_ms);
    if (wc_streq(key, "since"))
        return take_time(cli, store, value, &out->since_ms);
    if (wc_streq(key, "reference")) {
        wc_strv_add(cli->arena, &out->references, value);
        return 0;
    }
    if (wc_streq(key, "label")) {
        wc_strv_add(cli->arena, &out->labels, value);
        return 0;
    }
    const char *close = wc_str_suggest(key, keys, WC_COUNT(keys));
    return wc_cli_usage(
        cli, "--filter: '%.40s' is none of dangling, reference, label, before, since%s%s%s", key,
        close != NULL ? "; did you mean '" : "", close != NULL ? close : "",
        close != NULL ? "'?" : "");
}

int wc_image_filter_read(struct wc_cli *cli, struct wc_image_store *store, const char *const *texts,
                         size_t n, struct wc_image_filter *out)
{
    struct wc_image_filter filter = { .dangling = WC_TRI_UNSET,
                                      .before_ms = WC_UNSET,
                                      .since_ms = WC_UNSET };
    for (size_t i = 0; i < n; i++) {
        int status = take(cli, store, texts[i], &filter);
        if (status != 0)
            return status;
    }
    *out = filter;
    return 0;
}

/* The whole name, or the name without its tag, as people type it or in full. */
static bool matches(const char *pattern, const char *reference)
{
    char name[512];
    const char *const forms[] = { reference, wc_image_short_reference(reference) };
    for (size_t i = 0; i < WC_COUNT(forms); i++) {
        if (fnmatch(pattern, forms[i], FNM_PATHNAME) == 0)
            return true;
        const char *slash = strrchr(forms[i], '/');
        const char *last = slash != NULL ? slash : forms[i];
        size_t len = (size_t)(last - forms[i]) + strcspn(last, "@:");
        if (len >= sizeof name)
            continue;
        memcpy(name, forms[i], len);
        name[len] = '\0';
        if (fnmatch(pattern, name, FNM_PATHNAME) == 0)
            return true;
    }
    return false;
}

static bool has_label(const struct wc_image_info *info, const char *label)
{
    size_t len = strcspn(label, "=");
    for (size_t i = 0; i < info->labels.n; i++) {
        const struct wc_kv *kv = &info->labels.items[i];
        if (strlen(kv->key) == len && memcmp(kv->key, label, len) == 0)
            return label[len] == '\0' ||
                   wc_streq(label + len + 1, kv->value != NULL ? kv->value : "");
    }
    return false;
}

static bool is_in_time(const struct wc_image_filter *filter, const struct wc_image_info *info)
{
    int64_t made_ms;
    if (filter->before_ms == WC_UNSET && filter->since_ms == WC_UNSET)
        return true;
    if (info->created == NULL || !wc_time_parse(info->created, &made_ms))
        return false;
    return (filter->before_ms == WC_UNSET || made_ms < filter->before_ms) &&
           (filter->since_ms == WC_UNSET || made_ms > filter->since_ms);
}

bool wc_image_filter_takes(const struct wc_image_filter *filter, const struct wc_image_info *info)
{
    bool dangles = wc_streq(info->reference, info->id);
    bool named = filter->references.n == 0;
    if (filter->dangling != WC_TRI_UNSET && dangles != (filter->dangling == WC_TRI_TRUE))
        return false;
    for (size_t i = 0; i < filter->references.n; i++)
        named = named || (!dangles && matches(filter->references.items[i], info->reference));
    for (size_t i = 0; i < filter->labels.n; i++)
        named = named && has_label(info, filter->labels.items[i]);
    return named && is_in_time(filter, info);
}
