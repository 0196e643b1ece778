/* table.h - columns for people, aligned by display width (cli, layer 5). Threads: one. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>

struct wc_arena;
struct wc_buf;
struct wc_table;

/* Makes a table with n_columns headings (borrowed); cells are copied into the arena. */
struct wc_table *wc_table_new(struct wc_arena *arena, const char *const *headings,
                              size_t n_columns);

/* Appends a row of n_columns cells; NULL cells are shown as "-". */
void wc_table_row(struct wc_table *table, const char *const *cells);

/* Appends the text: two spaces between columns, none at the end of a line. */
void wc_table_format(const struct wc_table *table, struct wc_buf *out);

/* Columns that UTF-8 text takes on a terminal: wide characters count 2, combining ones 0, bytes
 * that are no UTF-8 count 1 each. */
size_t wc_text_width(const char *text, size_t len);

/* As above for one code point. wc_text_next decodes the one at `text`, returning its bytes (>= 1
 * when len > 0); *code is U+FFFD when it is broken. */
unsigned wc_char_width(unsigned code);
size_t wc_text_next(const char *text, size_t len, unsigned *code);

/* Appends text that others wrote (files, programs) so that it can do nothing to a terminal: control
 * characters and broken UTF-8 become '?', tabs become spaces. */
void wc_text_add_safe(struct wc_buf *out, const char *text, size_t len);

/* Number of bytes of `text` that fit into so many columns, never cutting a character. */
size_t wc_text_cut(const char *text, size_t len, size_t columns);

#endif
