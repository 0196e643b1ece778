/* client.c - calls to a supervisor, plain and blocking.
 *
 * The supervisor may decide to leave at the very moment a client connects; such a client hears
 * nothing but the end of the stream, starts a new one and asks again, once.
 */
#include "orchestrator/client_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/control.h"

static const char *const verb_names[] = {
    [WC_CALL_APPLY] = "apply",       [WC_CALL_START] = "start",     [WC_CALL_STOP] = "stop",
    [WC_CALL_RESTART] = "restart",   [WC_CALL_KILL] = "kill",       [WC_CALL_DOWN] = "down",
    [WC_CALL_SUSPEND] = "suspend",   [WC_CALL_RESUME] = "resume",   [WC_CALL_EVENTS] = "events",
    [WC_CALL_PAUSE] = "pause",       [WC_CALL_UNPAUSE] = "unpause", [WC_CALL_PING] = "ping",
    [WC_CALL_SHUTDOWN] = "shutdown",
};

/* Connecting -----------------------------------------------------------------------------------*/

int wc_client_connect(struct wc_client *client, bool spawn, struct wc_err *err)
{
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    const char *dir = wc_paths_project_run(client->paths, &scratch, client->project);
    int rc = 0;
    client->fd = wc_control_connect(dir, WC_CONTROL_SOCKET);
    if (client->fd < 0 && spawn) {
        rc = wc_client_spawn(client->paths, client->project, dir, err);
        if (rc == 0)
            client->fd = wc_control_connect(dir, WC_CONTROL_SOCKET);
    }
    if (rc == 0 && client->fd < 0) {
        bool is_absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
        rc = is_absent ? wc_err_set(err, WC_ERR_NOENT, 0, "no supervisor of '%s' is running",
                                    client->project)
                       : wc_err_set(err, errno == EACCES ? WC_ERR_PERM : WC_ERR_UNAVAILABLE, errno,
                                    "connect to the supervisor of '%s'", client->project);
    }
    wc_arena_deinit(&scratch);
    if (rc != 0)
        return rc;
    struct ucred peer = { 0 };
    socklen_t len = sizeof peer;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        client->peer = peer.pid;
    return 0;
}

int wc_client_open(const struct wc_paths *paths, const char *project, bool spawn,
                   struct wc_client **out, struct wc_err *err)
{
    struct wc_client *client = wc_calloc(1, sizeof *client);
    client->paths = paths;
    client->project = project;
    client->may_spawn = spawn;
    client->sent = client->in = (struct wc_buf)WC_BUF_INIT;
    int rc = wc_client_connect(client, spawn, err);
    if (rc == 0 && spawn)
        rc = wc_client_renew(client, err);
    if (rc != 0) {
        wc_client_close(client);
        return rc;
    }
    *out = client;
    return 0;
}

void wc_client_close(struct wc_client *client)
{
    if (client == NULL)
        return;
    if (client->fd >= 0)
        close(client->fd);
    wc_buf_deinit(&client->sent);
    wc_buf_deinit(&client->in);
    wc_free(client);
}

int wc_client_fd(const struct wc_client *client)
{
    return client->fd;
}

int wc_client_end_fd(const struct wc_client *client)
{
    WC_CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, client->peer, 0);
    struct pollfd peer = { .fd = client->fd };
    if (pidfd < 0 || poll(&peer, 1, 0) != 0) /* hung up: the number may be another's by now */
        return -1;
    int out = pidfd;
    pidfd = -1;
    return out;
}

bool wc_client_wait_gone(struct wc_client *client, int limit_ms)
{
    WC_CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, client->peer, 0);
    close(client->fd);
    client->fd = -1;
    if (pidfd < 0)
        return errno == ESRCH;
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    return poll(&end, 1, limit_ms) == 1;
}

/* Bytes ----------------------------------------------------------------------------------------*/

static int gone(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                      "the supervisor went away; the same command again starts a new one");
}

int wc_client_write(struct wc_client *client, const char *bytes, size_t len, struct wc_err *err)
{
    while (len > 0) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
            continue;
        }
        struct pollfd room = { .fd = client->fd, .events = POLLOUT };
        if (errno == EAGAIN)
            poll(&room, 1, -1);
        else if (errno == EPIPE || errno == ECONNRESET)
            return gone(err);
        else if (errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "write to the supervisor");
    }
    return 0;
}

