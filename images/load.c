/* load.c - wc_image_load: every image of a source into the store, all of them or none. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "images/source.h"
#include "images/names.h"
#include "images/platform.h"
#include "images/ref.h"
#include "images/unpack.h"

/* More layers than any builder makes, and than the kernel takes for one root; names and images
 * enough for any archive. */
enum { LAYERS_MAX = 200, NAMES_MAX = 1000, PROGRESS_MS = 200 };

struct load {
    struct wc_source source;
    struct wc_image_txn *txn;
    const struct wc_image_load_options *options;
    struct wc_strv loaded;
    const char *renamed; /* digest of the image that got the name asked for, or NULL */
};

static void report(const struct wc_image_txn *txn, const char *what, uint64_t done, uint64_t total)
{
    if (txn->progress != NULL)
        txn->progress(txn->progress_data, what, done, total);
}

static int parse_blob(struct wc_image_txn *txn, const char *digest, struct wc_json **out,
                      struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc = wc_txn_read_blob(txn, digest, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, out, err);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "%.19s…", digest);
}

/* Begins a layer: from its file, from its blob, or not at all when it is there. */
static int begin_layer(struct load *l, struct wc_unpack_set *set, const struct wc_desc *layer,
                       const char *diff_id, int *fd, struct wc_err *err)
{
    const struct wc_unpack_want want = { layer->digest, layer->size, diff_id };
    int rc = wc_source_open_blob(&l->source, layer, fd, err);
    return rc != 0 ? rc : wc_unpack_file(set, &want, *fd, err);
}

static void watch(const struct load *l, struct wc_unpack_set *set, const struct wc_manifest *m)
{
    uint64_t total = 0, done = 0;
    char what[64];
    for (size_t i = 0; i < m->n_layers; i++)
        total += (uint64_t)m->layers[i].size;
    snprintf(what, sizeof what, "unpacking %zu %s", m->n_layers,
             m->n_layers == 1 ? "layer" : "layers");
    while (!wc_unpack_wait(set, PROGRESS_MS, &done))
        report(l->txn, what, done, total);
    report(l->txn, "unpacked", total, total);
}

/* Stages the layers' blobs and unpacks them, several at once. */
static int unpack_layers(struct load *l, const struct wc_manifest *m,
                         const struct wc_strv *diff_ids, struct wc_err *err)
{
    struct wc_unpack_set *set = wc_unpack_open(l->txn, NULL);
    int *fds = WC_NEW_ARRAY(&l->txn->arena, int, m->n_layers + 1);
    size_t n = 0;
    int rc = 0;
    while (rc == 0 && n < m->n_layers) {
        fds[n] = -1;
        rc = begin_layer(l, set, &m->layers[n], diff_ids->items[n], &fds[n], err);
        n++;
    }
    if (rc == 0)
        watch(l, set, m);
    if (rc == 0)
        rc = wc_unpack_close(set, err);
    else
        wc_unpack_abort(set);
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return rc;
}

static int take_layers(struct load *l, const struct wc_manifest *m, const struct wc_strv *diff_ids,
                       struct wc_err *err)
{
    if (diff_ids->n != m->n_layers)
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "malformed image: %zu layers, but %zu diff ids in its configuration",
                          m->n_layers, diff_ids->n);
    if (m->n_layers > LAYERS_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "the image has %zu layers, and may have %d",
                          m->n_layers, LAYERS_MAX);
    int rc = unpack_layers(l, m, diff_ids, err);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "%s", l->source.path);
}

static int normal_name(struct load *l, const char *text, const char **out, struct wc_err *err)
{
    struct wc_ref ref;
    *out = NULL;
    if (text == NULL)
        return 0;
    int rc = wc_ref_parse(&l->txn->arena, text, &ref, err);
    if (rc == 0)
        *out = ref.name;
    return rc;
}

