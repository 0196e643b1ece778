/* test_side_by_side.c - one name for several platforms: who replaces whom, which is found, what
 * goes with a name, and what tools that know layouts find. */
#include "harness/wc_test.h"

#include "base/json.h"
#include "fixture.h"
#include "images/find.h"
#include "images/names.h"
#include "images/store.h"
#include "wcompose/image_keep.h"

#define LIST "sha256:1111111111111111111111111111111111111111111111111111111111111111"

/* The one that this machine runs, and one that it doesn't. */
static const char *here(void)
{
    return wc_streq(wc_host_architecture(), "arm64") ? "arm64" : "amd64";
}
static const char *other(void)
{
    return wc_streq(wc_host_architecture(), "arm64") ? "amd64" : "arm64";
}

/* An image without layers; `what` tells it from others of its platform. Returns its id. */
static const char *put(struct shop *s, const char *name, const char *arch, const char *what)
{
    struct wc_image_txn txn;
    const char *config = wc_arena_printf(
        &s->arena,
        "{\"os\":\"linux\",\"architecture\":\"%s\",\"author\":\"%s\",\"rootfs\":{\"type\":"
        "\"layers\",\"diff_ids\":[]}}",
        arch, what);
    struct wc_index_entry entry = { .reference = name,
                                    .media_type = WC_TYPE_MANIFEST,
                                    .list_digest = LIST };
    assert_int_equal(wc_txn_begin(s->store, NULL, NULL, &txn, &s->err), 0);
    assert_int_equal(wc_txn_stage_bytes(&txn, config, strlen(config), &entry.id, &s->err), 0);
    const char *manifest =
        wc_arena_printf(&s->arena,
                        "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" WC_TYPE_CONFIG
                        "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[]}",
                        entry.id, strlen(config));
    entry.size = (int64_t)strlen(manifest);
    assert_int_equal(wc_txn_stage_bytes(&txn, manifest, strlen(manifest), &entry.digest, &s->err),
                     0);
    const char *id = wc_arena_strdup(&s->arena, entry.id);
    wc_txn_tag(&txn, &entry);
    assert_int_equal(wc_txn_commit(&txn, &s->err), 0);
    return id;
}

static void finds(struct shop *s, const char *text, const char *platform, const char *id)
{
    struct wc_image_info info;
    assert_int_equal(wc_image_resolve_for(s->store, text, platform, &s->arena, &info, &s->err), 0);
    assert_string_equal(info.id, id);
}

static const char *linux_on(struct shop *s, const char *arch)
{
    return wc_arena_printf(&s->arena, "linux/%s", arch);
}

static size_t count(struct shop *s)
{
    struct wc_index index;
    assert_int_equal(wc_store_read_index(s->store, &s->arena, &index, &s->err), 0);
    return index.n;
}

static void each_finds_its_own(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    finds(&s, "app:1", NULL, foreign); /* the only one: who asked is told by wc_image_is_for */
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    assert_int_equal(count(&s), 2);
    finds(&s, "app:1", NULL, own);
    finds(&s, "app:1", "", own);
    finds(&s, "app:1", linux_on(&s, here()), own);
    finds(&s, "app:1", linux_on(&s, other()), foreign);
    finds(&s, "app@" LIST, NULL, own); /* a list's digest is all of its platforms' */
    finds(&s, "app@" LIST, linux_on(&s, other()), foreign);
    finds(&s, LIST, linux_on(&s, other()), foreign);
    finds(&s, foreign, NULL, foreign); /* an id is one image */
    struct wc_buf out = WC_BUF_INIT;
    assert_int_equal(wc_image_inspect(s.store, "app:1", "linux/s390x", &out, &s.err), WC_ERR_NOENT);
    assert_int_equal(wc_image_inspect(s.store, "app:1", "linux/", &out, &s.err), WC_ERR_SPEC);
    wc_buf_deinit(&out);
    shop_close(&s);
}

/* A newer image takes the name from that of its own platform, which stays without one. */
static void replaces_its_own(void **state)
{
    (void)state;
    struct shop s;
    shop_open(&s);
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    const char *newer = put(&s, "docker.io/library/app:1", here(), "b");
    finds(&s, "app:1", NULL, newer);
    finds(&s, "app:1", linux_on(&s, other()), foreign);
    finds(&s, own, NULL, own);
    assert_int_equal(count(&s), 3);
    shop_close(&s);
}

/* What an image says of itself may be no platform: then it has the name alone, and those that had
 * it are still found by their ids. */
