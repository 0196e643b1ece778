/* jail_child.c - the child's side: from a copy of us to a program that can do little. System calls
 * only: the parent may have threads, and whatever lock they held is held here for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "orchestrator/gitops/jail.h"

enum { FDS = 256, FD_HIGH = 64, SECRET_FD = 3, SIGNALS = 65, CAPS = 64 };

/* All that Landlock's first version knows, and what came later (linux/landlock.h of Debian 12 stops
 * at the third). */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_RUN (FS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define FS_FILE_WRITE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define FS_V1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define SCOPE_ALL 3ULL /* abstract sockets, signals */

/* struct landlock_ruleset_attr of its sixth version; older kernels take the zeros at its end. */
struct ruleset {
    uint64_t fs, net, scoped;
};

static void give_up(const struct wc_jail_birth *birth, const char *step) __attribute__((noreturn));
static void give_up(const struct wc_jail_birth *birth, const char *step)
{
    struct wc_jail_report report = { .sys = errno };
    for (size_t i = 0; step[i] != '\0' && i < sizeof report.step - 1; i++)
        report.step[i] = step[i];
    (void)!write(birth->report_fd, &report, sizeof report);
    _exit(127);
}

static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < SIGNALS; i++)
        (void)signal(i, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the cap fails, and the program says why */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int write_all(int fd, const struct wc_buf *bytes)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = write(fd, bytes->data + at, bytes->len - at);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Its own copy of a file of the admin's, in memory that goes with the namespace. */
static int plant(int dir_fd, const struct wc_jail *jail, const struct wc_jail_file *file)
{
    int fd = openat(dir_fd, file->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = write_all(fd, &file->bytes);
    if (rc == 0)
        rc = fchown(fd, jail->uid, jail->gid);
    if (rc == 0)
        rc = fchmod(fd, file->is_program ? 0500 : 0400);
    close(fd);
    return rc;
}

static int bind_at(int fd, const char *at, unsigned long flags)
{
    char from[] = "/proc/self/fd/\0\0\0\0";
    size_t end = strlen(from);
    if (fd >= 100)
        from[end++] = (char)('0' + fd / 100 % 10);
    if (fd >= 10)
        from[end++] = (char)('0' + fd / 10 % 10);
    from[end] = (char)('0' + fd % 10);
    if (mkdir(at, 0755) != 0 || mount(from, at, NULL, MS_BIND, NULL) != 0)
        return -1;
    return mount(NULL, at, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC | flags,
                 NULL);
}

/* A /tmp of its own: d is its directory, r what it may read, f its files. */
static void make_box(const struct wc_jail_birth *birth)
{
    const struct wc_jail *jail = birth->jail;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        give_up(birth, "private mounts");
    int dir = open(jail->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int local = jail->local == NULL ? -1 : open(jail->local, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || dir > 999 || local > 999)
        give_up(birth, "its directory");
    if (jail->local != NULL && local < 0)
        give_up(birth, "the local directory");
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64m,mode=755") != 0)
        give_up(birth, "a tmpfs");
    if (bind_at(dir, "/tmp/d", 0) != 0)
        give_up(birth, "bind its directory");
    if (local >= 0 && bind_at(local, "/tmp/r", MS_RDONLY) != 0)
        give_up(birth, "bind the local directory");
    int files =
        mkdir("/tmp/f", 0755) == 0 ? open("/tmp/f", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (size_t i = 0; i < jail->n_files; i++)
        if (files < 0 || plant(files, jail, &jail->files[i]) != 0)
            give_up(birth, "its files");
    close(files);
}

static void move_fds(const struct wc_jail_birth *birth)
{
    const int from[] = { birth->in_fd, birth->out_fd, birth->err_fd, birth->secret_fd };
    int high[4] = { -1, -1, -1, -1 };
    for (int i = 0; i < 4; i++)
        if (from[i] >= 0 && (high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_HIGH)) < 0)
            give_up(birth, "descriptors");
    for (int i = 0; i < 4; i++)
        if (high[i] >= 0 && dup2(high[i], i) < 0)
            give_up(birth, "descriptors");
    unsigned first = birth->secret_fd >= 0 ? SECRET_FD + 1 : SECRET_FD;
    (void)syscall(SYS_close_range, first, FD_HIGH - 1, 0U);
    (void)syscall(SYS_close_range, FD_HIGH, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
}

/* The kernel kills us with our parent, from now on; one that has died before is told by the pipe to
 * it, whose other end nobody has any more. (Not by getppid(): it is 0 in a PID namespace.) */
static void die_with_parent(const struct wc_jail_birth *birth)
{
    struct pollfd report = { .fd = birth->report_fd };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&report, 1, 0) > 0 && (report.revents & POLLERR) != 0)
        _exit(127);
}

static void limit(const struct wc_jail_birth *birth)
{
    const struct {
        int what;
        rlim_t most;
    } limits[] = { { RLIMIT_CORE, 0 },
                   { RLIMIT_FSIZE, birth->jail->max_file_bytes },
                   { RLIMIT_NOFILE, FDS },
                   { RLIMIT_AS, (rlim_t)(2ULL << 30) + 2 * birth->jail->max_file_bytes } };
    for (size_t i = 0; i < WC_COUNT(limits); i++) {
        const struct rlimit both = { limits[i].most, limits[i].most };
        if (setrlimit(limits[i].what, &both) != 0)
            give_up(birth, "limits");
    }
}

/* Gives all capabilities up but `kept` (a mask), for good. The one that may stay is that of reading
 * a local repository which is root's or ours, and not everybody's to read. */
static void drop(const struct wc_jail_birth *birth, uint64_t kept)
{
    const struct wc_jail *jail = birth->jail;
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    bool is_root = geteuid() == 0;
    for (int i = 0; i < CAPS && is_root; i++)
        if ((kept >> i & 1) == 0)
            (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (jail->is_boxed) {
        if (syscall(SYS_setgroups, 0, NULL) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
            syscall(SYS_setresgid, jail->gid, jail->gid, jail->gid) != 0 ||
            syscall(SYS_setresuid, jail->uid, jail->uid, jail->uid) != 0)
            give_up(birth, "another user");
    }
    data[0].effective = data[0].permitted = data[0].inheritable = (uint32_t)kept;
    if (is_root && syscall(SYS_capset, &head, data) != 0)
        give_up(birth, "capabilities");
    for (int i = 0; i < CAPS && is_root; i++)
        if ((kept >> i & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) != 0)
            give_up(birth, "capabilities");
}

/* Allows `access` beneath a path; what isn't there can't be used anyway. */
static void allow(int ruleset, const char *path, uint64_t access)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                  LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE;
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
}

static uint64_t known_rights(long version)
{
    return FS_V1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
           (version >= 5 ? FS_IOCTL_DEV : 0);
}

static void allow_all(const struct wc_jail *jail, int ruleset, uint64_t all)
{
    static const char *const run[] = { "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64" };
    static const char *const read[] = { "/etc", "/run/systemd/resolve", "/run/resolvconf",
                                        "/run/NetworkManager" };
    static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/urandom",
                                           "/dev/random" };
    for (size_t i = 0; i < WC_COUNT(run); i++)
        allow(ruleset, run[i], FS_RUN);
    for (size_t i = 0; i < WC_COUNT(read); i++)
        allow(ruleset, read[i], FS_READ);
    for (size_t i = 0; i < WC_COUNT(devices); i++)
        allow(ruleset, devices[i], FS_FILE_WRITE);
    allow(ruleset, wc_jail_dir(jail), all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
    if (jail->local != NULL)
        allow(ruleset, wc_jail_local(jail), FS_READ);
    for (size_t i = 0; i < jail->n_files; i++)
        if (!jail->is_boxed)
            allow(ruleset, jail->files[i].path, jail->files[i].is_program ? FS_RUN : FS_READ);
    if (jail->is_boxed)
        allow(ruleset, "/tmp/f", FS_RUN);
}

/* Landlock, where the kernel has it. */
static void fence(const struct wc_jail_birth *birth)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up(birth, "no new privileges");
    if (version < 1)
        return;
    uint64_t all = known_rights(version);
    struct ruleset attr = { .fs = all, .scoped = version >= 6 ? SCOPE_ALL : 0 };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0 && version < 6) /* without the members that it doesn't know */
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.fs, 0);
    if (ruleset < 0)
        give_up(birth, "landlock");
    allow_all(birth->jail, ruleset, all);
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        give_up(birth, "landlock");
    close(ruleset);
}

void wc_jail_enter(const struct wc_jail_birth *given)
{
    struct wc_jail_birth own = *given, *birth = &own;
    const struct wc_jail *jail = birth->jail;
    uint64_t kept = jail->is_boxed && jail->local != NULL ? 1ULL << CAP_DAC_READ_SEARCH : 0;
    own.report_fd = fcntl(given->report_fd, F_DUPFD_CLOEXEC, FD_HIGH);
    (void)setsid();
    reset_signals();
    umask(022);
    if (jail->is_boxed)
        make_box(birth);
    umask(077);
    move_fds(birth);
    drop(birth, kept);
    if (chdir(wc_jail_dir(jail)) != 0)
        give_up(birth, "its directory");
    fence(birth);
    limit(birth);
    die_with_parent(birth); /* after the user: a change of it takes this back */
    execve(birth->program, birth->argv, birth->env);
    give_up(birth, "start");
}
