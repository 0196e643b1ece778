/* build_key.h - what the outcome of a build depends on, as one hash (images).
 *
 * Idea:    a build whose key is that of the image that is there needs no builder.
 */
#ifndef IMAGES_BUILD_KEY_H
#define IMAGES_BUILD_KEY_H

#include "base/hash.h"
#include "wcompose/build.h"
#include "wcompose/image.h"

struct wc_arena;
struct wc_buf;

/* Appends the names and contents of a directory to `text`, without what its .dockerignore leaves
 * out (that of the Dockerfile, NAME.dockerignore, comes first): kind, mode, and the hash of what is
 * in it; times don't count, as with Docker. Symbolic links are not followed. Returns 0,
 * WC_ERR_NOENT, WC_ERR_IO, WC_ERR_PERM. Blocks: it reads all of it. dockerfile  relative to the
 * directory, or NULL
 */
int wc_build_key_tree(const char *dir, const char *dockerfile, struct wc_arena *arena,
                      struct wc_buf *text, struct wc_err *err);

/* Appends every member of `build` that the outcome depends on, the environment's values of open
 * arguments included. */
void wc_build_key_members(const struct wc_build *build, struct wc_buf *text);

#endif
