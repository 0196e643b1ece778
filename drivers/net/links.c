/* links.c - the links of an instance that runs: as they were made, as they are, made again.
 *
 * What was made is a line for each, kept beside the instance: the model may have moved on, and
 * whoever takes over knows the names from nowhere else. The inside is asked through a socket of the
 * instance's namespace, which costs a few calls and no thread stays there. Only what we made is
 * looked at: a container that may administer its network has routes and addresses of its own.
 *
 * Of a virtual machine's link only the tap is ours to see; its inside is the guest's. One that was
 * deleted is made again under the machine's descriptor (tap.c).
 */
#include <arpa/inet.h>
#include <errno.h>
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
#include "drivers/net/link.h"
#include "drivers/net/netlink.h"

/* One line: OUTER INDEX BRIDGE IFNAME ADDRESS PREFIX GATEWAY MAC NTH; numbers decimal. INDEX is 0
 * for a tap, whose number is the kernel's choice. */
struct note {
    struct wc_link_outer outer;
    char bridge[WC_NET_IFNAME_MAX + 1], ifname[WC_NET_IFNAME_MAX + 1];
    struct wc_attachment att; /* bridge, ifname: the above */
    unsigned nth;
};

/* How it was found. */
struct found {
    struct wc_nl_link outer, bridge;
    int inner; /* its number inside; 0: there is none */
    bool inner_up, has_address;
    uint32_t ip4;
};

static void put_notes(const struct wc_instance *inst, const char *seed, bool taps,
                      struct wc_buf *out)
{
    for (size_t i = 0; i < inst->n_nets; i++) {
        const struct wc_attachment *att = &inst->nets[i];
        struct wc_link_outer outer;
        wc_link_outer_of(seed, i, &outer);
        wc_buf_printf(out, "%s %d %s %s %u %u %u ", outer.name, taps ? 0 : outer.index, att->bridge,
                      att->ifname, att->ip4, att->prefix4, att->gateway4);
        for (size_t k = 0; k < sizeof att->mac; k++)
            wc_buf_printf(out, "%02x", att->mac[k]);
        wc_buf_printf(out, " %zu\n", i);
    }
}

void wc_net_link_notes(const struct wc_instance *inst, const char *seed, struct wc_buf *out)
{
    put_notes(inst, seed, false, out);
}

void wc_net_tap_notes(const struct wc_instance *inst, const char *seed, struct wc_buf *out)
{
    put_notes(inst, seed, true, out);
}

static bool is_tap(const struct note *note)
{
    return note->outer.index == 0;
}

/* Reads a line and moves on; false at the end, or where there is no such line. */
static bool next_note(const char **at, struct note *out)
{
    unsigned prefix = 0, m[6] = { 0 };
    *out = (struct note){ .nth = 0 };
    if (*at == NULL || **at == '\0')
        return false;
    /* NOLINTNEXTLINE(cert-err34-c): written by wc_net_link_notes, with widths that can't overflow
     */
    int n = sscanf(*at, "%15s %9d %15s %15s %10u %2u %10u %2x%2x%2x%2x%2x%2x %3u", out->outer.name,
                   &out->outer.index, out->bridge, out->ifname, &out->att.ip4, &prefix,
                   &out->att.gateway4, &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &out->nth);
    out->att.bridge = out->bridge;
    out->att.ifname = out->ifname;
    out->att.prefix4 = (uint8_t)prefix;
    for (size_t i = 0; i < WC_COUNT(m); i++)
        out->att.mac[i] = (uint8_t)m[i];
    *at = strchr(*at, '\n');
    *at = *at != NULL ? *at + 1 : NULL;
    return n == 14;
}

static void name_it(struct ifreq *req, const char *name)
{
    memset(req, 0, sizeof *req);
    memcpy(req->ifr_name, name, strnlen(name, sizeof req->ifr_name - 1));
}

