/* test_net_drift.c - what somebody else changes of networks: said, and put back. */
#include "net_app.h"

#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/host.h"
#include "drivers/net/news.h"

static struct wc_net_seen seen;

/* What a look says; "" when all is as it should be. Static. */
static const char *look(const struct app *a)
{
    static char text[1024];
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_net_look(&a->req, &world_paths, &seen, &out, &err) != 0)
        fail_msg("look: %s", err.msg);
    snprintf(text, sizeof text, "%s", out.data);
    return text;
}

/* It is said so, and the next `up` puts it back. */
static void said_and_mended(const struct app *a, const char *what)
{
    assert_string_equal(look(a), what);
    assert_string_equal(look(a), what); /* looking changes nothing */
    up(a);
    seen.right = false; /* as its owner does after every up */
    assert_string_equal(look(a), "");
}

static void nft(const char *script)
{
    struct wc_err err = { 0 };
    if (wc_nft_run(script, NULL, &err) != 0)
        fail_msg("%s: %s", script, err.msg);
}

static void link_run(uint16_t type, const char *name, unsigned flags)
{
    WC_CLEANUP_BUF struct wc_buf buf = WC_BUF_INIT;
    struct wc_err err = { 0 };
    struct ifinfomsg head = { .ifi_index = (int)if_nametoindex(name),
                              .ifi_flags = flags,
                              .ifi_change = IFF_UP };
    assert_true(head.ifi_index > 0);
    wc_nl_end(&buf, wc_nl_begin(&buf, type, 0, &head, sizeof head));
    WC_CLEANUP_FD int fd = wc_nl_open(&err);
    if (wc_nl_run(fd, &buf, NULL, &err) != 0)
        fail_msg("%s: %s", name, err.msg);
}

static void drop_address(const char *name)
{
    struct ifreq req = { 0 };
    struct sockaddr_in none = { .sin_family = AF_INET };
    WC_CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", name);
    memcpy(&req.ifr_addr, &none, sizeof none);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &req), 0);
}

static void an_untouched_network_is_right(void **state)
{
    (void)state;
    struct app a, b;
    app_init(&a, "shop", 1);
    app_init(&b, "club", 2);
    up(&a);
    seen.right = false;
    assert_string_equal(look(&a), "");
    assert_true(seen.right);
    up(&b); /* of others: changes rules as a whole, and nothing of ours */
    assert_string_equal(look(&a), "");
    down(&b);
    assert_string_equal(look(&a), "");
    down(&a);
    assert_nothing_left();
}

static void bridges_are_put_back(void **state)
{
    (void)state;
    struct app a;
    app_init(&a, "shop", 1);
    up(&a);
    link_run(RTM_NEWLINK, "wctest1", 0);
    said_and_mended(&a, "bridge wctest1 of shop: up -> down");
    drop_address("wctest1");
    said_and_mended(&a, "bridge wctest1 of shop: 10.210.1.1/24 -> no address");
    link_run(RTM_DELLINK, "wctest1", 0);
    said_and_mended(&a, "bridge wctest1 of shop -> gone");
    down(&a);
    assert_nothing_left();
}

static void rules_are_put_back(void **state)
{
    (void)state;
    struct app a;
    app_init(&a, "shop", 1);
    up(&a);
    nft("delete table inet wcompose\n");
    said_and_mended(&a, "table inet wcompose -> gone");
    nft("flush chain inet wcompose forward\n");
    said_and_mended(&a, "rules of table inet wcompose -> changed");
    nft("insert rule inet wcompose forward accept\n");
    said_and_mended(&a, "rules of table inet wcompose -> changed");
    nft("add chain inet wcompose forward { policy drop; }\n");
    said_and_mended(&a, "rules of table inet wcompose -> changed");
    nft("delete element inet wcompose ports { tcp . 8001 }\n");
    said_and_mended(&a, "port 8001/tcp of web -> not published");
    nft("delete element inet wcompose ports { tcp . 8001 }\n"
        "add element inet wcompose ports { tcp . 8001 comment \"shop web\" : 10.0.0.9 . 99 }\n");
    said_and_mended(&a, "port 8001/tcp of web -> not published, port 8001/tcp -> 10.0.0.9:99");
    nft("delete element inet wcompose same { \"wctest1\" . \"wctest1\" }\n");
    said_and_mended(&a, "rules of bridges -> not complete");
    nft("delete element inet wcompose subnets { 10.210.1.0/24 }\n");
    said_and_mended(&a, "rules of bridges -> not complete");
    nft("delete element inet wcompose bridges { \"wctest1\" }\n");
    said_and_mended(&a, "rules of bridges -> not complete, rules of bridge wctest1 -> gone");
    nft("flush ruleset\n");
    said_and_mended(&a, "table inet wcompose -> gone");
    down(&a);
    assert_nothing_left();
}

