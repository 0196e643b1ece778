/* lists.h - the small values that the model is made of (contract, pure).
 *
 * Unset values: pointers NULL; lists n = 0; numbers WC_UNSET (-1); three-state booleans enum
 * wc_tri.
 * Owner:   the arena of whoever fills them; borrowed by everybody else.
 */
#ifndef WCOMPOSE_LISTS_H
#define WCOMPOSE_LISTS_H

#include <stdbool.h>
#include <stddef.h>

/* A number that was not given; a boolean that may be absent. */
enum { WC_UNSET = -1 };
enum wc_tri { WC_TRI_UNSET = -1, WC_TRI_FALSE = 0, WC_TRI_TRUE = 1 };

/* A list of strings. `set` tells an explicit empty list ("command: []") from an absent one. */
struct wc_strv {
    const char **items;
    size_t n;
    bool set;
};

/* KEY=VALUE; value NULL = the key stands alone (for environment: remove the variable). */
struct wc_kv {
    const char *key, *value;
};
struct wc_kvs {
    struct wc_kv *items; /* keys unique, in order of first appearance */
    size_t n;
};

#endif
