/* extends.h - services that begin as copies of others (spec, private).
 *
 * Source:  Compose Specification, "extends"; the order as compose-go has it.
 */
#ifndef SPEC_EXTENDS_H
#define SPEC_EXTENDS_H

#include "spec/table.h"
#include "spec/unit.h"

/* Returns one document's tree with every `extends` carried out. What a base service says lies under
 * what the service says; tags of the document stay for the merge with earlier files.
 *   shown  the document's file, for messages
 *   tree   long forms; not changed
 */
struct wc_node *wc_extends_apply(struct wc_load *load, struct wc_unit *unit, const char *shown,
                                 struct wc_node *tree);

#endif