/* A name that was asked for takes the place of all that the archive gives its image. */
static int rename_to(struct load *l, struct wc_index_entry *entry, bool *known, struct wc_err *err)
{
    *known = l->renamed != NULL;
    if (*known && !wc_streq(l->renamed, entry->digest))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "%s holds several images, and a name was given for one", l->source.path);
    l->renamed = entry->digest;
    return normal_name(l, l->options->name, &entry->reference, err);
}

static int tag(struct load *l, struct wc_index_entry *entry, struct wc_err *err)
{
    bool known = false;
    int rc = l->options->name != NULL ? rename_to(l, entry, &known, err) : 0;
    if (rc != 0 || known)
        return rc;
    if (l->loaded.n == NAMES_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "%s has more than %d images and names",
                          l->source.path, NAMES_MAX);
    wc_txn_tag(l->txn, entry);
    wc_strv_add(
        &l->txn->arena, &l->loaded,
        wc_arena_strdup(&l->txn->arena, entry->reference == NULL ? entry->id : entry->reference));
    return 0;
}

/* The image behind an OCI manifest, which is staged. */
static int take_manifest(struct load *l, const struct wc_desc *desc, const struct wc_json *from,
                         struct wc_index_entry *entry, struct wc_err *err)
{
    struct wc_arena *arena = &l->txn->arena;
    struct wc_manifest m;
    struct wc_strv diff_ids = { 0 };
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    int rc = wc_manifest_read(arena, from, &m, err);
    if (rc == 0)
        rc = wc_source_stage(&l->source, &m.config, err);
    if (rc == 0)
        rc = parse_blob(l->txn, m.config.digest, &config, err);
    if (rc == 0)
        rc = wc_config_diff_ids(arena, config, &diff_ids, err);
    if (rc == 0)
        rc = take_layers(l, &m, &diff_ids, err);
    if (rc != 0)
        return rc;
    const char *type = wc_json_str(wc_json_get(from, "mediaType"), WC_TYPE_MANIFEST);
    if (!wc_streq(type, WC_TYPE_MANIFEST) && !wc_streq(type, WC_TYPE_DOCKER_MANIFEST))
        return wc_err_set(err, WC_ERR_SPEC, 0, "not an image manifest: it calls itself '%.80s'",
                          type);
    entry->digest = desc->digest;
    entry->size = desc->size;
    entry->media_type = wc_arena_strdup(arena, type);
    entry->id = m.config.digest;
    return 0;
}

/* An OCI entry: a manifest, or a list of them for several platforms. */
static int take_oci(struct load *l, struct wc_desc desc, const char *reference, struct wc_err *err)
{
    struct wc_index_entry entry = { .reference = reference };
    struct wc_platform here;
    wc_platform_host(&here);
    for (int level = 0; level < 3; level++) {
        WC_CLEANUP_JSON struct wc_json *root = NULL;
        int rc = wc_source_stage(&l->source, &desc, err);
        if (rc == 0)
            rc = parse_blob(l->txn, desc.digest, &root, err);
        if (rc == 0 && wc_json_get(root, "manifests") == NULL) {
            rc = take_manifest(l, &desc, root, &entry, err);
            return rc == 0 ? tag(l, &entry, err) : rc;
        }
        if (rc == 0) {
            entry.list_digest = desc.digest;
            rc = wc_platform_pick(&l->txn->arena, root, &here, &desc, err);
        }
        if (rc != 0)
            return rc;
    }
    return wc_err_set(err, WC_ERR_LIMIT, 0, "image lists nested too deep");
}

/* "nginx" of "/tmp/nginx.tar.gz": names an image whose layout says only "latest". */
static const char *file_stem(struct wc_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    return wc_arena_strndup(arena, base, strcspn(base, "."));
}

