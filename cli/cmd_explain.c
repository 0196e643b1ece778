/* cmd_explain.c - wcompose explain: what a code means, in the words of docs/errors.md; of Windows'
 * in those of docs/windows.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/style.h"
#include "wcompose/host.h"
#include "wcompose/spec.h"

static const struct wc_code_info *find(const char *code)
{
    const struct wc_code_info *info;
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++)
        if (wc_str_caseeq(info->code, code))
            return info;
    return NULL;
}

/* "0xc0370101", as engines print it, or without the prefix: eight hexadecimal digits. */
static bool parse_code(const char *word, uint32_t *code)
{
    char *end;
    const char *digits = wc_str_starts(word, "0x") || wc_str_starts(word, "0X") ? word + 2 : word;
    size_t len = strspn(digits, "0123456789abcdefABCDEF");
    if (len != 8 || digits[len] != '\0')
        return false;
    *code = (uint32_t)strtoul(digits, &end, 16);
    return true;
}

/* A title close to the word ("duplicate") is as good as a code close to it. */
static int unknown(const struct wc_cli *cli, const char *code)
{
    struct wc_strv codes = { 0 };
    const struct wc_code_info *info;
    const char *hint = "wcompose explain lists the codes";
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++)
        wc_strv_add(cli->arena, &codes, info->code);
    const char *near = wc_str_suggest(code, codes.items, codes.n);
    uint32_t number;
    if (parse_code(code, &number))
        return wc_cli_usage_hint(cli,
                                 "wcompose explain lists those that are known, docs/windows.md "
                                 "says where they are from",
                                 "'%s' is no error of Windows' container services that is known "
                                 "here",
                                 code);
    if (near != NULL)
        hint = wc_arena_printf(cli->arena, "did you mean %s (%s)? wcompose explain lists all", near,
                               find(near)->title);
    return wc_cli_usage_hint(cli, hint, "no error or warning has the code '%s'", code);
}

static void add_json(struct wc_buf *out, const struct wc_code_info *info)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "code", info->code);
    wc_jsonw_str(&w, "severity", info->code[0] == 'E' ? "error" : "warning");
    wc_jsonw_str(&w, "title", info->title);
    wc_jsonw_str(&w, "meaning", info->meaning);
    wc_jsonw_str(&w, "example", info->example);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

/* Breaks text at blanks into lines of at most `width` columns; it is ours, so ASCII. */
static void add_wrapped(struct wc_buf *out, const char *text, size_t width)
{
    for (size_t column = 0; *text != '\0';) {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > width) {
            wc_buf_addc(out, '\n');
            column = 0;
        } else if (column > 0) {
            wc_buf_addc(out, ' ');
            column++;
        }
        wc_buf_add(out, text, len);
        column += len;
        text += len + strspn(text + len, " ");
    }
    wc_buf_addc(out, '\n');
}

static void add_text(const struct wc_cli *cli, struct wc_buf *out, const struct wc_code_info *info)
{
    wc_buf_printf(out, "%s%s: %s%s\n\n", wc_style_colour(&cli->out, WC_COLOUR_STRONG), info->code,
                  info->title, wc_style_colour(&cli->out, WC_COLOUR_RESET));
    add_wrapped(out, info->meaning, cli->out.width > 20 ? cli->out.width - 1 : 79);
    wc_buf_printf(out, "\nExample\n  %s\n", info->example);
}

/* ---- Windows' own ---- */

/* By its number or its name. */
static const struct wc_windows_error *find_windows(const char *word)
{
    uint32_t code;
    size_t n;
    const struct wc_windows_error *all = wc_windows_errors(&n);
    if (parse_code(word, &code))
        return wc_windows_error(code);
    for (size_t i = 0; i < n; i++)
        if (wc_str_caseeq(all[i].name, word))
            return &all[i];
    return NULL;
}

static void add_windows_json(struct wc_buf *out, const struct wc_windows_error *error)
{
    char code[16];
    struct wc_jsonw w = WC_JSONW_INIT(out);
    snprintf(code, sizeof code, "0x%08x", (unsigned)error->code);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "code", code);
    wc_jsonw_str(&w, "severity", "error");
    wc_jsonw_str(&w, "title", error->name);
    wc_jsonw_str(&w, "meaning", error->meaning);
    wc_jsonw_str(&w, "advice", error->advice);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

static void add_windows_text(const struct wc_cli *cli, struct wc_buf *out,
                             const struct wc_windows_error *error)
{
    enum { OTHER_SPELLING = 0x40000000 };
    wc_buf_printf(out, "%s0x%08x: %s%s\n\n", wc_style_colour(&cli->out, WC_COLOUR_STRONG),
                  (unsigned)error->code, error->name, wc_style_colour(&cli->out, WC_COLOUR_RESET));
    wc_buf_printf(out,
                  "Windows' container services say: %s.\nThe spelling 0x%08x is the same error.\n"
                  "\nWhat to do\n  %s\n",
                  error->meaning, (unsigned)error->code | OTHER_SPELLING, error->advice);
}

static void add_list(const struct wc_cli *cli, struct wc_buf *out)
{
    size_t n;
    const struct wc_code_info *info;
    const struct wc_windows_error *windows = wc_windows_errors(&n);
    for (size_t i = 0; (info = wc_spec_code_info(i)) != NULL; i++) {
        if (cli->json)
            add_json(out, info);
        else
            wc_buf_printf(out, "%s  %s\n", info->code, info->title);
    }
    for (size_t i = 0; i < n; i++) {
        if (cli->json)
            add_windows_json(out, &windows[i]);
        else
            wc_buf_printf(out, "0x%08x  %s: %s\n", (unsigned)windows[i].code, windows[i].name,
                          windows[i].meaning);
    }
}

/* False: there is no such code. */
static bool add_word(const struct wc_cli *cli, struct wc_buf *out, const char *word)
{
    const struct wc_code_info *info = find(word);
    const struct wc_windows_error *windows = info == NULL ? find_windows(word) : NULL;
    if (info == NULL && windows == NULL)
        return false;
    if (cli->json && info != NULL)
        add_json(out, info);
    else if (cli->json)
        add_windows_json(out, windows);
    else if (info != NULL)
        add_text(cli, out, info);
    else
        add_windows_text(cli, out, windows);
    return true;
}

int wc_cmd_explain(struct wc_cli *cli)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < cli->n_words; i++) {
        if (!add_word(cli, &out, cli->words[i]))
            return unknown(cli, cli->words[i]);
        if (!cli->json && i + 1 < cli->n_words)
            wc_buf_addc(&out, '\n');
    }
    if (cli->n_words == 0)
        add_list(cli, &out);
    fwrite(out.data, 1, out.len, stdout);
    return WC_EXIT_OK;
}