/* Neighbouring subnets, one of which loses its element. */
static void rules_of_two_projects_are_told_apart(void **state)
{
    (void)state;
    struct app a, b;
    app_init(&a, "shop", 2);
    app_init(&b, "club", 3);
    up(&a);
    up(&b);
    seen.right = false;
    assert_string_equal(look(&a), "");
    nft("delete element inet wcompose subnets { 10.210.3.0/24 }\n");
    said_and_mended(&a, "rules of bridges -> not complete"); /* of either: it is one table */
    seen.right = false;
    assert_string_equal(look(&b), "");
    nft("delete element inet wcompose ports { tcp . 8003 }\n");
    assert_string_equal(look(&a), "");
    seen.right = false; /* each of them has one of its own */
    said_and_mended(&b, "port 8003/tcp of web -> not published");
    down(&a);
    down(&b);
    assert_nothing_left();
}

static void settings_and_names_are_put_back(void **state)
{
    (void)state;
    struct app a;
    char what[300];
    app_init(&a, "shop", 1);
    up(&a);
    write_text("/proc/sys/net/ipv4/ip_forward", "0");
    said_and_mended(&a, "net.ipv4.ip_forward 1 -> 0");
    write_text("/proc/sys/net/ipv4/conf/wctest1/route_localnet", "0");
    said_and_mended(&a, "bridge wctest1 of shop: route_localnet 1 -> 0");
    assert_int_equal(unlink(world_path("run/net/zones/shop")), 0);
    snprintf(what, sizeof what, "names (%s) -> gone", world_path("run/net/zones/shop"));
    said_and_mended(&a, what);
    down(&a);
    assert_nothing_left();
}

/* The links of a node that runs. */
struct inside {
    char notes[512];
    struct wc_net_inside fds;
};

static int socket_in(int netns, int domain, int type, int protocol)
{
    WC_CLEANUP_FD int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(setns(netns, CLONE_NEWNET), 0);
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    assert_true(fd >= 0);
    return fd;
}

static struct inside inside_of(const struct app *a, const struct node *node, const char *seed)
{
    WC_CLEANUP_BUF struct wc_buf notes = WC_BUF_INIT;
    struct inside in;
    char path[64];
    wc_net_link_notes(&a->inst, seed, &notes);
    snprintf(in.notes, sizeof in.notes, "%s", notes.data);
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)node->pid);
    in.fds.holder = -1;
    in.fds.netns = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(in.fds.netns >= 0);
    in.fds.inet = socket_in(in.fds.netns, AF_INET, SOCK_DGRAM, 0);
    in.fds.route = socket_in(in.fds.netns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    return in;
}

static void inside_end(struct inside *in)
{
    close(in->fds.netns);
    close(in->fds.inet);
    close(in->fds.route);
}

static const char *look_at(const struct inside *in)
{
    static char text[512];
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (wc_net_links_look(in->notes, in->fds.inet, &out, &err) != 0)
        fail_msg("look: %s", err.msg);
    snprintf(text, sizeof text, "%s", out.data);
    return text;
}

static void link_mended(const struct inside *in, const char *what)
{
    struct wc_err err = { 0 };
    assert_string_equal(look_at(in), what);
    if (wc_net_links_restore(in->notes, &in->fds, &err) != 0)
        fail_msg("restore: %s", err.msg);
    assert_string_equal(look_at(in), "");
}

