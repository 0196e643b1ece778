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

/* Limits on input; beyond them is an ordinary error. */
enum {
    WC_INCLUDE_DEPTH_MAX = 50,
    WC_INCLUDE_FILES_MAX = 1000,     /* files that a load includes, each time counted */
    WC_INCLUDE_BYTES_MAX = 64 << 20, /* their text, each time counted */
};

/* Returns one document's tree with what its `include` names laid under it, and without the key.
 *   file  the document's
 *   tree  long forms; not changed
 */
struct wc_node *wc_include_apply(struct wc_load *load, struct wc_unit *unit,
                                 const struct wc_opened *file, struct wc_node *tree);

#endif
