/* dockerignore.h - which files of a build context don't count (images, pure).
 *
 * Source:  Docker's .dockerignore: one pattern a line, '#' comments, '!' takes back, the last that
 * matches wins; '*' and '?' stop at '/', '**' doesn't; what is below something that matches, does.
 */
#ifndef IMAGES_DOCKERIGNORE_H
#define IMAGES_DOCKERIGNORE_H

#include <stdbool.h>

#include "wcompose/lists.h"

struct wc_arena;

/* The patterns of a file's text, cleaned: no blanks around, no '/' in front or behind. */
struct wc_dockerignore {
    struct wc_strv patterns; /* with a '!' in front where they take back */
    bool takes_back;         /* one of them does: what is ignored must still be looked into */
};
void wc_dockerignore_parse(const char *text, struct wc_arena *arena, struct wc_dockerignore *out);

/* True when `path` ("src/a.c", relative to the context) is left out. */
bool wc_dockerignore_matches(const struct wc_dockerignore *ignore, const char *path);

#endif
