/* guest_loop.c - one poll over everything, rebuilt each time: a descriptor that nobody could take
 * anything from now (no credit, no room) is not asked for, since a hang-up on it would be heard
 * again and again.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWERS = 64 << 10, /* of the queue to the host, kept for what is no output */
    OUTPUT = 32 << 10,  /* see guest_stream.c */
    NOTICES = 16,       /* datagrams a turn */
    NOTICE_MAX = 4096,
    POLLED = 4 + 4 * WC_VM_STREAMS,
};

enum what { CHANNEL, SIGNALS, NOTIFY, REPORT, OUT, ERR, IN };

static struct {
    struct pollfd fds[POLLED];
    struct {
        uint16_t stream;
        enum what what;
    } who[POLLED];
    nfds_t n;
} polled;

uint64_t wc_guest_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void ask(int fd, int events, enum what what, uint16_t stream)
{
    if (fd < 0 || events == 0)
        return;
    polled.fds[polled.n] = (struct pollfd){ .fd = fd, .events = (short)events };
    polled.who[polled.n].what = what;
    polled.who[polled.n++].stream = stream;
}

static void ask_stream(const struct wc_guest *guest, uint16_t number)
{
    const struct wc_guest_stream *s = &guest->streams[number];
    bool room = wc_vm_fits(&guest->writer, ANSWERS + OUTPUT);
    if (s->kind == WC_GUEST_FREE)
        return;
    if (s->connecting) {
        ask(s->in, POLLOUT, IN, number);
        return;
    }
    int listen = s->closed || (s->may_send > 0 && room) ? POLLIN : 0;
    ask(s->out, listen, OUT, number);
    ask(s->err, listen, ERR, number);
    ask(s->in, s->typed > 0 ? POLLOUT : 0, IN, number);
}

static void ask_all(struct wc_guest *guest, bool can_take)
{
    polled.n = 0;
    ask(guest->place.channel, (can_take ? POLLIN : 0) | (guest->writer.len > 0 ? POLLOUT : 0),
        CHANNEL, 0);
    ask(guest->signals, POLLIN, SIGNALS, 0);
    ask(guest->report, POLLIN, REPORT, 0);
    ask(guest->notify, wc_vm_fits(&guest->writer, ANSWERS + NOTICES * NOTICE_MAX) ? POLLIN : 0,
        NOTIFY, 0);
    for (uint16_t i = 0; i < WC_VM_STREAMS; i++)
        ask_stream(guest, i);
}

/* The host is gone, or closes: there is nobody to run for. */
static void read_channel(struct wc_guest *guest)
{
    size_t room;
    uint8_t *place = wc_vm_room(&guest->reader, &room);
    ssize_t k = room == 0 ? -1 : read(guest->place.channel, place, room);
    if (k > 0)
        wc_vm_came(&guest->reader, (size_t)k);
    else if (k == 0 || (errno != EAGAIN && errno != EINTR))
        wc_guest_off(guest);
}

static void write_channel(struct wc_guest *guest)
{
    struct wc_vm_writer *writer = &guest->writer;
    while (writer->len > 0) {
        ssize_t k = write(guest->place.channel, writer->buf + writer->at, writer->len);
        if (k > 0)
            wc_vm_gone(writer, (size_t)k);
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            wc_guest_off(guest);
    }
}

/* True when all whole frames are taken: no more is read while answers have no place. */
static bool take_frames(struct wc_guest *guest)
{
    struct wc_vm_frame frame;
    int more = 0;
    while (wc_vm_fits(&guest->writer, ANSWERS / 2) &&
           (more = wc_vm_next(&guest->reader, &frame)) > 0)
        if (wc_guest_frame(guest, &frame) != 0)
            wc_guest_die(guest, wc_fault_text());
    if (more < 0)
        wc_guest_die(guest, wc_fault_text());
    return wc_vm_fits(&guest->writer, ANSWERS / 2);
}

static void reap(struct wc_guest *guest)
{
    struct signalfd_siginfo info[8];
    pid_t pid;
    int status;
    while (read(guest->signals, info, sizeof info) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        wc_guest_reaped(guest, pid, status);
}

static void read_notices(struct wc_guest *guest)
{
    for (int i = 0; i < NOTICES; i++) {
        uint8_t *place = wc_vm_reserve(&guest->writer, NOTICE_MAX);
        ssize_t k = place == NULL ? -1 : recv(guest->notify, place, NOTICE_MAX, MSG_DONTWAIT);
        if (k < 0)
            return;
        wc_vm_commit(&guest->writer, WC_VM_NOTIFY, 0, (size_t)k);
    }
}

static void serve(struct wc_guest *guest, enum what what, uint16_t stream, short events)
{
    switch (what) {
    case CHANNEL:
        if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
            read_channel(guest);
        break; /* written at the end of each turn */
    case SIGNALS:
        reap(guest);
        break;
    case NOTIFY:
        read_notices(guest);
        break;
    case REPORT:
        wc_guest_report(guest);
        break;
    case OUT:
        wc_guest_pump(guest, stream, 1);
        break;
    case ERR:
        wc_guest_pump(guest, stream, 2);
        break;
    case IN:
        if (guest->streams[stream].connecting)
            wc_guest_connected(guest, stream);
        else
            wc_guest_feed(guest, stream);
        break;
    }
}

/* Power off was asked for: when all has been said, or the time is up. */
static int may_wait_ms(struct wc_guest *guest)
{
    if (guest->off_at == 0)
        return -1;
    uint64_t now = wc_guest_now_ms();
    if (now >= guest->off_at || (wc_guest_busy(guest) == 0 && guest->writer.len == 0))
        wc_guest_off(guest);
    return (int)(guest->off_at - now);
}

void wc_guest_loop(struct wc_guest *guest)
{
    for (;;) {
        bool can_take = take_frames(guest);
        for (uint16_t i = 0; i < WC_VM_STREAMS; i++)
            wc_guest_settle(guest, i);
        write_channel(guest);
        ask_all(guest, can_take || wc_vm_fits(&guest->writer, ANSWERS / 2));
        if (poll(polled.fds, polled.n, may_wait_ms(guest)) < 0 && errno != EINTR)
            wc_guest_die(guest, "poll does not work");
        for (nfds_t i = 0; i < polled.n; i++)
            if (polled.fds[i].revents != 0)
                serve(guest, polled.who[i].what, polled.who[i].stream, polled.fds[i].revents);
    }
}
