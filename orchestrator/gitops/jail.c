/* jail.c - the parent's side: what the child needs is made ready, then it is heard until it ends or
 * its time is over. It is started by clone(2) in namespaces of its own where we may: as their init,
 * whose death the kernel answers by killing everything else in them. Elsewhere its process group is
 * killed.
 */
#include "orchestrator/gitops/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"

#define USER "wcompose-git"
#define USER_ELSE "nobody"

enum { FILE_MAX = 8 << 20, NOBODY = 65534 };

uint64_t wc_jail_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool may_make_namespaces(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    if (geteuid() != 0 || syscall(SYS_capget, &head, data) != 0)
        return false;
    return (data[0].effective & (1U << CAP_SYS_ADMIN)) != 0 &&
           (data[0].effective & (1U << CAP_SETUID)) != 0;
}

static void choose_user(struct wc_jail *jail)
{
    jail->is_boxed = may_make_namespaces();
    jail->uid = geteuid();
    jail->gid = getegid();
    if (!jail->is_boxed)
        return;
    const struct passwd *user = getpwnam(USER);
    if (user == NULL)
        user = getpwnam(USER_ELSE);
    jail->uid = user == NULL ? NOBODY : user->pw_uid;
    jail->gid = user == NULL ? NOBODY : user->pw_gid;
}

int wc_jail_open(struct wc_jail *jail, struct wc_err *err)
{
    struct stat st;
    jail->n_files = 0;
    choose_user(jail);
    if (lstat(jail->dir, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != jail->uid)) {
        int rc = wc_fs_remove_tree(jail->dir, err);
        if (rc != 0)
            return rc;
    }
    if (lstat(jail->dir, &st) == 0)
        return 0;
    int rc = wc_fs_mkdirs(jail->dir, 0700, err);
    if (rc == 0 && jail->is_boxed && lchown(jail->dir, jail->uid, jail->gid) != 0)
        rc = wc_err_set(err, WC_ERR_IO, errno, "chown %s", jail->dir);
    return rc;
}

void wc_jail_close(struct wc_jail *jail)
{
    for (size_t i = 0; i < jail->n_files; i++) {
        struct wc_buf *bytes = &jail->files[i].bytes;
        if (jail->files[i].is_secret && bytes->cap > 0)
            explicit_bzero(bytes->data, bytes->cap);
        wc_buf_deinit(bytes);
    }
    jail->n_files = 0;
}

int wc_jail_add(struct wc_jail *jail, struct wc_jail_file file, struct wc_err *err)
{
    if (jail->n_files == WC_JAIL_FILES_MAX)
        return wc_err_set(err, WC_ERR_BUG, 0, "too many files for the jail");
    file.bytes = (struct wc_buf)WC_BUF_INIT;
    int rc = file.is_secret ? wc_fs_read_secret(file.path, FILE_MAX, &file.bytes, err)
                            : wc_fs_read_ours(file.path, FILE_MAX, &file.bytes, err);
    if (rc != 0) {
        wc_buf_deinit(&file.bytes);
        return rc;
    }
    jail->files[jail->n_files++] = file;
    return 0;
}

const char *wc_jail_dir(const struct wc_jail *jail)
{
    return jail->is_boxed ? "/tmp/d" : jail->dir;
}

const char *wc_jail_local(const struct wc_jail *jail)
{
    return jail->is_boxed ? "/tmp/r" : jail->local;
}

const char *wc_jail_file(const struct wc_jail *jail, const char *name)
{
    for (size_t i = 0; i < jail->n_files; i++)
        if (wc_streq(jail->files[i].name, name))
            return jail->is_boxed ? wc_arena_printf(jail->arena, "/tmp/f/%s", name)
                                  : jail->files[i].path;
    return NULL;
}

