/* net_world.h - a small world of network namespaces for tests: a host, containers, an outside.
 *
 * Idea:    the test program puts itself into namespaces of its own (net, mount, pid) before the
 *          first case: that is "the host". Containers and the outside are child processes with a
 *          namespace each, filled with the same messages that the keeper would send; they answer
 *          on ports and connect where they are told to. When the program ends, so does the world:
 *          nothing of it was ever in the machine's own network.
 */
#ifndef TESTS_UNIT_DRIVERS_NET_WORLD_H
#define TESTS_UNIT_DRIVERS_NET_WORLD_H

#include "harness/wc_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/net.h"
#include "drivers/net/netlink.h"
#include "drivers/net/rules.h"

#define IP4(a, b, c, d)                                                                            \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define HOST_IP IP4(10, 99, 0, 1)
#define OUTSIDE_IP IP4(10, 99, 0, 2)

/* How long an answer may take on a loaded machine; how long we look for one that must not come. */
enum { ANSWER_MS = 20000, SILENCE_MS = 400, SERVE_PORT = 80 };

static char world_root[64];
static struct wc_paths world_paths;

/* ---- sockets ----------------------------------------------------------------------------- */

static inline struct sockaddr_in world_addr(uint32_t ip4, unsigned port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(ip4) };
}

static inline void world_patience(int fd, unsigned ms)
{
    const struct timeval wait = { ms / 1000, ms % 1000 * 1000L };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

/* Connects and reads what the other side says ("NAME SEEN_ADDRESS"); "" when it doesn't work. */
static inline void world_tcp(uint32_t ip4, unsigned port, unsigned ms, char *out, size_t size)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = world_addr(ip4, port);
    out[0] = '\0';
    world_patience(fd, ms);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) {
        ssize_t len = recv(fd, out, size - 1, MSG_WAITALL);
        out[len > 0 ? len : 0] = '\0';
    }
    close(fd);
}

struct node_ask {
    bool udp, silent; /* silent: no answer is expected */
    uint32_t ip4;
    unsigned port;
    size_t len;
    uint8_t msg[600];
};

/* Sends bytes as a datagram and reads one back. Returns its length, or -1. */
static inline ssize_t world_udp(const struct node_ask *ask, void *out, size_t size)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = world_addr(ask->ip4, ask->port);
    ssize_t got = -1;
    world_patience(fd, ask->silent ? SILENCE_MS : ANSWER_MS);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, ask->msg, ask->len, 0) >= 0)
        got = recv(fd, out, size, 0);
    close(fd);
    return got;
}

