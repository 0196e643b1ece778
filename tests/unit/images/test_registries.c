/* test_registries.c - registries.conf: where a reference leads, and what the file may not say. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "images/registries.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char conf[] = "# as podman has it\n"
                           "unqualified-search-registries = [\"quay.io\", 'docker.io'] # not used\n"
                           "short-name-mode = \"permissive\"\n"
                           "[aliases]\n\"a\" = \"b/c\"\n"
                           "[[registry]]\n"
                           "prefix = \"docker.io\"\n"
                           "location = \"docker.io\"\n"
                           "[[registry.mirror]]\n"
                           "location = \"mirror.example:5000/hub\"\n"
                           "insecure = true\n"
                           "[[registry.mirror]]\n"
                           "location = \"digests.example\"\n"
                           "pull-from-mirror = \"digest-only\"\n"
                           "[[registry]]\n"
                           "location = \"old.example/team\"\n"
                           "blocked = true\n"
                           "[[registry]]\n"
                           "prefix = \"old.example/team/kept\"\n"
                           "location = \"new.example/k\"\n"
                           "[[registry]]\n"
                           "prefix = \"*.lab.example\"\n"
                           "insecure = true\n";

/* "host/path" of each endpoint; '!' for insecure, '~' for a mirror. */
static void shown(const struct wc_registries *r, struct wc_arena *arena, const char *text,
                  struct wc_buf *out)
{
    struct wc_ref ref;
    struct wc_endpoints ends;
    struct wc_err err = { 0 };
    assert_int_equal(wc_ref_parse(arena, text, &ref, &err), 0);
    wc_buf_reset(out);
    if (wc_registries_endpoints(r, arena, &ref, &ends, &err) != 0) {
        wc_buf_adds(out, err.msg);
        return;
    }
    for (size_t i = 0; i < ends.n; i++)
        wc_buf_printf(out, "%s%s%s%s/%s", i == 0 ? "" : " ", ends.items[i].insecure ? "!" : "",
                      ends.items[i].is_mirror ? "~" : "", ends.items[i].host, ends.items[i].path);
}

static void where_it_leads(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "nginx", "!~mirror.example:5000/hub/library/nginx registry-1.docker.io/library/nginx" },
        { "nginx@sha256:" HEX, "!~mirror.example:5000/hub/library/nginx "
                               "~digests.example/library/nginx "
                               "registry-1.docker.io/library/nginx" },
        { "ghcr.io/a/b", "ghcr.io/a/b" },
        { "docker.iox/a", "docker.iox/a" },
        { "old.example/team/x", "old.example is blocked by r.conf:15" },
        { "old.example/teams/x", "old.example/teams/x" },
        { "old.example/team/kept/a", "new.example/k/a" },
        { "old.example/team/kept:1", "new.example/k" },
        { "a.lab.example:5000/x", "!a.lab.example:5000/x" },
        { "lab.example/x", "lab.example/x" },
        { "localhost:5000/x", "!localhost:5000/x" },
        { "127.0.0.9/x", "!127.0.0.9/x" },
        { "127.example/x", "127.example/x" },
        { "plain.example:1/x", "!plain.example:1/x" },
        { "plain.example/x", "plain.example/x" },
    };
    struct wc_arena arena;
    struct wc_registries r = { 0 };
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_arena_init(&arena);
    assert_int_equal(wc_registries_read(&arena, conf, "r.conf", &r, &err), 0);
    wc_strv_add(&arena, &r.insecure, "plain.example:1");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        shown(&r, &arena, rows[i][0], &out);
        assert_string_equal(out.data, rows[i][1]);
    }
    wc_arena_deinit(&arena);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line, col;
        const char *said;
    } rows[] = {
        { "[[registry]]\nlocation = true\n", 2, 1, "text in quotes" },
        { "[[registry]]\nlocation = x.example\n", 2, 12, "needs quotes" },
        { "[[registry]]\nlocation = \"https://x.example\"\n", 2, 1, "without https" },
        { "[registry]\n", 1, 1, "two brackets" },
        { "[[registry.mirror]]\n", 1, 1, "before it" },
        { "[[registry]]\n", 1, 1, "needs a prefix" },
        { "[[registry]]\nprefix = \"a\"\n[[registry.mirror]]\n", 3, 1, "needs a location" },
        { "[[registry]]\nprefix = \"*\"\n", 1, 1, "a star" },
        { "[[registry]]\nprefix = \"a\"\ninsecure = \"yes\"\n", 3, 1, "true or false" },
        { "[[registry]]\nprefix = \"a\"\nlocatoin = \"b\"\n", 3, 1, "[[registry]] has" },
        { "[registries.search]\nregistries = []\n", 1, 1, "version 1" },
        { "a = \"\"\"x\"\"\"\n", 1, 5, "several lines" },
        { "a = \"x\n", 1, 7, "no end" },
        { "a = [1, \"b\" c]\n", 1, 13, "',' or ']'" },
        { "a = { b = 1, c }\n", 1, 16, "'='" },
        { "a = 1 2\n", 1, 7, "end of the line" },
        { "= 1\n", 1, 1, "a name" },
        { "a = \"\\q\"\n", 1, 7, "escape" },
        { "a = \"\\ud800\"\n", 1, 7, "no such character" },
        { "[a\n", 1, 3, "']'" },
        { "[[a]\n", 1, 4, "']]'" },
        { "a =\n", 1, 4, "a value" },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_registries r = { 0 };
        struct wc_err err = { 0 };
        assert_int_equal(wc_registries_read(&arena, rows[i].text, "r.conf", &r, &err), WC_ERR_SPEC);
        if (err.at.line != rows[i].line || err.at.col != rows[i].col ||
            strstr(err.msg, rows[i].said) == NULL)
            fail_msg("row %zu: %u:%u %s", i, err.at.line, err.at.col, err.msg);
    }
    wc_arena_deinit(&arena);
}

static void toml_forms(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf"
                               "x = [\n  # why\n  \"a\",\n  'b',\n]\r\n"
                               "d = 1979-05-27T07:32:00Z\nf = -1.5e3\nt = { a = [1], b.c = 'd' }\n"
                               "[[registry]] # one\n  prefix = 'a.example'\n"
                               "\"location\" = \"b\\u002eexample\\t\"\n";
    struct wc_arena arena;
    struct wc_registries r = { 0 };
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    assert_int_equal(wc_registries_read(&arena, text, "r.conf", &r, &err), WC_ERR_SPEC);
    assert_int_equal(err.at.line, 11);
    assert_non_null(strstr(err.msg, "no host"));
    assert_int_equal(r.n, 1);
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(where_it_leads), WC_CASE(mistakes), WC_CASE(toml_forms))
