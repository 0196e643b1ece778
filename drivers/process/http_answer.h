/* http_answer.h - the first words of an HTTP answer (process driver, pure).
 *
 * Idea:    a probe wants one number of a peer that it doesn't trust, so nothing else is read: the
 * status line, after interim answers (1xx) have been passed over. Threads: any. Errors: values.
 * Source:  RFC 9112, 4 (status line); RFC 9110, 15.2 (interim answers).
 */
#ifndef DRIVERS_PROCESS_HTTP_ANSWER_H
#define DRIVERS_PROCESS_HTTP_ANSWER_H

#include <stddef.h>

enum { WC_HTTP_MORE = 0, WC_HTTP_NONE = -1 };

/* Looks at the first n bytes of an answer. Returns the status 200..999, WC_HTTP_MORE when it isn't
 * there yet, or WC_HTTP_NONE when this is no HTTP/1 answer. */
int wc_http_status(const char *bytes, size_t n);

#endif
