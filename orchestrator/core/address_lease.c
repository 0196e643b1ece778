/* address_lease.c - gives the members of one network their addresses.
 *
 * Passes from the strongest claim to the weakest: addresses that the file fixes; those that the
 * very incarnation had before; those of an incarnation of the same replica that is there no more
 * (so an address stays with its replica); lowest free ones. Leases of replicas that are gone stay
 * on the books (scaling 3, 1, 3 gives back the same addresses) and are only reused when nothing
 * else is free. While an address passes from one incarnation to the next both are on the books.
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

static bool same_incarnation(const char *a, const char *b)
{
    return wc_streq(a != NULL ? a : "", b != NULL ? b : "");
}

static const struct wc_address_slot *slot_of(const struct wc_address_work *w,
                                             const struct wc_address_member *m)
{
    return &w->in->slots[m->slot];
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
    return slot_of(w, m)->service->name;
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

/* An address that the file fixed when an incarnation was made that is to go is still its own,
 * unless the next one has the same: then that comes when this one has gone. */
static void keep_fixed(struct wc_address_work *w, struct wc_address_member *m)
{
    uint32_t ip4;
    const char *by = NULL;
    if (m->net->ipv4_address == NULL || !wc_ip4_parse(m->net->ipv4_address, &ip4) ||
        !wc_address_contains(w->net->subnet, ip4) || ip4 == w->net->gateway4 ||
        held_fast(w, ip4, &by))
        return;
    m->ip4 = ip4;
    take(w, ip4);
}

