/* test_tags.c - pages of tags and the headers that lead from one to the next, as registries send
 * them, and as nobody should. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "images/ref.h"
#include "images/tags.h"

static void pages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        size_t n;
        const char *last;
    } rows[] = {
        { "{\"name\":\"a/b\",\"tags\":[\"1.4.2\",\"v2\",\"latest\"]}", 0, 3, "latest" },
        { "{\"name\":\"a\",\"tags\":null}", 0, 0, NULL },
        { "{\"tags\":[]}", 0, 0, NULL },
        { "{\"tags\":[\"ok\",\"not ok\",\"../x\",\".x\",\"\",7,null,[\"in\"]]}", 0, 1, "ok" },
        { "{\"tags\":\"latest\"}", WC_ERR_SPEC, 0, NULL },
        { "{\"name\":\"a\"}", WC_ERR_SPEC, 0, NULL },
        { "[]", WC_ERR_SPEC, 0, NULL },
        { "<html>", WC_ERR_SPEC, 0, NULL },
        { "", WC_ERR_SPEC, 0, NULL },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_arena arena;
        struct wc_strv tags = { 0 };
        struct wc_err err = { 0 };
        wc_arena_init(&arena);
        assert_int_equal(wc_tags_read(&arena, rows[i].text, strlen(rows[i].text), &tags, &err),
                         rows[i].code);
        assert_int_equal(tags.n, rows[i].n);
        if (rows[i].last != NULL)
            assert_string_equal(tags.items[tags.n - 1], rows[i].last);
        wc_arena_deinit(&arena);
    }
}

static void links(void **state)
{
    (void)state;
    static const struct {
        const char *link, *next;
    } rows[] = {
        { NULL, NULL },
        { "", NULL },
        { "</v2/a/b/tags/list?last=1.4.2&n=2>; rel=\"next\"", "tags/list?last=1.4.2&n=2" },
        { "<https://elsewhere.example/v2/x/tags/list?n=2&last=q>;rel=next",
          "tags/list?n=2&last=q" },
        { "</v2/a/tags/list?n=1>; rel=\"prev\", </v2/a/tags/list?n=2>; title=\"x\"; rel=\"next\"",
          "tags/list?n=2" },
        { "</v2/a/tags/list?n=1>; rel=\"prev\"", NULL },
        { "</v2/a/tags/list>; rel=\"next\"", NULL },
        { "</v2/_catalog?n=1>; rel=\"next\"", NULL },
        { "</v2/a/tags/list?n=1 HTTP/1.1>; rel=\"next\"", NULL },
        { "</v2/a/tags/list?n=1#x>; rel=\"next\"", NULL },
        { "</v2/a/tags/list?n=1; rel=\"next\"", NULL },
        { "<<>,<", NULL },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_arena arena;
        wc_arena_init(&arena);
        const char *next = wc_tags_next(&arena, rows[i].link);
        if (rows[i].next == NULL)
            assert_null(next);
        else
            assert_string_equal(next, rows[i].next);
        wc_arena_deinit(&arena);
    }
}

static void names(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'a', sizeof longest);
    longest[128] = '\0';
    assert_true(wc_ref_is_tag(longest));
    longest[128] = 'a';
    longest[129] = '\0';
    assert_false(wc_ref_is_tag(longest));
    assert_true(wc_ref_is_tag("_x.Y-1"));
    assert_false(wc_ref_is_tag("-x"));
    assert_false(wc_ref_is_tag("a:b"));
    assert_false(wc_ref_is_tag("a@b"));
    assert_false(wc_ref_is_tag(""));
}

WC_MAIN(WC_CASE(pages), WC_CASE(links), WC_CASE(names))
