/* dns_listen.c - one UDP and one TCP socket per gateway address.
 *
 * A socket per address rather than one for all: what isn't ours to serve never reaches us, another
 * server may have port 53 of every other address, and an answer leaves from where the question
 * came to without asking for packet information.
 */
#include "drivers/keeper/dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLACES = 1024, PORT = 53, BURST = 64, BACKLOG = 32 };

static struct place {
    uint32_t gateway4; /* 0: free */
    int udp, tcp;
    bool wanted;
} places[PLACES];
static size_t n_places;

static int open_socket(uint32_t gateway4, int type)
{
    const int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons(PORT),
                                .sin_addr.s_addr = htonl(gateway4) };
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on,
               sizeof on); /* the bridge may come a moment later */
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)) {
        char text[INET_ADDRSTRLEN + 64], ip[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &addr.sin_addr, ip, sizeof ip);
        snprintf(text, sizeof text, "%s: %s", ip, strerror(errno));
        wc_dns_say("listen on port 53", text);
        close(fd);
        return -1;
    }
    return fd;
}

static void close_place(struct place *p)
{
    if (p->udp >= 0)
        close(p->udp);
    if (p->tcp >= 0)
        close(p->tcp);
    *p = (struct place){ 0, -1, -1, false };
}

static void open_place(uint32_t gateway4)
{
    size_t nth = 0;
    while (nth < n_places && places[nth].gateway4 != 0)
        nth++;
    if (nth == PLACES) {
        wc_dns_say("too many networks", NULL);
        return;
    }
    n_places += nth == n_places;
    places[nth] = (struct place){ gateway4, open_socket(gateway4, SOCK_DGRAM),
                                  open_socket(gateway4, SOCK_STREAM), true };
    if (places[nth].udp >= 0)
        wc_dns_watch(places[nth].udp, EPOLLIN, WC_DNS_EV_UDP, nth);
    if (places[nth].tcp >= 0)
        wc_dns_watch(places[nth].tcp, EPOLLIN, WC_DNS_EV_TCP, nth);
}

void wc_dns_listen(void)
{
    const struct wc_dns_zone *zone = &wc_dns_server.zone;
    for (size_t p = 0; p < n_places; p++)
        places[p].wanted = false;
    for (size_t i = 0; i < zone->n_nets; i++) {
        size_t p = 0;
        while (p < n_places && places[p].gateway4 != zone->nets[i].gateway4)
            p++;
        if (p < n_places)
            places[p].wanted = true;
        else
            open_place(zone->nets[i].gateway4);
    }
    for (size_t p = 0; p < n_places; p++)
        if (places[p].gateway4 != 0 && !places[p].wanted)
            close_place(&places[p]);
}

int wc_dns_udp_socket(uint32_t gateway4)
{
    for (size_t p = 0; p < n_places; p++)
        if (places[p].gateway4 == gateway4)
            return places[p].udp;
    return -1;
}

static void on_question(struct wc_dns_asker asker, int fd, const uint8_t *msg, size_t len,
                        const struct sockaddr_in *from)
{
    uint8_t answer[WC_DNS_UDP_MAX];
    struct wc_dns_query query;
    const struct wc_dns_message in = { asker, msg, len, false, wc_dns_server.turn++ };
    long n = wc_dns_local(&wc_dns_server.zone, &in, &query, answer, sizeof answer);
    if (n > 0)
        sendto(fd, answer, (size_t)n, 0, (const struct sockaddr *)from, sizeof *from);
    else if (n == 0)
        wc_dns_forward(asker, from, msg, len, &query);
}

void wc_dns_on_udp(size_t nth)
{
    uint8_t msg[4096];
    for (int i = 0; i < BURST && places[nth].udp >= 0; i++) {
        struct sockaddr_in from = { 0 };
        socklen_t size = sizeof from;
        ssize_t len =
            recvfrom(places[nth].udp, msg, sizeof msg, 0, (struct sockaddr *)&from, &size);
        if (len < 0)
            return;
        struct wc_dns_asker asker = { places[nth].gateway4, ntohl(from.sin_addr.s_addr) };
        on_question(asker, places[nth].udp, msg, (size_t)len, &from);
    }
}

void wc_dns_on_accept(size_t nth)
{
    struct sockaddr_in from = { 0 };
    socklen_t size = sizeof from;
    if (places[nth].tcp < 0)
        return;
    int fd =
        accept4(places[nth].tcp, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        wc_dns_client_add(
            fd, (struct wc_dns_asker){ places[nth].gateway4, ntohl(from.sin_addr.s_addr) });
}
