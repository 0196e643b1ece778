/* remove.c - untying names, and collecting what no name needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"
#include "images/remove.h"

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

struct needed {
    struct wc_map blobs;  /* hex */
    struct wc_map layers; /* 16 digits */
};

/* What was moved to tmp/, newest first. */
struct swept {
    struct swept *older;
    const char *from, *temp;
};

static void need(struct needed *n, struct wc_arena *arena, const char *digest)
{
    wc_map_put(&n->blobs, wc_arena_strdup(arena, digest + strlen("sha256:")), NULL);
}

static int mark(struct wc_image_txn *txn, struct needed *n, struct wc_err *err)
{
    struct wc_arena *arena = &txn->arena;
    for (size_t i = 0; i < txn->index.n; i++) {
        struct wc_image_parts parts;
        int rc = wc_image_read(txn->store, arena, &txn->index.items[i], &parts, err);
        if (rc != 0) /* not knowing what it needs, nothing may go */
            return wc_err_wrap(err, rc, "nothing was freed");
        need(n, arena, parts.entry->digest);
        need(n, arena, parts.manifest.config.digest);
        for (size_t k = 0; k < parts.manifest.n_layers; k++) {
            need(n, arena, parts.manifest.layers[k].digest);
            wc_map_put(&n->layers,
                       wc_arena_strndup(arena, parts.diff_ids.items[k] + 7, WC_LAYER_NAME), NULL);
        }
    }
    for (size_t i = 0; txn->keep != NULL && i < txn->keep->n; i++)
        wc_map_put(&n->layers, last_name(txn->keep->items[i]), NULL);
    return 0;
}

/* Bytes that go with an entry: of a blob its own, of a diff those of the layer it speaks of. */
static uint64_t size_of(const struct wc_image_txn *txn, const char *from)
{
    char text[128];
    struct stat st;
    int64_t bytes = 0;
    WC_CLEANUP_FD int fd = openat(txn->store->fd, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    if (!wc_str_starts(from, "diffs/"))
        return (uint64_t)st.st_size;
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    const char *number = strchr(text, ' ');
    return number != NULL && wc_str_to_i64(number + 1, 0, INT64_MAX, &bytes) ? (uint64_t)bytes : 0;
}

/* Moves every entry of `dir` that isn't in `keep` to tmp/. */
static int sweep_dir(struct wc_image_txn *txn, const char *dir, const struct wc_map *keep,
                     struct swept **swept, struct wc_err *err)
{
    const char *path = wc_arena_printf(&txn->arena, "%s/%s", txn->store->dir, dir);
    DIR *list = opendir(path);
    if (list == NULL)
        return wc_err_set(err, wc_fs_code(errno), errno, "open %s", path);
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(list)) != NULL) {
        if (entry->d_name[0] == '.' || wc_map_has(keep, entry->d_name))
            continue;
        const char *from = wc_arena_printf(&txn->arena, "%s/%s", dir, entry->d_name);
        const char *temp = wc_txn_temp(txn);
        txn->freed_bytes += size_of(txn, from);
        if (renameat(txn->store->fd, from, txn->store->fd, temp) != 0) {
            rc = wc_err_set(err, wc_fs_code(errno), errno, "remove %s", from);
            break;
        }
        struct swept *one = WC_NEW(&txn->arena, struct swept);
        *one = (struct swept){ .older = *swept, .from = from, .temp = temp };
        *swept = one;
    }
    closedir(list);
    return rc;
}

void wc_used_list(const struct wc_image_uses *uses, struct wc_used *out)
{
    *out = (struct wc_used){ 0 };
    if (uses != NULL)
        uses->list(uses->data, &out->layers, &out->references);
}

static bool has_layer(const struct wc_strv *in_use, const char *name)
{
    for (size_t i = 0; i < in_use->n; i++)
        if (strncmp(last_name(in_use->items[i]), name, WC_LAYER_NAME) == 0)
            return true;
    return false;
}

size_t wc_used_layers(const struct wc_used *used, const struct wc_strv *diff_ids)
{
    size_t n = 0;
    for (size_t i = 0; i < diff_ids->n; i++)
        n += has_layer(&used->layers, diff_ids->items[i] + strlen("sha256:"));
    return n;
}

bool wc_used_is_meant(struct wc_image_txn *txn, const struct wc_index *index, const char *digest,
                      const struct wc_used *used)
{
    for (size_t k = 0; k < index->n; k++) {
        const struct wc_index_entry *e = &index->items[k];
        if (!wc_streq(e->digest, digest))
            continue;
        for (size_t i = 0; i < used->references.n; i++)
            if (wc_index_is_meant(&txn->arena, used->references.items[i], e))
                return true;
    }
    return false;
}

static size_t names_of(const struct wc_index *index, const char *digest)
{
    size_t n = 0;
    for (size_t i = 0; i < index->n; i++)
        n += wc_streq(index->items[i].digest, digest);
    return n;
}

/* Who had found the image before its name went may have begun to run from it, and then is listed by
 * now; who begins from now on finds nothing, and fails cleanly. */
static bool came_into_use(struct wc_image_txn *txn, const struct swept *swept)
{
    struct wc_used used;
    wc_used_list(txn->uses, &used);
    for (const struct swept *s = swept; s != NULL; s = s->older)
        if (wc_str_starts(s->from, "layers/") && has_layer(&used.layers, last_name(s->from)))
            return true;
    for (size_t i = 0; i < txn->before.n; i++) {
        const char *digest = txn->before.items[i].digest;
        if (names_of(&txn->index, digest) == 0 &&
            wc_used_is_meant(txn, &txn->before, digest, &used))
            return true;
    }
    return false;
}

