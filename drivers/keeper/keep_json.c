/* keep_json.c - one line of output as a json-file record.
 *
 * The bytes of a program are rarely anything but plain ASCII, so runs of it are copied whole; the
 * rest is escaped, and bytes that aren't UTF-8 become U+FFFD, since the log must be JSON whatever a
 * program writes.
 */
#include "drivers/keeper/keep.h"

#include <string.h>
#include <time.h>

static void put_digits(char *at, unsigned value, int width)
{
    while (width-- > 0) {
        at[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void wc_keep_json_stamp(char out[30])
{
    static char second_text[20] = "0000-00-00T00:00:00";
    static time_t second = -1;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != second) {
        struct tm tm;
        second = now.tv_sec;
        gmtime_r(&second, &tm);
        put_digits(second_text, (unsigned)tm.tm_year + 1900, 4);
        put_digits(second_text + 5, (unsigned)tm.tm_mon + 1, 2);
        put_digits(second_text + 8, (unsigned)tm.tm_mday, 2);
        put_digits(second_text + 11, (unsigned)tm.tm_hour, 2);
        put_digits(second_text + 14, (unsigned)tm.tm_min, 2);
        put_digits(second_text + 17, (unsigned)tm.tm_sec, 2);
    }
    memcpy(out, second_text, 19);
    out[19] = '.';
    put_digits(out + 20, (unsigned)now.tv_nsec, 9);
    out[29] = 'Z';
}

/* Length that the first byte of a UTF-8 sequence announces; 0 if no sequence starts so. */
static size_t announced(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 if there is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
    size_t want = announced(s[0]);
    if (want == 0 || want > n)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || /* overlong, surrogate */
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return want;
}

static char *escape(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char *place = strchr("\"\"\\\\\nn\rr\tt", c); /* pairs: byte, letter */
    *out++ = '\\';
    if (c != '\0' && place != NULL) {
        *out++ = place[1];
        return out;
    }
    memcpy(out, "u00", 3);
    out[3] = hex[c >> 4];
    out[4] = hex[c & 15];
    return out + 5;
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static char *put_text(char *out, const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t run = i;
        while (run < n && plain(s[run]))
            run++;
        memcpy(out, s + i, run - i);
        out += run - i;
        i = run;
        if (i == n)
            break;
        size_t len = s[i] < 0x80 ? 1 : sequence(s + i, n - i);
        if (s[i] < 0x80) {
            out = escape(out, s[i]);
        } else if (len > 0) {
            memcpy(out, s + i, len);
            out += len;
        } else {
            memcpy(out, "\\ufffd", 6);
            out += 6;
            len = 1;
        }
        i += len;
    }
    return out;
}

size_t wc_keep_json_record(char *out, const char *line, size_t n, bool whole, const char *tag,
                           const char stamp[30])
{
    char *at = out;
    memcpy(at, "{\"log\":\"", 8);
    at = put_text(at + 8, (const unsigned char *)line, n);
    if (whole) {
        memcpy(at, "\\n", 2);
        at += 2;
    }
    memcpy(at, "\",\"stream\":\"", 12);
    memcpy(at + 12, tag, 6);
    memcpy(at + 18, "\",\"time\":\"", 10);
    memcpy(at + 28, stamp, 30);
    memcpy(at + 58, "\"}\n", 3);
    return (size_t)(at + 61 - out);
}

size_t wc_keep_json_cut(const char *line, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)line[n - back];
        if ((c & 0xc0) != 0x80)
            return announced(c) > back ? n - back : n;
    }
    return n;
}
