/* model_diff.h - how two models differ, field by field (cli, layer 5).
 *
 * Idea:    models are compared in their canonical form, so that order, short forms and defaults
 *          make no difference. A list is a set of entries that come and go, unless only its order
 *          changed.
 * Owner:   everything that comes out lives in the arena.
 * Threads: any.
 */
#ifndef CLI_MODEL_DIFF_H
#define CLI_MODEL_DIFF_H

#include <stddef.h>

struct wc_arena;
struct wc_project;

/* One field that isn't the same. */
struct wc_model_change {
    const char *path;           /* "services.web.environment.LEVEL" */
    const char *before, *after; /* values as JSON on one line; NULL: not there */
};

struct wc_model_diff {
    struct wc_model_change *items; /* by path */
    size_t n, cap;
};

/* Compares two models; NULL stands for none at all. */
void wc_model_diff(const struct wc_project *before, const struct wc_project *after,
                   struct wc_arena *arena, struct wc_model_diff *out);

/* What changed, in a few words: "web image, +cache, -db"; "" when nothing did. At most `width`
 * bytes or so: what doesn't fit is counted. */
const char *wc_model_diff_words(const struct wc_model_diff *diff, size_t width,
                                struct wc_arena *arena);

#endif
