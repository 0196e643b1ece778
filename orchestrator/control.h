/* control.h - the supervisor's side of the control socket: connections, framing, bounded queues
 * (private to orchestrator/; docs/control-protocol.md is the wire).
 *
 * Idea:    this layer knows lines and bodies, nothing of verbs. It never blocks the loop and never
 *          holds more than it is allowed to: input by line and body limits, output by a queue from
 *          which events (not answers) are dropped and counted.
 * Owner:   the control object lives in the supervisor; connections belong to the control object
 *          and are freed after their close callback.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_CONTROL_H
#define ORCHESTRATOR_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "wcompose/err.h"

struct wc_json;

enum {
    WC_CONTROL_VERSION = 1,
    WC_CONTROL_LINE_MAX = 1024 * 1024,
    WC_CONTROL_BODY_MAX = 64 * 1024 * 1024,
    WC_CONTROL_QUEUE_MAX = 1024 * 1024,       /* beyond it, events are dropped */
    WC_CONTROL_QUEUE_HARD = 32 * 1024 * 1024, /* beyond it, the client is disconnected */
    WC_CONTROL_CALLS_MAX = 32,                /* calls under way of one connection */
    WC_CONTROL_CONNS_MAX = 128,
};

#define WC_CONTROL_SOCKET "control.sock"

struct wc_control;

/* One client. `calls` and `events_id` are the supervisor's to keep. */
struct wc_conn {
    uv_pipe_t pipe;
    struct wc_control *control;
    struct wc_conn *next, **link; /* in control->conns */
    struct wc_buf in;             /* bytes that are no whole message yet */
    size_t scanned;               /* of `in`: known to hold no newline */
    size_t body_len;              /* > 0: `header_len` bytes of line, then so much body is due */
    size_t header_len;
    struct wc_buf out, flying; /* waiting; being written */
    uv_write_t write;
    bool is_writing, is_closing, ends; /* ends: close when `out` has been written */
    uint64_t dropped;                  /* events left out since the client was last told */
    uint64_t events_id;                /* > 0: id of its subscription */
    unsigned calls;
};

/* A whole message: the parsed header line and, where it announced one, its body. Borrowed. */
struct wc_control_message {
    uint64_t id;
    const char *verb;
    const struct wc_json *header;
    const char *body; /* NUL-terminated, or NULL */
    size_t body_len;
};

typedef void wc_control_message_fn(void *data, struct wc_conn *conn,
                                   const struct wc_control_message *message);
typedef void wc_control_left_fn(void *data, struct wc_conn *conn);

struct wc_control {
    uv_loop_t *loop;
    uv_pipe_t listener;
    struct wc_conn *conns;
    size_t n_conns;
    int dir_fd; /* of the socket's directory */
    bool is_open;
    unsigned n_handles; /* that have not closed yet */
    wc_control_message_fn *message;
    wc_control_left_fn *left; /* the connection is about to go: forget it */
    void (*closed)(void *data);
    void *data;
};

/* Makes <dir>/control.sock (0600), replacing a dead one, and listens. The caller has the lock. Set
 * loop, message, left, closed and data before; zero the rest. */
int wc_control_listen(struct wc_control *control, const char *dir, struct wc_err *err);

/* Removes the socket and closes all connections; control->closed runs last, on the loop. Answers
 * already queued are given to the kernel as far as it takes them. */
void wc_control_close(struct wc_control *control);

enum wc_conn_kind { WC_CONN_ANSWER, WC_CONN_EVENT };

/* Queues one line (without newline) for a client. An EVENT is dropped when the queue is full. */
void wc_conn_send(struct wc_conn *conn, enum wc_conn_kind kind, const char *line, size_t len);

/* Sends {"id":…,"done":true,"code":…,"error":…}; error may be NULL. */
void wc_conn_fail(struct wc_conn *conn, uint64_t id, int code, const char *error);

/* Binds or connects a Unix socket whose directory's path may be longer than sun_path allows.
 * Returns a non-blocking close-on-exec descriptor, or -1 with errno. */
int wc_control_bind(int dir_fd, const char *name);
int wc_control_connect(const char *dir, const char *name);

#endif
