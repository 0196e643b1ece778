/* networks.h - networks of a project, from model to request: addresses, ports, names, hosts files
 * (orchestrator; files and /proc round the pure core/address).
 *
 * Idea:    a registry on disk remembers who was given what (lib/networks/<network>.json, and
 *          ports.json), so that addresses and random ports survive `down`-less changes, reboots and
 *          other projects. It holds assignments, never truth about the host: that is the driver's.
 * Use:     plan (with reserve) -> wc_networks_write -> NET_UP with out->request -> creates;
 *          a failure of an apply that made the project: wc_networks_rollback; after NET_DOWN:
 *          wc_networks_release. Scaling and other changes: the same again, hosts files are
 *          rewritten in place, so running instances see their new peers.
 *          While two incarnations of a replica are there, names and ports lead to one of them:
 *          wc_networks_lead, wc_networks_write and NET_UP move them to the other;
 *          wc_networks_forget when the first has gone. wc_networks_left says of any instance that
 it has gone, while n_lingering isn't 0.
 * Owner:   inputs are borrowed as long as the plan lives; the plan is in the arena.
 * Threads: any; calls block for a few small files. Processes take turns by lib/networks/lock.
 */
#ifndef ORCHESTRATOR_NETWORKS_H
#define ORCHESTRATOR_NETWORKS_H

#include "orchestrator/core/address.h"
#include "wcompose/driver.h"

struct wc_paths;

struct wc_networks_in {
    const struct wc_paths *paths;
    const struct wc_project *project;
    const struct wc_address_slot *slots; /* n_slots: every instance wanted, whatever its network;
                                            then those that are aside, on networks. These, and what
                                            they point to, until they are `gone` */
    size_t n_slots;
    bool reserve;                    /* false: look only (plan, dry run); nothing is written */
    struct wc_address_guest *guests; /* n_guests: all instances that are there. A network that no
                                        slot is on stays as long as one of them has an address */
    size_t n_guests;
};

/* What one slot gets, to be copied into its wc_instance. */
struct wc_networks_slot {
    const struct wc_attachment *nets; /* n_nets; none with network_mode none, host, service */
    size_t n_nets;
    const char *hosts_file, *resolv_file; /* absolute paths; written by wc_networks_write */
    int join_slot; /* network_mode service:x: the slot whose namespace is shared; else -1 */
    bool leads;    /* names and ports of its replica lead to it. The plan's is what was written
                      last; where that says nothing, they lead to one that is aside */
    bool gone;     /* aside, and there no more */
};

struct wc_networks_plan {
    struct wc_net_request request;  /* for NET_UP */
    struct wc_networks_slot *slots; /* n_slots, as in->slots */
    size_t n_slots;
    size_t n_lingering; /* networks that are only there for instances that go */
    struct wc_networks_priv *priv;
};

/* Assigns subnets, addresses and ports. With reserve they are recorded at once, so that nobody else
 * takes them. Returns 0, an error of wc_address_plan, or
 *   WC_ERR_CONFLICT  a fixed port is wanted twice (at its place)
 *   WC_ERR_LIMIT     no free port in a range
 *   WC_ERR_SPEC      an address of the file can't be used; network_mode: service:x without an x
 *   WC_ERR_IO        the registry can't be read or written
 */
int wc_networks_plan(const struct wc_networks_in *in, struct wc_arena *arena,
                     struct wc_networks_plan *out, struct wc_err *err);

/* Makes request and files anew, by what slots[].leads and gone say now: of each replica exactly one
 * leads. Nothing is written.
 *   arena  what is made goes there; what an earlier call made in another one is not used any more
 */
void wc_networks_lead(struct wc_networks_plan *plan, struct wc_arena *arena);

/* Gives back the addresses of one that is gone. */
int wc_networks_forget(const struct wc_networks_plan *plan, size_t slot, struct wc_err *err);

/* One of the guests has gone. True when a network has gone with it: wc_networks_lead makes the
 * request anew, and with `reserve` the registry forgets it (a failure is logged: the next plan does
 * it). */
bool wc_networks_left(struct wc_networks_plan *plan, const char *service, unsigned index,
                      const char *incarnation);

/* Writes who leads, where there are several of a replica; then hosts and resolv.conf of every slot,
 * into lib/projects/<project>/net/, keeping the inode of files that exist (they are bound into
 * containers). Files of slots that are gone are removed.
 */
int wc_networks_write(const struct wc_networks_plan *plan, struct wc_err *err);

/* Puts the registry back to what it was before this plan, and removes files if there were none. */
void wc_networks_rollback(const struct wc_networks_plan *plan);

/* Forgets a project: its addresses and ports, networks that nobody else uses, its files. Absent is
 * success.
 */
int wc_networks_release(const struct wc_paths *paths, const char *project, struct wc_err *err);

#endif
