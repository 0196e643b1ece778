/* test_interpolate.c - templates one by one, env files line by line. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/dotenv.h"
#include "spec/interpolate.h"
#include "spec/load.h"

static const char *get(void *data, const char *name)
{
    (void)data;
    return wc_streq(name, "S") ? "set" : wc_streq(name, "E") ? "" : NULL;
}

static void templates(void **state)
{
    (void)state;
    static const struct {
        const char *text, *result; /* NULL: a fault */
        size_t offset;
    } rows[] = {
        { "plain", "plain", 0 },
        { "$S", "set", 0 },
        { "${S}", "set", 0 },
        { "a$S.b", "aset.b", 0 },
        { "$U", "", 0 },
        { "${U:-d}", "d", 0 },
        { "${E:-d}", "d", 0 },
        { "${E-d}", "", 0 },
        { "${S:+a}", "a", 0 },
        { "${E:+a}", "", 0 },
        { "${E+a}", "a", 0 },
        { "${U+a}", "", 0 },
        { "${S:?m}", "set", 0 },
        { "${E?m}", "", 0 },
        { "${U:-${S}}", "set", 0 },
        { "${U:-${U2:-x}}", "x", 0 },
        { "${U:-a}b}", "ab}", 0 },
        { "${U:-{x}}", "{x}", 0 },
        { "${U:-}}", "}", 0 },
        { "${U:-a?b}", "a?b", 0 },
        { "${U:-\\$}", "\\$", 0 },
        { "${S:-${bad!}}", "set", 0 },
        { "$$S", "$S", 0 },
        { "$$$S", "$set", 0 },
        { "a$", "a$", 0 },
        { "$1 $( $? $-", "$1 $( $? $-", 0 },
        { "x${1}", NULL, 1 },
        { "${}", NULL, 0 },
        { "${X:=y}", NULL, 0 },
        { "${X/a/b}", NULL, 0 },
        { "${X:0:1}", NULL, 0 },
        { "${ X}", NULL, 0 },
        { "ab${X", NULL, 2 },
        { "${X:-a\nb}", NULL, 0 },
        { "${E:?m}", NULL, 0 },
        { "${U:-${V:?x}}", NULL, 5 },
    };
    struct wc_template_env env = { .get = get };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_template_fault why;
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        bool ok = wc_template_expand(rows[i].text, &env, &out, &why);
        if (ok != (rows[i].result != NULL))
            fail_msg("'%s': %s", rows[i].text, ok ? out.data : why.msg);
        if (ok)
            assert_string_equal(out.data, rows[i].result);
        else
            assert_int_equal(why.offset, rows[i].offset);
    }
}

static void required_message(void **state)
{
    (void)state;
    struct wc_template_env env = { .get = get };
    struct wc_template_fault why;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    assert_false(wc_template_expand("${U:?please $S}", &env, &out, &why));
    assert_true(why.required);
    assert_string_equal(why.msg, "required variable 'U' is not set: please set");
}

static void env_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *value; /* value NULL: not defined */
    } rows[] = {
        { "A=1", "A", "1" },
        { "A=1\r\n", "A", "1" },
        { "\xef\xbb\xbf"
          "A=1",
          "A", "1" },
        { "export A = 1 ", "A", "1" },
        { "A: 1", "A", "1" },
        { "A=a # c", "A", "a" },
        { "A=a#c", "A", "a#c" },
        { "A=# c", "A", "# c" }, /* as docker compose reads it: a comment has a blank before it */
        { "A='a $S # b'", "A", "a $S # b" },
        { "A='it\\'s'", "A", "it's" },
        { "A=\"a\\tb\\\"$S\\$S\"", "A", "a\tb\"set$S" },
        { "A=\"two\nlines\"", "A", "two\nlines" },
        { "A=\"a\"B=2", "B", "2" },
        { "A=$S", "A", "set" },
        { "A=1\nB=${A}2", "B", "12" },
        { "S", "S", "set" },
        { "U", "U", NULL },
        { "=v", "", "v" },
        { "1a.b-c[0]=x", "1a.b-c[0]", "x" },
        { "A=1\nA=2", "A", "2" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_arena arena;
        struct wc_diags diags;
        struct wc_map out;
        wc_arena_init(&arena);
        wc_diags_init(&diags, &arena);
        wc_map_init(&out, &arena);
        struct wc_load load = { .arena = &arena, .diags = &diags, .budget = wc_budget_make(NULL) };
        struct wc_dotenv in = { .file = ".env",
                                .text = rows[i].text,
                                .len = strlen(rows[i].text),
                                .outer = get,
                                .out = &out };
        if (!wc_dotenv_parse(&load, &in))
            fail_msg("'%s': %s", rows[i].text, diags.items[0].msg);
        const char *value = wc_map_get(&out, rows[i].key);
        if (!wc_streq0(value, rows[i].value))
            fail_msg("'%s' gave '%s'", rows[i].text, value == NULL ? "(nothing)" : value);
        wc_arena_deinit(&arena);
    }
}

WC_MAIN(WC_CASE(templates), WC_CASE(required_message), WC_CASE(env_lines))
