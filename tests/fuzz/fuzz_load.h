/* fuzz_load.h - what must hold of any load, for the fuzzers that load something.
 *
 * An error or a model, never both or none; an error has a code and a message, and a line that it
 * names is there to be shown; a model's text forms load again to the same hashes.
 */
#ifndef TESTS_FUZZ_FUZZ_LOAD_H
#define TESTS_FUZZ_FUZZ_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wcompose/spec.h"

/* The options that all have in common; every profile is active. A range of ports may be a few bytes
 * and 65,535 ports: fewer are enough here. */
static inline struct wc_spec_options fuzz_options(const char *cwd)
{
    static const char *const environ[] = { "A=1", "EMPTY=", "HOME=/p/home", NULL };
    static const char *const profiles[] = { "*" };
    return (struct wc_spec_options){
        .cwd = cwd,
        .environ = environ,
        .profiles = profiles,
        .n_profiles = 1,
        .limits = { .nodes = 20000 },
    };
}

/* Loads, and aborts when what it says doesn't fit together. Returns NULL after an error. */
static inline struct wc_project *fuzz_load(struct wc_arena *arena,
                                           const struct wc_spec_options *options)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_load(options, arena, &diags, &project);
    if ((rc == 0) != (project != NULL) || (rc == 0) != (diags.n_errors == 0))
        abort();
    for (size_t i = 0; i < diags.n; i++) {
        size_t width;
        const struct wc_diag *diag = &diags.items[i];
        if (diag->msg == NULL || diag->msg[0] == '\0' || diag->code == NULL)
            abort();
        if (diag->at.line > 1 && diag->at.file != NULL &&
            wc_diags_line(&diags, diag->at.file, diag->at.line, &width) == NULL)
            abort();
    }
    return project;
}

static inline void fuzz_load_same(struct wc_arena *arena, struct wc_spec_options options,
                                  const struct wc_project *project, const struct wc_buf *text)
{
    options.text = text->data;
    options.text_len = text->len;
    options.limits.nodes = 0; /* what was written in short takes more room */
    const struct wc_project *again = fuzz_load(arena, &options);
    bool same = again != NULL && project->n_services == again->n_services;
    for (size_t i = 0; same && i < project->n_services; i++)
        same = strcmp(project->services[i].spec_hash, again->services[i].spec_hash) == 0;
    if (same)
        return;
    fprintf(stderr, "not the same again:\n%s\n", text->data);
    abort();
}

/* Renders a model and loads it back, in its wire form and as YAML; options as for a text, which is
 * filled in here. */
static inline void fuzz_come_back(struct wc_arena *arena, struct wc_spec_options options,
                                  const struct wc_project *project)
{
    struct wc_buf wire = WC_BUF_INIT, yaml = WC_BUF_INIT;
    wc_spec_render_wire(project, &wire);
    options.canonical = true;
    fuzz_load_same(arena, options, project, &wire);
    wc_spec_render(project, WC_RENDER_YAML, &yaml);
    options.canonical = false;
    fuzz_load_same(arena, options, project, &yaml);
    wc_buf_deinit(&wire);
    wc_buf_deinit(&yaml);
}

#endif