static const char *find_program(const struct wc_jail *jail, const char *name)
{
    static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };
    for (size_t i = 0; i < WC_COUNT(dirs); i++) {
        const char *path = wc_arena_printf(jail->arena, "%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

/* A file in memory that is read from its start. */
static int memory_file(const char *name, const void *bytes, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < len;) {
        ssize_t n = pwrite(fd, (const char *)bytes + at, len - at, (off_t)at);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    return fd;
}

/* Descriptors of one run; -1: not open. The ones with a child's end are closed once it runs. */
struct pipes {
    int in, secret;
    int out[2], err[2], report[2];
};

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_ours(struct pipes *p)
{
    close_one(&p->out[0]);
    close_one(&p->err[0]);
    close_one(&p->report[0]);
}

static void close_theirs(struct pipes *p)
{
    close_one(&p->in);
    close_one(&p->secret);
    close_one(&p->out[1]);
    close_one(&p->err[1]);
    close_one(&p->report[1]);
}

static int open_pipes(const struct wc_jail *jail, const struct wc_jail_call *call, struct pipes *p,
                      struct wc_err *err)
{
    *p = (struct pipes){ -1, -1, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    p->in = call->input_file != NULL
                ? open(call->input_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
                : memory_file("stdin", call->input, call->input == NULL ? 0 : call->input_len);
    if (jail->secret != NULL)
        p->secret = memory_file("secret", jail->secret, strlen(jail->secret));
    if (p->in < 0 || (jail->secret != NULL && p->secret < 0) || pipe2(p->out, O_CLOEXEC) != 0 ||
        pipe2(p->err, O_CLOEXEC) != 0 || pipe2(p->report, O_CLOEXEC) != 0) {
        int sys = errno;
        close_ours(p);
        close_theirs(p);
        return wc_err_set(err, WC_ERR_IO, sys, "run %s", call->argv[0]);
    }
    return 0;
}

/* A process as fork(2) makes it, in namespaces of its own when boxed. */
static pid_t start(const struct wc_jail_birth *birth)
{
    unsigned long flags = SIGCHLD;
    if (birth->jail->is_boxed)
        flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;
    long pid = syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);
    if (pid == 0)
        wc_jail_enter(birth);
    return (pid_t)pid;
}

/* Keeps the last bytes of what comes. */
static void keep_tail(struct wc_jail_answer *answer, const char *bytes, size_t len)
{
    size_t room = sizeof answer->tail - 1, have = strlen(answer->tail);
    if (len >= room) {
        bytes += len - room;
        len = room;
    }
    size_t drop = have + len > room ? have + len - room : 0;
    memmove(answer->tail, answer->tail + drop, have - drop);
    for (size_t i = 0; i < len; i++) /* a NUL would end what is kept */
        answer->tail[have - drop + i] = bytes[i] == '\0' ? '?' : bytes[i];
    answer->tail[have - drop + len] = '\0';
}

/* What is heard, and who wants it. */
struct ear {
    const struct wc_jail *jail;
    const struct wc_jail_call *call;
    struct wc_jail_answer *answer;
};

static int take_out(const struct ear *ear, const char *bytes, size_t len, struct wc_err *err)
{
    if (ear->call->take != NULL)
        return ear->call->take(ear->call->take_data, bytes, len, err);
    if (ear->answer->out.len + len > ear->jail->max_out_bytes)
        return wc_err_set(err, WC_ERR_LIMIT, 0, "%s said more than %zu bytes", ear->call->argv[0],
                          ear->jail->max_out_bytes);
    wc_buf_add(&ear->answer->out, bytes, len);
    return 0;
}

/* Reads once from one of the two; closes it at its end. */
static int hear(const struct ear *ear, int *fd, bool is_out, struct wc_err *err)
{
    char bytes[65536];
    ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) {
        close_one(fd);
        return 0;
    }
    if (is_out)
        return take_out(ear, bytes, (size_t)n, err);
    keep_tail(ear->answer, bytes, (size_t)n);
    return 0;
}

static int listen_to(const struct ear *ear, struct pipes *p, struct wc_err *err)
{
    const char *name = ear->call->argv[0];
    int rc = 0;
    while (rc == 0 && (p->out[0] >= 0 || p->err[0] >= 0)) {
        uint64_t now = wc_jail_now_ms();
        if (now >= ear->jail->deadline_at_ms)
            return wc_err_set(err, WC_ERR_TIMEOUT, 0, "%s took too long", name);
        uint64_t left = ear->jail->deadline_at_ms - now;
        struct pollfd fds[2] = { { .fd = p->out[0], .events = POLLIN },
                                 { .fd = p->err[0], .events = POLLIN } };
        int n = poll(fds, 2, left > 3600000 ? 3600000 : (int)left);
        if (n < 0 && errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "hear %s", name);
        if (n <= 0)
            continue;
        if (fds[1].revents != 0)
            rc = hear(ear, &p->err[0], false, err);
        if (rc == 0 && fds[0].revents != 0)
            rc = hear(ear, &p->out[0], true, err);
    }
    return rc;
}

/* Waits for a process whose pipes are closed; it may live on without them, until its deadline. */
static int await_end(const struct wc_jail *jail, pid_t pid, const char *name, int *status,
                     struct wc_err *err)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), rc = 0;
    for (bool ended = fd < 0; !ended && rc == 0;) {
        uint64_t now = wc_jail_now_ms();
        struct pollfd one = { .fd = fd, .events = POLLIN };
        uint64_t left = now >= jail->deadline_at_ms ? 0 : jail->deadline_at_ms - now;
        ended = poll(&one, 1, left > 3600000 ? 3600000 : (int)left) > 0;
        if (!ended && left == 0)
            rc = wc_err_set(err, WC_ERR_TIMEOUT, 0, "%s took too long", name);
    }
    close_one(&fd);
    if (rc != 0)
        return rc;
    while (waitpid(pid, status, 0) < 0)
        if (errno != EINTR)
            return wc_err_set(err, WC_ERR_IO, errno, "wait for %s", name);
    return 0;
}

