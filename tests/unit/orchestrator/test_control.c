/* test_control.c - framing, limits and bounded queues of the control socket, against a raw peer. */
#include "harness/wc_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "orchestrator/control.h"

struct server {
    char dir[256];
    uv_loop_t loop;
    struct wc_control control;
    struct wc_conn *conn; /* of the last message */
    unsigned n_messages, n_left, n_closed;
    uint64_t last_id;
    size_t last_body;
    bool is_late;
};

static void on_message(void *data, struct wc_conn *conn, const struct wc_control_message *message)
{
    struct server *server = data;
    server->n_messages++;
    server->conn = conn;
    server->last_id = message->id;
    server->last_body = message->body_len;
    if (message->body != NULL)
        assert_int_equal(strlen(message->body), message->body_len);
    if (wc_streq(message->verb, "events"))
        conn->events_id = message->id;
    wc_conn_fail(conn, message->id, 0, NULL);
}

static void on_left(void *data, struct wc_conn *conn)
{
    struct server *server = data;
    server->n_left++;
    if (server->conn == conn)
        server->conn = NULL;
}

static void on_closed(void *data)
{
    ((struct server *)data)->n_closed++;
}

static void server_init(struct server *server, const char *below)
{
    struct wc_err err = { 0 };
    memset(server, 0, sizeof *server);
    snprintf(server->dir, sizeof server->dir, "/tmp/wc-control-XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    size_t len = strlen(server->dir);
    snprintf(server->dir + len, sizeof server->dir - len, "%s", below);
    assert_int_equal(wc_fs_mkdirs(server->dir, 0700, &err), 0);
    uv_loop_init(&server->loop);
    server->control = (struct wc_control){ .loop = &server->loop,
                                           .message = on_message,
                                           .left = on_left,
                                           .closed = on_closed,
                                           .data = server };
    assert_int_equal(wc_control_listen(&server->control, server->dir, &err), 0);
}

static void server_deinit(struct server *server)
{
    struct wc_err err = { 0 };
    char path[300];
    wc_control_close(&server->control);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    assert_int_equal(server->n_closed, 1);
    assert_int_equal(uv_loop_close(&server->loop), 0);
    snprintf(path, sizeof path, "%s/" WC_CONTROL_SOCKET, server->dir);
    assert_false(wc_fs_exists(path));
    server->dir[strlen("/tmp/wc-control-XXXXXX")] = '\0';
    assert_int_equal(wc_fs_remove_tree(server->dir, &err), 0);
}

static int peer_of(struct server *server)
{
    int fd = wc_control_connect(server->dir, WC_CONTROL_SOCKET);
    assert_true(fd >= 0);
    return fd;
}

/* Lets both sides move until the peer has been sent `text` and the loop has nothing to do. */
static void settle(struct server *server)
{
    for (int i = 0; i < 20; i++)
        uv_run(&server->loop, UV_RUN_NOWAIT);
}

static void say(struct server *server, int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            break; /* hung up on us */
        }
        uv_run(&server->loop, UV_RUN_NOWAIT);
    }
    settle(server);
}

/* Reads all there is; *ended when the other side hung up. */
static void hear(struct server *server, int fd, struct wc_buf *out, bool *ended)
{
    *ended = false;
    for (int idle = 0; idle < 5;) {
        char chunk[65536];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n > 0)
            wc_buf_add(out, chunk, (size_t)n);
        *ended = *ended || n == 0 || (n < 0 && errno == ECONNRESET);
        idle = n > 0 ? 0 : idle + 1;
        settle(server);
    }
}

static int code_of(const char *line)
{
    WC_CLEANUP_JSON struct wc_json *root = NULL;
    struct wc_err err = { 0 };
    assert_int_equal(wc_json_parse(line, strcspn(line, "\n"), &root, &err), 0);
    assert_true(wc_json_bool(wc_json_get(root, "done"), false));
    return (int)wc_json_i64(wc_json_get(root, "code"), 1);
}