static inline int world_listen(uint32_t ip4, unsigned port, int type)
{
    const int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = world_addr(ip4, port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        (type == SOCK_STREAM && listen(fd, 16) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- nodes: processes in namespaces of their own ----------------------------------------- */

struct node {
    pid_t pid;
    int control; /* SOCK_SEQPACKET: a question, an answer */
};

/* Says "NAME PEER" to whoever connects to port 80, and as answer to datagrams; answers DNS
 * questions on port 53 with 9.9.9.9. */
static inline void node_serve(const char *name, int control)
{
    struct pollfd fds[3] = { { world_listen(0, SERVE_PORT, SOCK_STREAM), POLLIN, 0 },
                             { world_listen(0, SERVE_PORT, SOCK_DGRAM), POLLIN, 0 },
                             { world_listen(0, 53, SOCK_DGRAM), POLLIN, 0 } };
    send(control, "ready", 5, 0);
    close(control);
    for (;;) {
        struct sockaddr_in from = { 0 };
        socklen_t size = sizeof from;
        char ip[INET_ADDRSTRLEN], text[64];
        uint8_t msg[512];
        poll(fds, 3, -1);
        if ((fds[0].revents & POLLIN) != 0) {
            int fd = accept(fds[0].fd, (struct sockaddr *)&from, &size);
            inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
            snprintf(text, sizeof text, "%s %s", name, ip);
            (void)!write(fd, text, strlen(text));
            close(fd);
        } else if ((fds[1].revents & POLLIN) != 0) {
            (void)!recvfrom(fds[1].fd, msg, sizeof msg, 0, (struct sockaddr *)&from, &size);
            sendto(fds[1].fd, name, strlen(name), 0, (struct sockaddr *)&from, size);
        } else {
            static const uint8_t record[] = { 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 9, 9, 9, 9 };
            ssize_t len = recvfrom(fds[2].fd, msg, sizeof msg - sizeof record, 0,
                                   (struct sockaddr *)&from, &size);
            msg[2] |= 0x80;
            msg[7] = 1;
            memcpy(msg + len, record, sizeof record);
            sendto(fds[2].fd, msg, (size_t)len + sizeof record, 0, (struct sockaddr *)&from, size);
        }
    }
}

/* Does what the test asks, until the test is over. */
static inline void node_obey(int control)
{
    struct node_ask ask;
    while (recv(control, &ask, sizeof ask, 0) > 0) {
        char out[2048];
        if (ask.udp) {
            ssize_t n = world_udp(&ask, out, sizeof out);
            send(control, out, n > 0 ? (size_t)n : 0, 0);
        } else {
            world_tcp(ask.ip4, ask.port, ask.silent ? SILENCE_MS : ANSWER_MS, out, sizeof out);
            send(control, out, strlen(out), 0);
        }
    }
    _exit(0);
}

static inline void node_sysctl(const char *setting)
{
    char path[128];
    int len = snprintf(path, sizeof path, "/proc/sys/%.*s", (int)strcspn(setting, "="), setting);
    for (int i = 10; i < len; i++)
        if (path[i] == '.')
            path[i] = '/';
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    const char *value = strchr(setting, '=') + 1;
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        _exit(3);
    close(fd);
}

/* In the child: as the keeper does it. */
static inline void node_enter(const struct wc_buf *host, const struct wc_buf *inside)
{
    struct wc_err err = { 0 };
    int outer = wc_nl_open(&err);
    if (unshare(CLONE_NEWNET) != 0)
        _exit(4);
    int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    dup2(ns, WC_KEEPER_NETNS_FD);
    for (const char *const *s = wc_net_sysctls(); *s != NULL; s++)
        node_sysctl(*s);
    if (wc_nl_run(outer, host, NULL, &err) == 0)
        wc_nl_run(wc_nl_open(&err), inside, NULL, &err);
    if (err.code != 0) {
        fprintf(stderr, "node: %s\n", err.msg);
        _exit(5);
    }
}

/* Starts a node; it is ready when this returns. */
static inline struct node node_start(const char *name, const struct wc_buf *host,
                                     const struct wc_buf *inside)
{
    int pair[2];
    char ready[8];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        node_enter(host, inside);
        pid_t server = fork();
        if (server == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            node_serve(name, pair[1]);
        }
        node_obey(pair[1]);
    }
    close(pair[1]);
    assert_int_equal(recv(pair[0], ready, sizeof ready, 0), 5);
    return (struct node){ pid, pair[0] };
}

static inline void node_end(struct node *node)
{
    close(node->control);
    kill(node->pid, SIGKILL);
    waitpid(node->pid, NULL, 0);
}

static inline const char *node_asks(const struct node *node, uint32_t ip4, unsigned port,
                                    bool silent)
{
    static char out[256];
    struct node_ask ask = { .silent = silent, .ip4 = ip4, .port = port };
    send(node->control, &ask, sizeof ask, 0);
    ssize_t len = recv(node->control, out, sizeof out - 1, 0);
    out[len > 0 ? len : 0] = '\0';
    return out;
}

/* What is answered there; "" when the connection doesn't come about. */
static inline const char *node_tcp(const struct node *node, uint32_t ip4, unsigned port)
{
    return node_asks(node, ip4, port, false);
}

static inline void node_cannot(const struct node *node, uint32_t ip4, unsigned port)
{
    assert_string_equal(node_asks(node, ip4, port, true), "");
}

static inline ssize_t node_udp(const struct node *node, const struct node_ask *ask, void *out,
                               size_t size)
{
    send(node->control, ask, sizeof *ask, 0);
    return recv(node->control, out, size, 0);
}

static inline const char *host_tcp(uint32_t ip4, unsigned port)
{
    static char out[256];
    world_tcp(ip4, port, ANSWER_MS, out, sizeof out);
    return out;
}

static inline void host_cannot(uint32_t ip4, unsigned port)
{
    char out[256];
    world_tcp(ip4, port, SILENCE_MS, out, sizeof out);
    assert_string_equal(out, "");
}

/* ---- the outside ------------------------------------------------------------------------- */

static inline void put_link_up(struct wc_buf *buf, int index)
{
    struct ifinfomsg head = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    wc_nl_end(buf, wc_nl_begin(buf, RTM_NEWLINK, 0, &head, sizeof head));
}

static inline void put_ip4(struct wc_buf *buf, int index, uint32_t ip4)
{
    struct ifaddrmsg head = { .ifa_family = AF_INET,
                              .ifa_prefixlen = 24,
                              .ifa_index = (uint32_t)index };
    size_t at = wc_nl_begin(buf, RTM_NEWADDR, NLM_F_CREATE, &head, sizeof head);
    wc_nl_put_ip4(buf, IFA_LOCAL, ip4);
    wc_nl_put_ip4(buf, IFA_ADDRESS, ip4);
    wc_nl_end(buf, at);
    put_link_up(buf, index);
}

/* Another machine on a link of the host: 10.99.0.2, default route by the host (10.99.0.1). */
static inline struct node outside_start(void)
{
    WC_CLEANUP_BUF struct wc_buf host = WC_BUF_INIT, inside = WC_BUF_INIT;
    struct ifinfomsg head = { .ifi_index = 900 }, peer = { .ifi_index = 901 };
    size_t at = wc_nl_begin(&host, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    wc_nl_put_text(&host, IFLA_IFNAME, "uplink");
    size_t info = wc_nl_nest(&host, IFLA_LINKINFO);
    wc_nl_put_text(&host, IFLA_INFO_KIND, "veth");
    size_t data = wc_nl_nest(&host, IFLA_INFO_DATA);
    size_t inner = wc_nl_nest(&host, VETH_INFO_PEER);
    wc_buf_add(&host, &peer, sizeof peer);
    wc_nl_put_u32(&host, IFLA_NET_NS_FD, WC_KEEPER_NETNS_FD);
    wc_nl_nest_end(&host, inner);
    wc_nl_nest_end(&host, data);
    wc_nl_nest_end(&host, info);
    wc_nl_end(&host, at);
    put_ip4(&host, 900, HOST_IP);
    put_ip4(&inside, 901, OUTSIDE_IP);
    put_link_up(&inside, 1);
    struct rtmsg route = { .rtm_family = AF_INET,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_protocol = RTPROT_BOOT,
                           .rtm_type = RTN_UNICAST };
    at = wc_nl_begin(&inside, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof route);
    wc_nl_put_ip4(&inside, RTA_GATEWAY, HOST_IP);
    wc_nl_end(&inside, at);
    return node_start("outside", &host, &inside);
}

/* ---- the host ---------------------------------------------------------------------------- */

static inline void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline const char *world_path(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", world_root, name);
    return path;
}

/* Counts interfaces of ours. */
static inline size_t our_links(void)
{
    size_t n = 0;
    struct if_nameindex *links = if_nameindex();
    for (size_t i = 0; links[i].if_index != 0; i++)
        n += wc_str_starts(links[i].if_name, "wc");
    if_freenameindex(links);
    return n;
}

/* The host has nothing of ours: rules, bridges, veths, files, forwarding. Veths go with their
 * namespaces, which the kernel takes down in its own time. */
static inline void assert_nothing_left(void)
{
    WC_CLEANUP_BUF struct wc_buf rules = WC_BUF_INIT, forward = WC_BUF_INIT;
    for (int i = 0; i < 500 && our_links() > 0; i++)
        usleep(10000);
    assert_int_equal(our_links(), 0);
    assert_int_equal(wc_nft_run("list ruleset\n", &rules, NULL), 0);
    assert_null(strstr(rules.data, "\"table\""));
    assert_false(wc_fs_exists(world_path("run/net")));
    assert_int_equal(wc_fs_read("/proc/sys/net/ipv4/ip_forward", 16, &forward, NULL), 0);
    assert_string_equal(forward.data, "0\n");
}

static inline void world_make(const char *program)
{
    static char run[80], bin[512];
    struct wc_err err = { 0 };
    WC_CLEANUP_BUF struct wc_buf up = WC_BUF_INIT;
    const char *libexec = getenv("WCOMPOSE_LIBEXEC");
    snprintf(world_root, sizeof world_root, "/tmp/wc-net-XXXXXX");
    if (mkdtemp(world_root) == NULL || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", world_root, "tmpfs", 0, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0)
        WC_SKIP("mount namespaces are not permitted here");
    /* a new namespace may take forwarding over from the host, and Docker turns it on there */
    int forward = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(forward, "0", 1), 1);
    close(forward);
    snprintf(run, sizeof run, "%s/run", world_root);
    if (libexec != NULL)
        snprintf(bin, sizeof bin, "%s", libexec);
    else
        snprintf(bin, sizeof bin, "%.*s", (int)(strrchr(program, '/') - program), program);
    world_paths = (struct wc_paths){ .run = run, .lib = run, .bin = bin };
    write_text(world_path("resolv.conf"), "nameserver 10.99.0.2\n");
    if (mount(world_path("resolv.conf"), "/etc/resolv.conf", NULL, MS_BIND, NULL) != 0)
        WC_SKIP("/etc/resolv.conf can't be laid over");
    put_link_up(&up, 1);
    int fd = wc_nl_open(&err);
    if (fd < 0 || wc_nl_run(fd, &up, NULL, &err) != 0)
        WC_SKIP("rtnetlink is not permitted here");
    close(fd);
}

/* The first process of the namespace: waits for the tests and reaps what else ends. When it goes,
 * everything in the world goes. */
static inline void world_reap(pid_t tests)
{
    int status = 1;
    for (pid_t pid; (pid = wait(&status)) != tests;)
        if (pid < 0 && errno != EINTR)
            break;
    umount2(world_root, MNT_DETACH);
    rmdir(world_root);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Runs the cases in a world of their own. */
static inline int world_main(int argc, char **argv, const struct CMUnitTest *cases, size_t n)
{
    int status = 0;
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return wc_test_main(argc, argv, cases, n);
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0)
        WC_SKIP("needs root, for network namespaces");
    pid_t first = fork();
    if (first == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        world_make(argv[0]);
        pid_t tests = fork();
        if (tests != 0)
            world_reap(tests);
        return wc_test_main(argc, argv, cases, n);
    }
    waitpid(first, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1); /* this one can't have threads any more,
                                                           which LeakSanitizer would need */
}

#endif
