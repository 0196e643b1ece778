/* news.h - being told by the kernel when networks change (drivers/net, for the driver's loop).
 *
 * Idea:    news only lead to a look (wc_net_look, wc_net_links_look), which says what has changed.
 * Owner:   the descriptors are the caller's, non-blocking, to be read when readable.
 * Threads: one at a time per descriptor. Errors: none; -1 = this kernel doesn't tell.
 */
#ifndef DRIVERS_NET_NEWS_H
#define DRIVERS_NET_NEWS_H

#include <stdbool.h>
#include <stddef.h>

enum { WC_NET_NEWS = 2 }; /* links and addresses; rules */

void wc_net_news_open(int fds[WC_NET_NEWS]);

/* Takes what has come on fds[which]. True: something of ours (of any project's) has gone, was set
 * down, or may have been while nobody read. */
bool wc_net_news_read(int fd, size_t which);

#endif
