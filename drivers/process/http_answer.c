/* http_answer.c - a status line, and no more. */
#include "drivers/process/http_answer.h"

#include <string.h>

#include "base/str.h"

/* "HTTP/1.x NNN" at the start of a whole line of n bytes. */
static int status_of(const char *line, size_t n)
{
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[7] < '0' || line[7] > '9' ||
        line[8] != ' ' || (n > 12 && line[12] != ' '))
        return WC_HTTP_NONE;
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return WC_HTTP_NONE;
        status = status * 10 + (line[i] - '0');
    }
    return status >= 100 ? status : WC_HTTP_NONE;
}

/* Where the empty line of a header ends, from `at` on; 0 = not there yet. */
static size_t header_end(const char *bytes, size_t n, size_t at)
{
    for (; at < n; at++)
        if (bytes[at] == '\n' && ((at >= 1 && bytes[at - 1] == '\n') ||
                                  (at >= 2 && bytes[at - 1] == '\r' && bytes[at - 2] == '\n')))
            return at + 1;
    return 0;
}

int wc_http_status(const char *bytes, size_t n)
{
    static const char head[] = "HTTP/1.";
    size_t at = 0;
    for (;;) {
        size_t left = n - at, known = left < sizeof head - 1 ? left : sizeof head - 1;
        if (memcmp(bytes + at, head, known) != 0)
            return WC_HTTP_NONE;
        const char *end = left == 0 ? NULL : memchr(bytes + at, '\n', left);
        if (end == NULL)
            return WC_HTTP_MORE;
        size_t len = (size_t)(end - (bytes + at));
        if (len > 0 && bytes[at + len - 1] == '\r')
            len--;
        int status = status_of(bytes + at, len);
        if (status == WC_HTTP_NONE || status >= 200 || status == 101)
            return status;
        at = header_end(bytes, n, at + len);
        if (at == 0)
            return WC_HTTP_MORE;
    }
}
