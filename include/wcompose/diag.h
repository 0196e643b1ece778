/* diag.h - diagnostics: everything that is wrong with the user's files, collected in one run
 * (contract, pure).
 *
 * Idea:    loading never stops at the first error; it appends here and goes on. Rendering is
 * somebody else's. Owner:   the list and all its strings live in the arena given to wc_diags_init.
 * Threads: one at a time.
 * Errors:  adding never fails; past WC_DIAGS_MAX errors or warnings only the counters grow.
 */
#ifndef WCOMPOSE_DIAG_H
#define WCOMPOSE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

struct wc_arena;

/* Most errors, and most warnings, that are kept; further ones are only counted. A message or hint
 * is cut to so many bytes: it may quote a value of a mebibyte. */
enum { WC_DIAGS_MAX = 1000, WC_DIAGS_TEXT_MAX = 1024 };

/* An error makes loading fail; a warning is only shown. */
enum wc_severity { WC_SEVERITY_ERROR, WC_SEVERITY_WARNING };

/* One finding. Strings are arena-owned; hint, related_label and code may be NULL. */
struct wc_diag {
    enum wc_severity severity;
    const char *code; /* stable: "E100", "W021"; see docs/errors.md */
    struct wc_loc at;
    unsigned span;             /* length of the underline in code points, at least 1 */
    const char *msg;           /* what was found and what was expected, one line */
    const char *hint;          /* how to fix it: "did you mean 'environment'?" */
    struct wc_loc related;     /* a second place, zero when there is none */
    unsigned related_span;     /* its underline; 0 is taken as 1 */
    const char *related_label; /* "first defined here" */
    unsigned seq;              /* order of discovery; ties in the sort */
};

/* The text of one file that was read, for the line under a diagnostic. Borrowed from the arena. */
struct wc_source {
    const char *file;
    const char *text;
    size_t len;
    struct wc_source *next;
};

/* The list. n_errors and n_warnings count what is past WC_DIAGS_MAX too. */
struct wc_diags {
    struct wc_arena *arena;
    struct wc_diag *items;
    size_t n, cap;
    size_t n_errors, n_warnings;
    size_t kept[2]; /* of each severity, in items */
    struct wc_source *sources, *last_source;
    struct wc_diag *last;   /* what the last wc_diags_add returned; NULL before it */
    struct wc_diag scratch; /* for what isn't kept */
};

/* Makes an empty list whose memory comes from `arena` (borrowed; must outlive the list). */
void wc_diags_init(struct wc_diags *diags, struct wc_arena *arena);

/* Appends one finding and returns it, so that the caller may add hint, span or a related place.
 * Never NULL: past the limit a scratch entry is returned. The message is formatted into the arena.
 */
struct wc_diag *wc_diags_add(struct wc_diags *diags, enum wc_severity severity, const char *code,
                             struct wc_loc at, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
struct wc_diag *wc_diags_vadd(struct wc_diags *diags, enum wc_severity severity, const char *code,
                              struct wc_loc at, const char *fmt, va_list args)
    __attribute__((format(printf, 5, 0)));

/* Formats a message or a hint into the arena, cut to WC_DIAGS_TEXT_MAX between characters. */
const char *wc_diags_text(struct wc_arena *arena, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* True when a further finding of this severity would only be counted: don't work on its hint. */
bool wc_diags_full(const struct wc_diags *diags, enum wc_severity severity);

/* Remembers the text of a file, so that its lines can be shown. `text` (len bytes) is borrowed. */
void wc_diags_source(struct wc_diags *diags, const char *file, const char *text, size_t len);

/* Sorts by file (in order of reading), line, column, order of discovery. */
void wc_diags_sort(struct wc_diags *diags);

/* Returns line `line` (1-based) of `file` without its end (LF, CR LF or CR), length in *len; NULL
 * when not known. */
const char *wc_diags_line(const struct wc_diags *diags, const char *file, unsigned line,
                          size_t *len);

#endif