static void look_inside(int inside, const struct note *note, struct found *out)
{
    struct ifreq req;
    struct sockaddr_in in;
    name_it(&req, note->ifname);
    if (ioctl(inside, SIOCGIFINDEX, &req) != 0)
        return;
    out->inner = req.ifr_ifindex;
    if (ioctl(inside, SIOCGIFFLAGS, &req) == 0)
        out->inner_up = (req.ifr_flags & IFF_UP) != 0;
    if (ioctl(inside, SIOCGIFADDR, &req) != 0)
        return;
    memcpy(&in, &req.ifr_addr, sizeof in);
    out->ip4 = ntohl(in.sin_addr.s_addr);
    out->has_address = true;
}

static int look_at(int host, int inside, const struct note *note, struct found *out,
                   struct wc_err *err)
{
    memset(out, 0, sizeof *out);
    int rc = wc_nl_link(host, note->outer.name, &out->outer, err);
    if (rc == 0)
        rc = wc_nl_link(host, note->bridge, &out->bridge, err);
    if (!is_tap(note))
        look_inside(inside, note, out);
    return rc;
}

static bool is_cut(const struct note *note, const struct found *found)
{
    return found->outer.index == 0 || (!is_tap(note) && found->inner == 0);
}

static bool is_loose(const struct found *found)
{
    return !found->outer.up || found->outer.master != found->bridge.index;
}

static bool lacks_address(const struct note *note, const struct found *found)
{
    return !found->has_address || found->ip4 != note->att.ip4;
}

#define IP_FMT "%u.%u.%u.%u"
#define IP_ARG(ip) (ip) >> 24 & 255, (ip) >> 16 & 255, (ip) >> 8 & 255, (ip)&255

static void describe(const struct note *note, const struct found *found, struct wc_buf *out)
{
    const char *sep = out->len > 0 ? ", " : "";
    if (found->bridge.index == 0) /* the network's own drift, which comes first */
        return;
    if (is_cut(note, found)) {
        wc_buf_printf(out, "%s%s: link -> gone", sep, note->ifname);
        return;
    }
    if (found->outer.master != found->bridge.index)
        wc_buf_printf(out, "%s%s: in bridge %s -> not", sep, note->ifname, note->bridge);
    else if (!found->outer.up || (!is_tap(note) && !found->inner_up))
        wc_buf_printf(out, "%s%s: up -> down", sep, note->ifname);
    sep = out->len > 0 ? ", " : "";
    if (is_tap(note) || !lacks_address(note, found))
        return;
    wc_buf_printf(out, "%s%s: " IP_FMT "/%u -> ", sep, note->ifname, IP_ARG(note->att.ip4),
                  note->att.prefix4);
    if (found->has_address)
        wc_buf_printf(out, IP_FMT, IP_ARG(found->ip4));
    else
        wc_buf_adds(out, "no address");
}

int wc_net_links_look(const char *notes, int inside, struct wc_buf *out, struct wc_err *err)
{
    struct note note;
    struct found found;
    WC_CLEANUP_FD int host = wc_nl_open(err);
    if (host < 0)
        return host;
    while (next_note(&notes, &note)) {
        int rc = look_at(host, inside, &note, &found, err);
        if (rc != 0)
            return rc;
        describe(&note, &found, out);
    }
    return 0;
}

int wc_net_taps_count(const char *notes, int64_t *rx_bytes, int64_t *tx_bytes, struct wc_err *err)
{
    struct note note;
    struct wc_nl_link link;
    uint64_t rx = 0, tx = 0;
    bool whole = true;
    WC_CLEANUP_FD int host = wc_nl_open(err);
    if (host < 0)
        return host;
    while (next_note(&notes, &note)) {
        int rc = wc_nl_link(host, note.outer.name, &link, err);
        if (rc != 0)
            return rc;
        whole = whole && link.index != 0;
        rx += link.tx_bytes;
        tx += link.rx_bytes;
    }
    *rx_bytes = whole ? (int64_t)rx : WC_UNSET;
    *tx_bytes = whole ? (int64_t)tx : WC_UNSET;
    return 0;
}

