/* net.h - a project's networks on this host: bridges, addresses, published ports, names, and the
 * link of one instance (drivers/net).
 *
 * Idea:    the request says what should be; the kernel says what is; only the difference is done.
 *          Bridges by rtnetlink, ports as elements of maps in one nftables table of ours
 *          ("inet wcompose"), one transaction a call. Nothing is remembered that could disagree:
 *          after a reboot, or when someone flushed the rules, the same call repairs.
 * Owner:   all arguments are borrowed for the call.
 * Threads: any (run it on the thread pool: it blocks for milliseconds); calls of all processes of
 *          the host take turns by a lock file in run/net.
 * Errors:  a failing call undoes what it made itself; what was there before stays.
 * Docs:    docs/network.md has the rules, the files and the limits.
 */
#ifndef DRIVERS_NET_NET_H
#define DRIVERS_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/driver.h"
#include "wcompose/err.h"
#include "wcompose/state.h"

struct wc_buf;
struct wc_paths;

/* Compares the project's networks with `req`, changing nothing, and appends what differs to `out`:
 * bridges, addresses, settings, names, the name server, the table. What was found right is not read
 * again as long as the kernel's rules as a whole have not changed: `seen` keeps their generation,
 * zero at first, and after every wc_net_up and wc_net_down. */
struct wc_net_seen {
    bool right;
    uint32_t generation;
};
int wc_net_look(const struct wc_net_request *req, const struct wc_paths *paths,
                struct wc_net_seen *seen, struct wc_buf *out, struct wc_err *err);

/* A pidfd of the host's name server, which the caller closes, or -1 when none runs. */
int wc_net_server_open(const struct wc_paths *paths);

/* Makes or adjusts the project's networks, published ports and names, exactly as `req` says:
 * what the project had and `req` no longer has is removed. Cheap when nothing changed. The first
 * network of the host also starts wcompose-dns (a host without that program only gets hosts files).
 * Returns 0, or
 *   WC_ERR_CONFLICT  a port or a bridge is somebody else's; err->at is the port's place
 *   WC_ERR_NOENT     an external network isn't there
 *   WC_ERR_PERM      not permitted to configure networks
 *   WC_ERR_IO        the kernel refused something; sys holds errno
 */
int wc_net_up(const struct wc_net_request *req, const struct wc_paths *paths, struct wc_err *err);

/* Removes all that the project has (only req->project is looked at): ports, rules, names, bridges.
 * A network that another project still uses stays, and goes with the last of them. The last
 * project's call takes the table, the name server and the changed system settings along. Absent is
 * success. Returns 0, WC_ERR_PERM or WC_ERR_IO; after an error the rest has still been removed.
 */
int wc_net_down(const struct wc_net_request *req, const struct wc_paths *paths, struct wc_err *err);

/* Writes the keeper's net.host and net.inside (drivers/keeper/protocol.h): per attachment one veth,
 * born with its inner end in the namespace WC_KEEPER_NETNS_FD; lo, addresses and the default route
 * inside. The default route goes by the first attachment with a gateway. No attachments: lo only.
 * Call it after wc_net_up, for every run anew: the bridges' numbers go in.
 *   inst  its nets, n_nets; instances with network_mode host or service:x need no blobs at all
 *   seed  text unique to this run ("<instance id>.<run>"): interface names and numbers come from it
 *   host, inside  appended to; empty means "nothing to do"
 * Returns 0, or WC_ERR_NOENT when a bridge is missing (then wc_net_up repairs).
 */
int wc_net_link_blobs(const struct wc_instance *inst, const char *seed, struct wc_buf *host,
                      struct wc_buf *inside, struct wc_err *err);

/* The same for a virtual machine: its links are taps, which the keeper makes by their names
 * (wc_net_host_ifname of seed and number) before it sends `host`; `inside` is for the guest's
 * kernel, whose links have the numbers 2, 3 … in that order. */
int wc_net_tap_blobs(const struct wc_instance *inst, const char *seed, struct wc_buf *host,
                     struct wc_buf *inside, struct wc_err *err);

/* ---- links of an instance that runs (links.c) ---- */

/* Appends a line for each link that wc_net_link_blobs makes of the same arguments; kept beside the
 * instance as long as the run lasts. */
void wc_net_link_notes(const struct wc_instance *inst, const char *seed, struct wc_buf *out);

/* The same for wc_net_tap_blobs. Only the host's ends are looked at then, and put back. */
void wc_net_tap_notes(const struct wc_instance *inst, const char *seed, struct wc_buf *out);

/* Descriptors of the instance's network namespace, -1 where its links are taps. Borrowed. */
struct wc_net_inside {
    int inet;   /* a socket of it, AF_INET */
    int route;  /* one of rtnetlink; links_restore only */
    int netns;  /* itself; links_restore only */
    int holder; /* of taps: a pidfd of the process that was handed them (keeper/protocol.h,
                   WC_KEEPER_TAP_FD), else -1; links_restore only */
};

/* Compares the links with their lines and appends what differs, "eth0: 10.210.0.3/24 -> no
 * address"; nothing when all is as noted. Links of a network whose bridge is gone are passed over:
 * wc_net_up comes first. */
int wc_net_links_look(const char *notes, int inet, struct wc_buf *out, struct wc_err *err);

/* Makes again what is missing, puts back what was changed; the instance runs on. Returns 0,
 * WC_ERR_NOENT when a bridge is missing, WC_ERR_CONFLICT when a tap is gone that only a new start
 * brings back (the other links are mended), WC_ERR_IO, WC_ERR_PERM. */
int wc_net_links_restore(const char *notes, const struct wc_net_inside *in, struct wc_err *err);

/* Adds up what went over the taps of those lines, as the machine sees it: what the host sent it has
 * received. Both are WC_UNSET where one of them is gone. */
int wc_net_taps_count(const char *notes, int64_t *rx_bytes, int64_t *tx_bytes, struct wc_err *err);

/* The settings to write inside a new network namespace before links are made (keeper.conf:
 * net_sysctl): "name=value" texts, NULL-terminated, static. The spec's own sysctls come after.
 */
const char *const *wc_net_sysctls(void);

/* Longest interface name that the kernel takes, without the NUL. */
enum { WC_NET_IFNAME_MAX = 15 };

/* Writes the name that attachment `nth` of the run `seed` has on the host: "wcv" and 11 hex digits.
 */
void wc_net_host_ifname(const char *seed, size_t nth, char out[WC_NET_IFNAME_MAX + 1]);

#endif
