/* sorted.c - the lower bound. */
#include "base/sorted.h"

#include <string.h>

size_t wc_sorted_pos(const void *items, size_t n, size_t size, const char *name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *at;
        memcpy(&at, (const char *)items + mid * size, sizeof at);
        if (strcmp(at, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
