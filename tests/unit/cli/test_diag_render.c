/* test_diag_render.c - carets under the right characters, whatever the characters are. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/diag_render.h"

static const struct wc_style plain = { .width = 80, .height = 24 };

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
    wc_diags_format(&page.diags, &plain, "/src", false, &page.out);
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
    wc_diags_format(&page.diags, &plain, NULL, false, &page.out);
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
    wc_diags_format(&page.diags, &plain, NULL, false, &page.out);
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
    wc_diags_format(&page.diags, &plain, "/src", false, &page.out);
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
    wc_diags_format(&page.diags, &plain, NULL, false, &page.out);
    assert_null(strchr(page.out.data, '\033'));
    assert_null(strchr(page.out.data, '\007'));
    page_deinit(&page);
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
    wc_diags_format(&page.diags, &plain, NULL, false, &page.out);
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
    wc_diags_format(&page.diags, &plain, NULL, false, &page.out);
    assert_int_equal(strncmp(page.out.data, "error[E001]: the error", 22), 0);
    assert_non_null(strstr(page.out.data, "\nand 11 more (0 errors)\n"));
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
        WC_CASE(as_json))
