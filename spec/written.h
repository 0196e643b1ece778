/* written.h - what values looked like before they became long forms (spec, private).
 *
 * Idea:    `config --no-interpolate` prints values as they are written, since a template has no
 * long form; docker compose takes only some short forms apart then. So with no_interpolate, and
 * only then, each long form is remembered with what it stands for, and merging joins both.
 * Owner:   the load. Threads: one load at a time. Errors: none.
 */
#ifndef SPEC_WRITTEN_H
#define SPEC_WRITTEN_H

#include "spec/table.h"

/* Remembers that `made` is the long form of `from`, where the row's values are printed as written.
 */
void wc_written_note(struct wc_load *load, const struct wc_field *field, struct wc_node *made,
                     struct wc_node *from);

/* Notes for `made`, the result of merging `over` over `base` (NULL: over nothing), the two joined
 * as docker compose joins what is written: two maps of KEY: value become one list. */
void wc_written_merge(struct wc_load *load, const struct wc_field *field, struct wc_node *made,
                      struct wc_node *base, struct wc_node *over);

/* True when a list of ports holds a template: then all of it is printed as it is written. */
bool wc_written_is_open(const struct wc_node *ports);

/* What was noted for a long form; NULL: nothing. */
struct wc_node *wc_written_of(const struct wc_load *load, const struct wc_node *made);

/* The tree to print: all that stands in the files after merging, used or not, with the names and
 * implied values that docker compose adds unless options.no_normalize. */
struct wc_node *wc_written_tree(struct wc_load *load, const struct wc_node *root);

#endif
