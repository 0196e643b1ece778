/* keep_notify.c - readiness that the instance tells by itself: sd_notify's datagrams.
 *
 * The socket lives here and not with the supervisor, because what is said while there is no
 * supervisor must not be lost: READY=1 is said once. It is the only one in a directory that is
 * mounted into this instance and nowhere else, so who can send belongs to it. A flood costs its
 * sender more than us: after so many datagrams the socket isn't looked at until the window is over,
 * and clients hear at most one word a window.
 *
 * Source:  sd_notify(3): lines of NAME=value in one datagram; READY=1, STATUS=…, WATCHDOG=1 and
 * WATCHDOG=trigger are understood, the rest is passed over.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

enum { WINDOW_MS = 100, BATCH = 32, DATAGRAM = 2048 };

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void set_status(struct wc_keep_notify *notify, const char *text);

/* What it said to a keeper that was killed, said once and for all: "notify WORD STATUS". */
static void resume(struct wc_keep *keep)
{
    struct wc_keep_notify *notify = &keep->notify;
    ssize_t len = wc_file_read(AT_FDCWD, WC_KEEPER_NOTICE, keep->notice, sizeof keep->notice);
    const char *word = keep->notice + strlen("notify ");
    bool is_ours = len >= (ssize_t)strlen("notify waits ") &&
                   strncmp(keep->notice, "notify ", 7) == 0 && strchr(word, ' ') != NULL;
    if (!is_ours) {
        keep->notice[0] = '\0';
        return;
    }
    notify->late = strncmp(word, "late ", 5) == 0;
    notify->ready = notify->late || strncmp(word, "ready ", 6) == 0;
    notify->pinged_ms = now_ms(); /* its time begins anew */
    set_status(notify, strchr(word, ' ') + 1);
    notify->dirty = true; /* who started us was here before we knew */
}

int wc_keep_notify_up(struct wc_keep *keep, bool adopts)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX,
                                .sun_path = WC_KEEPER_NOTIFY "/" WC_KEEPER_NOTIFY };
    struct wc_keep_notify *notify = &keep->notify;
    if (!keep->conf.notify)
        return 0;
    if ((mkdir(WC_KEEPER_NOTIFY, 0755) != 0 && errno != EEXIST) ||
        chmod(WC_KEEPER_NOTIFY, 0755) != 0)
        return wc_fault("make", WC_KEEPER_NOTIFY, errno);
    unlink(name.sun_path); /* of an earlier run, or a keeper that was killed */
    if (adopts)
        resume(keep);
    else
        unlink(WC_KEEPER_NOTICE);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0 || bind(notify->fd, (struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(name.sun_path, 0666) != 0) /* any user inside; nobody else gets to the directory */
        return wc_fault("listen on", name.sun_path, errno);
    return wc_keep_watch(keep, notify->fd, WC_KEEP_TAG_NOTIFY, false);
}

/* Printable ASCII only: it goes into packets and to people. */
static void set_status(struct wc_keep_notify *notify, const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n < sizeof notify->status - 1; n++)
        notify->status[n] = (char)(text[n] >= ' ' && text[n] < 127 ? text[n] : '?');
    notify->status[n] = '\0';
}

static void take_line(struct wc_keep_notify *notify, const char *line, uint64_t now)
{
    if (strcmp(line, "READY=1") == 0) {
        notify->ready = true;
        notify->pinged_ms = now;
    } else if (strcmp(line, "WATCHDOG=1") == 0) {
        notify->pinged_ms = now;
        notify->dirty = notify->dirty || notify->late;
        notify->late = false;
        return;
    } else if (strcmp(line, "WATCHDOG=trigger") == 0) {
        notify->late = true;
    } else if (strncmp(line, "STATUS=", 7) == 0) {
        set_status(notify, line + 7);
    } else {
        return;
    }
    notify->dirty = true;
}

static void take(struct wc_keep_notify *notify, char *text, uint64_t now)
{
    while (text != NULL) {
        char *end = strchr(text, '\n');
        if (end != NULL)
            *end++ = '\0';
        take_line(notify, text, now);
        text = end;
    }
}

static void listen_to(const struct wc_keep *keep, bool on)
{
    struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.u32 = WC_KEEP_TAG_NOTIFY };
    epoll_ctl(keep->epoll, EPOLL_CTL_MOD, keep->notify.fd, &event);
}

void wc_keep_notify_read(struct wc_keep *keep)
{
    struct wc_keep_notify *notify = &keep->notify;
    char text[DATAGRAM + 1];
    uint64_t now = now_ms();
    if (now - notify->window_ms >= WINDOW_MS) {
        notify->window_ms = now;
        notify->taken = 0;
    }
    while (notify->taken < BATCH) {
        ssize_t n = recv(notify->fd, text, DATAGRAM, MSG_DONTWAIT);
        if (n < 0)
            break;
        text[n] = '\0';
        notify->taken++;
        take(notify, text, now);
    }
    if (notify->taken >= BATCH) {
        notify->deaf = true;
        listen_to(keep, false);
    }
}

static void publish(struct wc_keep *keep, uint64_t now)
{
    struct wc_keep_notify *notify = &keep->notify;
    char packet[WC_KEEP_PACKET];
    struct wc_text text = WC_TEXT(packet);
    wc_text_put(&text, "notify ");
    wc_text_put(&text, notify->late ? "late " : notify->ready ? "ready " : "waits ");
    wc_text_put(&text, notify->status);
    notify->dirty = false;
    notify->told_ms = now;
    wc_file_replace(AT_FDCWD, WC_KEEPER_NOTICE, packet, text.len, false);
    wc_keep_notice(keep, packet);
}

int wc_keep_notify_turn(struct wc_keep *keep)
{
    struct wc_keep_notify *notify = &keep->notify;
    uint64_t wait_ms = UINT64_MAX, watchdog_ms = keep->conf.notify_watchdog_ms;
    if (!keep->conf.notify || keep->state == WC_KEEP_OVER)
        return -1;
    bool watched = watchdog_ms > 0 && notify->ready && !notify->late;
    if (!notify->deaf && !notify->dirty && !watched)
        return -1; /* an idle instance costs no wake-up and no look at the clock */
    uint64_t now = now_ms();
    if (notify->deaf && now - notify->window_ms >= WINDOW_MS) {
        notify->deaf = false;
        listen_to(keep, true);
    }
    if (watched && now - notify->pinged_ms >= watchdog_ms) {
        notify->late = notify->dirty = true;
        watched = false;
    }
    if (notify->dirty && now - notify->told_ms >= WINDOW_MS)
        publish(keep, now);
    if (watched)
        wait_ms = watchdog_ms - (now - notify->pinged_ms);
    if ((notify->deaf || notify->dirty) && wait_ms > WINDOW_MS)
        wait_ms = WINDOW_MS;
    return wait_ms < INT32_MAX ? (int)wait_ms : wait_ms == UINT64_MAX ? -1 : INT32_MAX;
}
