/* netlink.c - the small part of rtnetlink that containers need, over a raw socket.
 *
 * About 200 lines replace libnl-route with its caches, and libmnl, of which only the padding rules
 * would be used. Nothing is ever forked: `ip` costs twenty times as much as the request itself.
 */
#include "drivers/net/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

static void pad(struct wc_buf *buf)
{
    static const char zeros[NLMSG_ALIGNTO];
    wc_buf_add(buf, zeros, NLMSG_ALIGN(buf->len) - buf->len);
}

size_t wc_nl_begin(struct wc_buf *buf, uint16_t type, uint16_t flags, const void *head, size_t len)
{
    size_t at = buf->len;
    struct nlmsghdr h = { .nlmsg_type = type,
                          .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST | NLM_F_ACK) };
    wc_buf_add(buf, &h, sizeof h);
    wc_buf_add(buf, head, len);
    pad(buf);
    return at;
}

void wc_nl_end(struct wc_buf *buf, size_t message)
{
    uint32_t len = (uint32_t)(buf->len - message);
    memcpy(buf->data + message + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof len);
}

void wc_nl_put(struct wc_buf *buf, uint16_t type, const void *data, size_t len)
{
    struct rtattr a = { .rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type };
    wc_buf_add(buf, &a, sizeof a);
    wc_buf_add(buf, data, len);
    pad(buf);
}

void wc_nl_put_u32(struct wc_buf *buf, uint16_t type, uint32_t value)
{
    wc_nl_put(buf, type, &value, sizeof value);
}

void wc_nl_put_u8(struct wc_buf *buf, uint16_t type, uint8_t value)
{
    wc_nl_put(buf, type, &value, sizeof value);
}

void wc_nl_put_ip4(struct wc_buf *buf, uint16_t type, uint32_t ip4)
{
    const uint8_t wire[4] = { (uint8_t)(ip4 >> 24), (uint8_t)(ip4 >> 16), (uint8_t)(ip4 >> 8),
                              (uint8_t)ip4 };
    wc_nl_put(buf, type, wire, sizeof wire);
}

void wc_nl_put_text(struct wc_buf *buf, uint16_t type, const char *text)
{
    wc_nl_put(buf, type, text, strlen(text) + 1);
}

size_t wc_nl_nest(struct wc_buf *buf, uint16_t type)
{
    size_t at = buf->len;
    wc_nl_put(buf, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
    return at;
}

void wc_nl_nest_end(struct wc_buf *buf, size_t nest)
{
    uint16_t len = (uint16_t)(buf->len - nest);
    memcpy(buf->data + nest + offsetof(struct rtattr, rta_len), &len, sizeof len);
}

int wc_nl_open(struct wc_err *err)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "rtnetlink");
    const int on = 1;
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on); /* short answers; best effort */
    return fd;
}

/* Numbers the messages from 0 in a copy: the answers carry the numbers. Returns how many. */
static size_t number_messages(struct wc_buf *copy)
{
    size_t n = 0, at = 0;
    while (at + sizeof(struct nlmsghdr) <= copy->len) {
        uint32_t len, seq = (uint32_t)n++;
        memcpy(&len, copy->data + at, sizeof len);
        memcpy(copy->data + at + offsetof(struct nlmsghdr, nlmsg_seq), &seq, sizeof seq);
        at += NLMSG_ALIGN(len);
    }
    return n;
}

/* Reads answers from one datagram; remembers the first failure. Returns how many there were. */
static size_t read_acks(const char *data, size_t len, size_t *failed, int *sys)
{
    size_t n = 0;
    const struct nlmsghdr *h = (const void *)data;
    for (size_t left = len; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type != NLMSG_ERROR)
            continue;
        const struct nlmsgerr *answer = NLMSG_DATA(h);
        n++;
        if (answer->error != 0 && *sys == 0) {
            *sys = -answer->error;
            *failed = h->nlmsg_seq;
        }
    }
    return n;
}

