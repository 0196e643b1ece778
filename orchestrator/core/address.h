/* address.h - who has which address: subnets, addresses, MACs and names, planned before anything
 * starts (orchestrator/core, pure).
 *
 * Idea:    a function of the project and of what was assigned before: prior assignments are kept
 *          while they fit, so an address never moves because something else changed; what is new
 *          gets the lowest free one, so that the same history gives the same plan. An address
 *          belongs to an incarnation of a replica while two of them are there, else it passes from
 *          one to the next.
 * Owner:   inputs are borrowed and must live as long as the output, which is in the arena.
 * Threads: none; callable from anywhere. Blocks: never.
 * Errors:  WC_ERR_SPEC for addresses that don't fit, WC_ERR_CONFLICT for taken ones, WC_ERR_LIMIT
 *          when a pool or a subnet is full; each with its place in the user's file.
 * Source:  Compose Specification, "networks" (ipam, internal, external, aliases, ipv4_address).
 */
#ifndef ORCHESTRATOR_CORE_ADDRESS_H
#define ORCHESTRATOR_CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/model.h"
#include "wcompose/state.h"

struct wc_arena;

/* A range of addresses, host byte order. base4 has no bits beyond prefix4. */
struct wc_cidr4 {
    uint32_t base4;
    uint8_t prefix4;
};

/* Reads "10.0.0.0/8" (host bits are cleared) or an address. False when it is neither. */
bool wc_cidr4_parse(const char *text, struct wc_cidr4 *out);
bool wc_ip4_parse(const char *text, uint32_t *out);

/* Writes "10.210.0.7"; out has room for 16 bytes. Returns out. */
const char *wc_ip4_format(uint32_t ip4, char out[16]);

/* True when the ranges share an address. */
bool wc_cidr4_overlap(struct wc_cidr4 a, struct wc_cidr4 b);

/* An address that somebody has on a network. */
struct wc_lease {
    const char *project, *service;
    unsigned index; /* 1-based replica number */
    uint32_t ip4;
    const char *incarnation; /* as wc_address_slot; "" or NULL: whichever of the replica's asks */
};

/* A network of the host as it was assigned earlier, by this project or another one. */
struct wc_known_network {
    const char *name;   /* full name */
    const char *owner;  /* project that made it */
    const char *bridge; /* interface */
    struct wc_cidr4 subnet;
    uint32_t gateway4;
    bool internal;
    bool live;               /* its bridge is there: it can't move now */
    struct wc_lease *leases; /* n_leases entries, any order */
    size_t n_leases;
};

/* One instance that wants to be on networks. */
struct wc_address_slot {
    const struct wc_service *service; /* that it was, or is to be, made by */
    unsigned index;                   /* 1-based replica number */
    const char *name;                 /* instance name, e.g. shop-web-1; answers to it */
    const char *incarnation; /* tells it from others of the replica: digits of its id; may be NULL
                              */
    const char *holder; /* the incarnation that is there now, and goes before this one comes, which
                           gets its address then; NULL: none, or it is aside */
    bool kept;  /* there already, and nobody asks for more of it now: it is no reason to refuse
                   anything */
    bool aside; /* there beside the one that is wanted, until that takes over: it has an address of
                   its own. What the model names but this service isn't on is nothing to it */
};

/* An incarnation that is there, wanted or not. */
struct wc_address_guest {
    const char *service, *incarnation;
    unsigned index;
};

struct wc_address_in {
    const struct wc_project *project;
    const struct wc_address_slot *slots; /* n_slots entries; (service, index) unique among those
                                            that aren't aside, with incarnation among all */
    size_t n_slots;
    const struct wc_address_guest *guests; /* n_guests entries: all that are there. What was theirs
                                              is given away last */
    size_t n_guests;
    const struct wc_known_network *known; /* n_known entries: all networks of the host */
    size_t n_known;
    const struct wc_cidr4 *used; /* n_used ranges that others route (host routes) */
    size_t n_used;
    const struct wc_cidr4 *pools; /* n_pools ranges to take subnets from; 0 = wc_address_pools */
    size_t n_pools;
};

/* Where subnets come from unless told otherwise: 10.210.0.0/15, 512 networks of 254 addresses. */
extern const struct wc_cidr4 wc_address_pools[];
extern const size_t wc_address_n_pools;

/* What one slot gets: attachments by descending priority, then in the order of the file. Their
 * gateway4 is 0 on internal networks. The first with a gateway carries the default route.
 */
struct wc_address_place {
    const struct wc_attachment *nets;
    size_t n_nets;
};

struct wc_address_plan {
    struct wc_known_network *networks; /* n_networks: those that the slots use, sorted by name, with
                                          all leases, own and others'; external ones included */
    const struct wc_network **models;  /* n_networks: the model of each */
    size_t n_networks;
    struct wc_address_place *places; /* n_slots, as in->slots */
};

/* Assigns everything. Returns 0 and the plan, or an error (see above); WC_ERR_NOENT when an
 * external network isn't known.
 */
int wc_address_plan(const struct wc_address_in *in, struct wc_arena *arena,
                    struct wc_address_plan *out, struct wc_err *err);

/* True when the lease is one of the project's, of an incarnation that is there. */
bool wc_address_is_guest(const struct wc_address_in *in, const struct wc_lease *lease);

/* The bridge of a network: "wc" and 13 hex digits of its name's hash; always the same. */
void wc_address_bridge(const char *network, char out[16]);

/* The MAC of an address: 02:77 (locally administered) and its four bytes; unique on its bridge. */
void wc_address_mac(uint32_t ip4, uint8_t out[6]);

#endif
