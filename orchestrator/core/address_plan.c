/* address_plan.c - plans a project's networks: subnets here, members in address_lease.c, what
 * instances see in address_attach.c.
 *
 * Networks are planned one after another in the order of their names; each counts as known for
 * those that follow, so that two new ones never get the same subnet.
 */
#include "orchestrator/core/address_priv.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

const struct wc_cidr4 wc_address_pools[] = { { 0x0AD20000, 15 } }; /* 10.210.0.0/15 */
const size_t wc_address_n_pools = WC_COUNT(wc_address_pools);

enum {
    PREFIX_USUAL = 24,
    PREFIX_WIDEST = 16, /* widest that we choose */
    RESERVED = 3,       /* network, gateway, broadcast */
};

uint32_t wc_address_size(struct wc_cidr4 subnet)
{
    return subnet.prefix4 == 0 ? UINT32_MAX : (uint32_t)1 << (32 - subnet.prefix4);
}

bool wc_address_contains(struct wc_cidr4 subnet, uint32_t ip4)
{
    return wc_cidr4_overlap(subnet, (struct wc_cidr4){ ip4, 32 });
}

static bool routed_elsewhere(const struct wc_address_in *in, struct wc_cidr4 subnet)
{
    for (size_t i = 0; i < in->n_used; i++)
        if (in->used[i].prefix4 != 0 && wc_cidr4_overlap(in->used[i], subnet))
            return true;
    return false;
}

/* Returns the other network whose subnet overlaps, or NULL. */
static const struct wc_known_network *overlapping(const struct wc_address_in *in, const char *name,
                                                  struct wc_cidr4 subnet)
{
    for (size_t i = 0; i < in->n_known; i++)
        if (!wc_streq(in->known[i].name, name) && wc_cidr4_overlap(in->known[i].subnet, subnet))
            return &in->known[i];
    return NULL;
}

static int pick_subnet(struct wc_address_work *w, struct wc_cidr4 *out)
{
    const struct wc_address_in *in = w->in;
    const struct wc_cidr4 *pools = in->n_pools != 0 ? in->pools : wc_address_pools;
    size_t n_pools = in->n_pools != 0 ? in->n_pools : wc_address_n_pools;
    size_t need = (w->n_members + w->n_spare + RESERVED) * 5 / 4;
    uint8_t prefix = PREFIX_USUAL;
    while (prefix > PREFIX_WIDEST && ((size_t)1 << (32 - prefix)) < need)
        prefix--;
    for (size_t p = 0; p < n_pools; p++) {
        uint8_t use = prefix < pools[p].prefix4 ? pools[p].prefix4 : prefix;
        uint64_t end = (uint64_t)pools[p].base4 + wc_address_size(pools[p]);
        for (uint64_t base = pools[p].base4; base < end; base += (uint64_t)1 << (32 - use)) {
            struct wc_cidr4 subnet = { (uint32_t)base, use };
            if (overlapping(in, w->net->name, subnet) == NULL && !routed_elsewhere(in, subnet)) {
                *out = subnet;
                return 0;
            }
        }
    }
    return wc_err_at(w->err, WC_ERR_LIMIT, w->model->at,
                     "network %s: every subnet of the address pool is in use", w->net->name);
}

/* Takes what the file says; checks that nobody else has it. */
static int asked_subnet(struct wc_address_work *w, struct wc_cidr4 *out)
{
    const struct wc_network *model = w->model;
    struct wc_cidr4 subnet;
    if (!wc_cidr4_parse(model->subnet, &subnet) || subnet.prefix4 < 8 || subnet.prefix4 > 30)
        return wc_err_at(w->err, WC_ERR_SPEC, model->at,
                         "network %s: subnet '%s' is no IPv4 range between /8 and /30", model->key,
                         model->subnet);
    const struct wc_known_network *other = overlapping(w->in, w->net->name, subnet);
    if (other != NULL)
        return wc_err_at(w->err, WC_ERR_CONFLICT, model->at,
                         "network %s: subnet %s overlaps network %s of project %s", model->key,
                         model->subnet, other->name, other->owner);
    if (!w->net->live && routed_elsewhere(w->in, subnet))
        return wc_err_at(w->err, WC_ERR_CONFLICT, model->at,
                         "network %s: subnet %s overlaps a route that this host already has",
                         model->key, model->subnet);
    *out = subnet;
    return 0;
}