int wc_client_fill(struct wc_client *client, struct wc_err *err)
{
    enum { CHUNK = 65536 };
    if (client->in.len > WC_CONTROL_BODY_MAX)
        return wc_err_set(err, WC_ERR_SPEC, 0, "the supervisor sent a line without an end");
    wc_buf_reserve(&client->in, CHUNK);
    ssize_t n = recv(client->fd, client->in.data + client->in.len, CHUNK, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return gone(err);
    if (n < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "read from the supervisor");
    client->has_heard = true;
    client->in.len += (size_t)n;
    client->in.data[client->in.len] = '\0';
    return (int)n;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int wc_client_poll(struct wc_client *client, int interrupt_fd, uint64_t deadline_ms,
                   struct wc_err *err)
{
    struct pollfd fds[2] = { { .fd = client->fd, .events = POLLIN },
                             { .fd = interrupt_fd, .events = POLLIN } };
    for (;;) {
        int wait = -1;
        if (deadline_ms != 0) {
            uint64_t now = now_ms();
            if (now >= deadline_ms)
                return wc_err_set(err, WC_ERR_TIMEOUT, 0, "the time is over");
            wait = deadline_ms - now > 60000 ? 60000 : (int)(deadline_ms - now);
        }
        int n = poll(fds, 2, wait);
        if (n < 0 && errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "wait for the supervisor");
        if (n > 0 && fds[1].revents != 0)
            return wc_err_set(err, WC_ERR_CANCELLED, 0, "interrupted");
        if (n > 0)
            return 0;
    }
}

const char *wc_client_line(struct wc_client *client, size_t *len)
{
    struct wc_buf *in = &client->in;
    if (in->len == 0)
        return NULL;
    char *newline = memchr(in->data + client->scanned, '\n', in->len - client->scanned);
    client->scanned = in->len;
    if (newline == NULL)
        return NULL;
    *len = (size_t)(newline - in->data);
    client->scanned = *len;
    return in->data;
}

int wc_client_ask(struct wc_client *client, const char *request, const char **line, size_t *len,
                  struct wc_err *err)
{
    int rc = wc_client_write(client, request, strlen(request), err);
    *line = NULL;
    *len = 0;
    while (rc >= 0 && (*line = wc_client_line(client, len)) == NULL) {
        rc = wc_client_poll(client, -1, 0, err);
        if (rc == 0)
            rc = wc_client_fill(client, err);
    }
    return rc;
}

void wc_client_drop_line(struct wc_client *client, size_t len)
{
    wc_buf_consume(&client->in, len + 1);
    client->scanned = 0;
}

/* Calls ----------------------------------------------------------------------------------------*/

static void flag_if(struct wc_jsonw *w, const char *key, bool value)
{
    if (value)
        wc_jsonw_bool(w, key, true);
}

static void texts_if(struct wc_jsonw *w, const char *key, const char *const *items, size_t n)
{
    if (n == 0)
        return;
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++)
        wc_jsonw_str(w, NULL, items[i]);
    wc_jsonw_end_array(w);
}

static void write_call(const struct wc_call *call, uint64_t id, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", WC_CONTROL_VERSION);
    wc_jsonw_i64(&w, "id", (int64_t)id);
    wc_jsonw_str(&w, "verb", verb_names[call->verb]);
    if (call->spec != NULL)
        wc_jsonw_i64(&w, "body", (int64_t)call->spec_len);
    if (call->restores != 0)
        wc_jsonw_i64(&w, "restores", (int64_t)call->restores);
    if (call->wait == WC_WAIT_READY)
        wc_jsonw_str(&w, "wait", "ready");
    if (call->timeout_ms != WC_UNSET)
        wc_jsonw_i64(&w, "timeout_ms", call->timeout_ms);
    if (call->since_ms > 0)
        wc_jsonw_i64(&w, "since_ms", call->since_ms);
    if (call->until_ms > 0)
        wc_jsonw_i64(&w, "until_ms", call->until_ms);
    flag_if(&w, "past_only", call->past_only);
    flag_if(&w, "when_idle", call->when_idle);
    flag_if(&w, "if_free", call->if_free);
    if (call->signal != 0)
        wc_jsonw_i64(&w, "signal", call->signal);
    flag_if(&w, "force_recreate", call->force_recreate);
    flag_if(&w, "no_recreate", call->no_recreate);
    flag_if(&w, "no_start", call->no_start);
    flag_if(&w, "no_deps", call->no_deps);
    flag_if(&w, "remove_orphans", call->remove_orphans);
    flag_if(&w, "remove_volumes", call->remove_volumes);
    flag_if(&w, "events", call->events);
    texts_if(&w, "services", call->services, call->n_services);
    texts_if(&w, "scale", call->scale, call->n_scale);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
    if (call->spec != NULL) {
        wc_buf_add(out, call->spec, call->spec_len);
        wc_buf_addc(out, '\n');
    }
}

int wc_client_send(struct wc_client *client, const struct wc_call *call, uint64_t *id,
                   struct wc_err *err)
{
    if (call->spec_len > WC_CONTROL_BODY_MAX)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "the project is larger than 64 MiB");
    wc_buf_reset(&client->sent);
    write_call(call, ++client->last_id, &client->sent);
    int rc = wc_client_write(client, client->sent.data, client->sent.len, err);
    bool is_replaceable = client->may_spawn && !client->has_heard;
    if (rc == WC_ERR_UNAVAILABLE && is_replaceable) /* wc_client_wait finds the end and replaces */
        rc = 0;
    *id = client->last_id;
    return rc;
}

