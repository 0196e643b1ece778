/* supervisor_http.h - a loopback port on which a scraper may read the supervisor's numbers (private
 * to orchestrator/supervisor*.c).
 *
 * Idea:    GET /metrics and nothing else: one request a connection, a head of at most
 *          WC_HTTP_HEAD_MAX bytes, WC_HTTP_LIMIT_MS for all of it, WC_HTTP_CONNS_MAX at a time.
 *          There is nothing to be changed through it, and no address but the machine's own.
 * Owner:   the value is the supervisor's; connections are its own until their close callback.
 * Threads: the loop's. Blocks: never.
 * Source:  RFC 9112 (HTTP/1.1), as far as a request without a body goes.
 */
#ifndef ORCHESTRATOR_SUPERVISOR_HTTP_H
#define ORCHESTRATOR_SUPERVISOR_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "wcompose/err.h"

struct wc_buf;
struct wc_http_conn;

enum { WC_HTTP_HEAD_MAX = 8192, WC_HTTP_LIMIT_MS = 5000, WC_HTTP_CONNS_MAX = 16 };

/* Set loop, fill, closed and data before; zero the rest. */
struct wc_http {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct wc_http_conn *conns;
    size_t n_conns;
    unsigned n_handles; /* that have not closed yet; 0: it is not there */
    bool is_open;
    void (*fill)(void *data, struct wc_buf *out); /* appends the answer to GET /metrics */
    void (*closed)(void *data);                   /* the last handle has closed */
    void *data;
};

/* Reads "127.0.0.1:9464" or "[::1]:9464"; port 0 is any free one. WC_ERR_USAGE for what isn't an
 * address and a port, and for addresses that others can reach. */
int wc_http_address(const char *text, struct sockaddr_storage *out, struct wc_err *err);

/* Listens there. On failure (WC_ERR_USAGE, WC_ERR_IO) handles may be left that wc_http_close
 * closes. */
int wc_http_listen(struct wc_http *http, const char *address, struct wc_err *err);

/* The port that it listens on, in host byte order. */
unsigned wc_http_port(const struct wc_http *http);

/* Stops; `closed` runs last, on the loop, if anything was open. */
void wc_http_close(struct wc_http *http);

/* The status that a request deserves, by its first len bytes: 0 = its head isn't whole yet, 200 the
 * numbers; *is_head: without them. A Host that is no name of this machine for itself is 403: a page
 * in a browser could reach us under a name of its own. */
int wc_http_judge(const char *bytes, size_t len, bool *is_head);

#endif
