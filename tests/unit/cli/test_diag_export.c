/* test_diag_export.c - findings for GitHub and in SARIF: what a file holds stays data. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cli/diag_export.h"
#include "wcompose/spec.h"

struct page {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_buf out;
};

static void page_init(struct page *page)
{
    wc_arena_init(&page->arena);
    wc_diags_init(&page->diags, &page->arena);
    page->out = (struct wc_buf)WC_BUF_INIT;
    struct wc_loc at = { "/src/a b,c:\xc3\xa4.yaml", 3, 5 }, nowhere = { 0 };
    struct wc_diag *diag = wc_diags_add(&page->diags, WC_SEVERITY_ERROR, "E100", at,
                                        "100%% wrong\n::error::injected \033[31m");
    diag->span = 4;
    diag->hint = "did you mean 'x'?";
    diag->related = (struct wc_loc){ "/other/z.yaml", 1, 2 };
    diag->related_span = 7;
    diag->related_label = "set here";
    wc_diags_add(&page->diags, WC_SEVERITY_WARNING, "W014", nowhere, "no profile");
    wc_diags_add(&page->diags, WC_SEVERITY_ERROR, "X999", nowhere, "a code that nobody has");
}

static void page_deinit(struct page *page)
{
    wc_buf_deinit(&page->out);
    wc_arena_deinit(&page->arena);
}

static void github(void **state)
{
    (void)state;
    struct page page;
    page_init(&page);
    wc_diags_format_github(&page.diags, "/src", &page.out);
    assert_string_equal(
        page.out.data,
        "::error file=a b%2Cc%3A\xc3\xa4.yaml,line=3,endLine=3,col=5,endColumn=9,title=E100::"
        "100%25 wrong?::error::injected ?[31m%0Ahelp: did you mean 'x'?%0A/other/z.yaml:1:2: set "
        "here\n"
        "::warning title=W014::no profile\n"
        "::error title=X999::a code that nobody has\n");
    page_deinit(&page);
}

static void sarif(void **state)
{
    (void)state;
    struct page page;
    page_init(&page);
    wc_diags_format_sarif(&page.diags, "/src", &page.out);
    assert_null(strchr(page.out.data, '\033'));
    static const char *const parts[] = {
        "\"version\":\"2.1.0\"",
        "\"columnKind\":\"unicodeCodePoints\"",
        "\"uri\":\"a%20b%2Cc%3A%C3%A4.yaml\",\"uriBaseId\":\"%SRCROOT%\"",
        "\"region\":{\"startLine\":3,\"startColumn\":5,\"endColumn\":9}",
        "\"uri\":\"file:///other/z.yaml\"}",
        "\"region\":{\"startLine\":1,\"startColumn\":2,\"endColumn\":9}",
        "\"message\":{\"text\":\"set here\"}",
        "\"level\":\"warning\",\"message\":{\"text\":\"no profile\"}}",
        "{\"level\":\"error\",\"message\":{\"text\":\"a code that nobody has\"}}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(page.out.data, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], page.out.data);
    page_deinit(&page);
}

/* Every code has a rule, and a result's index leads to the rule of its code. */
static void every_code_has_a_rule(void **state)
{
    (void)state;
    struct page page;
    const struct wc_code_info *info;
    char want[64];
    page_init(&page);
    struct wc_loc nowhere = { 0 };
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++)
        wc_diags_add(&page.diags, WC_SEVERITY_ERROR, info->code, nowhere, "x");
    wc_diags_format_sarif(&page.diags, NULL, &page.out);
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++) {
        snprintf(want, sizeof want, "{\"id\":\"%s\",\"shortDescription\":{\"text\":", info->code);
        assert_non_null(strstr(page.out.data, want));
        snprintf(want, sizeof want, "{\"ruleId\":\"%s\",\"ruleIndex\":%zu,", info->code, i);
        assert_non_null(strstr(page.out.data, want));
    }
    page_deinit(&page);
}

WC_MAIN(WC_CASE(github), WC_CASE(sarif), WC_CASE(every_code_has_a_rule))
