/* test_text.c - display width, safe text, tables. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/table.h"

static void widths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        { "", 0 },     { "abc", 3 },      { "naïve", 5 },    { "日本", 4 }, { "e\xcc\x81", 1 },
        { "🙂", 2 }, { "\xff\xfe", 2 }, { "\xe6\x97", 2 }, { "한", 2 },   { "\xc0\x80", 2 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        assert_int_equal(wc_text_width(rows[i].text, strlen(rows[i].text)), rows[i].width);
}

static void cutting_keeps_characters_whole(void **state)
{
    (void)state;
    assert_int_equal(wc_text_cut("日本語", 9, 5), 6);
    assert_int_equal(wc_text_cut("abc", 3, 10), 3);
    assert_int_equal(wc_text_cut("abc", 3, 0), 0);
}

static void unsafe_text_is_disarmed(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    static const char text[] = "a\033[2Jb\tc\r\n\x9b\xc2\x9bz\x7f ü";
    wc_text_add_safe(&out, text, sizeof text - 1);
    assert_string_equal(out.data, "a?[2Jb c????z? ü");
}

static void table_aligns(void **state)
{
    (void)state;
    static const char *const headings[] = { "SERVICE", "STATE", "PORTS" };
    static const char *const rows[][3] = { { "db", "running", NULL }, { "日本語店", "x", "" } };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_table *table = wc_table_new(&arena, headings, 3);
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        wc_table_row(table, rows[i]);
    wc_table_format(table, &out);
    assert_string_equal(out.data, "SERVICE   STATE    PORTS\n"
                                  "db        running  -\n"
                                  "日本語店  x\n");
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(widths), WC_CASE(cutting_keeps_characters_whole), WC_CASE(unsafe_text_is_disarmed),
        WC_CASE(table_aligns))
