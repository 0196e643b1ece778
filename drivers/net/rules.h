/* rules.h - our nftables table: what it holds, and one transaction that changes it (private to
 * drivers/net).
 *
 * Idea:    the table "inet wcompose" has a fixed set of rules; projects are elements of its sets
 *          and maps, each with its owner in the element's comment. So N projects come and go
 *          without touching each other or any rule, and the kernel's cost of a packet doesn't grow
 *          with the number of ports.
 * Owner:   state read is in the arena. Threads: under the lock of net.c only.
 */
#ifndef DRIVERS_NET_RULES_H
#define DRIVERS_NET_RULES_H

#include "wcompose/driver.h"

struct wc_arena;
struct wc_buf;

/* A bridge of ours: element of the set "bridges", comment "<owner> <subnet>/<prefix> <flags>". */
struct wc_rules_bridge {
    const char *name, *owner;
    uint32_t subnet4;
    uint8_t prefix4;
    bool internal;
};

/* A published port: element of the maps "ports" or "ports_at", comment "<owner> <service>". */
struct wc_rules_port {
    uint32_t host_ip4; /* 0: every address */
    uint32_t target_ip4;
    unsigned host_port, target_port;
    enum wc_proto proto;
    const char *owner, *service;
};

struct wc_rules {
    bool present; /* the table is there, with this version's chains */
    bool torn;    /* elements that follow from a bridge are missing, or there for none */
    struct wc_rules_bridge *bridges;
    size_t n_bridges, cap_bridges;
    struct wc_rules_port *ports;
    size_t n_ports, cap_ports;
};

/* The owner mark of a project: its name, or the start of a long one and a hash. Arena-owned. */
const char *wc_rules_owner(struct wc_arena *arena, const char *project);

/* Reads the table from the kernel; none there gives an empty *out. */
int wc_rules_read(struct wc_arena *arena, struct wc_rules *out, struct wc_err *err);

/* Whether rules, chains and declarations are what dir/rules says that they were when they were
 * written last. False also when there is no such file: nobody knows then. Needs the table. */
bool wc_rules_is_whole(const char *dir);

/* Notes in dir/rules how they are: they have just been written. */
void wc_rules_note(const char *dir);

/* Appends what `owner` has in the table otherwise than it wants, meant -> found. */
void wc_rules_describe(const char *owner, const struct wc_rules *have, const struct wc_rules *want,
                       struct wc_buf *out);

/* Replaces what `owner` has in the table by `want`, in one transaction; nothing is sent when
 * nothing differs. A table without bridges is removed. `have` is what wc_rules_read gave.
 * Returns 0, or an error of wc_nft_run.
 */
int wc_rules_apply(const char *owner, const struct wc_rules *have, const struct wc_rules *want,
                   struct wc_err *err);

/* Adds or removes our accept rule in DOCKER-USER, on hosts where docker's chains are in nftables.
 * Best effort: a host without that chain is the usual case.
 */
void wc_rules_docker(bool wanted);

/* Runs one nftables script. With `json` (may be NULL) the answer is appended to it. Returns 0;
 * WC_ERR_NOENT when something named isn't there; WC_ERR_PERM; WC_ERR_IO; WC_ERR_UNAVAILABLE when
 * libnftables can't be loaded.
 */
int wc_nft_run(const char *script, struct wc_buf *json, struct wc_err *err);

/* Appends the table's text without elements and handles. Errors as wc_nft_run. */
int wc_nft_list_fixed(struct wc_buf *out, struct wc_err *err);

/* The number that the kernel gives its rules as a whole, another one after every change of any of
 * them. Returns 0, or -1 when it isn't told. */
int wc_nft_generation(uint32_t *out);

/* Keeps libnftables loaded until wc_nft_release of what it returns, so that several wc_nft_run load
 * it once. NULL when it can't be loaded: the next wc_nft_run says why. NULL may be released.
 */
void *wc_nft_hold(void);
void wc_nft_release(void *held);

#endif
