/* load.h - what every stage of one load shares (spec, private).
 *
 * Idea:    one value passed along instead of globals; it lives on the stack of wc_spec_load.
 */
#ifndef SPEC_LOAD_H
#define SPEC_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "spec/codes.h"
#include "spec/limits.h"
#include "spec/node.h"
#include "wcompose/diag.h"
#include "wcompose/spec.h"

struct wc_where;
struct wc_sealing;

/* One load. */
struct wc_load {
    struct wc_arena *arena;
    struct wc_diags *diags;
    const struct wc_spec_options *options;
    struct wc_map env;          /* for interpolation: shell, then env files; name -> value */
    struct wc_map warned;       /* variables that were reported as unset */
    const char *project_dir;    /* absolute */
    const char *project_name;   /* normalised; NULL until known */
    const char *written_name;   /* the same as a file gives it, for no_normalize; else NULL */
    struct wc_strv files;       /* absolute paths, or "-" */
    struct wc_strv shown_files; /* the same as the user wrote them */
    struct wc_strv profiles;    /* active */
    struct wc_budget budget;    /* what is left of the limits */
    struct wc_strv named;       /* restricted: paths that the command line names */
    size_t suggest_left;        /* words that suggestions may still look at: bounds their work */
    const struct wc_node *names_of; /* the map whose keys are in `names`, for suggestions */
    const char **names;
    const char **variables; /* the n_variables names in env, for suggestions; NULL until needed */
    size_t n_variables;
    const struct wc_source *cursor_in; /* the place in a text that was looked for last */
    struct wc_loc cursor;
    size_t cursor_byte;
    bool canonical;                  /* options->canonical */
    bool foreign_bytes;              /* the environment isn't UTF-8 */
    bool tagged;                     /* a !reset or !override was seen */
    bool keep_tags;                  /* merge.h: wc_merge_under is at work */
    struct wc_map written;           /* no_interpolate; written.h: long form -> what is written */
    struct wc_map opened;            /* open.h: path -> what was read */
    struct wc_map origins;           /* shown name -> struct wc_origin */
    struct wc_sealing *sealing;      /* sealed.h; NULL until a file is encrypted */
    struct wc_map texts;             /* access.h: path -> what wc_access_env read */
    const struct wc_where *decoding; /* what a decoder is called for */
    bool is_file_missing;            /* one that was named by an option or in the environment */
};

/* A load of which nothing is read yet. All is borrowed. */
struct wc_load wc_load_begin(const struct wc_spec_options *options, struct wc_arena *arena,
                             struct wc_diags *diags);

/* What brought a file in that the user didn't name: the second place of what is wrong in it. */
struct wc_origin {
    struct wc_loc at;
    unsigned span;
    const char *label; /* "extended here" */
};

/* Where in the tree a value is, for messages: "services.web.ports". Lives on the stack. */
struct wc_where {
    const struct wc_where *up;
    const char *name;     /* NULL at the root */
    struct wc_loc key_at; /* place of the key; zero in lists */
    unsigned key_span;
    size_t item; /* 1-based number in the list `name`; 0: not an item */
};

/* Reports an error or warning (by its code's letter) at a place; the caller may add hint and
 * related place. */
struct wc_diag *wc_report_at(struct wc_load *load, enum wc_spec_code code, struct wc_loc at,
                             unsigned span, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The same at a value. */
#define wc_report(load, code, node, ...)                                                           \
    wc_report_at((load), (code), (node)->at, (node)->span, __VA_ARGS__)

/* Reports that something isn't carried out yet: E300, or W013 when the project is only shown. */
struct wc_diag *wc_report_not_yet(struct wc_load *load, struct wc_loc at, unsigned span,
                                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Sets a formatted hint. */
void wc_hint(struct wc_load *load, struct wc_diag *diag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets "did you mean 'x'?" when one of the words is close; otherwise, with list_all, "one of: …".
 */
void wc_hint_words(struct wc_load *load, struct wc_diag *diag, const char *word,
                   const char *const *words, size_t n, bool list_all);

/* Sets "did you mean 'x'?" when a key of the map is close. `map` may be NULL or no map. */
void wc_hint_keys(struct wc_load *load, struct wc_diag *diag, const char *word,
                  const struct wc_node *map);

/* "services.web.ports" in the arena; "the top level" for the root. */
const char *wc_where_text(struct wc_load *load, const struct wc_where *where);

/* True when values are taken as they stand: nothing is interpolated. */
bool wc_load_raw(const struct wc_load *load);

/* Value of a variable for interpolation, or NULL. */
const char *wc_load_env(const struct wc_load *load, const char *name);

/* A path as the user would write it: relative when it is beneath the working directory. */
const char *wc_load_shown(const struct wc_load *load, const char *path);

/* Directory part of an absolute path. */
const char *wc_load_dir(struct wc_load *load, const char *path);

/* Makes a path absolute against `base`, folding "." and ".." lexically, as docker compose does; a
 * leading "~" becomes $HOME. An absolute path stays as it is. */
const char *wc_load_path(struct wc_load *load, const char *base, const char *path);

/* Folds ".", ".." and repeated or trailing '/' of an absolute path. */
const char *wc_load_clean(struct wc_load *load, const char *path);

#endif