/* With the init of a PID namespace the kernel kills all of them. */
static void kill_all(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Sees whether it got as far as the program. */
static int read_report(int fd, const char *name, struct wc_err *err)
{
    struct wc_jail_report report = { 0 };
    ssize_t n;
    do
        n = read(fd, &report, sizeof report);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof report)
        return 0;
    report.step[sizeof report.step - 1] = '\0';
    return wc_err_set(err, WC_ERR_UNAVAILABLE, report.sys, "a jail for %s: %s", name, report.step);
}

static int run_child(const struct ear *ear, const struct wc_jail_birth *birth, struct pipes *p,
                     struct wc_err *err)
{
    const struct wc_jail *jail = ear->jail;
    const char *name = birth->argv[0];
    int status = 0;
    pid_t pid = start(birth);
    int sys = errno;
    close_theirs(p);
    if (pid < 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, sys, "a jail for %s", name);
    int rc = read_report(p->report[0], name, err);
    if (rc == 0)
        rc = listen_to(ear, p, err);
    if (rc == 0)
        rc = await_end(jail, pid, name, &status, err);
    if (rc != 0) {
        kill_all(pid);
        return rc;
    }
    if (!jail->is_boxed)
        (void)kill(-pid, SIGKILL); /* what it left behind in its group */
    ear->answer->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

int wc_jail_run(const struct wc_jail *jail, const struct wc_jail_call *call,
                struct wc_jail_answer *answer, struct wc_err *err)
{
    struct pipes p;
    const char *program = find_program(jail, call->argv[0]);
    if (program == NULL)
        return wc_err_set(err, WC_ERR_NOENT, 0, "%s is not installed", call->argv[0]);
    int rc = open_pipes(jail, call, &p, err);
    if (rc != 0)
        return rc;
    const struct wc_jail_birth birth = {
        .jail = jail,
        .program = program,
        .argv = (char *const *)(uintptr_t)call->argv,
        .env = (char *const *)(uintptr_t)call->env,
        .in_fd = p.in,
        .out_fd = p.out[1],
        .err_fd = p.err[1],
        .secret_fd = p.secret,
        .report_fd = p.report[1],
    };
    const struct ear ear = { .jail = jail, .call = call, .answer = answer };
    rc = run_child(&ear, &birth, &p, err);
    close_ours(&p);
    return rc;
}