/* The name an OCI layout gives: tools write whole references, bare names, or only the tag. */
static int oci_name(struct load *l, const struct wc_json *from, const char **out,
                    struct wc_err *err)
{
    const struct wc_json *notes = wc_json_get(from, "annotations");
    const char *whole = wc_json_str(wc_json_get(notes, WC_NOTE_CONTAINERD_NAME), NULL);
    const char *ref = wc_json_str(wc_json_get(notes, WC_NOTE_REF), NULL);
    if (whole != NULL)
        return normal_name(l, whole, out, err);
    if (ref == NULL)
        return normal_name(l, l->options->name, out, err);
    bool tag_alone =
        strpbrk(ref, ":/") == NULL && (wc_streq(ref, "latest") || wc_ascii_isdigit(ref[0]) ||
                                       (ref[0] == 'v' && wc_ascii_isdigit(ref[1])));
    if (!tag_alone)
        return normal_name(l, ref, out, err);
    if (l->options->name != NULL)
        return normal_name(l, l->options->name, out, err);
    const char *stem = file_stem(&l->txn->arena, l->source.path);
    return normal_name(l, wc_arena_printf(&l->txn->arena, "%s:%s", stem, ref), out, err);
}

static int load_oci(struct load *l, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_source_json(&l->source, "index.json", &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "%s", l->source.path);
    const struct wc_json *m = wc_json_first(wc_json_get(root, "manifests"));
    for (; rc == 0 && m != NULL; m = wc_json_next(m)) {
        struct wc_desc desc;
        const char *name = NULL;
        rc = wc_desc_read(&l->txn->arena, m, &desc, err);
        if (rc == 0)
            rc = oci_name(l, m, &name, err);
        if (rc == 0)
            rc = take_oci(l, desc, name, err);
    }
    return rc;
}

