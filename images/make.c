/* make.c - wc_image_make: packages -> files -> one layer -> an image in the store. The download and
 * the choosing go on outside the store's lock, under one of their own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "images/fill.h"
#include "images/manifest.h"
#include "images/names.h"
#include "images/ref.h"
#include "images/unpack.h"

struct make {
    struct wc_image_store *store;
    const struct wc_image_make_options *options;
    struct wc_arena *arena;
    struct wc_recipe recipe;
    struct wc_packages packages;
    const char *reference, *fingerprint, *work, *root;
    int root_fd;
};

static void report(const struct make *m, const char *what, uint64_t done, uint64_t total)
{
    if (m->options->progress != NULL)
        m->options->progress(m->options->progress_data, what, done, total);
}

static void gather(const struct make *m, enum wc_recipe_word word, struct wc_strv *out)
{
    for (size_t i = 0; i < m->recipe.n; i++)
        for (size_t k = 0; m->recipe.items[i].word == word && k < m->recipe.items[i].args.n; k++)
            wc_strv_add(m->arena, out, m->recipe.items[i].args.items[k]);
}

static int name_it(struct make *m, struct wc_err *err)
{
    struct wc_strv tags = { 0 };
    struct wc_ref ref;
    gather(m, WC_RECIPE_TAG, &tags);
    const char *name = m->options->name != NULL ? m->options->name
                       : tags.n > 0             ? tags.items[tags.n - 1]
                                                : m->recipe.name;
    int rc = wc_ref_parse(m->arena, name, &ref, err);
    if (rc != 0)
        return rc;
    m->reference = ref.name;
    char hex[WC_SHA256_HEX + 1];
    const char *text =
        wc_arena_printf(m->arena, "recipe 1 %s %s", wc_host_architecture(), m->recipe.fingerprint);
    wc_sha256_hex(text, strlen(text), hex);
    m->fingerprint = wc_arena_strdup(m->arena, hex);
    return 0;
}

/* An image made by the same recipe, the one of our name before others; NULL: none. */
static const struct wc_index_entry *same_recipe(const struct make *m, const struct wc_index *index)
{
    const struct wc_index_entry *same = NULL;
    for (size_t i = 0; i < index->n; i++) {
        if (!wc_streq0(index->items[i].recipe, m->fingerprint))
            continue;
        same = &index->items[i];
        if (wc_streq0(same->reference, m->reference))
            break;
    }
    return same;
}

/* Looks for an image made by the same recipe; when it only has another name, adds ours. */
static int find_made(struct make *m, bool *found, struct wc_err *err)
{
    struct wc_index index;
    *found = false;
    int rc = wc_store_read_index(m->store, m->arena, &index, err);
    const struct wc_index_entry *same = rc == 0 ? same_recipe(m, &index) : NULL;
    if (same == NULL)
        return rc;
    *found = wc_streq0(same->reference, m->reference);
    if (*found)
        return 0;
    struct wc_image_txn txn;
    rc = wc_txn_begin(m->store, NULL, NULL, &txn, err);
    if (rc != 0)
        return rc;
    rc = wc_txn_lock(&txn, err);
    same = rc == 0 ? same_recipe(m, &txn.index) : NULL; /* again: it may have been removed */
    if (same == NULL) {
        wc_txn_abort(&txn);
        return rc;
    }
    struct wc_index_entry entry = *same;
    entry.reference = m->reference;
    wc_txn_tag(&txn, &entry);
    *found = true;
    return wc_txn_commit(&txn, err);
}

