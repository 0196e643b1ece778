/* dns.h - the parts of wcompose-dns, the name server of a host's container networks (private to
 * dns*.c).
 *
 * Idea:    one process a host, bound to the gateway addresses of our bridges and to nothing else.
 *          It answers A, AAAA and PTR for the members of a network from files that the driver
 *          replaces (drivers/net/zone.c), and hands everything else to the host's own resolvers,
 *          untouched. It holds no state that matters: killed and started again, it knows the same.
 * Threads: none. Errors: a query that makes no sense is dropped or refused; nothing ends the
 *          process but the end of its directory or a signal.
 * Source:  RFC 1035, RFC 2308 (NODATA), RFC 6891 (EDNS), RFC 5452 (forged answers).
 */
#ifndef DRIVERS_KEEPER_DNS_H
#define DRIVERS_KEEPER_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- dns_msg.c: messages, pure ----------------------------------------------------------- */

enum {
    WC_DNS_HEADER = 12,
    WC_DNS_UDP_PLAIN = 512, /* largest UDP answer without EDNS */
    WC_DNS_UDP_MAX = 1232,  /* largest we make with it */
    WC_DNS_NAME = 256,      /* text of a name with its NUL */
};

enum wc_dns_type {
    WC_DNS_A = 1,
    WC_DNS_PTR = 12,
    WC_DNS_AAAA = 28,
    WC_DNS_OPT = 41,
    WC_DNS_ANY = 255
};
enum wc_dns_rcode {
    WC_DNS_NOERROR = 0,
    WC_DNS_FORMERR = 1,
    WC_DNS_SERVFAIL = 2,
    WC_DNS_NXDOMAIN = 3,
    WC_DNS_NOTIMP = 4,
};

struct wc_dns_query {
    uint16_t id, qtype;
    char name[WC_DNS_NAME]; /* lower case, without the final dot; "" is the root */
    bool plain;             /* the name has no bytes that its text can't show */
    bool edns;
    size_t udp_size;     /* largest UDP answer that the asker takes */
    size_t question_end; /* offset behind the question */
};

/* Reads a query. Returns 0, a wc_dns_rcode to refuse it with (question_end is 0 then: the answer
 * is a header only), or -1 when it isn't even a query and must be ignored.
 */
int wc_dns_parse(const uint8_t *msg, size_t len, struct wc_dns_query *out);

struct wc_dns_answer {
    enum wc_dns_rcode rcode;
    const uint32_t *ip4; /* n_ip4 addresses, host byte order, served from number `first` on */
    size_t n_ip4, first;
    const char *ptr; /* or a name, or NULL */
};

/* Writes the answer to a parsed query into out. As many addresses as fit; TC is set when some
 * don't. cap  room; at least WC_DNS_UDP_PLAIN Returns the length.
 */
size_t wc_dns_build(const uint8_t *msg, const struct wc_dns_query *query,
                    const struct wc_dns_answer *answer, uint8_t *out, size_t cap);

/* True when `reply` answers the question of `query`, whose id on this leg was `id`. */
bool wc_dns_answers(const uint8_t *reply, size_t len, const uint8_t *query, size_t question_end,
                    uint16_t id);

void wc_dns_set_id(uint8_t *msg, uint16_t id);

/* Reads "4.3.2.1.in-addr.arpa" into 1.2.3.4. */
bool wc_dns_reverse_name(const char *name, uint32_t *ip4);

/* ---- dns_zone.c: who is called what, pure ------------------------------------------------ */

enum { WC_DNS_HOME = 16 }; /* networks of one instance that are looked at */

struct wc_dns_net {
    uint32_t gateway4;
    uint8_t prefix4;
    bool internal;
};

struct wc_dns_name {
    uint32_t gateway4, ip4; /* the network by its gateway */
    const char *instance, *name;
};

struct wc_dns_zone {
    struct wc_dns_net *nets;   /* unique gateways */
    struct wc_dns_name *names; /* sorted by name */
    struct wc_dns_name **by_ip, **by_instance;
    size_t n_nets, cap_nets, n_names, cap_names;
    char **texts; /* n_texts: what names point into */
    size_t n_texts;
};

/* Adds the text of one zone file; takes `text` over (from malloc, NUL-terminated, changed in
 * place). Lines that aren't understood are skipped. False when memory is out; text is freed then.
 */
bool wc_dns_zone_add(struct wc_dns_zone *zone, char *text);

