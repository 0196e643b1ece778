/* address_attach.c - what an instance gets on a network: interface, MAC, gateway, names.
 *
 * The order of attachments is the order of interfaces and decides the default route: priority
 * first (as the specification says), then the order of the file.
 */
#include "orchestrator/core/address_priv.h"

#include "base/arena.h"
#include "base/str.h"

static const char *lower(struct wc_arena *arena, const char *text)
{
    char *copy = wc_arena_strdup(arena, text);
    for (char *p = copy; *p != '\0'; p++)
        *p = wc_ascii_lower(*p);
    return copy;
}

static void add_name(struct wc_arena *arena, struct wc_strv *names, const char *name)
{
    const char *low = lower(arena, name);
    if (!wc_strv_has(names, low))
        wc_strv_add(arena, names, low);
}

static int hex_digit(char c)
{
    c = wc_ascii_lower(c);
    return wc_ascii_isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "02:42:ac:11:65:43" (or with dashes); unicast only. */
static bool mac_parse(const char *text, uint8_t out[6])
{
    for (int i = 0; i < 6; i++, text += 3) {
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0 || (i < 5 ? text[2] != ':' && text[2] != '-' : text[2] != '\0'))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (out[0] & 1) == 0;
}

static int attach(struct wc_address_work *w, const struct wc_address_member *m,
                  struct wc_attachment *out)
{
    const struct wc_address_slot *slot = &w->in->slots[m->slot];
    const struct wc_known_network *net = w->net;
    *out = (struct wc_attachment){ .network = w->model->key,
                                   .name = net->name,
                                   .bridge = net->bridge,
                                   .ip4 = m->ip4,
                                   .gateway4 = net->internal ? 0 : net->gateway4,
                                   .prefix4 = net->subnet.prefix4 };
    wc_address_mac(m->ip4, out->mac);
    if (m->net->mac_address != NULL && !mac_parse(m->net->mac_address, out->mac))
        return wc_err_at(w->err, WC_ERR_SPEC, m->net->at,
                         "service %s: mac_address '%s' is no unicast MAC address",
                         slot->service->name, m->net->mac_address);
    add_name(w->arena, &out->names, slot->service->name);
    add_name(w->arena, &out->names, slot->name);
    for (size_t i = 0; i < m->net->aliases.n; i++)
        add_name(w->arena, &out->names, m->net->aliases.items[i]);
    return 0;
}

static int64_t priority(const struct wc_service *service, const char *key)
{
    for (size_t i = 0; i < service->n_networks; i++)
        if (wc_streq(service->networks[i].network, key))
            return service->networks[i].priority;
    return 0;
}

static size_t rank(const struct wc_service *service, const char *key)
{
    size_t i = 0;
    while (i < service->n_networks && !wc_streq(service->networks[i].network, key))
        i++;
    return i;
}

/* True when network a of the service comes before b. */
static bool goes_before(const struct wc_service *service, const char *a, const char *b)
{
    int64_t pa = priority(service, a), pb = priority(service, b);
    return pa != pb ? pa > pb : rank(service, a) < rank(service, b);
}

/* Puts an attachment into its slot's list, which has room for all of the service's networks. */
static void insert(const struct wc_service *service, struct wc_address_place *place,
                   const struct wc_attachment *att, struct wc_attachment *list)
{
    size_t at = place->n_nets++;
    for (; at > 0 && goes_before(service, att->network, list[at - 1].network); at--)
        list[at] = list[at - 1];
    list[at] = *att;
}

int wc_address_attach(struct wc_address_work *w, struct wc_address_place *places,
                      struct wc_attachment **lists)
{
    for (size_t i = 0; i < w->n_members; i++) {
        const struct wc_address_member *m = &w->members[i];
        struct wc_attachment att;
        int status = attach(w, m, &att);
        if (status != 0)
            return status;
        insert(w->in->slots[m->slot].service, &places[m->slot], &att, lists[m->slot]);
    }
    return 0;
}
