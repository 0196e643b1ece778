/* toml.c - one pass, byte by byte. A library (tomlc99 is in Debian) would build a tree to throw it
 * away, and its messages have no columns. */
#include "images/toml.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { NESTED_MAX = 20 };

struct scan {
    struct wc_arena *arena;
    const char *at, *line; /* where we are; where its line began */
    const char *file;
    unsigned lines; /* before this one */
    const char *table;
    wc_toml_fn *each;
    void *data;
    struct wc_err *err;
};

static struct wc_loc place(const struct scan *s, const char *at)
{
    unsigned col = 1;
    for (const char *p = s->line; p < at; p++)
        col += ((unsigned char)*p & 0xc0) != 0x80; /* code points */
    return (struct wc_loc){ .file = s->file, .line = s->lines + 1, .col = col };
}

static int bad(const struct scan *s, const char *what)
{
    return wc_err_at(s->err, WC_ERR_SPEC, place(s, s->at), "%s", what);
}

static void skip_blanks(struct scan *s)
{
    while (*s->at == ' ' || *s->at == '\t' || (*s->at == '\r' && s->at[1] == '\n'))
        s->at++;
}

/* Blanks, comments and ends of lines. */
static void skip_lines(struct scan *s)
{
    for (;;) {
        skip_blanks(s);
        if (*s->at == '#')
            s->at += strcspn(s->at, "\n");
        if (*s->at != '\n')
            return;
        s->line = ++s->at;
        s->lines++;
    }
}

static int end_of_line(struct scan *s)
{
    skip_blanks(s);
    if (*s->at == '#')
        s->at += strcspn(s->at, "\n");
    return *s->at == '\n' || *s->at == '\0' ? 0 : bad(s, "the end of the line was expected here");
}

static bool is_bare(char c)
{
    return wc_ascii_isalnum(c) || c == '_' || c == '-';
}

/* "\uXXXX" and "\UXXXXXXXX", s->at at the u. */
static int take_unicode(struct scan *s, struct wc_buf *out)
{
    unsigned digits = *s->at == 'u' ? 4 : 8, point = 0;
    for (unsigned i = 1; i <= digits; i++) {
        const char *all = "0123456789abcdef";
        const char *digit = s->at[i] == '\0' ? NULL : strchr(all, wc_ascii_lower(s->at[i]));
        if (digit == NULL)
            return bad(s, "hex digits were expected after \\u");
        point = point << 4 | (unsigned)(digit - all);
    }
    if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return bad(s, "no such character");
    static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };
    unsigned more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    wc_buf_addc(out, (char)(first[more] | point >> (6 * more)));
    while (more-- > 0)
        wc_buf_addc(out, (char)(0x80 | (point >> (6 * more) & 0x3f)));
    s->at += digits;
    return 0;
}

static int take_escape(struct scan *s, struct wc_buf *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    s->at++;
    const char *which = *s->at == '\0' ? NULL : strchr(from, *s->at);
    if (which != NULL)
        wc_buf_addc(out, to[which - from]);
    else if (*s->at == 'u' || *s->at == 'U')
        return take_unicode(s, out);
    else
        return bad(s, "unknown escape");
    return 0;
}

static int take_string(struct scan *s, const char **out)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char quote = *s->at;
    if (s->at[1] == quote && s->at[2] == quote)
        return bad(s, "strings of several lines aren't read here");
    for (s->at++; *s->at != quote; s->at++) {
        if (*s->at == '\0' || *s->at == '\n')
            return bad(s, "the string has no end");
        if (*s->at == '\\' && quote == '"') {
            int rc = take_escape(s, &text);
            if (rc != 0)
                return rc; /* it may be the text's end that is wrong: not a step further */
        } else {
            wc_buf_addc(&text, *s->at);
        }
    }
    s->at++;
    *out = wc_arena_strdup(s->arena, text.data);
    return 0;
}

/* A key, or the name of a table: words joined by dots. */
static int take_name(struct scan *s, const char **out)
{
    WC_CLEANUP_BUF struct wc_buf name = WC_BUF_INIT;
    for (;;) {
        const char *word = NULL;
        skip_blanks(s);
        if (*s->at == '"' || *s->at == '\'') {
            int rc = take_string(s, &word);
            if (rc != 0)
                return rc;
        } else {
            const char *start = s->at;
            while (is_bare(*s->at))
                s->at++;
            if (s->at == start)
                return bad(s, "a name was expected here");
            word = wc_arena_strndup(s->arena, start, (size_t)(s->at - start));
        }
        wc_buf_adds(&name, word);
        skip_blanks(s);
        if (*s->at != '.')
            break;
        s->at++;
        wc_buf_addc(&name, '.');
    }
    *out = wc_arena_strdup(s->arena, name.data);
    return 0;
}

