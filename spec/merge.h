/* merge.h - a later file's values over an earlier one's (spec, private).
 *
 * Source:  Compose Specification, "Merge"; the rule of each attribute stands in its row.
 */
#ifndef SPEC_MERGE_H
#define SPEC_MERGE_H

#include "spec/table.h"

/* Returns `base` with `over` laid on it by a table's rules; both are long forms. !reset removes a
 * value, !override replaces it whole. Neither argument is changed. base may be NULL. */
struct wc_node *wc_merge_section(struct wc_load *load, const struct wc_table *table,
                                 struct wc_node *base, struct wc_node *over,
                                 const struct wc_where *where);

/* The same for two of which `over` goes on to be laid over others: its tags stay in the result, and
 * what it resets stays there as a tagged value. Tags of `base` have done their work and must be
 * gone (wc_merge_section with a NULL base takes them away). */
struct wc_node *wc_merge_under(struct wc_load *load, const struct wc_table *table,
                               struct wc_node *base, struct wc_node *over,
                               const struct wc_where *where);

#endif
