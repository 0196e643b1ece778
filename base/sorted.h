/* sorted.h - finding a name in an array that is sorted by name (base, pure).
 *
 * Threads: any. Errors: none.
 */
#ifndef BASE_SORTED_H
#define BASE_SORTED_H

#include <stddef.h>

/* Returns where `name` is, or is to be put, among n structs of `size` bytes whose first member is
 * their name (const char *, not NULL), ascending by strcmp. */
size_t wc_sorted_pos(const void *items, size_t n, size_t size, const char *name);

#endif
