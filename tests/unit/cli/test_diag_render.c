/* test_diag_render.c - carets under the right characters, whatever the characters are. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/diag_render.h"
#include "cli/table.h"

static const struct wc_style plain = { .width = 80, .height = 24 };

static const struct wc_diags_view anywhere = { .most = WC_DIAGS_SHOWN };
static const struct wc_diags_view at_src = { .most = WC_DIAGS_SHOWN, .cwd = "/src" };

struct page {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_buf out;
};

static void page_init(struct page *page, const char *file, const char *text)
{
    wc_arena_init(&page->arena);
    wc_diags_init(&page->diags, &page->arena);
    page->out = (struct wc_buf)WC_BUF_INIT;
    wc_diags_source(&page->diags, file, text, strlen(text));
}

static void page_deinit(struct page *page)
{
    wc_buf_deinit(&page->out);
    wc_arena_deinit(&page->arena);
}

static struct wc_diag *page_add(struct page *page, unsigned line, unsigned col, const char *msg)
{
    struct wc_loc at = { "/src/compose.yaml", line, col };
    return wc_diags_add(&page->diags, WC_SEVERITY_ERROR, "E100", at, "%s", msg);
}

static void caret_and_help(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "services:\n  web:\n    enviroment:\n");
    struct wc_diag *diag = page_add(&page, 3, 5, "unknown key 'enviroment' in services.web");
    diag->span = 10;
    diag->hint = "did you mean 'environment'?";
    wc_diags_format(&page.diags, &plain, &at_src, &page.out);
    assert_string_equal(page.out.data, "error[E100]: unknown key 'enviroment' in services.web\n"
                                       " --> compose.yaml:3:5\n"
                                       "  |\n"
                                       "3 |     enviroment:\n"
                                       "  |     ^^^^^^^^^^\n"
                                       "  = help: did you mean 'environment'?\n");
    page_deinit(&page);
}

static void tabs_and_wide_characters(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "\tkey: 日本 isolation\n");
    page_add(&page, 1, 7, "wide")->span = 2;
    page_add(&page, 1, 10, "after")->span = 9;
    wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
    assert_non_null(strstr(page.out.data, "1 |     key: 日本 isolation\n"
                                          "  |          ^^^^\n"));
    assert_non_null(strstr(page.out.data, "1 |     key: 日本 isolation\n"
                                          "  |               ^^^^^^^^^\n"));
    page_deinit(&page);
}

static void past_the_end_and_no_line(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "a:");
    page_add(&page, 1, 9, "missing value");
    page_add(&page, 7, 1, "no such line");
    struct wc_loc nowhere = { 0 };
    wc_diags_add(&page.diags, WC_SEVERITY_ERROR, NULL, nowhere, "no place");
    wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
    assert_string_equal(page.out.data, "error[E100]: missing value\n"
                                       " --> /src/compose.yaml:1:9\n"
                                       "  |\n"
                                       "1 | a:\n"
                                       "  |   ^\n"
                                       "\n"
                                       "error[E100]: no such line\n"
                                       " --> /src/compose.yaml:7:1\n"
                                       "\n"
                                       "error: no place\n");
    page_deinit(&page);
}

static void second_place(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "a: 1\nb: 2\na: 3\n");
    struct wc_diag *diag = page_add(&page, 3, 1, "key 'a' appears twice");
    diag->related = (struct wc_loc){ "/src/compose.yaml", 1, 1 };
    diag->related_label = "first defined here";
    wc_diags_format(&page.diags, &plain, &at_src, &page.out);
    assert_string_equal(page.out.data, "error[E100]: key 'a' appears twice\n"
                                       " --> compose.yaml:3:1\n"
                                       "  |\n"
                                       "3 | a: 3\n"
                                       "  | ^\n"
                                       " --> compose.yaml:1:1\n"
                                       "  |\n"
                                       "1 | a: 1\n"
                                       "  | ^ first defined here\n");
    page_deinit(&page);
}

static void nothing_a_terminal_obeys(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "x: \033]0;owned\007\n");
    page_add(&page, 1, 4, "bad \033[31m value");
    wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
    assert_null(strchr(page.out.data, '\033'));
    assert_null(strchr(page.out.data, '\007'));
    page_deinit(&page);
}

/* What stands under each character of a line that has every width there is. */
static void aligned_by_width(void **state)
{
    (void)state;
    static const struct {
        unsigned col, span;
        const char *under;
    } rows[] = {
        { 1, 1, " ^\n" },           /* a */
        { 2, 1, "  ^\n" },          /* e with a combining acute */
        { 3, 1, "  ^\n" },          /* the mark itself: under its letter */
        { 4, 1, "   ^^\n" },        /* an emoji */
        { 5, 1, "     ^^^^\n" },    /* a tab */
        { 6, 1, "         ^^\n" },  /* fullwidth letter */
        { 7, 1, "           ^\n" }, /* right-to-left override, shown as ? */
        { 8, 2, "            ^^\n" },
        { 4, 3, "   ^^^^^^^^\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page page;
        page_init(&page, "/src/compose.yaml",
                  "ae\xcc\x81\xf0\x9f\x98\x80\t\xef\xbc\xa1\xe2\x80\xaezz");
        page_add(&page, 1, rows[i].col, "x")->span = rows[i].span;
        wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
        const char *line = strstr(page.out.data, "1 | ");
        assert_int_equal(strncmp(line, "1 | ae\xcc\x81\xf0\x9f\x98\x80    \xef\xbc\xa1?zz\n", 22),
                         0);
        assert_string_equal(strrchr(page.out.data, '|') + 1, rows[i].under);
        page_deinit(&page);
    }
}

static void lines_end_where_editors_end_them(void **state)
{
    (void)state;
    struct page page;
    size_t len;
    page_init(&page, "f", "one\r\ntwo\rthree\n\nfive");
    static const char *const lines[] = { "one", "two", "three", "", "five" };
    for (unsigned i = 0; i < 5; i++) {
        const char *line = wc_diags_line(&page.diags, "f", i + 1, &len);
        assert_int_equal(len, strlen(lines[i]));
        assert_memory_equal(line, lines[i], len);
    }
    assert_null(wc_diags_line(&page.diags, "f", 6, &len));
    page_deinit(&page);
}

static void cut_to_the_terminal(void **state)
{
    (void)state;
    static const struct wc_style narrow = { .tty = true, .width = 60, .unicode = true };
    char text[500];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (unsigned col = 1; col < sizeof text; col += 7) {
        struct page page;
        text[col - 1] = '!';
        page_init(&page, "/src/compose.yaml", text);
        page_add(&page, 1, col, "here");
        wc_diags_format(&page.diags, &narrow, &anywhere, &page.out);
        const char *line = strstr(page.out.data, "1 | ") + 4, *end = strchr(line, '\n');
        const char *found = strchr(line, '!'), *caret = strchr(end, '^');
        assert_true(wc_text_width(line, (size_t)(end - line)) + 4 <= 60);
        assert_int_equal(wc_text_width(line, (size_t)(found - line)),
                         caret - strstr(end + 1, "| ") - 2);
        page_deinit(&page);
        text[col - 1] = 'x';
    }
}

/* Many warnings leave room for the error; what isn't kept is counted. */
static void many_warnings_hide_no_error(void **state)
{
    (void)state;
    struct page page;
    struct wc_loc at = { "f", 1, 1 };
    page_init(&page, "f", "x\n");
    for (int i = 0; i < 100000; i++)
        wc_diags_add(&page.diags, WC_SEVERITY_WARNING, "W001", at, "warning %d", i);
    page_add(&page, 1, 1, "the error");
    assert_int_equal(page.diags.n, WC_DIAGS_MAX + 1);
    wc_diags_sort(&page.diags);
    struct wc_diags_view errors = { .most = 1, .no_warnings = true };
    wc_diags_format(&page.diags, &plain, &errors, &page.out);
    assert_non_null(strstr(page.out.data, "the error"));
    assert_null(strstr(page.out.data, "more"));
    wc_buf_reset(&page.out);
    struct wc_diags_view all = { 0 };
    wc_diags_format(&page.diags, &plain, &all, &page.out);
    assert_non_null(strstr(page.out.data, "and 99000 more (0 errors, 99000 warnings); that is as"));
    page_deinit(&page);
}

/* A message may quote a value of any length; it is cut between characters. */
static void long_messages_are_cut(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        struct page page;
        WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
        page_init(&page, "f", "x\n");
        wc_buf_add(&text, "xxx", shift);
        for (int i = 0; i < 100000; i++)
            wc_buf_adds(&text, "\xe6\x97\xa5");
        const char *msg = page_add(&page, 1, 1, text.data)->msg;
        assert_true(strlen(msg) < WC_DIAGS_TEXT_MAX);
        assert_string_equal(msg + strlen(msg) - 6, "\xe6\x97\xa5\xe2\x80\xa6");
        page_deinit(&page);
    }
}

