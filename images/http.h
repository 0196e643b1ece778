/* http.h - several requests at once over libcurl's multi interface (images).
 *
 * Idea:    a request is a value that the caller keeps; it is started, and its `done` runs once,
 * from wc_http_wait. Redirects are not followed and credentials not handled here: who asks decides
 * what goes to which host. Owner:   the caller of wc_http_new; a request is the caller's until
 * `done` has run. Threads: one. Blocks: wc_http_wait only, no longer than it is told. Errors:  a
 * request's own are its `fault` and `reason`.
 */
#ifndef IMAGES_HTTP_H
#define IMAGES_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "images/challenge.h"
#include "wcompose/err.h"

struct wc_http;
struct wc_http_transfer;

/* How a host is reached and trusted. */
struct wc_http_trust {
    bool direct;            /* never through a proxy */
    bool insecure;          /* certificates aren't checked */
    const char *ca_pem;     /* more certificate authorities, or NULL */
    const char *ca_file;    /* instead of the system's, or NULL */
    const char *cert, *key; /* files of ours to show, or NULL */
};

enum wc_http_fault {
    WC_HTTP_ANSWERED, /* `status` and the rest of the answer are set */
    WC_HTTP_CONNECT,  /* nobody was reached */
    WC_HTTP_TLS,      /* no secure connection, or a certificate that isn't trusted */
    WC_HTTP_BROKEN,   /* the connection broke, or nothing came for too long */
    WC_HTTP_STOPPED,  /* `body` said so */
    WC_HTTP_FAILED,   /* anything else */
};

enum wc_http_take {
    WC_HTTP_TAKEN,
    WC_HTTP_LATER, /* nothing was taken: the same bytes come again after wc_http_go_on */
    WC_HTTP_STOP,
};

enum wc_http_method { WC_HTTP_GET, WC_HTTP_HEAD, WC_HTTP_POST };

struct wc_http_request {
    /* the question; borrowed until done */
    enum wc_http_method method;
    const char *url;
    const char *headers[4]; /* "Name: value", NULL-terminated */
    const char *form;       /* POST: application/x-www-form-urlencoded */
    uint64_t offset;        /* GET: from this byte on (Range), 0 = all */
    const struct wc_http_trust *trust;
    enum wc_http_take (*body)(void *data, const void *bytes, size_t len); /* of a 200 or 206 */
    void (*done)(void *data);
    void *data;

    /* the answer; strings are in the arena of the request's wc_http_start */
    enum wc_http_fault fault;
    const char *reason; /* of a fault: one line */
    long status;
    struct wc_challenge challenge;
    const char *content_type, *digest, *location, *content_range, *link; /* NULL = not said */
    int64_t length;        /* of the body, -1 = not said */
    int64_t retry_after_s; /* -1 = not said */
    struct wc_buf text;    /* start of the body of any other status */

    struct wc_http_transfer *transfer; /* under way */
    struct wc_http *http;
    struct wc_arena *arena;
};

struct wc_http_limits {
    unsigned connect_s;      /* longest wait for a connection */
    unsigned stall_s;        /* longest time in which next to nothing comes */
    const char *plain_proxy; /* for http: addresses, where curl's own variable isn't set; or NULL */
};
int wc_http_new(const struct wc_http_limits *limits, struct wc_http **out, struct wc_err *err);

/* Requests that are under way end without `done`. */
void wc_http_free(struct wc_http *http);

/* Starts it. What the answer needs is kept in the arena. */
void wc_http_start(struct wc_http *http, struct wc_http_request *request, struct wc_arena *arena);

/* Goes on with one whose body was to come later. May call `body` at once. */
void wc_http_go_on(struct wc_http_request *request);

/* Gives it up; `done` doesn't run. Nothing when it isn't under way. */
void wc_http_stop(struct wc_http_request *request);

/* Works until something has happened or the time is over; runs the `done` of what ended. Returns 0,
 * or WC_ERR_CANCELLED as soon as interrupt_fd (-1 = none) can be read. */
int wc_http_wait(struct wc_http *http, int timeout_ms, int interrupt_fd, struct wc_err *err);

/* Makes wc_http_wait return soon; from any thread. */
void wc_http_wake(struct wc_http *http);

/* Value of a URL's part, escaped. */
const char *wc_http_escape(struct wc_arena *arena, const char *text);

#endif
