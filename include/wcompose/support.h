/* support.h - what of the Compose Specification is carried out, on which platform (contract, layer
 * 1, pure of libuv).
 *
 * Idea:    the tables that load a file also say what they can load; nothing here is written twice.
 * Owner:   rows live in the caller's arena, their strings there or in the program. Threads: any.
 * Errors:  none.
 */
#ifndef WCOMPOSE_SUPPORT_H
#define WCOMPOSE_SUPPORT_H

#include <stddef.h>

#include "wcompose/spec.h"

struct wc_arena;
struct wc_buf;

/* One attribute. */
struct wc_support_row {
    const char *path;     /* "services.*.ports[].target": * is a key of the user's, [] an item */
    const char *takes;    /* "a list of ports" */
    const char *brief;    /* the short form by example; NULL: there is one form only */
    const char *fallback; /* what holds when the key is absent, in words; NULL: nothing */
    const char *merge;    /* how a later file's value joins an earlier one's */
    const char *levels[WC_PLATFORMS]; /* "carried out", "harmless", "warned" or "refused" */
    const char *clause;               /* of the specification: "05-services.md#ports" */
};

/* Lists every attribute, each table behind the one that leads to it.
 * Returns the number of rows in *out. */
size_t wc_spec_support(struct wc_arena *arena, struct wc_support_row **out);

/* Appends docs/spec-support.md. */
void wc_spec_support_markdown(struct wc_buf *out);

/* Appends a JSON Schema (2020-12) of Compose files, for editors; x-wcompose included. Wherever text
 * is looked at closely, ${…} is allowed too. */
void wc_spec_schema(struct wc_buf *out);

#endif
