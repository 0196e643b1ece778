/* fuzz_dotenv.c - any bytes as an env file.
 *
 * A first byte '!' asks for `format: raw`. What must hold: no crash; false exactly when there is an
 * error; an error has a place within the text; reading twice gives the same; and what was read,
 * written down with every value in double quotes, is read as the same variables in the same order.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "spec/creds.h"
#include "spec/dotenv.h"
#include "spec/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *data, const char *name)
{
    (void)data;
    return name[0] == 'A' ? "value" : name[0] == 'E' ? "" : NULL;
}

static void check_places(const struct wc_diags *diags, const char *text, size_t len)
{
    unsigned lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n' ? 1 : 0;
    for (size_t i = 0; i < diags->n; i++)
        if (diags->items[i].at.line < 1 || diags->items[i].at.line > lines ||
            diags->items[i].at.col < 1 || diags->items[i].msg[0] == '\0')
            abort();
}

static bool parse(struct wc_arena *arena, const char *text, size_t len, bool raw,
                  struct wc_map *out)
{
    struct wc_diags diags;
    struct wc_spec_options options = { 0 };
    struct wc_load load = {
        .options = &options, .budget = wc_budget_make(NULL), .arena = arena, .diags = &diags
    };
    struct wc_dotenv in = {
        .file = "x.env", .text = text, .len = len, .outer = get, .out = out, .raw = raw
    };
    wc_diags_init(&diags, arena);
    wc_map_init(&load.env, arena);
    wc_map_init(out, arena);
    bool ok = wc_dotenv_parse(&load, &in);
    if (ok != (diags.n_errors == 0))
        abort();
    check_places(&diags, text, len);
    return ok;
}

static void write_quoted(struct wc_buf *out, const char *key, const char *value)
{
    wc_buf_printf(out, "%s=\"", key);
    for (; *value != '\0'; value++) {
        if (strchr("\\\"$", *value) != NULL)
            wc_buf_addc(out, '\\');
        wc_buf_addc(out, *value);
    }
    wc_buf_adds(out, "\"\n");
}

static void must_equal(const struct wc_map *a, const struct wc_map *b, const char *text)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->entries[i].key, b->entries[i].key) == 0 &&
               strcmp(a->entries[i].value, b->entries[i].value) == 0;
    if (same)
        return;
    fprintf(stderr, "not the same again:\n%s\n", text);
    abort();
}

/* The same bytes as what a credential holds: lines NAME=VALUE. */
static void read_pairs(struct wc_arena *arena, const char *text, size_t len)
{
    struct wc_kvs pairs;
    if (!wc_creds_pairs(text, len, arena, &pairs))
        return;
    for (size_t i = 0; i < pairs.n; i++)
        if (pairs.items[i].key[0] == '\0' || strpbrk(pairs.items[i].key, "=\n ") != NULL ||
            strchr(pairs.items[i].value, '\n') != NULL)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_map first, second, third;
    struct wc_buf text = WC_BUF_INIT;
    bool raw = size > 0 && data[0] == '!';
    const char *bytes = (const char *)data + (raw ? 1 : 0);
    size_t len = size - (raw ? 1 : 0);
    wc_arena_init(&arena);
    read_pairs(&arena, bytes, len);
    bool ok = parse(&arena, bytes, len, raw, &first);
    if (parse(&arena, bytes, len, raw, &second) != ok)
        abort();
    must_equal(&first, &second, "(twice)");
    if (ok && !raw) {
        wc_buf_adds(&text,
                    "#\n"); /* a name may begin with a mark that is skipped in the first line */
        for (size_t i = 0; i < first.n; i++)
            write_quoted(&text, first.entries[i].key, first.entries[i].value);
        if (!parse(&arena, text.data, text.len, false, &third))
            abort();
        must_equal(&first, &third, text.data);
    }
    wc_buf_deinit(&text);
    wc_arena_deinit(&arena);
    return 0;
}
