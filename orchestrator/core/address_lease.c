/* address_lease.c - gives the members of one network their addresses.
 *
 * Three passes, from the strongest claim to the weakest: addresses that the file fixes, addresses
 * that a member had before, lowest free ones. Leases of members that are gone stay on the books
 * (scaling 3, 1, 3 gives back the same addresses) and are only reused when nothing else is free.
 *
 * Rejected: deriving an address from the hash of the member's name. It needs no memory, but
 * collisions make it depend on who came first, which is memory again, without saying so.
 */
#include "orchestrator/core/address_priv.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

enum { MAPPED = 65536 }; /* addresses of a subnet that automatic assignment looks at */

static bool lease_of(const struct wc_lease *lease, const struct wc_address_in *in, size_t slot)
{
    const struct wc_address_slot *s = &in->slots[slot];
    return lease->index == s->index && wc_streq(lease->service, s->service->name) &&
           wc_streq(lease->project, in->project->name);
}

static void take(struct wc_address_work *w, uint32_t ip4)
{
    uint32_t at = ip4 - w->net->subnet.base4;
    if (at < MAPPED)
        w->taken[at / 8] |= (uint8_t)(1u << (at % 8));
}

static bool is_taken(const struct wc_address_work *w, uint32_t ip4)
{
    uint32_t at = ip4 - w->net->subnet.base4;
    return at >= MAPPED || (w->taken[at / 8] >> (at % 8) & 1) != 0;
}

static const char *label(const struct wc_address_work *w, const struct wc_address_member *m)
{
    return w->in->slots[m->slot].service->name;
}

/* True when somebody else may not be moved away from ip4: another project, or a fixed address. */
static bool held_fast(const struct wc_address_work *w, uint32_t ip4, const char **by)
{
    const struct wc_known_network *net = w->net;
    for (size_t i = 0; i < net->n_leases; i++) {
        if (net->leases[i].ip4 == ip4 && !wc_streq(net->leases[i].project, w->in->project->name)) {
            *by = net->leases[i].project;
            return true;
        }
    }
    for (size_t i = 0; i < w->n_members; i++) {
        if (w->members[i].ip4 == ip4) {
            *by = label(w, &w->members[i]);
            return true;
        }
    }
    return false;
}

/* Pass 1: addresses that the file fixes. */
static int assign_fixed(struct wc_address_work *w)
{
    const struct wc_known_network *net = w->net;
    for (size_t i = 0; i < w->n_members; i++) {
        struct wc_address_member *m = &w->members[i];
        const char *text = m->net->ipv4_address, *by = NULL;
        uint32_t ip4;
        if (text == NULL)
            continue;
        if (!wc_ip4_parse(text, &ip4) || !wc_address_contains(net->subnet, ip4) ||
            ip4 == net->subnet.base4 || ip4 == net->subnet.base4 + wc_address_size(net->subnet) - 1)
            return wc_err_at(w->err, WC_ERR_SPEC, m->net->at,
                             "service %s: ipv4_address '%s' is no usable address of network %s",
                             label(w, m), text, w->model->key);
        if (ip4 == net->gateway4)
            return wc_err_at(w->err, WC_ERR_CONFLICT, m->net->at,
                             "service %s: ipv4_address %s is the gateway of network %s",
                             label(w, m), text, w->model->key);
        if (held_fast(w, ip4, &by))
            return wc_err_at(w->err, WC_ERR_CONFLICT, m->net->at,
                             "service %s: ipv4_address %s on network %s is taken by %s",
                             label(w, m), text, w->model->key, by);
        m->ip4 = ip4;
        take(w, ip4);
    }
    return 0;
}

/* Pass 2: what members had before; other projects' addresses and absent members' are noted. */
static void assign_prior(struct wc_address_work *w, struct wc_map *by_slot)
{
    struct wc_known_network *net = w->net;
    size_t kept = 0;
    for (size_t i = 0; i < net->n_leases; i++) {
        struct wc_lease lease = net->leases[i];
        struct wc_address_member *m = NULL;
        if (wc_streq(lease.project, w->in->project->name)) {
            m = wc_map_get(by_slot, wc_arena_printf(w->arena, "%s.%u", lease.service, lease.index));
            if (is_taken(w, lease.ip4) || !wc_address_contains(net->subnet, lease.ip4))
                continue; /* a fixed address of somebody, the gateway, or from another subnet */
        }
        if (m != NULL && m->ip4 != 0)
            continue; /* now has a fixed address */
        if (m != NULL)
            m->ip4 = lease.ip4;
        take(w, lease.ip4);
        net->leases[kept++] = lease;
    }
    net->n_leases = kept;
}

static void add_lease(struct wc_address_work *w, const struct wc_address_member *m)
{
    struct wc_known_network *net = w->net;
    const struct wc_address_slot *slot = &w->in->slots[m->slot];
    net->leases[net->n_leases++] =
        (struct wc_lease){ w->in->project->name, slot->service->name, slot->index, m->ip4 };
}

static bool is_wanted(const struct wc_address_work *w, const struct wc_lease *lease)
{
    for (size_t i = 0; i < w->n_members; i++)
        if (lease_of(lease, w->in, w->members[i].slot))
            return true;
    return false;
}

/* Gives up the first lease of an own member that is gone. */
static uint32_t reclaim(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    for (size_t i = 0; i < net->n_leases; i++) {
        struct wc_lease lease = net->leases[i];
        if (wc_streq(lease.project, w->in->project->name) && !is_wanted(w, &lease)) {
            net->leases[i] = net->leases[--net->n_leases];
            return lease.ip4;
        }
    }
    return 0;
}

/* Pass 3: the lowest free address for the rest; leases for whoever has none. */
static int assign_new(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    uint32_t last = net->subnet.base4 + wc_address_size(net->subnet) - 1,
             next = net->subnet.base4 + 1;
    for (size_t i = 0; i < w->n_members; i++) {
        struct wc_address_member *m = &w->members[i];
        if (m->ip4 == 0) {
            while (next < last && is_taken(w, next))
                next++;
            m->ip4 = next < last ? next : reclaim(w);
            if (m->ip4 == 0)
                return wc_err_at(w->err, WC_ERR_LIMIT, m->net->at,
                                 "service %s: network %s has no free address left", label(w, m),
                                 w->model->key);
            take(w, m->ip4);
            add_lease(w, m);
        } else if (m->net->ipv4_address != NULL) {
            add_lease(w, m);
        }
    }
    return 0;
}

int wc_address_assign(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    struct wc_map by_slot;
    wc_map_init(&by_slot, w->arena);
    for (size_t i = 0; i < w->n_members; i++) {
        const struct wc_address_slot *s = &w->in->slots[w->members[i].slot];
        wc_map_put(&by_slot, wc_arena_printf(w->arena, "%s.%u", s->service->name, s->index),
                   &w->members[i]);
    }
    struct wc_lease *leases =
        WC_NEW_ARRAY(w->arena, struct wc_lease, net->n_leases + w->n_members + 1);
    if (net->n_leases > 0)
        memcpy(leases, net->leases, net->n_leases * sizeof *leases);
    net->leases = leases;
    w->taken = wc_arena_alloc(w->arena, MAPPED / 8);
    take(w, net->subnet.base4);
    take(w, net->gateway4);
    int status = assign_fixed(w);
    if (status != 0)
        return status;
    assign_prior(w, &by_slot);
    return assign_new(w);
}
