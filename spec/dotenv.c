/* dotenv.c - env files, statement by statement.
 *
 * A statement usually is a line, but quoted values span lines, and what follows a closing quote is
 * the next statement: that is how docker compose reads `A="a"b`.
 */
#include "spec/dotenv.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/interpolate.h"
#include "spec/load.h"

struct reader {
    struct wc_load *load;
    const struct wc_dotenv *in;
    const char *p, *end;
    const char *line_start;
    unsigned line;
    bool ok;
};

static struct wc_loc place(const struct reader *r, const char *at)
{
    return (struct wc_loc){ r->in->file, r->line,
                            wc_utf8_columns(r->line_start, (size_t)(at - r->line_start)) + 1 };
}

static void next_line(struct reader *r, const char *newline)
{
    r->p = newline < r->end ? newline + 1 : r->end;
    r->line_start = r->p;
    r->line++;
}

static const char *line_end(const struct reader *r)
{
    const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));
    return newline == NULL ? r->end : newline;
}

static struct wc_diag *wrong(struct reader *r, const char *from, const char *to, const char *msg)
{
    r->ok = false;
    return wc_report_at(r->load, WC_E_DOTENV, place(r, from),
                        wc_utf8_columns(from, (size_t)(to - from)), "%s", msg);
}

static bool key_char(char c)
{
    return wc_ascii_isalnum(c) || (unsigned char)c >= 0x80 || (c != '\0' && strchr("_.-[]", c));
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && blank(*p))
        p++;
    return p;
}

/* The outer world first, then what this file said so far. */
static const char *get(void *data, const char *name)
{
    const struct reader *r = data;
    const char *value = r->in->outer == NULL ? NULL : r->in->outer(r->in->data, name);
    return value != NULL ? value : wc_map_get(r->in->out, name);
}

static void put(struct reader *r, const char *key, const char *value)
{
    wc_map_put(r->in->out, key, (void *)(uintptr_t)value);
}

/* Expands and stores; faults are reported at the start of the value. */
static void put_template(struct reader *r, const char *key, const char *text, struct wc_loc at)
{
    struct wc_template_env env = { get, NULL, r, r->load->budget.max[WC_LIMIT_VALUE_BYTES] };
    struct wc_template_fault why;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (wc_template_expand(text, &env, &out, &why)) {
        if (!wc_budget_take(&r->load->budget, r->load->diags, WC_LIMIT_EXPANDED_BYTES, out.len, at,
                            1)) {
            r->ok = false;
            return;
        }
        put(r, key, wc_arena_strndup(r->load->arena, out.data, out.len));
        return;
    }
    r->ok = false;
    wc_template_report(r->load, &why, at, wc_utf8_columns(text, strlen(text)));
}

/* KEY=value to the end of the line, cut at " #"; a value that begins with # is no comment. */
static void read_bare(struct reader *r, const char *key)
{
    const char *end = line_end(r), *stop = end;
    for (const char *p = r->p; p < end; p++) {
        if (*p == '#' && p > r->p && p[-1] == ' ') {
            stop = p;
            break;
        }
    }
    while (stop > r->p && blank(stop[-1]))
        stop--;
    put_template(r, key, wc_arena_strndup(r->load->arena, r->p, (size_t)(stop - r->p)),
                 place(r, r->p));
    next_line(r, end);
}

static void read_octal(const char **p, const char *end, struct wc_buf *out)
{
    unsigned value = 0;
    for (int i = 0; i < 3 && *p < end && **p >= '0' && **p <= '7'; i++, (*p)++)
        value = value * 8 + (unsigned)(**p - '0');
    if (value != 0)
        wc_buf_addc(out, (char)value);
}

/* One escape behind a backslash in "…"; *p is at the letter. A protected dollar becomes "$$", as
 * the text is expanded afterwards. */
static void read_escape(const char **p, const char *end, struct wc_buf *out)
{
    static const char letters[] = "ntrabfv", values[] = "\n\t\r\a\b\f\v";
    char c = *(*p)++;
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL)
        wc_buf_addc(out, values[letter - letters]);
    else if (c == '$')
        wc_buf_adds(out, "$$");
    else if (c == '\\' || c == '"')
        wc_buf_addc(out, c);
    else if (c == 'c')
        return;
    else if (c == '0')
        read_octal(p, end, out);
    else
        wc_buf_printf(out, "\\%c", c);
}

static void count_lines(struct reader *r, const char *from, const char *to)
{
    for (const char *p = from; p < to; p++) {
        if (*p == '\n') {
            r->line++;
            r->line_start = p + 1;
        }
    }
}

