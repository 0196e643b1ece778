/* utf8.h - reading UTF-8, and what of it must not reach a terminal (base, layer 0, pure). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the character at text[0] (len >= 1 bytes). Returns how many bytes it has; 1 with *code
 * U+FFFD for a byte that no valid sequence begins with. */
size_t wc_utf8_next(const char *text, size_t len, unsigned *code);

/* True for what a terminal obeys instead of showing, or what makes text read as something else
 * than it is: controls (C0 with tab and newline, DEL, C1), line separators, bidirectional marks,
 * invisible fillers and tags. Joiners and variation selectors, which writing needs, are not. */
bool wc_char_hidden(unsigned code);

#endif