static void pieces_and_bodies(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    static const char text[] = "{\"v\":1,\"id\":1,\"verb\":\"a\"}\n"
                               "{\"v\":1,\"id\":2,\"verb\":\"b\",\"body\":5}\n12\n45\n"
                               "{\"v\":1,\"id\":3,\"verb\":\"c\"}\n";
    for (size_t i = 0; i < sizeof text - 1; i++) /* byte by byte */
        say(&server, fd, text + i, 1);
    assert_int_equal(server.n_messages, 3);
    assert_int_equal(server.last_id, 3);
    say(&server, fd, text, sizeof text - 1); /* and at once */
    assert_int_equal(server.n_messages, 6);
    WC_CLEANUP_BUF struct wc_buf got = WC_BUF_INIT;
    bool ended;
    hear(&server, fd, &got, &ended);
    assert_false(ended);
    assert_int_equal(code_of(got.data), 0);
    close(fd);
    settle(&server);
    assert_int_equal(server.n_left, 1);
    server_deinit(&server);
}

static void garbage_is_answered_and_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        { "hello\n", WC_ERR_SPEC },
        { "[]\n", WC_ERR_SPEC },
        { "{\"v\":1,\"verb\":\"ps\"}\n", WC_ERR_SPEC },
        { "{\"v\":1,\"id\":-1,\"verb\":\"ps\"}\n", WC_ERR_SPEC },
        { "{\"v\":1,\"id\":1,\"verb\":\"apply\",\"body\":67108865}\n", WC_ERR_LIMIT },
        { "{\"v\":1,\"id\":1,\"verb\":\"apply\",\"body\":-5}\n", WC_ERR_LIMIT },
        { "{\"v\":1,\"id\":1,\"verb\":\"apply\",\"body\":2}\nabc\n", WC_ERR_SPEC },
        { "\n", WC_ERR_SPEC },
    };
    struct server server;
    server_init(&server, "");
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        WC_CLEANUP_BUF struct wc_buf got = WC_BUF_INIT;
        bool ended;
        int fd = peer_of(&server);
        say(&server, fd, rows[i].text, strlen(rows[i].text));
        hear(&server, fd, &got, &ended);
        assert_true(ended);
        assert_int_equal(code_of(got.data), rows[i].code);
        close(fd);
    }
    assert_int_equal(server.n_messages, 0);
    assert_int_equal(server.n_left, WC_COUNT(rows));
    server_deinit(&server);
}

static void other_version_is_refused(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    static const char text[] = "{\"v\":2,\"id\":9,\"verb\":\"ps\"}\n";
    say(&server, fd, text, sizeof text - 1);
    WC_CLEANUP_BUF struct wc_buf got = WC_BUF_INIT;
    bool ended;
    hear(&server, fd, &got, &ended);
    assert_false(ended);
    assert_int_equal(code_of(got.data), WC_ERR_USAGE);
    assert_int_equal(server.n_messages, 0);
    close(fd);
    server_deinit(&server);
}

static void long_line_is_cut(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT, got = WC_BUF_INIT;
    while (text.len <= WC_CONTROL_LINE_MAX + 100)
        wc_buf_adds(&text, "{\"v\":1,\"id\":1,\"verb\":\"");
    say(&server, fd, text.data, text.len);
    bool ended;
    hear(&server, fd, &got, &ended);
    assert_true(ended);
    assert_int_equal(code_of(got.data), WC_ERR_LIMIT);
    close(fd);
    server_deinit(&server);
}

static void big_body_arrives_whole(void **state)
{
    (void)state;
    enum { SIZE = 8 * 1024 * 1024 };
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_printf(&text, "{\"v\":1,\"id\":4,\"verb\":\"apply\",\"body\":%d}\n", SIZE);
    wc_buf_reserve(&text, SIZE + 1);
    memset(text.data + text.len, 'x', SIZE);
    text.len += SIZE;
    wc_buf_addc(&text, '\n');
    say(&server, fd, text.data, text.len);
    assert_int_equal(server.n_messages, 1);
    assert_int_equal(server.last_body, SIZE);
    close(fd);
    server_deinit(&server);
}

static void disconnect_in_mid_request(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    static const char text[] = "{\"v\":1,\"id\":2,\"verb\":\"b\",\"body\":500}\nabc";
    for (size_t len = 1; len < sizeof text; len += 7) {
        int fd = peer_of(&server);
        say(&server, fd, text, len);
        close(fd);
        settle(&server);
    }
    assert_int_equal(server.n_messages, 0);
    assert_int_equal(server.control.n_conns, 0);
    server_deinit(&server);
}

