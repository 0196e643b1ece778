/* floor.c - what the kernel alone takes to start and end N containers: the least that any tool
 * could need on this host.
 *
 *   floor ROOTFS SCRATCH N [ROUNDS]    root; works in network and mount namespaces of its own.
 * Prints medians in milliseconds.
 *
 * One launcher thread. Each container gets: mount, pid, uts, ipc, cgroup and network namespaces in
 * one clone3; an overlay root; /dev, /proc, /sys, shm, mqueue; masked and read-only paths; cgroups
 * with limits; a veth on a bridge with address and route; a dropped bounding set, no_new_privs and
 * a loaded seccomp program; then the payload's exec. No image store, no logs, no supervision, no
 * specification: those are what a tool adds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONTAINERS = 200, MAX_ROUNDS = 50 };

static const char *rootfs, *scratch;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static char *path_of(const char *format, const char *a, int id, const char *b)
{
    static char text[8][256];
    static unsigned turn;
    char *out = text[turn++ % 8];
    snprintf(out, sizeof text[0], format, a, id, b);
    return out;
}

/* --- rtnetlink: messages appended to one buffer, sent in one go --- */

struct batch {
    _Alignas(8) char bytes[4096];
    size_t len;
    int messages;
};

static struct nlmsghdr *begin(struct batch *b, uint16_t type, uint16_t flags, const void *body,
                              size_t len)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)(b->bytes + b->len);
    memset(h, 0, NLMSG_SPACE(len));
    h->nlmsg_len = NLMSG_LENGTH((uint32_t)len);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    memcpy(NLMSG_DATA(h), body, len);
    return h;
}

static struct rtattr *put(struct nlmsghdr *h, uint16_t type, const void *data, size_t len)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len > 0)
        memcpy(RTA_DATA(a), data, len);
    h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + (uint32_t)RTA_ALIGN(a->rta_len);
    return a;
}

static void close_nest(struct nlmsghdr *h, struct rtattr *a)
{
    a->rta_len = (uint16_t)((char *)h + NLMSG_ALIGN(h->nlmsg_len) - (char *)a);
}

static void end(struct batch *b, const struct nlmsghdr *h)
{
    b->len += NLMSG_ALIGN(h->nlmsg_len);
    b->messages++;
}

static void send_batch(int fd, struct batch *b)
{
    _Alignas(8) char reply[16384];
    if (send(fd, b->bytes, b->len, 0) < 0)
        die("netlink send");
    while (b->messages > 0) {
        ssize_t n = recv(fd, reply, sizeof reply, 0);
        if (n < 0)
            die("netlink receive");
        int left = (int)n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)reply; NLMSG_OK(h, (unsigned)left);
             h = NLMSG_NEXT(h, left)) {
            const struct nlmsgerr *e = NLMSG_DATA(h);
            if (h->nlmsg_type == NLMSG_ERROR && e->error != 0) {
                errno = -e->error;
                die("netlink");
            }
            b->messages--;
        }
    }
    b->len = 0;
}

