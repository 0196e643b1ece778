/* netlink.h - rtnetlink messages: written into a buffer, sent in one go (private to drivers/net).
 *
 * Idea:    the kernel's price is per request, not per message, so a step writes all it wants into
 *          one buffer and sends that. A message refers to its start by an offset, as the buffer may
 *          move. Attributes are padded here, nowhere else.
 * Owner:   the caller's buffer. Errors: none while writing.
 * Threads: one at a time per socket.
 */
#ifndef DRIVERS_NET_NETLINK_H
#define DRIVERS_NET_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_buf;

/* Starts a message of `type` with its fixed header; NLM_F_REQUEST | NLM_F_ACK are added to flags.
 * Returns its offset, for wc_nl_end. The buffer must hold whole messages only.
 */
size_t wc_nl_begin(struct wc_buf *buf, uint16_t type, uint16_t flags, const void *head, size_t len);
void wc_nl_end(struct wc_buf *buf, size_t message);

/* Appends an attribute. Nested ones: begin returns an offset for end. */
void wc_nl_put(struct wc_buf *buf, uint16_t type, const void *data, size_t len);
void wc_nl_put_u32(struct wc_buf *buf, uint16_t type, uint32_t value);
void wc_nl_put_u8(struct wc_buf *buf, uint16_t type, uint8_t value);
void wc_nl_put_ip4(struct wc_buf *buf, uint16_t type, uint32_t ip4); /* host byte order */
void wc_nl_put_text(struct wc_buf *buf, uint16_t type, const char *text);
size_t wc_nl_nest(struct wc_buf *buf, uint16_t type);
void wc_nl_nest_end(struct wc_buf *buf, size_t nest);

/* Opens a socket in the calling thread's network namespace. Returns the descriptor, or a code. */
int wc_nl_open(struct wc_err *err);

/* Sends all messages of the buffer and waits for an acknowledgement of each. The kernel works
 * through them in order and goes on after a failure. Returns 0, or the first failure (sys set);
 * *failed (may be NULL) is then that message's number, from 0.
 */
int wc_nl_run(int fd, const struct wc_buf *buf, size_t *failed, struct wc_err *err);

/* A link as the kernel has it. */
struct wc_nl_link {
    int index;  /* 0: there is none */
    int master; /* the bridge that it is a port of; 0: none */
    bool up;
    uint64_t rx_bytes, tx_bytes; /* received and sent by the host over it */
    char kind[16];               /* "bridge", "veth", "" for hardware */
    char alias[256];             /* "" when it has none */
};

/* Looks a link up by name. Returns 0 (link->index is 0 when there is none) or WC_ERR_IO. */
int wc_nl_link(int fd, const char *name, struct wc_nl_link *link, struct wc_err *err);

#endif
