/* encoding.h - bytes of a file to text (spec, private).
 *
 * Idea:    everything behind this point sees UTF-8 without a byte order mark and without NULs, and
 *          that is also the text that lines of diagnostics are shown from.
 */
#ifndef SPEC_ENCODING_H
#define SPEC_ENCODING_H

#include <stdbool.h>

struct wc_load;
struct wc_node;
struct wc_text;

/* Makes UTF-8 of UTF-16 with a byte order mark, and takes the mark off. False after reporting E104
 * at the place of the first byte that isn't text: an invalid sequence, or a NUL. */
bool wc_encoding_take(struct wc_load *load, const char *shown, struct wc_text *text);

/* Files are UTF-8, but the environment need not be, and what it says gets into values. Reports E102
 * at each value of the finished tree that can't be written as YAML or JSON; costs nothing unless
 * load->foreign_bytes. */
void wc_encoding_check(struct wc_load *load, const struct wc_node *tree);

#endif