static int send_one(int fd, const struct wc_buf *buf, const struct note *note, struct wc_err *err)
{
    int rc = buf->len > 0 ? wc_nl_run(fd, buf, NULL, err) : 0;
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "%s", note->ifname);
}

static void put_in_bridge(struct wc_buf *buf, struct ifinfomsg *head, int bridge)
{
    head->ifi_flags = head->ifi_change = IFF_UP;
    size_t at = wc_nl_begin(buf, RTM_NEWLINK, 0, head, sizeof *head);
    wc_nl_put_u32(buf, IFLA_MASTER, (uint32_t)bridge);
    wc_nl_end(buf, at);
}

/* The host's end: made anew, or put back into its bridge. */
static int mend_outside(int host, const struct wc_net_inside *in, const struct note *note,
                        const struct found *found, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    struct ifinfomsg head = { .ifi_index = found->outer.index };
    int index = found->outer.index;
    if (found->bridge.index == 0)
        return wc_err_set(err, WC_ERR_NOENT, 0, "%s: bridge %s is not there", note->ifname,
                          note->bridge);
    if (is_cut(note, found) && is_tap(note)) {
        int rc = wc_tap_attach(in->holder, note->nth, note->outer.name, note->ifname, err);
        if (rc != 0)
            return rc;
        head.ifi_index = index = (int)if_nametoindex(note->outer.name);
        put_in_bridge(&buf, &head, found->bridge.index);
    } else if (is_cut(note, found)) {
        if (found->outer.index != 0) /* its other end is elsewhere, or nowhere */
            wc_nl_end(&buf, wc_nl_begin(&buf, RTM_DELLINK, 0, &head, sizeof head));
        wc_link_put_veth(&buf, &note->att, note->nth, &note->outer, in->netns);
        index = note->outer.index;
    } else if (is_loose(found)) {
        put_in_bridge(&buf, &head, found->bridge.index);
    } else {
        return 0;
    }
    wc_link_put_port_mode(&buf, index);
    return send_one(host, &buf, note, err);
}

/* The inner end: address, up; and the way out, which went with the address. */
static int mend_inside(int inside_nl, const struct note *note, const struct found *found,
                       bool routed, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT, route = WC_BUF_INIT;
    int index = is_cut(note, found) ? (int)(WC_LINK_INNER + note->nth) : found->inner;
    if (!is_cut(note, found) && found->inner_up && !lacks_address(note, found))
        return 0;
    if (is_cut(note, found) || lacks_address(note, found))
        wc_link_put_address(&buf, &note->att, index);
    else
        wc_link_put_up(&buf, index);
    int rc = send_one(inside_nl, &buf, note, err);
    if (rc != 0 || routed || note->att.gateway4 == 0)
        return rc;
    wc_link_put_route(&route, note->att.gateway4, index);
    (void)wc_nl_run(inside_nl, &route, NULL, NULL); /* it may have another one by now */
    return 0;
}

int wc_net_links_restore(const char *notes, const struct wc_net_inside *in, struct wc_err *err)
{
    struct note note;
    struct found found;
    bool routed = false;
    int lost = 0; /* one link that is doesn't keep the others from being mended */
    WC_CLEANUP_FD int host = wc_nl_open(err);
    if (host < 0)
        return host;
    while (next_note(&notes, &note)) {
        int rc = look_at(host, in->inet, &note, &found, err);
        if (rc == 0)
            rc = mend_outside(host, in, &note, &found, err);
        if (rc == 0 && !is_tap(&note))
            rc = mend_inside(in->route, &note, &found, routed, err);
        if (rc != 0 && rc != WC_ERR_CONFLICT)
            return rc;
        lost = rc != 0 ? rc : lost;
        routed = routed || note.att.gateway4 != 0;
    }
    return lost;
}
