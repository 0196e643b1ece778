/* toml.h - reads the part of TOML that registries.conf is written in (images, pure).
 *
 * Idea:    each table header and each key is handed out as it comes; no tree is built.
 * Owner:   what is handed out is in the arena. Threads: any. Blocks: never.
 * Errors:  WC_ERR_SPEC with the place.
 * Source:  TOML 1.0. Left out: dotted keys' nesting (handed out as written), multi-line strings.
 */
#ifndef IMAGES_TOML_H
#define IMAGES_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;

enum wc_toml_kind {
    WC_TOML_HEADER,  /* [table], or [[table]] with is_array */
    WC_TOML_STRING,  /* text */
    WC_TOML_BOOL,    /* flag */
    WC_TOML_STRINGS, /* list: an array of strings alone (or empty) */
    WC_TOML_OTHER,   /* a number, a date, an inline table, an array of those */
};

struct wc_toml_item {
    enum wc_toml_kind kind;
    struct wc_loc at;
    const char *table; /* "registry.mirror"; "" before the first header */
    bool is_array;
    const char *key; /* NULL for a header */
    const char *text;
    bool flag;
    struct wc_strv list;
};

/* A non-zero answer stops and is returned. */
typedef int wc_toml_fn(void *data, const struct wc_toml_item *item, struct wc_err *err);

struct wc_toml_source {
    const char *text; /* NUL-terminated */
    const char *file; /* for places */
};
int wc_toml_read(struct wc_arena *arena, const struct wc_toml_source *source, wc_toml_fn *each,
                 void *data, struct wc_err *err);

#endif
