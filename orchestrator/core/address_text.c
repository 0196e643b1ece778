/* address_text.c - addresses as people write them, and the names derived from them.
 *
 * Our own few lines rather than inet_pton: this layer is pure, and compiles where there are no
 * sockets at all.
 */
#include "orchestrator/core/address.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/str.h"

/* Reads one decimal number up to `max` without leading zeros; moves *text behind it. */
static bool read_number(const char **text, unsigned max, unsigned *out)
{
    const char *p = *text;
    unsigned value = 0;
    if (!wc_ascii_isdigit(*p) || (*p == '0' && wc_ascii_isdigit(p[1])))
        return false;
    for (; wc_ascii_isdigit(*p); p++) {
        value = value * 10 + (unsigned)(*p - '0');
        if (value > max)
            return false;
    }
    *text = p;
    *out = value;
    return true;
}

static bool read_ip4(const char **text, uint32_t *out)
{
    uint32_t ip4 = 0;
    for (int i = 0; i < 4; i++) {
        unsigned part;
        if ((i > 0 && *(*text)++ != '.') || !read_number(text, 255, &part))
            return false;
        ip4 = ip4 << 8 | part;
    }
    *out = ip4;
    return true;
}

bool wc_ip4_parse(const char *text, uint32_t *out)
{
    uint32_t ip4;
    if (!read_ip4(&text, &ip4) || *text != '\0')
        return false;
    *out = ip4;
    return true;
}

static uint32_t mask_of(unsigned prefix)
{
    return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

bool wc_cidr4_parse(const char *text, struct wc_cidr4 *out)
{
    uint32_t ip4;
    unsigned prefix = 32;
    if (!read_ip4(&text, &ip4))
        return false;
    if (*text == '/') {
        text++;
        if (!read_number(&text, 32, &prefix))
            return false;
    }
    if (*text != '\0')
        return false;
    *out = (struct wc_cidr4){ ip4 & mask_of(prefix), (uint8_t)prefix };
    return true;
}

const char *wc_ip4_format(uint32_t ip4, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip4 >> 24 & 255, ip4 >> 16 & 255, ip4 >> 8 & 255, ip4 & 255);
    return out;
}

bool wc_cidr4_overlap(struct wc_cidr4 a, struct wc_cidr4 b)
{
    uint32_t mask = mask_of(a.prefix4 < b.prefix4 ? a.prefix4 : b.prefix4);
    return (a.base4 & mask) == (b.base4 & mask);
}

void wc_address_bridge(const char *network, char out[16])
{
    char hex[WC_SHA256_HEX + 1];
    wc_sha256_hex(network, strlen(network), hex);
    snprintf(out, 16, "wc%.13s", hex);
}

void wc_address_mac(uint32_t ip4, uint8_t out[6])
{
    out[0] = 0x02;
    out[1] = 0x77;
    for (int i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)(ip4 >> (24 - 8 * i) & 255);
}