static int take_header(struct scan *s)
{
    struct wc_toml_item item = { .kind = WC_TOML_HEADER, .at = place(s, s->at) };
    item.is_array = s->at[1] == '[';
    s->at += item.is_array ? 2 : 1;
    int rc = take_name(s, &item.table);
    if (rc != 0)
        return rc;
    if (*s->at != ']' || (item.is_array && s->at[1] != ']'))
        return bad(s, item.is_array ? "']]' was expected here" : "']' was expected here");
    s->at += item.is_array ? 2 : 1;
    s->table = item.table;
    rc = end_of_line(s);
    return rc != 0 ? rc : s->each(s->data, &item, s->err);
}

static int take_value(struct scan *s, struct wc_toml_item *item, int depth);

static int take_array(struct scan *s, struct wc_toml_item *item, int depth)
{
    bool strings = true;
    s->at++;
    for (;;) {
        struct wc_toml_item part = { .kind = WC_TOML_OTHER };
        skip_lines(s);
        if (*s->at == ']')
            break;
        int rc = take_value(s, &part, depth + 1);
        if (rc != 0)
            return rc;
        strings = strings && part.kind == WC_TOML_STRING;
        if (strings)
            wc_strv_add(s->arena, &item->list, part.text);
        skip_lines(s);
        if (*s->at == ',')
            s->at++;
        else if (*s->at != ']')
            return bad(s, "',' or ']' was expected here");
    }
    s->at++;
    item->kind = strings ? WC_TOML_STRINGS : WC_TOML_OTHER;
    return 0;
}

/* A name and its '='. */
static int take_key(struct scan *s, const char **out)
{
    int rc = take_name(s, out);
    if (rc != 0)
        return rc;
    if (*s->at != '=')
        return bad(s, "'=' was expected here");
    s->at++;
    skip_blanks(s);
    return 0;
}

/* Checked, and handed out as something else. */
static int take_inline_table(struct scan *s, int depth)
{
    s->at++;
    skip_blanks(s);
    while (*s->at != '}') {
        struct wc_toml_item part = { .kind = WC_TOML_OTHER };
        int rc = take_key(s, &part.key);
        if (rc == 0)
            rc = take_value(s, &part, depth + 1);
        if (rc != 0)
            return rc;
        skip_blanks(s);
        if (*s->at == ',')
            s->at++;
        else if (*s->at != '}')
            return bad(s, "',' or '}' was expected here");
        skip_blanks(s);
    }
    s->at++;
    return 0;
}

static int take_plain(struct scan *s, struct wc_toml_item *item)
{
    size_t len = strspn(s->at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "+-._:");
    if (len == 0)
        return bad(s, "a value was expected here: \"text\", true, false, or [\"a\", \"b\"]");
    const char *word = wc_arena_strndup(s->arena, s->at, len);
    bool is_true = wc_streq(word, "true");
    if (is_true || wc_streq(word, "false")) {
        item->kind = WC_TOML_BOOL;
        item->flag = is_true;
    } else if (!wc_ascii_isdigit(*word) && strchr("+-", *word) == NULL && !wc_streq(word, "inf") &&
               !wc_streq(word, "nan")) {
        return bad(s, "text needs quotes: \"…\"");
    }
    s->at += len;
    return 0;
}

static int take_value(struct scan *s, struct wc_toml_item *item, int depth)
{
    if (depth > NESTED_MAX)
        return bad(s, "nested too deep");
    item->kind = WC_TOML_OTHER;
    switch (*s->at) {
    case '"':
    case '\'':
        item->kind = WC_TOML_STRING;
        return take_string(s, &item->text);
    case '[':
        return take_array(s, item, depth);
    case '{':
        return take_inline_table(s, depth);
    default:
        return take_plain(s, item);
    }
}

static int take_pair(struct scan *s)
{
    struct wc_toml_item item = { .table = s->table, .at = place(s, s->at) };
    int rc = take_key(s, &item.key);
    if (rc == 0)
        rc = take_value(s, &item, 0);
    if (rc == 0)
        rc = end_of_line(s);
    return rc != 0 ? rc : s->each(s->data, &item, s->err);
}

int wc_toml_read(struct wc_arena *arena, const struct wc_toml_source *source, wc_toml_fn *each,
                 void *data, struct wc_err *err)
{
    struct wc_err none = { 0 };
    struct scan s = { .arena = arena,
                      .at = source->text,
                      .line = source->text,
                      .file = source->file,
                      .table = "",
                      .each = each,
                      .data = data,
                      .err = err != NULL ? err : &none };
    int rc = 0;
    if (wc_str_starts(s.at, "\xef\xbb\xbf"))
        s.line = s.at += 3;
    skip_lines(&s);
    while (rc == 0 && *s.at != '\0') {
        rc = *s.at == '[' ? take_header(&s) : take_pair(&s);
        if (rc == 0)
            skip_lines(&s);
    }
    return rc;
}
