/* registries.h - which hosts an image may come from, and how far they are trusted (images, pure).
 *
 * Idea:    registries.conf, as podman, skopeo and buildah read it, turned into a list of endpoints
 *          for a reference: the mirrors in their order, then the registry itself.
 * Owner:   everything is in the arena. Threads: any. Blocks: never.
 * Errors:  WC_ERR_SPEC with the place in the file; WC_ERR_PERM for a blocked registry.
 * Source:  containers-registries.conf(5), version 2: [[registry]] with prefix, location, insecure,
 *          blocked, mirror-by-digest-only, and [[registry.mirror]] with location, insecure,
 *          pull-from-mirror. unqualified-search-registries and aliases are left out: a short name
 * is docker.io's, as the Compose Specification has it. Other tables are passed over.
 */
#ifndef IMAGES_REGISTRIES_H
#define IMAGES_REGISTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "images/ref.h"
#include "wcompose/model.h"

struct wc_registry_rule;

struct wc_registries {
    struct wc_registry_rule *rules; /* in the order of the file */
    size_t n, cap;
    struct wc_strv insecure; /* hosts that the command line names */
};

/* A place to ask. */
struct wc_endpoint {
    const char *domain; /* as references have it: "docker.io", "localhost:5000" */
    const char *host;   /* that is spoken to: "registry-1.docker.io", "localhost:5000" */
    const char *path;   /* repository: "library/nginx" */
    bool insecure;      /* certificates aren't checked, and plain HTTP will do */
    bool is_mirror;
};
struct wc_endpoints {
    struct wc_endpoint *items;
    size_t n, cap;
};

/* Adds what the text of a registries.conf says. `file` is for places. */
int wc_registries_read(struct wc_arena *arena, const char *text, const char *file,
                       struct wc_registries *out, struct wc_err *err);

/* The endpoints of a reference; at least one. A registry on the loopback is taken as insecure, as
 * Docker does: nobody can stand between. */
int wc_registries_endpoints(const struct wc_registries *registries, struct wc_arena *arena,
                            const struct wc_ref *ref, struct wc_endpoints *out, struct wc_err *err);

#endif
