/* text.c - lines, columns, and what is UTF-8. */
#include "spec/text.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"

unsigned wc_utf8_columns(const char *text, size_t len)
{
    unsigned columns = 0;
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

size_t wc_utf8_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned code = (unsigned char)text[i];
        size_t n = code < 0x80 ? 1 : wc_utf8_next(text + i, len - i, &code);
        if (code == 0 || (code == 0xFFFD && n == 1))
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

struct wc_loc wc_text_place_from(struct wc_loc at, const char *text, size_t from, size_t to)
{
    size_t start = from;
    for (size_t i = from; i < to;) {
        size_t n = break_at(text, to, i);
        i += n == 0 ? 1 : n;
        if (n == 0)
            continue;
        at.line++;
        at.col = 1;
        start = i;
    }
    at.col += wc_utf8_columns(text + start, to - start);
    return at;
}

struct wc_loc wc_text_place(const char *file, const char *text, size_t len, size_t offset)
{
    return wc_text_place_from((struct wc_loc){ file, 1, 1 }, text, 0, offset < len ? offset : len);
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
