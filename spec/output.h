/* output.h - sections as the canonical output shows them (spec, private).
 */
#ifndef SPEC_OUTPUT_H
#define SPEC_OUTPUT_H

#include "spec/table.h"

/* Returns a copy of a section without the values that say nothing (false, 0, "", empty lists): what
 * docker compose leaves out, so that `privileged: false` and nothing at all are one spec. */
struct wc_node *wc_output_section(struct wc_load *load, const struct wc_table *table,
                                  const struct wc_node *section);

/* The same for a network, without what is only warned about. */
struct wc_node *wc_output_network(struct wc_load *load, const struct wc_node *network);

#endif
