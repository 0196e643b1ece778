/* build.c - a Dockerfile becomes an image of the store.
 *
 *   <store>/builder/store          a link to the store
 *   <store>/builder/storage, run   the builder's own layers: its cache
 *   <store>/builder/keys/<hex>     of a name and platform: the key of its last build, and the id
 * that came of it <store>/builder/XXXXXX/        of a build under way
 *
 * A base image that our store has is handed to the builder from it, so that a build needs no
 * registry for what is here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/run.h"
#include "base/str.h"
#include "images/build_key.h"
#include "images/builder.h"
#include "images/dockerfile.h"
#include "images/ref.h"
#include "images/store.h"
#include "wcompose/image_keep.h"
#include "wcompose/pull.h"

/* buildah reads such a name as that of an image, too, so the store's path may not stand in it: it
 * is named from builder/, where it runs. */
#define STORE_LINK "store"

enum { DOCKERFILE_MAX = 1 << 20, KEY_MAX = 256 };

struct building {
    struct wc_image_store *store;
    const struct wc_image_build_options *options;
    struct wc_arena *arena;
    struct wc_build build; /* with the contexts that are ours replaced */
    struct wc_builder_job job;
    const char *dir, *work; /* builder/, and this build's own below it */
    const char *key_file;
    char key[WC_SHA256_HEX + 1]; /* "" when it can't be told: it is always built */
};

/* git and http addresses are the builder's to fetch. */
static bool is_local(const char *context)
{
    return context[0] == '/';
}

static int read_dockerfile(struct building *b, struct wc_buf *text, struct wc_err *err)
{
    const struct wc_build *build = &b->build;
    const char *name = build->dockerfile != NULL ? build->dockerfile : "Dockerfile";
    if (build->dockerfile_inline != NULL) {
        wc_buf_adds(text, build->dockerfile_inline);
        return 0;
    }
    if (!is_local(build->context))
        return 0;
    const char *path =
        name[0] == '/' ? name : wc_arena_printf(b->arena, "%s/%s", build->context, name);
    b->job.file = path;
    return wc_fs_read(path, DOCKERFILE_MAX, text, err);
}

static void add_base(struct building *b, const char *name, const struct wc_image_info *info,
                     struct wc_buf *key)
{
    struct wc_kvs *bases = &b->job.bases;
    struct wc_kv *items = WC_NEW_ARRAY(b->arena, struct wc_kv, bases->n + 1);
    if (bases->n > 0)
        memcpy(items, bases->items, bases->n * sizeof *items);
    items[bases->n] = (struct wc_kv){
        .key = name,
        .value = wc_arena_printf(b->arena, "oci:" STORE_LINK ":%s", info->stored),
    };
    bases->items = items;
    bases->n++;
    wc_buf_printf(key, "base %s %s\n", name, info->digest);
}

/* An image of our store, for the platform that is built for. */
static bool find_here(const struct building *b, const char *name, struct wc_image_info *info)
{
    struct wc_err unsaid = { 0 };
    return wc_image_resolve_for(b->store, name, b->job.platform, b->arena, info, &unsaid) == 0 &&
           info->stored != NULL &&
           (b->job.platform == NULL || wc_image_is_for(b->job.platform, info));
}

/* What FROM and COPY --from name, and contexts "docker-image://NAME". */
static void find_bases(struct building *b, const char *dockerfile, struct wc_buf *key)
{
    static const char scheme[] = "docker-image://";
    struct wc_strv images = { 0 };
    struct wc_image_info info;
    struct wc_kvs *contexts = &b->build.contexts;
    size_t kept = 0;
    wc_dockerfile_images(dockerfile, &b->build.args, b->arena, &images);
    for (size_t i = 0; i < images.n; i++)
        if (find_here(b, images.items[i], &info))
            add_base(b, images.items[i], &info, key);
    struct wc_kv *rest = WC_NEW_ARRAY(b->arena, struct wc_kv, contexts->n + 1);
    for (size_t i = 0; i < contexts->n; i++) {
        const struct wc_kv *c = &contexts->items[i];
        if (c->value != NULL && wc_str_starts(c->value, scheme) &&
            find_here(b, c->value + strlen(scheme), &info))
            add_base(b, c->key, &info, key);
        else
            rest[kept++] = *c;
    }
    contexts->items = rest;
    contexts->n = kept;
}

static int add_trees(struct building *b, struct wc_buf *key, bool *known, struct wc_err *err)
{
    int rc = 0;
    if (is_local(b->build.context))
        rc = wc_build_key_tree(b->build.context, b->build.dockerfile, b->arena, key, err);
    else
        *known = false;
    for (size_t i = 0; rc == 0 && i < b->build.contexts.n; i++) {
        const char *value = b->build.contexts.items[i].value;
        if (value != NULL && is_local(value))
            rc = wc_build_key_tree(value, NULL, b->arena, key, err);
        else
            *known = false;
    }
    return rc;
}

static int make_key(struct building *b, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, dockerfile = WC_BUF_INIT;
    bool known = !b->options->no_cache && !b->build.no_cache && !b->options->pull &&
                 !b->build.pull && b->build.ssh.n == 0 && b->build.n_secrets == 0;
    int rc = read_dockerfile(b, &dockerfile, err);
    if (rc != 0)
        return rc;
    wc_buf_printf(&text, "1 %s\n", b->job.platform != NULL ? b->job.platform : "");
    wc_buf_add(&text, dockerfile.data, dockerfile.len);
    find_bases(b, dockerfile.data, &text);
    wc_build_key_members(&b->build, &text);
    rc = add_trees(b, &text, &known, err);
    if (rc == 0 && known)
        wc_sha256_hex(text.data, text.len, b->key);
    return rc;
}

