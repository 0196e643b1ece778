/* fuzz_spec.c - YAML bytes to the model, and back through both text forms.
 *
 * What must hold for any input: no crash, no leak, an error or a model; a model's wire form loads
 * again with the same hashes, and so does its YAML.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wc_project *load(struct wc_arena *arena, const char *text, size_t len, bool canonical)
{
    static const char *const environ[] = { "A=1", "EMPTY=", "HOME=/nowhere", NULL };
    static const char *const profiles[] = { "*" };
    struct wc_spec_options options = { .cwd = "/nonexistent/fuzz",
                                       .environ = environ,
                                       .profiles = profiles,
                                       .n_profiles = 1,
                                       .text = text,
                                       .text_len = len,
                                       .canonical = canonical };
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_load(&options, arena, &diags, &project);
    if ((rc == 0) != (project != NULL) || (rc == 0) != (diags.n_errors == 0))
        abort();
    return project;
}

static void must_equal(const struct wc_project *a, const struct wc_project *b, const char *text)
{
    bool same = b != NULL && a->n_services == b->n_services;
    for (size_t i = 0; same && i < a->n_services; i++)
        same = strcmp(a->services[i].spec_hash, b->services[i].spec_hash) == 0;
    if (same)
        return;
    fprintf(stderr, "not the same again:\n%s\n", text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_project *project = load(&arena, (const char *)data, size, false);
    if (project != NULL) {
        struct wc_buf wire = WC_BUF_INIT, yaml = WC_BUF_INIT;
        wc_spec_render_wire(project, &wire);
        must_equal(project, load(&arena, wire.data, wire.len, true), wire.data);
        wc_spec_render(project, WC_RENDER_YAML, &yaml);
        must_equal(project, load(&arena, yaml.data, yaml.len, false), yaml.data);
        wc_buf_deinit(&wire);
        wc_buf_deinit(&yaml);
    }
    wc_arena_deinit(&arena);
    return 0;
}
