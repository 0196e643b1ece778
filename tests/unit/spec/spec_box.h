/* spec_box.h - loading text in a test, with nothing on disk. */
#ifndef TESTS_UNIT_SPEC_BOX_H
#define TESTS_UNIT_SPEC_BOX_H

#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "wcompose/spec.h"

struct box {
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project;
};

/* Loads YAML text as compose.yaml of a directory that doesn't exist. */
static inline void box_load(struct box *box, const char *text)
{
    struct wc_spec_options options = { .cwd = "/nonexistent/box",
                                       .text = text,
                                       .text_len = strlen(text) };
    *box = (struct box){ 0 };
    wc_arena_init(&box->arena);
    wc_diags_init(&box->diags, &box->arena);
    wc_spec_load(&options, &box->arena, &box->diags, &box->project);
}

/* The same, and it must load without a word. */
static inline const struct wc_service *box_service(struct box *box, const char *text,
                                                   const char *name)
{
    box_load(box, text);
    for (size_t i = 0; i < box->diags.n; i++)
        fprintf(stderr, "%u:%u: %s\n", box->diags.items[i].at.line, box->diags.items[i].at.col,
                box->diags.items[i].msg);
    assert_non_null(box->project);
    assert_int_equal(box->diags.n, 0);
    const struct wc_service *service = wc_project_service(box->project, name);
    assert_non_null(service);
    return service;
}

static inline void box_free(struct box *box)
{
    wc_arena_deinit(&box->arena);
}

#endif