static int put_back(struct wc_image_txn *txn, const struct swept *swept, struct wc_err *err)
{
    for (const struct swept *s = swept; s != NULL; s = s->older)
        if (renameat(txn->store->fd, s->temp, txn->store->fd, s->from) != 0)
            return wc_err_set(err, wc_fs_code(errno), errno, "put %s back", s->from);
    txn->index = txn->before;
    int rc = wc_txn_put_index(txn, err);
    return rc != 0 ? rc
                   : wc_err_set(err, WC_ERR_CONFLICT, 0,
                                "the image came into use while it was being removed; it stays");
}

int wc_store_collect(struct wc_image_txn *txn, struct wc_err *err)
{
    struct needed n;
    struct swept *swept = NULL;
    wc_map_init(&n.blobs, &txn->arena);
    wc_map_init(&n.layers, &txn->arena);
    int rc = mark(txn, &n, err);
    if (rc == 0)
        rc = sweep_dir(txn, "diffs", &n.layers, &swept,
                       err); /* first: a layer without it doesn't count */
    if (rc == 0)
        rc = sweep_dir(txn, "layers", &n.layers, &swept, err);
    if (rc == 0)
        rc = sweep_dir(txn, "blobs/sha256", &n.blobs, &swept, err);
    if (rc == 0 && txn->uses != NULL && came_into_use(txn, swept))
        rc = put_back(txn, swept, err);
    return rc;
}

/* True when somebody runs from a layer of the image, or will want it. */
static bool is_used(struct wc_image_txn *txn, const struct wc_index_entry *entry,
                    const struct wc_used *used)
{
    struct wc_image_parts parts;
    struct wc_err broken = { 0 };
    if (wc_used_is_meant(txn, &txn->index, entry->digest, used))
        return true;
    return used->layers.n > 0 &&
           wc_image_read(txn->store, &txn->arena, entry, &parts, &broken) == 0 &&
           wc_used_layers(used, &parts.diff_ids) > 0;
}

/* Whether the entry goes with what was found: with an id all names of the image, with a name all of
 * its platforms. */
static bool goes(const struct wc_index_entry *e, const struct wc_found *found)
{
    bool same_image = wc_streq(e->digest, found->entry->digest);
    bool same_name = wc_streq0(e->reference, found->entry->reference);
    if (found->by_name)
        return same_name;
    return same_image && (found->by_id || same_name);
}

/* True when nothing but what goes leads to the image of an entry, and somebody uses it. */
static bool is_last_and_used(struct wc_image_txn *txn, const struct wc_found *found,
                             const struct wc_index_entry *e, const struct wc_used *used)
{
    return (found->by_id || names_of(&txn->index, e->digest) == 1) && is_used(txn, e, used);
}

/* Takes out of the index what goes. An image in use loses only its name. */
static void untie(struct wc_image_txn *txn, const struct wc_found *what, const struct wc_used *used)
{
    struct wc_index *index = &txn->index;
    struct wc_found found = *what;
    const struct wc_index_entry first = *what->entry;
    struct wc_index_entry *nameless =
        WC_NEW_ARRAY(&txn->arena, struct wc_index_entry, index->n + 1);
    size_t kept = 0, n_nameless = 0;
    bool *gone = WC_NEW_ARRAY(&txn->arena, bool, index->n + 1);
    found.entry = &first; /* what it points to is moved below */
    for (size_t i = 0; i < index->n; i++) {
        const struct wc_index_entry *e = &index->items[i];
        gone[i] = goes(e, &found);
        if (gone[i] && is_last_and_used(txn, &found, e, used))
            nameless[n_nameless++] = *e;
    }
    for (size_t i = 0; i < index->n; i++)
        if (!gone[i])
            index->items[kept++] = index->items[i];
    index->n = kept;
    for (size_t i = 0; i < n_nameless; i++) {
        nameless[i].reference = NULL;
        wc_txn_tag(txn, &nameless[i]);
    }
}

struct wc_index wc_index_copy(struct wc_image_txn *txn)
{
    struct wc_index copy = txn->index;
    copy.cap = copy.n;
    copy.items = WC_NEW_ARRAY(&txn->arena, struct wc_index_entry, copy.n + 1);
    if (copy.n > 0)
        memcpy(copy.items, txn->index.items, copy.n * sizeof *copy.items);
    return copy;
}

int wc_image_remove(struct wc_image_store *store, const char *reference,
                    const struct wc_image_uses *uses, bool force, struct wc_err *err)
{
    struct wc_image_txn txn;
    struct wc_found found;
    struct wc_used in_use = { 0 };
    struct wc_platform host;
    wc_platform_host(&host);
    int rc = wc_txn_begin(store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    rc = wc_txn_lock(&txn, err);
    if (rc == 0)
        wc_used_list(uses, &in_use);
    if (rc == 0)
        rc = wc_index_find(&txn.arena, &txn.index, reference, &host, &found, err);
    for (size_t i = 0; rc == 0 && !force && i < txn.index.n; i++) {
        const struct wc_index_entry *e = &txn.index.items[i];
        if (goes(e, &found) && is_last_and_used(&txn, &found, e, &in_use))
            rc = wc_err_set(err, WC_ERR_CONFLICT, 0,
                            "image %s is used by a container; --force only unties the name",
                            wc_image_short_reference(found.reference));
    }
    if (rc != 0) {
        wc_txn_abort(&txn);
        return rc;
    }
    txn.before = wc_index_copy(&txn);
    untie(&txn, &found, &in_use);
    txn.collect = true;
    txn.keep = &in_use.layers;
    txn.uses = uses;
    return wc_txn_commit(&txn, err);
}