static const char *layer_type(struct wc_image_txn *txn, const struct wc_desc *layer,
                              const char *diff_id)
{
    unsigned char magic[4] = { 0 };
    struct wc_err none = { 0 };
    int fd = -1;
    if (wc_streq(layer->digest, diff_id) || wc_txn_open_blob(txn, layer->digest, &fd, &none) != 0)
        return WC_TYPE_LAYER;
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    close(fd);
    if (n == 4 && magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
        return WC_TYPE_LAYER "+zstd";
    return n == 4 && magic[0] == 0x1f && magic[1] == 0x8b ? WC_TYPE_LAYER "+gzip" : WC_TYPE_LAYER;
}

static void print_desc(struct wc_jsonw *w, const char *key, const struct wc_desc *desc)
{
    wc_jsonw_object(w, key);
    wc_jsonw_str(w, "mediaType", desc->media_type);
    wc_jsonw_str(w, "digest", desc->digest);
    wc_jsonw_i64(w, "size", desc->size);
    wc_jsonw_end_object(w);
}

int wc_manifest_stage(struct wc_image_txn *txn, const struct wc_manifest *m,
                      const struct wc_kvs *annotations, struct wc_index_entry *entry,
                      struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "schemaVersion", 2);
    wc_jsonw_str(&w, "mediaType", WC_TYPE_MANIFEST);
    print_desc(&w, "config", &m->config);
    wc_jsonw_array(&w, "layers");
    for (size_t i = 0; i < m->n_layers; i++)
        print_desc(&w, NULL, &m->layers[i]);
    wc_jsonw_end_array(&w);
    if (annotations != NULL && annotations->n > 0) {
        wc_jsonw_object(&w, "annotations");
        for (size_t i = 0; i < annotations->n; i++)
            wc_jsonw_str(&w, annotations->items[i].key, annotations->items[i].value);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_object(&w);
    entry->media_type = WC_TYPE_MANIFEST;
    entry->size = (int64_t)text.len;
    entry->id = m->config.digest;
    return wc_txn_stage_bytes(txn, text.data, text.len, &entry->digest, err);
}

/* One element of docker's manifest.json, turned into an OCI manifest. */
static int take_docker(struct load *l, const struct wc_json *from, struct wc_index_entry *entry,
                       struct wc_err *err)
{
    struct wc_arena *arena = &l->txn->arena;
    const char *config_name = wc_json_str(wc_json_get(from, "Config"), "");
    const struct wc_json *files = wc_json_get(from, "Layers");
    struct wc_manifest m = { .layers =
                                 WC_NEW_ARRAY(arena, struct wc_desc, wc_json_count(files) + 1) };
    struct wc_strv diff_ids = { 0 };
    WC_CLEANUP_JSON struct wc_json *config = NULL;
    int rc = wc_source_stage_member(&l->source, config_name, &m.config, err);
    m.config.media_type = WC_TYPE_CONFIG;
    const char *stem = file_stem(arena, config_name);
    if (rc == 0 && strlen(stem) == WC_SHA256_HEX && !wc_streq(stem, m.config.digest + 7))
        rc = wc_err_set(err, WC_ERR_SPEC, 0,
                        "%s is corrupt: %.12s….json has other content than "
                        "its name says",
                        l->source.path, stem);
    if (rc == 0)
        rc = parse_blob(l->txn, m.config.digest, &config, err);
    if (rc == 0)
        rc = wc_config_diff_ids(arena, config, &diff_ids, err);
    for (const struct wc_json *f = wc_json_first(files); rc == 0 && f != NULL; f = wc_json_next(f))
        rc = wc_source_stage_member(&l->source, wc_json_str(f, ""), &m.layers[m.n_layers++], err);
    for (size_t i = 0; rc == 0 && i < m.n_layers; i++)
        m.layers[i].media_type =
            layer_type(l->txn, &m.layers[i], i < diff_ids.n ? diff_ids.items[i] : "");
    if (rc == 0)
        rc = take_layers(l, &m, &diff_ids, err);
    return rc == 0 ? wc_manifest_stage(l->txn, &m, NULL, entry, err) : rc;
}

static int load_docker(struct load *l, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_source_json(&l->source, "manifest.json", &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "%s", l->source.path);
    for (const struct wc_json *i = wc_json_first(root); rc == 0 && i != NULL; i = wc_json_next(i)) {
        struct wc_index_entry entry = { 0 };
        rc = take_docker(l, i, &entry, err);
        const struct wc_json *t = wc_json_first(wc_json_get(i, "RepoTags"));
        if (rc == 0 && t == NULL) {
            rc = normal_name(l, l->options->name, &entry.reference, err);
            if (rc == 0)
                rc = tag(l, &entry, err);
        }
        for (; rc == 0 && t != NULL; t = wc_json_next(t)) {
            rc = normal_name(l, wc_json_str(t, ""), &entry.reference, err);
            if (rc == 0)
                rc = tag(l, &entry, err);
        }
    }
    return rc;
}

int wc_image_load(struct wc_image_store *store, const struct wc_image_load_options *options,
                  struct wc_arena *arena, struct wc_strv *loaded, struct wc_err *err)
{
    struct wc_image_txn txn;
    int rc = wc_txn_begin(store, options->progress, options->progress_data, &txn, err);
    if (rc != 0)
        return rc;
    struct load l = { .txn = &txn, .options = options };
    report(&txn, "reading", 0, 0);
    rc = wc_source_open(&txn, options->source, &l.source, err);
    if (rc == 0) {
        rc = l.source.kind == WC_SOURCE_OCI ? load_oci(&l, err) : load_docker(&l, err);
        if (rc == 0 && l.loaded.n == 0)
            rc = wc_err_set(err, WC_ERR_SPEC, 0, "%s holds no image", l.source.path);
        wc_source_close(&l.source);
    }
    if (rc != 0) {
        wc_txn_abort(&txn);
        return rc;
    }
    struct wc_strv names = *loaded;
    for (size_t i = 0; i < l.loaded.n; i++)
        wc_strv_add(arena, &names, wc_arena_strdup(arena, l.loaded.items[i]));
    rc = wc_txn_commit(&txn, err);
    if (rc == 0)
        *loaded = names;
    return rc;
}
