/* recipe.h - recipes: what a made image consists of, as data (images; docs/recipes.md).
 *
 * Idea:    one statement a line, a word and its arguments; a table says which words there are and
 * how many arguments they take. The reader knows no meaning; make.c does. Owner:   the caller's
 * arena. Threads: any. Blocks: on reading files. Errors:  WC_ERR_NOENT (no such recipe),
 * WC_ERR_SPEC with the place in err->at.
 */
#ifndef IMAGES_RECIPE_H
#define IMAGES_RECIPE_H

#include "base/hash.h"
#include "wcompose/image.h"

enum wc_recipe_word {
    WC_RECIPE_USE,
    WC_RECIPE_TAG,
    WC_RECIPE_PACKAGES,
    WC_RECIPE_DEPENDS,
    WC_RECIPE_WITHOUT,
    WC_RECIPE_PROGRAM,
    WC_RECIPE_LIBRARY,
    WC_RECIPE_COPY,
    WC_RECIPE_SKIP,
    WC_RECIPE_APPLETS,
    WC_RECIPE_ADD,
    WC_RECIPE_GROUP,
    WC_RECIPE_USER,
    WC_RECIPE_DIR,
    WC_RECIPE_FILE,
    WC_RECIPE_LINK,
    WC_RECIPE_ENV,
    WC_RECIPE_ENTRYPOINT,
    WC_RECIPE_CMD,
    WC_RECIPE_WORKDIR,
    WC_RECIPE_RUN_AS,
    WC_RECIPE_EXPOSE,
    WC_RECIPE_VOLUME,
    WC_RECIPE_STOPSIGNAL,
    WC_RECIPE_HEALTHCHECK,
    WC_RECIPE_LABEL,
};

struct wc_recipe_item {
    enum wc_recipe_word word;
    struct wc_strv args;
    const char *text; /* what `file` holds, or the content of `add`'s source; else NULL */
    size_t text_len;
    struct wc_loc at;
};

struct wc_recipe {
    const char *name;             /* "nginx" of ".../nginx.recipe" */
    struct wc_recipe_item *items; /* those of used recipes first */
    size_t n, cap;
    char fingerprint[WC_SHA256_HEX + 1]; /* over all of its text, added files included */
};

/* Reads the recipe at a path, or the one called `name` in one of the directories (NULL-terminated,
 * may be NULL). */
int wc_recipe_read(struct wc_arena *arena, const char *name, const char *const *dirs,
                   struct wc_recipe *out, struct wc_err *err);

#endif
