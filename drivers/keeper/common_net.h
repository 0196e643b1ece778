/* common_net.h - rtnetlink messages that somebody else composed, and kernel settings.
 *
 * Idea:    neither the keeper nor the agent of a virtual machine knows of addresses or links: they
 * send whole messages and count acknowledgements. All in one send, since the kernel's price is per
 * request, and no `ip` process is ever started. Owner: the caller's buffers. Threads: none.
 * Errors: -1 with wc_fault.
 */
#ifndef DRIVERS_KEEPER_COMMON_NET_H
#define DRIVERS_KEEPER_COMMON_NET_H

#include <stddef.h>

/* A socket of the network namespace that we are in now. */
int wc_rtnetlink_open(void);
/* Sends `len` bytes of complete messages, each of which asks for an acknowledgement, and waits for
 * these. name: what a fault calls them. The first refusal, with the kernel's words, is the fault.
 */
int wc_rtnetlink_replay(int fd, const char *name, const char *messages, size_t len);
/* "net.ipv4.ip_forward=1", or with slashes where a link's name has a dot: written below /proc/sys.
 */
int wc_sysctl_write(const char *setting);

#endif
