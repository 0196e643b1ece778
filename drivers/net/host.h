/* host.h - the parts of a host that net.c puts together: bridges, settings, taken ports, zone
 * files, the name server (private to drivers/net). Threads: under the lock of net.c only.
 */
#ifndef DRIVERS_NET_HOST_H
#define DRIVERS_NET_HOST_H

#include "drivers/net/rules.h"

struct wc_buf;
struct wc_paths;

/* ---- bridge.c: bridges by rtnetlink ------------------------------------------------------ */

/* Makes the bridge of a network as it should be: there, up, with its address and settings. An
 * external one is only looked for. *made tells whether it was made by this call.
 *   fd  from wc_nl_open
 * Errors: WC_ERR_CONFLICT when the interface isn't ours, WC_ERR_NOENT, WC_ERR_PERM, WC_ERR_IO.
 */
int wc_bridge_ensure(int fd, const struct wc_net_network *net, bool *made, struct wc_err *err);

/* Appends how the bridge of a network is otherwise than it should be, meant -> found. */
int wc_bridge_look(int fd, const struct wc_net_network *net, struct wc_buf *out,
                   struct wc_err *err);

/* Removes a bridge of ours; absent, or not ours, is success. */
int wc_bridge_remove(int fd, const char *name, struct wc_err *err);

/* ---- settings.c: system settings --------------------------------------------------------- */

/* Writes below /proc/sys; a name that this kernel lacks is no error. */
int wc_setting_write(const char *name, const char *value, struct wc_err *err);

/* Turns forwarding on; when it was off, notes that in dir, for restore. *changed: it was off. */
int wc_forwarding_on(const char *dir, bool *changed, struct wc_err *err);

/* True when packets are forwarded. */
bool wc_forwarding_is_on(void);

/* True when a setting has that value; also when this kernel lacks it. */
bool wc_setting_is(const char *name, const char *value);

/* Turns forwarding off if we turned it on and no other bridge or tunnel of the host needs it. */
void wc_forwarding_restore(const char *dir);

/* ---- taken.c: ports of others ------------------------------------------------------------ */

/* Checks that every port of the request that isn't published yet is free on the host.
 * Returns 0, WC_ERR_CONFLICT (says whose it is), or WC_ERR_SPEC (no such host address), with place.
 */
int wc_ports_check(const struct wc_net_request *req, const char *owner, const struct wc_rules *have,
                   struct wc_err *err);

/* ---- zone.c: what the name server reads -------------------------------------------------- */

/* A zone file, dir/zones/<project>, has a line per network and per name:
 *   net BRIDGE GATEWAY PREFIX internal|open own|external NETWORK
 *   name GATEWAY ADDRESS INSTANCE NAME          (INSTANCE is - when there is none,
 *                                               NAME is - when none leads to it)
 * It is also the record of which project uses which bridge. */
void wc_zone_text(const struct wc_net_request *req, struct wc_buf *out);

/* Reads a project's zone file; none gives an empty text. */
int wc_zone_read(const char *dir, const char *project, struct wc_buf *out, struct wc_err *err);

/* Replaces or, with an empty text, removes it. Writes nothing when the text is the same as `old`
 * (which may be NULL: always write). */
int wc_zone_write(const char *dir, const char *project, const struct wc_buf *text,
                  const struct wc_buf *old, struct wc_err *err);

/* True when a zone text has the bridge. */
bool wc_zone_has_bridge(const char *text, const char *bridge);

/* Returns a project other than `project` that uses the bridge, arena-owned, or NULL. */
const char *wc_zone_other_user(const char *dir, struct wc_arena *arena, const char *project,
                               const char *bridge);

/* True when no project has a zone. */
bool wc_zones_empty(const char *dir);

/* ---- server.c: wcompose-dns -------------------------------------------------------------- */

/* Starts the host's name server unless it runs; returns when it answers. Best effort: without it,
 * hosts files resolve. */
void wc_server_start(const struct wc_paths *paths, const char *dir);

/* True while it lives. */
bool wc_server_runs(const char *dir);

/* Ends it and waits until it is gone. */
void wc_server_stop(const char *dir);

#endif
