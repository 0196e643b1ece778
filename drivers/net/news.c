/* news.c - what the kernel tells of links, addresses and rules: is it about something of ours that
 * went, or was set down?
 *
 * What comes into being is no news: whoever adds something of ours is us. Elements that go are told
 * too, with their comments, which say whose they were; a project's own going is seen as well, and
 * costs a look that finds nothing. Inside an instance's namespace an address that goes is told
 * by its number (NETLINK_LISTEN_ALL_NSID), as the kernel numbers the namespaces at the other ends
 * of our links; whose it is isn't worth finding out before looking.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "drivers/net/news.h"
#include "drivers/net/rules.h"

enum { BATCH = 64, NEWS_BYTES = 16384, RECEIVE_BYTES = 256 << 10 };

#ifndef NETLINK_LISTEN_ALL_NSID
#define NETLINK_LISTEN_ALL_NSID 8
#endif

static int open_group(int protocol, const int *groups, size_t n)
{
    const int on = 1, room = RECEIVE_BYTES;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    struct sockaddr_nl self = { .nl_family = AF_NETLINK };
    if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof self) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on);
    for (size_t i = 0; i < n; i++)
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]);
    return fd;
}

void wc_net_news_open(int fds[WC_NET_NEWS])
{
    static const int route[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR },
                     rules[] = { NFNLGRP_NFTABLES };
    fds[0] = open_group(NETLINK_ROUTE, route, WC_COUNT(route));
    fds[1] = open_group(NETLINK_NETFILTER, rules, WC_COUNT(rules));
}

/* The attribute's text, "" when it isn't there. */
static void text_of(const struct rtattr *a, size_t left, unsigned short type, char out[64])
{
    out[0] = '\0';
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == type && RTA_PAYLOAD(a) > 0) {
            size_t len = RTA_PAYLOAD(a) < 63 ? RTA_PAYLOAD(a) : 63;
            memcpy(out, RTA_DATA(a), len);
            out[len] = '\0';
        }
}

static bool link_matters(const struct nlmsghdr *h)
{
    const struct ifinfomsg *info = NLMSG_DATA(h);
    char name[64];
    const struct rtattr *a = (const void *)((const char *)info + NLMSG_ALIGN(sizeof *info));
    size_t left = h->nlmsg_len - NLMSG_SPACE(sizeof *info);
    text_of(a, left, IFLA_IFNAME, name);
    bool down = h->nlmsg_type == RTM_DELLINK || (info->ifi_flags & IFF_UP) == 0;
    if (wc_str_starts(name, "wc") && down)
        return true;
    if (!wc_str_starts(name, "wcv"))
        return false;
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_MASTER)
            return false;
    return true; /* of an instance, and in no bridge */
}

static bool address_matters(const struct nlmsghdr *h, bool inside)
{
    const struct ifaddrmsg *info = NLMSG_DATA(h);
    char label[64];
    const struct rtattr *a = (const void *)((const char *)info + NLMSG_ALIGN(sizeof *info));
    if (h->nlmsg_type != RTM_DELADDR)
        return false;
    text_of(a, h->nlmsg_len - NLMSG_SPACE(sizeof *info), IFA_LABEL, label);
    return wc_str_starts(label, inside ? "eth" : "wc");
}

/* Every object of a table begins with the table's name. */
static bool rule_matters(const struct nlmsghdr *h)
{
    char table[64];
    unsigned type = h->nlmsg_type & 0xff;
    const char *body = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
    bool adds = type == NFT_MSG_NEWSETELEM || type == NFT_MSG_NEWGEN || type == NFT_MSG_NEWSET;
    if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || adds)
        return false;
    text_of((const void *)body, h->nlmsg_len - NLMSG_SPACE(sizeof(struct nfgenmsg)),
            NFTA_TABLE_NAME, table);
    return wc_streq(table, "wcompose");
}

static bool matters(const struct nlmsghdr *h, bool rules, bool inside)
{
    if (rules)
        return h->nlmsg_len >= NLMSG_SPACE(sizeof(struct nfgenmsg)) && rule_matters(h);
    if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK)
        return !inside && h->nlmsg_len >= NLMSG_SPACE(sizeof(struct ifinfomsg)) && link_matters(h);
    return (h->nlmsg_type == RTM_DELADDR || h->nlmsg_type == RTM_NEWADDR) &&
           h->nlmsg_len >= NLMSG_SPACE(sizeof(struct ifaddrmsg)) && address_matters(h, inside);
}

/* True for what was told from another namespace. */
static bool from_inside(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
        if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            return true;
    return false;
}

bool wc_net_news_read(int fd, size_t which)
{
    _Alignas(struct nlmsghdr) char news[NEWS_BYTES];
    bool found = false;
    for (unsigned i = 0; i < BATCH; i++) {
        char control[64];
        struct iovec iov = { news, sizeof news };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof control };
        ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);
        if (len < 0 && errno == ENOBUFS)
            found = true; /* more than we could take: something may have been among it */
        if (len < 0 && (errno == EINTR || errno == ENOBUFS))
            continue;
        if (len <= 0)
            break;
        const struct nlmsghdr *h = (const void *)news;
        bool inside = from_inside(&msg);
        for (size_t left = (size_t)len; !found && NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            found = matters(h, which == 1, inside);
    }
    return found;
}

int wc_nft_generation(uint32_t *out)
{
    struct {
        struct nlmsghdr head;
        struct nfgenmsg gen;
    } ask = { .head = { .nlmsg_len = sizeof ask,
                        .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
                        .nlmsg_flags = NLM_F_REQUEST } };
    _Alignas(struct nlmsghdr) char answer[1024];
    WC_CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0 || send(fd, &ask, sizeof ask, 0) < 0)
        return -1;
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    const struct nlmsghdr *h = (const void *)answer;
    if (len < (ssize_t)NLMSG_SPACE(sizeof(struct nfgenmsg)) || h->nlmsg_type == NLMSG_ERROR)
        return -1;
    const char *body = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
    const struct rtattr *a = (const void *)body;
    size_t left = (size_t)len - NLMSG_SPACE(sizeof(struct nfgenmsg));
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == NFTA_GEN_ID && RTA_PAYLOAD(a) == sizeof *out) {
            memcpy(out, RTA_DATA(a), sizeof *out); /* in network order, only compared */
            return 0;
        }
    return -1;
}
