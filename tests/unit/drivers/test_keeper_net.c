/* test_keeper_net.c - the keeper replays rtnetlink messages; all within a namespace of the test. */
#include "unit/drivers/keeper_box.h"

#include <sched.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

enum { OUTER = 41, INNER = 42 }; /* indices of the two ends */

static size_t begin(struct wc_buf *out, uint16_t type, uint16_t flags, const void *body, size_t len)
{
    size_t at = out->len;
    struct nlmsghdr head = { .nlmsg_type = type,
                             .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) };
    wc_buf_add(out, &head, sizeof head);
    wc_buf_add(out, body, len);
    return at;
}

static void end(struct wc_buf *out, size_t at)
{
    uint32_t len = (uint32_t)(out->len - at);
    memcpy(out->data + at, &len, sizeof len);
}

static size_t nest(struct wc_buf *out, uint16_t type)
{
    size_t at = out->len;
    struct rtattr attr = { .rta_type = type };
    wc_buf_add(out, &attr, sizeof attr);
    return at;
}

static void unnest(struct wc_buf *out, size_t at)
{
    uint16_t len = (uint16_t)(out->len - at);
    memcpy(out->data + at, &len, sizeof len);
}

static void attribute(struct wc_buf *out, uint16_t type, const void *value, size_t len)
{
    size_t at = nest(out, type);
    wc_buf_add(out, value, len);
    unnest(out, at);
    while (out->len % 4 != 0)
        wc_buf_addc(out, '\0');
}