/* KEY="…" or KEY='…'; r->p is at the quote. */
static void read_quoted(struct reader *r, const char *key)
{
    const char quote = *r->p, *open = r->p, *p = open + 1;
    struct wc_loc at = place(r, open);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    while (p < r->end && *p != quote) {
        if (*p != '\\' || p + 1 >= r->end) {
            wc_buf_addc(&text, *p++);
        } else if (quote == '"') {
            p++;
            read_escape(&p, r->end, &text);
        } else {
            if (p[1] == '\'')
                p++;
            wc_buf_addc(&text, *p++);
        }
    }
    if (p >= r->end) {
        wrong(r, open, open + 1, "a quote is opened here and never closed");
        r->p = r->end;
        return;
    }
    const char *value = wc_arena_strndup(r->load->arena, text.data, text.len);
    if (quote == '"')
        put_template(r, key, value, at);
    else
        put(r, key, value);
    count_lines(r, open, p);
    r->p = p + 1;
}

static void read_value(struct reader *r, const char *key)
{
    r->p = skip_blanks(r->p, r->end);
    if (r->p < r->end && (*r->p == '"' || *r->p == '\''))
        read_quoted(r, key);
    else
        read_bare(r, key);
}

/* KEY alone: copies the outer value, or defines nothing. */
static void read_alone(struct reader *r, const char *key)
{
    const char *value = r->in->outer == NULL ? NULL : r->in->outer(r->in->data, key);
    if (value != NULL)
        put(r, key, value);
}

/* Skips "export " in front of a key. */
static void skip_export(struct reader *r)
{
    static const char word[] = "export";
    size_t len = sizeof word - 1;
    if ((size_t)(r->end - r->p) > len && memcmp(r->p, word, len) == 0 && blank(r->p[len]))
        r->p = skip_blanks(r->p + len, r->end);
}

static void read_statement(struct reader *r)
{
    skip_export(r);
    const char *start = r->p, *end = line_end(r), *p = start;
    while (p < end && key_char(*p))
        p++;
    const char *key = wc_arena_strndup(r->load->arena, start, (size_t)(p - start));
    const char *sign = skip_blanks(p, end);
    if (sign < end && (*sign == '=' || *sign == ':')) {
        r->p = sign + 1;
        read_value(r, key);
        return;
    }
    if (sign < end && *sign != '#') {
        struct wc_diag *diag = wrong(r, start, end, "a line is KEY=value");
        diag->hint = "names hold letters, digits and '_'";
    } else {
        read_alone(r, key);
    }
    next_line(r, end);
}

/* The first of `end`, an '=' and, where blanks count, a blank. */
static const char *key_end(const char *p, const char *end, bool blanks)
{
    while (p < end && *p != '=' && !(blanks && blank(*p)))
        p++;
    return p;
}

static void read_raw(struct reader *r)
{
    const char *end = line_end(r), *stop = end;
    if (stop > r->p && stop[-1] == '\r')
        stop--;
    const char *sign = key_end(r->p, stop, false);
    const char *key = wc_arena_strndup(r->load->arena, r->p, (size_t)(sign - r->p));
    if (key_end(r->p, stop, true) != sign)
        wrong(r, r->p, sign, "a name can't hold blanks")->hint = "a line is KEY=value";
    else if (sign == stop)
        read_alone(r, key);
    else
        put(r, key, wc_arena_strndup(r->load->arena, sign + 1, (size_t)(stop - sign - 1)));
    next_line(r, end);
}

bool wc_dotenv_parse(struct wc_load *load, const struct wc_dotenv *in)
{
    struct reader r = { .load = load, .in = in, .p = in->text, .end = in->text + in->len };
    r.line = 1;
    r.ok = true;
    if (in->len >= 3 && memcmp(in->text, "\xef\xbb\xbf", 3) == 0)
        r.p += 3;
    r.line_start = r.p;
    while (r.p < r.end && !load->budget.over) {
        const char *start = skip_blanks(r.p, r.end);
        if (start >= r.end)
            break;
        if (*start == '\n' || *start == '#') {
            next_line(&r, line_end(&r));
            continue;
        }
        r.p = start;
        if (!wc_budget_check(&load->budget, load->diags, WC_LIMIT_VARIABLES, in->out->n,
                             place(&r, start), 1))
            return false;
        if (in->raw)
            read_raw(&r);
        else
            read_statement(&r);
    }
    return r.ok;
}
