/* save.c - an archive that every tool reads: an OCI layout, and docker's manifest.json over the
 * same blobs. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "images/find.h"
#include "images/names.h"
#include "images/tree.h"
#include "wcompose/image_keep.h"

enum { BLOCK = 256 * 1024 };

struct one {
    struct wc_image_parts parts;
    struct wc_strv names; /* references, in normal form */
};

struct save {
    struct wc_image_store *store;
    const struct wc_image_save_options *options;
    struct wc_arena arena;
    struct one *images;
    size_t n, cap;
    struct wc_map written; /* blobs, by digest */
    struct archive *tar;
};

static int write_failed(const struct save *s, struct wc_err *err)
{
    int sys = archive_errno(s->tar);
    return wc_err_set(err, WC_ERR_IO, sys > 0 ? sys : 0, "write the archive");
}

static int put_head(const struct save *s, const char *name, mode_t type, int64_t size,
                    struct wc_err *err)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, type | (type == S_IFDIR ? 0755 : 0644));
    archive_entry_set_size(entry, size);
    archive_entry_set_mtime(entry, WC_TREE_TIME, 0); /* the same images, the same archive */
    int rc = archive_write_header(s->tar, entry) == ARCHIVE_OK ? 0 : write_failed(s, err);
    archive_entry_free(entry);
    return rc;
}

static int put_text(const struct save *s, const char *name, const struct wc_buf *text,
                    struct wc_err *err)
{
    int rc = put_head(s, name, S_IFREG, (int64_t)text->len, err);
    if (rc == 0 && archive_write_data(s->tar, text->data, text->len) != (la_ssize_t)text->len)
        rc = write_failed(s, err);
    return rc;
}

static int copy_blob(const struct save *s, int fd, int64_t size, struct wc_err *err)
{
    char *block = wc_alloc(BLOCK);
    int rc = 0;
    while (rc == 0 && size > 0) {
        ssize_t n = read(fd, block, size < BLOCK ? (size_t)size : BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            rc = wc_err_set(err, WC_ERR_IO, n < 0 ? errno : 0, "broken image store: a blob is cut");
        else if (archive_write_data(s->tar, block, (size_t)n) != (la_ssize_t)n)
            rc = write_failed(s, err);
        size -= n > 0 ? n : 0;
    }
    wc_free(block);
    return rc;
}

static int put_blob(struct save *s, const char *digest, struct wc_err *err)
{
    char path[128];
    struct stat st;
    if (wc_map_has(&s->written, digest))
        return 0;
    wc_map_put(&s->written, digest, NULL);
    snprintf(path, sizeof path, "blobs/sha256/%s", digest + strlen("sha256:"));
    WC_CLEANUP_FD int fd = openat(s->store->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0)
        return wc_err_set(err, WC_ERR_SPEC, errno, "broken image store: blob %.19s…", digest);
    int rc = put_head(s, path, S_IFREG, st.st_size, err);
    return rc == 0 ? copy_blob(s, fd, st.st_size, err) : rc;
}

static int put_blobs(struct save *s, struct wc_err *err)
{
    int rc = put_head(s, "blobs/", S_IFDIR, 0, err);
    if (rc == 0)
        rc = put_head(s, "blobs/sha256/", S_IFDIR, 0, err);
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        const struct wc_image_parts *parts = &s->images[i].parts;
        rc = put_blob(s, parts->entry->digest, err);
        if (rc == 0)
            rc = put_blob(s, parts->manifest.config.digest, err);
        for (size_t k = 0; rc == 0 && k < parts->manifest.n_layers; k++)
            rc = put_blob(s, parts->manifest.layers[k].digest, err);
    }
    return rc;
}

static void print_descriptor(struct wc_jsonw *w, const struct one *one, const char *name)
{
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "mediaType", one->parts.entry->media_type);
    wc_jsonw_str(w, "digest", one->parts.entry->digest);
    wc_jsonw_i64(w, "size", one->parts.entry->size);
    if (name != NULL) {
        wc_jsonw_object(w, "annotations");
        wc_jsonw_str(w, WC_NOTE_CONTAINERD_NAME, name);
        wc_jsonw_str(w, WC_NOTE_REF, name);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_object(w);
}

