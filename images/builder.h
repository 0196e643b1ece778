/* builder.h - the programs that build images, and their command lines (images).
 *
 * Idea:    we build nothing ourselves. buildah needs no daemon; docker needs an engine that
 * answers. What a builder can't do of a build is refused, not left out.
 */
#ifndef IMAGES_BUILDER_H
#define IMAGES_BUILDER_H

#include "wcompose/build.h"
#include "wcompose/image.h"

struct wc_arena;

enum wc_builder { WC_BUILDER_BUILDAH, WC_BUILDER_DOCKER };

/* A build, resolved: what a command line is made of. */
struct wc_builder_job {
    const struct wc_build *build;
    const char *name;     /* normal form of the result's name */
    const char *file;     /* absolute, or NULL: the context's own Dockerfile */
    const char *state;    /* directory of ours: the builder's layers */
    const char *platform; /* or NULL */
    struct wc_kvs bases;  /* name in the Dockerfile -> "oci:DIR:REF" in our store */
    bool no_cache, pull;
};

/* Finds one that works here: buildah first, else docker with an engine. WC_ERR_UNAVAILABLE with
 * what to install. Blocks for a moment; any thread. */
int wc_builder_find(enum wc_builder *out, struct wc_err *err);

/* The name of the program. Never NULL. */
const char *wc_builder_name(enum wc_builder builder);

/* Appends argv of the build, and that of the copy of its result: into the new OCI layout `to`
 * (buildah) or the archive `to` (docker). Not NULL-terminated. WC_ERR_UNAVAILABLE: it can't do
 * that; the message says what. Pure. */
int wc_builder_build(enum wc_builder builder, const struct wc_builder_job *job,
                     struct wc_arena *arena, struct wc_strv *argv, struct wc_err *err);
void wc_builder_copy(enum wc_builder builder, const struct wc_builder_job *job, const char *to,
                     struct wc_arena *arena, struct wc_strv *argv);

#endif