static void no_platform_at_all(void **state)
{
    (void)state;
    struct shop s;
    struct wc_index index;
    shop_open(&s);
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    const char *odd = put(&s, "docker.io/library/app:1", "a+b/../c/d", "a");
    finds(&s, "app:1", NULL, odd);
    finds(&s, "app:1", linux_on(&s, other()), odd);
    finds(&s, own, NULL, own);
    finds(&s, foreign, NULL, foreign);
    assert_int_equal(wc_store_read_index(s.store, &s.arena, &index, &s.err), 0);
    assert_int_equal(index.n, 3);
    assert_string_equal(index.items[0].stored, "docker.io/library/app:1");
    shop_close(&s);
}

/* tag takes all platforms along, and leaves none of what had the name before. */
static void tag_and_rm_take_all(void **state)
{
    (void)state;
    struct shop s;
    struct wc_image_info info;
    shop_open(&s);
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    const char *before = put(&s, "docker.io/library/app:2", "s390x", "a");
    assert_int_equal(wc_image_tag(s.store, "app:1", "app:2", &s.err), 0);
    finds(&s, "app:2", NULL, own);
    finds(&s, "app:2", linux_on(&s, other()), foreign);
    finds(&s, "app:2", "linux/s390x", own); /* not `before` … */
    finds(&s, before, NULL, before);        /* … which has no name now */
    assert_int_equal(wc_image_tag(s.store, foreign, "app:3", &s.err),
                     0); /* an id: that one alone */
    finds(&s, "app:3", NULL, foreign);
    assert_int_equal(wc_image_remove(s.store, "app:1", NULL, false, &s.err), 0);
    finds(&s, "app:2", linux_on(&s, other()), foreign);
    assert_int_equal(wc_image_remove(s.store, "app:2", NULL, false, &s.err), 0);
    assert_int_equal(wc_image_resolve_for(s.store, "app:2", NULL, &s.arena, &info, &s.err),
                     WC_ERR_NOENT);
    finds(&s, "app:3", NULL, foreign);
    assert_int_equal(wc_image_resolve_for(s.store, own, NULL, &s.arena, &info, &s.err),
                     WC_ERR_NOENT);
    shop_close(&s);
}

static void list_references(void *data, struct wc_strv *layers, struct wc_strv *references)
{
    struct shop *s = data;
    *layers = (struct wc_strv){ 0 };
    *references = (struct wc_strv){ 0 };
    wc_strv_add(&s->arena, references, "app:1");
}

/* Who wants a name wants it for whatever platform. */
static void a_wanted_name_keeps_all(void **state)
{
    (void)state;
    struct shop s;
    struct wc_image_pruned pruned;
    shop_open(&s);
    const struct wc_image_uses uses = { list_references, &s };
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    (void)put(&s, "docker.io/library/app:2", other(), "b");
    assert_int_equal(wc_image_remove(s.store, "app:1", &uses, false, &s.err), WC_ERR_CONFLICT);
    assert_int_equal(wc_image_prune(s.store, true, &uses, &s.arena, &pruned, &s.err), 0);
    assert_int_equal(pruned.untagged.n, 1);
    finds(&s, "app:1", NULL, own);
    finds(&s, "app:1", linux_on(&s, other()), foreign);
    shop_close(&s);
}

/* The layout has the plain name once, for the one that runs here, whoever came first; the other one
 * by its platform, as `oci:DIR:NAME` takes it. */
static void layout_names_both(void **state)
{
    (void)state;
    struct shop s;
    struct wc_index index;
    shop_open(&s);
    const char *foreign = put(&s, "docker.io/library/app:1", other(), "a");
    const char *own = put(&s, "docker.io/library/app:1", here(), "a");
    assert_int_equal(wc_store_read_index(s.store, &s.arena, &index, &s.err), 0);
    assert_int_equal(index.n, 2);
    assert_string_equal(index.items[0].id, own);
    assert_string_equal(index.items[0].stored, "docker.io/library/app:1");
    assert_string_equal(index.items[1].id, foreign);
    assert_string_equal(index.items[1].stored,
                        wc_arena_printf(&s.arena, "docker.io/library/app:1+linux/%s", other()));
    assert_string_equal(index.items[1].reference, "docker.io/library/app:1");
    assert_string_equal(index.items[1].platform, linux_on(&s, other()));
    shop_close(&s);
}

WC_MAIN(WC_CASE(each_finds_its_own), WC_CASE(replaces_its_own), WC_CASE(no_platform_at_all),
        WC_CASE(tag_and_rm_take_all), WC_CASE(a_wanted_name_keeps_all), WC_CASE(layout_names_both))
