/* test_json.c - the JSON wrapper: exact names, whole integers, refused text, and a writer that
 * never makes bad JSON. */
#include "harness/wc_test.h"

#include "base/buf.h"
#include "base/json.h"

static void reads_values(void **state)
{
    (void)state;
    static const char text[] =
        " {\"a\":1,\"A\":2,\"s\":\"x\\u00e9\",\"list\":[true,null,1.5],\"big\":1e300} ";
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    assert_int_equal(wc_json_parse(text, sizeof text - 1, &root, &err), 0);
    assert_int_equal(wc_json_i64(wc_json_get(root, "A"), -1), 2);
    assert_int_equal(wc_json_i64(wc_json_get(root, "big"), -1), -1);
    assert_string_equal(wc_json_str(wc_json_get(root, "s"), ""), "x\xc3\xa9");
    assert_int_equal(wc_json_count(wc_json_get(root, "list")), 3);
    assert_true(wc_json_bool(wc_json_first(wc_json_get(root, "list")), false));
    assert_null(wc_json_get(root, "none"));
    assert_int_equal(wc_json_i64(wc_json_get(wc_json_get(root, "none"), "deeper"), 7), 7);
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "{", "{} x", "[1,]", "nul", "{\"a\" 1}" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wc_json *root = NULL;
        struct wc_err err = { 0 };
        assert_int_equal(wc_json_parse(texts[i], strlen(texts[i]), &root, &err), WC_ERR_SPEC);
        assert_null(root);
        assert_true(err.msg[0] != '\0');
    }
}

static void limits_depth(void **state)
{
    (void)state;
    char text[1001];
    struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    memset(text, '[', 1000);
    text[1000] = '\0';
    assert_int_equal(wc_json_parse(text, 1000, &root, &err), WC_ERR_LIMIT);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&buf);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "n", INT64_MAX);
    wc_jsonw_array(&w, "list");
    wc_jsonw_str(&w, NULL, "quote \" back \\ line\nbell\a");
    wc_jsonw_str(&w, NULL, NULL);
    wc_jsonw_strn(&w, NULL, "bad \xff utf8 \xed\xa0\x80", 14);
    wc_jsonw_end_array(&w);
    wc_jsonw_object(&w, "empty");
    wc_jsonw_end_object(&w);
    wc_jsonw_bool(&w, "yes", true);
    wc_jsonw_end_object(&w);
    assert_string_equal(buf.data,
                        "{\"n\":9223372036854775807,\"list\":[\"quote \\\" back \\\\ "
                        "line\\nbell\\u0007\",null,\"bad \xef\xbf\xbd utf8 "
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"],\"empty\":{},\"yes\":true}");
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    assert_int_equal(wc_json_parse(buf.data, buf.len, &root, &err), 0);
}

WC_MAIN(WC_CASE(reads_values), WC_CASE(refuses_what_is_not_json), WC_CASE(limits_depth),
        WC_CASE(writes_what_it_reads))