static void in_node(const struct inside *in, const char *command)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(setns(in->fds.netns, CLONE_NEWNET) == 0 ? system(command)
                                                      : 9); /* NOLINT(cert-env33-c): a test */
    int status = 0;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void links_of_what_runs_are_put_back(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    char outer[WC_NET_IFNAME_MAX + 1];
    struct node outside = outside_start();
    app_init(&a, "shop", 1);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    struct inside in = inside_of(&a, &web, "web");
    assert_string_equal(look_at(&in), "");
    wc_net_host_ifname("web", 0, outer);
    link_run(RTM_DELLINK, outer, 0);
    host_cannot(IP4(127, 0, 0, 1), 8001);
    link_mended(&in, "eth0: link -> gone");
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    in_node(&in, "ip addr flush dev eth0");
    link_mended(&in, "eth0: 10.210.1.2/24 -> no address");
    in_node(&in, "ip link set eth0 down");
    link_mended(&in, "eth0: up -> down");
    in_node(&in, "ip link del eth0");
    link_mended(&in, "eth0: link -> gone");
    link_run(RTM_NEWLINK, outer, 0);
    link_mended(&in, "eth0: up -> down");
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    assert_seen(node_tcp(&web, OUTSIDE_IP, SERVE_PORT), "outside",
                HOST_IP); /* its way out is back */

    link_run(RTM_DELLINK, "wctest1", 0);
    assert_string_equal(look_at(&in), ""); /* the network's own drift comes first */
    assert_int_equal(wc_net_links_restore(in.notes, &in.fds, &err), WC_ERR_NOENT);
    up(&a);
    link_mended(&in, "eth0: in bridge wctest1 -> not");
    assert_seen(host_tcp(IP4(127, 0, 0, 1), 8001), "web", a.net.gateway4);
    assert_seen(node_tcp(&web, HOST_IP, 8001), "web", a.net.gateway4); /* hairpin */
    inside_end(&in);
    node_end(&web);
    node_end(&outside);
    down(&a);
    assert_nothing_left();
}

/* As a keeper makes it; the descriptor is the machine's. */
static int tap_open(const char *name)
{
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        WC_SKIP("/dev/net/tun");
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", name);
    assert_int_equal(ioctl(fd, TUNSETIFF, &req), 0);
    return fd;
}

