/* networks_linger.c - networks that no service of the model is on any more, and instances that go
 * still are.
 *
 * Such a network stays until the last of them has gone: it may have seconds to finish what it does,
 * and needs its peers for that; and its address is nobody else's meanwhile. Rejected: to forget the
 * network with the model. The bridge went at once, and if the next model had it again, addresses
 * were given out that somebody still had.
 */
#include "orchestrator/networks_priv.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/str.h"

static bool is_guest(const struct wc_networks_in *in, const struct wc_lease *lease)
{
    const struct wc_address_in of = { .project = in->project,
                                      .guests = in->guests,
                                      .n_guests = in->n_guests };
    return wc_address_is_guest(&of, lease);
}

bool wc_networks_take_off(const struct wc_networks_work *w, struct wc_known_network *net,
                          const char *project, bool keep)
{
    size_t kept = 0, of_guests = 0;
    bool owns = wc_streq(net->owner, project);
    const char *other = NULL;
    size_t before = net->n_leases;
    for (size_t i = 0; i < before; i++) {
        bool own = wc_streq(net->leases[i].project, project);
        if (own && !(keep && is_guest(w->in, &net->leases[i])))
            continue;
        of_guests += own;
        if (!own && other == NULL)
            other = net->leases[i].project;
        net->leases[kept++] = net->leases[i];
    }
    net->n_leases = kept;
    if (owns && of_guests == 0)
        net->owner = other != NULL ? other : "";
    return kept != before || (owns && of_guests == 0);
}

static bool in_plan(const struct wc_networks_work *w, const char *name)
{
    for (size_t i = 0; i < w->addresses.n_networks; i++)
        if (wc_streq(w->addresses.networks[i].name, name))
            return true;
    return false;
}

int wc_networks_forget_unused(struct wc_networks_work *w, struct wc_networks_priv *priv)
{
    int status = 0;
    for (size_t i = 0; i < w->n_known && status == 0; i++)
        if (!in_plan(w, w->known[i].name) &&
            wc_networks_take_off(w, &w->known[i], w->in->project->name, true))
            status = wc_registry_put(priv, w->arena, &w->known[i], w->err);
    return status;
}

static bool has_guests(const struct wc_networks_in *in, const struct wc_known_network *net)
{
    for (size_t i = 0; i < net->n_leases; i++)
        if (is_guest(in, &net->leases[i]))
            return true;
    return false;
}

void wc_networks_find_lingering(struct wc_networks_work *w)
{
    struct wc_networks_priv *priv = w->out->priv;
    priv->lingering = WC_NEW_ARRAY(w->arena, struct wc_known_network, w->n_known);
    for (size_t i = 0; i < w->n_known; i++) {
        struct wc_known_network net = w->known[i];
        if (!wc_streq(net.owner, w->in->project->name) || in_plan(w, net.name) ||
            !has_guests(w->in, &net))
            continue;
        net.leases = WC_NEW_ARRAY(w->arena, struct wc_lease, net.n_leases);
        memcpy(net.leases, w->known[i].leases, net.n_leases * sizeof *net.leases);
        priv->lingering[w->out->n_lingering++] = net;
    }
}

/* Takes it off the list of those that are there. */
static void strike(struct wc_networks_in *in, const char *service, unsigned index,
                   const char *incarnation)
{
    for (size_t i = 0; i < in->n_guests; i++) {
        const struct wc_address_guest *guest = &in->guests[i];
        if (guest->index == index && wc_streq(guest->service, service) &&
            wc_streq(guest->incarnation, incarnation)) {
            in->guests[i] = in->guests[--in->n_guests];
            return;
        }
    }
}

static void forget(const struct wc_networks_plan *plan)
{
    struct wc_arena arena;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    struct wc_networks_priv priv = { .dir = plan->priv->dir };
    struct wc_networks_work w = {
        .in = &plan->priv->in, .arena = &arena, .err = &err, .addresses = plan->priv->addresses
    };
    int lock = wc_registry_lock(priv.dir, &err);
    int status = lock < 0 ? lock : wc_registry_read(&w, priv.dir);
    if (status == 0)
        status = wc_networks_forget_unused(&w, &priv);
    if (status != 0)
        wc_log(WC_LOG_WARN, "networks", "%s", err.msg);
    if (lock >= 0)
        close(lock);
    wc_arena_deinit(&arena);
}

bool wc_networks_left(struct wc_networks_plan *plan, const char *service, unsigned index,
                      const char *incarnation)
{
    struct wc_networks_priv *priv = plan->priv;
    size_t kept = 0, before = plan->n_lingering;
    strike(&priv->in, service, index, incarnation);
    for (size_t i = 0; i < before; i++)
        if (has_guests(&priv->in, &priv->lingering[i]))
            priv->lingering[kept++] = priv->lingering[i];
    plan->n_lingering = kept;
    if (kept == before)
        return false;
    if (priv->in.reserve)
        forget(plan);
    return true;
}
