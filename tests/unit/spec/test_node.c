/* test_node.c - the tree: places, anchors, merge keys, limits. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/node.h"
#include "wcompose/diag.h"

struct parsed {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_documents documents;
    bool ok;
};

static void parse(struct parsed *p, const char *text, size_t len)
{
    wc_arena_init(&p->arena);
    wc_diags_init(&p->diags, &p->arena);
    struct wc_text whole = { text, len };
    p->ok = wc_node_parse(&p->arena, &p->diags, "f", &whole, NULL, &p->documents);
}

static void places(void **state)
{
    (void)state;
    struct parsed p;
    static const char text[] = "a: 1\nb:\n  - \xc3\xa4\xc3\xb6: \"x y\"\n";
    parse(&p, text, sizeof text - 1);
    const struct wc_node *root = p.documents.roots[0], *item = wc_node_get(root, "b")->items[0];
    assert_int_equal(wc_node_member(root, "b")->key_at.line, 2);
    assert_int_equal(item->members[0].key_at.col, 5);
    assert_int_equal(item->members[0].key_span, 2);
    assert_int_equal(item->members[0].value->at.line, 3);
    assert_int_equal(item->members[0].value->at.col, 9);
    assert_int_equal(item->members[0].value->span, 5);
    wc_arena_deinit(&p.arena);
}

static void merge_keys(void **state)
{
    (void)state;
    struct parsed p;
    static const char text[] =
        "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc:\n  y: 3\n  <<: [*b, *a]\n"
        "d: {\"<<\": 1}\n";
    parse(&p, text, sizeof text - 1);
    assert_int_equal(p.diags.n, 0);
    const struct wc_node *c = wc_node_get(p.documents.roots[0], "c");
    assert_int_equal(wc_node_get(c, "x")->integer, 2);
    assert_int_equal(wc_node_get(c, "y")->integer, 3);
    assert_int_equal(wc_node_get(c, "z")->integer, 2);
    assert_int_equal(wc_node_member(c, "x")->key_at.line, 2);
    assert_non_null(wc_node_get(wc_node_get(p.documents.roots[0], "d"), "<<"));
    wc_arena_deinit(&p.arena);
}

static void wide_maps_are_indexed(void **state)
{
    (void)state;
    struct parsed p;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (int i = 0; i < 5000; i++)
        wc_buf_printf(&text, "k%d: %d\n", i, i);
    parse(&p, text.data, text.len);
    const struct wc_node *root = p.documents.roots[0];
    assert_int_equal(root->n, 5000);
    assert_int_equal(wc_node_get(root, "k4999")->integer, 4999);
    struct wc_node *copy = wc_node_copy(&p.arena, root);
    assert_true(wc_node_drop(copy, "k0"));
    assert_false(wc_node_drop(copy, "k0"));
    assert_int_equal(wc_node_get(copy, "k4999")->integer, 4999);
    assert_int_equal(root->n, 5000);
    wc_arena_deinit(&p.arena);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *code;
        unsigned line, col;
    } rows[] = {
        { "a: 1\na: 2\n", 0, "E103", 2, 1 },   { "a: [1\n", 0, "E104", 1, 6 },
        { "a: \"x\\0y\"\n", 0, "E104", 1, 4 }, { "a: *x\n", 0, "E104", 1, 4 },
        { "1: x\n", 0, "E101", 1, 1 },         { "? [a]\n: x\n", 0, "E101", 1, 3 },
        { "a: b\n<<: 5\n", 0, "E101", 2, 5 },  { "a: \xff\xfe\n", 6, "E104", 1, 4 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct parsed p;
        parse(&p, rows[i].text, rows[i].len == 0 ? strlen(rows[i].text) : rows[i].len);
        assert_int_equal(p.diags.n, 1);
        assert_string_equal(p.diags.items[0].code, rows[i].code);
        assert_int_equal(p.diags.items[0].at.line, rows[i].line);
        assert_int_equal(p.diags.items[0].at.col, rows[i].col);
        wc_arena_deinit(&p.arena);
    }
}

/* Aliases of aliases: each level is shallow, together they are deeper than allowed. */
static void depth_counts_through_aliases(void **state)
{
    (void)state;
    struct parsed p;
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 60; i++)
        wc_buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    parse(&p, text.data, text.len);
    assert_false(p.ok);
    assert_string_equal(p.diags.items[0].code, "E105");
    wc_arena_deinit(&p.arena);
}

WC_MAIN(WC_CASE(places), WC_CASE(merge_keys), WC_CASE(wide_maps_are_indexed), WC_CASE(refused),
        WC_CASE(depth_counts_through_aliases))
