/* dns_forward.c - questions for the outside over UDP.
 *
 * Each question under way has a socket of its own, connected to the resolver: the kernel picks a
 * random port and drops what comes from elsewhere, and with the random id and the repeated question
 * a forger has to guess all three. The table is bounded; when it is full, the oldest question gives
 * way, as its asker is the likeliest to have given up.
 */
#include "drivers/keeper/dns.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PENDING = 256, MESSAGE = 512, TRIES = 3, TRY_MS = 2000 };

static struct pending {
    int fd; /* 0: free; no socket is ever number 0 here */
    uint16_t id, asked_id;
    struct wc_dns_asker asker;
    struct sockaddr_in from;
    int64_t try_until_ms;
    unsigned tries;
    size_t len, question_end;
    uint8_t msg[MESSAGE];
} table[PENDING];
static size_t high; /* entries from here on were never used */

static void finish(struct pending *p)
{
    close(p->fd);
    p->fd = 0;
}

/* Sends to the next resolver. False when there is none. */
static bool ask(struct pending *p)
{
    struct sockaddr_storage to;
    unsigned size = wc_dns_upstream(p->tries++, &to);
    if (p->fd > 0)
        close(p->fd);
    p->fd = 0;
    if (size == 0)
        return false;
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    p->id = wc_dns_random();
    wc_dns_set_id(p->msg, p->id);
    p->try_until_ms = wc_dns_now_ms() + TRY_MS;
    p->fd = fd;
    if (connect(fd, (const struct sockaddr *)&to, size) == 0)
        send(fd, p->msg, p->len, 0); /* a failure shows as silence: the next resolver's turn */
    else
        p->try_until_ms = 0;
    return wc_dns_watch(fd, EPOLLIN, WC_DNS_EV_UPSTREAM, (size_t)(p - table));
}

static void give_up(struct pending *p)
{
    uint8_t out[WC_DNS_UDP_PLAIN];
    struct wc_dns_query query;
    const struct wc_dns_answer failed = { .rcode = WC_DNS_SERVFAIL };
    int fd = wc_dns_udp_socket(p->asker.gateway4);
    wc_dns_set_id(p->msg, p->asked_id);
    if (fd >= 0 && wc_dns_parse(p->msg, p->len, &query) == 0) {
        size_t n = wc_dns_build(p->msg, &query, &failed, out, sizeof out);
        sendto(fd, out, n, 0, (const struct sockaddr *)&p->from, sizeof p->from);
    }
    if (p->fd > 0)
        finish(p);
}

/* Tries the resolvers in turn until one could be asked. */
static void ask_on(struct pending *p)
{
    while (p->tries < TRIES)
        if (ask(p))
            return;
    give_up(p);
}

static bool same_question(const struct pending *p, const struct sockaddr_in *from, uint16_t id)
{
    return p->fd > 0 && p->asked_id == id && p->from.sin_port == from->sin_port &&
           p->from.sin_addr.s_addr == from->sin_addr.s_addr;
}

/* A free entry, or the oldest. NULL: the asker repeats a question that is under way. */
static struct pending *place(const struct sockaddr_in *from, uint16_t id)
{
    struct pending *oldest = &table[0], *free_one = NULL;
    for (size_t i = 0; i < high; i++) {
        struct pending *p = &table[i];
        if (same_question(p, from, id))
            return NULL;
        if (p->fd == 0 && free_one == NULL)
            free_one = p;
        if (p->try_until_ms < oldest->try_until_ms)
            oldest = p;
    }
    if (free_one == NULL && high < PENDING)
        free_one = &table[high++];
    if (free_one != NULL)
        return free_one;
    finish(oldest);
    return oldest;
}

void wc_dns_forward(struct wc_dns_asker asker, const struct sockaddr_in *from, const uint8_t *msg,
                    size_t len, const struct wc_dns_query *query)
{
    if (len > MESSAGE)
        return;
    struct pending *p = place(from, query->id);
    if (p == NULL)
        return;
    p->fd = 0;
    p->tries = 0;
    p->asked_id = query->id;
    p->asker = asker;
    p->from = *from;
    p->len = len;
    p->question_end = query->question_end;
    memcpy(p->msg, msg, len);
    ask_on(p);
}

void wc_dns_on_upstream(size_t nth)
{
    struct pending *p = &table[nth];
    uint8_t reply[65535];
    if (p->fd <= 0)
        return;
    ssize_t len = recv(p->fd, reply, sizeof reply, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len < 0) { /* refused: nobody listens there */
        ask_on(p);
        return;
    }
    if (!wc_dns_answers(reply, (size_t)len, p->msg, p->question_end, p->id))
        return;
    int fd = wc_dns_udp_socket(p->asker.gateway4);
    wc_dns_set_id(reply, p->asked_id);
    if (fd >= 0)
        sendto(fd, reply, (size_t)len, 0, (const struct sockaddr *)&p->from, sizeof p->from);
    finish(p);
}

int64_t wc_dns_forward_expire(int64_t now_ms)
{
    int64_t next = 0;
    for (size_t i = 0; i < high; i++) {
        struct pending *p = &table[i];
        if (p->fd > 0 && p->try_until_ms <= now_ms)
            ask_on(p);
        if (p->fd > 0 && (next == 0 || p->try_until_ms < next))
            next = p->try_until_ms;
    }
    return next;
}
