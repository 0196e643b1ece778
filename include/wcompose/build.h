/* build.h - how the image of a service is built: a part of the model (contract, plain data, pure).
 *
 * Idea:    what the file says; a builder carries it out (wcompose/image.h, wc_image_build).
 * Owner:   as the model's. Threads: values.
 * Source:  Compose Build Specification (build.md); the clause of each member is its key.
 */
#ifndef WCOMPOSE_BUILD_H
#define WCOMPOSE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/isolation.h"
#include "wcompose/lists.h"

struct wc_ulimit;

/* A secret for the time of the build: a file, or a variable of the environment. */
struct wc_build_secret {
    const char *id;
    const char *path;     /* absolute; NULL: */
    const char *variable; /* its name */
};

/* build: of a service. */
struct wc_build {
    bool set;                                   /* false: there is none */
    const char *context;                        /* absolute directory, or an address */
    const char *dockerfile, *dockerfile_inline; /* relative to the context; at most one is set */
    const char *target, *network;               /* NULL: not said */
    struct wc_kvs args; /* value NULL: as in the environment of the builder */
    struct wc_kvs labels, contexts, extra_hosts;
    struct wc_strv cache_from, cache_to, platforms, tags, ssh; /* ssh: "default" or "ID=PATH" */
    struct wc_build_secret *secrets;
    size_t n_secrets;
    struct wc_ulimit *ulimits; /* model.h */
    size_t n_ulimits;
    bool no_cache, pull, privileged;
    enum wc_isolation isolation;
    int64_t shm_size_bytes; /* WC_UNSET: the builder's */
    struct wc_loc at;       /* of the key */
};

#endif