static void add_bridge(struct batch *b, const char *name)
{
    struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    struct nlmsghdr *h = begin(b, RTM_NEWLINK, NLM_F_CREATE, &info, sizeof info);
    put(h, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *link = put(h, IFLA_LINKINFO, NULL, 0);
    put(h, IFLA_INFO_KIND, "bridge", 7);
    close_nest(h, link);
    end(b, h);
}

static void add_veth(struct batch *b, const char *name, int netns, int bridge)
{
    struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, peer_info = { 0 };
    struct nlmsghdr *h = begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    put(h, IFLA_IFNAME, name, strlen(name) + 1);
    put(h, IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr *link = put(h, IFLA_LINKINFO, NULL, 0);
    put(h, IFLA_INFO_KIND, "veth", 5);
    struct rtattr *data = put(h, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = put(h, VETH_INFO_PEER, &peer_info, sizeof peer_info);
    put(h, IFLA_IFNAME, "eth0", 5);
    put(h, IFLA_NET_NS_FD, &netns, sizeof netns);
    close_nest(h, peer);
    close_nest(h, data);
    close_nest(h, link);
    end(b, h);
}

static void set_up(struct batch *b, int index)
{
    struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    end(b, begin(b, RTM_NEWLINK, 0, &info, sizeof info));
}

static void add_address(struct batch *b, int index, uint32_t ip)
{
    struct ifaddrmsg message = { .ifa_family = AF_INET,
                                 .ifa_prefixlen = 16,
                                 .ifa_index = (uint32_t)index };
    struct nlmsghdr *h =
        begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof message);
    ip = __builtin_bswap32(ip);
    put(h, IFA_LOCAL, &ip, sizeof ip);
    put(h, IFA_ADDRESS, &ip, sizeof ip);
    end(b, h);
}

static void add_route(struct batch *b, int index, uint32_t gateway)
{
    struct rtmsg message = { .rtm_family = AF_INET,
                             .rtm_table = RT_TABLE_MAIN,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_scope = RT_SCOPE_UNIVERSE,
                             .rtm_type = RTN_UNICAST };
    struct nlmsghdr *h = begin(b, RTM_NEWROUTE, NLM_F_CREATE, &message, sizeof message);
    gateway = __builtin_bswap32(gateway);
    put(h, RTA_GATEWAY, &gateway, sizeof gateway);
    put(h, RTA_OIF, &index, sizeof index);
    end(b, h);
}

/* A netlink socket of another network namespace. */
static int socket_in(int netns)
{
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (setns(netns, CLONE_NEWNET) != 0)
        die("setns");
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    setns(own, CLONE_NEWNET);
    close(own);
    return fd;
}

/* --- the container's side --- */

static void make_mounts(void)
{
    static const struct {
        const char *name;
        unsigned major, minor;
    } devices[] = { { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
                    { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
    static const char *const read_only[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                             "proc/sysrq-trigger" };
    static const char *const masked[] = { "proc/kcore", "proc/keys", "proc/timer_list",
                                          "sys/firmware" };
    const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;
    mount("proc", "proc", "proc", safe, NULL);
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    mkdir("dev/pts", 0755);
    mkdir("dev/shm", 01777);
    mkdir("dev/mqueue", 0755);
    mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
          "newinstance,ptmxmode=0666,mode=0620");
    mount("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k");
    mount("mqueue", "dev/mqueue", "mqueue", safe, NULL);
    mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        mknod(path_of("%s/%.0d%s", "dev", 0, devices[i].name), S_IFCHR | 0666,
              makedev(devices[i].major, devices[i].minor));
    for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++) {
        mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL);
        mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | safe, NULL);
    }
    for (size_t i = 0; i < sizeof masked / sizeof masked[0]; i++)
        if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) != 0)
            mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k");
}

static void restrict_self(void)
{
    static struct sock_filter program[200];
    for (size_t i = 0; i + 1 < 200;
         i++) /* as long as a binary-tree filter of docker's profile walks through */
        program[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    program[199] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = { .len = 200, .filter = program };
    for (unsigned long cap = 0; cap < 41; cap++)
        if (((0xa80425fbULL >> cap) & 1) == 0)
            prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
        _exit(108);
}

static void container(int id, int go)
{
    char options[768], c;
    const char *merged = path_of("%s/c%d%s", scratch, id, "/m");
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/c%d/u,workdir=%s/c%d/w", rootfs,
             scratch, id, scratch, id);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("overlay", merged, "overlay", 0, options) != 0)
        _exit(101);
    if (chdir(merged) != 0)
        _exit(102);
    make_mounts();
    if (sethostname("c", 1) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
        umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        _exit(103);
    if (read(go, &c, 1) < 0)
        _exit(104);
    restrict_self();
    execl("/bin/svc", "/bin/svc", "floor", (char *)NULL);
    _exit(105);
}

/* --- cgroups: v1 controllers where they are mounted, else v2 --- */

static const char *const controllers[] = { "cpu",     "cpuacct", "memory", "pids",
                                           "devices", "freezer", "blkio",  "cpuset" };

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t ignored = write(fd, text, strlen(text));
        (void)ignored;
        close(fd);
    }
}

static char *cgroup_dir(const char *controller, int id)
{
    return path_of("/sys/fs/cgroup/%s/wcfloor%d%s", controller, id, "");
}

static void join_cgroups(int id, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof text, "%d", pid);
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        const char *dir = cgroup_dir(".", id);
        mkdir(dir, 0755);
        write_file(dir, "pids.max", "512");
        write_file(dir, "cgroup.procs", text);
        return;
    }
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
        const char *dir = cgroup_dir(controllers[i], id);
        mkdir(dir, 0755);
        write_file(dir, "pids.max", "512");
        write_file(dir, "cpuset.cpus", "0");
        write_file(dir, "cpuset.mems", "0");
        write_file(dir, "cgroup.procs", text);
    }
}

