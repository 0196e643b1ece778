/* link.h - the messages that make one link of an instance (private to drivers/net).
 *
 * Idea:    link.c writes them for a keeper that replays them when the instance starts; links.c
 * sends the same ones when somebody took a link away from an instance that runs. Owner: the
 * caller's buffer. Errors: none while writing. Threads: any.
 */
#ifndef DRIVERS_NET_LINK_H
#define DRIVERS_NET_LINK_H

#include "drivers/net/net.h"

/* Numbers of interfaces. The kernel lets one end's be given only together with the other's. */
enum {
    WC_LINK_INNER = 64,      /* of eth0; lower ones may belong to tunnel devices */
    WC_LINK_OUTER = 1 << 28, /* lowest number of a host end; 28 random bits above it */
};

/* The host's end. */
struct wc_link_outer {
    char name[WC_NET_IFNAME_MAX + 1];
    int index;
};

/* Name and number that the nth attachment of the run `seed` has. */
void wc_link_outer_of(const char *seed, size_t nth, struct wc_link_outer *out);

/* The pair, up and in its bridge outside, its inner end in the namespace that descriptor `netns` of
 * the sender is of. */
void wc_link_put_veth(struct wc_buf *buf, const struct wc_attachment *att, size_t nth,
                      const struct wc_link_outer *outer, int netns);
/* A port may send back where a packet came from: an instance reaches itself by its own port. */
void wc_link_put_port_mode(struct wc_buf *buf, int index);
void wc_link_put_up(struct wc_buf *buf, int index);
/* The address first, then up: the announcement needs it. */
void wc_link_put_address(struct wc_buf *buf, const struct wc_attachment *att, int index);
void wc_link_put_route(struct wc_buf *buf, uint32_t gateway4, int index);

/* tap.c: makes the tap `name`, and gives it to the nth of the descriptors (from WC_KEEPER_TAP_FD
 * on) that the process of pidfd `holder` has, whose tap is gone. It is down and in no bridge then.
 * ifname: for messages. WC_ERR_CONFLICT: it can't be given one. */
int wc_tap_attach(int holder, size_t nth, const char *name, const char *ifname, struct wc_err *err);

#endif
