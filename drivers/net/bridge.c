/* bridge.c - a project's network on the host is a Linux bridge with the gateway's address.
 *
 * A bridge is known as ours by its alias ("wcompose <network>"), not by its name alone: what
 * somebody else made is never touched. Its MAC is derived from the gateway, since a bridge without
 * one of its own takes over a member's and changes it as members come and go.
 */
#include "drivers/net/host.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "drivers/net/netlink.h"

static bool is_ours(const struct wc_nl_link *link)
{
    return wc_streq(link->kind, "bridge") && wc_str_starts(link->alias, "wcompose ");
}

static void put_new_bridge(struct wc_buf *buf, const struct wc_net_network *net)
{
    const uint32_t gw = net->gateway4;
    const uint8_t mac[6] = {
        0x02, 0x77, (uint8_t)(gw >> 24), (uint8_t)(gw >> 16), (uint8_t)(gw >> 8), (uint8_t)gw
    };
    struct ifinfomsg head = { 0 };
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    wc_nl_put_text(buf, IFLA_IFNAME, net->bridge);
    wc_nl_put(buf, IFLA_ADDRESS, mac, sizeof mac);
    size_t info = wc_nl_nest(buf, IFLA_LINKINFO);
    wc_nl_put_text(buf, IFLA_INFO_KIND, "bridge");
    wc_nl_nest_end(buf, info);
    wc_nl_end(buf, at);
    char alias[200];
    snprintf(alias, sizeof alias, "wcompose %s", net->name);
    at = wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head);
    wc_nl_put_text(buf, IFLA_IFNAME, net->bridge);
    wc_nl_put_text(buf, IFLA_IFALIAS, alias);
    wc_nl_end(buf, at);
}

static void put_address(struct wc_buf *buf, uint16_t type, int index, uint32_t ip4, uint8_t prefix)
{
    struct ifaddrmsg head = { .ifa_family = AF_INET,
                              .ifa_prefixlen = prefix,
                              .ifa_index = (uint32_t)index };
    uint16_t flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;
    size_t at = wc_nl_begin(buf, type, flags, &head, sizeof head);
    wc_nl_put_ip4(buf, IFA_LOCAL, ip4);
    wc_nl_put_ip4(buf, IFA_ADDRESS, ip4);
    if (type == RTM_NEWADDR)
        wc_nl_put_ip4(buf, IFA_BROADCAST, prefix >= 32 ? ip4 : ip4 | UINT32_MAX >> prefix);
    wc_nl_end(buf, at);
}

/* The bridge's present address; false when it has none. */
static bool present_address(const char *bridge, uint32_t *ip4, uint8_t *prefix)
{
    WC_CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq req = { 0 };
    struct sockaddr_in in;
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", bridge);
    if (fd < 0 || ioctl(fd, SIOCGIFADDR, &req) != 0)
        return false;
    memcpy(&in, &req.ifr_addr, sizeof in);
    *ip4 = ntohl(in.sin_addr.s_addr);
    if (ioctl(fd, SIOCGIFNETMASK, &req) != 0)
        return false;
    memcpy(&in, &req.ifr_netmask, sizeof in);
    *prefix = (uint8_t)__builtin_popcount(in.sin_addr.s_addr);
    return true;
}

static int write_settings(const char *bridge, struct wc_err *err)
{
    /* 127.0.0.1 on the host reaches published ports; no IPv6 autoconfiguration on a link without
       an IPv6 plan, which would be a way round the rules to what listens on the host */
    static const struct {
        const char *format, *value;
    } rows[] = { { "net/ipv4/conf/%s/route_localnet", "1" },
                 { "net/ipv6/conf/%s/disable_ipv6", "1" } };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        char name[80];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* literals of the table above */
        snprintf(name, sizeof name, rows[i].format, bridge);
#pragma GCC diagnostic pop
        int status = wc_setting_write(name, rows[i].value, err);
        if (status != 0)
            return status;
    }
    return 0;
}

