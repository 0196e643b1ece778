/* units.c - small grammars, by hand: strtod and strftime would follow the user's locale. */
#include "base/units.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* Skips a '_' between two digits, which Go's numbers may have. */
static const char *past_gap(const char *s, const char *start)
{
    bool gap = *s == '_' && s > start && wc_ascii_isdigit(s[-1]) && wc_ascii_isdigit(s[1]);
    return gap ? s + 1 : s;
}

/* Reads digits[.digits] at *p as value * 10^-9 in nano, false without a digit or on overflow. */
static bool read_decimal(const char **p, int64_t *whole, int64_t *nano, bool gaps)
{
    const char *s = *p;
    bool any = false;
    *whole = 0;
    *nano = 0;
    for (; wc_ascii_isdigit(*s); s = gaps ? past_gap(s + 1, *p) : s + 1, any = true)
        if (__builtin_mul_overflow(*whole, 10, whole) ||
            __builtin_add_overflow(*whole, *s - '0', whole))
            return false;
    if (*s == '.') {
        int64_t scale = 100000000;
        for (s++; wc_ascii_isdigit(*s); s++, scale /= 10, any = true)
            *nano += (*s - '0') * scale;
    }
    *p = s;
    return any;
}

static bool read_unit(const char **p, int64_t *unit_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        { "ns", 1 },
        { "us", 1000 },
        { "\xc2\xb5s", 1000 },
        { "\xce\xbcs", 1000 },
        { "ms", 1000000 },
        { "s", 1000000000 },
        { "m", 60000000000 },
        { "h", 3600000000000 },
        { "d", 86400000000000 },
        { "w", 604800000000000 },
    };
    for (size_t i = 0; i < WC_COUNT(units); i++) {
        if (wc_str_starts(*p, units[i].name)) {
            *p += strlen(units[i].name);
            *unit_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

bool wc_duration_parse_ns(const char *text, int64_t *ns)
{
    const char *p = *text == '+' ? text + 1 : text;
    int64_t total = 0;
    if (*p == '\0')
        return false;
    if (wc_streq(p, "0"))
        p++;
    while (*p != '\0') {
        int64_t whole, nano, unit, part;
        if (!read_decimal(&p, &whole, &nano, false) || !read_unit(&p, &unit))
            return false;
        __int128 fraction = (__int128)nano * unit / 1000000000;
        if (__builtin_mul_overflow(whole, unit, &part) ||
            __builtin_add_overflow(part, (int64_t)fraction, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    }
    *ns = total;
    return true;
}

bool wc_duration_parse(const char *text, int64_t *ms)
{
    int64_t ns;
    if (!wc_duration_parse_ns(text, &ns))
        return false;
    *ms = ns / 1000000 + (ns % 1000000 != 0);
    return true;
}

/* A value with up to `digits` decimals, without trailing zeros: 1500 of 1000s is "1.5". */
static void decimal(struct wc_buf *out, int64_t value, int64_t unit, int digits)
{
    char rest[24];
    wc_buf_printf(out, "%lld", (long long)(value / unit));
    if (value % unit == 0)
        return;
    int n = snprintf(rest, sizeof rest, ".%0*lld", digits, (long long)(value % unit));
    while (n > 0 && rest[n - 1] == '0')
        rest[--n] = '\0';
    wc_buf_adds(out, rest);
}

void wc_duration_format_ns(int64_t ns, struct wc_buf *out)
{
    int64_t seconds = ns / 1000000000;
    if (ns == 0) {
        wc_buf_adds(out, "0s");
    } else if (ns < 1000) {
        wc_buf_printf(out, "%lldns", (long long)ns);
    } else if (ns < 1000000) {
        decimal(out, ns, 1000, 3);
        wc_buf_adds(out, "\xc2\xb5s");
    } else if (seconds == 0) {
        decimal(out, ns, 1000000, 6);
        wc_buf_adds(out, "ms");
    } else {
        if (seconds >= 3600)
            wc_buf_printf(out, "%lldh", (long long)(seconds / 3600));
        if (seconds >= 60)
            wc_buf_printf(out, "%lldm", (long long)(seconds / 60 % 60));
        decimal(out, ns % 60000000000, 1000000000, 9);
        wc_buf_addc(out, 's');
    }
}

void wc_duration_format(int64_t ms, struct wc_buf *out)
{
    wc_duration_format_ns(ms * 1000000, out);
}

bool wc_bytes_parse(const char *text, int64_t *bytes)
{
    const char *p = *text == '+' ? text + 1 : text;
    int64_t whole, nano;
    if (!read_decimal(&p, &whole, &nano, true))
        return false;
    while (*p == ' ')
        p++;
    unsigned shift = 0;
    static const char letters[] = "bkmgtp";
    if (*p != '\0') {
        const char *at = strchr(letters, wc_ascii_lower(*p));
        if (at == NULL)
            return false;
        shift = (unsigned)(at - letters) * 10;
        p++;
        if (shift != 0 && wc_ascii_lower(p[0]) == 'i' && wc_ascii_lower(p[1]) == 'b')
            p += 2;
        else if (shift != 0 && wc_ascii_lower(p[0]) == 'b')
            p++;
        if (*p != '\0')
            return false;
    }
    __int128 total = ((__int128)whole << shift) + (((__int128)nano << shift) / 1000000000);
    if (total > INT64_MAX)
        return false;
    *bytes = (int64_t)total;
    return true;
}

void wc_bytes_format(int64_t bytes, struct wc_buf *out)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
    size_t unit = 0;
    bool is_huge = bytes > INT64_MAX / 10;
    int64_t tenths = is_huge ? bytes / 1024 * 10 : bytes * 10;
    if (is_huge)
        unit = 1;
    while (tenths >= 10240 && unit + 1 < WC_COUNT(units)) {
        tenths /= 1024;
        unit++;
    }
    if (unit > 0 && tenths < 100)
        wc_buf_printf(out, "%lld.%lld %s", (long long)(tenths / 10), (long long)(tenths % 10),
                      units[unit]);
    else
        wc_buf_printf(out, "%lld %s", (long long)(tenths / 10), units[unit]);
}

/* Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's public-domain arithmetic),
 * and back. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

void wc_time_rfc3339(int64_t wall_ms, char *out, size_t size)
{
    int64_t seconds = wall_ms / 1000, year;
    unsigned month, day;
    civil_from_days(seconds / 86400, &year, &month, &day);
    unsigned rest = (unsigned)(seconds % 86400);
    snprintf(out, size, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)year, month, day,
             rest / 3600, rest / 60 % 60, rest % 60, (unsigned)(wall_ms % 1000));
}

static bool read_digits(const char **p, unsigned n, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++, (*p)++) {
        if (!wc_ascii_isdigit(**p))
            return false;
        *out = *out * 10 + (unsigned)(**p - '0');
    }
    return true;
}

static bool read_char(const char **p, const char *any)
{
    if (**p == '\0' || strchr(any, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

static bool read_offset(const char **p, int64_t *offset_ms)
{
    unsigned hours, minutes;
    *offset_ms = 0;
    if (read_char(p, "Zz"))
        return true;
    int sign = **p == '-' ? -1 : 1;
    if (!read_char(p, "+-") || !read_digits(p, 2, &hours) || !read_char(p, ":") ||
        !read_digits(p, 2, &minutes))
        return false;
    *offset_ms = sign * (int64_t)(hours * 60 + minutes) * 60000;
    return true;
}

bool wc_time_parse(const char *text, int64_t *wall_ms)
{
    const char *p = text;
    unsigned y, mo, d, h, mi, s;
    if (!read_digits(&p, 4, &y) || !read_char(&p, "-") || !read_digits(&p, 2, &mo) ||
        !read_char(&p, "-") || !read_digits(&p, 2, &d) || !read_char(&p, "Tt ") ||
        !read_digits(&p, 2, &h) || !read_char(&p, ":") || !read_digits(&p, 2, &mi) ||
        !read_char(&p, ":") || !read_digits(&p, 2, &s))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || s > 60)
        return false;
    int64_t ms = 0, scale = 100, offset;
    if (*p == '.')
        for (p++; wc_ascii_isdigit(*p); p++, scale /= 10)
            ms += (*p - '0') * scale;
    if (!read_offset(&p, &offset) || *p != '\0')
        return false;
    *wall_ms =
        ((days_from_civil(y, mo, d) * 24 + h) * 60 + mi) * 60000 + (int64_t)s * 1000 + ms - offset;
    return true;
}

static const struct {
    const char *name;
    int number;
} signals[] = {
    { "HUP", SIGHUP },       { "INT", SIGINT },   { "QUIT", SIGQUIT },   { "ILL", SIGILL },
    { "TRAP", SIGTRAP },     { "ABRT", SIGABRT }, { "BUS", SIGBUS },     { "FPE", SIGFPE },
    { "KILL", SIGKILL },     { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV },   { "USR2", SIGUSR2 },
    { "PIPE", SIGPIPE },     { "ALRM", SIGALRM }, { "TERM", SIGTERM },   { "CHLD", SIGCHLD },
    { "CONT", SIGCONT },     { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },   { "TTIN", SIGTTIN },
    { "TTOU", SIGTTOU },     { "URG", SIGURG },   { "XCPU", SIGXCPU },   { "XFSZ", SIGXFSZ },
    { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },
    { "PWR", SIGPWR },       { "SYS", SIGSYS },
};

int wc_signal_number(const char *text)
{
    int64_t number;
    if (wc_str_to_i64(text, 1, 64, &number))
        return (int)number;
    char upper[16];
    size_t len = strlen(text);
    if (len >= sizeof upper)
        return 0;
    for (size_t i = 0; i <= len; i++)
        upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
    const char *name = wc_str_starts(upper, "SIG") ? upper + 3 : upper;
    for (size_t i = 0; i < WC_COUNT(signals); i++)
        if (wc_streq(signals[i].name, name))
            return signals[i].number;
    if (wc_str_starts(name, "RTMIN")) {
        if (name[5] == '\0')
            return 34;
        if (name[5] == '+' && wc_str_to_i64(name + 6, 0, 30, &number))
            return 34 + (int)number;
    }
    return 0;
}

const char *wc_signal_name(int number)
{
    for (size_t i = 0; i < WC_COUNT(signals); i++)
        if (signals[i].number == number)
            return signals[i].name;
    return NULL;
}
