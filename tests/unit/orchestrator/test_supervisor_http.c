/* test_supervisor_http.c - the scraper's port: which addresses, which requests, which limits. */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "harness/wc_test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/supervisor_http.h"

static void addresses(void **state)
{
    (void)state;
    static const char *const good[] = { "127.0.0.1:9464", "127.9.8.7:1", "[::1]:65535",
                                        "127.0.0.1:0" };
    static const char *const reachable[] = { "0.0.0.0:9464", "192.0.2.1:80",
                                             "[::]:9464",    "[2001:db8::1]:9464",
                                             "128.0.0.1:1",  "[::ffff:127.0.0.1]:1" };
    static const char *const bad[] = { "",
                                       "9464",
                                       ":9464",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "[::1]",
                                       "127.0.0.1:65536",
                                       "127.0.0.1:-1",
                                       "localhost:9464",
                                       "::1:9464",
                                       "127.0.0.1:9464x",
                                       "[]:1",
                                       "]:1",
                                       "[:1" };
    struct sockaddr_storage at;
    struct wc_err err = { 0 };
    for (size_t i = 0; i < WC_COUNT(good); i++)
        if (wc_http_address(good[i], &at, &err) != 0)
            fail_msg("%s: %s", good[i], err.msg);
    for (size_t i = 0; i < WC_COUNT(reachable); i++) {
        assert_int_equal(wc_http_address(reachable[i], &at, &err), WC_ERR_USAGE);
        assert_non_null(strstr(err.msg, "can be reached from elsewhere"));
    }
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        assert_int_equal(wc_http_address(bad[i], &at, &err), WC_ERR_USAGE);
        if (strstr(err.msg, "is no address and port") == NULL)
            fail_msg("'%s': %s", bad[i], err.msg);
    }
}

