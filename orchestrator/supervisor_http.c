/* supervisor_http.c - just enough of HTTP for a scraper.
 *
 * Rejected: a library (libmicrohttpd brings threads of its own and more code than the supervisor
 * has), and connections that stay: a scraper comes once in seconds, and a connection less is a
 * reason less to stay awake.
 */
#include "orchestrator/supervisor_http.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/exposition.h"

struct wc_http_conn {
    uv_tcp_t tcp;
    uv_timer_t limit;
    struct wc_http *http;
    struct wc_http_conn *next, **link;
    unsigned n_open; /* tcp and limit */
    bool is_closing;
    char head[WC_HTTP_HEAD_MAX];
    size_t len;
    struct wc_buf out;
    uv_write_t write;
};

/* ---- addresses ---- */

static int loopback_only(const char *text, struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_USAGE, 0,
                      "metrics: '%.60s' can be reached from elsewhere: only addresses of the "
                      "loopback are served, as 127.0.0.1:9464",
                      text);
}

int wc_http_address(const char *text, struct sockaddr_storage *out, struct wc_err *err)
{
    char host[64];
    int64_t port;
    const char *colon = strrchr(text, ':');
    bool is_six = text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']';
    size_t len = colon == NULL ? 0 : (size_t)(colon - text) - (is_six ? 2 : 0);
    *out = (struct sockaddr_storage){ 0 };
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    bool is_read = len > 0 && len < sizeof host && wc_str_to_i64(colon + 1, 0, UINT16_MAX, &port);
    if (is_read) {
        memcpy(host, text + is_six, len);
        host[len] = '\0';
        is_read = is_six ? uv_ip6_addr(host, (int)port, six) == 0
                         : uv_ip4_addr(host, (int)port, four) == 0;
    }
    if (!is_read)
        return wc_err_set(err, WC_ERR_USAGE, 0,
                          "metrics: '%.60s' is no address and port, as 127.0.0.1:9464 or "
                          "[::1]:9464",
                          text);
    bool is_ours = is_six ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                          : ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return is_ours ? 0 : loopback_only(text, err);
}

/* ---- requests ---- */

/* "localhost", "127.x.y.z" or "[::1]", with or without a port. */
static bool is_our_name(const char *host, size_t len)
{
    static const char *const names[] = { "localhost", "[::1]" };
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        size_t n = strlen(names[i]);
        if (len >= n && strncasecmp(host, names[i], n) == 0 && (len == n || host[n] == ':'))
            return true;
    }
    size_t n = 0;
    while (n < len && host[n] != ':')
        n++;
    return len > 4 && memcmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n;
}

/* Finds the header field `Host` from `at` (the first line after the request's) on. */
static bool has_foreign_host(const char *at)
{
    for (; at[0] != '\r'; at = strstr(at, "\r\n") + 2) {
        if (strncasecmp(at, "host:", 5) != 0)
            continue;
        const char *host = at + 5 + strspn(at + 5, " \t");
        size_t len = strcspn(host, "\r");
        while (len > 0 && (host[len - 1] == ' ' || host[len - 1] == '\t'))
            len--;
        if (!is_our_name(host, len))
            return true;
    }
    return false;
}

/* The head is whole, and a text. */
static int judge_text(const char *head, bool *is_head)
{
    const char *end = strstr(head, "\r\n");
    const char *target = strchr(head, ' ');
    const char *version = target == NULL ? NULL : strchr(target + 1, ' ');
    if (version == NULL || version > end || !wc_str_starts(version, " HTTP/1.") ||
        end != version + 9)
        return 400;
    *is_head = wc_str_starts(head, "HEAD ");
    if (has_foreign_host(end + 2))
        return 403;
    size_t len = (size_t)(version - target) - 1;
    bool is_ours =
        len >= 8 && memcmp(target + 1, "/metrics", 8) == 0 && (len == 8 || target[9] == '?');
    if (!is_ours)
        return 404;
    return *is_head || wc_str_starts(head, "GET ") ? 200 : 405;
}

int wc_http_judge(const char *bytes, size_t len, bool *is_head)
{
    static const char end[] = "\r\n\r\n";
    *is_head = false;
    const char *found = memmem(bytes, len, end, 4);
    if (memchr(bytes, '\0', len) != NULL)
        return 400;
    if (found == NULL)
        return len >= WC_HTTP_HEAD_MAX ? 431 : 0;
    char head[WC_HTTP_HEAD_MAX + 1];
    size_t n = (size_t)(found - bytes) + 4;
    if (n > WC_HTTP_HEAD_MAX)
        return 431;
    memcpy(head, bytes, n);
    head[n] = '\0';
    return judge_text(head, is_head);
}