/* The image that is there came of the same. */
static bool is_built(const struct building *b)
{
    WC_CLEANUP_BUF struct wc_buf noted = WC_BUF_INIT;
    struct wc_image_info info;
    struct wc_err unsaid = { 0 };
    if (b->key[0] == '\0' || wc_fs_read(b->key_file, KEY_MAX, &noted, &unsaid) != 0 ||
        !find_here(b, b->job.name, &info))
        return false;
    return wc_streq(noted.data, wc_arena_printf(b->arena, "%s %s\n", b->key, info.id));
}

static void note_key(const struct building *b)
{
    struct wc_image_info info;
    struct wc_err unsaid = { 0 };
    (void)unlink(b->key_file);
    if (b->key[0] == '\0' || !find_here(b, b->job.name, &info))
        return;
    const char *text = wc_arena_printf(b->arena, "%s %s\n", b->key, info.id);
    (void)wc_fs_write_atomic(b->key_file, text, strlen(text), 0600, false, &unsaid);
}

static int run(struct building *b, struct wc_strv *argv, struct wc_err *err)
{
    const struct wc_image_build_options *o = b->options;
    wc_strv_add(b->arena, argv, NULL);
    return wc_run_all_lines(argv->items, b->dir, o->line, o->line_data, err);
}

static int load_result(struct building *b, const char *source, struct wc_err *err)
{
    struct wc_strv loaded = { 0 };
    struct wc_image_load_options load = { .source = source, .name = b->job.name };
    int rc = wc_image_load(b->store, &load, b->arena, &loaded, err);
    for (size_t i = 0; rc == 0 && i < b->build.tags.n; i++)
        rc = wc_image_tag(b->store, b->job.name, b->build.tags.items[i], err);
    return rc;
}

static int carry_out(struct building *b, struct wc_err *err)
{
    struct wc_strv build = { 0 }, copy = { 0 };
    enum wc_builder builder;
    int rc = wc_builder_find(&builder, err);
    bool layout = rc == 0 && builder == WC_BUILDER_BUILDAH;
    const char *to = wc_arena_printf(b->arena, layout ? "%s/layout" : "%s/image.tar", b->work);
    if (rc == 0 && b->build.dockerfile_inline != NULL) {
        const char *text = b->build.dockerfile_inline;
        b->job.file = wc_arena_printf(b->arena, "%s/Dockerfile", b->work);
        rc = wc_fs_write_atomic(b->job.file, text, strlen(text), 0600, false, err);
    } else if (!is_local(b->build.context)) {
        b->job.file = b->build.dockerfile;
    }
    if (rc == 0)
        rc = wc_builder_build(builder, &b->job, b->arena, &build, err);
    if (rc == 0)
        rc = run(b, &build, err);
    if (rc != 0)
        return rc;
    wc_builder_copy(builder, &b->job, to, b->arena, &copy);
    rc = run(b, &copy, err);
    if (rc == 0)
        rc = load_result(
            b, wc_arena_printf(b->arena, "%s:%s", layout ? "oci" : "docker-archive", to), err);
    if (rc == 0)
        note_key(b);
    return rc;
}

static int make_places(struct building *b, struct wc_err *err)
{
    char hex[WC_SHA256_HEX + 1];
    b->dir = wc_arena_printf(b->arena, "%s/builder", b->store->dir);
    b->job.state = b->dir;
    const char *what = b->job.platform == NULL
                           ? b->job.name
                           : wc_arena_printf(b->arena, "%s %s", b->job.name, b->job.platform);
    wc_sha256_hex(what, strlen(what), hex);
    b->key_file = wc_arena_printf(b->arena, "%s/keys/%s", b->dir, hex);
    int rc = wc_fs_mkdirs(wc_arena_printf(b->arena, "%s/keys", b->dir), 0700, err);
    const char *link = wc_arena_printf(b->arena, "%s/" STORE_LINK, b->dir);
    if (rc == 0 && symlink("..", link) != 0 && errno != EEXIST)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", link);
    return rc;
}

int wc_image_build(struct wc_image_store *store, const struct wc_image_build_options *options,
                   struct wc_arena *arena, bool *built, struct wc_err *err)
{
    struct wc_ref ref;
    *built = false;
    if (options->build->isolation == WC_ISOLATION_HYPERV)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                          "isolation hyperv: no builder here has kernels of its own; build it "
                          "elsewhere, or leave build.isolation out");
    int rc = wc_ref_parse(arena, options->name, &ref, err);
    if (rc != 0)
        return rc;
    struct building b = { .store = store,
                          .options = options,
                          .arena = arena,
                          .build = *options->build,
                          .job = { .name = ref.name,
                                   .platform = options->platform,
                                   .no_cache = options->no_cache,
                                   .pull = options->pull } };
    b.job.build = &b.build;
    rc = make_places(&b, err);
    if (rc == 0)
        rc = make_key(&b, err);
    if (rc != 0 || is_built(&b))
        return rc;
    char *work = wc_arena_printf(arena, "%s/XXXXXX", b.dir);
    if (mkdtemp(work) == NULL)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", work);
    b.work = work;
    rc = carry_out(&b, err);
    (void)wc_fs_remove_tree(work, NULL);
    *built = rc == 0;
    return rc;
}
