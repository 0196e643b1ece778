/* networks_priv.h - what networks*.c share (private). */
#ifndef ORCHESTRATOR_NETWORKS_PRIV_H
#define ORCHESTRATOR_NETWORKS_PRIV_H

#include "orchestrator/networks.h"

struct wc_arena;
struct wc_buf;

/* A port that somebody was given. */
struct wc_port_claim {
    const char *project, *service;
    unsigned index, host_port, target_port;
    uint32_t host_ip4;
    enum wc_proto proto;
    bool any; /* chosen by us from a range */
};

/* A registry file that was written, for rollback. */
struct wc_registry_write {
    const char *path, *before, *after; /* before NULL: there was none */
};

/* Text of one instance's hosts or resolv.conf. */
struct wc_networks_file {
    const char *path, *text;
};

struct wc_networks_priv {
    struct wc_networks_in in;
    struct wc_address_plan addresses;
    struct wc_known_network *lingering; /* n_lingering of the plan */
    const struct wc_net_publish *ports; /* the request's, as if who is wanted led */
    size_t *port_slots;                 /* whose each of them is */
    const char *leading;                /* the text of WC_NETWORKS_LEADING; "" = no such file */
    const char *dir;                    /* lib/networks */
    const char *files_dir;              /* lib/projects/<project>/net */
    bool fresh;                         /* the registry knew nothing of the project before */
    struct wc_registry_write *writes;
    size_t n_writes, cap_writes;
    struct wc_networks_file *files;
    size_t n_files, cap_files;
};

/* In files_dir: a line SERVICE INDEX INCARNATION for each replica that has several, and names and
 * ports lead to this one. A successor goes on from there. */
#define WC_NETWORKS_LEADING "leading"

/* The work of one wc_networks_plan. */
struct wc_networks_work {
    const struct wc_networks_in *in;
    struct wc_arena *arena;
    struct wc_err *err;
    struct wc_networks_plan *out;
    struct wc_address_plan addresses;
    struct wc_known_network *known; /* n_known: the registry's networks */
    size_t n_known, cap_known;
    struct wc_port_claim *claims; /* n_claims: of all projects, this one's as they were */
    size_t n_claims, cap_claims;
};

/* ---- networks_registry.c: files in lib/networks ------------------------------------------ */

/* Takes lib/networks/lock; makes the directory. Returns a descriptor to be closed, or a code. */
int wc_registry_lock(const char *dir, struct wc_err *err);

/* Reads all networks and claims into w; a directory that isn't there is an empty registry. */
int wc_registry_read(struct wc_networks_work *w, const char *dir);

/* Reads the claims only. */
int wc_registry_read_claims(struct wc_networks_work *w, const char *dir);

/* Writes one network, or removes it when it has no owner and no leases. */
int wc_registry_put(struct wc_networks_priv *priv, struct wc_arena *arena,
                    const struct wc_known_network *net, struct wc_err *err);

/* Writes all claims. */
int wc_registry_put_claims(struct wc_networks_priv *priv, struct wc_arena *arena,
                           const struct wc_port_claim *claims, size_t n, struct wc_err *err);

/* Ranges that the host routes by other interfaces than bridges of known networks. */
void wc_routes_read(struct wc_networks_work *w, struct wc_cidr4 **out, size_t *n);

/* ---- networks_linger.c -------------------------------------------------------------------- */

/* Finds the networks that the project has, the plan lacks, and somebody who is there is on. */
void wc_networks_find_lingering(struct wc_networks_work *w);

/* Takes the project's leases off a network; keep: but for those of the guests of w->in. Hands it to
 * another user when none is left, or leaves it without owner. True when that changed something. */
bool wc_networks_take_off(const struct wc_networks_work *w, struct wc_known_network *net,
                          const char *project, bool keep);

/* Networks that the project had and no longer uses: its leases go, but for those of guests. */
int wc_networks_forget_unused(struct wc_networks_work *w, struct wc_networks_priv *priv);

/* ---- networks_ports.c -------------------------------------------------------------------- */

/* Fills w->out->request.ports; *claims are all projects' claims as they are to be from now on. */
int wc_networks_ports(struct wc_networks_work *w, struct wc_port_claim **claims, size_t *n);

/* The address that a slot's ports lead to: where its default route goes. 0: it has none. */
uint32_t wc_networks_target(const struct wc_networks_slot *slot);

/* ---- networks_files.c -------------------------------------------------------------------- */

/* Names the hosts and resolv.conf files of all slots in w->out->slots; finds join_slot. */
int wc_networks_name_files(struct wc_networks_work *w);

/* Makes the texts of all hosts and resolv.conf files. */
void wc_networks_files(struct wc_networks_work *w);

/* Writes a file in place: the inode stays, as it may be bound into a container. */
int wc_file_rewrite(const char *path, const char *text, struct wc_err *err);

/* ---- networks_lead.c --------------------------------------------------------------------- */

/* Reads who leads into w->out->slots; from the file, or from its text. */
void wc_networks_read_leading(struct wc_networks_work *w);
void wc_networks_choose_leading(struct wc_networks_work *w, const char *text);

#endif