/* An empty root with Debian's links from /bin to /usr/bin and so on. */
static int make_root(struct make *m, struct wc_err *err)
{
    static const char *const merged[] = { "bin", "sbin", "lib", "lib64" };
    int rc = wc_fs_mkdirs(m->root, 0755, err);
    if (rc != 0)
        return rc;
    m->root_fd = open(m->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = m->root_fd >= 0 && mkdirat(m->root_fd, "usr", 0755) == 0;
    char path[32];
    for (size_t i = 0; good && i < WC_COUNT(merged); i++) {
        snprintf(path, sizeof path, "usr/%s", merged[i]);
        good = mkdirat(m->root_fd, path, 0755) == 0 && symlinkat(path, m->root_fd, merged[i]) == 0;
    }
    return good ? 0 : wc_err_set(err, wc_fs_code(errno), errno, "make %s", m->root);
}

static int fetch(struct make *m, struct wc_apt *apt, struct wc_err *err)
{
    static const char *const usual[] = { "lib*", "gcc-*-base", "zlib1g" };
    static const char *const never[] = { "lib*-perl", "libc-l10n" };
    struct wc_strv wanted = { 0 }, depends = { 0 }, without = { 0 };
    gather(m, WC_RECIPE_PACKAGES, &wanted);
    gather(m, WC_RECIPE_DEPENDS, &depends);
    gather(m, WC_RECIPE_WITHOUT, &without);
    for (size_t i = 0; i < WC_COUNT(usual); i++)
        wc_strv_add(m->arena, &depends, usual[i]);
    for (size_t i = 0; i < WC_COUNT(never); i++)
        wc_strv_add(m->arena, &without, never[i]);
    if (wanted.n == 0)
        return 0;
    report(m, "resolving packages", 0, 0);
    int rc = wc_apt_resolve(apt, &wanted, &depends, &without, &m->packages, err);
    if (rc != 0)
        return rc;
    report(m, wc_arena_printf(m->arena, "downloading %zu packages", m->packages.n), 0, 0);
    return wc_apt_fetch(apt, &m->packages, err);
}

static int check_names(const struct make *m, struct wc_err *err)
{
    for (size_t i = 0; i < m->recipe.n; i++) {
        const struct wc_recipe_item *item = &m->recipe.items[i];
        for (size_t k = 0; item->word == WC_RECIPE_PACKAGES && k < item->args.n; k++)
            if (!wc_apt_is_package(item->args.items[k]))
                return wc_err_at(
                    err, WC_ERR_SPEC, item->at,
                    "'%.80s' is not the name of a package: lower-case letters, digits, "
                    "'+', '-' and '.', a letter or digit first",
                    item->args.items[k]);
    }
    return 0;
}

static int get_packages(struct make *m, struct wc_err *err)
{
    struct wc_apt apt = { .arena = m->arena, .work = m->work };
    bool had_lists = wc_apt_has_lists();
    struct wc_err first = { 0 };
    int rc = had_lists ? fetch(m, &apt, &first) : WC_ERR_UNAVAILABLE;
    /* no lists, or so old that the mirror has dropped what they name: get fresh ones of our own */
    bool stale = had_lists && strstr(first.msg, "nable to locate") == NULL &&
                 strstr(first.msg, "no installation candidate") == NULL;
    if (rc == WC_ERR_UNAVAILABLE && (!had_lists || stale)) {
        report(m, "reading package lists", 0, 0);
        rc = wc_apt_update(&apt, &first);
        if (rc == 0)
            rc = fetch(m, &apt, &first);
    }
    if (rc != 0) {
        if (err != NULL)
            *err = first;
        return wc_err_wrap(err, rc, "packages for %s", m->recipe.name);
    }
    for (size_t i = 0; rc == 0 && i < m->packages.n; i++) {
        report(m, wc_arena_printf(m->arena, "unpacking %s", m->packages.items[i].name), i,
               m->packages.n);
        rc = wc_apt_unpack(&apt, &m->packages.items[i], m->root_fd, err);
    }
    return rc;
}

static struct wc_kvs annotations(struct make *m)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < m->packages.n; i++)
        wc_buf_printf(&text, "%s%s=%s", i == 0 ? "" : " ", m->packages.items[i].name,
                      m->packages.items[i].version);
    struct wc_kvs notes = { .items = WC_NEW_ARRAY(m->arena, struct wc_kv, 2), .n = 2 };
    notes.items[0] = (struct wc_kv){ "org.opencontainers.image.title", m->recipe.name };
    notes.items[1] = (struct wc_kv){ "wcompose.packages", wc_arena_strdup(m->arena, text.data) };
    return notes;
}

static int write_layer(struct wc_image_txn *txn, struct wc_tree *tree, struct wc_desc *layer,
                       struct wc_err *err)
{
    struct wc_sink sink;
    int rc = wc_sink_open(txn, &sink, err);
    if (rc != 0)
        return rc;
    rc = wc_tree_write(tree, &sink, err);
    int closed = wc_sink_close(&sink, rc == 0 ? err : NULL);
    if (rc != 0 || closed != 0)
        return rc != 0 ? rc : closed;
    wc_txn_stage(txn, &sink);
    *layer = (struct wc_desc){ .digest = wc_arena_printf(&txn->arena, "sha256:%s", sink.hex),
                               .media_type = WC_TYPE_LAYER,
                               .size = (int64_t)sink.size };
    const struct wc_unpack_want want = { layer->digest, layer->size, layer->digest };
    return wc_unpack_one(txn, &want, err); /* a plain tar is its own diff id */
}

