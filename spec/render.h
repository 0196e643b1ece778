/* render.h - trees to text (spec, private). */
#ifndef SPEC_RENDER_H
#define SPEC_RENDER_H

#include "spec/table.h"

struct wc_buf;
struct wc_jsonw;

/* Bits of `how`. */
enum {
    WC_RENDER_DOLLARS = 1,  /* double every '$' of a value */
    WC_RENDER_IN_ORDER = 2, /* keep the order of keys; else they are sorted */
    WC_RENDER_ITEM = 4,     /* within an item of a list: of a table only extensions are left out */
    WC_RENDER_INPLACE = 8,  /* of a table the rows of class WC_INPLACE, and nothing else */
    WC_RENDER_MACHINE = 16, /* the same of class WC_MACHINE */
};

/* Writes a node as JSON.
 *   table  NULL: everything; else only rows of class WC_RECREATES (or as `how` says), recursively
 */
void wc_render_json(struct wc_jsonw *w, const char *key, const struct wc_node *node, unsigned how,
                    const struct wc_table *table);

/* Appends a node as block YAML. */
void wc_render_yaml(struct wc_buf *out, const struct wc_node *node, unsigned how);

#endif
