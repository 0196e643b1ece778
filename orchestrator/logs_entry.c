/* logs_entry.c - one line of a json-file log.
 *
 * By hand, as a log has millions of them and they may hold any byte: the general reader would
 * build a tree for each and end text at the first NUL.
 */
#include "orchestrator/logs_priv.h"

#include <string.h>

#include "base/str.h"
#include "base/units.h"

struct scan {
    const char *at, *end;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool take(struct scan *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static int hex4(struct scan *s)
{
    int value = 0;
    if (s->end - s->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = wc_ascii_lower(*s->at++);
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static void add_utf8(struct wc_buf *out, unsigned code)
{
    if (code < 0x80) {
        wc_buf_addc(out, (char)code);
        return;
    }
    if (code >= 0x10000) {
        wc_buf_addc(out, (char)(0xF0 | (code >> 18)));
        wc_buf_addc(out, (char)(0x80 | ((code >> 12) & 0x3F)));
    } else if (code >= 0x800) {
        wc_buf_addc(out, (char)(0xE0 | (code >> 12)));
    }
    if (code >= 0x800)
        wc_buf_addc(out, (char)(0x80 | ((code >> 6) & 0x3F)));
    else
        wc_buf_addc(out, (char)(0xC0 | (code >> 6)));
    wc_buf_addc(out, (char)(0x80 | (code & 0x3F)));
}

/* After "\u": one unit, or a pair of surrogates; a lone surrogate becomes U+FFFD. */
static bool take_unicode(struct scan *s, struct wc_buf *out)
{
    int unit = hex4(s);
    if (unit < 0)
        return false;
    if (unit >= 0xD800 && unit < 0xDC00 && s->end - s->at >= 6 && s->at[0] == '\\' &&
        s->at[1] == 'u') {
        struct scan ahead = { s->at + 2, s->end };
        int low = hex4(&ahead);
        if (low >= 0xDC00 && low < 0xE000) {
            *s = ahead;
            add_utf8(out, 0x10000u + (((unsigned)unit - 0xD800) << 10) + ((unsigned)low - 0xDC00));
            return true;
        }
    }
    add_utf8(out, unit >= 0xD800 && unit < 0xE000 ? 0xFFFD : (unsigned)unit);
    return true;
}

static bool take_escape(struct scan *s, struct wc_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    if (c == 'u')
        return take_unicode(s, out);
    const char *known = c == '\0' ? NULL : strchr(from, c);
    if (known == NULL)
        return false;
    wc_buf_addc(out, to[known - from]);
    return true;
}

static bool take_string(struct scan *s, struct wc_buf *out)
{
    if (!take(s, '"'))
        return false;
    for (;;) {
        const char *from = s->at;
        while (s->at < s->end && *s->at != '"' && *s->at != '\\')
            s->at++;
        wc_buf_add(out, from, (size_t)(s->at - from));
        if (s->at == s->end)
            return false;
        if (*s->at++ == '"')
            return true;
        if (!take_escape(s, out))
            return false;
    }
}

/* wc_time_parse gives milliseconds; the digits behind them order lines of the same millisecond. */
static bool read_time(const char *text, int64_t *ns)
{
    int64_t ms;
    if (!wc_time_parse(text, &ms))
        return false;
    *ns = ms * 1000000;
    const char *dot = strchr(text, '.');
    int64_t unit = 100000;
    for (size_t i = 1; dot != NULL && wc_ascii_isdigit(dot[i]) && unit > 0; i++) {
        if (i > 3) {
            *ns += (dot[i] - '0') * unit;
            unit /= 10;
        }
    }
    return true;
}

bool wc_log_entry_read(const char *entry, size_t len, struct wc_log_line *line, struct wc_buf *text)
{
    struct scan s = { entry, entry + len };
    bool has_log = false, has_time = false;
    WC_CLEANUP_BUF struct wc_buf word = WC_BUF_INIT;
    wc_buf_reset(text);
    line->is_stderr = false;
    if (!take(&s, '{'))
        return false;
    do {
        wc_buf_reset(&word);
        if (!take_string(&s, &word) || !take(&s, ':'))
            return false;
        if (wc_streq(word.data, "log")) {
            wc_buf_reset(text);
            has_log = take_string(&s, text);
            if (!has_log)
                return false;
            continue;
        }
        bool is_stream = wc_streq(word.data, "stream"), is_time = wc_streq(word.data, "time");
        wc_buf_reset(&word);
        if (!take_string(&s, &word))
            return false;
        if (is_stream)
            line->is_stderr = wc_streq(word.data, "stderr");
        if (is_time)
            has_time = read_time(word.data, &line->time_ns);
    } while (take(&s, ','));
    line->text = text->data;
    line->len = text->len;
    return take(&s, '}') && has_log && has_time;
}
