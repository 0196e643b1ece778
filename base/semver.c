/* semver.c - a range is never compiled: it is read anew for each version. A repository has
 * thousands of tags at most and a range a dozen characters; what isn't kept can't be wrong.
 */
#include "base/semver.h"

#include <string.h>

#include "base/str.h"

enum { PARTS = 3, DIGITS_MAX = 18 };

/* A number without leading zeros; NULL when there is none. */
static const char *read_number(const char *at, uint64_t *out)
{
    const char *start = at;
    *out = 0;
    while (wc_ascii_isdigit(*at)) {
        if (at - start >= DIGITS_MAX)
            return NULL;
        *out = *out * 10 + (uint64_t)(*at++ - '0');
    }
    return at == start || (*start == '0' && at - start > 1) ? NULL : at;
}

static bool is_ident(char c)
{
    return wc_ascii_isalnum(c) || c == '-';
}

static bool all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isdigit(text[i]))
            return false;
    return len > 0;
}

/* Identifiers with dots between them; `strict`: numbers have no leading zeros. NULL when one is
 * empty. */
static const char *read_idents(const char *at, bool strict)
{
    for (;;) {
        const char *start = at;
        while (is_ident(*at))
            at++;
        size_t len = (size_t)(at - start);
        if (len == 0 || (strict && len > 1 && *start == '0' && all_digits(start, len)))
            return NULL;
        if (*at != '.')
            return at;
        at++;
    }
}

/* "-pre" and "+build", both of which may be absent. */
static const char *read_tail(const char *at, struct wc_semver *out)
{
    out->pre = NULL;
    out->n_pre = 0;
    if (*at == '-') {
        out->pre = at + 1;
        at = read_idents(at + 1, true);
        if (at == NULL)
            return NULL;
        out->n_pre = (size_t)(at - out->pre);
    }
    return *at == '+' ? read_idents(at + 1, false) : at;
}

bool wc_semver_parse(const char *text, struct wc_semver *out)
{
    struct wc_semver v = { 0 };
    const char *at = *text == 'v' ? text + 1 : text;
    for (int i = 0; i < PARTS; i++) {
        at = read_number(at, &v.part[i]);
        if (at == NULL || (i < PARTS - 1 && *at++ != '.'))
            return false;
    }
    at = read_tail(at, &v);
    if (at == NULL || *at != '\0')
        return false;
    *out = v;
    return true;
}

static size_t ident_length(const char *text, size_t len)
{
    const char *dot = memchr(text, '.', len);
    return dot == NULL ? len : (size_t)(dot - text);
}