/* Sorts; to be called once, after the last add, before look-ups. False when memory is out. */
bool wc_dns_zone_finish(struct wc_dns_zone *zone);
void wc_dns_zone_free(struct wc_dns_zone *zone);

/* A question's place: the gateway it was sent to and the address it came from. */
struct wc_dns_asker {
    uint32_t gateway4, ip4;
};

/* Returns the network of the gateway if the asker is on it; NULL otherwise. */
const struct wc_dns_net *wc_dns_zone_net(const struct wc_dns_zone *zone, struct wc_dns_asker asker);

/* Collects the addresses of `name` on all networks of the asker, those of the asked one first.
 * Returns how many, at most max; 0: not a name there.
 */
size_t wc_dns_zone_find(const struct wc_dns_zone *zone, struct wc_dns_asker asker, const char *name,
                        uint32_t *ip4, size_t max);

/* Returns the name of an address on one of the asker's networks, or NULL. *ours: the address is in
 * the range of one of them, so that nobody else knows it either.
 */
const char *wc_dns_zone_reverse(const struct wc_dns_zone *zone, struct wc_dns_asker asker,
                                uint32_t ip4, bool *ours);

/* True when the asker has a network with a way out: only then are its questions forwarded. */
bool wc_dns_zone_open(const struct wc_dns_zone *zone, struct wc_dns_asker asker);

/* ---- dns_local.c: the answer to a question, pure ----------------------------------------- */

/* A message that came in. */
struct wc_dns_message {
    struct wc_dns_asker asker;
    const uint8_t *bytes; /* len of them */
    size_t len;
    bool tcp;      /* the answer may be as long as there is room */
    unsigned turn; /* rotates replicas */
};

/* Answers a message from the zone into out, which has room for cap bytes; query is filled in.
 * Returns the answer's length, 0 when the question is to be forwarded, -1 when the message is to be
 * ignored.
 */
long wc_dns_local(const struct wc_dns_zone *zone, const struct wc_dns_message *msg,
                  struct wc_dns_query *query, uint8_t *out, size_t cap);

/* ---- dns_main.c and below: sockets ------------------------------------------------------- */

enum wc_dns_kind {
    WC_DNS_EV_SIGNAL,
    WC_DNS_EV_WATCH,
    WC_DNS_EV_UDP,
    WC_DNS_EV_TCP,
    WC_DNS_EV_UPSTREAM,
    WC_DNS_EV_CLIENT,
    WC_DNS_EV_PEER
};

struct wc_dns_server {
    const char *dir, *resolv; /* run/net; the host's resolv.conf */
    struct wc_dns_zone zone;
    int epoll, watch;
    unsigned turn;
};
extern struct wc_dns_server wc_dns_server;

/* Tells epoll of a descriptor; the event says kind and number of its table. */
bool wc_dns_watch(int fd, uint32_t events, enum wc_dns_kind kind, size_t nth);
bool wc_dns_rewatch(int fd, uint32_t events, enum wc_dns_kind kind, size_t nth);
int64_t wc_dns_now_ms(void);
void wc_dns_say(const char *what, const char *detail);
uint16_t wc_dns_random(void);

/* dns_listen.c: opens what the zone needs and closes what it doesn't; reads and answers. */
void wc_dns_listen(void);
void wc_dns_on_udp(size_t nth);
void wc_dns_on_accept(size_t nth);
int wc_dns_udp_socket(uint32_t gateway4); /* -1: closed meanwhile */

/* dns_upstream.c: the host's resolvers. Address in *out (struct sockaddr_storage); length, 0: none.
 */
struct sockaddr_storage;
unsigned wc_dns_upstream(unsigned nth, struct sockaddr_storage *out);

/* dns_forward.c: questions under way over UDP. */
struct sockaddr_in;
void wc_dns_forward(struct wc_dns_asker asker, const struct sockaddr_in *from, const uint8_t *msg,
                    size_t len, const struct wc_dns_query *query);
void wc_dns_on_upstream(size_t nth);
int64_t wc_dns_forward_expire(int64_t now_ms); /* returns the next deadline, 0: none */

/* dns_tcp.c: connections. */
void wc_dns_client_add(int fd, struct wc_dns_asker asker);
void wc_dns_on_client(size_t nth, uint32_t events);
void wc_dns_on_peer(size_t nth, uint32_t events);
int64_t wc_dns_tcp_expire(int64_t now_ms);

#endif