/* Pass 1: addresses that the file fixes. */
static int assign_fixed(struct wc_address_work *w)
{
    const struct wc_known_network *net = w->net;
    for (size_t i = 0; i < w->n_members; i++) {
        struct wc_address_member *m = &w->members[i];
        const char *text = m->net->ipv4_address, *by = NULL;
        uint32_t ip4;
        if (text == NULL || slot_of(w, m)->aside)
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
    for (size_t i = 0; i < w->n_members; i++)
        if (slot_of(w, &w->members[i])->aside)
            keep_fixed(w, &w->members[i]);
    return 0;
}

static const char *key_of(const struct wc_address_work *w, const char *service, unsigned index)
{
    return wc_arena_printf(w->arena, "%s.%u", service, index);
}

enum whose { ASIDE, WANTED, HELD }; /* the incarnation itself; or the one that it comes after */

/* The member that a lease speaks for in one of these ways. */
static struct wc_address_member *claimant(const struct wc_address_work *w,
                                          const struct wc_map *by_replica,
                                          const struct wc_lease *lease, enum whose whose)
{
    struct wc_address_member *m = wc_map_get(by_replica, key_of(w, lease->service, lease->index));
    for (; m != NULL; m = m->beside) {
        const struct wc_address_slot *slot = slot_of(w, m);
        if (whose == HELD
                ? slot->holder != NULL && same_incarnation(slot->holder, lease->incarnation)
                : slot->aside == (whose == ASIDE) &&
                      same_incarnation(slot->incarnation, lease->incarnation))
            break;
    }
    return m;
}

/* Who of a replica gets an address that is nobody's any more: one that is there already first. */
static struct wc_address_member *heir(const struct wc_address_work *w,
                                      struct wc_address_member *replica)
{
    struct wc_address_member *found = NULL;
    for (; replica != NULL; replica = replica->beside)
        if (replica->ip4 == 0 && (found == NULL || slot_of(w, replica)->aside))
            found = replica;
    return found;
}

/* Pass 2: what the incarnations themselves had before. Who is there comes first: a lease of one
 * that is only wanted may be from a plan that came to nothing. */
static void assign_own(struct wc_address_work *w, const struct wc_map *by_replica, enum whose whose)
{
    const struct wc_known_network *net = w->net;
    for (size_t i = 0; i < net->n_leases; i++) {
        const struct wc_lease *lease = &net->leases[i];
        if (!wc_streq(lease->project, w->in->project->name) || is_taken(w, lease->ip4) ||
            !wc_address_contains(net->subnet, lease->ip4))
            continue;
        struct wc_address_member *m = claimant(w, by_replica, lease, whose);
        if (m == NULL || m->ip4 != 0)
            continue;
        m->ip4 = lease->ip4;
        take(w, lease->ip4);
    }
}

bool wc_address_is_guest(const struct wc_address_in *in, const struct wc_lease *lease)
{
    if (!wc_streq(lease->project, in->project->name))
        return false;
    for (size_t i = 0; i < in->n_guests; i++)
        if (in->guests[i].index == lease->index &&
            wc_streq(in->guests[i].service, lease->service) &&
            same_incarnation(in->guests[i].incarnation, lease->incarnation))
            return true;
    return false;
}

/* True for what one had that is gone, while a later one is there with the same address. */
static bool is_passed_on(const struct wc_address_work *w, const struct wc_lease *lease)
{
    const struct wc_known_network *net = w->net;
    if (wc_address_is_guest(w->in, lease))
        return false;
    for (size_t i = 0; i < net->n_leases; i++)
        if (net->leases[i].ip4 == lease->ip4 && wc_address_is_guest(w->in, &net->leases[i]))
            return true;
    return false;
}

/* True for a lease that is kept beside those of the members: of another project, of a replica that
 * isn't there, of one that a member comes after. Else it may become one of theirs. */
static bool is_kept(struct wc_address_work *w, const struct wc_map *by_replica,
                    const struct wc_lease *lease)
{
    if (!wc_streq(lease->project, w->in->project->name))
        return true;
    const struct wc_address_member *held = claimant(w, by_replica, lease, HELD);
    bool fits = wc_address_contains(w->net->subnet, lease->ip4);
    if (held != NULL && fits && (held->ip4 == lease->ip4 || !is_taken(w, lease->ip4)))
        return true;
    if (is_taken(w, lease->ip4) || !fits)
        return false; /* a member has it, or the gateway; or it is from another subnet */
    struct wc_address_member *replica =
        wc_map_get(by_replica, key_of(w, lease->service, lease->index));
    if (replica == NULL)
        return !is_passed_on(w, lease);
    struct wc_address_member *m = heir(w, replica);
    if (m != NULL)
        m->ip4 = lease->ip4;
    if (m != NULL)
        take(w, lease->ip4);
    return false;
}

/* Pass 3: what replicas had before; what else is kept is noted. */
static void assign_prior(struct wc_address_work *w, const struct wc_map *by_replica)
{
    struct wc_known_network *net = w->net;
    size_t kept = 0;
    for (size_t i = 0; i < net->n_leases; i++) {
        struct wc_lease lease = net->leases[i];
        if (!is_kept(w, by_replica, &lease))
            continue;
        take(w, lease.ip4);
        net->leases[kept++] = lease;
    }
    net->n_leases = kept;
}

static void add_lease(struct wc_address_work *w, const struct wc_address_member *m)
{
    struct wc_known_network *net = w->net;
    const struct wc_address_slot *slot = &w->in->slots[m->slot];
    net->leases[net->n_leases++] = (struct wc_lease){ w->in->project->name, slot->service->name,
                                                      slot->index, m->ip4, slot->incarnation };
}

static bool is_wanted(const struct wc_address_work *w, const struct wc_lease *lease)
{
    for (size_t i = 0; i < w->n_members; i++)
        if (lease_of(lease, w->in, w->members[i].slot))
            return true;
    return false;
}

/* Gives up the first lease of an own member that is gone; of one that only goes when there is no
 * other. */
static uint32_t reclaim(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    size_t found = net->n_leases;
    for (size_t i = 0; i < net->n_leases; i++) {
        const struct wc_lease *lease = &net->leases[i];
        if (!wc_streq(lease->project, w->in->project->name) || is_wanted(w, lease))
            continue;
        bool goes = wc_address_is_guest(w->in, lease);
        if (!goes || found == net->n_leases)
            found = i;
        if (!goes)
            break;
    }
    if (found == net->n_leases)
        return 0;
    uint32_t ip4 = net->leases[found].ip4;
    net->leases[found] = net->leases[--net->n_leases];
    return ip4;
}

/* Pass 4: the lowest free address for the rest; leases for whoever has none. */
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
        }
        add_lease(w, m);
    }
    return 0;
}

int wc_address_assign(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    struct wc_map by_replica;
    wc_map_init(&by_replica, w->arena);
    for (size_t i = 0; i < w->n_members; i++) {
        struct wc_address_member *m = &w->members[i];
        const char *key = key_of(w, label(w, m), slot_of(w, m)->index);
        m->beside = wc_map_get(&by_replica, key);
        wc_map_put(&by_replica, key, m);
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
    assign_own(w, &by_replica, ASIDE);
    assign_own(w, &by_replica, WANTED);
    assign_own(w, &by_replica, HELD);
    assign_prior(w, &by_replica);
    return assign_new(w);
}
