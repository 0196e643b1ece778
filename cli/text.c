/* text.c - UTF-8 as a terminal shows it.
 *
 * Idea:    two short tables of ranges: what takes no column, what takes two. They cover what
 *          terminals agree on (combining marks, East Asian wide, emoji); anything else takes one.
 * Choice:  wcwidth(3) was rejected: it depends on the locale of the process, and we set none.
 * Source:  Unicode 15, EastAsianWidth.txt (W, F) and general categories Mn, Me, Cf, by block.
 */
#include "cli/table.h"

#include "base/buf.h"
#include "base/str.h"
#include "base/utf8.h"

struct range {
    unsigned first, last;
};

static const struct range zero_width[] = {
    { 0x0300, 0x036F },   { 0x0483, 0x0489 },   { 0x0591, 0x05BD }, { 0x0610, 0x061A },
    { 0x064B, 0x065F },   { 0x06D6, 0x06DC },   { 0x0900, 0x0902 }, { 0x093C, 0x093C },
    { 0x0E31, 0x0E31 },   { 0x0E34, 0x0E3A },   { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF },
    { 0x1DC0, 0x1DFF },   { 0x200B, 0x200F },   { 0x202A, 0x202E }, { 0x2060, 0x2064 },
    { 0x20D0, 0x20FF },   { 0xFE00, 0xFE0F },   { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF },
    { 0x1F3FB, 0x1F3FF }, { 0xE0100, 0xE01EF },
};

static const struct range double_width[] = {
    { 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x23E9, 0x23EC },   { 0x25FD, 0x25FE },
    { 0x2614, 0x2615 },   { 0x2648, 0x2653 },   { 0x26A1, 0x26A1 },   { 0x2705, 0x2705 },
    { 0x270A, 0x270B },   { 0x2728, 0x2728 },   { 0x274C, 0x274C },   { 0x2753, 0x2755 },
    { 0x2795, 0x2797 },   { 0x2B1B, 0x2B1C },   { 0x2E80, 0x303E },   { 0x3041, 0x33FF },
    { 0x3400, 0x4DBF },   { 0x4E00, 0x9FFF },   { 0xA000, 0xA4CF },   { 0xA960, 0xA97F },
    { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },
    { 0xFFE0, 0xFFE6 },   { 0x16FE0, 0x18CFF }, { 0x1F004, 0x1F004 }, { 0x1F0CF, 0x1F0CF },
    { 0x1F18E, 0x1F18E }, { 0x1F191, 0x1F19A }, { 0x1F200, 0x1F320 }, { 0x1F32D, 0x1F335 },
    { 0x1F337, 0x1F37C }, { 0x1F37E, 0x1F393 }, { 0x1F3A0, 0x1F3CA }, { 0x1F3E0, 0x1F3F0 },
    { 0x1F400, 0x1F43E }, { 0x1F440, 0x1F440 }, { 0x1F442, 0x1F4FC }, { 0x1F4FF, 0x1F53D },
    { 0x1F5FB, 0x1F64F }, { 0x1F680, 0x1F6C5 }, { 0x1F900, 0x1F9FF }, { 0x1FA70, 0x1FAFF },
    { 0x20000, 0x3FFFD },
};

static bool among(const struct range *ranges, size_t n, unsigned code)
{
    for (size_t i = 0; i < n; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    }
    return false;
}

unsigned wc_char_width(unsigned code)
{
    if (code < 0x300 || wc_char_hidden(code)) /* what is hidden is shown as '?' */
        return 1;
    if (among(zero_width, WC_COUNT(zero_width), code))
        return 0;
    return among(double_width, WC_COUNT(double_width), code) ? 2 : 1;
}

size_t wc_text_next(const char *text, size_t len, unsigned *code)
{
    return wc_utf8_next(text, len, code);
}

size_t wc_text_width(const char *text, size_t len)
{
    size_t width = 0;
    for (size_t at = 0; at < len;) {
        unsigned code;
        at += wc_text_next(text + at, len - at, &code);
        width += wc_char_width(code);
    }
    return width;
}

void wc_text_add_safe(struct wc_buf *out, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        unsigned code;
        size_t n = wc_text_next(text + at, len - at, &code);
        if (wc_char_hidden(code) || (code == 0xFFFD && n == 1))
            wc_buf_addc(out, code == '\t' ? ' ' : '?');
        else
            wc_buf_add(out, text + at, n);
        at += n;
    }
}

size_t wc_text_cut(const char *text, size_t len, size_t columns)
{
    size_t width = 0, at = 0;
    while (at < len) {
        unsigned code;
        size_t n = wc_text_next(text + at, len - at, &code);
        if (width + wc_char_width(code) > columns)
            break;
        width += wc_char_width(code);
        at += n;
    }
    return at;
}