static void leave_cgroups(int id)
{
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++)
        for (int tries = 0;
             rmdir(cgroup_dir(controllers[i], id)) != 0 && errno == EBUSY && tries < 100; tries++)
            usleep(200);
    rmdir(cgroup_dir(".", id));
}

/* --- one round --- */

struct running {
    pid_t pid;
    int go, executed; /* write end that releases it; read end that closes at its exec */
};

static void launch(int id, struct running *r)
{
    int go[2], executed[2];
    mkdir(path_of("%s/c%d%s", scratch, id, ""), 0755);
    mkdir(path_of("%s/c%d%s", scratch, id, "/u"), 0755);
    mkdir(path_of("%s/c%d%s", scratch, id, "/w"), 0755);
    mkdir(path_of("%s/c%d%s", scratch, id, "/m"), 0755);
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(executed, O_CLOEXEC) != 0)
        die("pipe");
    struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                                        CLONE_NEWCGROUP | CLONE_NEWNET,
                               .exit_signal = SIGCHLD };
    r->pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (r->pid < 0)
        die("clone3");
    if (r->pid == 0) {
        close(go[1]);
        close(executed[0]);
        container(id, go[0]);
    }
    close(go[0]);
    close(executed[1]);
    r->go = go[1];
    r->executed = executed[0];
}

static void connect_and_release(int id, struct running *r, int netlink, int bridge)
{
    struct batch b = { .len = 0 };
    int netns = open(path_of("%s/%d%s", "/proc", r->pid, "/ns/net"), O_RDONLY | O_CLOEXEC);
    int inside = socket_in(netns);
    join_cgroups(id, r->pid);
    add_veth(&b, path_of("%s%d%s", "wcf", id, ""), netns, bridge);
    send_batch(netlink, &b);
    set_up(&b, 1);
    add_address(&b, 2, 0x0a7b0002U + (uint32_t)id);
    set_up(&b, 2);
    add_route(&b, 2, 0x0a7b0001U);
    send_batch(inside, &b);
    close(inside);
    close(netns);
    close(r->go);
}

static void one_round(int n, int netlink, int bridge, double *up_ms, double *down_ms)
{
    static struct running all[MAX_CONTAINERS];
    static int next_id;
    int first = next_id;
    char c;
    double start = now_ms();
    for (int i = 0; i < n; i++)
        launch(next_id++, &all[i]);
    for (int i = 0; i < n; i++)
        connect_and_release(first + i, &all[i], netlink, bridge);
    for (int i = 0; i < n; i++) {
        if (read(all[i].executed, &c, 1) != 0)
            die("container");
        close(all[i].executed);
    }
    *up_ms = now_ms() - start;
    start = now_ms();
    for (int i = 0; i < n; i++)
        if (kill(all[i].pid, SIGKILL) != 0)
            die("container died early");
    for (int i = 0; i < n; i++)
        waitpid(all[i].pid, NULL, 0);
    for (int i = 0; i < n; i++)
        leave_cgroups(first + i);
    *down_ms = now_ms() - start;
    usleep(300000);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int n = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0,
        rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 5;
    double up[MAX_ROUNDS], down[MAX_ROUNDS];
    if (n < 1 || n > MAX_CONTAINERS || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: floor ROOTFS SCRATCH N(1..%d) [ROUNDS]\n", MAX_CONTAINERS);
        return 64;
    }
    rootfs = argv[1];
    scratch = argv[2];
    mkdir(scratch, 0755);
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        die("unshare");
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct batch b = { .len = 0 };
    set_up(&b, 1);
    add_bridge(&b, "wcfloor");
    send_batch(netlink, &b);
    int bridge = (int)if_nametoindex("wcfloor");
    add_address(&b, bridge, 0x0a7b0001U);
    send_batch(netlink, &b);
    for (int i = 0; i < rounds; i++)
        one_round(n, netlink, bridge, &up[i], &down[i]);
    qsort(up, (size_t)rounds, sizeof *up, by_value);
    qsort(down, (size_t)rounds, sizeof *down, by_value);
    printf("floor n=%d rounds=%d up=%.1f down=%.1f\n", n, rounds, up[rounds / 2], down[rounds / 2]);
    return 0;
}
