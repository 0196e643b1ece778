/* scalar.h - what an unquoted YAML word means (spec, private, pure).
 *
 * Idea:    YAML 1.2 with the leftovers that Compose's reader has: `yes` is a string, `012` is ten,
 * `1_000` a number, `22:22` a string. libyaml gives text only, so this is ours.
 * Threads: any. Errors: none; what is nothing else is a string.
 */
#ifndef SPEC_SCALAR_H
#define SPEC_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_arena;

/* Reads a whole number as YAML writes it (sign, 0x, 0o, 0b, leading 0 = octal, _ between digits).
 */
bool wc_scalar_int(const char *text, int64_t *out);

/* True for plain digits up to UINT64_MAX: above INT64_MAX, yet still printed in full. */
bool wc_scalar_uint64(const char *text);

/* Reads a decimal number. False for anything else and for what is out of range. */
bool wc_scalar_float(const char *text, double *out);

/* The shortest text that reads back as the same number, as Go's %v prints it: "0.5", "1e+21". */
const char *wc_scalar_float_text(struct wc_arena *arena, double value);

/* Reads the words for a boolean that Compose takes in a string: true, y, yes, on and their
 * opposites, in any case. */
bool wc_scalar_bool(const char *text, bool *out);

#endif
