/* creds.h - files that systemd-creds encrypted, as sealed files (spec, private).
 *
 * Idea:    base/creds.h opens them. The name that one was encrypted with must be PROJECT.FILE: it
 * is part of what is authenticated, so that no project can open what was made for another, though
 * both are on one host and in one hand's reach.
 */
#ifndef SPEC_CREDS_H
#define SPEC_CREDS_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

struct wc_arena;
struct wc_creds_ask;

/* One of them, opened. All of it lies in the arena given. */
struct wc_creds {
    const char *content; /* len bytes and a NUL */
    size_t len;
    bool has_pairs; /* it is of lines NAME=VALUE and nothing else: */
    struct wc_kvs pairs, marks;
    const char *mark; /* of all of it */
};

/* Opens ask->text. Marks are of the encrypted text: encrypted anew it is
 * another, also with the same value in it. Returns 0, or as base/creds.h. */
int wc_creds_unseal(const struct wc_creds_ask *ask, struct wc_arena *arena, struct wc_creds *out,
                    struct wc_err *err);

/* Reads lines NAME=VALUE, values as they stand, empty lines and comments left out; a later one
 * replaces (pure). False when there is a line that is none. */
bool wc_creds_pairs(const char *text, size_t len, struct wc_arena *arena, struct wc_kvs *out);

/* "shop.db.env" of project "shop" and "/x/db.env.cred" (pure). */
const char *wc_creds_name(const char *project, const char *path, struct wc_arena *arena);

#endif
