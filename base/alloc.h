/* alloc.h - the only door to the heap (base, layer 0).
 *
 * Idea:    out of memory ends the process, here and nowhere else: all state is read again from the
 * host after a restart, so a crash is a slow reconcile, not a loss
 * (docs/adr/0004-abort-on-out-of-memory.md). Errors:  none; these never return NULL. Threads: any.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* Returns `size` bytes, not initialised; size 0 gives a valid pointer. The caller frees with
 * wc_free. */
/* Fetches `bytes` (up to 16 MiB) of heap from the kernel in one step, which is 2 to 20 times (on a
 * virtual machine) as fast as a fault for each page later. For programs that are about to use as
 * much and then end: nothing is given back before. */
void wc_alloc_warm(size_t bytes);

void *wc_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Returns room for n objects of `size` bytes, zeroed; aborts also when n * size overflows. */
void *wc_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));

/* As realloc, for n objects of `size` bytes. */
void *wc_realloc(void *old, size_t n, size_t size) __attribute__((returns_nonnull));

/* Returns at least *size bytes for data that lives long and grows: in huge pages where the system
 * has them, since memory's first touch costs more than what is mostly done with it (one fault for
 * 512). *size becomes what there is, a multiple of WC_ALLOC_PAGES. Not initialised; freed with
 * wc_free. */
enum { WC_ALLOC_PAGES = 2 << 20 };
void *wc_alloc_pages(size_t *size) __attribute__((returns_nonnull));

/* Copies a string. */
char *wc_strdup(const char *text) __attribute__((malloc, returns_nonnull));

/* Frees what the above gave; NULL is fine. */
void wc_free(void *p);

/* Cleanup attribute for leaf functions: WC_CLEANUP_FREE char *text = NULL; */
void wc_cleanup_free(void *pp);
void wc_cleanup_fd(int *fd);
#define WC_CLEANUP_FREE __attribute__((cleanup(wc_cleanup_free)))
#define WC_CLEANUP_FD __attribute__((cleanup(wc_cleanup_fd)))

#endif
