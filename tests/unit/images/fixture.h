/* fixture.h - a small image made on the spot, and the forms in which tools hand it over. Used by
 * the tests of images only. */
#ifndef TESTS_UNIT_IMAGES_FIXTURE_H
#define TESTS_UNIT_IMAGES_FIXTURE_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "images/manifest.h"
#include "tarball.h"
#include "wcompose/image.h"

enum { FX_LAYERS = 3 };

struct fx_blob {
    struct wc_buf text;
    char hex[WC_SHA256_HEX + 1];
};
struct fx {
    struct fx_blob layers[FX_LAYERS], config, manifest;
    size_t n_layers;
};

static inline void fx_hash(struct fx_blob *blob)
{
    wc_sha256_hex(blob->text.data, blob->text.len, blob->hex);
}

/* Layer i holds "layer<i>" and, where `content` isn't empty, "content" with it. */
static inline void fx_make(struct fx *fx, size_t n_layers, const char *content)
{
    memset(fx, 0, sizeof *fx);
    fx->n_layers = n_layers;
    fx->config.text = fx->manifest.text = (struct wc_buf)WC_BUF_INIT;
    struct wc_buf *c = &fx->config.text, *m = &fx->manifest.text;
    wc_buf_printf(
        c,
        "{\"os\":\"linux\",\"architecture\":\"%s\",\"created\":\"2024-05-06T07:08:09Z\","
        "\"config\":{\"Env\":[\"A=1\",\"PATH=/bin\"],\"Entrypoint\":[\"/ep\",\"x\"],"
        "\"Cmd\":[\"c\"],\"User\":\"u:g\",\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\","
        "\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{}},"
        "\"Labels\":{\"k\":\"v\"},\"Healthcheck\":{\"Test\":[\"CMD\",\"ok\"],"
        "\"Interval\":1500000000,\"Retries\":4}},"
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
        wc_host_architecture());
    for (size_t i = 0; i < n_layers; i++) {
        struct fx_blob *l = &fx->layers[i];
        char name[32];
        l->text = (struct wc_buf)WC_BUF_INIT;
        snprintf(name, sizeof name, "layer%zu", i);
        tar_file(&l->text, name, name);
        if (*content != '\0' && i + 1 == n_layers)
            tar_file(&l->text, "content", content);
        tar_end(&l->text);
        fx_hash(l);
        wc_buf_printf(c, "%s\"sha256:%s\"", i == 0 ? "" : ",", l->hex);
    }
    wc_buf_adds(c, "]}}");
    fx_hash(&fx->config);
    wc_buf_printf(
        m,
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
        "vnd.oci.image.config.v1+json\",\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":[",
        fx->config.hex, c->len);
    for (size_t i = 0; i < n_layers; i++)
        wc_buf_printf(m,
                      "%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":"
                      "\"sha256:%s\",\"size\":%zu}",
                      i == 0 ? "" : ",", fx->layers[i].hex, fx->layers[i].text.len);
    wc_buf_adds(m, "]}");
    fx_hash(&fx->manifest);
}

static inline void fx_free(struct fx *fx)
{
    for (size_t i = 0; i < fx->n_layers; i++)
        wc_buf_deinit(&fx->layers[i].text);
    wc_buf_deinit(&fx->config.text);
    wc_buf_deinit(&fx->manifest.text);
}

/* Files of a layout, by name; written to a directory or into a tar. */
typedef void fx_put_fn(void *data, const char *name, const struct wc_buf *text);

static inline void fx_put_tar(void *data, const char *name, const struct wc_buf *text)
{
    tar_add(data,
            (struct tar_entry){
                .name = name, .type = '0', .mode = 0644, .data = text->data, .len = text->len });
}

static inline void fx_put_dir(void *data, const char *name, const struct wc_buf *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", (const char *)data, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(wc_fs_mkdirs(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(wc_fs_write_atomic(path, text->data, text->len, 0644, false, NULL), 0);
}

static inline void fx_put_blob(fx_put_fn *put, void *data, const struct fx_blob *blob)
{
    char name[128];
    snprintf(name, sizeof name, "blobs/sha256/%s", blob->hex);
    put(data, name, &blob->text);
}

/* Writes an OCI layout; `notes` is the JSON of the manifest's annotations. */
static inline void fx_put_oci(const struct fx *fx, const char *notes, fx_put_fn *put, void *data)
{
    struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < fx->n_layers; i++)
        fx_put_blob(put, data, &fx->layers[i]);
    fx_put_blob(put, data, &fx->config);
    fx_put_blob(put, data, &fx->manifest);
    wc_buf_adds(&text, "{\"imageLayoutVersion\":\"1.0.0\"}");
    put(data, "oci-layout", &text);
    wc_buf_reset(&text);
    wc_buf_printf(&text,
                  "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/"
                  "vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:%s\",\"size\":%zu,"
                  "\"annotations\":%s}]}",
                  fx->manifest.hex, fx->manifest.text.len, notes);
    put(data, "index.json", &text);
    wc_buf_deinit(&text);
}

