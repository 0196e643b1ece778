/* manifest.c - descriptors, manifests, platform lists. */
#include "images/manifest.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "images/names.h"
#include "images/ref.h"

const char *wc_host_architecture(void)
{
    static const struct {
        const char *machine, *architecture;
    } rows[] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },   { "armv7l", "arm" },
                 { "i686", "386" },     { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" },
                 { "s390x", "s390x" } };
    struct utsname name;
    if (uname(&name) == 0)
        for (size_t i = 0; i < WC_COUNT(rows); i++)
            if (wc_streq(name.machine, rows[i].machine))
                return rows[i].architecture;
    return "amd64";
}

int wc_desc_read(struct wc_arena *arena, const struct wc_json *from, struct wc_desc *out,
                 struct wc_err *err)
{
    const char *digest = wc_json_str(wc_json_get(from, "digest"), NULL);
    const char *type = wc_json_str(wc_json_get(from, "mediaType"), "");
    int64_t size = wc_json_i64(wc_json_get(from, "size"), -1);
    if (digest == NULL || !wc_ref_is_digest(digest))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "malformed manifest: '%.80s' is not a SHA-256 digest",
                          digest == NULL ? "" : digest);
    if (size < 0)
        return wc_err_set(err, WC_ERR_SPEC, 0, "malformed manifest: %.19s… has no size", digest);
    *out = (struct wc_desc){ .digest = wc_arena_strdup(arena, digest),
                             .media_type = wc_arena_strdup(arena, type),
                             .size = size };
    return 0;
}

int wc_manifest_read(struct wc_arena *arena, const struct wc_json *from, struct wc_manifest *out,
                     struct wc_err *err)
{
    struct wc_manifest m = { 0 };
    const struct wc_json *layers = wc_json_get(from, "layers");
    if (wc_json_get(from, "config") == NULL || layers == NULL)
        return wc_err_set(err, WC_ERR_SPEC, 0, "malformed manifest: no config or no layers");
    int rc = wc_desc_read(arena, wc_json_get(from, "config"), &m.config, err);
    if (rc != 0)
        return rc;
    if (!wc_streq(m.config.media_type, WC_TYPE_CONFIG) &&
        !wc_streq(m.config.media_type, WC_TYPE_DOCKER_CONFIG))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "not a container image: its configuration is '%.80s'",
                          m.config.media_type);
    m.layers = WC_NEW_ARRAY(arena, struct wc_desc, wc_json_count(layers) + 1);
    for (const struct wc_json *l = wc_json_first(layers); l != NULL; l = wc_json_next(l)) {
        struct wc_desc *layer = &m.layers[m.n_layers++];
        rc = wc_desc_read(arena, l, layer, err);
        if (rc != 0)
            return rc;
        if (strstr(layer->media_type, "+encrypted") != NULL)
            return wc_err_set(err, WC_ERR_SPEC, 0, "the image has encrypted layers");
    }
    *out = m;
    return 0;
}

int wc_config_diff_ids(struct wc_arena *arena, const struct wc_json *config, struct wc_strv *out,
                       struct wc_err *err)
{
    struct wc_strv ids = { 0 };
    const struct wc_json *list = wc_json_get(wc_json_get(config, "rootfs"), "diff_ids");
    for (const struct wc_json *id = wc_json_first(list); id != NULL; id = wc_json_next(id)) {
        const char *text = wc_json_str(id, "");
        if (!wc_ref_is_digest(text))
            return wc_err_set(err, WC_ERR_SPEC, 0,
                              "malformed configuration: diff id '%.80s' is not a SHA-256 digest",
                              text);
        wc_strv_add(arena, &ids, wc_arena_strdup(arena, text));
    }
    *out = ids;
    return 0;
}
