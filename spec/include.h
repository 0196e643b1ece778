/* include.h - other projects' files as part of this one (spec, private).
 *
 * Source:  Compose Specification, "include"; conflicts as the newest compose-go has them: the
 * including file's definition is laid over the included one.
 */
#ifndef SPEC_INCLUDE_H
#define SPEC_INCLUDE_H

#include "spec/table.h"
#include "spec/unit.h"

struct wc_opened;

/* Returns one document's tree with what its `include` names laid under it, and without the key.
 *   file  the document's
 *   tree  long forms; not changed
 */
struct wc_node *wc_include_apply(struct wc_load *load, struct wc_unit *unit,
                                 const struct wc_opened *file, struct wc_node *tree);

#endif
