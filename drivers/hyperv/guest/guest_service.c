/* guest_service.c - the service's first process.
 *
 * Born in its cgroup and in namespaces of its own, so that it sees what a container sees and so
 * that its end is the end of all it started. It sets itself up (root, mounts, names), tells the
 * agent on a socket what went wrong, and becomes the program the way wcompose-join does: the same
 * code sheds the rights.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/keeper/common_net.h"
#include "drivers/keeper/join.h"
#include "drivers/keeper/protocol.h"

enum { REPORT_OURS, REPORT_THEIRS };

static struct wc_join the_join; /* of the child */

/* ---- in the agent ---- */

static int own_files(const struct wc_guest_conf *conf)
{
    for (size_t i = 0; i < conf->files.n; i++) {
        struct wc_guest_file file;
        char path[32];
        struct wc_text text = WC_TEXT(path);
        if (wc_guest_file_parse(conf->files.items[i], &file) != 0)
            return -1;
        wc_text_put(&text, WC_GUEST_FILES "/");
        wc_text_num(&text, file.number);
        if (chown(path, (uid_t)file.uid, (gid_t)file.gid) != 0 ||
            chmod(path, (mode_t)file.mode) != 0)
            return wc_fault("settings: own file", path, errno);
    }
    return 0;
}

static int open_notify(struct wc_guest *guest)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX,
                                .sun_path = WC_GUEST_NOTIFY "/" WC_KEEPER_NOTIFY };
    if (!guest->conf.notify)
        return 0;
    guest->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (guest->notify < 0 || bind(guest->notify, (struct sockaddr *)&name, sizeof name) != 0 ||
        chmod(name.sun_path, 0666) != 0)
        return wc_fault("listen on", name.sun_path, errno);
    return 0;
}

static void loopback_up(void)
{
    struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

/* Pipes for output, which the program may open again by /dev/stdout: they are its user's. */
static int open_pipe(const struct wc_guest_conf *conf, bool input, int *ours, int *theirs)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) != 0 ||
        fchown(pair[!input], (uid_t)conf->uid, (gid_t)conf->gid) != 0)
        return wc_fault("pipe", NULL, errno);
    *ours = pair[input];
    *theirs = pair[!input];
    return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* ---- in the service's process ---- */

static int write_number(const char *path, int value)
{
    char number[16];
    struct wc_text text = WC_TEXT(number);
    if (value < 0)
        wc_text_put(&text, "-");
    wc_text_num(&text, (uint64_t)(value < 0 ? -value : value));
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int sys = fd < 0 || wc_file_write_all(fd, number, text.len) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return sys == 0 ? 0 : wc_fault("write", path, sys);
}

static int set_names(const struct wc_guest_conf *conf)
{
    if (conf->hostname != NULL && sethostname(conf->hostname, strlen(conf->hostname)) != 0)
        return wc_fault("hostname", conf->hostname, errno);
    if (conf->domainname != NULL && setdomainname(conf->domainname, strlen(conf->domainname)) != 0)
        return wc_fault("domainname", conf->domainname, errno);
    return 0;
}

/* After it nothing of the agent's file systems is left here. */
static int pivot(void)
{
    if (chdir(WC_GUEST_ROOT) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
        umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return wc_fault("pivot to the service's root", NULL, errno);
    return 0;
}

static int read_filter(const struct wc_guest_conf *conf)
{
    static union {
        struct wc_sock_filter code[WC_SECCOMP_MAX];
        char bytes[sizeof(struct wc_sock_filter) * WC_SECCOMP_MAX + 1];
    } program;
    char path[32];
    struct wc_text text = WC_TEXT(path);
    if (conf->seccomp == UINT64_MAX)
        return 0;
    wc_text_put(&text, WC_GUEST_FILES "/");
    wc_text_num(&text, conf->seccomp);
    ssize_t len = wc_file_read(AT_FDCWD, path, program.bytes, sizeof program.bytes);
    if (len <= 0 || (size_t)len % sizeof program.code[0] != 0)
        return wc_fault("not a seccomp program:", path, len < 0 ? errno : 0);
    the_join.filter.len = (uint16_t)((size_t)len / sizeof program.code[0]);
    the_join.filter.filter = program.code;
    return 0;
}

static int parse_groups(const char *list)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        char number[16];
        struct wc_text text = WC_TEXT(number);
        uint64_t gid;
        size_t len = strcspn(at, ",");
        wc_text_putn(&text, at, len);
        if (the_join.n_groups == WC_JOIN_GROUPS || !wc_number(number, UINT32_MAX - 1, &gid))
            return wc_fault("settings: bad groups", list, 0);
        the_join.groups[the_join.n_groups++] = (gid_t)gid;
        at += len + (at[len] == ',');
    }
    return 0;
}

