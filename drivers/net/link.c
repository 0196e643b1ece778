/* link.c - the messages that put one instance on its networks.
 *
 * The supervisor composes, the keeper only sends: the veth is born with its inner end in the new
 * namespace, under its final name, and enslaved to the bridge, so a killed keeper leaves nothing
 * behind that doesn't die with the namespace. The inner end gets its number from us, because
 * addresses refer to links by number and nobody can ask in between; the kernel lets one end's
 * number be given only together with the other's, hence the large random one outside.
 *
 * The MAC derives from the address, so a neighbour's cache stays right when an instance is
 * replaced; the announcement at link-up (arp_notify) tells the bridge at which port it is now.
 */
#include "drivers/net/link.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/netlink.h"

enum { LO_INDEX = 1 /* in every new namespace */ };

static uint32_t seed_bits(const char *seed, size_t nth, char hex[WC_SHA256_HEX + 1])
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_printf(&text, "%s/%zu", seed, nth);
    wc_sha256_hex(text.data, text.len, hex);
    uint32_t bits = 0;
    for (size_t i = 16; i < 23; i++)
        bits = bits << 4 | (uint32_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    return bits;
}

void wc_net_host_ifname(const char *seed, size_t nth, char out[WC_NET_IFNAME_MAX + 1])
{
    char hex[WC_SHA256_HEX + 1];
    seed_bits(seed, nth, hex);
    snprintf(out, WC_NET_IFNAME_MAX + 1, "wcv%.11s", hex);
}

void wc_link_outer_of(const char *seed, size_t nth, struct wc_link_outer *out)
{
    char hex[WC_SHA256_HEX + 1];
    out->index = (int)(WC_LINK_OUTER + seed_bits(seed, nth, hex));
    wc_net_host_ifname(seed, nth, out->name);
}

const char *const *wc_net_sysctls(void)
{
    /* announce the address when the link comes up; no IPv6 autoconfiguration on links that have no
       IPv6 plan (::1 stays) */
    static const char *const both[] = { "net.ipv4.conf.all.arp_notify=1",
                                        "net.ipv6.conf.default.disable_ipv6=1", NULL };
    static const char *const only4[] = { "net.ipv4.conf.all.arp_notify=1", NULL };
    return wc_fs_exists("/proc/sys/net/ipv6/conf/default") ? both : only4;
}

void wc_link_put_veth(struct wc_buf *buf, const struct wc_attachment *att, size_t nth,
                      const struct wc_link_outer *outer, int netns)
{
    struct ifinfomsg head = { .ifi_index = outer->index,
                              .ifi_flags = IFF_UP,
                              .ifi_change = IFF_UP };
    struct ifinfomsg peer = { .ifi_index = (int)(WC_LINK_INNER + nth) };
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    wc_nl_put_text(buf, IFLA_IFNAME, outer->name);
    wc_nl_put_u32(buf, IFLA_MASTER, if_nametoindex(att->bridge));
    size_t info = wc_nl_nest(buf, IFLA_LINKINFO);
    wc_nl_put_text(buf, IFLA_INFO_KIND, "veth");
    size_t data = wc_nl_nest(buf, IFLA_INFO_DATA);
    size_t inner = wc_nl_nest(buf, VETH_INFO_PEER);
    wc_buf_add(buf, &peer, sizeof peer);
    wc_nl_put_text(buf, IFLA_IFNAME, att->ifname);
    wc_nl_put(buf, IFLA_ADDRESS, att->mac, sizeof att->mac);
    wc_nl_put_u32(buf, IFLA_NET_NS_FD, (uint32_t)netns);
    wc_nl_nest_end(buf, inner);
    wc_nl_nest_end(buf, data);
    wc_nl_nest_end(buf, info);
    wc_nl_end(buf, at);
}

/* Hairpin: an instance may reach itself by its own published port. */
static void put_hairpin(struct wc_buf *buf)
{
    size_t info = wc_nl_nest(buf, IFLA_LINKINFO);
    wc_nl_put_text(buf, IFLA_INFO_SLAVE_KIND, "bridge");
    size_t data = wc_nl_nest(buf, IFLA_INFO_SLAVE_DATA);
    wc_nl_put_u8(buf, IFLA_BRPORT_MODE, 1);
    wc_nl_nest_end(buf, data);
    wc_nl_nest_end(buf, info);
}

void wc_link_put_port_mode(struct wc_buf *buf, int index)
{
    struct ifinfomsg head = { .ifi_index = index };
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head);
    put_hairpin(buf);
    wc_nl_end(buf, at);
}

void wc_link_put_up(struct wc_buf *buf, int index)
{
    struct ifinfomsg head = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    wc_nl_end(buf, wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head));
}

