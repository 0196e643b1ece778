/* buf.h - a growing byte string (base, layer 0).
 *
 * Idea:    always NUL-terminated, never NULL, may hold NULs. Start with WC_BUF_INIT, end with
 * wc_buf_deinit, or wc_buf_detach to keep the text. Errors:  none (out of memory aborts). Threads:
 * one at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct wc_buf {
    char *data; /* len bytes and a NUL */
    size_t len, cap;
};

extern char wc_buf_empty[1];
#define WC_BUF_INIT                                                                                \
    {                                                                                              \
        wc_buf_empty, 0, 0                                                                         \
    }

void wc_buf_deinit(struct wc_buf *buf);
#define WC_CLEANUP_BUF __attribute__((cleanup(wc_buf_deinit)))

/* Empties it, keeping the memory. */
void wc_buf_reset(struct wc_buf *buf);

/* Makes room for `more` bytes beyond len (and the NUL). The caller may write there and then raise
 * len. */
void wc_buf_reserve(struct wc_buf *buf, size_t more);

/* Appends. wc_buf_add takes any bytes; `text` must not point into buf. */
void wc_buf_add(struct wc_buf *buf, const void *bytes, size_t len);
void wc_buf_adds(struct wc_buf *buf, const char *text);
void wc_buf_addc(struct wc_buf *buf, char c);
void wc_buf_printf(struct wc_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void wc_buf_vprintf(struct wc_buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Appends `len` bytes as base64 with padding (RFC 4648, section 4). */
void wc_buf_add_base64(struct wc_buf *buf, const void *bytes, size_t len);

/* Appends what a text in that form stands for, with or without padding. False, and nothing
 * appended, when it is no such text. */
bool wc_buf_add_unbase64(struct wc_buf *buf, const char *text);

/* Drops the first n bytes (n <= len). */
void wc_buf_consume(struct wc_buf *buf, size_t n);

/* Hands the text to the caller, who frees it with wc_free; buf is empty afterwards. */
char *wc_buf_detach(struct wc_buf *buf);

#endif
