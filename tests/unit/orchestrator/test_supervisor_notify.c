/* test_supervisor_notify.c - what a service manager hears: by a path, by an abstract name, the
 * watchdog's beat; and what is kept from those that we start. */
// LINK: wc_orchestrator wc_drivers wc_images wc_spec wc_core
#include "harness/wc_test.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "orchestrator/supervisor_notify.h"

/* A manager's socket; "@…" in the abstract namespace. Returns its descriptor. */
static int listen_at(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(at.sun_path, name, strlen(name));
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len + (name[0] == '/')), 0);
    return fd;
}

/* The next message, "" when none is there within limit_ms. */
static const char *hear(int fd, int limit_ms)
{
    static char text[256];
    struct pollfd news = { .fd = fd, .events = POLLIN };
    ssize_t n = poll(&news, 1, limit_ms) == 1 ? recv(fd, text, sizeof text - 1, 0) : 0;
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void run_for(uv_loop_t *loop, uint64_t ms)
{
    uv_timer_t end;
    uv_timer_init(loop, &end);
    uv_timer_start(&end, on_end, ms, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&end, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

static void close_all(struct wc_notify *notify, uv_loop_t *loop)
{
    wc_notify_close(notify);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void is_heard_at(const char *name)
{
    uv_loop_t loop;
    struct wc_notify notify;
    uv_loop_init(&loop);
    int fd = listen_at(name);
    setenv("NOTIFY_SOCKET", name, 1);
    wc_notify_open(&notify, &loop);
    assert_null(getenv("NOTIFY_SOCKET"));
    wc_notify_send(&notify, "READY=1\nSTATUS=fine");
    assert_string_equal(hear(fd, 1000), "READY=1\nSTATUS=fine");
    run_for(&loop, 20);
    assert_string_equal(hear(fd, 0), ""); /* no watchdog was asked for */
    close_all(&notify, &loop);
    close(fd);
}

static void by_path_and_name(void **state)
{
    (void)state;
    char dir[] = "/tmp/wc-notify-XXXXXX", path[64], name[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(name, sizeof name, "@wcompose/test/%d", getpid());
    is_heard_at(path);
    is_heard_at(name);
    unlink(path);
    rmdir(dir);
}

static void the_watchdog_is_fed(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct wc_notify notify;
    char name[64], pid[16];
    snprintf(name, sizeof name, "@wcompose/beat/%d", getpid());
    snprintf(pid, sizeof pid, "%d", getpid());
    int fd = listen_at(name);
    uv_loop_init(&loop);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "40000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    wc_notify_open(&notify, &loop);
    assert_int_equal(notify.beat_ms, 20);
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    assert_string_equal(hear(fd, 100), ""); /* the loop doesn't turn: nothing says that it does */
    uint64_t n = 0, begin = uv_hrtime();
    for (int turns = 0; n < 3 && turns < 500; turns++) /* for however long we are kept from it */
        for (run_for(&loop, 40); wc_streq(hear(fd, 0), "WATCHDOG=1");)
            n++;
    assert_true(n >= 3 && n <= (uv_hrtime() - begin) / 20000000 + 2);
    close_all(&notify, &loop);
    close(fd);
}

static void not_for_us(void **state)
{
    (void)state;
    static const char *const unfit[] = { "vsock:2:1234", "relative", "/", "@", "" };
    uv_loop_t loop;
    struct wc_notify notify;
    char name[64];
    for (size_t i = 0; i < WC_COUNT(unfit); i++) {
        uv_loop_init(&loop);
        setenv("NOTIFY_SOCKET", unfit[i], 1);
        setenv("WATCHDOG_USEC", "40000", 1);
        wc_notify_open(&notify, &loop);
        assert_int_equal(notify.fd, -1);
        assert_int_equal(notify.beat_ms, 0);
        wc_notify_send(&notify, "READY=1"); /* to nobody */
        close_all(&notify, &loop);
    }
    char longer[200];
    memset(longer, 'a', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    uv_loop_init(&loop);
    setenv("NOTIFY_SOCKET", longer, 1);
    wc_notify_open(&notify, &loop);
    assert_int_equal(notify.fd, -1);
    close_all(&notify, &loop);
    snprintf(name, sizeof name, "@wcompose/other/%d", getpid());
    int fd = listen_at(name);
    uv_loop_init(&loop);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "40000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* somebody else's watchdog */
    wc_notify_open(&notify, &loop);
    assert_int_equal(notify.beat_ms, 0);
    close_all(&notify, &loop);
    close(fd);
}

WC_MAIN(WC_CASE(by_path_and_name), WC_CASE(the_watchdog_is_fed), WC_CASE(not_for_us))
