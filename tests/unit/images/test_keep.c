/* test_keep.c - tagging, saving, inspecting, pruning and counting images. */
#include "harness/wc_test.h"

#include <fcntl.h>

#include "base/json.h"
#include "fixture.h"
#include "images/store.h"
#include "wcompose/image_keep.h"

static int tag(struct shop *s, const char *source, const char *name)
{
    return wc_image_tag(s->store, source, name, &s->err);
}

static void tags(void **state)
{
    (void)state;
    struct fx a, b;
    struct shop s;
    struct wc_image_info info;
    fx_make(&a, 2, "a");
    fx_make(&b, 2, "b");
    shop_open(&s);
    shop_put(&s, &a, "[\"a\"]");
    shop_put(&s, &b, "[\"b\"]");
    assert_int_equal(tag(&s, "a", "registry.example:5000/team/a:2"), 0);
    assert_int_equal(tag(&s, "nothing", "x"), WC_ERR_NOENT);
    assert_int_equal(tag(&s, "a", "UPPER"), WC_ERR_SPEC);
    char text[100];
    snprintf(text, sizeof text, "x@sha256:%s", a.manifest.hex);
    assert_int_equal(tag(&s, "a", text), WC_ERR_SPEC);
    assert_int_equal(tag(&s, "a", "b"), 0); /* b's image loses its only name, and goes with it */
    assert_int_equal(wc_image_resolve(s.store, "b", &s.arena, &info, &s.err), 0);
    assert_string_equal(info.id + 7, a.config.hex);
    shop_close(&s);
    fx_free(&a);
    fx_free(&b);
}

static int save(struct shop *s, const char *const *names, size_t n, enum wc_image_form form)
{
    int fd = open(s->archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const struct wc_image_save_options options = { .names = names, .n = n, .form = form, .fd = fd };
    int rc = wc_image_save(s->store, &options, &s->err);
    close(fd);
    return rc;
}

/* What is saved in any form can be loaded again: same ids, same names. */
static void saved_and_loaded(void **state)
{
    (void)state;
    static const char *const names[] = { "a", "a:old", "b" };
    struct fx a, b;
    fx_make(&a, 3, "a");
    fx_make(&b, 3, "b");
    for (enum wc_image_form form = WC_IMAGE_FORM_BOTH; form <= WC_IMAGE_FORM_DOCKER; form++) {
        struct shop s, other;
        struct wc_image_info info;
        shop_open(&s);
        shop_open(&other);
        shop_put(&s, &a, "[\"a\",\"a:old\"]");
        shop_put(&s, &b, "[\"b\"]");
        if (save(&s, names, 3, form) != 0)
            fail_msg("%s", s.err.msg);
        if (shop_load(&other, s.archive, NULL) != 0)
            fail_msg("%s", other.err.msg);
        assert_int_equal(other.loaded.n, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(
                wc_image_resolve(other.store, names[i], &other.arena, &info, &other.err), 0);
            assert_string_equal(info.id + 7, i < 2 ? a.config.hex : b.config.hex);
        }
        shop_holds(&other, 2 * 2 + 4, 4); /* two layers are shared */
        assert_int_equal(save(&s, (const char *const[]){ "c" }, 1, form), WC_ERR_NOENT);
        shop_close(&s);
        shop_close(&other);
    }
    fx_free(&a);
    fx_free(&b);
}

static void inspected(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_buf out = WC_BUF_INIT;
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    char id[80];
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\",\"host:5000/app:2\"]");
    assert_int_equal(wc_image_inspect(s.store, "app", NULL, &out, &s.err), 0);
    assert_int_equal(wc_json_parse(out.data, out.len, &root, &s.err), 0);
    snprintf(id, sizeof id, "sha256:%s", fx.config.hex);
    assert_string_equal(wc_json_str(wc_json_get(root, "Id"), ""), id);
    assert_int_equal(wc_json_count(wc_json_get(root, "RepoTags")), 2);
    assert_int_equal(wc_json_count(wc_json_get(root, "RepoDigests")), 2);
    const struct wc_json *config = wc_json_get(root, "Config");
    assert_string_equal(wc_json_str(wc_json_get(config, "StopSignal"), ""), "SIGINT");
    assert_int_equal(wc_json_i64(wc_json_get(wc_json_get(config, "Healthcheck"), "Interval"), 0),
                     1500000000);
    const struct wc_json *root_fs = wc_json_get(root, "RootFS");
    assert_int_equal(wc_json_count(wc_json_get(root_fs, "Layers")), 2);
    assert_int_equal(wc_json_i64(wc_json_get(root, "Size"), 0), 12);
    assert_int_equal(wc_image_inspect(s.store, "gone", NULL, &out, &s.err), WC_ERR_NOENT);
    wc_buf_deinit(&out);
    shop_close(&s);
    fx_free(&fx);
}

