/* inspect.c - an image as docker's `image inspect` says it; the configuration goes through as it is
 * written. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "images/find.h"
#include "images/ref.h"
#include "wcompose/image_keep.h"

static void copy_value(struct wc_jsonw *w, const char *key, const struct wc_json *value);

static void copy_members(struct wc_jsonw *w, const struct wc_json *value, bool named)
{
    for (const struct wc_json *v = wc_json_first(value); v != NULL; v = wc_json_next(v))
        copy_value(w, named ? wc_json_name(v) : NULL, v);
}

static void copy_value(struct wc_jsonw *w, const char *key, const struct wc_json *value)
{
    switch (wc_json_kind(value)) {
    case WC_JSON_OBJECT:
        wc_jsonw_object(w, key);
        copy_members(w, value, true);
        wc_jsonw_end_object(w);
        break;
    case WC_JSON_ARRAY:
        wc_jsonw_array(w, key);
        copy_members(w, value, false);
        wc_jsonw_end_array(w);
        break;
    case WC_JSON_STRING:
        wc_jsonw_str(w, key, wc_json_str(value, ""));
        break;
    case WC_JSON_NUMBER:
        wc_jsonw_i64(w, key, wc_json_i64(value, 0)); /* no configuration has fractions */
        break;
    case WC_JSON_BOOL:
        wc_jsonw_bool(w, key, wc_json_bool(value, false));
        break;
    case WC_JSON_NULL:
        wc_jsonw_null(w, key);
        break;
    }
}

/* "repo@sha256:…", once for each repository that the image has a name in. */
static void print_names(struct wc_jsonw *w, const struct wc_index *index, const char *digest)
{
    struct wc_arena arena;
    struct wc_strv digests = { 0 };
    wc_arena_init(&arena);
    wc_jsonw_array(w, "RepoTags");
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *e = &index->items[i];
        struct wc_ref ref;
        if (!wc_streq(e->digest, digest) || e->reference == NULL)
            continue;
        const char *name = wc_image_short_reference(e->reference);
        wc_jsonw_str(w, NULL, name);
        if (wc_ref_parse(&arena, e->reference, &ref, NULL) != 0)
            continue;
        size_t len = strlen(name) - (ref.tag == NULL ? 0 : strlen(ref.tag) + 1);
        const char *whole = wc_arena_printf(&arena, "%.*s@%s", (int)len, name,
                                            e->list_digest != NULL ? e->list_digest : digest);
        if (!wc_strv_has(&digests, whole))
            wc_strv_add(&arena, &digests, whole);
    }
    wc_jsonw_end_array(w);
    wc_jsonw_array(w, "RepoDigests");
    for (size_t i = 0; i < digests.n; i++)
        wc_jsonw_str(w, NULL, digests.items[i]);
    wc_jsonw_end_array(w);
    wc_arena_deinit(&arena);
}

static void print_layers(struct wc_jsonw *w, const struct wc_image_info *info,
                         const struct wc_json *config)
{
    wc_jsonw_i64(w, "Size", info->size_bytes == WC_UNSET ? 0 : info->size_bytes);
    wc_jsonw_object(w, "GraphDriver");
    wc_jsonw_str(w, "Name", "overlay2");
    wc_jsonw_object(w, "Data");
    WC_CLEANUP_BUF struct wc_buf dirs = WC_BUF_INIT;
    for (size_t i = info->layers.n; i > 0; i--) /* highest first, as the kernel takes them */
        wc_buf_printf(&dirs, "%s%s", dirs.len > 0 ? ":" : "", info->layers.items[i - 1]);
    wc_jsonw_str(w, "LowerDir", dirs.data == NULL ? "" : dirs.data);
    wc_jsonw_end_object(w);
    wc_jsonw_end_object(w);
    wc_jsonw_object(w, "RootFS");
    wc_jsonw_str(w, "Type", "layers");
    wc_jsonw_array(w, "Layers");
    copy_members(w, wc_json_get(wc_json_get(config, "rootfs"), "diff_ids"), false);
    wc_jsonw_end_array(w);
    wc_jsonw_end_object(w);
}

static void print_image(struct wc_jsonw *w, const struct wc_index *index,
                        const struct wc_index_entry *entry, const struct wc_image_info *info,
                        const struct wc_json *config)
{
    const struct wc_json *run = wc_json_get(config, "config");
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "Id", info->id);
    print_names(w, index, info->digest);
    wc_jsonw_str(w, "Parent", "");
    wc_jsonw_str(w, "Comment", wc_json_str(wc_json_get(config, "comment"), ""));
    wc_jsonw_str(w, "Created", info->created == NULL ? "" : info->created);
    wc_jsonw_str(w, "DockerVersion", wc_json_str(wc_json_get(config, "docker_version"), ""));
    wc_jsonw_str(w, "Author", wc_json_str(wc_json_get(config, "author"), ""));
    if (run != NULL)
        copy_value(w, "Config", run);
    wc_jsonw_str(w, "Architecture", info->architecture);
    if (info->variant != NULL)
        wc_jsonw_str(w, "Variant", info->variant);
    wc_jsonw_str(w, "Os", info->os);
    if (info->os_version != NULL)
        wc_jsonw_str(w, "OsVersion", info->os_version);
    print_layers(w, info, config);
    wc_jsonw_object(w, "Descriptor");
    wc_jsonw_str(w, "mediaType", entry->media_type);
    wc_jsonw_str(w, "digest", entry->digest);
    wc_jsonw_i64(w, "size", entry->size);
    wc_jsonw_end_object(w);
    wc_jsonw_end_object(w);
}

int wc_image_inspect(struct wc_image_store *store, const char *reference, const char *platform,
                     struct wc_buf *out, struct wc_err *err)
{
    struct wc_arena arena;
    struct wc_index index;
    struct wc_found found = { 0 };
    struct wc_image_info info;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    wc_arena_init(&arena);
    int rc = wc_image_resolve_for(store, reference, platform, &arena, &info, err);
    if (rc == 0)
        rc = wc_store_read_index(store, &arena, &index, err);
    if (rc == 0)
        rc = wc_index_find_for(&arena, &index, reference, platform, &found, err);
    if (rc == 0)
        rc = wc_store_read_blob(store, info.id, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &config, err);
    if (rc == 0) {
        struct wc_jsonw w = WC_JSONW_INIT(out);
        w.indent = 4; /* as docker prints it */
        print_image(&w, &index, found.entry, &info, config);
    }
    wc_arena_deinit(&arena);
    return rc;
}