static void slow_reader_loses_events_not_answers(void **state)
{
    (void)state;
    enum { EVENTS = 20000, SIZE = 1000 };
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    static const char subscribe[] = "{\"v\":1,\"id\":5,\"verb\":\"events\"}\n";
    say(&server, fd, subscribe, sizeof subscribe - 1);
    char event[SIZE];
    memset(event, 'e', sizeof event);
    for (int i = 0; i < EVENTS; i++) {
        wc_conn_send(server.conn, WC_CONN_EVENT, event, sizeof event);
        if (i % 100 == 0)
            uv_run(&server.loop, UV_RUN_NOWAIT);
    }
    wc_conn_fail(server.conn, 77, 0, NULL);
    assert_true(server.conn->out.len < 2UL * WC_CONTROL_QUEUE_MAX);
    assert_true(server.conn->dropped > 0);
    WC_CLEANUP_BUF struct wc_buf got = WC_BUF_INIT;
    bool ended;
    hear(&server, fd, &got, &ended);
    assert_false(ended);
    unsigned long long dropped = 0;
    size_t n_events = 0, n_answers = 0;
    for (const char *line = got.data; *line != '\0'; line += strcspn(line, "\n") + 1) {
        n_events += line[0] == 'e';
        n_answers += wc_str_starts(line, "{\"id\":77,\"done\":true");
        unsigned long long some;
        if (sscanf(line, "{\"id\":5,\"dropped\":%llu}", &some) == 1)
            dropped += some;
    }
    assert_int_equal(n_answers, 1);
    assert_int_equal(n_events + dropped, EVENTS);
    close(fd);
    server_deinit(&server);
}

static void client_that_never_reads_is_cut(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    int fd = peer_of(&server);
    static const char hello[] = "{\"v\":1,\"id\":5,\"verb\":\"x\"}\n";
    say(&server, fd, hello, sizeof hello - 1);
    const size_t answer_len = (size_t)1024 * 1024;
    WC_CLEANUP_BUF struct wc_buf answer = WC_BUF_INIT;
    wc_buf_reserve(&answer, answer_len);
    memset(answer.data, 'a', answer_len);
    for (int i = 0; i < 64 && server.conn != NULL; i++)
        wc_conn_send(server.conn, WC_CONN_ANSWER, answer.data, answer_len);
    assert_null(server.conn);
    settle(&server);
    assert_int_equal(server.control.n_conns, 0);
    close(fd);
    server_deinit(&server);
}

static void long_path_and_modes(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "/a-directory-with-a-name-so-long-that-the-socket-inside-it-does-not-fit/"
                         "into-sun-path-which-has-only-108-bytes-for-it/more");
    int fd = peer_of(&server);
    char path[400];
    struct stat st;
    snprintf(path, sizeof path, "%s/" WC_CONTROL_SOCKET, server.dir);
    assert_true(strlen(path) > 108);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    close(fd);
    server_deinit(&server);
}

static void dead_socket_is_replaced(void **state)
{
    (void)state;
    struct server server;
    server_init(&server, "");
    int dir = open(server.dir, O_PATH | O_DIRECTORY);
    int dead = wc_control_bind(dir, "dead.sock");
    assert_true(dead >= 0);
    close(dead);
    assert_int_equal(wc_control_connect(server.dir, "dead.sock"), -1);
    assert_int_equal(errno, ECONNREFUSED);
    int live = wc_control_bind(dir, "dead.sock");
    assert_true(live >= 0);
    assert_int_equal(listen(live, 1), 0);
    int fd = wc_control_connect(server.dir, "dead.sock");
    assert_true(fd >= 0);
    close(fd);
    close(live);
    close(dir);
    server_deinit(&server);
}

WC_MAIN(WC_CASE(pieces_and_bodies), WC_CASE(garbage_is_answered_and_cut),
        WC_CASE(other_version_is_refused), WC_CASE(long_line_is_cut),
        WC_CASE(big_body_arrives_whole), WC_CASE(disconnect_in_mid_request),
        WC_CASE(slow_reader_loses_events_not_answers), WC_CASE(client_that_never_reads_is_cut),
        WC_CASE(long_path_and_modes), WC_CASE(dead_socket_is_replaced))
