/* netwatch.c - news of the host's networks: to the engine, which looks at them, and to the links of
 * what runs here.
 *
 * News come in crowds, most of them by our own doing, so a crowd is waited out before anything is
 * looked at: a moment after the first of them, and not while we are at work ourselves.
 */
#include "drivers/process/process.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum { CROWD_MS = 100 };

static void on_timer(uv_timer_t *timer)
{
    struct wc_process *driver = timer->data;
    if (driver->closing)
        return;
    if (driver->n_jobs > 0) {
        uv_timer_start(timer, on_timer, CROWD_MS, 0);
        return;
    }
    driver->net.suspect = false;
    for (struct wc_inst *inst = driver->insts; inst != NULL; inst = inst->next)
        wc_drift_suspect(inst);
    if (driver->sink.net_news != NULL)
        driver->sink.net_news(driver->sink.data);
}

static void suspect(struct wc_process *driver)
{
    if (driver->net.suspect || driver->closing)
        return;
    driver->net.suspect = true;
    uv_timer_start(&driver->net.timer, on_timer, CROWD_MS, 0);
}

static void on_news(uv_poll_t *poll, int status, int events)
{
    struct wc_process *driver = poll->data;
    size_t which = (size_t)(poll - driver->net.polls);
    (void)status;
    (void)events;
    if (which == WC_NET_NEWS) { /* the name server has ended */
        uv_poll_stop(poll);
        suspect(driver);
    } else if (wc_net_news_read(driver->net.fds[which], which)) {
        suspect(driver);
    }
}

static void start_poll(struct wc_process *driver, size_t which)
{
    uv_poll_t *poll = &driver->net.polls[which];
    if (driver->net.fds[which] < 0 || uv_poll_init(driver->loop, poll, driver->net.fds[which]) != 0)
        return;
    poll->data = driver;
    uv_poll_start(poll, UV_READABLE, on_news);
    uv_unref((uv_handle_t *)poll);
    driver->net.is_open[which] = true;
    driver->n_polls++;
}

void wc_netwatch_open(struct wc_process *driver)
{
    if (driver->net.begun)
        return;
    driver->net.begun = true;
    wc_net_news_open(driver->net.fds);
    uv_timer_init(driver->loop, &driver->net.timer);
    driver->net.timer.data = driver;
    uv_unref((uv_handle_t *)&driver->net.timer);
    driver->n_polls++;
    for (size_t i = 0; i < WC_NET_NEWS; i++)
        start_poll(driver, i);
    if (!driver->net.is_open[0] || !driver->net.is_open[1])
        wc_log(WC_LOG_WARN, "process", "changes of networks are seen by looking only: netlink");
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct wc_process *driver = handle->data;
    size_t which = (size_t)((uv_poll_t *)handle - driver->net.polls);
    close(driver->net.fds[which]);
    driver->net.fds[which] = -1;
    driver->net.is_open[which] = false;
    driver->n_polls--;
    if (which == WC_NET_NEWS && driver->net.server >= 0) { /* in its place */
        driver->net.fds[which] = driver->net.server;
        driver->net.server = -1;
        if (!driver->closing)
            start_poll(driver, which);
        else
            close(driver->net.fds[which]);
    }
    wc_process_settle(driver);
}

void wc_netwatch_server(struct wc_process *driver, int pidfd)
{
    uv_poll_t *poll = &driver->net.polls[WC_NET_NEWS];
    if (!driver->net.begun || driver->closing || driver->net.server >= 0) {
        if (pidfd >= 0)
            close(pidfd);
        return;
    }
    if (driver->net.is_open[WC_NET_NEWS]) {
        driver->net.server = pidfd;
        if (!uv_is_closing((uv_handle_t *)poll))
            uv_close((uv_handle_t *)poll, on_poll_closed);
        return;
    }
    driver->net.fds[WC_NET_NEWS] = pidfd;
    start_poll(driver, WC_NET_NEWS);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct wc_process *driver = handle->data;
    driver->n_polls--;
    wc_process_settle(driver);
}

void wc_netwatch_close(struct wc_process *driver)
{
    if (!driver->net.begun || uv_is_closing((uv_handle_t *)&driver->net.timer))
        return;
    uv_close((uv_handle_t *)&driver->net.timer, on_timer_closed);
    for (size_t i = 0; i <= WC_NET_NEWS; i++)
        if (driver->net.is_open[i] && !uv_is_closing((uv_handle_t *)&driver->net.polls[i]))
            uv_close((uv_handle_t *)&driver->net.polls[i], on_poll_closed);
}
