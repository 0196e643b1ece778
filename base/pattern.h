/* pattern.h - regular expressions of others' files (base, layer 0; regex.h behind it).
 *
 * Idea:    who writes the file writes the pattern: what could cost much to compile or to try is
 * refused, and so is what means something else to another engine than to this one.
 * Threads: any. Blocks: never.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>

#include "wcompose/err.h"

struct wc_pattern;

/* Compiles one that means the same in RE2 and in POSIX ERE: literals, classes, groups,
 * alternatives,
 * * + ? ^ $ and \ before a mark; (?i) may stand in front.
 * Returns 0 and *out, which the caller frees with wc_pattern_free; WC_ERR_SPEC: it is none, or of
 * more than that; WC_ERR_LIMIT: longer than 512 bytes.
 */
int wc_pattern_new(const char *text, struct wc_pattern **out, struct wc_err *err);
void wc_pattern_free(struct wc_pattern *pattern); /* NULL is fine */

/* True when it is found somewhere in the text. */
bool wc_pattern_found(const struct wc_pattern *pattern, const char *text);

#endif
