/* buf.c - after git's strbuf: the terminator always fits, the empty buffer needs no heap. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char wc_buf_empty[1];

void wc_buf_deinit(struct wc_buf *buf)
{
    if (buf->cap != 0)
        wc_free(buf->data);
    *buf = (struct wc_buf)WC_BUF_INIT;
}

void wc_buf_reset(struct wc_buf *buf)
{
    buf->len = 0;
    if (buf->cap != 0)
        buf->data[0] = '\0';
}

void wc_buf_reserve(struct wc_buf *buf, size_t more)
{
    if (more > SIZE_MAX / 2 - buf->len)
        abort();
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return;
    size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
    if (cap < need)
        cap = need;
    buf->data = wc_realloc(buf->cap == 0 ? NULL : buf->data, cap, 1);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
}

void wc_buf_add(struct wc_buf *buf, const void *bytes, size_t len)
{
    wc_buf_reserve(buf, len);
    if (len != 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void wc_buf_adds(struct wc_buf *buf, const char *text)
{
    wc_buf_add(buf, text, strlen(text));
}

void wc_buf_addc(struct wc_buf *buf, char c)
{
    if (buf->len + 1 >= buf->cap)
        wc_buf_reserve(buf, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

void wc_buf_vprintf(struct wc_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        abort();
    wc_buf_reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    buf->len += (size_t)len;
}

void wc_buf_printf(struct wc_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    wc_buf_vprintf(buf, fmt, args);
    va_end(args);
}

void wc_buf_add_base64(struct wc_buf *buf, const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    wc_buf_reserve(buf, len / 3 * 4 + 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned group = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                         (left > 2 ? (unsigned)p[i + 2] : 0);
        wc_buf_addc(buf, digits[group >> 18]);
        wc_buf_addc(buf, digits[group >> 12 & 63]);
        wc_buf_addc(buf, (char)(left > 1 ? digits[group >> 6 & 63] : '='));
        wc_buf_addc(buf, (char)(left > 2 ? digits[group & 63] : '='));
    }
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool wc_buf_add_unbase64(struct wc_buf *buf, const char *text)
{
    size_t start = buf->len, digits = 0, padding = 0;
    unsigned bits = 0;
    bool good = true;
    for (const char *p = text; *p != '\0' && good; p++) {
        int digit = base64_digit(*p);
        padding += *p == '=';
        good = *p == '=' ? padding <= 2 : digit >= 0 && padding == 0;
        if (!good || digit < 0)
            continue;
        bits = bits << 6 | (unsigned)digit;
        if (digits++ % 4 > 0)
            wc_buf_addc(buf, (char)(bits >> (6 - 2 * ((digits - 1) % 4)) & 0xff));
    }
    if (good && digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0))
        return true;
    buf->len = start;
    if (buf->cap > 0)
        buf->data[start] = '\0';
    return false;
}

void wc_buf_consume(struct wc_buf *buf, size_t n)
{
    if (n == 0)
        return;
    memmove(buf->data, buf->data + n, buf->len - n + 1);
    buf->len -= n;
}

char *wc_buf_detach(struct wc_buf *buf)
{
    wc_buf_reserve(buf, 0);
    char *text = buf->data;
    *buf = (struct wc_buf)WC_BUF_INIT;
    return text;
}
