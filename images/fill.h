/* fill.h - carrying out a recipe's statements (images).
 * Owner: the caller's arena. Threads: one. Errors: WC_ERR_SPEC with the statement's place;
 * WC_ERR_IO.
 */
#ifndef IMAGES_FILL_H
#define IMAGES_FILL_H

#include "images/apt.h"
#include "images/recipe.h"
#include "images/tree.h"

/* Puts what the statements say, and what every image has, into the tree. `root` is the path of the
 * directory the packages are unpacked in. */
int wc_recipe_fill(const struct wc_recipe *recipe, const struct wc_packages *packages,
                   const char *root, struct wc_tree *tree, struct wc_err *err);

/* Writes the image configuration for one layer. */
int wc_recipe_config(struct wc_arena *arena, const struct wc_recipe *recipe, const char *diff_id,
                     struct wc_buf *out, struct wc_err *err);

#endif
