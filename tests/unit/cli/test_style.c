/* test_style.c - colour and cursor are two switches; glyphs a third. */
#include "harness/wc_test.h"

#include "base/str.h"
#include "cli/style.h"

static void decisions(void **state)
{
    (void)state;
    static const struct {
        bool terminal;
        const char *ansi, *variable;
        bool colour, cursor;
    } rows[] = {
        { true, "auto", "X=1", true, true },
        { false, "auto", "X=1", false, false },
        { true, "auto", "NO_COLOR=1", false, true },
        { true, "auto", "NO_COLOR=", true, true },
        { true, "auto", "TERM=dumb", false, false },
        { false, "auto", "CLICOLOR_FORCE=1", true, false },
        { false, "auto", "CLICOLOR_FORCE=0", false, false },
        { true, "never", "CLICOLOR_FORCE=1", false, false },
        { false, "always", "X=1", true, false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        const char *const environ_[] = { rows[i].variable, NULL };
        struct wc_style_facts facts = { .is_terminal = rows[i].terminal,
                                        .ansi = rows[i].ansi,
                                        .environ = environ_ };
        struct wc_style style;
        wc_style_decide(&facts, &style);
        assert_int_equal(style.colour, rows[i].colour);
        assert_int_equal(style.cursor, rows[i].cursor);
        assert_int_equal(style.width, 80);
        assert_int_equal(wc_style_colour(&style, WC_COLOUR_ERROR)[0] != '\0', rows[i].colour);
    }
}

static void glyphs_follow_the_locale(void **state)
{
    (void)state;
    static const struct {
        const char *variables[3];
        bool unicode;
    } rows[] = {
        { { "LANG=C.UTF-8" }, true },
        { { "LANG=de_DE.utf8" }, true },
        { { "LANG=C.UTF-8", "LC_ALL=C" }, false },
        { { "LANG=C", "LC_CTYPE=en_GB.UTF-8" }, true },
        { { "LANG=C.UTF-8", "WCOMPOSE_ASCII=1" }, false },
        { { "LANG=en_GB.ISO-8859-1" }, false },
        { { "X=1" }, false },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_style_facts facts = { .ansi = "auto", .environ = rows[i].variables };
        struct wc_style style;
        wc_style_decide(&facts, &style);
        assert_int_equal(style.unicode, rows[i].unicode);
        for (const char *c = wc_style_mark(&style, WC_MARK_DONE); *c != '\0'; c++)
            assert_int_equal((unsigned char)*c >= 0x80, rows[i].unicode);
    }
}

WC_MAIN(WC_CASE(decisions), WC_CASE(glyphs_follow_the_locale))
