/* mon_spawn.c - the two programs of a machine: the file server, where there are shares, and the
 * VMM.
 *
 * The order is the point: the file server needs the rights of the files' owners, so it is started
 * first; then ours go, for good; only then is anything started, or read, that a guest can reach.
 */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"

enum { OURS = 64 /* our descriptors are from here on: those below are the links' */ };

static int says = -1; /* where our programs say what they have to say; read by mon_console.c */

static int out_of_the_way(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, OURS);
    close(fd);
    return high;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs argv with fds[i] as number at[i]; it says what it has to say to `says`. It ends with us, by
 * the signal or, where we may not send it one any more, with our pid namespace. Returns its pid, or
 * -1. */
static pid_t start(const char *const *argv, const int *fds, const int *at, size_t n)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    reset_signals();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    dup2(says, 1);
    dup2(says, 2);
    for (size_t i = 0; i < n; i++)
        if (dup2(fds[i], at[i]) < 0)
            _exit(127);
    static char *const env[] = { "PATH=/usr/bin", "LC_ALL=C", NULL };
    execve(argv[0], (char *const *)(uintptr_t)argv, env);
    _exit(127);
}

static int start_share(struct wc_mon *mon)
{
    static char option[24];
    struct wc_text text = WC_TEXT(option);
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = WC_MON_SHARE_SOCKET };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, 1) != 0 ||
        chown(WC_MON_SHARE_SOCKET, (uid_t)mon->conf.uid, (gid_t)mon->conf.gid) != 0)
        return wc_fault("the file server's socket", NULL, errno);
    fd = out_of_the_way(fd);
    wc_text_put(&text, "--fd=");
    wc_text_num(&text, WC_MON_FD_AGENT);
    struct wc_list *argv = &mon->conf.share;
    argv->items[argv->n] = option;
    argv->items[argv->n + 1] = NULL;
    const int at = WC_MON_FD_AGENT;
    mon->share = start(argv->items, &fd, &at, 1);
    close(fd);
    return mon->share > 0 ? 0 : wc_fault("start the file server", NULL, errno);
}

/* What can be had back by nobody: no capability, no new one by exec. */
static int shed_rights(const struct wc_mon_conf *conf)
{
    uid_t uid = (uid_t)conf->uid;
    gid_t gid = (gid_t)conf->gid;
    for (unsigned long cap = 0; cap <= WC_CAP_LAST; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* refused where there is none left */
    if (getuid() != uid && setgroups(0, NULL) != 0)
        return wc_fault("set groups", NULL, errno);
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return wc_fault("become the machine's user", NULL, errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        return wc_fault("no_new_privs", NULL, errno);
    return 0;
}

/* A pair: *ours non-blocking. */
static int pair(int *ours, int *theirs)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    *ours = out_of_the_way(ends[0]);
    *theirs = out_of_the_way(ends[1]);
    return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int listen_to_programs(struct wc_mon *mon)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return wc_fault("a pipe from the machine", NULL, errno);
    mon->programs = out_of_the_way(ends[0]);
    says = out_of_the_way(ends[1]);
    return fcntl(mon->programs, F_SETFL, O_NONBLOCK);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int wc_mon_spawn_vmm(struct wc_mon *mon, struct wc_list *argv)
{
    int theirs[3];
    static const int at[3] = { WC_MON_FD_AGENT, WC_MON_FD_QMP, WC_MON_FD_CONSOLE };
    close_fd(&mon->channel);
    close_fd(&mon->qmp);
    close_fd(&mon->console);
    if (pair(&mon->channel, &theirs[0]) != 0 || pair(&mon->qmp, &theirs[1]) != 0 ||
        pair(&mon->console, &theirs[2]) != 0)
        return wc_fault("sockets to the machine", NULL, errno);
    argv->items[argv->n] = NULL;
    wc_mon_time(mon, "vmm");
    mon->vmm = start(argv->items, theirs, at, 3);
    int sys = errno;
    mon->starved_ms = wc_mon_starved_ms(mon, 0);
    for (size_t i = 0; i < 3; i++)
        close(theirs[i]);
    return mon->vmm > 0 ? 0 : wc_fault("start", argv->items[0], sys);
}

/* Read from the place that nobody in here may write, or written in our own. */
static int open_state(struct wc_mon *mon)
{
    bool save = mon->conf.mode != NULL && mon->conf.mode[0] == 's';
    if (mon->conf.mode == NULL)
        return 0;
    int fd = save ? open(WC_MON_STATE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)
                  : open(WC_MON_STATE_JAIL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return wc_fault("open the template's state", NULL, errno);
    mon->state_fd = out_of_the_way(fd);
    return 0;
}

int wc_mon_spawn(struct wc_mon *mon)
{
    if (listen_to_programs(mon) != 0 || (mon->conf.share.n > 0 && start_share(mon) != 0))
        return -1;
    if (shed_rights(&mon->conf) != 0 || open_state(mon) != 0 ||
        wc_mon_spawn_vmm(mon, &mon->conf.vmm) != 0)
        return -1;
    /* the links stay open here: a start that comes to nothing is followed by another one */
    return 0;
}
