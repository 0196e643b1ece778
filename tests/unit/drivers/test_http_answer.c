/* test_http_answer.c - the status of an answer, whole, in pieces, and hostile. */
#include "harness/wc_test.h"

#include <string.h>

#include "base/str.h"
#include "drivers/process/http_answer.h"

static const struct {
    const char *bytes;
    int status;
} answers[] = {
    { "HTTP/1.1 200 OK\r\n", 200 },
    { "HTTP/1.0 204\r\n", 204 },
    { "HTTP/1.1 503 \r\n", 503 },
    { "HTTP/1.1 301 Moved\nLocation: x", 301 },
    { "HTTP/1.1 101 Switching\r\n", 101 },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 200 },
    { "HTTP/1.1 103 Hints\r\nLink: a\r\nLink: b\r\n\r\nHTTP/1.1 404 No\r\n", 404 },
    { "", WC_HTTP_MORE },
    { "HTT", WC_HTTP_MORE },
    { "HTTP/1.1 200 OK", WC_HTTP_MORE },
    { "HTTP/1.1 100 Continue\r\n\r", WC_HTTP_MORE },
    { "HTTP/1.1 100 Continue\r\n\r\n", WC_HTTP_MORE },
    { "HTTP/2 200\r\n", WC_HTTP_NONE },
    { "SSH-2.0-x\r\n", WC_HTTP_NONE },
    { "HTTP/1.1 2000\r\n", WC_HTTP_NONE },
    { "HTTP/1.1 20\r\n", WC_HTTP_NONE },
    { "HTTP/1.1  200\r\n", WC_HTTP_NONE },
    { "HTTP/1.1 -20 OK\r\n", WC_HTTP_NONE },
    { "HTTP/1.1 099 OK\r\n", WC_HTTP_NONE },
    { "HTTP/1.1 100 Continue\r\n\r\nnonsense\r\n", WC_HTTP_NONE },
    { "\r\n", WC_HTTP_NONE },
};

static void statuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < WC_COUNT(answers); i++)
        if (wc_http_status(answers[i].bytes, strlen(answers[i].bytes)) != answers[i].status)
            fail_msg("row %zu: %d", i, wc_http_status(answers[i].bytes, strlen(answers[i].bytes)));
}

/* However it is cut, it says "more" until it says what the whole says. */
static void in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < WC_COUNT(answers); i++) {
        size_t len = strlen(answers[i].bytes);
        int last = WC_HTTP_MORE;
        for (size_t n = 0; n <= len; n++) {
            char copy[128]; /* its end is guarded */
            memcpy(copy + sizeof copy - n, answers[i].bytes, n);
            int status = wc_http_status(copy + sizeof copy - n, n);
            assert_true(last == WC_HTTP_MORE || status == last);
            last = status;
        }
        assert_int_equal(last, answers[i].status);
    }
}

WC_MAIN(WC_CASE(statuses), WC_CASE(in_pieces))