/* Writes what docker save writes: layers as <id>/layer.tar, the last one a link when `linked`. */
static inline void fx_put_docker(const struct fx *fx, const char *tags, bool linked,
                                 struct wc_buf *tar)
{
    struct wc_buf text = WC_BUF_INIT;
    char name[128];
    wc_buf_printf(&text, "[{\"Config\":\"%s.json\",\"RepoTags\":%s,\"Layers\":[", fx->config.hex,
                  tags);
    for (size_t i = 0; i < fx->n_layers; i++) {
        snprintf(name, sizeof name, "id%zu/layer.tar", i);
        wc_buf_printf(&text, "%s\"%s\"", i == 0 ? "" : ",", name);
        if (linked && i + 1 == fx->n_layers) {
            fx_put_tar(tar, "elsewhere/layer.tar", &fx->layers[i].text);
            tar_link(tar, '2', name, "../elsewhere/layer.tar");
        } else {
            fx_put_tar(tar, name, &fx->layers[i].text);
        }
    }
    wc_buf_adds(&text, "]}]");
    snprintf(name, sizeof name, "%s.json", fx->config.hex);
    fx_put_tar(tar, name, &fx->config.text);
    fx_put_tar(tar, "manifest.json", &text); /* last, as tools do */
    tar_end(tar);
    wc_buf_deinit(&text);
}

/* A store in a directory of its own, and a place for archives. */
struct shop {
    char dir[64], store_dir[80], archive[80], layout[80];
    struct wc_image_store *store;
    struct wc_arena arena;
    struct wc_strv loaded;
    struct wc_err err;
};

static inline void shop_open_in(struct shop *s, const char *dir)
{
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    snprintf(s->store_dir, sizeof s->store_dir, "%s/store", s->dir);
    snprintf(s->archive, sizeof s->archive, "%s/a.tar", s->dir);
    snprintf(s->layout, sizeof s->layout, "%s/layout", s->dir);
    wc_arena_init(&s->arena);
    assert_int_equal(wc_image_store_open(s->store_dir, &s->store, &s->err), 0);
}

static inline void shop_open(struct shop *s)
{
    char dir[64] = "/tmp/wc-store-XXXXXX";
    assert_non_null(mkdtemp(dir));
    shop_open_in(s, dir);
}

static inline void shop_close(struct shop *s)
{
    wc_image_store_close(s->store);
    wc_arena_deinit(&s->arena);
    assert_int_equal(wc_fs_remove_tree(s->dir, NULL), 0);
}

static inline int shop_load(struct shop *s, const char *source, const char *name)
{
    struct wc_image_load_options options = { .source = source, .name = name };
    s->loaded = (struct wc_strv){ 0 };
    return wc_image_load(s->store, &options, &s->arena, &s->loaded, &s->err);
}

static inline int shop_load_tar(struct shop *s, struct wc_buf *tar, const char *name)
{
    assert_int_equal(wc_fs_write_atomic(s->archive, tar->data, tar->len, 0644, false, NULL), 0);
    return shop_load(s, s->archive, name);
}

/* Loads an image under a tag, as docker-archive. */
static inline void shop_put(struct shop *s, const struct fx *fx, const char *tags)
{
    struct wc_buf tar = WC_BUF_INIT;
    fx_put_docker(fx, tags, false, &tar);
    if (shop_load_tar(s, &tar, NULL) != 0)
        fail_msg("%s", s->err.msg);
    wc_buf_deinit(&tar);
}

/* Number of entries of a directory of the store; 0 when it isn't there. */
static inline size_t shop_count(const struct shop *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->store_dir, name);
    DIR *dir = opendir(path);
    size_t n = 0;
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        n += entry->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return n;
}

/* Asserts how many blobs and layers there are, and that no work in progress is left. */
static inline void shop_holds(const struct shop *s, size_t blobs, size_t layers)
{
    assert_int_equal(shop_count(s, "blobs/sha256"), blobs);
    assert_int_equal(shop_count(s, "layers"), layers);
    assert_int_equal(shop_count(s, "diffs"), layers);
    char path[256];
    snprintf(path, sizeof path, "%s/tmp", s->store_dir);
    assert_false(wc_fs_exists(path));
}

#endif
