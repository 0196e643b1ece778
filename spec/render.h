/* render.h - trees to text (spec, private). */
#ifndef SPEC_RENDER_H
#define SPEC_RENDER_H

#include "spec/table.h"

struct wc_buf;
struct wc_jsonw;

/* Writes a node as JSON with sorted keys. dollars  double every '$' of a value
 *   table  NULL: everything; else only rows of class WC_RECREATES, recursively */
void wc_render_json(struct wc_jsonw *w, const char *key, const struct wc_node *node, bool dollars,
                    const struct wc_table *table);

/* Appends a node as block YAML with sorted keys. */
void wc_render_yaml(struct wc_buf *out, const struct wc_node *node, bool dollars);

#endif
