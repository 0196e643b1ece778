/* supervisor_notify.c - sd_notify without its library: a datagram is all there is to it. */
#include "orchestrator/supervisor_notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

enum { SEND_MS = 500 };

/* A path, or "@name" in the abstract namespace; other kinds (vsock:) are for machines. */
static bool read_address(const char *text, struct wc_notify *notify)
{
    size_t len = strlen(text);
    notify->to = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof notify->to.sun_path)
        return false;
    memcpy(notify->to.sun_path, text, len);
    if (text[0] == '@')
        notify->to.sun_path[0] = '\0';
    notify->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
    return true;
}

static void open_socket(struct wc_notify *notify, const char *address)
{
    const struct timeval limit = { .tv_usec = SEND_MS * 1000 };
    if (!read_address(address, notify)) {
        wc_log(WC_LOG_WARN, "supervisor", "NOTIFY_SOCKET=%s is of no kind that we know", address);
        return;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0 ||
        setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "nobody hears of us: %s", strerror(errno));
}

/* Half of the time after which we would count as dead; 0: nobody waits for it, or not for us. */
static uint64_t read_beat(void)
{
    int64_t usec, pid = getpid();
    const char *text = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
    if (text == NULL || !wc_str_to_i64(text, 1, INT64_MAX, &usec))
        return 0;
    if (whose != NULL && (!wc_str_to_i64(whose, 1, INT32_MAX, &pid) || pid != getpid()))
        return 0;
    return usec >= 2000 ? (uint64_t)usec / 2000 : 1;
}

static void on_beat(uv_timer_t *timer)
{
    wc_notify_send(timer->data, "WATCHDOG=1");
}

void wc_notify_open(struct wc_notify *notify, uv_loop_t *loop)
{
    const char *address = getenv("NOTIFY_SOCKET");
    *notify = (struct wc_notify){ .fd = -1 };
    uv_timer_init(loop, &notify->timer);
    notify->timer.data = notify;
    if (address != NULL && address[0] != '\0')
        open_socket(notify, address);
    notify->beat_ms = notify->fd >= 0 ? read_beat() : 0;
    if (notify->beat_ms > 0)
        uv_timer_start(&notify->timer, on_beat, 0, notify->beat_ms);
    uv_unref((uv_handle_t *)&notify->timer);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void wc_notify_send(const struct wc_notify *notify, const char *lines)
{
    if (notify->fd >= 0 && sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL,
                                  (const struct sockaddr *)&notify->to, notify->to_len) < 0)
        wc_log(WC_LOG_WARN, "supervisor", "the service manager doesn't hear us: %s",
               strerror(errno));
}

void wc_notify_close(struct wc_notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
    uv_close((uv_handle_t *)&notify->timer, NULL);
}