/* ---- connections ---- */

static void handle_gone(struct wc_http *http)
{
    if (--http->n_handles == 0)
        http->closed(http->data);
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct wc_http_conn *conn = handle->data;
    struct wc_http *http = conn->http;
    if (--conn->n_open == 0) {
        *conn->link = conn->next;
        if (conn->next != NULL)
            conn->next->link = conn->link;
        http->n_conns--;
        wc_buf_deinit(&conn->out);
        wc_free(conn);
    }
    handle_gone(http);
}

static void conn_close(struct wc_http_conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
    uv_close((uv_handle_t *)&conn->limit, on_conn_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    conn_close(write->data);
}

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Bad Request";
    }
}

static void answer(struct wc_http_conn *conn, int status, bool is_head)
{
    struct wc_http *http = conn->http;
    WC_CLEANUP_BUF struct wc_buf body = WC_BUF_INIT;
    if (status == 200)
        http->fill(http->data, &body);
    else
        wc_buf_printf(&body, "%d %s; there is GET /metrics\n", status, reason_of(status));
    wc_buf_printf(&conn->out,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                  "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                  status, reason_of(status), WC_EXPOSITION_TYPE, body.len,
                  status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!is_head)
        wc_buf_add(&conn->out, body.data, body.len);
    uv_buf_t bytes = uv_buf_init(conn->out.data, (unsigned)conn->out.len);
    conn->write.data = conn;
    uv_read_stop((uv_stream_t *)&conn->tcp);
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &bytes, 1, on_written) != 0)
        conn_close(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct wc_http_conn *conn = handle->data;
    *out = uv_buf_init(conn->head + conn->len, (unsigned)(sizeof conn->head - conn->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    (void)bytes;
    struct wc_http_conn *conn = stream->data;
    if (n < 0) {
        conn_close(conn);
        return;
    }
    bool is_head;
    conn->len += (size_t)n;
    int status = wc_http_judge(conn->head, conn->len, &is_head);
    if (status != 0)
        answer(conn, status, is_head);
}

static void on_limit(uv_timer_t *limit)
{
    conn_close(limit->data);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct wc_http *http = listener->data;
    if (status != 0)
        return;
    struct wc_http_conn *conn = wc_calloc(1, sizeof *conn);
    conn->http = http;
    conn->out = (struct wc_buf)WC_BUF_INIT;
    conn->next = http->conns;
    conn->link = &http->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    http->conns = conn;
    http->n_conns++;
    http->n_handles += 2;
    conn->n_open = 2;
    uv_tcp_init(http->loop, &conn->tcp);
    uv_timer_init(http->loop, &conn->limit);
    conn->tcp.data = conn->limit.data = conn;
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0 || http->n_conns > WC_HTTP_CONNS_MAX ||
        uv_timer_start(&conn->limit, on_limit, WC_HTTP_LIMIT_MS, 0) != 0 ||
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) != 0)
        conn_close(conn);
}

/* ---- listening ---- */

int wc_http_listen(struct wc_http *http, const char *address, struct wc_err *err)
{
    struct sockaddr_storage at;
    int rc = wc_http_address(address, &at, err);
    if (rc != 0)
        return rc;
    uv_tcp_init(http->loop, &http->listener);
    http->listener.data = http;
    http->n_handles = 1;
    http->is_open = true;
    rc = uv_tcp_bind(&http->listener, (const struct sockaddr *)&at, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&http->listener, WC_HTTP_CONNS_MAX, on_connection);
    if (rc != 0)
        return wc_err_set(err, WC_ERR_IO, -rc, "metrics: listen on %s", address);
    wc_log(WC_LOG_INFO, "supervisor", "metrics are served at %s, port %u", address,
           wc_http_port(http));
    return 0;
}

unsigned wc_http_port(const struct wc_http *http)
{
    struct sockaddr_storage at = { 0 };
    int len = sizeof at;
    if (uv_tcp_getsockname(&http->listener, (struct sockaddr *)&at, &len) != 0)
        return 0;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

static void on_listener_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void wc_http_close(struct wc_http *http)
{
    if (!http->is_open)
        return;
    http->is_open = false;
    uv_close((uv_handle_t *)&http->listener, on_listener_closed);
    for (struct wc_http_conn *conn = http->conns; conn != NULL; conn = conn->next)
        conn_close(conn);
}
