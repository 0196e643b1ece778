/* scalar.c - the resolver: null, booleans, numbers by hand. Dates and .inf stay strings: docker
 * compose's releases disagree about them, and a string is what people mean in a Compose file.
 * strtod is used on checked text only; the program never sets LC_NUMERIC.
 */
#include "spec/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

enum { NUMBER_MAX = 128 };

/* Copies text without its underscores; false when it is too long for a number. */
static bool without_underscores(const char *text, char out[NUMBER_MAX])
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text == '_')
            continue;
        if (n + 1 >= NUMBER_MAX)
            return false;
        out[n++] = *text;
    }
    out[n] = '\0';
    return true;
}

static unsigned base_of(const char **digits)
{
    const char *p = *digits;
    if (p[0] != '0' || p[1] == '\0')
        return 10;
    char letter = wc_ascii_lower(p[1]);
    unsigned base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    *digits += base == 0 ? 1 : 2;
    return base == 0 ? 8 : base;
}

static int digit_value(char c)
{
    if (wc_ascii_isdigit(c))
        return c - '0';
    c = wc_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

bool wc_scalar_int(const char *text, int64_t *out)
{
    char plain[NUMBER_MAX];
    if (*text == '_' || !without_underscores(text, plain))
        return false;
    const char *p = plain;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    if (!wc_ascii_isdigit(*p))
        return false;
    unsigned base = base_of(&p);
    uint64_t value = 0;
    if (*p == '\0')
        return false;
    for (; *p != '\0'; p++) {
        int digit = digit_value(*p);
        if (digit >= (int)base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (value > limit)
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static const char *skip_digits(const char *p)
{
    while (wc_ascii_isdigit(*p))
        p++;
    return p;
}

/* [-+]? (\.[0-9]+ | [0-9]+(\.[0-9]*)?) ([eE][-+]?[0-9]+)? */
static bool looks_like_float(const char *p)
{
    if (*p == '-' || *p == '+')
        p++;
    const char *whole = skip_digits(p);
    bool has_whole = whole != p;
    p = whole;
    if (*p == '.') {
        const char *fraction = skip_digits(p + 1);
        if (!has_whole && fraction == p + 1)
            return false;
        p = fraction;
    } else if (!has_whole) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        const char *exponent = skip_digits(p);
        if (exponent == p)
            return false;
        p = exponent;
    }
    return *p == '\0';
}

bool wc_scalar_float(const char *text, double *out)
{
    char plain[NUMBER_MAX];
    if (*text == '_' || !without_underscores(text, plain) || !looks_like_float(plain))
        return false;
    double value = strtod(plain, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

const char *wc_scalar_float_text(struct wc_arena *arena, double value)
{
    char shortest[48];
    for (int precision = 0; precision <= 17; precision++) {
        snprintf(shortest, sizeof shortest, "%.*e", precision, value);
        if (strtod(shortest, NULL) == value)
            break;
    }
    char *e = strchr(shortest, 'e');
    int exponent = e == NULL ? 0 : (int)strtol(e + 1, NULL, 10);
    if (e == NULL || exponent < -4 || exponent >= 6)
        return wc_arena_strdup(arena, shortest);
    size_t digits = (size_t)(e - shortest) - (shortest[0] == '-') - (e - shortest > 2 ? 1 : 0);
    int decimals = (int)digits - 1 - exponent;
    return wc_arena_printf(arena, "%.*f", decimals < 0 ? 0 : decimals, value);
}

bool wc_scalar_bool(const char *text, bool *out)
{
    static const char *const yes[] = { "true", "y", "yes", "on" };
    static const char *const no[] = { "false", "n", "no", "off" };
    for (size_t i = 0; i < WC_COUNT(yes); i++) {
        if (wc_str_caseeq(text, yes[i]) || wc_str_caseeq(text, no[i])) {
            *out = wc_str_caseeq(text, yes[i]);
            return true;
        }
    }
    return false;
}

bool wc_scalar_uint64(const char *text)
{
    if (*skip_digits(text) != '\0' || *text == '\0' || *text == '0')
        return false;
    errno = 0;
    (void)strtoull(text, NULL, 10);
    return errno == 0;
}