static int compare_ident(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = all_digits(a, a_len), b_number = all_digits(b, b_len);
    if (a_number != b_number)
        return a_number ? -1 : 1;
    if (a_number && a_len != b_len) /* no leading zeros: the longer is the larger */
        return a_len < b_len ? -1 : 1;
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_pre(const struct wc_semver *a, const struct wc_semver *b)
{
    if (a->pre == NULL || b->pre == NULL)
        return (a->pre == NULL) - (b->pre == NULL); /* without one is later */
    const char *x = a->pre, *y = b->pre;
    size_t x_left = a->n_pre, y_left = b->n_pre;
    for (;;) {
        size_t x_len = ident_length(x, x_left), y_len = ident_length(y, y_left);
        int order = compare_ident(x, x_len, y, y_len);
        if (order != 0)
            return order;
        if (x_len == x_left || y_len == y_left)
            return (x_len < x_left) - (y_len < y_left);
        x += x_len + 1;
        y += y_len + 1;
        x_left -= x_len + 1;
        y_left -= y_len + 1;
    }
}

int wc_semver_compare(const struct wc_semver *a, const struct wc_semver *b)
{
    for (int i = 0; i < PARTS; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return compare_pre(a, b);
}

/* One condition: an operator and as many numbers as were written. */
struct condition {
    char op; /* '=', '!', '<', '>', 'l' (<=), 'g' (>=), '^', '~' */
    int n;   /* numbers given, 0..3 */
    struct wc_semver v;
};

static const char *read_op(const char *at, struct condition *c)
{
    static const struct {
        const char *text;
        char op;
    } ops[] = { { ">=", 'g' }, { "<=", 'l' }, { "!=", '!' }, { ">", '>' },
                { "<", '<' },  { "=", '=' },  { "^", '^' },  { "~", '~' } };
    c->op = '=';
    for (size_t i = 0; i < WC_COUNT(ops); i++)
        if (wc_str_starts(at, ops[i].text)) {
            c->op = ops[i].op;
            at += strlen(ops[i].text);
            break;
        }
    while (*at == ' ')
        at++;
    return at;
}

static bool is_wild(char c)
{
    return c == 'x' || c == 'X' || c == '*';
}

/* "1", "1.2", "1.2.3-rc.1", "1.x", "*". What follows a wildcard must be one too. */
static const char *read_partial(const char *at, struct condition *c)
{
    bool wild = false;
    c->n = 0;
    memset(&c->v, 0, sizeof c->v);
    if (*at == 'v')
        at++;
    for (int i = 0; i < PARTS; i++) {
        if (is_wild(*at)) {
            wild = true;
            at++;
        } else {
            at = wild ? NULL : read_number(at, &c->v.part[i]);
            if (at == NULL)
                return NULL;
            c->n = i + 1;
        }
        if (*at != '.' || i == PARTS - 1)
            break;
        at++;
    }
    return c->n == PARTS ? read_tail(at, &c->v) : at;
}

static const char *read_condition(const char *at, struct condition *c)
{
    at = read_partial(read_op(at, c), c);
    bool ends = at != NULL && (*at == '\0' || *at == ' ' || *at == ',' || *at == '|');
    return ends ? at : NULL;
}

/* The first version after all that begin with n numbers of v. */
static struct wc_semver past(const struct wc_semver *v, int n)
{
    struct wc_semver out = { 0 };
    for (int i = 0; i < n; i++)
        out.part[i] = v->part[i];
    out.part[n - 1]++;
    return out;
}

/* How many numbers must stay the same: "^1.2" 1, "^0.2" 2, "^0.0.3" 3; "~1.2.3" 2, "~1" 1. */
static int fixed_parts(const struct condition *c)
{
    if (c->op == '~')
        return c->n < 2 ? c->n : 2;
    if (c->op != '^')
        return c->n;
    int at = 0;
    while (at < c->n - 1 && c->v.part[at] == 0)
        at++;
    return at + 1;
}

static bool below(const struct wc_semver *version, const struct wc_semver *end)
{
    for (int i = 0; i < PARTS; i++) /* "2.0.0-rc.1" isn't below 2 where "<2" is meant */
        if (version->part[i] != end->part[i])
            return version->part[i] < end->part[i];
    return false;
}

static bool holds(const struct condition *c, const struct wc_semver *version)
{
    int order = wc_semver_compare(version, &c->v);
    if (c->n == 0)
        return c->op != '<' && c->op != '>' && c->op != '!';
    struct wc_semver end = past(&c->v, fixed_parts(c));
    bool same = order >= 0 && below(version, &end);
    if (c->n == PARTS && (c->op == '=' || c->op == '!'))
        same = order == 0;
    switch (c->op) {
    case '>':
        return c->n == PARTS ? order > 0 : order >= 0 && !same;
    case '<':
        return order < 0;
    case 'g':
        return order >= 0;
    case 'l':
        return order <= 0 || (c->n < PARTS && same);
    case '!':
        return !same;
    default:
        return same;
    }
}

static bool same_numbers(const struct wc_semver *a, const struct wc_semver *b)
{
    return memcmp(a->part, b->part, sizeof a->part) == 0;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == ',')
        at++;
    return at;
}

/* Conditions up to "||" or the end, of which there is at least one. NULL: no range. *in: all hold.
 */
static const char *read_set(const char *at, const struct wc_semver *version, bool *in)
{
    bool all = true, names_pre = version->pre == NULL;
    size_t n = 0;
    for (at = skip_blanks(at); *at != '\0' && *at != '|'; at = skip_blanks(at), n++) {
        struct condition c;
        at = read_condition(at, &c);
        if (at == NULL)
            return NULL;
        all = all && holds(&c, version);
        names_pre = names_pre || (c.v.pre != NULL && same_numbers(&c.v, version));
    }
    *in = all && names_pre;
    return n > 0 ? at : NULL;
}

/* Reads the whole of a range. */
static bool read_range(const char *range, const struct wc_semver *version, bool *in)
{
    const char *at = range;
    *in = false;
    for (;;) {
        bool here = false;
        at = read_set(at, version, &here);
        if (at == NULL)
            return false;
        *in = *in || here;
        if (*at == '\0')
            return true;
        if (at[1] != '|')
            return false;
        at += 2;
    }
}

bool wc_semver_range_valid(const char *range, const char **why)
{
    const struct wc_semver zero = { 0 };
    bool in;
    if (read_range(range, &zero, &in))
        return true;
    *why = "a range is like '>=1.2 <2', '~1.4', '^2', '1.x' or '1.2.3 || >=2'";
    return false;
}

bool wc_semver_in_range(const struct wc_semver *version, const char *range)
{
    bool in;
    return read_range(range, version, &in) && in;
}
