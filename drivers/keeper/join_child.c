/* join_child.c - the child inside the instance: sheds what the host gave it, then executes.
 *
 * The order is the point. Cgroups while we are still mighty; descriptors before anything is
 * resolved by name (a working directory of /proc/self/fd/N must find nothing, the class of
 * CVE-2024-21626); rights after the working directory; the seccomp filter last, or, where
 * no_new_privs is not wanted, while CAP_SYS_ADMIN is still there, as the kernel demands. The agent
 * of a virtual machine (drivers/hyperv/guest) makes its service's first process the same way; that
 * one is in its namespaces already.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CAP_SYS_ADMIN_BIT = 21, KEYCTL_JOIN_SESSION = 1, REPORT_FD = 3 };

void wc_join_give_up(const struct wc_join *join, int code)
{
    char packet[500];
    struct wc_text text = WC_TEXT(packet);
    const char status = (char)code;
    wc_text_putn(&text, &status, 1);
    wc_text_put(&text, wc_fault_text());
    wc_file_write_all(join->report, packet, text.len);
    _exit(code);
}

static void reset_signals(void)
{
    struct sigaction act = { .sa_handler = SIG_DFL };
    sigset_t none;
    for (int s = 1; s < 65; s++)
        sigaction(s, &act,
                  NULL); /* refused for KILL, STOP and the library's own: as it should be */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int enter_cgroups(const struct wc_join *join)
{
    for (size_t i = 0; i < join->n_cgroups; i++)
        if ((int)i != join->into_index && write(join->cgroups[i], "0", 1) != 1)
            return wc_fault("enter", join->cgroup.items[i], errno);
    if (join->pidfd >= 0 && setns(join->pidfd, CLONE_NEWCGROUP) != 0)
        return wc_fault("enter the cgroup namespace", NULL, errno);
    return 0;
}

/* Said now, while the host's /proc can be reached; in force from the exec on. */
static int set_apparmor(const struct wc_join *join)
{
    char order[300];
    struct wc_text text = WC_TEXT(order);
    if (join->apparmor == NULL || join->privileged)
        return 0;
    int fd = openat(join->proc, "self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) /* before 5.8 */
        fd = openat(join->proc, "self/attr/exec", O_WRONLY | O_CLOEXEC);
    wc_text_put(&text, "exec ");
    wc_text_put(&text, join->apparmor);
    if (fd < 0 || write(fd, order, text.len) != (ssize_t)text.len)
        return wc_fault("AppArmor profile", join->apparmor, errno);
    return close(fd);
}

static int set_stdio(struct wc_join *join)
{
    if (join->tty && ioctl(join->slave, TIOCSCTTY, 0) != 0)
        return wc_fault("take the terminal", NULL, errno);
    for (int fd = 0; fd < 3; fd++) {
        int from = join->tty ? join->slave : join->detach ? join->null : -1;
        if (from < 0 && fd == 0 && !join->input)
            from = join->null;
        if (from >= 0 && dup2(from, fd) < 0)
            return wc_fault("stdio", NULL, errno);
    }
    if (join->report != REPORT_FD && dup3(join->report, REPORT_FD, O_CLOEXEC) < 0)
        return wc_fault("stdio", NULL, errno);
    join->report = REPORT_FD;
    if (syscall(SYS_close_range, REPORT_FD + 1, ~0U, 0) != 0)
        return wc_fault("close_range", NULL, errno);
    return 0;
}

static int set_rlimit(const char *text)
{
    char copy[80];
    struct wc_text record = WC_TEXT(copy);
    uint64_t number, soft, hard;
    wc_text_put(&record, text);
    char *second = strchr(copy, ' ');
    char *third = second == NULL ? NULL : strchr(second + 1, ' ');
    if (third == NULL)
        return wc_fault("settings: bad rlimit", text, 0);
    *second = *third = '\0';
    if (!wc_number(copy, 64, &number) || !wc_number(second + 1, UINT64_MAX, &soft) ||
        !wc_number(third + 1, UINT64_MAX, &hard))
        return wc_fault("settings: bad rlimit", text, 0);
    struct rlimit limit = { soft, hard }, now;
    if (setrlimit((int)number, &limit) == 0)
        return 0;
    if (errno != EPERM || getrlimit((int)number, &now) != 0)
        return wc_fault("rlimit", text, errno);
    limit.rlim_max =
        limit.rlim_max < now.rlim_max ? limit.rlim_max : now.rlim_max; /* what may be had */
    limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
    return setrlimit((int)number, &limit) == 0 ? 0 : wc_fault("rlimit", text, errno);
}

static int set_caps(uint64_t effective, uint64_t permitted)
{
    struct wc_cap_header header = { .version = WC_CAPABILITY_VERSION_3 };
    struct wc_cap_data caps[2];
    for (int i = 0; i < 2; i++)
        caps[i] = (struct wc_cap_data){ .effective = (uint32_t)(effective >> 32 * i),
                                        .permitted = (uint32_t)(permitted >> 32 * i) };
    return syscall(SYS_capset, &header, caps) == 0 ? 0 : wc_fault("capabilities", NULL, errno);
}

static int get_permitted(uint64_t *out)
{
    struct wc_cap_header header = { .version = WC_CAPABILITY_VERSION_3 };
    struct wc_cap_data caps[2];
    if (syscall(SYS_capget, &header, caps) != 0)
        return wc_fault("capabilities", NULL, errno);
    *out = caps[0].permitted | (uint64_t)caps[1].permitted << 32;
    return 0;
}

static int drop_bounding(uint64_t keep)
{
    for (unsigned long cap = 0; cap <= WC_CAP_LAST; cap++)
        if ((keep >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) {
            if (errno == EINVAL)
                return 0; /* the kernel's last one was before this */
            return wc_fault("capability bounding set", NULL, errno);
        }
    return 0;
}

static int become_user(const struct wc_join *join)
{
    uid_t uid = (uid_t)join->uid;
    gid_t gid = (gid_t)join->gid;
    if (setgroups(join->n_groups, join->groups) != 0 && (join->n_groups > 0 || errno != EPERM))
        return wc_fault("set groups", NULL, errno);
    if (setresgid(gid, gid, gid) != 0)
        return wc_fault("set gid", NULL, errno);
    if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setresuid(uid, uid, uid) != 0)
        return wc_fault("set uid", NULL, errno);
    return 0;
}

static int load_filter(const struct wc_join *join)
{
    if (join->filter.len > 0 &&
        syscall(SYS_seccomp, WC_SECCOMP_SET_MODE_FILTER, 0, &join->filter) != 0)
        return wc_fault("seccomp", NULL, errno);
    return 0;
}

/* Capabilities and filter, in the order that the kernel allows. Our permitted set is still whole.
 */
static int limit_rights(const struct wc_join *join)
{
    uint64_t permitted = 0;
    if (get_permitted(&permitted) != 0)
        return -1;
    uint64_t kept = join->privileged ? permitted : permitted & join->caps;
    if (join->uid != 0)
        kept = 0; /* as execve would */
    if (join->nnp && !join->privileged) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return wc_fault("no_new_privs", NULL, errno);
        return set_caps(kept, kept) != 0 ? -1 : load_filter(join);
    }
    uint64_t admin = permitted & (1ULL << CAP_SYS_ADMIN_BIT);
    if (set_caps(admin, kept | admin) != 0 || load_filter(join) != 0)
        return -1;
    return set_caps(kept, kept);
}

