/* dockerignore.c - a pattern is tried against the path and everything it is below. */
#include "images/dockerignore.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

/* Matching is exponential in the stars of a pattern. */
enum { DEPTH_MAX = 64, STEPS_MAX = 100000 };

void wc_dockerignore_parse(const char *text, struct wc_arena *arena, struct wc_dockerignore *out)
{
    *out = (struct wc_dockerignore){ 0 };
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        const char *from = text, *to = text + len;
        text = to + (*to == '\n');
        while (from < to && strchr(" \t\r", *from) != NULL)
            from++;
        while (to > from && strchr(" \t\r", to[-1]) != NULL)
            to--;
        if (from == to || *from == '#')
            continue;
        bool back = *from == '!';
        from += back;
        while (from < to && *from == '/')
            from++;
        while (from + 1 < to && from[0] == '.' && from[1] == '/')
            from += 2;
        while (to > from && to[-1] == '/')
            to--;
        if (from == to)
            continue;
        out->takes_back = out->takes_back || back;
        wc_strv_add(arena, &out->patterns,
                    wc_arena_printf(arena, "%s%.*s", back ? "!" : "", (int)(to - from), from));
    }
}

/* "[a-z]" and "[^a]" at `p`; sets *end behind it. False without a closing bracket, too. */
static bool in_class(const char *p, char c, const char **end)
{
    bool negated = p[1] == '^' || p[1] == '!', found = false;
    const char *at = p + 1 + negated;
    do {
        if (*at == '\\' && at[1] != '\0')
            at++;
        if (*at == '\0')
            return false;
        char low = *at, high = at[1] == '-' && at[2] != ']' && at[2] != '\0' ? at[2] : low;
        at += high == low ? 1 : 3;
        found = found || (c >= low && c <= high);
    } while (*at != ']');
    *end = at + 1;
    return found != negated && c != '/';
}

/* Matches the whole of path[0..end). */
static bool match(const char *p, const char *path, const char *end, unsigned depth, unsigned *steps)
{
    while (*p != '\0') {
        if (*p == '*') {
            bool any = p[1] == '*';
            const char *rest = p + 1 + any;
            if (depth == DEPTH_MAX || *steps == 0)
                return false;
            (*steps)--;
            if (any && *rest == '/' && match(rest + 1, path, end, depth + 1, steps))
                return true;
            for (const char *at = path;; at++) {
                if (match(rest, at, end, depth + 1, steps))
                    return true;
                if (at == end || (!any && *at == '/'))
                    return false;
            }
        }
        if (path == end)
            return false;
        if (*p == '[') {
            const char *next = NULL;
            if (!in_class(p, *path, &next))
                return false;
            p = next;
            path++;
            continue;
        }
        if (*p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '?' && *path != '/') {
            p++;
            path++;
            continue;
        }
        if (*p != *path)
            return false;
        p++;
        path++;
    }
    return path == end;
}

static bool covers(const char *pattern, const char *path)
{
    unsigned steps = STEPS_MAX;
    for (const char *end = path; *end != '\0';) {
        end += *end == '/';
        end += strcspn(end, "/");
        if (match(pattern, path, end, 0, &steps))
            return true;
    }
    return false;
}

bool wc_dockerignore_matches(const struct wc_dockerignore *ignore, const char *path)
{
    bool out = false;
    for (size_t i = 0; i < ignore->patterns.n; i++) {
        const char *pattern = ignore->patterns.items[i];
        bool back = *pattern == '!';
        if (back == out && covers(pattern + back, path))
            out = !back;
    }
    return out;
}