static void requests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        { "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n", 200 },
        { "GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 200 },
        { "GET /metrics HTTP/1.0\r\n\r\n", 200 },
        { "GET /metrics HTTP/1.1\r\nhOST:[::1]:9\r\nAccept: */*\r\n\r\nmore", 200 },
        { "HEAD /metrics HTTP/1.1\r\nHost: LOCALHOST:80 \r\n\r\n", 200 },
        { "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
        { "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403 },
        { "GET /metrics HTTP/1.1\r\nHost: localhost.evil\r\n\r\n", 403 },
        { "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 403 },
        { "GET / HTTP/1.1\r\n\r\n", 404 },
        { "GET /metricsx HTTP/1.1\r\n\r\n", 404 },
        { "GET /metric HTTP/1.1\r\n\r\n", 404 },
        { "POST /metrics HTTP/1.1\r\n\r\n", 405 },
        { "G /metrics HTTP/1.1\r\n\r\n", 405 },
        { "GET /metrics HTTP/2.0\r\n\r\n", 400 },
        { "GET /metrics\r\n\r\n", 400 },
        { "GET\r\nx y HTTP/1.1\r\n\r\n", 400 },
        { "\r\n\r\n", 400 },
        { "GET /metrics HTTP/1.1\r\nHost: localhost\r\n", 0 },
        { "GET /metr", 0 },
        { "", 0 },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        bool is_head;
        int status = wc_http_judge(rows[i].text, strlen(rows[i].text), &is_head);
        if (status != rows[i].status)
            fail_msg("%d for:\n%s", status, rows[i].text);
        assert_int_equal(is_head && status == 200, rows[i].text[0] == 'H');
    }
    bool is_head;
    char much[WC_HTTP_HEAD_MAX];
    memset(much, 'a', sizeof much);
    assert_int_equal(wc_http_judge(much, sizeof much - 1, &is_head), 0);
    assert_int_equal(wc_http_judge(much, sizeof much, &is_head), 431);
    assert_int_equal(wc_http_judge("GET \0 HTTP/1.1\r\n\r\n", 18, &is_head), 400);
}

/* ---- over a socket ---- */

struct server {
    uv_loop_t loop;
    uv_async_t stop;
    struct wc_http http;
    pthread_t thread;
    unsigned port, n_closed;
};

static void fill(void *data, struct wc_buf *out)
{
    (void)data;
    wc_buf_adds(out, "numbers\n");
}

static void on_closed(void *data)
{
    ((struct server *)data)->n_closed++;
}

static void on_stop(uv_async_t *stop)
{
    struct server *server = stop->data;
    wc_http_close(&server->http);
    uv_close((uv_handle_t *)stop, NULL);
}

static void *serve(void *data)
{
    struct server *server = data;
    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void open_server(struct server *server)
{
    struct wc_err err = { 0 };
    *server = (struct server){ 0 };
    uv_loop_init(&server->loop);
    uv_async_init(&server->loop, &server->stop, on_stop);
    server->stop.data = server;
    server->http.loop = &server->loop;
    server->http.fill = fill;
    server->http.closed = on_closed;
    server->http.data = server;
    if (wc_http_listen(&server->http, "127.0.0.1:0", &err) != 0)
        fail_msg("%s", err.msg);
    server->port = wc_http_port(&server->http);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void close_server(struct server *server)
{
    uv_async_send(&server->stop);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    assert_int_equal(server->n_closed, 1);
    assert_int_equal(uv_loop_close(&server->loop), 0);
}

static int connect_to(const struct server *server)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)server->port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Everything up to the end of the stream. */
static void read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
        len += (size_t)n;
    out[len] = '\0';
    close(fd);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void answers(void **state)
{
    (void)state;
    struct server server;
    char got[1024];
    open_server(&server);
    int fd = connect_to(&server);
    say(fd, "GET /met");
    usleep(20000); /* in two pieces */
    say(fd, "rics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_all(fd, got, sizeof got);
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(got, "\r\nContent-Length: 8\r\n"));
    assert_non_null(strstr(got, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(got, "\r\n\r\nnumbers\n"));
    fd = connect_to(&server);
    say(fd, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_all(fd, got, sizeof got);
    assert_non_null(strstr(got, "\r\nContent-Length: 8\r\n"));
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    fd = connect_to(&server);
    say(fd, "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_all(fd, got, sizeof got);
    assert_memory_equal(got, "HTTP/1.1 405 ", 13);
    assert_non_null(strstr(got, "\r\nAllow: GET, HEAD\r\n"));
    close_server(&server);
}

/* One that says nothing is hung up on; more than there is room for are turned away; a server that
 * closes takes those that are connected with it. */
static void limits(void **state)
{
    (void)state;
    struct server server;
    char got[256];
    int fds[WC_HTTP_CONNS_MAX + 1];
    open_server(&server);
    for (size_t i = 0; i < WC_HTTP_CONNS_MAX; i++) {
        fds[i] = connect_to(&server);
        say(fds[i], "GET ");
    }
    usleep(50000);
    fds[WC_HTTP_CONNS_MAX] = connect_to(&server);
    read_all(fds[WC_HTTP_CONNS_MAX], got, sizeof got);
    assert_string_equal(got, "");
    read_all(fds[0], got, sizeof got); /* after WC_HTTP_LIMIT_MS */
    assert_string_equal(got, "");
    for (size_t i = 1; i < WC_HTTP_CONNS_MAX; i++)
        close(fds[i]);
    int fd;
    for (int i = 0; got[0] == '\0' && i < 500; i++) { /* as soon as it has seen them go */
        usleep(10000);
        fd = connect_to(&server);
        say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
        read_all(fd, got, sizeof got);
    }
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    fd = connect_to(&server);
    say(fd, "GET ");
    usleep(20000);
    close_server(&server);
    read_all(fd, got, sizeof got);
    assert_string_equal(got, "");
}

WC_MAIN(WC_CASE(addresses), WC_CASE(requests), WC_CASE(answers), WC_CASE(limits))
