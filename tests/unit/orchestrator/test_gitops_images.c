/* test_gitops_images.c - which images are followed, what registries' answers make of them, and the
 * words for it; the registries are a list here. */
// LINK: wc_orchestrator wc_spec
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/images.h"
#include "wcompose/model.h"

/* What the registries have: "reference digest". */
static const char *const there[] = {
    "r.example:5000/web:1.4.2",
    "sha256:1111111111111111",
    "r.example:5000/web:1.4.10",
    "sha256:2222222222222222",
    "db:latest",
    "sha256:3333333333333333",
};
static bool is_away;

static int list_tags(void *data, const char *reference, struct wc_arena *arena, struct wc_strv *out,
                     struct wc_err *err)
{
    static const char *const tags[] = { "1.4.2", "v1.4.10", "1.4.10", "2.0.0", "1.4.11-rc.1", "x" };
    (void)data;
    assert_string_equal(reference, "r.example:5000/web:1.4.0");
    if (is_away)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "r.example: away");
    for (size_t i = 0; i < WC_COUNT(tags); i++)
        wc_strv_add(arena, out, tags[i]);
    return 0;
}

static void tell_digests(void *data, struct wc_gitops_digest *asked, size_t n)
{
    (void)data;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < WC_COUNT(there); k += 2)
            if (wc_streq(asked[i].reference, there[k]))
                asked[i].digest = there[k + 1];
        if (asked[i].digest == NULL)
            (void)wc_err_set(&asked[i].err, WC_ERR_NOENT, 0, "%s isn't there", asked[i].reference);
    }
}

static const struct wc_gitops_ops ops = { .tags = list_tags, .digests = tell_digests };
static struct wc_agent_image_rule rules[] = { { "web", "semver", "~1.4" },
                                              { "off", "none", NULL } };
static struct wc_agent_app app = {
    .images = { .all = { NULL, "digest-changes", NULL }, .services = rules, .n_services = 2 }
};
static const struct wc_gitops_run run = { .app = &app, .ops = &ops };

static struct wc_service service(const char *name, const char *image)
{
    return (struct wc_service){ .name = name, .image = image, .replicas = 1 };
}

static void which_are_followed(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_service all[] = { service("built", "b:1"), service("by", "b@sha256:1"),
                                service("db", "db"),     service("idle", "b:1"),
                                service("local", "b:1"), service("none", NULL),
                                service("off", "b:1"),   service("web", "b:1") };
    const struct wc_project project = { .services = all, .n_services = WC_COUNT(all) };
    wc_arena_init(&arena);
    all[0].build.set = true;
    all[3].replicas = 0;
    all[4].pull_policy = "never";
    struct wc_gitops_images images = wc_gitops_images_of(&app.images, &project, &arena);
    assert_int_equal(images.n, 2);
    assert_string_equal(images.items[0].service, "db");
    assert_string_equal(images.items[1].service, "web");
    assert_false(wc_gitops_images_whole(&images));
    wc_arena_deinit(&arena);
}

static void answers(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct wc_gitops_image items[] = { { "db", "db", NULL, NULL, 0 },
                                       { "web", "r.example:5000/web:1.4.0", NULL, NULL, 0 } };
    struct wc_gitops_images images = { items, 2 };
    wc_arena_init(&arena);
    is_away = false;
    assert_int_equal(wc_gitops_ask(&run, &images, &arena, &err), 0);
    assert_string_equal(items[0].tag, "latest");
    assert_string_equal(items[0].digest, "sha256:3333333333333333");
    assert_string_equal(items[1].tag, "1.4.10");
    assert_string_equal(items[1].digest, "sha256:2222222222222222");
    assert_string_equal(wc_gitops_image_pinned(&items[1], &arena),
                        "r.example:5000/web:1.4.10@sha256:2222222222222222");
    is_away = true; /* what is known stays, and is told by its service */
    assert_int_equal(wc_gitops_ask(&run, &images, &arena, &err), WC_ERR_UNAVAILABLE);
    assert_string_equal(err.msg, "service web: r.example: away");
    assert_true(wc_gitops_images_whole(&images));
    assert_string_equal(items[1].tag, "1.4.10");
    wc_arena_deinit(&arena);
}

static void no_version_in_range(void **state)
{
    (void)state;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct wc_gitops_image item = { "web", "r.example:5000/web:1.4.0", NULL, NULL, 0 };
    struct wc_gitops_images images = { &item, 1 };
    wc_arena_init(&arena);
    is_away = false;
    rules[0].range = ">=7";
    assert_int_equal(wc_gitops_ask(&run, &images, &arena, &err), WC_ERR_NOENT);
    assert_non_null(strstr(err.msg, "'>=7'"));
    assert_null(item.digest);
    rules[0].range = "=1.4.11-rc.1"; /* in the range, and its manifest isn't there */
    err = (struct wc_err){ 0 };
    assert_int_equal(wc_gitops_ask(&run, &images, &arena, &err), WC_ERR_NOENT);
    assert_null(item.tag);
    rules[0].range = "~1.4";
    wc_arena_deinit(&arena);
}

static void words_and_hashes(void **state)
{
    (void)state;
    struct wc_arena arena;
    char one[WC_SHA256_HEX + 1], two[WC_SHA256_HEX + 1];
    struct wc_gitops_image old = { "web", "w:1", "1.4.2", "sha256:aaaaaaaaaaaaaaaa", 5 };
    struct wc_gitops_image new = { "web", "w:1", "1.4.3", "sha256:bbbbbbbbbbbbbbbb", 0 };
    struct wc_gitops_images from = { &old, 1 }, to = { &new, 1 }, none = { NULL, 0 };
    wc_arena_init(&arena);
    assert_string_equal(wc_gitops_images_change(&from, &to, &arena),
                        "image web 1.4.2 -> 1.4.3 (sha256:bbbbbbbbbbbb)");
    assert_string_equal(wc_gitops_images_change(&none, &to, &arena),
                        "image web 1.4.3 (sha256:bbbbbbbbbbbb)");
    assert_string_equal(wc_gitops_images_change(&from, &from, &arena), "");
    wc_gitops_images_hash(&from, one);
    wc_gitops_images_hash(&to, two);
    assert_string_not_equal(one, two);
    wc_gitops_images_date(&to, &from, 9);
    assert_int_equal(new.since_ms, 9);
    new.digest = old.digest; /* another tag of the same content changes nothing */
    wc_gitops_images_hash(&to, two);
    assert_string_equal(one, two);
    wc_gitops_images_date(&to, &from, 9);
    assert_int_equal(new.since_ms, 5);
    new = (struct wc_gitops_image){ "web", "w:1", "1.4.2", "sha256:cccccccccccccccc", 0 };
    assert_string_equal(wc_gitops_images_change(&from, &to, &arena),
                        "image web 1.4.2 (sha256:aaaaaaaaaaaa -> sha256:cccccccccccc)");
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(which_are_followed), WC_CASE(answers), WC_CASE(no_version_in_range),
        WC_CASE(words_and_hashes))