/* The address first, then up: the announcement needs it. */
void wc_link_put_address(struct wc_buf *buf, const struct wc_attachment *att, int index)
{
    struct ifaddrmsg head = { .ifa_family = AF_INET,
                              .ifa_prefixlen = att->prefix4,
                              .ifa_index = (uint32_t)index };
    uint32_t host_bits = att->prefix4 >= 32 ? 0 : UINT32_MAX >> att->prefix4;
    size_t at = wc_nl_begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    wc_nl_put_ip4(buf, IFA_LOCAL, att->ip4);
    wc_nl_put_ip4(buf, IFA_ADDRESS, att->ip4);
    wc_nl_put_ip4(buf, IFA_BROADCAST, att->ip4 | host_bits);
    wc_nl_end(buf, at);
    wc_link_put_up(buf, index);
}

void wc_link_put_route(struct wc_buf *buf, uint32_t gateway4, int index)
{
    struct rtmsg head = { .rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_BOOT,
                          .rtm_scope = RT_SCOPE_UNIVERSE,
                          .rtm_type = RTN_UNICAST };
    size_t at = wc_nl_begin(buf, RTM_NEWROUTE, NLM_F_CREATE, &head, sizeof head);
    wc_nl_put_ip4(buf, RTA_GATEWAY, gateway4);
    wc_nl_put_u32(buf, RTA_OIF, (uint32_t)index);
    wc_nl_end(buf, at);
}

static int has_bridges(const struct wc_instance *inst, struct wc_err *err)
{
    for (size_t i = 0; i < inst->n_nets; i++)
        if (if_nametoindex(inst->nets[i].bridge) == 0)
            return wc_err_set(err, WC_ERR_NOENT, errno, "network %s: bridge %s", inst->nets[i].name,
                              inst->nets[i].bridge);
    return 0;
}

int wc_net_link_blobs(const struct wc_instance *inst, const char *seed, struct wc_buf *host,
                      struct wc_buf *inside, struct wc_err *err)
{
    int rc = has_bridges(inst, err);
    if (rc != 0)
        return rc;
    bool routed = false;
    wc_link_put_up(inside, LO_INDEX);
    for (size_t i = 0; i < inst->n_nets; i++) {
        const struct wc_attachment *att = &inst->nets[i];
        int inner = (int)(WC_LINK_INNER + i);
        struct wc_link_outer outer;
        wc_link_outer_of(seed, i, &outer);
        wc_link_put_veth(host, att, i, &outer, WC_KEEPER_NETNS_FD);
        wc_link_put_port_mode(host, outer.index);
        wc_link_put_address(inside, att, inner);
        if (!routed && att->gateway4 != 0) {
            wc_link_put_route(inside, att->gateway4, inner);
            routed = true;
        }
    }
    return 0;
}

/* A tap is there before the message that puts it into its bridge, and known by its name. */
static void put_tap(struct wc_buf *buf, const struct wc_attachment *att, const char *name)
{
    struct ifinfomsg head = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head);
    wc_nl_put_text(buf, IFLA_IFNAME, name);
    wc_nl_put_u32(buf, IFLA_MASTER, if_nametoindex(att->bridge));
    wc_nl_end(buf, at);
    head = (struct ifinfomsg){ .ifi_index = 0 };
    at = wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head);
    wc_nl_put_text(buf, IFLA_IFNAME, name);
    put_hairpin(buf);
    wc_nl_end(buf, at);
}

/* One that was made from a template has the template's. */
static void put_mac(struct wc_buf *buf, const struct wc_attachment *att, int index)
{
    struct ifinfomsg head = { .ifi_index = index };
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head);
    wc_nl_put(buf, IFLA_ADDRESS, att->mac, sizeof att->mac);
    wc_nl_end(buf, at);
}

int wc_net_tap_blobs(const struct wc_instance *inst, const char *seed, struct wc_buf *host,
                     struct wc_buf *inside, struct wc_err *err)
{
    int rc = has_bridges(inst, err);
    if (rc != 0)
        return rc;
    bool routed = false;
    wc_link_put_up(inside, LO_INDEX);
    for (size_t i = 0; i < inst->n_nets; i++) {
        const struct wc_attachment *att = &inst->nets[i];
        int inner = (int)(LO_INDEX + 1 + i); /* as the guest's kernel numbers them */
        char name[WC_NET_IFNAME_MAX + 1];
        wc_net_host_ifname(seed, i, name);
        put_tap(host, att, name);
        put_mac(inside, att, inner);
        wc_link_put_address(inside, att, inner);
        if (!routed && att->gateway4 != 0) {
            wc_link_put_route(inside, att->gateway4, inner);
            routed = true;
        }
    }
    return 0;
}
