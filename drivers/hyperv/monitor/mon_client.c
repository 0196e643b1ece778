/* mon_client.c - vm/sock: who asks for a program, a connection or a look inside, beside the
 * service.
 *
 * Only root may: the same who may enter a container. One connection is one stream; its first packet
 * says what it is to be, and brings the descriptors. Who connects and says nothing holds nothing
 * but one of the numbers, for a second at most in practice: root is waited for without a clock.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FDS = 3 /* that a packet may bring */ };

static char packet[sizeof(struct wc_vm_head) + WC_VM_PAYLOAD_MAX];

int wc_mon_listen(struct wc_mon *mon)
{
    const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = WC_MON_SOCKET };
    unlink(WC_MON_SOCKET);
    mon->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (mon->listener < 0 ||
        bind(mon->listener, (const struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(WC_MON_SOCKET, 0600) != 0 || listen(mon->listener, 16) != 0)
        return wc_fault("the monitor's socket", NULL, errno);
    return 0;
}

static void answer(int client, enum wc_vm_type type, const void *data, size_t len, const char *text)
{
    _Static_assert(sizeof(struct wc_vm_figures) <= WC_VM_TEXT_MAX, "room for either");
    char out[sizeof(struct wc_vm_head) + sizeof(struct wc_vm_ended) + WC_VM_TEXT_MAX];
    size_t more = text == NULL ? 0 : strlen(text);
    struct wc_vm_head head = { .len = (uint32_t)(len + more), .type = (uint8_t)type };
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, data, len);
    if (more > 0)
        memcpy(out + sizeof head + len, text, more);
    (void)send(client, out, sizeof head + len + more, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void refuse(int client, unsigned code, const char *why)
{
    const struct wc_vm_ended ended = { .code = (uint8_t)code };
    answer(client, WC_VM_ENDED, &ended, sizeof ended, why);
    close(client);
}

void wc_mon_accept(struct wc_mon *mon)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int client = accept4(mon->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return;
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 || who.uid != 0) {
        close(client);
        return;
    }
    for (unsigned n = 1; n < WC_VM_STREAMS; n++)
        if (!mon->streams[n].used) {
            wc_mon_stream_open(mon, n, -1, -1, -1, client);
            return;
        }
    refuse(client, 125, "too many programs beside the service");
}

void wc_mon_client_tell(struct wc_mon *mon, unsigned n, enum wc_vm_type type)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    if (stream->client < 0)
        return;
    if (type == WC_VM_ENDED) {
        answer(stream->client, type, &stream->end, sizeof stream->end, stream->why);
        close(stream->client);
        stream->client = -1;
    } else {
        answer(stream->client, type, "", 0, NULL);
    }
}

void wc_mon_client_figures(const struct wc_mon *mon, unsigned n, const char *data, size_t len)
{
    if (mon->streams[n].client >= 0)
        answer(mon->streams[n].client, WC_VM_FIGURES, data, len, NULL);
}

/* Reads one packet with its descriptors. Returns its length, 0 = gone, -1 = nothing now. The room
 * for descriptors is said without what aligns it: the kernel would put a fourth there. */
static ssize_t receive(int client, int fds[FDS], size_t *n_fds)
{
    union {
        char space[CMSG_SPACE(FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { packet, sizeof packet };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.space,
                          .msg_controllen = CMSG_LEN(FDS * sizeof(int)) };
    *n_fds = 0;
    ssize_t len = recvmsg(client, &msg, MSG_CMSG_CLOEXEC);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (len <= 0)
        return 0;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&msg); /* nothing else is asked for */
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        *n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), *n_fds * sizeof(int));
    }
    return (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? 0 : len;
}

static bool may_begin(const struct wc_mon *mon, const struct wc_vm_head *head, size_t n_fds)
{
    size_t wanted = head->type == WC_VM_RUN ? 3 : head->type == WC_VM_CONNECT ? 1 : 0;
    bool asks =
        wanted > 0 || head->type == WC_VM_LOOK || (head->type == WC_VM_STATS && head->len == 0);
    return mon->state == WC_MON_RUNS && n_fds == wanted && asks;
}

/* Alone, it is the service's. */
static bool is_for_service(const struct wc_mon *mon, const struct wc_vm_head *head)
{
    return mon->state == WC_MON_RUNS && head->type == WC_VM_SIGNAL && head->len == sizeof(uint32_t);
}

static bool begin(struct wc_mon *mon, unsigned n, const struct wc_vm_head *head, const int fds[FDS],
                  size_t n_fds)
{
    int client = mon->streams[n].client;
    if (is_for_service(mon, head)) {
        (void)wc_mon_send(mon, WC_VM_SIGNAL, 0, packet + sizeof *head, head->len);
        mon->streams[n].used = false;
        close(client);
        return false;
    }
    if (!may_begin(mon, head, n_fds) ||
        !wc_mon_send(mon, (enum wc_vm_type)head->type, n, packet + sizeof *head, head->len)) {
        mon->streams[n].used = false;
        refuse(client, 125,
               mon->state == WC_MON_RUNS ? "the monitor can't take that now" : "it is not running");
        return false;
    }
    if (n_fds == 1)
        wc_mon_stream_open(mon, n, fds[0], fds[0], -1, client);
    else if (n_fds == 3)
        wc_mon_stream_open(mon, n, fds[0], fds[1], fds[2], client);
    mon->streams[n].begun = true;
    mon->streams[n].figures = head->type == WC_VM_STATS;
    return true;
}

static void forward(struct wc_mon *mon, unsigned n, const struct wc_vm_head *head)
{
    size_t wanted = head->type == WC_VM_SIGNAL || head->type == WC_VM_SIZE ? 4 : 0;
    mon->streams[n].alone = mon->streams[n].alone || head->type == WC_VM_INPUT_END;
    bool known = wanted > 0 || head->type == WC_VM_CLOSE;
    if (known && head->len == wanted)
        (void)wc_mon_send(mon, (enum wc_vm_type)head->type, n, packet + sizeof *head, head->len);
}

/* Nobody waits any more: the program goes, as an exec's does whose client is killed. */
static void gone(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    close(stream->client);
    stream->client = -1;
    if (!stream->begun)
        stream->used = false;
    else if (!stream->ended && !stream->alone)
        (void)wc_mon_send(mon, WC_VM_CLOSE, n, NULL, 0);
}

bool wc_mon_client_may_ask(const struct wc_mon *mon)
{
    return wc_mon_room(mon) > sizeof packet + WC_MON_SPARE;
}

void wc_mon_client_read(struct wc_mon *mon, unsigned n)
{
    struct wc_mon_stream *stream = &mon->streams[n];
    struct wc_vm_head head;
    int fds[FDS];
    size_t n_fds;
    if (!wc_mon_client_may_ask(mon))
        return;
    ssize_t len = receive(stream->client, fds, &n_fds);
    if (len < 0)
        return;
    bool whole = len >= (ssize_t)sizeof head;
    if (whole) {
        memcpy(&head, packet, sizeof head);
        whole = head.len == (size_t)len - sizeof head;
    }
    bool taken = false;
    if (!whole)
        gone(mon, n);
    else if (!stream->begun)
        taken = begin(mon, n, &head, fds, n_fds);
    else
        forward(mon, n, &head);
    for (size_t i = 0; i < n_fds && !taken; i++)
        close(fds[i]);
}
