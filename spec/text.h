/* text.h - UTF-8 text and places in it (spec, private).
 *
 * Idea:    a line ends where editors end it (LF, CR LF, CR); a column is a code point, whatever its
 *          width on a terminal.
 */
#ifndef SPEC_TEXT_H
#define SPEC_TEXT_H

#include <stddef.h>

#include "wcompose/err.h"

struct wc_arena;

/* The whole of a file, in the arena. */
struct wc_text {
    const char *bytes; /* len of them and a NUL */
    size_t len;
};

/* Columns (code points) of UTF-8 text. */
unsigned wc_utf8_columns(const char *text, size_t len);

/* Length of the longest prefix that is valid UTF-8 without NUL. */
size_t wc_utf8_valid(const char *text, size_t len);

/* Place of a byte: line and column from 1. */
struct wc_loc wc_text_place(const char *file, const char *text, size_t len, size_t offset);

/* Place of byte `to`, when that of byte `from` (not behind it) is known. */
struct wc_loc wc_text_place_from(struct wc_loc at, const char *text, size_t from, size_t to);

/* Offset of a line and column (the inverse); len when there is no such place. */
size_t wc_text_offset(const char *text, size_t len, unsigned line, unsigned col);

/* libyaml also ends lines at NEL, LS and PS, where no editor does. Where each of its lines begins
 * for us; NULL when the text has none of these and its counts can be taken as they are.
 * Returns an array with an entry for every line of libyaml's, *n of them. */
struct wc_loc *wc_text_yaml_lines(struct wc_arena *arena, const char *text, size_t len, size_t *n);

#endif
