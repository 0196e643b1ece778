/* store.c - the store at rest: opening it, reading its index, its blobs, its layers' sizes. */
#include "images/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "images/names.h"
#include "images/platform.h"
#include "images/ref.h"
#include "images/work.h"

enum { DIFF_TEXT_MAX = 128 };

static const char layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char index_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" WC_TYPE_INDEX "\",\"manifests\":[]}";

static int make_skeleton(const char *dir, struct wc_err *err)
{
    static const struct {
        const char *name, *text; /* NULL: a directory */
    } rows[] = {
        { "blobs/sha256", NULL },      { "layers", NULL },           { "diffs", NULL },
        { "oci-layout", layout_text }, { "index.json", index_text },
    };
    char path[4096];
    int rc = wc_fs_mkdirs(dir, 0700, err);
    for (size_t i = 0; rc == 0 && i < WC_COUNT(rows); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, rows[i].name);
        if (rows[i].text == NULL)
            rc = wc_fs_mkdirs(path, 0700, err);
        else if (!wc_fs_exists(path))
            rc = wc_fs_write_atomic(path, rows[i].text, strlen(rows[i].text), 0600, true, err);
    }
    return rc;
}

/* Makes what is missing. Under the lock, or two first users might overwrite each other's index. */
static int prepare(const char *dir, struct wc_err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/index.json", dir);
    if (wc_fs_exists(path))
        return 0;
    int rc = wc_fs_mkdirs(dir, 0700, err);
    if (rc != 0)
        return rc;
    snprintf(path, sizeof path, "%s/lock", dir);
    WC_CLEANUP_FD int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "lock %s", path);
    return make_skeleton(dir, err);
}

/* Removes the directory of who made an image and crashed, when nobody holds its lock. */
static void sweep_make(const struct wc_image_store *store)
{
    if (faccessat(store->fd, "make", F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    WC_CLEANUP_FD int lock =
        openat(store->fd, "make.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0)
        return;
    char path[4096];
    snprintf(path, sizeof path, "%s/make", store->dir);
    struct wc_err err = { 0 };
    if (wc_fs_remove_tree(path, &err) != 0)
        wc_log(WC_LOG_WARN, "images", "leftovers stay: %s", err.msg);
}

int wc_image_store_open(const char *dir, struct wc_image_store **out, struct wc_err *err)
{
    if (strlen(dir) > 3000)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "path too long: %.100s…", dir);
    int rc = prepare(dir, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "image store");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *absolute = fd < 0 ? NULL : realpath(dir, NULL);
    if (absolute == NULL) {
        rc = wc_err_set(err, wc_fs_code(errno), errno, "image store %s", dir);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    struct wc_image_store *store = wc_calloc(1, sizeof *store);
    store->dir = absolute;
    store->fd = fd;
    wc_work_sweep(&(struct wc_work_place){ store->fd, store->dir });
    sweep_make(store);
    *out = store;
    return 0;
}

void wc_image_store_close(struct wc_image_store *store)
{
    if (store == NULL)
        return;
    close(store->fd);
    wc_free(store->dir);
    wc_free(store);
}

static const char *dup_str(struct wc_arena *arena, const struct wc_json *from, const char *key)
{
    return wc_arena_strdup(arena, wc_json_str(wc_json_get(from, key), NULL));
}

/* What is written behind the name of a second platform is for others to read; we have it apart. */
static const char *without_platform(struct wc_arena *arena, const char *stored)
{
    return stored == NULL ? NULL : wc_arena_strndup(arena, stored, strcspn(stored, "+"));
}

static const char *read_platform(struct wc_arena *arena, const struct wc_json *from)
{
    const struct wc_platform p = {
        .os = wc_json_str(wc_json_get(from, "os"), NULL),
        .architecture = wc_json_str(wc_json_get(from, "architecture"), NULL),
        .variant = wc_json_str(wc_json_get(from, "variant"), NULL),
    };
    return p.os == NULL || p.architecture == NULL ? NULL : wc_platform_usual(arena, &p);
}

static int read_entry(struct wc_arena *arena, const struct wc_json *from,
                      struct wc_index_entry *out, struct wc_err *err)
{
    const struct wc_json *notes = wc_json_get(from, "annotations");
    const char *stored = dup_str(arena, notes, WC_NOTE_REF);
    *out = (struct wc_index_entry){
        .reference = without_platform(arena, stored),
        .stored = stored,
        .digest = dup_str(arena, from, "digest"),
        .size = wc_json_i64(wc_json_get(from, "size"), -1),
        .media_type = dup_str(arena, from, "mediaType"),
        .id = dup_str(arena, notes, WC_NOTE_ID),
        .platform = read_platform(arena, wc_json_get(from, "platform")),
        .list_digest = dup_str(arena, notes, WC_NOTE_LIST),
        .recipe = dup_str(arena, notes, WC_NOTE_RECIPE),
        .pulled = dup_str(arena, notes, WC_NOTE_PULLED),
    };
    if (out->digest == NULL || !wc_ref_is_digest(out->digest) || out->id == NULL ||
        !wc_ref_is_digest(out->id))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "broken image store: index.json has an entry "
                          "without digests");
    return 0;
}

int wc_store_read_index(const struct wc_image_store *store, struct wc_arena *arena,
                        struct wc_index *out, struct wc_err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/index.json", store->dir);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_fs_read(path, WC_STORE_JSON_MAX, &text, err);
    if (rc == 0)
        rc = wc_json_parse(text.data, text.len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "image store");
    struct wc_index index = { 0 };
    const struct wc_json *m = wc_json_first(wc_json_get(root, "manifests"));
    for (; m != NULL; m = wc_json_next(m)) {
        index.items = wc_arena_grow(arena, index.items, index.n, &index.cap, sizeof *index.items);
        rc = read_entry(arena, m, &index.items[index.n], err);
        if (rc != 0)
            return rc;
        index.n++;
    }
    *out = index;
    return 0;
}

int wc_store_read_blob(const struct wc_image_store *store, const char *digest, struct wc_buf *out,
                       struct wc_err *err)
{
    char path[4096], hex[WC_SHA256_HEX + 1];
    snprintf(path, sizeof path, "%s/blobs/sha256/%s", store->dir, digest + strlen("sha256:"));
    size_t start = out->len;
    int rc = wc_fs_read(path, WC_STORE_JSON_MAX, out, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "image store");
    wc_sha256_hex(out->data + start, out->len - start, hex);
    if (!wc_streq(hex, digest + strlen("sha256:")))
        return wc_err_set(err, WC_ERR_SPEC, 0,
                          "broken image store: %s has other content than its "
                          "name says",
                          path);
    return 0;
}

int64_t wc_store_layer_bytes(const struct wc_image_store *store, const char *diff_id)
{
    char path[64], text[DIFF_TEXT_MAX];
    const char *hex = diff_id + strlen("sha256:");
    snprintf(path, sizeof path, "diffs/%.*s", WC_LAYER_NAME, hex);
    WC_CLEANUP_FD int fd = openat(store->fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n < 73 || memcmp(text, diff_id, 71) != 0 || text[71] != ' ')
        return -1;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    int64_t bytes = -1;
    if (!wc_str_to_i64(text + 72, 0, INT64_MAX, &bytes))
        return -1;
    snprintf(path, sizeof path, "layers/%.*s", WC_LAYER_NAME, hex);
    return faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? bytes : -1;
}
