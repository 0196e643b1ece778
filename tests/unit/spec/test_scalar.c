/* test_scalar.c - what unquoted words mean, and how numbers are printed. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/node.h"
#include "spec/scalar.h"

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        enum wc_node_kind kind;
        const char *text;
    } rows[] = {
        { "", WC_NODE_NULL, "" },
        { "~", WC_NODE_NULL, "" },
        { "Null", WC_NODE_NULL, "" },
        { "nULL", WC_NODE_STRING, "nULL" },
        { "TRUE", WC_NODE_BOOL, "true" },
        { "false", WC_NODE_BOOL, "false" },
        { "yes", WC_NODE_STRING, "yes" },
        { "on", WC_NODE_STRING, "on" },
        { "012", WC_NODE_INT, "10" },
        { "0o12", WC_NODE_INT, "10" },
        { "0x1F", WC_NODE_INT, "31" },
        { "0b11", WC_NODE_INT, "3" },
        { "1_000", WC_NODE_INT, "1000" },
        { "+5", WC_NODE_INT, "5" },
        { "-9223372036854775808", WC_NODE_INT, "-9223372036854775808" },
        { "9223372036854775808", WC_NODE_FLOAT, "9223372036854775808" },
        { "123456789012345678901234", WC_NODE_FLOAT, "1.2345678901234569e+23" },
        { "08", WC_NODE_FLOAT, "8" },
        { "1e3", WC_NODE_FLOAT, "1000" },
        { "1.10", WC_NODE_FLOAT, "1.1" },
        { ".5", WC_NODE_FLOAT, "0.5" },
        { "-0.25", WC_NODE_FLOAT, "-0.25" },
        { "1e21", WC_NODE_FLOAT, "1e+21" },
        { "1e-6", WC_NODE_FLOAT, "1e-06" },
        { "0.0001", WC_NODE_FLOAT, "0.0001" },
        { "999999.5", WC_NODE_FLOAT, "999999.5" },
        { "1234567890.5", WC_NODE_FLOAT, "1.2345678905e+09" },
        { "0.0", WC_NODE_FLOAT, "0" },
        { "22:22", WC_NODE_STRING, "22:22" },
        { "1e400", WC_NODE_STRING, "1e400" },
        { "0x", WC_NODE_STRING, "0x" },
        { "1,000", WC_NODE_STRING, "1,000" },
        { "_1", WC_NODE_STRING, "_1" },
        { "1.2.3", WC_NODE_STRING, "1.2.3" },
        { "-", WC_NODE_STRING, "-" },
        { "+", WC_NODE_STRING, "+" },
        { ".", WC_NODE_STRING, "." },
        { "1e", WC_NODE_STRING, "1e" },
        { "2020-01-01", WC_NODE_STRING, "2020-01-01" },
        { ".inf", WC_NODE_STRING, ".inf" },
    };
    struct wc_arena arena;
    wc_arena_init(&arena);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_node node = { .raw = rows[i].raw };
        wc_node_resolve(&arena, &node);
        if (node.kind != rows[i].kind)
            fail_msg("'%s' became kind %d", rows[i].raw, (int)node.kind);
        assert_string_equal(node.text, rows[i].text);
    }
    wc_arena_deinit(&arena);
}

static void booleans(void **state)
{
    (void)state;
    bool value = false;
    assert_true(wc_scalar_bool("Yes", &value) && value);
    assert_true(wc_scalar_bool("OFF", &value) && !value);
    assert_false(wc_scalar_bool("1", &value));
    assert_false(wc_scalar_bool("", &value));
}

WC_MAIN(WC_CASE(kinds), WC_CASE(booleans))