static int deliver(const char *line, size_t len, wc_client_answer_fn *answer, void *data,
                   struct wc_answer *out, struct wc_err *err)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    int rc = wc_json_parse(line, len, &root, err);
    if (rc != 0)
        return wc_err_wrap(err, WC_ERR_SPEC, "the supervisor's answer");
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_event event;
    *out = (struct wc_answer){
        .id = (uint64_t)wc_json_i64(wc_json_get(root, "id"), 0),
        .dropped = (uint64_t)wc_json_i64(wc_json_get(root, "dropped"), 0),
        .done = wc_json_bool(wc_json_get(root, "done"), false),
        .code = (int)wc_json_i64(wc_json_get(root, "code"), 0),
        .changed = (unsigned)wc_json_i64(wc_json_get(root, "changed"), 0),
        .leaving = wc_json_bool(wc_json_get(root, "leaving"), false),
        .error = wc_json_str(wc_json_get(root, "error"), NULL),
    };
    /* The event is read from the text, as wc_event_from_json is the one reader of events. */
    const char *at = wc_json_get(root, "event") != NULL ? strstr(line, "\"event\":") : NULL;
    if (at != NULL) {
        at += strlen("\"event\":");
        rc = wc_event_from_json(at, (size_t)(line + len - at) - 1, &arena, &event, err);
        out->event = rc == 0 ? &event : NULL;
    }
    if (rc == 0 && answer != NULL)
        answer(data, out);
    out->event = NULL;
    out->error = NULL;
    wc_arena_deinit(&arena);
    return rc;
}

/* Delivers the lines that are here. *ended is set when the call (id 0: none) is done. */
static int deliver_lines(struct wc_client *client, const struct wc_client_waiting *waiting,
                         bool *ended, struct wc_err *err)
{
    size_t len;
    const char *line;
    while ((line = wc_client_line(client, &len)) != NULL) {
        struct wc_answer out;
        int rc = deliver(line, len, waiting->answer, waiting->data, &out, err);
        wc_client_drop_line(client, len);
        if (rc != 0)
            return rc;
        /* id 0: the supervisor understood nothing and hangs up */
        if (out.done && waiting->id != 0 && (out.id == waiting->id || out.id == 0)) {
            *ended = true;
            return 0;
        }
    }
    return 0;
}

int wc_client_read(struct wc_client *client, wc_client_answer_fn *answer, void *data,
                   struct wc_err *err)
{
    struct wc_client_waiting waiting = { .answer = answer, .data = data };
    bool ended = false;
    int n = wc_client_fill(client, err);
    int rc = deliver_lines(client, &waiting, &ended, err);
    return n < 0 ? n : rc;
}

/* The supervisor left before it heard us: a new one, and the same call again. */
static int replace(struct wc_client *client, struct wc_err *err)
{
    client->may_spawn = false;
    close(client->fd);
    int rc = wc_client_connect(client, true, err);
    return rc != 0 ? rc : wc_client_write(client, client->sent.data, client->sent.len, err);
}

int wc_client_wait(struct wc_client *client, const struct wc_client_waiting *waiting,
                   struct wc_err *err)
{
    bool ended = false;
    for (;;) {
        int rc = deliver_lines(client, waiting, &ended, err);
        if (rc != 0 || ended)
            return rc;
        rc = wc_client_poll(client, waiting->interrupt_fd, waiting->deadline_ms, err);
        if (rc != 0)
            return rc;
        rc = wc_client_fill(client, err);
        if (rc == WC_ERR_UNAVAILABLE && client->may_spawn && !client->has_heard)
            rc = replace(client, err);
        if (rc < 0)
            return rc;
    }
}
