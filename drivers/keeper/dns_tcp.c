/* dns_tcp.c - questions over TCP: for answers that don't fit a datagram.
 *
 * A connection does one thing at a time: read a question, then write our answer or pass a
 * resolver's through. Epoll waits for the one descriptor that the state depends on. Few
 * connections, short patience: names over TCP are rare, and a stuck asker must not hold memory.
 */
#include "drivers/keeper/dns.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 32, QUESTION = 4096, ANSWER = 65535, PATIENCE_MS = 5000, NO_EVENTS = 0 };

enum state { READ_QUESTION, WRITE_ANSWER, ASK_PEER, READ_PEER };

static struct client {
    int fd, peer; /* 0: none */
    enum state state;
    struct wc_dns_asker asker;
    int64_t until_ms;
    size_t at, want; /* progress in buf; want 0: length not known yet */
    uint8_t buf[2 + ANSWER];
} clients[CLIENTS];

static void drop(struct client *c)
{
    if (c->peer > 0)
        close(c->peer);
    if (c->fd > 0)
        close(c->fd);
    c->fd = c->peer = 0;
}

static size_t number(const struct client *c)
{
    return (size_t)(c - clients);
}

static size_t clients_of(uint32_t gateway4)
{
    size_t n = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        n += clients[i].fd > 0 && clients[i].asker.gateway4 == gateway4;
    return n;
}

/* A free place. When there is none, the oldest connection of the network with the most gives way,
 * if that has more than the newcomer's: one network must not keep the names from the others. By
 * network, as an address within it can be made up. CLIENTS: no place. */
static size_t place_for(uint32_t gateway4)
{
    size_t best = CLIENTS, most = clients_of(gateway4);
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *c = &clients[i];
        if (c->fd <= 0)
            return i;
        size_t n = clients_of(c->asker.gateway4);
        if (n > most || (best < CLIENTS && n == most && c->until_ms < clients[best].until_ms)) {
            best = i;
            most = n;
        }
    }
    if (best < CLIENTS)
        drop(&clients[best]);
    return best;
}

void wc_dns_client_add(int fd, struct wc_dns_asker asker)
{
    bool known = wc_dns_zone_net(&wc_dns_server.zone, asker) != NULL;
    size_t nth = known ? place_for(asker.gateway4) : CLIENTS;
    if (nth == CLIENTS || !wc_dns_watch(fd, EPOLLIN, WC_DNS_EV_CLIENT, nth)) {
        close(fd);
        return;
    }
    struct client *c = &clients[nth];
    c->fd = fd;
    c->peer = 0;
    c->state = READ_QUESTION;
    c->asker = asker;
    c->at = c->want = 0;
    c->until_ms = wc_dns_now_ms() + PATIENCE_MS;
}

/* Reads a message with its length in front. 1: complete, 0: more to come, -1: over. */
static int fill(struct client *c, int fd, size_t limit)
{
    size_t want = c->at < 2 ? 2 : c->want;
    for (;;) {
        if (c->at >= 2 && c->want == 0) {
            c->want = want = 2 + (size_t)(c->buf[0] << 8 | c->buf[1]);
            if (want < 2 + WC_DNS_HEADER || want > limit)
                return -1;
        }
        if (c->want != 0 && c->at == c->want)
            return 1;
        ssize_t n = recv(fd, c->buf + c->at, want - c->at, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0)
            return -1;
        c->at += (size_t)n;
    }
}

/* Writes buf from at to want. As fill. */
static int drain(struct client *c, int fd)
{
    while (c->at < c->want) {
        ssize_t n = send(fd, c->buf + c->at, c->want - c->at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0)
            return -1;
        c->at += (size_t)n;
    }
    return 1;
}

static void answer_now(struct client *c)
{
    c->state = WRITE_ANSWER;
    c->at = 0;
    c->until_ms = wc_dns_now_ms() + PATIENCE_MS;
    if (!wc_dns_rewatch(c->fd, EPOLLOUT, WC_DNS_EV_CLIENT, number(c)))
        drop(c);
}

/* Opens a connection to a resolver and waits until it can take the question. */
static void ask_peer(struct client *c)
{
    struct sockaddr_storage to;
    unsigned size = wc_dns_upstream(0, &to);
    int fd = size == 0 ? -1 : socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    c->peer = fd > 0 ? fd : 0;
    c->state = ASK_PEER;
    c->at = 0;
    if (c->peer == 0 ||
        (connect(fd, (const struct sockaddr *)&to, size) != 0 && errno != EINPROGRESS) ||
        !wc_dns_watch(fd, EPOLLOUT, WC_DNS_EV_PEER, number(c)) ||
        !wc_dns_rewatch(c->fd, NO_EVENTS, WC_DNS_EV_CLIENT, number(c)))
        drop(c);
}

static void on_question(struct client *c)
{
    static uint8_t answer[ANSWER];
    struct wc_dns_query query;
    const struct wc_dns_message in = { c->asker, c->buf + 2, c->want - 2, true,
                                       wc_dns_server.turn++ };
    long n = wc_dns_local(&wc_dns_server.zone, &in, &query, answer, sizeof answer);
    if (n < 0) {
        drop(c);
    } else if (n == 0) {
        ask_peer(c);
    } else {
        c->buf[0] = (uint8_t)(n >> 8);
        c->buf[1] = (uint8_t)n;
        memcpy(c->buf + 2, answer, (size_t)n);
        c->want = 2 + (size_t)n;
        answer_now(c);
    }
}

void wc_dns_on_client(size_t nth, uint32_t events)
{
    struct client *c = &clients[nth];
    int done;
    if (c->fd <= 0)
        return;
    if (c->state == READ_QUESTION) {
        done = fill(c, c->fd, 2 + QUESTION);
        if (done < 0)
            drop(c);
        else if (done > 0)
            on_question(c);
    } else if (c->state == WRITE_ANSWER) {
        done = drain(c, c->fd);
        if (done < 0) {
            drop(c);
        } else if (done > 0) { /* the next question on the same connection */
            c->state = READ_QUESTION;
            c->at = c->want = 0;
            if (!wc_dns_rewatch(c->fd, EPOLLIN, WC_DNS_EV_CLIENT, nth))
                drop(c);
        }
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        drop(c);
    }
}

void wc_dns_on_peer(size_t nth, uint32_t events)
{
    struct client *c = &clients[nth];
    (void)events; /* an error shows in the call that it concerns */
    if (c->peer <= 0)
        return;
    int done = c->state == ASK_PEER ? drain(c, c->peer) : fill(c, c->peer, sizeof c->buf);
    if (done < 0) {
        drop(c);
    } else if (done > 0 && c->state == ASK_PEER) {
        c->state = READ_PEER;
        c->at = c->want = 0;
        if (!wc_dns_rewatch(c->peer, EPOLLIN, WC_DNS_EV_PEER, nth))
            drop(c);
    } else if (done > 0) {
        close(c->peer);
        c->peer = 0;
        answer_now(c);
    }
}

int64_t wc_dns_tcp_expire(int64_t now_ms)
{
    int64_t next = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];
        if (c->fd > 0 && c->until_ms <= now_ms)
            drop(c);
        if (c->fd > 0 && (next == 0 || c->until_ms < next))
            next = c->until_ms;
    }
    return next;
}
