/* mon_stream.c - bytes of the service and of the programs beside it, with back-pressure both ways.
 *
 * What the guest may send is what was allowed and not yet written out here, so two rings of a
 * window are always enough, and a reader that has stopped stops the program, not the machine. What
 * is sent to the guest is what it said it has taken. Descriptors are non-blocking: nobody waits
 * here.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INPUT_AT_ONCE = 8192, OWED_AT_ONCE = WC_VM_WINDOW / 4 };

static void set_nonblock(int fd)
{
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct wc_mon_stream *wc_mon_stream_open(struct wc_mon *mon, unsigned n, int in, int out, int err,
                                         int client)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    memset(stream, 0, offsetof(struct wc_mon_stream, ring));
    for (size_t i = 0; i < 2; i++)
        stream->ring[i].from = stream->ring[i].len = 0;
    stream->used = true;
    stream->in = in;
    stream->out[0] = out;
    stream->out[1] = err;
    stream->client = client;
    stream->allowed = stream->sendable = WC_VM_WINDOW;
    set_nonblock(in);
    set_nonblock(out);
    set_nonblock(err);
    return stream;
}

bool wc_mon_stream_take(struct wc_mon_stream *stream, unsigned which, const char *data, size_t len)
{
    struct wc_mon_ring *ring = &stream->ring[which];
    if (len > stream->allowed || len > sizeof ring->data - ring->len)
        return false;
    stream->allowed -= (uint32_t)len;
    size_t at = (ring->from + ring->len) % sizeof ring->data;
    size_t first = len < sizeof ring->data - at ? len : sizeof ring->data - at;
    memcpy(ring->data + at, data, first);
    memcpy(ring->data, data + first, len - first);
    ring->len += len;
    return true;
}

bool wc_mon_stream_is_dry(const struct wc_mon_stream *stream)
{
    return stream->ring[0].len == 0 && stream->ring[1].len == 0;
}

/* A writer that nobody reads from any more loses its output, as a program does. */
static void write_out(struct wc_mon_stream *stream, unsigned which)
{
    struct wc_mon_ring *ring = &stream->ring[which];
    while (ring->len > 0) {
        size_t part = sizeof ring->data - ring->from;
        part = part < ring->len ? part : ring->len;
        ssize_t k = stream->out[which] < 0
                        ? (ssize_t)part
                        : write(stream->out[which], ring->data + ring->from, part);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && errno == EAGAIN)
            return;
        if (k < 0) {
            if (stream->in == stream->out[which])
                stream->in = -1; /* a connection's is one for both */
            close(stream->out[which]);
            stream->out[which] = -1;
            continue;
        }
        ring->from = (ring->from + (size_t)k) % sizeof ring->data;
        ring->len -= (size_t)k;
        stream->owed += (uint32_t)k;
    }
}

static void allow_more(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    if (stream->ended || stream->owed == 0 || (stream->owed < OWED_AT_ONCE && stream->allowed > 0))
        return;
    if (!wc_mon_send(mon, WC_VM_MORE, n, &stream->owed, sizeof stream->owed))
        return;
    stream->allowed += stream->owed;
    stream->owed = 0;
}

static bool wants_input(const struct wc_mon *mon, const struct wc_mon_stream *stream)
{
    return stream->runs && !stream->ended && stream->in >= 0 && !stream->in_over &&
           stream->sendable > 0 && wc_mon_room(mon) > INPUT_AT_ONCE + WC_MON_SPARE;
}

static void carry_input(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    char data[INPUT_AT_ONCE];
    size_t most = stream->sendable < sizeof data ? stream->sendable : sizeof data;
    ssize_t k = read(stream->in, data, most);
    if (k < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (k <= 0)
        stream->in_over = true;
    if (k <= 0 && stream->in == stream->out[0]) { /* a connection that nobody has any more */
        stream->in_told = wc_mon_send(mon, WC_VM_CLOSE, n, NULL, 0);
        return;
    }
    if (k <= 0)
        return;
    if (wc_mon_send(mon, WC_VM_INPUT, n, data, (size_t)k))
        stream->sendable -= (uint32_t)k;
}

size_t wc_mon_streams_poll(struct wc_mon *mon, struct pollfd *fds)
{
    size_t at = 0;
    for (unsigned n = 0; n < WC_VM_STREAMS; n++) {
        struct wc_mon_stream *stream = &mon->streams[n];
        if (!stream->used)
            continue;
        for (unsigned i = 0; i < 2; i++)
            if (stream->ring[i].len > 0 && stream->out[i] >= 0)
                fds[at++] = (struct pollfd){ .fd = stream->out[i], .events = POLLOUT };
        if (wants_input(mon, stream))
            fds[at++] = (struct pollfd){ .fd = stream->in, .events = POLLIN };
        if (stream->client >= 0 && wc_mon_client_may_ask(mon))
            fds[at++] = (struct pollfd){ .fd = stream->client, .events = POLLIN };
    }
    return at;
}

static void let_go(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    int *const fds[] = { &stream->in, &stream->out[0], &stream->out[1] };
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = i + 1; j < 3; j++) /* a connection's is one for all */
            if (*fds[j] == *fds[i])
                *fds[j] = -1;
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    wc_mon_client_tell(mon, n, WC_VM_ENDED);
    for (size_t i = 0; i < 2; i++) /* whole pages of it */
        madvise((void *)(((uintptr_t)stream->ring[i].data + 4095) & ~(uintptr_t)4095),
                WC_VM_WINDOW - 4096, MADV_DONTNEED);
    stream->used = stream->begun = false;
}

static void turn(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    for (unsigned i = 0; i < 2; i++)
        write_out(stream, i);
    allow_more(mon, n);
    if (wants_input(mon, stream))
        carry_input(mon, n);
    if (stream->runs && stream->in_over && !stream->in_told && !stream->ended)
        stream->in_told = wc_mon_send(mon, WC_VM_INPUT_END, n, NULL, 0);
    if (stream->client >= 0)
        wc_mon_client_read(mon, n);
    if (n > 0 && stream->ended && wc_mon_stream_is_dry(stream))
        let_go(mon, n);
}

void wc_mon_streams_turn(struct wc_mon *mon)
{
    for (unsigned n = 0; n < WC_VM_STREAMS && !mon->over; n++)
        if (mon->streams[n].used)
            turn(mon, n);
}