static void use(void *data, struct wc_strv *layers, struct wc_strv *references)
{
    (void)references;
    *layers = *(const struct wc_strv *)data;
}

static void pruned_and_counted(void **state)
{
    (void)state;
    struct fx a, b;
    struct shop s;
    struct wc_image_info info;
    struct wc_image_pruned pruned;
    struct wc_image_space space;
    fx_make(&a, 3, "a");
    fx_make(&b, 3, "b"); /* shares two layers with a */
    shop_open(&s);
    shop_put(&s, &a, "[\"app\"]");
    shop_put(&s, &b, "[\"other\"]");
    assert_int_equal(wc_image_resolve(s.store, "app", &s.arena, &info, &s.err), 0);
    const struct wc_image_uses uses = { use, &info.layers };
    assert_int_equal(wc_image_space(s.store, &uses, &space, &s.err), 0);
    assert_int_equal(space.images, 2);
    assert_int_equal(space.images_used, 1);
    assert_int_equal(space.layers, 4);
    assert_int_equal(space.layers_used, 3);
    assert_true(space.free_bytes > 0 && space.free_bytes < space.bytes);
    assert_int_equal(wc_image_prune(s.store, false, &uses, &s.arena, &pruned, &s.err), 0);
    assert_int_equal(pruned.untagged.n + pruned.deleted.n, 0); /* both have names */
    assert_int_equal(wc_image_prune(s.store, true, &uses, &s.arena, &pruned, &s.err), 0);
    assert_int_equal(pruned.untagged.n, 1);
    assert_int_equal(pruned.deleted.n, 1);
    assert_string_equal(pruned.deleted.items[0] + 7, b.config.hex);
    assert_int_equal(pruned.freed_bytes, (uint64_t)space.free_bytes);
    shop_holds(&s, 5, 3);
    assert_int_equal(wc_image_prune(s.store, true, NULL, &s.arena, &pruned, &s.err), 0);
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&a);
    fx_free(&b);
}

/* While another change is on its way, nothing that it may count on goes. */
static void prune_waits_for_others(void **state)
{
    (void)state;
    struct fx fx;
    struct shop s;
    struct wc_image_txn other;
    struct wc_image_pruned pruned;
    fx_make(&fx, 2, "");
    shop_open(&s);
    shop_put(&s, &fx, "[\"app\"]");
    assert_int_equal(wc_txn_begin(s.store, NULL, NULL, &other, &s.err), 0);
    assert_int_equal(wc_image_prune(s.store, true, NULL, &s.arena, &pruned, &s.err), 0);
    assert_true(pruned.deferred);
    assert_int_equal(pruned.freed_bytes, 0);
    assert_int_equal(shop_count(&s, "layers"), 2);
    wc_txn_abort(&other);
    assert_int_equal(wc_image_prune(s.store, false, NULL, &s.arena, &pruned, &s.err), 0);
    assert_false(pruned.deferred);
    assert_true(pruned.freed_bytes > 0);
    shop_holds(&s, 0, 0);
    shop_close(&s);
    fx_free(&fx);
}

WC_MAIN(WC_CASE(tags), WC_CASE(saved_and_loaded), WC_CASE(inspected), WC_CASE(pruned_and_counted),
        WC_CASE(prune_waits_for_others))