/* A process that has it as its first descriptor of links; returns a pidfd. */
static int machine_of(int tap, pid_t *pid)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    *pid = fork();
    if (*pid == 0) {
        dup2(tap, WC_KEEPER_TAP_FD);
        (void)!write(ready[1], "", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    int pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
    assert_true(pidfd >= 0);
    return pidfd;
}

static void rename_link(const char *name)
{
    struct ifreq req = { .ifr_newname = "elsewhere" };
    WC_CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    link_run(RTM_NEWLINK, name, 0);
    snprintf(req.ifr_name, sizeof req.ifr_name, "%s", name);
    assert_int_equal(ioctl(fd, SIOCSIFNAME, &req), 0);
}

static void links_of_machines_are_put_back(void **state)
{
    (void)state;
    struct app a;
    struct wc_err err = { 0 };
    static const char frame[12 + 60];
    int64_t rx, tx;
    int header = 0;
    pid_t machine;
    struct inside in = { .fds = { -1, -1, -1, -1 } };
    WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT, notes = WC_BUF_INIT;
    char name[WC_NET_IFNAME_MAX + 1];
    app_init(&a, "shop", 1);
    up(&a);
    wc_net_host_ifname("vm", 0, name);
    WC_CLEANUP_FD int tap = tap_open(name);
    assert_int_equal(wc_net_tap_blobs(&a.inst, "vm", &host, &inside, &err), 0);
    WC_CLEANUP_FD int route = wc_nl_open(&err);
    assert_int_equal(wc_nl_run(route, &host, NULL, &err), 0);
    wc_net_tap_notes(&a.inst, "vm", &notes);
    snprintf(in.notes, sizeof in.notes, "%s", notes.data);
    assert_string_equal(look_at(&in), ""); /* whatever the guest does with its end */
    link_run(RTM_NEWLINK, name, 0);
    link_mended(&in, "eth0: up -> down");
    link_run(RTM_DELLINK, "wctest1", 0);
    assert_string_equal(look_at(&in), "");
    assert_int_equal(wc_net_links_restore(in.notes, &in.fds, &err), WC_ERR_NOENT);
    up(&a);
    link_mended(&in, "eth0: in bridge wctest1 -> not");
    link_run(RTM_DELLINK, name, 0);
    assert_string_equal(look_at(&in), "eth0: link -> gone");
    assert_int_equal(wc_net_links_restore(in.notes, &in.fds, &err), WC_ERR_CONFLICT);
    assert_non_null(strstr(err.msg, "restart it")); /* nobody is there who has it */
    in.fds.holder = machine_of(tap, &machine);
    link_mended(&in, "eth0: link -> gone");
    assert_int_equal(ioctl(tap, TUNGETVNETHDRSZ, &header), 0); /* by its own descriptor */
    assert_int_equal(header, 12);
    assert_int_equal(write(tap, frame, sizeof frame), sizeof frame);
    assert_int_equal(wc_net_taps_count(in.notes, &rx, &tx, &err), 0);
    assert_int_equal(tx, (int)sizeof frame - header);
    rename_link(name);
    assert_int_equal(wc_net_links_restore(in.notes, &in.fds, &err), WC_ERR_CONFLICT);
    assert_non_null(strstr(err.msg, "it is elsewhere"));
    assert_int_equal(wc_net_taps_count(in.notes, &rx, &tx, &err), 0);
    assert_true(rx == WC_UNSET && tx == WC_UNSET);
    link_run(RTM_DELLINK, "elsewhere", 0);
    close(in.fds.holder);
    kill(machine, SIGKILL);
    waitpid(machine, NULL, 0);
    down(&a);
    assert_nothing_left();
}

/* Whether one of the two tells, within a moment. */
static bool is_told(const int fds[WC_NET_NEWS])
{
    struct pollfd polls[WC_NET_NEWS];
    bool found = false;
    for (size_t i = 0; i < WC_NET_NEWS; i++)
        polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
    while (poll(polls, WC_NET_NEWS, 200) > 0)
        for (size_t i = 0; i < WC_NET_NEWS; i++)
            if (polls[i].revents != 0)
                found = wc_net_news_read(fds[i], i) || found;
    return found;
}

static void the_kernel_tells(void **state)
{
    (void)state;
    struct app a, b;
    int fds[WC_NET_NEWS];
    char outer[WC_NET_IFNAME_MAX + 1];
    app_init(&a, "shop", 1);
    app_init(&b, "club", 2);
    up(&a);
    struct node web = start_as(&a, "web", 2);
    struct inside in = inside_of(&a, &web, "web");
    wc_net_host_ifname("web", 0, outer);
    wc_net_news_open(fds);
    assert_true(fds[0] >= 0 && fds[1] >= 0);
    assert_false(is_told(fds));
    up(&b); /* what comes is no news */
    struct node other = start_as(&b, "other", 2);
    (void)is_told(fds);
    assert_false(is_told(fds));
    nft("add table inet strange\ndelete table inet strange\n");
    assert_false(is_told(fds));
    nft("flush chain inet wcompose forward\n");
    assert_true(is_told(fds));
    nft("delete element inet wcompose ports { tcp . 8001 }\n");
    assert_true(is_told(fds));
    drop_address("wctest1");
    assert_true(is_told(fds));
    link_run(RTM_NEWLINK, "wctest1", 0);
    assert_true(is_told(fds));
    in_node(&in, "ip addr flush dev eth0");
    assert_true(is_told(fds));
    in_node(&in, "ip link set eth0 down");
    (void)is_told(fds); /* seen by looking only, where the other end keeps its carrier */
    link_run(RTM_DELLINK, outer, 0);
    assert_true(is_told(fds));
    link_run(RTM_DELLINK, "wctest1", 0);
    assert_true(is_told(fds));
    close(fds[0]);
    close(fds[1]);
    inside_end(&in);
    node_end(&web);
    node_end(&other);
    up(&a);
    down(&a);
    down(&b);
    assert_nothing_left();
}

static const struct CMUnitTest cases[] = {
    WC_CASE(an_untouched_network_is_right),
    WC_CASE(bridges_are_put_back),
    WC_CASE(rules_are_put_back),
    WC_CASE(rules_of_two_projects_are_told_apart),
    WC_CASE(settings_and_names_are_put_back),
    WC_CASE(links_of_what_runs_are_put_back),
    WC_CASE(links_of_machines_are_put_back),
    WC_CASE(the_kernel_tells),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, cases, WC_COUNT(cases));
}
