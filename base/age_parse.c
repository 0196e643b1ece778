/* age_parse.c - armor as RFC 7468 (strict) has it, and the header line by line. */
#include "base/age_parse.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"

enum { COLUMNS = 64, STANZA_BYTES = 64 << 10 };

static const char VERSION[] = "age-encryption.org/v1\n";
static const char BEGIN[] = "-----BEGIN AGE ENCRYPTED FILE-----";
static const char END[] = "-----END AGE ENCRYPTED FILE-----";

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long wc_age_unbase64(const char *text, size_t len, unsigned char *out, size_t room)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    long n = 0;
    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return -1;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        if ((size_t)n < room)
            out[n] = (unsigned char)(bits >> n_bits);
        n++;
    }
    return (bits & ((1U << n_bits) - 1)) == 0 ? n : -1; /* canonical: what is left over is zero */
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_space(**text))
        (*text)++, (*len)--;
    while (*len > 0 && is_space((*text)[*len - 1]))
        (*len)--;
}

bool wc_age_is_armored(const char *text, size_t len)
{
    trim(&text, &len);
    return len >= sizeof BEGIN - 1 && memcmp(text, BEGIN, sizeof BEGIN - 1) == 0;
}

/* Cuts the next line off; false at the end. */
static bool next_line(const char **p, const char *end, const char **line, size_t *len)
{
    if (*p >= end)
        return false;
    const char *newline = memchr(*p, '\n', (size_t)(end - *p));
    *line = *p;
    *len = (size_t)((newline == NULL ? end : newline) - *p);
    *p = newline == NULL ? end : newline + 1;
    if (newline != NULL && *len > 0 && (*line)[*len - 1] == '\r')
        (*len)--;
    return true;
}

static bool is_line(const char *line, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(line, text, len) == 0;
}

/* One line of an armor; padded only in the last. */
static bool add_line(const char *line, size_t len, struct wc_buf *out, bool *is_last)
{
    unsigned char bytes[COLUMNS / 4 * 3];
    size_t digits = len;
    if (len == 0 || len > COLUMNS || len % 4 != 0)
        return false;
    while (digits > 0 && len - digits < 2 && line[digits - 1] == '=')
        digits--;
    *is_last = len < COLUMNS || digits < len;
    long n = wc_age_unbase64(line, digits, bytes, sizeof bytes);
    if (n > 0)
        wc_buf_add(out, bytes, (size_t)n);
    return n > 0;
}

static int bad_armor(struct wc_buf *out, size_t before, const char *why, struct wc_err *err)
{
    out->len = before;
    if (out->cap != 0)
        out->data[before] = '\0';
    return wc_err_set(err, WC_ERR_SPEC, 0, "the age armor is broken: %s", why);
}

int wc_age_unarmor(const char *text, size_t len, struct wc_buf *out, struct wc_err *err)
{
    size_t before = out->len;
    bool is_last = false;
    trim(&text, &len);
    const char *p = text, *end = text + len, *line = NULL;
    size_t n = 0;
    if (!next_line(&p, end, &line, &n) || !is_line(line, n, BEGIN))
        return bad_armor(out, before, "its first line is another", err);
    for (;;) {
        if (!next_line(&p, end, &line, &n))
            return bad_armor(out, before, "its last line is missing", err);
        if (is_line(line, n, END))
            break;
        if (is_last || !add_line(line, n, out, &is_last))
            return bad_armor(out, before, "a line is not 64 digits of base64", err);
    }
    if (p != end)
        return bad_armor(out, before, "something stands behind its end", err);
    return 0;
}

static int bad(struct wc_err *err, const char *why)
{
    return wc_err_set(err, WC_ERR_SPEC, 0, "it is no age file that can be read: %s", why);
}

