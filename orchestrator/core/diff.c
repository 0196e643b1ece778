/* diff.c - the two halves of an instance hash (desired.h) compared one by one. */
#include "orchestrator/core/diff.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

enum { HALF = 32 };

bool wc_diff_stale(const struct wc_instance *wanted, const struct wc_fact *seen)
{
    return strcmp(wanted->hash, seen->hash) != 0;
}

const char *wc_diff_why(const struct wc_instance *wanted, const struct wc_fact *seen,
                        struct wc_arena *arena)
{
    if (!wc_diff_stale(wanted, seen))
        return NULL;
    bool spec = strncmp(wanted->hash, seen->hash, HALF) != 0;
    bool image = strlen(seen->hash) < HALF || strcmp(wanted->hash + HALF, seen->hash + HALF) != 0;
    const char *now = wanted->spec != NULL ? wanted->spec->image : NULL;
    if (!image)
        return "configuration changed";
    if (now != NULL && seen->image != NULL && !wc_streq(now, seen->image))
        return wc_arena_printf(arena, "image changed: %s -> %s", seen->image, now);
    return spec ? "image changed, configuration changed" : "image changed";
}