static void long_lines_are_cut_round_the_caret(void **state)
{
    (void)state;
    struct page page;
    char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    memcpy(text + 2000, "HERE", 4);
    page_init(&page, "/src/compose.yaml", text);
    page_add(&page, 1, 2001, "far right")->span = 4;
    wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
    assert_true(page.out.len < 600);
    const char *line = strstr(page.out.data, "1 | ");
    const char *here = strstr(page.out.data, "HERE");
    const char *caret = strstr(page.out.data, "^^^^\n");
    const char *caret_line = strstr(here, "\n") + 1;
    assert_non_null(caret);
    assert_int_equal(here - line, caret - caret_line);
    page_deinit(&page);
}

static void capped_with_errors_first(void **state)
{
    (void)state;
    struct page page;
    struct wc_loc at = { "/src/compose.yaml", 1, 1 };
    page_init(&page, "/src/compose.yaml", "x\n");
    for (int i = 0; i < 30; i++)
        wc_diags_add(&page.diags, WC_SEVERITY_WARNING, "W001", at, "warning %d", i);
    wc_diags_add(&page.diags, WC_SEVERITY_ERROR, "E001", at, "the error");
    wc_diags_format(&page.diags, &plain, &anywhere, &page.out);
    assert_int_equal(strncmp(page.out.data, "error[E001]: the error", 22), 0);
    assert_non_null(strstr(page.out.data,
                           "\nand 11 more (0 errors, 11 warnings); --max-errors 0 shows them\n"));
    page_deinit(&page);
}