static int set_up(int fd, const struct wc_net_network *net, const struct wc_nl_link *link,
                  struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    uint32_t ip4 = 0;
    uint8_t prefix = 0;
    bool has = present_address(net->bridge, &ip4, &prefix);
    bool right = has && ip4 == net->gateway4 && prefix == net->prefix4;
    int status = write_settings(net->bridge, err);
    if (status != 0 || (right && link->up))
        return status;
    if (has && !right)
        put_address(&buf, RTM_DELADDR, link->index, ip4, prefix);
    if (!right)
        put_address(&buf, RTM_NEWADDR, link->index, net->gateway4, net->prefix4);
    struct ifinfomsg head = { .ifi_index = link->index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    wc_nl_end(&buf, wc_nl_begin(&buf, RTM_NEWLINK, 0, &head, sizeof head));
    return wc_nl_run(fd, &buf, NULL, err);
}

static int make(int fd, const struct wc_net_network *net, struct wc_nl_link *link,
                struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    put_new_bridge(&buf, net);
    int status = wc_nl_run(fd, &buf, NULL, err);
    return status != 0 ? status : wc_nl_link(fd, net->bridge, link, err);
}

int wc_bridge_ensure(int fd, const struct wc_net_network *net, bool *made, struct wc_err *err)
{
    struct wc_nl_link link;
    int status = wc_nl_link(fd, net->bridge, &link, err);
    *made = false;
    if (status != 0)
        return status;
    if (net->external)
        return link.index != 0
                   ? 0
                   : wc_err_set(err, WC_ERR_NOENT, 0, "external network %s is not up on this host",
                                net->name);
    if (link.index != 0 && !is_ours(&link))
        return wc_err_set(err, WC_ERR_CONFLICT, 0,
                          "network %s: interface %s exists and is not ours", net->name,
                          net->bridge);
    if (link.index == 0) {
        status = make(fd, net, &link, err);
        *made = status == 0;
    }
    if (status == 0)
        status = set_up(fd, net, &link, err);
    return status == 0 ? 0 : wc_err_wrap(err, status, "network %s", net->name);
}

#define IP_FMT "%u.%u.%u.%u"
#define IP_ARG(ip) (ip) >> 24 & 255, (ip) >> 16 & 255, (ip) >> 8 & 255, (ip)&255

int wc_bridge_look(int fd, const struct wc_net_network *net, struct wc_buf *out, struct wc_err *err)
{
    struct wc_nl_link link;
    uint32_t ip4 = 0;
    uint8_t prefix = 0;
    char setting[80];
    const char *sep = out->len > 0 ? ", " : "";
    int status = wc_nl_link(fd, net->bridge, &link, err);
    if (status != 0)
        return status;
    if (link.index == 0 || (!net->external && !is_ours(&link))) {
        wc_buf_printf(out, "%sbridge %s of %s -> %s", sep, net->bridge, net->name,
                      link.index == 0 ? "gone" : "not ours");
        return 0;
    }
    if (net->external)
        return 0;
    snprintf(setting, sizeof setting, "net/ipv4/conf/%s/route_localnet", net->bridge);
    if (!link.up)
        wc_buf_printf(out, "%sbridge %s of %s: up -> down", sep, net->bridge, net->name);
    else if (!wc_setting_is(setting, "1"))
        wc_buf_printf(out, "%sbridge %s of %s: route_localnet 1 -> 0", sep, net->bridge, net->name);
    bool has = present_address(net->bridge, &ip4, &prefix);
    if (has && ip4 == net->gateway4 && prefix == net->prefix4)
        return 0;
    wc_buf_printf(out, "%sbridge %s of %s: " IP_FMT "/%u -> ", out->len > 0 ? ", " : "",
                  net->bridge, net->name, IP_ARG(net->gateway4), net->prefix4);
    if (has)
        wc_buf_printf(out, IP_FMT "/%u", IP_ARG(ip4), prefix);
    else
        wc_buf_adds(out, "no address");
    return 0;
}

int wc_bridge_remove(int fd, const char *name, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    struct wc_nl_link link;
    int status = wc_nl_link(fd, name, &link, err);
    if (status != 0 || link.index == 0 || !is_ours(&link))
        return status;
    struct ifinfomsg head = { .ifi_index = link.index };
    wc_nl_end(&buf, wc_nl_begin(&buf, RTM_DELLINK, 0, &head, sizeof head));
    status = wc_nl_run(fd, &buf, NULL, err);
    return status == 0 ? 0 : wc_err_wrap(err, status, "remove bridge %s", name);
}
