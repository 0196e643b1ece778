/* support.h - rows in words, for the documentation and the schema (spec, private). */
#ifndef SPEC_SUPPORT_H
#define SPEC_SUPPORT_H

#include "spec/table.h"

/* How a later file's value joins; what the row takes; its clause; its own level on a platform. In
 * the arena or literal. */
const char *wc_support_merge_word(struct wc_arena *arena, const struct wc_field *field);
const char *wc_support_takes(struct wc_arena *arena, const struct wc_field *field);
const char *wc_support_clause(struct wc_arena *arena, const struct wc_table *table,
                              const struct wc_field *field);
const char *wc_support_level(const struct wc_field *field, enum wc_platform platform);

#endif