/* A line of the header, which must have its end; no carriage return is taken off. */
static bool header_line(const char **p, const char *end, const char **line, size_t *len)
{
    const char *newline = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;
    if (newline == NULL)
        return false;
    *line = *p;
    *len = (size_t)(newline - *p);
    *p = newline + 1;
    return true;
}

/* "-> TYPE ARG…": words of printable ASCII, one blank before each. */
static bool read_words(const char *line, size_t len, struct wc_age_stanza *stanza)
{
    const char *p = line + 2, *end = line + len;
    if (len < 3 || memcmp(line, "->", 2) != 0)
        return false;
    for (size_t i = 0; p < end; i++) {
        const char *word = ++p;
        if (word[-1] != ' ')
            return false;
        while (p < end && *p != ' ' && *p > ' ' && *p < 0x7f)
            p++;
        if (p == word)
            return false;
        if (i == 0) {
            stanza->type = word;
            stanza->type_len = (size_t)(p - word);
        } else if (i == 1) {
            stanza->arg = word;
            stanza->arg_len = (size_t)(p - word);
        }
        stanza->n_args = i;
    }
    return stanza->type != NULL;
}

/* Lines of 64 digits, then one of fewer, which may be empty. */
static bool read_body(const char **p, const char *end, struct wc_age_stanza *stanza)
{
    const char *line = NULL;
    size_t len = COLUMNS;
    while (len == COLUMNS) {
        if (!header_line(p, end, &line, &len) || len > COLUMNS)
            return false;
        size_t at = stanza->body_len < WC_AGE_BODY ? stanza->body_len : WC_AGE_BODY;
        long n = wc_age_unbase64(line, len, stanza->body + at, WC_AGE_BODY - at);
        if (n < 0)
            return false;
        stanza->body_len += (size_t)n;
    }
    return true;
}

static int read_stanzas(const char **p, const char *end, struct wc_age_header *out,
                        struct wc_err *err)
{
    const char *line = NULL;
    size_t len = 0, cap = 0;
    for (;;) {
        const char *start = *p;
        if (!header_line(p, end, &line, &len))
            return bad(err, "its header has no end");
        if (len >= 3 && memcmp(line, "---", 3) == 0) {
            *p = start;
            return out->n > 0 ? 0 : bad(err, "its header names no recipient");
        }
        if (out->n == WC_AGE_STANZAS)
            return wc_err_set(err, WC_ERR_LIMIT, 0, "it has more than %d recipients",
                              WC_AGE_STANZAS);
        if (out->n == cap) {
            cap = cap == 0 ? 4 : cap * 2;
            out->stanzas = wc_realloc(out->stanzas, cap, sizeof *out->stanzas);
        }
        struct wc_age_stanza *stanza = &out->stanzas[out->n++];
        *stanza = (struct wc_age_stanza){ 0 };
        if (!read_words(line, len, stanza) || !read_body(p, end, stanza))
            return bad(err, "a recipient of its header is malformed");
    }
}

int wc_age_header(const char *file, size_t len, struct wc_age_header *out, struct wc_err *err)
{
    const char *p = file + sizeof VERSION - 1, *end = file + len, *line = NULL;
    size_t n = 0;
    struct wc_age_header header = { 0 };
    if (len < sizeof VERSION - 1 || memcmp(file, VERSION, sizeof VERSION - 1) != 0)
        return bad(err, "its first line isn't age-encryption.org/v1");
    int rc = read_stanzas(&p, end, &header, err);
    if (rc == 0) {
        header.signed_len = (size_t)(p - file) + 3;
        if (!header_line(&p, end, &line, &n) || n < 4 || line[3] != ' ' ||
            wc_age_unbase64(line + 4, n - 4, header.mac, sizeof header.mac) != WC_AGE_MAC)
            rc = bad(err, "the code at the end of its header is malformed");
    }
    if (rc != 0) {
        wc_free(header.stanzas);
        return rc;
    }
    header.len = (size_t)(p - file);
    *out = header;
    return 0;
}
