/* text.c - lines, columns, and what is UTF-8. */
#include "spec/text.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"

unsigned wc_utf8_columns(const char *text, size_t len)
{
    unsigned columns = 0;
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

static unsigned length_of(unsigned char lead)
{
    if (lead < 0x80)
        return lead != 0;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The second byte carries what the lead byte leaves open: overlong forms, surrogates, the end. */
static bool fits(const unsigned char *p, unsigned n)
{
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return false;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return false;
    return true;
}

size_t wc_utf8_valid(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        unsigned n = length_of(p[i]);
        if (n == 0 || n > len - i || (n > 1 && !fits(p + i, n)))
            return i;
        i += n;
    }
    return len;
}

/* Bytes of the line break at text[i], or 0. */
static size_t break_at(const char *text, size_t len, size_t i)
{
    if (text[i] == '\n')
        return 1;
    if (text[i] != '\r')
        return 0;
    return i + 1 < len && text[i + 1] == '\n' ? 2 : 1;
}

struct wc_loc wc_text_place(const char *file, const char *text, size_t len, size_t offset)
{
    struct wc_loc at = { file, 1, 1 };
    size_t start = 0;
    for (size_t i = 0; i < offset && i < len;) {
        size_t n = break_at(text, len, i);
        i += n == 0 ? 1 : n;
        if (n != 0 && i <= offset) {
            at.line++;
            start = i;
        }
    }
    at.col += wc_utf8_columns(text + start, (offset < len ? offset : len) - start);
    return at;
}

size_t wc_text_offset(const char *text, size_t len, unsigned line, unsigned col)
{
    size_t i = 0;
    for (unsigned n = 1; n < line && i < len;) {
        size_t width = break_at(text, len, i);
        n += width != 0;
        i += width == 0 ? 1 : width;
    }
    for (unsigned n = 1; n < col && i < len; n++) {
        i++;
        while (i < len && ((unsigned char)text[i] & 0xC0) == 0x80)
            i++;
    }
    return i;
}

/* Bytes of a break that libyaml knows and editors don't: NEL, LS, PS. */
static size_t odd_break(const char *text, size_t len, size_t i)
{
    const unsigned char *p = (const unsigned char *)text + i;
    if (p[0] == 0xC2 && len - i >= 2 && p[1] == 0x85)
        return 2;
    return p[0] == 0xE2 && len - i >= 3 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9) ? 3 : 0;
}

static bool has_odd_break(const char *text, size_t len)
{
    const char *end = text + len;
    for (const char *p = text; (p = memchr(p, 0xC2, (size_t)(end - p))) != NULL; p++)
        if (odd_break(text, len, (size_t)(p - text)) != 0)
            return true;
    for (const char *p = text; (p = memchr(p, 0xE2, (size_t)(end - p))) != NULL; p++)
        if (odd_break(text, len, (size_t)(p - text)) != 0)
            return true;
    return false;
}

struct wc_loc *wc_text_yaml_lines(struct wc_arena *arena, const char *text, size_t len, size_t *n)
{
    size_t cap = 0;
    struct wc_loc *lines = NULL, at = { NULL, 1, 1 };
    *n = 0;
    if (!has_odd_break(text, len))
        return NULL;
    lines = wc_arena_grow(arena, lines, 0, &cap, sizeof *lines);
    lines[(*n)++] = at;
    for (size_t i = 0; i < len;) {
        size_t plain = break_at(text, len, i), odd = odd_break(text, len, i);
        if (plain != 0) {
            at.line++;
            at.col = 1;
        } else {
            at.col += ((unsigned char)text[i] & 0xC0) != 0x80;
        }
        i += plain != 0 ? plain : odd != 0 ? odd : 1;
        if (plain + odd == 0)
            continue;
        lines = wc_arena_grow(arena, lines, *n, &cap, sizeof *lines);
        lines[(*n)++] = at;
    }
    return lines;
}