static int put_index(const struct save *s, struct wc_err *err)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, layout);
    int rc = put_text(s, "oci-layout", &text, err);
    wc_buf_reset(&text);
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "schemaVersion", 2);
    wc_jsonw_str(&w, "mediaType", WC_TYPE_INDEX);
    wc_jsonw_array(&w, "manifests");
    for (size_t i = 0; i < s->n; i++) {
        const struct one *one = &s->images[i];
        for (size_t k = 0; k < one->names.n; k++)
            print_descriptor(&w, one, one->names.items[k]);
        if (one->names.n == 0)
            print_descriptor(&w, one, NULL);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    return rc == 0 ? put_text(s, "index.json", &text, err) : rc;
}

static void print_path(struct wc_jsonw *w, const char *key, const char *digest)
{
    char path[128];
    snprintf(path, sizeof path, "blobs/sha256/%s", digest + strlen("sha256:"));
    wc_jsonw_str(w, key, path);
}

static int put_docker(const struct save *s, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&text);
    wc_jsonw_array(&w, NULL);
    for (size_t i = 0; i < s->n; i++) {
        const struct one *one = &s->images[i];
        wc_jsonw_object(&w, NULL);
        print_path(&w, "Config", one->parts.manifest.config.digest);
        wc_jsonw_array(&w, "RepoTags");
        for (size_t k = 0; k < one->names.n; k++)
            wc_jsonw_str(&w, NULL, wc_image_short_reference(one->names.items[k]));
        wc_jsonw_end_array(&w);
        wc_jsonw_array(&w, "Layers");
        for (size_t k = 0; k < one->parts.manifest.n_layers; k++)
            print_path(&w, NULL, one->parts.manifest.layers[k].digest);
        wc_jsonw_end_array(&w);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    return put_text(s, "manifest.json", &text, err);
}

/* Adds the image that a name leads to; two names of one image are one. */
static int add_image(struct save *s, const struct wc_index *index, const char *name,
                     struct wc_err *err)
{
    struct wc_found found = { 0 };
    int rc = wc_index_find_for(&s->arena, index, name, s->options->platform, &found, err);
    if (rc != 0)
        return rc;
    struct one *one = NULL;
    for (size_t i = 0; i < s->n; i++)
        if (wc_streq(s->images[i].parts.entry->digest, found.entry->digest))
            one = &s->images[i];
    if (one == NULL) {
        s->images = wc_arena_grow(&s->arena, s->images, s->n, &s->cap, sizeof *s->images);
        one = &s->images[s->n];
        *one = (struct one){ 0 };
        rc = wc_image_read(s->store, &s->arena, found.entry, &one->parts, err);
        if (rc != 0)
            return wc_err_wrap(err, rc, "image %s", name);
        s->n++;
    }
    if (!found.by_id && found.entry->reference != NULL &&
        wc_streq(found.reference, found.entry->reference) &&
        !wc_strv_has(&one->names, found.reference))
        wc_strv_add(&s->arena, &one->names, found.reference);
    return 0;
}

static int write_archive(struct save *s, struct wc_err *err)
{
    s->tar = archive_write_new();
    archive_write_set_format_pax_restricted(s->tar);
    archive_write_set_bytes_in_last_block(s->tar, 1);
    int rc = archive_write_open_fd(s->tar, s->options->fd) == ARCHIVE_OK ? 0 : write_failed(s, err);
    if (rc == 0)
        rc = put_blobs(s, err);
    if (rc == 0 && s->options->form != WC_IMAGE_FORM_DOCKER)
        rc = put_index(s, err);
    if (rc == 0 && s->options->form != WC_IMAGE_FORM_OCI)
        rc = put_docker(s, err);
    if (archive_write_close(s->tar) != ARCHIVE_OK && rc == 0)
        rc = write_failed(s, err);
    archive_write_free(s->tar);
    return rc;
}

int wc_image_save(struct wc_image_store *store, const struct wc_image_save_options *options,
                  struct wc_err *err)
{
    struct save s = { .store = store, .options = options };
    struct wc_index index;
    struct wc_image_txn txn; /* what we read stays while we read it */
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    wc_arena_init(&s.arena);
    wc_map_init(&s.written, &s.arena);
    rc = wc_store_read_index(store, &s.arena, &index, err);
    for (size_t i = 0; rc == 0 && i < options->n; i++)
        rc = add_image(&s, &index, options->names[i], err);
    if (rc == 0)
        rc = write_archive(&s, err);
    wc_arena_deinit(&s.arena);
    wc_txn_abort(&txn);
    return rc;
}