static int prepare_join(const struct wc_guest_conf *conf, int report)
{
    struct wc_join *join = &the_join;
    *join = (struct wc_join){ .tty = conf->tty,
                              .input = conf->input,
                              .argv = (char **)(uintptr_t)conf->args.items,
                              .uid = conf->uid,
                              .gid = conf->gid,
                              .umask = conf->umask,
                              .cwd = conf->cwd,
                              .rlimit = conf->rlimit,
                              .nnp = conf->nnp,
                              .pidfd = -1,
                              .into_index = -1,
                              .report = report };
    for (size_t i = 0; i < conf->env.n && i < WC_JOIN_ENV; i++)
        join->envp[i] = conf->env.items[i];
    join->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (join->null < 0)
        return wc_fault("open", "/dev/null", errno);
    if (conf->caps != NULL && !wc_number_hex(conf->caps, &join->caps))
        return wc_fault("settings: bad caps", conf->caps, 0);
    return parse_groups(conf->groups) != 0 ? -1 : read_filter(conf);
}

/* The terminal is the service's own; the agent gets its master. It is /dev/console too. */
static int open_terminal(int report)
{
    char path[32], control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct wc_text text = WC_TEXT(path);
    struct iovec nothing = { .iov_base = (char[]){ 't' }, .iov_len = 1 };
    struct msghdr message = { .msg_iov = &nothing,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof control };
    unsigned number;
    if (wc_join_tty_open(&the_join) != 0)
        return -1;
    wc_text_put(&text, "/dev/pts/");
    if (ioctl(the_join.master, (int)TIOCGPTN, &number) != 0)
        return wc_fault("open a terminal", NULL, errno);
    wc_text_num(&text, number);
    int fd = open("/dev/console", O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd >= 0)
        close(fd);
    if (mount(path, "/dev/console", NULL, MS_BIND, NULL) != 0 && errno != ENOENT)
        return wc_fault("mount", "/dev/console", errno);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &the_join.master, sizeof(int));
    return sendmsg(report, &message, 0) == 1 ? 0 : wc_fault("pass a terminal", NULL, errno);
}

/* Its own /dev/null where it has one, since that has a name in it. */
static void own_null(void)
{
    struct stat st;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        the_join.null = fd;
}

static int set_up(const struct wc_guest *guest, int report)
{
    const struct wc_guest_conf *conf = &guest->conf;
    if (guest->cgroup >= 0 && unshare(CLONE_NEWCGROUP) != 0)
        return wc_fault("cgroup namespace", NULL, errno);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return wc_fault("make mounts private", NULL, errno);
    if (set_names(conf) != 0 || wc_guest_root(guest) != 0 || wc_guest_mounts(guest) != 0 ||
        wc_guest_devices(guest) != 0)
        return -1;
    for (size_t i = 0; i < conf->sysctl.n; i++)
        if (wc_sysctl_write(conf->sysctl.items[i]) != 0)
            return -1;
    if (wc_guest_hide(guest) != 0 || wc_guest_filter_devices(guest) != 0 ||
        prepare_join(conf, report) != 0 ||
        write_number("/proc/self/oom_score_adj", conf->oom_score_adj) != 0 || pivot() != 0)
        return -1;
    own_null();
    return conf->tty ? open_terminal(report) : 0;
}

static _Noreturn void be_the_service(struct wc_guest *guest, const int theirs[3], int report)
{
    the_join.report = report;
    for (int fd = 0; fd < 3; fd++)
        if (theirs[fd] >= 0)
            dup2(theirs[fd], fd);
    if (set_up(guest, report) != 0)
        wc_join_give_up(&the_join, WC_JOIN_OURS);
    wc_join_child(&the_join);
}

/* ---- in the agent again ---- */

static pid_t spawn(const struct wc_guest *guest)
{
    struct wc_clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC,
                                  .exit_signal = SIGCHLD };
    if (guest->cgroup >= 0) {
        args.flags |= WC_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)guest->cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int start(struct wc_guest *guest, struct wc_guest_stream *stream)
{
    const struct wc_guest_conf *conf = &guest->conf;
    int theirs[3] = { -1, -1, -1 }, report[2];
    if (!conf->tty && (open_pipe(conf, false, &stream->out, &theirs[1]) != 0 ||
                       open_pipe(conf, false, &stream->err, &theirs[2]) != 0 ||
                       (conf->input && open_pipe(conf, true, &stream->in, &theirs[0]) != 0)))
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0)
        return wc_fault("socketpair", NULL, errno);
    stream->pid = spawn(guest);
    if (stream->pid == 0)
        be_the_service(guest, theirs, report[REPORT_THEIRS]);
    close(report[REPORT_THEIRS]);
    for (int i = 0; i < 3; i++)
        if (theirs[i] >= 0)
            close(theirs[i]);
    if (stream->pid < 0)
        return wc_fault("make the service's process", NULL, errno);
    fcntl(report[REPORT_OURS], F_SETFL, O_NONBLOCK);
    guest->report = report[REPORT_OURS];
    return 0;
}

int wc_guest_begin(struct wc_guest *guest)
{
    struct wc_guest_stream *stream = &guest->streams[0];
    if (wc_guest_conf_take(&guest->conf) != 0 || own_files(&guest->conf) != 0 ||
        wc_guest_cgroup(guest) != 0 || open_notify(guest) != 0)
        return -1;
    loopback_up();
    wc_guest_stream_init(stream, WC_GUEST_SERVICE);
    stream->tty = guest->conf.tty;
    stream->oom_before = wc_guest_oom_kills();
    if (start(guest, stream) == 0)
        return 0;
    stream->kind = WC_GUEST_FREE;
    return -1;
}