static void as_json(void **state)
{
    (void)state;
    struct page page;
    page_init(&page, "/src/compose.yaml", "a\n");
    page_add(&page, 1, 1, "what \"is\" wrong")->hint = "do this";
    wc_diags_format_json(&page.diags, false, &page.out);
    assert_string_equal(page.out.data,
                        "{\"v\":1,\"type\":\"diagnostic\",\"severity\":\"error\",\"code\":\"E100\","
                        "\"message\":\"what \\\"is\\\" wrong\",\"at\":{\"file\":\"/src/"
                        "compose.yaml\",\"line\":1,\"column\":1},\"span\":1,\"help\":\"do "
                        "this\"}\n");
    page_deinit(&page);
}

WC_MAIN(WC_CASE(caret_and_help), WC_CASE(tabs_and_wide_characters),
        WC_CASE(past_the_end_and_no_line), WC_CASE(second_place), WC_CASE(nothing_a_terminal_obeys),
        WC_CASE(long_lines_are_cut_round_the_caret), WC_CASE(capped_with_errors_first),
        WC_CASE(as_json), WC_CASE(aligned_by_width), WC_CASE(lines_end_where_editors_end_them),
        WC_CASE(cut_to_the_terminal), WC_CASE(many_warnings_hide_no_error),
        WC_CASE(long_messages_are_cut))
