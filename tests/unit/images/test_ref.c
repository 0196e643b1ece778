/* test_ref.c - image references: what people type, its normal form, and what is refused. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "images/ref.h"
#include "wcompose/image.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void normal_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *digest;
    } rows[] = {
        { "nginx", "docker.io/library/nginx:latest", NULL },
        { "nginx:1.22", "docker.io/library/nginx:1.22", NULL },
        { "library/nginx", "docker.io/library/nginx:latest", NULL },
        { "docker.io/nginx", "docker.io/library/nginx:latest", NULL },
        { "index.docker.io/nginx", "docker.io/library/nginx:latest", NULL },
        { "me/app:v1.0-rc.1_x", "docker.io/me/app:v1.0-rc.1_x", NULL },
        { "localhost/app", "localhost/app:latest", NULL },
        { "localhost:5000/app", "localhost:5000/app:latest", NULL },
        { "10.0.0.1:5000/a/b/c:1", "10.0.0.1:5000/a/b/c:1", NULL },
        { "[::1]:5000/app", "[::1]:5000/app:latest", NULL },
        { "ghcr.io/a__b/c-d--e/f.g", "ghcr.io/a__b/c-d--e/f.g:latest", NULL },
        { "nginx@sha256:" HEX, "docker.io/library/nginx", "sha256:" HEX },
        { "nginx:1@sha256:" HEX, "docker.io/library/nginx:1", "sha256:" HEX },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_ref ref;
        struct wc_err err = { 0 };
        assert_int_equal(wc_ref_parse(&arena, rows[i].text, &ref, &err), 0);
        assert_string_equal(ref.name, rows[i].name);
        assert_true(wc_streq0(ref.digest, rows[i].digest));
    }
    wc_arena_deinit(&arena);
}

static void refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        ":",
        "Nginx",
        "ngi nx",
        "nginx:",
        "nginx:-1",
        "nginx:a/b:",
        "a//b",
        "/nginx",
        "nginx/",
        "a___b",
        "a..b",
        "-a",
        "a-",
        "nginx@sha256:12",
        ("nginx@md5:" HEX),
        ("nginx@sha256:" HEX "0"),
        "-host.io/a",
        "host:port/a",
        "host:123456/a",
        "[::1/a",
        "ngin\nx",
        "../etc",
        "a/../b",
        "nginx:1:2",
        ("nginx@sha256:"
         "G123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_ref ref;
        struct wc_err err = { 0 };
        if (wc_ref_parse(&arena, rows[i], &ref, &err) != WC_ERR_SPEC)
            fail_msg("'%s' was taken", rows[i]);
        assert_true(err.msg[0] != '\0');
    }
    char name[300];
    memset(name, 'a', sizeof name);
    name[299] = '\0';
    struct wc_ref ref;
    assert_int_equal(wc_ref_parse(&arena, name, &ref, NULL), WC_ERR_SPEC);
    wc_arena_deinit(&arena);
}

static void short_form(void **state)
{
    (void)state;
    assert_string_equal(wc_image_short_reference("docker.io/library/nginx:1"), "nginx:1");
    assert_string_equal(wc_image_short_reference("docker.io/me/app:1"), "me/app:1");
    assert_string_equal(wc_image_short_reference("ghcr.io/me/app:1"), "ghcr.io/me/app:1");
}

WC_MAIN(WC_CASE(normal_form), WC_CASE(refused), WC_CASE(short_form))
