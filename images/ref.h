/* ref.h - image references: what people type, and its one normal form (images, pure).
 *
 * Idea:    one grammar and one normal form, so that the rest compares strings.
 * Owner:   strings of a parsed reference live in the caller's arena.
 * Threads: any. Blocks: never.
 * Source:  distribution/reference grammar as the OCI Distribution Specification 1.0 names it
 *          (<name>, <reference>, <digest>), with Docker's shorthand: "nginx" means
 *          "docker.io/library/nginx:latest".
 */
#ifndef IMAGES_REF_H
#define IMAGES_REF_H

#include <stdbool.h>

#include "wcompose/err.h"

struct wc_arena;

struct wc_ref {
    const char *domain; /* "docker.io", "localhost:5000" */
    const char *path;   /* "library/nginx" */
    const char *tag; /* "latest" when neither tag nor digest was given; NULL with a digest alone */
    const char *digest; /* "sha256:<64 hex>" or NULL */
    const char *name;   /* domain/path:tag, the tag left out when NULL; never has a digest */
};

/* Reads `text` into *out. Returns 0 or WC_ERR_SPEC with what is wrong with it. */
int wc_ref_parse(struct wc_arena *arena, const char *text, struct wc_ref *out, struct wc_err *err);

/* True for what may stand behind the colon. */
bool wc_ref_is_tag(const char *text);

/* True for "sha256:" and 64 lower-case hex digits. */
bool wc_ref_is_digest(const char *text);

#endif
