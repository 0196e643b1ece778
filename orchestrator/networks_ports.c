/* networks_ports.c - which host port a published port gets.
 *
 * Fixed ports are taken as they are: whether somebody else has one is the driver's to see, at the
 * moment it counts. Ports that we choose stay what they were while they are free; new ones are the
 * lowest free of their range, tried by binding them.
 */
#include "orchestrator/networks_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/str.h"

enum {
    ANY_LOW = 49153,
    ANY_HIGH = 65535
}; /* where "any port" is looked for: above what the kernel
      gives to outgoing connections first */

/* One published port of one slot on its way. */
struct wish {
    const struct wc_address_slot *slot;
    const struct wc_port *port;
    uint32_t host_ip4;
    unsigned low, high;
};

struct claims {
    struct wc_networks_work *w;
    struct wc_port_claim *items;
    size_t n, cap, n_others;      /* the first n_others belong to other projects */
    struct wc_net_publish *ports; /* the request's, being filled */
};

static const char *proto_word(enum wc_proto proto)
{
    static const char *const words[] = {
        [WC_PROTO_TCP] = "tcp",
        [WC_PROTO_UDP] = "udp",
        [WC_PROTO_SCTP] = "sctp",
    };
    return words[proto];
}

static const struct wc_port_claim *claimed(const struct claims *c, size_t from,
                                           const struct wish *wish, unsigned port)
{
    for (size_t i = from; i < c->n; i++) {
        const struct wc_port_claim *o = &c->items[i];
        if (o->host_port == port && o->proto == wish->port->proto &&
            (o->host_ip4 == wish->host_ip4 || o->host_ip4 == 0 || wish->host_ip4 == 0))
            return o;
    }
    return NULL;
}

/* True when nothing on the host listens there. */
static bool is_free(const struct wish *wish, unsigned port)
{
    static const int types[] = {
        [WC_PROTO_TCP] = SOCK_STREAM, [WC_PROTO_UDP] = SOCK_DGRAM, [WC_PROTO_SCTP] = SOCK_STREAM
    };
    WC_CLEANUP_FD int fd = socket(AF_INET, types[wish->port->proto] | SOCK_CLOEXEC,
                                  wish->port->proto == WC_PROTO_SCTP ? IPPROTO_SCTP : 0);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(wish->host_ip4) };
    return fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

static bool usable(const struct claims *c, const struct wish *wish, unsigned port)
{
    return port >= wish->low && port <= wish->high && claimed(c, 0, wish, port) == NULL &&
           is_free(wish, port);
}

/* What the same port of the same slot had last time; 0: nothing. */
static unsigned earlier(const struct wc_networks_work *w, const struct wish *wish)
{
    for (size_t i = 0; i < w->n_claims; i++) {
        const struct wc_port_claim *o = &w->claims[i];
        if (o->any && wc_streq(o->project, w->in->project->name) &&
            wc_streq(o->service, wish->slot->service->name) && o->index == wish->slot->index &&
            o->target_port == wish->port->target && o->proto == wish->port->proto &&
            o->host_ip4 == wish->host_ip4)
            return o->host_port;
    }
    return 0;
}

/* 0 for one that is kept as it is when there is none. */
static int choose(const struct claims *c, const struct wish *wish, unsigned *out)
{
    unsigned before = earlier(c->w, wish);
    if (before != 0 && usable(c, wish, before)) {
        *out = before;
        return 0;
    }
    for (unsigned port = wish->low; port <= wish->high; port++) {
        if (usable(c, wish, port)) {
            *out = port;
            return 0;
        }
    }
    *out = 0;
    if (wish->slot->kept)
        return 0;
    return wc_err_at(c->w->err, WC_ERR_LIMIT, wish->port->at,
                     "service %s: no free port between %u and %u for %u/%s",
                     wish->slot->service->name, wish->low, wish->high, wish->port->target,
                     proto_word(wish->port->proto));
}

static int refuse_twice(const struct claims *c, const struct wish *wish,
                        const struct wc_port_claim *by)
{
    const char *service = wish->slot->service->name, *word = proto_word(wish->port->proto);
    if (wc_streq(by->service, service) && by->index != wish->slot->index)
        return wc_err_at(c->w->err, WC_ERR_CONFLICT, wish->port->at,
                         "service %s: %u replicas can't share port %u/%s; publish a range, or "
                         "leave the host port out",
                         service, (unsigned)wish->slot->service->replicas, by->host_port, word);
    return wc_err_at(c->w->err, WC_ERR_CONFLICT, wish->port->at,
                     "service %s: port %u/%s is published by service %s too", service,
                     by->host_port, word, by->service);
}

