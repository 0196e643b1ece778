/* front.c - a rank for each; a higher one takes over, an equal one doesn't. */
#include "orchestrator/core/front.h"

static int rank(const struct wc_front *one)
{
    if (!one->up)
        return 0;
    if (!one->stays)
        return 1;
    if (!one->ready)
        return 2;
    return one->wanted ? 4 : 3;
}

size_t wc_front_choose(const struct wc_front *all, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].leads)
            found = i;
    for (size_t i = 0; i < n; i++)
        if (rank(&all[i]) > rank(&all[found]))
            found = i;
    return found;
}
