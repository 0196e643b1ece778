/* networks_lead.c - which incarnation of a replica names and ports lead to, while several are
 * there.
 *
 * Addresses are planned once and stay; this makes from them what the host is told: one request and
 * the texts of the files, anew each time that somebody else leads. Those that names don't lead to
 * are in the request without one, so that the name server knows which networks they may ask about.
 */
#include "orchestrator/networks_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

enum { LEADING_LIMIT = 1 << 20 };

/* Those that are aside come last. */
static size_t first_aside(const struct wc_networks_in *in)
{
    size_t n = in->n_slots;
    while (n > 0 && in->slots[n - 1].aside)
        n--;
    return n;
}

static bool same_replica(const struct wc_networks_in *in, size_t a, size_t b)
{
    return in->slots[a].index == in->slots[b].index &&
           wc_streq(in->slots[a].service->name, in->slots[b].service->name);
}

/* ---- the request ------------------------------------------------------------------------ */

static struct wc_net_network network_of(const struct wc_known_network *net, bool external)
{
    return (struct wc_net_network){ .name = net->name,
                                    .bridge = net->bridge,
                                    .subnet4 = net->subnet.base4,
                                    .gateway4 = net->gateway4,
                                    .prefix4 = net->subnet.prefix4,
                                    .internal = net->internal,
                                    .external = external };
}

static void request_networks(struct wc_networks_work *w)
{
    const struct wc_address_plan *plan = &w->addresses;
    size_t n = 0, n_lingering = w->out->n_lingering;
    struct wc_net_network *nets =
        WC_NEW_ARRAY(w->arena, struct wc_net_network, plan->n_networks + n_lingering);
    for (size_t i = 0; i < plan->n_networks; i++)
        nets[n++] = network_of(&plan->networks[i], plan->models[i]->external);
    for (size_t i = 0; i < n_lingering; i++)
        nets[n++] = network_of(&w->out->priv->lingering[i], false);
    w->out->request.networks = nets;
    w->out->request.n_networks = n;
}

static size_t count_names(const struct wc_networks_work *w)
{
    size_t total = 0;
    for (size_t s = 0; s < w->in->n_slots; s++)
        for (size_t i = 0; i < w->out->slots[s].n_nets; i++)
            total += w->out->slots[s].nets[i].names.n + 1;
    return total;
}

static void request_names(struct wc_networks_work *w)
{
    size_t n = 0;
    struct wc_net_name *names = WC_NEW_ARRAY(w->arena, struct wc_net_name, count_names(w));
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_networks_slot *slot = &w->out->slots[s];
        for (size_t i = 0; i < slot->n_nets && !slot->gone; i++) {
            const struct wc_attachment *att = &slot->nets[i];
            struct wc_net_name name = { att->name, NULL, att->ip4, w->in->slots[s].name };
            if (!slot->leads)
                names[n++] = name;
            for (size_t k = 0; k < att->names.n && slot->leads; k++) {
                name.name = att->names.items[k];
                names[n++] = name;
            }
        }
    }
    w->out->request.names = names;
    w->out->request.n_names = n;
}

/* The slot that leads for the replica of this one. */
static size_t leader_of(const struct wc_networks_work *w, size_t slot)
{
    if (w->out->slots[slot].leads)
        return slot;
    for (size_t s = first_aside(w->in); s < w->in->n_slots; s++)
        if (w->out->slots[s].leads && same_replica(w->in, s, slot))
            return s;
    return slot;
}

static void request_ports(struct wc_networks_work *w)
{
    const struct wc_networks_priv *priv = w->out->priv;
    size_t n = w->out->request.n_ports;
    struct wc_net_publish *ports = WC_NEW_ARRAY(w->arena, struct wc_net_publish, n);
    for (size_t i = 0; i < n; i++) {
        size_t leader = leader_of(w, priv->port_slots[i]);
        uint32_t target = wc_networks_target(&w->out->slots[leader]);
        ports[i] = priv->ports[i];
        if (target != 0) /* the one before may have been on internal networks only */
            ports[i].target_ip4 = target;
    }
    w->out->request.ports = ports;
}

/* ---- on disk ---------------------------------------------------------------------------- */

static bool has_others(const struct wc_networks_work *w, size_t slot)
{
    if (w->in->slots[slot].aside)
        return true;
    for (size_t s = first_aside(w->in); s < w->in->n_slots; s++)
        if (!w->out->slots[s].gone && same_replica(w->in, s, slot))
            return true;
    return false;
}

static void leading_text(struct wc_networks_work *w)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_address_slot *slot = &w->in->slots[s];
        if (w->out->slots[s].leads && slot->incarnation != NULL && has_others(w, s))
            wc_buf_printf(&text, "%s %u %s\n", slot->service->name, slot->index, slot->incarnation);
    }
    w->out->priv->leading = wc_arena_strndup(w->arena, text.data, text.len);
}

void wc_networks_lead(struct wc_networks_plan *plan, struct wc_arena *arena)
{
    struct wc_networks_priv *priv = plan->priv;
    struct wc_networks_work w = {
        .in = &priv->in, .arena = arena, .out = plan, .addresses = priv->addresses
    };
    priv->files = NULL;
    priv->n_files = priv->cap_files = 0;
    request_networks(&w);
    request_names(&w);
    request_ports(&w);
    leading_text(&w);
    wc_networks_files(&w);
}

static bool is_leading(const struct wc_address_slot *slot, const char *text)
{
    char line[512];
    int len = snprintf(line, sizeof line, "%s %u %s\n", slot->service->name, slot->index,
                       slot->incarnation != NULL ? slot->incarnation : "");
    if (len < 0 || (size_t)len >= sizeof line)
        return false;
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if (at == text || at[-1] == '\n')
            return true;
    return false;
}

/* Where nothing is known they lead to one that was there before. */
static void choose(struct wc_networks_work *w, size_t wanted, const char *text)
{
    size_t found = wanted;
    bool known = is_leading(&w->in->slots[wanted], text);
    for (size_t s = first_aside(w->in); s < w->in->n_slots && !known; s++) {
        if (!same_replica(w->in, s, wanted))
            continue;
        known = is_leading(&w->in->slots[s], text);
        if (known || found == wanted)
            found = s;
    }
    w->out->slots[found].leads = true;
}

void wc_networks_choose_leading(struct wc_networks_work *w, const char *text)
{
    for (size_t s = 0; s < w->in->n_slots; s++)
        if (!w->in->slots[s].aside)
            choose(w, s, text);
}

void wc_networks_read_leading(struct wc_networks_work *w)
{
    char path[4096];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/" WC_NETWORKS_LEADING, w->out->priv->files_dir);
    if (wc_fs_read(path, LEADING_LIMIT, &text, NULL) != 0)
        wc_buf_reset(&text);
    wc_networks_choose_leading(w, text.data);
}
