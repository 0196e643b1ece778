/* fuzz_interpolate.c - templates and env files: any bytes give an expansion or a fault within the
 * text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "spec/dotenv.h"
#include "spec/interpolate.h"
#include "spec/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *data, const char *name)
{
    (void)data;
    return name[0] == 'A' ? "value" : name[0] == 'E' ? "" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_map out;
    struct wc_spec_options options = { 0 };
    struct wc_load load = {
        .options = &options, .budget = wc_budget_make(NULL), .arena = &arena, .diags = &diags
    };
    struct wc_template_env env = { .get = get };
    struct wc_template_fault why;
    struct wc_buf text = WC_BUF_INIT;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    wc_map_init(&out, &arena);
    wc_map_init(&load.env, &arena);
    const char *copy = wc_arena_strndup(&arena, (const char *)data, size);
    if (!wc_template_expand(copy, &env, &text, &why) &&
        (why.msg[0] == '\0' || why.offset + why.len > strlen(copy) + 1))
        abort();
    struct wc_dotenv in = { .file = "x.env",
                            .text = (const char *)data,
                            .len = size,
                            .outer = get,
                            .out = &out,
                            .raw = size > 0 && data[0] == '!' };
    if (wc_dotenv_parse(&load, &in) != (diags.n_errors == 0))
        abort();
    wc_buf_deinit(&text);
    wc_arena_deinit(&arena);
    return 0;
}