/* A veth: outer0 here, eth0 in the namespace the keeper holds at WC_KEEPER_NETNS_FD. */
static void put_veth(struct wc_buf *out)
{
    struct ifinfomsg outer = { .ifi_index = OUTER, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct ifinfomsg inner = { .ifi_index = INNER };
    const int fd = WC_KEEPER_NETNS_FD;
    size_t message = begin(out, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &outer, sizeof outer);
    attribute(out, IFLA_IFNAME, "outer0", 7);
    size_t info = nest(out, IFLA_LINKINFO);
    attribute(out, IFLA_INFO_KIND, "veth", 5);
    size_t data = nest(out, IFLA_INFO_DATA), peer = nest(out, VETH_INFO_PEER);
    wc_buf_add(out, &inner, sizeof inner);
    attribute(out, IFLA_IFNAME, "eth0", 5);
    attribute(out, IFLA_NET_NS_FD, &fd, sizeof fd);
    unnest(out, peer);
    unnest(out, data);
    unnest(out, info);
    end(out, message);
}

static void put_up(struct wc_buf *out, int index)
{
    struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    end(out, begin(out, RTM_NEWLINK, 0, &link, sizeof link));
}

static void put_address(struct wc_buf *out)
{
    struct ifaddrmsg head = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = INNER };
    static const unsigned char address[4] = { 10, 98, 76, 2 };
    size_t message = begin(out, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    attribute(out, IFA_LOCAL, address, sizeof address);
    attribute(out, IFA_ADDRESS, address, sizeof address);
    end(out, message);
}

static void write_blobs(const struct box *box, const struct wc_buf *host,
                        const struct wc_buf *inside)
{
    box_write(box_path(box, "run/" WC_KEEPER_NET_HOST), host->data, host->len);
    box_write(box_path(box, "run/" WC_KEEPER_NET_INSIDE), inside->data, inside->len);
}

/* From here on the test's "host" is an empty network namespace. */
static void own_host(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        WC_SKIP("needs a network namespace of its own");
}

static void veth_addresses_and_sysctls(void **state)
{
    (void)state;
    own_host();
    for (size_t r = 0; r < WC_COUNT(box_runtimes); r++) {
        WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT;
        struct box box = { .runtime = box_runtimes[r],
                           .program = "ip addr; cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
                           .extra = "netns=new\nnet_sysctl=net.ipv4.ip_unprivileged_port_start=77"
                                    "\nnet_sysctl=net/ipv4/conf/lo/rp_filter=1" };
        box_open(&box);
        put_veth(&host);
        put_up(&inside, 1);
        put_address(&inside);
        put_up(&inside, INNER);
        write_blobs(&box, &host, &inside);
        box_create(&box);
        assert_int_equal(if_nametoindex("outer0"), OUTER);
        assert_int_equal(if_nametoindex("eth0"), 0);
        box_send(&box, "start");
        box_expect(&box, "running ");
        box_expect(&box, "exited 0 ");
        const char *log = box_read(box_path(&box, "lib/log.json"));
        assert_non_null(strstr(log, "inet 10.98.76.2/24"));
        assert_non_null(strstr(log, "42: eth0"));
        assert_non_null(strstr(log, "\"log\":\"77\\n\""));
        assert_null(strstr(log, "outer0"));
        box_expect_end(&box, 0);
        for (int ms = 0; if_nametoindex("outer0") != 0; ms++) { /* dies with the namespace */
            assert_true(ms < BOX_WAIT_MS);
            usleep(1000);
        }
        box_close(&box);
    }
}

/* network_mode: service:… joins by path; what is in that namespace is seen. */
static void joins_a_namespace(void **state)
{
    (void)state;
    own_host();
    char extra[64];
    struct box box = { .runtime = "crun", .program = "readlink /proc/self/ns/net", .extra = extra };
    char ours[64] = "";
    assert_true(readlink("/proc/self/ns/net", ours, sizeof ours - 1) > 0);
    pid_t other = fork();
    if (other == 0) { /* a keeper that starts elsewhere than where it goes */
        pause();
        _exit(0);
    }
    snprintf(extra, sizeof extra, "netns=/proc/%d/ns/net", other);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    char reused[128]; /* the number is another process's by now */
    snprintf(reused, sizeof reused, "%s\nnetns_starttime=7", extra);
    struct box late = { .runtime = "crun", .program = "exit 0", .extra = reused };
    box_open(&late);
    box_spawn(&late);
    box_expect(&late, "failed network: the service to join has ended");
    box_expect_end(&late, 1);
    box_close(&late);
    box_run(&box);
    assert_non_null(strstr(box_read(box_path(&box, "lib/log.json")), ours));
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    box_expect_end(&box, 0);
    box_close(&box);
}

static void refusals_are_told(void **state)
{
    (void)state;
    own_host();
    static const struct {
        const char *blob, *said; /* which file is bad, and what the keeper says */
    } rows[] = {
        { "twice", "failed network: net.host message 2 (type 16)" },
        { "inside", "failed network: net.inside message 1 (type 16)" },
        { "short", "failed network: bad message length in net.host" },
        { "tail", "failed network: cut short: net.inside" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT;
        struct box box = { .runtime = "crun", .program = "exit 0", .extra = "netns=new" };
        box_open(&box);
        put_veth(&host);
        if (wc_streq(rows[i].blob, "twice"))
            put_veth(&host);
        if (wc_streq(rows[i].blob, "inside"))
            put_up(&inside, 777);
        if (wc_streq(rows[i].blob, "short"))
            host.len -= 4;
        if (wc_streq(rows[i].blob, "tail"))
            wc_buf_adds(&inside, "abc");
        write_blobs(&box, &host, &inside);
        box_spawn(&box);
        box_expect(&box, rows[i].said);
        if (wc_streq(rows[i].blob, "twice"))
            assert_non_null(strstr(box.packet, "File exists"));
        assert_string_equal(box_receive(&box, box.link), "");
        assert_int_equal(box_wait_keeper(&box), 1);
        for (int ms = 0; if_nametoindex("outer0") != 0; ms++) {
            assert_true(ms < BOX_WAIT_MS);
            usleep(1000);
        }
        box_close(&box);
    }
}

WC_MAIN(WC_CASE(veth_addresses_and_sysctls), WC_CASE(joins_a_namespace), WC_CASE(refusals_are_told))