int wc_nl_run(int fd, const struct wc_buf *buf, size_t *failed, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf copy = WC_BUF_INIT;
    _Alignas(struct nlmsghdr) char answers[8192];
    size_t first = 0, got = 0;
    int sys = 0;
    wc_buf_add(&copy, buf->data, buf->len);
    size_t n = number_messages(&copy);
    if (n > 0 && send(fd, copy.data, copy.len, 0) < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "rtnetlink: send");
    while (got < n) {
        ssize_t len = recv(fd, answers, sizeof answers, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "rtnetlink: receive");
        got += read_acks(answers, (size_t)len, &first, &sys);
    }
    if (sys == 0)
        return 0;
    if (failed != NULL)
        *failed = first;
    return wc_err_set(err, wc_fs_code(sys), sys, "rtnetlink");
}

static void copy_text(char *out, size_t size, const struct rtattr *attr)
{
    snprintf(out, size, "%.*s", (int)RTA_PAYLOAD(attr), (const char *)RTA_DATA(attr));
}

static void read_kind(const struct rtattr *info, struct wc_nl_link *link)
{
    size_t left = RTA_PAYLOAD(info);
    for (const struct rtattr *a = RTA_DATA(info); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_INFO_KIND)
            copy_text(link->kind, sizeof link->kind, a);
}

/* A prefix of the struct is what all kernels send. */
static void read_counts(const struct rtattr *attr, struct wc_nl_link *link)
{
    struct rtnl_link_stats64 stats = { 0 };
    size_t len = RTA_PAYLOAD(attr);
    memcpy(&stats, RTA_DATA(attr), len < sizeof stats ? len : sizeof stats);
    link->rx_bytes = stats.rx_bytes;
    link->tx_bytes = stats.tx_bytes;
}

static void read_link(const struct nlmsghdr *h, struct wc_nl_link *link)
{
    const struct ifinfomsg *info = NLMSG_DATA(h);
    link->index = info->ifi_index;
    link->up = (info->ifi_flags & IFF_UP) != 0;
    size_t left = h->nlmsg_len - NLMSG_SPACE(sizeof *info);
    const struct rtattr *a = (const void *)((const char *)info + NLMSG_ALIGN(sizeof *info));
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_IFALIAS)
            copy_text(link->alias, sizeof link->alias, a);
        else if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO)
            read_kind(a, link);
        else if (a->rta_type == IFLA_MASTER)
            memcpy(&link->master, RTA_DATA(a), sizeof link->master);
        else if (a->rta_type == IFLA_STATS64)
            read_counts(a, link);
    }
}

int wc_nl_link(int fd, const char *name, struct wc_nl_link *link, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    _Alignas(struct nlmsghdr) char answer[16384];
    struct wc_nl_link found = { 0 };
    struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
    size_t at = wc_nl_begin(&buf, RTM_GETLINK, 0, &head, sizeof head);
    wc_nl_put_text(&buf, IFLA_IFNAME, name);
    wc_nl_end(&buf, at);
    if (send(fd, buf.data, buf.len, 0) < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "rtnetlink: look up %s", name);
    for (bool acked = false; !acked;) {
        ssize_t len = recv(fd, answer, sizeof answer, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "rtnetlink: look up %s", name);
        const struct nlmsghdr *h = (const void *)answer;
        for (size_t left = (size_t)len; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type == RTM_NEWLINK)
                read_link(h, &found);
            else if (h->nlmsg_type == NLMSG_ERROR)
                acked = true;
            const struct nlmsgerr *e = NLMSG_DATA(h);
            if (h->nlmsg_type == NLMSG_ERROR && e->error != 0 && e->error != -ENODEV)
                return wc_err_set(err, WC_ERR_IO, -e->error, "rtnetlink: look up %s", name);
        }
    }
    *link = found;
    return 0;
}