static int stage_image(struct make *m, struct wc_tree *tree, struct wc_image_txn *txn,
                       struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf config = WC_BUF_INIT;
    struct wc_index_entry entry = { .reference = m->reference, .recipe = m->fingerprint };
    struct wc_desc layer = { 0 };
    struct wc_manifest manifest = { .layers = &layer, .n_layers = 1 };
    struct wc_kvs notes = annotations(m);
    int rc = write_layer(txn, tree, &layer, err);
    if (rc == 0)
        rc = wc_recipe_config(&txn->arena, &m->recipe, layer.digest, &config, err);
    if (rc == 0)
        rc = wc_txn_stage_bytes(txn, config.data, config.len, &manifest.config.digest, err);
    manifest.config.media_type = WC_TYPE_CONFIG;
    manifest.config.size = (int64_t)config.len;
    if (rc == 0)
        rc = wc_manifest_stage(txn, &manifest, &notes, &entry, err);
    if (rc == 0)
        wc_txn_tag(txn, &entry);
    return rc;
}

static int build(struct make *m, struct wc_err *err)
{
    struct wc_tree tree;
    struct wc_image_txn txn;
    int rc = make_root(m, err);
    if (rc == 0)
        rc = get_packages(m, err);
    if (rc != 0)
        return rc;
    report(m, "choosing files", 0, 0);
    wc_tree_init(&tree, m->arena, m->root_fd);
    rc = wc_recipe_fill(&m->recipe, &m->packages, m->root, &tree, err);
    if (rc != 0)
        return rc;
    report(m, "writing the layer", 0, 0);
    rc = wc_txn_begin(m->store, m->options->progress, m->options->progress_data, &txn, err);
    if (rc != 0)
        return rc;
    rc = stage_image(m, &tree, &txn, err);
    if (rc == 0)
        return wc_txn_commit(&txn, err);
    wc_txn_abort(&txn);
    return rc;
}

/* Under make.lock, in a work directory that is empty before and gone after. */
static int build_alone(struct make *m, bool *made, struct wc_err *err)
{
    WC_CLEANUP_FD int lock =
        openat(m->store->fd, "make.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "lock the image store");
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        report(m, "waiting for another image in the making", 0, 0);
        while (flock(lock, LOCK_EX) != 0)
            if (errno != EINTR)
                return wc_err_set(err, WC_ERR_IO, errno, "lock the image store");
    }
    bool found = false;
    int rc = m->options->force ? 0 : find_made(m, &found, err);
    if (rc != 0 || found)
        return rc;
    rc = wc_fs_remove_tree(m->work, err);
    if (rc == 0)
        rc = build(m, err);
    if (m->root_fd >= 0)
        close(m->root_fd);
    struct wc_err left = { 0 };
    int removed = wc_fs_remove_tree(m->work, rc == 0 ? err : &left);
    *made = rc == 0;
    return rc != 0 ? rc : removed;
}

int wc_image_make(struct wc_image_store *store, const struct wc_image_make_options *options,
                  struct wc_arena *arena, const char **reference, bool *made, struct wc_err *err)
{
    struct make m = { .store = store, .options = options, .arena = arena, .root_fd = -1 };
    bool found = false, built = false;
    m.work = wc_arena_printf(arena, "%s/make", store->dir);
    m.root = wc_arena_printf(arena, "%s/root", m.work);
    int rc = wc_recipe_read(arena, options->recipe, options->recipe_dirs, &m.recipe, err);
    if (rc == 0)
        rc = check_names(&m, err);
    if (rc == 0)
        rc = name_it(&m, err);
    if (rc == 0 && !options->force)
        rc = find_made(&m, &found, err);
    if (rc == 0 && !found)
        rc = build_alone(&m, &built, err);
    if (rc != 0)
        return rc;
    *reference = m.reference;
    *made = built;
    return 0;
}
