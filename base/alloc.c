/* alloc.c - heap wrappers that abort on exhaustion. The rejected choice, error codes up every path,
 * would double the number of error paths for a case in which nothing useful can be done.
 */
#include "base/alloc.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *checked(void *p)
{
    if (p == NULL) {
        static const char text[] = "wcompose: out of memory\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
        abort();
    }
    return p;
}

void wc_alloc_warm(size_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    mallopt(M_MMAP_THRESHOLD, (int)bytes * 2); /* large blocks come from the heap too, */
    mallopt(M_TRIM_THRESHOLD, (int)bytes * 2); /* and what is freed stays for the next */
    char *heap = malloc(bytes);
    if (heap == NULL)
        return;
    uintptr_t begin = ((uintptr_t)heap + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)heap + bytes) & ~(page - 1);
    (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE); /* Linux 5.14 */
    free(heap);
}

void *wc_alloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size));
}

void *wc_calloc(size_t n, size_t size)
{
    return checked(calloc(n == 0 ? 1 : n, size == 0 ? 1 : size));
}

void *wc_realloc(void *old, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return checked(NULL);
    size_t bytes = n * size;
    return checked(realloc(old, bytes == 0 ? 1 : bytes));
}

void *wc_alloc_pages(size_t *size)
{
    if (*size > SIZE_MAX / 2)
        return checked(NULL);
    *size = (*size + WC_ALLOC_PAGES - 1) / WC_ALLOC_PAGES * WC_ALLOC_PAGES;
    void *p = checked(aligned_alloc(WC_ALLOC_PAGES, *size));
#ifdef MADV_HUGEPAGE
    (void)madvise(p, *size, MADV_HUGEPAGE); /* a wish: without it all works as well */
#endif
    return p;
}

char *wc_strdup(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(wc_alloc(len), text, len);
}

void wc_free(void *p)
{
    free(p);
}

void wc_cleanup_free(void *pp)
{
    free(*(void **)pp);
}

void wc_cleanup_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
