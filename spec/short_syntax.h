/* short_syntax.h - what the short forms share (spec, private). */
#ifndef SPEC_SHORT_SYNTAX_H
#define SPEC_SHORT_SYNTAX_H

#include "spec/table.h"

/* Turns one string item into its long form; NULL after reporting. */
typedef struct wc_node *wc_expand_fn(struct wc_load *load, struct wc_node *item);

/* Finishes a long form in place. */
typedef void wc_finish_fn(struct wc_load *load, struct wc_node *item);

/* Checks a list whose items are strings (made long by `expand`) or sections of field->sub (finished
 * by `finish`, which may be NULL). A lone string is a list of one. */
struct wc_node *wc_canon_mixed(struct wc_load *load, const struct wc_field *field,
                               struct wc_node *node, const struct wc_where *where,
                               wc_expand_fn *expand, wc_finish_fn *finish);

#endif
