/* address_priv.h - one network while it is being planned (private to address*.c). */
#ifndef ORCHESTRATOR_CORE_ADDRESS_PRIV_H
#define ORCHESTRATOR_CORE_ADDRESS_PRIV_H

#include "orchestrator/core/address.h"

/* One slot's membership of the network being planned. */
struct wc_address_member {
    size_t slot;
    const struct wc_service_net *net;
    uint32_t ip4;                     /* 0: not assigned yet */
    struct wc_address_member *beside; /* the next incarnation of the same replica */
};

/* The network being planned. */
struct wc_address_work {
    const struct wc_address_in *in;
    struct wc_arena *arena;
    struct wc_err *err;
    const struct wc_network *model;
    struct wc_known_network *net;
    struct wc_address_member *members;
    size_t n_members, n_aside; /* all; of them aside */
    size_t n_spare;            /* more that there may be during a change */
    uint8_t *taken;            /* bit i: base + i has an owner */
};

/* Addresses in a subnet, as a number; whether it holds ip4. */
uint32_t wc_address_size(struct wc_cidr4 subnet);
bool wc_address_contains(struct wc_cidr4 subnet, uint32_t ip4);

/* Gives every member of w an address and w->net its leases. w->net's subnet and gateway are set. */
int wc_address_assign(struct wc_address_work *w);

/* Makes the members' attachments and inserts them into their slots' lists by priority.
 *   lists  the memory behind places[].nets, with room for all networks of the service
 */
int wc_address_attach(struct wc_address_work *w, struct wc_address_place *places,
                      struct wc_attachment **lists);

#endif
