/* utf8.c - one decoder for all, and one opinion on what is shown. */
#include "base/utf8.h"

#include "base/str.h"

/* Number of bytes that the lead byte promises; 0 for a byte that can't lead. */
static unsigned promised(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t wc_utf8_next(const char *text, size_t len, unsigned *code)
{
    static const unsigned char lead_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned n = promised((unsigned char)text[0]);
    unsigned value = n > 0 ? (unsigned char)text[0] & lead_bits[n] : 0;
    bool broken = n == 0 || n > len;
    for (unsigned i = 1; !broken && i < n; i++) {
        broken = ((unsigned char)text[i] & 0xC0) != 0x80;
        value = value << 6 | ((unsigned char)text[i] & 0x3F);
    }
    if (broken || value < least[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        *code = 0xFFFD;
        return 1;
    }
    *code = value;
    return n;
}

bool wc_char_hidden(unsigned code)
{
    /* Unicode 15: Cc, Zl, Zp, Bidi_Control, invisible format characters, non-characters. */
    static const struct {
        unsigned first, last;
    } ranges[] = {
        { 0x7F, 0x9F },     { 0x61C, 0x61C },   { 0x180E, 0x180E },   { 0x200B, 0x200B },
        { 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F },   { 0xFEFF, 0xFEFF },
        { 0xFFF9, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0xE007F },
    };
    if (code < 0x7F)
        return code < 0x20;
    for (size_t i = 0; i < WC_COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
