/* dockerfile.h - the images that a Dockerfile starts from (images, pure).
 *
 * Idea:    the builder reads the file; this only finds what of it may be in our store.
 * Source:  Dockerfile reference: FROM, ARG before the first FROM, COPY --from, comments, line ends
 *          that go on.
 */
#ifndef IMAGES_DOCKERFILE_H
#define IMAGES_DOCKERFILE_H

#include "wcompose/lists.h"

struct wc_arena;

/* Appends the names that FROM and COPY --from give and that are no stages of the file's own, each
 * once, with $NAME and ${NAME} replaced by `args` or by the defaults of ARG. Names that can't be
 * told are left out. */
void wc_dockerfile_images(const char *text, const struct wc_kvs *args, struct wc_arena *arena,
                          struct wc_strv *out);

#endif