static int read_wish(struct wc_networks_work *w, const struct wc_address_slot *slot,
                     const struct wc_port *port, struct wish *out)
{
    struct wish wish = { slot, port, 0, port->published, port->published_end };
    if (port->host_ip != NULL && !wc_ip4_parse(port->host_ip, &wish.host_ip4))
        return wc_err_at(w->err, WC_ERR_SPEC, port->at,
                         "service %s: publishing on '%s' isn't supported; give an IPv4 address",
                         slot->service->name, port->host_ip);
    if (port->published == 0) {
        wish.low = ANY_LOW;
        wish.high = ANY_HIGH;
    } else if (wish.high < wish.low) {
        wish.high = wish.low;
    }
    *out = wish;
    return 0;
}

uint32_t wc_networks_target(const struct wc_networks_slot *slot)
{
    for (size_t i = 0; i < slot->n_nets; i++)
        if (slot->nets[i].gateway4 != 0)
            return slot->nets[i].ip4;
    return 0;
}

static int publish(struct claims *c, size_t nth, const struct wc_port *port)
{
    struct wc_networks_work *w = c->w;
    const struct wc_address_slot *slot = &w->in->slots[nth];
    struct wish wish;
    uint32_t target = wc_networks_target(&w->out->slots[nth]);
    int status = read_wish(w, slot, port, &wish);
    if (status != 0)
        return status;
    if (target == 0)
        return wc_err_at(w->err, WC_ERR_SPEC, port->at,
                         "service %s: port %u can't be published, as it is on internal networks "
                         "only",
                         slot->service->name, port->target);
    bool any = wish.low != wish.high;
    unsigned host_port = wish.low;
    if (any)
        status = choose(c, &wish, &host_port);
    if (status != 0 || host_port == 0)
        return status;
    const struct wc_port_claim *by = any ? NULL : claimed(c, c->n_others, &wish, host_port);
    if (by != NULL && slot->kept && wc_streq(by->service, slot->service->name))
        return 0; /* made when the file said otherwise: the port leads to the first of them */
    if (by != NULL)
        return refuse_twice(c, &wish, by);
    c->items = wc_arena_grow(w->arena, c->items, c->n, &c->cap, sizeof *c->items);
    c->items[c->n++] =
        (struct wc_port_claim){ w->in->project->name, slot->service->name, slot->index, host_port,
                                port->target,         wish.host_ip4,       port->proto, any };
    w->out->priv->port_slots[w->out->request.n_ports] = nth;
    c->ports[w->out->request.n_ports++] = (struct wc_net_publish){
        .host_ip4 = wish.host_ip4,
        .host_port = host_port,
        .target_port = port->target,
        .proto = port->proto,
        .target_ip4 = target,
        .service = slot->service->name,
        .at = port->at,
    };
    return 0;
}

static bool has_ports(const struct wc_address_slot *slot)
{
    return slot->service->network_mode == WC_NETMODE_NETWORKS && !slot->aside;
}

/* Fixed ports come first, so that none of them is given to who would take any. */
int wc_networks_ports(struct wc_networks_work *w, struct wc_port_claim **claims, size_t *n)
{
    struct claims c = { .w = w };
    size_t total = 0;
    for (size_t i = 0; i < w->n_claims; i++) {
        if (wc_streq(w->claims[i].project, w->in->project->name))
            continue;
        c.items = wc_arena_grow(w->arena, c.items, c.n, &c.cap, sizeof *c.items);
        c.items[c.n++] = w->claims[i];
    }
    c.n_others = c.n;
    for (size_t s = 0; s < w->in->n_slots; s++)
        total += w->in->slots[s].service->n_ports;
    c.ports = WC_NEW_ARRAY(w->arena, struct wc_net_publish, total);
    w->out->priv->port_slots = WC_NEW_ARRAY(w->arena, size_t, total);
    w->out->priv->ports = c.ports;
    for (int any = 0; any <= 1; any++) {
        for (size_t s = 0; s < w->in->n_slots; s++) {
            const struct wc_service *service = w->in->slots[s].service;
            for (size_t p = 0; has_ports(&w->in->slots[s]) && p < service->n_ports; p++) {
                const struct wc_port *port = &service->ports[p];
                bool is_any = port->published == 0 || port->published_end > port->published;
                int status = is_any == (any == 1) ? publish(&c, s, port) : 0;
                if (status != 0)
                    return status;
            }
        }
    }
    *claims = c.items;
    *n = c.n;
    return 0;
}
