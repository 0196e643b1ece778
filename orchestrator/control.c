/* control.c - lines in, lines out, over a Unix stream socket.
 *
 * A message is a line of JSON; where the line has "body":N, a second line of exactly N bytes
 * follows, which is handed on as bytes: the specification of an apply is compared and stored
 * without being parsed and printed again. (Rejected: the model as a member of the request, which
 * costs a parse of all of it for an apply that changes nothing.)
 */
#include "orchestrator/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"

static void on_conn_closed(uv_handle_t *handle);

static void handle_gone(struct wc_control *control)
{
    if (--control->n_handles == 0)
        control->closed(control->data);
}

static void conn_close(struct wc_conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    conn->control->left(conn->control->data, conn);
    uv_close((uv_handle_t *)&conn->pipe, on_conn_closed);
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct wc_conn *conn = handle->data;
    struct wc_control *control = conn->control;
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    control->n_conns--;
    wc_buf_deinit(&conn->in);
    wc_buf_deinit(&conn->out);
    wc_buf_deinit(&conn->flying);
    wc_free(conn);
    handle_gone(control);
}

/* Output ---------------------------------------------------------------------------------------*/

static void flush(struct wc_conn *conn);

static void tell_dropped(struct wc_conn *conn)
{
    if (conn->dropped == 0 || conn->out.len > WC_CONTROL_QUEUE_MAX / 2)
        return;
    wc_buf_printf(&conn->out, "{\"id\":%llu,\"dropped\":%llu}\n",
                  (unsigned long long)conn->events_id, (unsigned long long)conn->dropped);
    conn->dropped = 0;
}

static void on_written(uv_write_t *write, int status)
{
    struct wc_conn *conn = write->data;
    conn->is_writing = false;
    if (status != 0) {
        conn_close(conn);
        return;
    }
    wc_buf_reset(&conn->flying);
    tell_dropped(conn);
    flush(conn);
}

static void flush(struct wc_conn *conn)
{
    if (conn->is_writing || conn->is_closing)
        return;
    if (conn->out.len == 0) {
        if (conn->ends)
            conn_close(conn);
        return;
    }
    struct wc_buf idle = conn->flying;
    conn->flying = conn->out;
    conn->out = idle;
    uv_buf_t bytes = uv_buf_init(conn->flying.data, (unsigned)conn->flying.len);
    conn->write.data = conn;
    conn->is_writing = true;
    int rc = uv_write(&conn->write, (uv_stream_t *)&conn->pipe, &bytes, 1, on_written);
    if (rc != 0) {
        conn->is_writing = false;
        conn_close(conn);
    }
}

void wc_conn_send(struct wc_conn *conn, enum wc_conn_kind kind, const char *line, size_t len)
{
    if (conn->is_closing)
        return;
    size_t queued = conn->out.len + (conn->is_writing ? conn->flying.len : 0);
    if (kind == WC_CONN_EVENT && queued + len > WC_CONTROL_QUEUE_MAX) {
        conn->dropped++;
        return;
    }
    if (queued + len > WC_CONTROL_QUEUE_HARD) {
        wc_log(WC_LOG_WARN, "control", "a client reads nothing; disconnected");
        conn_close(conn);
        return;
    }
    wc_buf_add(&conn->out, line, len);
    wc_buf_addc(&conn->out, '\n');
    flush(conn);
}

void wc_conn_fail(struct wc_conn *conn, uint64_t id, int code, const char *error)
{
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&line);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "id", (int64_t)id);
    wc_jsonw_bool(&w, "done", true);
    wc_jsonw_i64(&w, "code", code);
    if (error != NULL)
        wc_jsonw_str(&w, "error", error);
    wc_jsonw_end_object(&w);
    wc_conn_send(conn, WC_CONN_ANSWER, line.data, line.len);
}

/* What can't be understood can't be followed by anything that can: answer, then hang up. */
static void reject(struct wc_conn *conn, int code, const char *error)
{
    uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->ends = true;
    wc_conn_fail(conn, 0, code, error);
}

/* Input ----------------------------------------------------------------------------------------*/

static void dispatch(struct wc_conn *conn, const struct wc_json *header, const char *body)
{
    struct wc_control_message message = {
        .id = (uint64_t)wc_json_i64(wc_json_get(header, "id"), 0),
        .verb = wc_json_str(wc_json_get(header, "verb"), ""),
        .header = header,
        .body = body,
        .body_len = conn->body_len,
    };
    if (wc_json_i64(wc_json_get(header, "v"), 0) != WC_CONTROL_VERSION)
        wc_conn_fail(conn, message.id, WC_ERR_USAGE,
                     "this supervisor speaks version 1 of the control protocol");
    else if (conn->calls >= WC_CONTROL_CALLS_MAX)
        wc_conn_fail(conn, message.id, WC_ERR_LIMIT, "too many calls under way");
    else
        conn->control->message(conn->control->data, conn, &message);
}

/* Reads the header's id and body length. Returns false when the connection was given up. */
static bool check_header(struct wc_conn *conn, const struct wc_json *header)
{
    int64_t id = wc_json_i64(wc_json_get(header, "id"), 0);
    int64_t body = wc_json_i64(wc_json_get(header, "body"), 0);
    if (wc_json_kind(header) != WC_JSON_OBJECT || id <= 0)
        reject(conn, WC_ERR_SPEC, "a request is an object with a positive \"id\"");
    else if (body < 0 || body > WC_CONTROL_BODY_MAX)
        reject(conn, WC_ERR_LIMIT, "body too long: at most 64 MiB");
    else
        conn->body_len = (size_t)body;
    return !conn->ends;
}