static void take_terminal(struct wc_guest_stream *stream, struct msghdr *message)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (head == NULL || head->cmsg_type != SCM_RIGHTS || stream->out >= 0)
        return;
    memcpy(&stream->out, CMSG_DATA(head), sizeof(int));
    fcntl(stream->out, F_SETFL, O_RDWR | O_NONBLOCK);
    stream->in = fcntl(stream->out, F_DUPFD_CLOEXEC, 3);
}

/* It became the program, or ended before that: then it has said why. */
static void decide(struct wc_guest *guest)
{
    struct wc_guest_stream *stream = &guest->streams[0];
    close(guest->report);
    guest->report = -1;
    const uint32_t pid = (uint32_t)stream->pid;
    if (guest->report_len == 0 && (stream->over || wc_guest_join_conf(guest) == 0)) {
        guest->runs = true;
        wc_guest_say(guest, WC_VM_RUNS, 0, &pid, sizeof pid);
        wc_guest_feed(guest, 0);
        return;
    }
    wc_guest_say_text(guest, WC_VM_FAILED,
                      guest->report_len > 1 ? guest->report_text + 1 : wc_fault_text());
    guest->failed = true;
    stream->closed = true; /* there is no ENDED: guest_stream.c */
    if (!stream->over)
        kill(stream->pid, SIGKILL);
}

void wc_guest_report(struct wc_guest *guest)
{
    char control[CMSG_SPACE(sizeof(int))], packet[sizeof guest->report_text];
    while (guest->report >= 0) {
        struct iovec place = { .iov_base = packet, .iov_len = sizeof packet - 1 };
        struct msghdr message = { .msg_iov = &place,
                                  .msg_iovlen = 1,
                                  .msg_control = control,
                                  .msg_controllen = sizeof control };
        ssize_t k = recvmsg(guest->report, &message, MSG_CMSG_CLOEXEC);
        if (k < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (k <= 0) {
            decide(guest);
            return;
        }
        take_terminal(&guest->streams[0], &message);
        if (packet[0] == 't' && message.msg_controllen > 0)
            continue;
        memcpy(guest->report_text, packet, (size_t)k);
        guest->report_text[k] = '\0';
        guest->report_len = (size_t)k;
    }
}

/* ---- what wcompose-join reads ---- */

struct records {
    char text[WC_VM_CONF_MAX / 2];
    struct wc_text out;
};

static void put(struct records *r, const char *key, const char *value)
{
    if (value == NULL)
        return;
    wc_text_put(&r->out, key);
    wc_text_put(&r->out, "=");
    wc_text_put(&r->out, value);
    wc_text_putn(&r->out, "", 1);
}

static void put_number(struct records *r, const char *key, uint64_t value)
{
    char number[24];
    struct wc_text text = WC_TEXT(number);
    wc_text_num(&text, value);
    put(r, key, number);
}

int wc_guest_join_conf(struct wc_guest *guest)
{
    static struct records r;
    const struct wc_guest_conf *conf = &guest->conf;
    uint64_t starttime = 0;
    char filter[32];
    struct wc_text name = WC_TEXT(filter);
    r.out = (struct wc_text){ r.text, 0, sizeof r.text };
    if (!wc_proc_starttime(guest->streams[0].pid, &starttime))
        return wc_fault("the service's process is gone", NULL, 0);
    put_number(&r, "pid", (uint64_t)guest->streams[0].pid);
    put_number(&r, "starttime", starttime);
    put_number(&r, "uid", conf->uid);
    put_number(&r, "gid", conf->gid);
    put_number(&r, "umask", conf->umask);
    put(&r, "groups", conf->groups);
    put(&r, "cwd", conf->cwd);
    put(&r, "caps", conf->caps);
    put(&r, "nnp", conf->nnp ? "1" : NULL);
    if (conf->seccomp != UINT64_MAX) {
        wc_text_put(&name, WC_GUEST_FILES "/");
        wc_text_num(&name, conf->seccomp);
        put(&r, "seccomp", filter);
    }
    if (guest->cgroup >= 0)
        put(&r, "cgroup", WC_GUEST_CGROUP "/service/cgroup.procs");
    for (size_t i = 0; i < conf->env.n; i++)
        if (!conf->own_home || strncmp(conf->env.items[i], "HOME=", 5) != 0)
            put(&r, "env", conf->env.items[i]);
    for (size_t i = 0; i < conf->rlimit.n; i++)
        put(&r, "rlimit", conf->rlimit.items[i]);
    int fd = open(WC_GUEST_RUN "/" WC_JOIN_CONF, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int sys = fd < 0 || wc_file_write_all(fd, r.text, r.out.len) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return sys == 0 ? 0 : wc_fault("write", WC_JOIN_CONF, sys);
}