static int choose_gateway(struct wc_address_work *w)
{
    struct wc_known_network *net = w->net;
    uint32_t size = wc_address_size(net->subnet), gateway = net->subnet.base4 + 1;
    if (w->model->gateway != NULL &&
        (!wc_ip4_parse(w->model->gateway, &gateway) || !wc_address_contains(net->subnet, gateway) ||
         gateway == net->subnet.base4 || gateway == net->subnet.base4 + size - 1))
        return wc_err_at(w->err, WC_ERR_SPEC, w->model->at,
                         "network %s: gateway '%s' is no usable address of its subnet",
                         w->model->key, w->model->gateway);
    net->gateway4 = gateway;
    return 0;
}

/* Settles subnet and gateway of a network of ours; a move drops all old leases. */
static int settle_subnet(struct wc_address_work *w, bool was_known)
{
    struct wc_known_network *net = w->net;
    struct wc_cidr4 subnet = net->subnet;
    bool keep = was_known && wc_address_size(subnet) >= w->n_members - w->n_aside + RESERVED &&
                (net->live || !routed_elsewhere(w->in, subnet));
    int status = w->model->subnet != NULL ? asked_subnet(w, &subnet)
                 : keep                   ? 0
                                          : pick_subnet(w, &subnet);
    if (status != 0)
        return status;
    bool moved =
        !was_known || subnet.base4 != net->subnet.base4 || subnet.prefix4 != net->subnet.prefix4;
    if (moved) {
        net->subnet = subnet;
        net->n_leases = 0;
    }
    return choose_gateway(w);
}

static const struct wc_known_network *find_known(const struct wc_address_in *in, const char *name)
{
    for (size_t i = 0; i < in->n_known; i++)
        if (wc_streq(in->known[i].name, name))
            return &in->known[i];
    return NULL;
}

/* Starts a network from what is known of it; refuses what isn't the project's to use. */
static int begin_network(struct wc_address_work *w, bool *was_known)
{
    const struct wc_network *model = w->model;
    const struct wc_known_network *known = find_known(w->in, model->name);
    struct wc_known_network *net = w->net;
    *was_known = known != NULL;
    if (known != NULL) {
        *net = *known;
    } else if (model->external) {
        return wc_err_at(w->err, WC_ERR_NOENT, model->at,
                         "network %s is external, but this host has no network %s", model->key,
                         model->name);
    } else {
        char bridge[16];
        wc_address_bridge(model->name, bridge);
        *net = (struct wc_known_network){ .name = model->name,
                                          .owner = w->in->project->name,
                                          .bridge = wc_arena_strdup(w->arena, bridge) };
    }
    if (model->external)
        return 0;
    if (!wc_streq(net->owner, w->in->project->name))
        return wc_err_at(w->err, WC_ERR_CONFLICT, model->at,
                         "network %s belongs to project %s; declare it external to share it",
                         model->name, net->owner);
    net->internal = model->internal;
    return 0;
}

static int by_service_index(const void *a, const void *b, const struct wc_address_in *in)
{
    const struct wc_address_slot *x = &in->slots[((const struct wc_address_member *)a)->slot];
    const struct wc_address_slot *y = &in->slots[((const struct wc_address_member *)b)->slot];
    int order = strcmp(x->service->name, y->service->name);
    if (order == 0)
        order = (x->index > y->index) - (x->index < y->index);
    return order != 0 ? order : x->aside - y->aside;
}

/* Collects who is on the network, sorted by service and index, one that is aside last. Insertion
 * sort: slots mostly come in that order already. */
static void collect_members(struct wc_address_work *w)
{
    size_t cap = 0;
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_service *service = w->in->slots[s].service;
        if (service->network_mode != WC_NETMODE_NETWORKS)
            continue;
        for (size_t n = 0; n < service->n_networks; n++) {
            if (!wc_streq(service->networks[n].network, w->model->key))
                continue;
            struct wc_address_member m = { .slot = s, .net = &service->networks[n] };
            bool aside = w->in->slots[s].aside;
            w->n_aside += aside;
            w->n_spare += !aside && service->update.set && service->update.start_first;
            w->members = wc_arena_grow(w->arena, w->members, w->n_members, &cap, sizeof m);
            size_t at = w->n_members++;
            for (; at > 0 && by_service_index(&m, &w->members[at - 1], w->in) < 0; at--)
                w->members[at] = w->members[at - 1];
            w->members[at] = m;
        }
    }
}

