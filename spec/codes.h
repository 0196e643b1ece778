/* codes.h - the stable codes of everything the spec room can find wrong (spec, private).
 *
 * Idea:    one row a code; reports name the row, docs/errors.md is printed from the same rows (a
 * test compares them), so a code can't be undocumented.
 */
#ifndef SPEC_CODES_H
#define SPEC_CODES_H

#include <stddef.h>

#include "wcompose/spec.h"

struct wc_buf;

enum wc_spec_code {
    WC_E_UNKNOWN_KEY,
    WC_E_TYPE,
    WC_E_VALUE,
    WC_E_DUPLICATE,
    WC_E_SYNTAX,
    WC_E_LIMIT,
    WC_E_TEMPLATE,
    WC_E_VARIABLE,
    WC_E_FILE,
    WC_E_NAME,
    WC_E_ISOLATION,
    WC_E_LOWERED,
    WC_E_DOTENV,
    WC_E_SHELL,
    WC_E_MISSING,
    WC_E_MERGE,
    WC_E_RESTRICTED,
    WC_E_GRANT,
    WC_E_RELOCATE,
    WC_E_SECRET,
    WC_E_NOT_YET,
    WC_E_UNKNOWN_SERVICE,
    WC_E_CYCLE, /* reported by the planner */
    WC_E_UNKNOWN_NETWORK,
    WC_E_UNKNOWN_VOLUME,
    WC_E_DISABLED_DEP,
    WC_E_CONFLICT,
    WC_E_TWINS,
    WC_E_SAME_TARGET,
    WC_E_SCALE,
    WC_E_SELECTION,
    WC_E_UNKNOWN_OBJECT,
    WC_E_EXTENDS,
    WC_E_EXTENDS_CYCLE,
    WC_E_INCLUDE_CYCLE,
    WC_E_CANT_ISOLATE, /* reported by the planner */
    WC_E_HOST_POLICY,
    WC_W_NOT_YET,
    WC_W_OBSOLETE,
    WC_W_UNSET,
    WC_W_ONLY_SHOWN,
    WC_W_PROFILE,
    WC_W_SEVERAL,
    WC_W_ISOLATION, /* reported by the planner */
    WC_W_EMULATED,  /* reported by who has asked the host */
    WC_W_COUNT_CODES
};

/* The row of a code. */
const struct wc_code_info *wc_spec_code(enum wc_spec_code code);

/* Appends the part of docs/errors.md that this room owns. */
void wc_spec_codes_markdown(struct wc_buf *out);

#endif