/* A directory outside our root has no name that begins with a slash. */
static int check_cwd(void)
{
    char where[4096];
    if (syscall(SYS_getcwd, where, sizeof where) < 0 && errno != ERANGE && errno != ENAMETOOLONG)
        return wc_fault("working directory", NULL, errno);
    return where[0] == '/' ? 0 : wc_fault("the working directory is outside the instance", NULL, 0);
}

/* Nothing runs on after the holder, unless it was asked to. Without holder and front nobody reads
 * our report any more. */
static int die_with_parent(const struct wc_join *join)
{
    struct pollfd parent = { .fd = join->report, .events = 0 };
    if (join->detach || join->pidfd < 0)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return wc_fault("parent death signal", NULL, errno);
    if (poll(&parent, 1, 0) == 1 && (parent.revents & POLLERR) != 0)
        _exit(WC_JOIN_OURS);
    return 0;
}

static int prepare(struct wc_join *join)
{
    setsid();
    reset_signals();
    if (enter_cgroups(join) != 0 || set_apparmor(join) != 0 || set_stdio(join) != 0)
        return -1;
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION, NULL); /* not the host's keys; ENOSYS is as good */
    umask((mode_t)join->umask);
    for (size_t i = 0; i < join->rlimit.n; i++)
        if (set_rlimit(join->rlimit.items[i]) != 0)
            return -1;
    bool there = chdir(join->cwd) == 0; /* as root; a user's own mount may only let the user in */
    if (!join->privileged && drop_bounding(join->caps) != 0)
        return -1;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (become_user(join) != 0)
        return -1;
    if (!there && chdir(join->cwd) != 0)
        return wc_fault("working directory", join->cwd, errno);
    if (check_cwd() != 0 || die_with_parent(join) != 0)
        return -1;
    return limit_rights(join);
}

/* Returns the exit status for the best reason found: a file that may not be run, or none. */
static int search(const struct wc_join *join)
{
    const char *name = join->argv[0], *path = wc_join_env_get(join, "PATH");
    char *const *envp = (char *const *)join->envp;
    int sys = ENOENT;
    if (strchr(name, '/') != NULL) {
        execve(name, join->argv, envp);
        sys = errno;
    } else {
        if (path == NULL)
            path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        while (*name != '\0' && (sys == ENOENT || sys == EACCES)) {
            char file[4096];
            struct wc_text text = WC_TEXT(file);
            size_t len = strcspn(path, ":");
            wc_text_putn(&text, path, len);
            wc_text_put(&text, len == 0 ? "./" : "/");
            wc_text_put(&text, name);
            execve(file, join->argv, envp);
            if (errno != ENOENT && errno != ENOTDIR)
                sys = errno;
            if (path[len] == '\0')
                break;
            path += len + 1;
        }
    }
    wc_fault("run", name, sys);
    return sys == ENOENT || sys == ENOTDIR ? WC_JOIN_NOT_FOUND : WC_JOIN_NOT_EXECUTABLE;
}

void wc_join_child(struct wc_join *join)
{
    if (prepare(join) != 0)
        wc_join_give_up(join, WC_JOIN_OURS);
    wc_join_give_up(join, search(join));
}
