/* dns_msg.c - DNS messages: one question read, one answer written.
 *
 * Everything a stranger can send comes through wc_dns_parse, so it does as little as possible: a
 * header, one name without compression (a first name has nothing to point to), type, class, and
 * whether an OPT record follows. Answers repeat the question's own bytes, so that an asker who
 * varies upper and lower case against forgery gets them back.
 */
#include "drivers/keeper/dns.h"

#include <string.h>

enum { FLAG_QR = 0x80, FLAG_AA = 0x04, FLAG_TC = 0x02, FLAG_RD = 0x01, FLAG_RA = 0x80 };
enum { CLASS_IN = 1, CLASS_ANY = 255, TTL_S = 5, OPT_LEN = 11 };

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Reads the name at *at into text. False when it is cut off, too long or compressed. */
static bool read_name(const uint8_t *msg, size_t len, size_t *at, struct wc_dns_query *out)
{
    size_t pos = *at, n = 0;
    out->plain = true;
    for (;;) {
        if (pos >= len)
            return false;
        size_t label = msg[pos++];
        if (label == 0)
            break;
        if (label > 63 || pos + label > len || n + label + 1 >= sizeof out->name)
            return false;
        if (n > 0)
            out->name[n++] = '.';
        for (size_t i = 0; i < label; i++) {
            uint8_t c = lower(msg[pos + i]);
            out->plain = out->plain && c > ' ' && c < 127 && c != '.';
            out->name[n++] = (char)c;
        }
        pos += label;
    }
    out->name[n] = '\0';
    *at = pos;
    return true;
}

/* An OPT record directly behind the question, where every asker puts it. */
static void read_opt(const uint8_t *msg, size_t len, struct wc_dns_query *out)
{
    const uint8_t *opt = msg + out->question_end;
    out->udp_size = WC_DNS_UDP_PLAIN;
    if (get16(msg + 10) == 0 || get16(msg + 6) != 0 || get16(msg + 8) != 0 ||
        out->question_end + OPT_LEN > len || opt[0] != 0 || get16(opt + 1) != WC_DNS_OPT)
        return;
    out->edns = true;
    out->udp_size = get16(opt + 3);
    if (out->udp_size < WC_DNS_UDP_PLAIN)
        out->udp_size = WC_DNS_UDP_PLAIN;
    if (out->udp_size > WC_DNS_UDP_MAX)
        out->udp_size = WC_DNS_UDP_MAX;
}

int wc_dns_parse(const uint8_t *msg, size_t len, struct wc_dns_query *out)
{
    memset(out, 0, sizeof *out);
    if (len < WC_DNS_HEADER || (msg[2] & FLAG_QR) != 0)
        return -1;
    out->id = get16(msg);
    out->udp_size = WC_DNS_UDP_PLAIN;
    if ((msg[2] >> 3 & 15) != 0)
        return WC_DNS_NOTIMP;
    size_t at = WC_DNS_HEADER;
    if (get16(msg + 4) != 1 || !read_name(msg, len, &at, out) || at + 4 > len)
        return WC_DNS_FORMERR;
    out->qtype = get16(msg + at);
    uint16_t class = get16(msg + at + 2);
    if (class != CLASS_IN && class != CLASS_ANY)
        return WC_DNS_NOTIMP;
    out->question_end = at + 4;
    read_opt(msg, len, out);
    return 0;
}

/* Writes a name as labels. Returns the length, 0 when it doesn't fit or is no name. */
static size_t write_name(const char *name, uint8_t *out, size_t cap)
{
    size_t n = 0;
    while (*name != '\0') {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || n + label + 2 > cap || n + label + 2 > 255)
            return 0;
        out[n++] = (uint8_t)label;
        memcpy(out + n, name, label);
        n += label;
        name += label;
        name += *name == '.';
    }
    if (n + 1 > cap)
        return 0;
    out[n++] = 0;
    return n;
}

/* Starts a record whose name is the question's. Returns where its data begins. */
static uint8_t *write_record(uint8_t *at, unsigned type, size_t data_len)
{
    put16(at, 0xC000 | WC_DNS_HEADER);
    put16(at + 2, type);
    put16(at + 4, CLASS_IN);
    put16(at + 6, 0);
    put16(at + 8, TTL_S);
    put16(at + 10, (unsigned)data_len);
    return at + 12;
}

static size_t write_addresses(const struct wc_dns_answer *answer, uint8_t *out, size_t room)
{
    size_t n = 0;
    for (; n < answer->n_ip4 && (n + 1) * 16 <= room; n++) {
        uint32_t ip4 = answer->ip4[(answer->first + n) % answer->n_ip4];
        uint8_t *data = write_record(out + n * 16, WC_DNS_A, 4);
        put16(data, ip4 >> 16);
        put16(data + 2, ip4 & 0xFFFF);
    }
    return n;
}

static size_t write_opt(uint8_t *out)
{
    memset(out, 0, OPT_LEN);
    put16(out + 1, WC_DNS_OPT);
    put16(out + 3, WC_DNS_UDP_MAX);
    return OPT_LEN;
}

size_t wc_dns_build(const uint8_t *msg, const struct wc_dns_query *query,
                    const struct wc_dns_answer *answer, uint8_t *out, size_t cap)
{
    size_t len = query->question_end != 0 ? query->question_end : WC_DNS_HEADER;
    size_t reserve = query->edns ? OPT_LEN : 0, records = 0;
    memcpy(out, msg, len);
    out[2] = (uint8_t)(FLAG_QR | (msg[2] & 0x78) | FLAG_AA | (msg[2] & FLAG_RD));
    out[3] = (uint8_t)(FLAG_RA | answer->rcode);
    put16(out + 4, query->question_end != 0);
    if (answer->n_ip4 > 0) {
        records = write_addresses(answer, out + len, cap - len - reserve);
        len += records * 16;
        if (records < answer->n_ip4)
            out[2] |= FLAG_TC;
    } else if (answer->ptr != NULL && cap - len - reserve > 12) {
        size_t n = write_name(answer->ptr, out + len + 12, cap - len - reserve - 12);
        records = n > 0;
        if (n > 0)
            write_record(out + len, WC_DNS_PTR, n);
        len += n > 0 ? 12 + n : 0;
    }
    put16(out + 6, (unsigned)records);
    put16(out + 8, 0);
    put16(out + 10, query->edns);
    if (query->edns)
        len += write_opt(out + len);
    return len;
}

bool wc_dns_answers(const uint8_t *reply, size_t len, const uint8_t *query, size_t question_end,
                    uint16_t id)
{
    if (len < WC_DNS_HEADER || (reply[2] & FLAG_QR) == 0 || get16(reply) != id)
        return false;
    if (get16(reply + 4) == 0) /* some servers refuse with a bare header */
        return (reply[3] & 15) != 0;
    if (len < question_end || get16(reply + 4) != 1)
        return false;
    for (size_t i = WC_DNS_HEADER; i < question_end; i++)
        if (lower(reply[i]) != lower(query[i]))
            return false;
    return true;
}

void wc_dns_set_id(uint8_t *msg, uint16_t id)
{
    put16(msg, id);
}

bool wc_dns_reverse_name(const char *name, uint32_t *ip4)
{
    uint32_t out = 0;
    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0, digits = 0;
        for (; *name >= '0' && *name <= '9' && digits < 3; name++, digits++)
            value = value * 10 + (unsigned)(*name - '0');
        if (digits == 0 || value > 255 || *name++ != '.')
            return false;
        out |= value << (8 * part);
    }
    *ip4 = out;
    return strcmp(name, "in-addr.arpa") == 0;
}