/* Takes one message off conn->in. Returns false when there is no whole one (or no more). */
static bool take_message(struct wc_conn *conn)
{
    if (conn->header_len == 0) {
        char *newline = memchr(conn->in.data + conn->scanned, '\n', conn->in.len - conn->scanned);
        conn->scanned = conn->in.len;
        size_t line_len = newline == NULL ? conn->in.len : (size_t)(newline - conn->in.data);
        if (line_len > WC_CONTROL_LINE_MAX)
            reject(conn, WC_ERR_LIMIT, "line too long: at most 1 MiB");
        if (newline == NULL || conn->ends)
            return false;
        conn->header_len = line_len + 1;
    }
    struct wc_err err = { 0 };
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    if (conn->body_len == 0) {
        if (wc_json_parse(conn->in.data, conn->header_len - 1, &header, &err) != 0) {
            reject(conn, WC_ERR_SPEC, err.msg);
            return false;
        }
        if (!check_header(conn, header))
            return false;
    }
    size_t whole = conn->header_len + (conn->body_len > 0 ? conn->body_len + 1 : 0);
    if (conn->in.len < whole)
        return false;
    /* A body came in pieces: its header is parsed a second time, as nothing of it was kept. */
    if (header == NULL && wc_json_parse(conn->in.data, conn->header_len - 1, &header, &err) != 0)
        return false;
    char *body = conn->body_len > 0 ? conn->in.data + conn->header_len : NULL;
    if (body != NULL && body[conn->body_len] != '\n') {
        reject(conn, WC_ERR_SPEC, "no newline where the body should end");
        return false;
    }
    if (body != NULL)
        body[conn->body_len] = '\0';
    dispatch(conn, header, body);
    wc_buf_consume(&conn->in, whole);
    conn->scanned = conn->header_len = conn->body_len = 0;
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct wc_conn *conn = handle->data;
    wc_buf_reserve(&conn->in, suggested);
    *out = uv_buf_init(conn->in.data + conn->in.len, (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    (void)bytes;
    struct wc_conn *conn = stream->data;
    if (n < 0) {
        conn_close(conn);
        return;
    }
    conn->in.len += (size_t)n;
    conn->in.data[conn->in.len] = '\0';
    while (!conn->is_closing && !conn->ends && conn->in.len > 0 && take_message(conn))
        continue;
}

/* Listening ------------------------------------------------------------------------------------*/

/* Root may do anything anyway; anybody else must be who runs the supervisor. */
static bool peer_allowed(uv_pipe_t *pipe)
{
    uv_os_fd_t fd;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (uv_fileno((uv_handle_t *)pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct wc_control *control = listener->data;
    if (status != 0) {
        wc_log(WC_LOG_WARN, "control", "accept: %s", uv_strerror(status));
        return;
    }
    struct wc_conn *conn = wc_calloc(1, sizeof *conn);
    conn->in = conn->out = conn->flying = (struct wc_buf)WC_BUF_INIT;
    conn->control = control;
    uv_pipe_init(control->loop, &conn->pipe, 0);
    conn->pipe.data = conn;
    conn->next = control->conns;
    conn->link = &control->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    control->conns = conn;
    control->n_conns++;
    control->n_handles++;
    if (uv_accept(listener, (uv_stream_t *)&conn->pipe) != 0 || !peer_allowed(&conn->pipe) ||
        control->n_conns > WC_CONTROL_CONNS_MAX ||
        uv_read_start((uv_stream_t *)&conn->pipe, on_alloc, on_read) != 0) {
        wc_log(WC_LOG_WARN, "control", "a client was turned away");
        conn_close(conn);
    }
}

int wc_control_listen(struct wc_control *control, const char *dir, struct wc_err *err)
{
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open %s", dir);
    int fd = wc_control_bind(dir_fd, WC_CONTROL_SOCKET);
    if (fd < 0) {
        int sys = errno;
        close(dir_fd);
        return wc_err_set(err, WC_ERR_IO, sys, "make %s/" WC_CONTROL_SOCKET, dir);
    }
    uv_pipe_init(control->loop, &control->listener, 0);
    control->listener.data = control;
    control->n_handles = 1;
    control->dir_fd = dir_fd;
    control->is_open = true;
    int rc = uv_pipe_open(&control->listener, fd);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&control->listener, 128, on_connection);
    else
        close(fd);
    if (rc != 0)
        return wc_err_set(err, WC_ERR_IO, -rc, "listen on %s/" WC_CONTROL_SOCKET, dir);
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void wc_control_close(struct wc_control *control)
{
    if (!control->is_open)
        return;
    control->is_open = false;
    unlinkat(control->dir_fd, WC_CONTROL_SOCKET, 0);
    close(control->dir_fd);
    uv_close((uv_handle_t *)&control->listener, on_listener_closed);
    for (struct wc_conn *conn = control->conns; conn != NULL; conn = conn->next)
        conn_close(conn);
}