static int plan_network(struct wc_address_work *w)
{
    bool was_known;
    int status = begin_network(w, &was_known);
    if (status == 0 && !w->model->external)
        status = settle_subnet(w, was_known);
    return status != 0 ? status : wc_address_assign(w);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct wc_network *const *)a)->name,
                  (*(const struct wc_network *const *)b)->name);
}

/* The project's networks that have members, by full name. */
static void used_networks(const struct wc_address_in *in, struct wc_arena *arena,
                          struct wc_address_plan *out)
{
    const struct wc_project *project = in->project;
    struct wc_map seen;
    wc_map_init(&seen, arena);
    for (size_t s = 0; s < in->n_slots; s++) {
        const struct wc_service *service = in->slots[s].service;
        if (service->network_mode != WC_NETMODE_NETWORKS)
            continue;
        for (size_t n = 0; n < service->n_networks; n++)
            wc_map_put(&seen, service->networks[n].network, NULL);
    }
    out->models = WC_NEW_ARRAY(arena, const struct wc_network *, project->n_networks);
    for (size_t i = 0; i < project->n_networks; i++)
        if (wc_map_has(&seen, project->networks[i].key))
            out->models[out->n_networks++] = &project->networks[i];
    if (out->n_networks > 0)
        qsort(out->models, out->n_networks, sizeof *out->models, by_name);
    out->networks = WC_NEW_ARRAY(arena, struct wc_known_network, out->n_networks);
}

static void name_interfaces(struct wc_arena *arena, struct wc_attachment *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i].ifname = wc_arena_printf(arena, "eth%zu", i);
}

/* Networks planned so far count as known for those that follow: a copy with room for them. */
static struct wc_known_network *copy_known(const struct wc_address_in *in, struct wc_arena *arena)
{
    struct wc_known_network *known =
        WC_NEW_ARRAY(arena, struct wc_known_network, in->n_known + in->project->n_networks);
    if (in->n_known > 0)
        memcpy(known, in->known, in->n_known * sizeof *known);
    return known;
}

static size_t note_planned(struct wc_known_network *known, size_t n,
                           const struct wc_known_network *net)
{
    size_t at = 0;
    while (at < n && !wc_streq(known[at].name, net->name))
        at++;
    known[at] = *net;
    return n + (at == n);
}

int wc_address_plan(const struct wc_address_in *in, struct wc_arena *arena,
                    struct wc_address_plan *out, struct wc_err *err)
{
    struct wc_address_plan plan = { .places =
                                        WC_NEW_ARRAY(arena, struct wc_address_place, in->n_slots) };
    struct wc_attachment **lists = WC_NEW_ARRAY(arena, struct wc_attachment *, in->n_slots);
    for (size_t s = 0; s < in->n_slots; s++) {
        lists[s] = WC_NEW_ARRAY(arena, struct wc_attachment, in->slots[s].service->n_networks);
        plan.places[s].nets = lists[s];
    }
    used_networks(in, arena, &plan);
    struct wc_known_network *known = copy_known(in, arena);
    struct wc_address_in growing = *in;
    growing.known = known;
    for (size_t i = 0; i < plan.n_networks; i++) {
        struct wc_address_work w = { .in = &growing,
                                     .arena = arena,
                                     .err = err,
                                     .model = plan.models[i],
                                     .net = &plan.networks[i] };
        collect_members(&w);
        int status = plan_network(&w);
        if (status == 0)
            status = wc_address_attach(&w, plan.places, lists);
        if (status != 0)
            return status;
        growing.n_known = note_planned(known, growing.n_known, w.net);
    }
    for (size_t s = 0; s < in->n_slots; s++)
        name_interfaces(arena, lists[s], plan.places[s].n_nets);
    *out = plan;
    return 0;
}
