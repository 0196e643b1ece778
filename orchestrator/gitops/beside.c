/* beside.c - a job in a process of its own. What it returned and said comes back in a page that
 * both have; that it has ended, by a pipe that nobody holds any more. */
#include "orchestrator/gitops/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 5000 };

/* As the kernel starts a program: what this one blocks or heeds is its own. */
static void forget_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run(struct wc_beside *beside, pid_t parent, int (*job)(void *, struct wc_err *),
                void *data)
{
    struct wc_err err = { 0 };
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    forget_signals();
    int code = job(data, &err);
    beside->err->sys = err.sys;
    snprintf(beside->err->msg, sizeof beside->err->msg, "%s", err.msg);
    beside->err->code = code;
    _exit(0);
}

static int give_up(struct wc_beside *beside, int writing_fd, struct wc_err *err, const char *what)
{
    int sys = errno;
    if (beside->end_fd >= 0)
        (void)close(beside->end_fd);
    if (writing_fd >= 0)
        (void)close(writing_fd);
    if (beside->err != MAP_FAILED)
        (void)munmap(beside->err, sizeof *beside->err);
    return wc_err_set(err, WC_ERR_IO, sys, "%s", what);
}

int wc_beside_start(struct wc_beside *beside, int (*job)(void *data, struct wc_err *err),
                    void *data, struct wc_err *err)
{
    int fds[2] = { -1, -1 };
    pid_t parent = getpid();
    beside->err =
        mmap(NULL, sizeof *beside->err, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    beside->end_fd = -1;
    if (beside->err == MAP_FAILED)
        return give_up(beside, -1, err, "memory for a process of its own");
    if (pipe2(fds, O_CLOEXEC) != 0)
        return give_up(beside, -1, err, "a pipe for a process of its own");
    beside->end_fd = fds[0];
    beside->err->code = WC_ERR_CANCELLED; /* until it says something else */
    beside->pid = fork();
    if (beside->pid < 0)
        return give_up(beside, fds[1], err, "a process of its own");
    if (beside->pid == 0)
        run(beside, parent, job, data);
    (void)setpgid(beside->pid, beside->pid); /* by both: whoever is first */
    (void)close(fds[1]);
    return 0;
}

static bool has_ended(const struct wc_beside *beside, int max_ms)
{
    struct pollfd end = { .fd = beside->end_fd, .events = POLLIN };
    int rc;
    do
        rc = poll(&end, 1, max_ms);
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

int wc_beside_end(struct wc_beside *beside, bool broken_off, struct wc_err *err)
{
    if (broken_off && !has_ended(beside, 0)) {
        (void)kill(-beside->pid, SIGTERM);
        (void)has_ended(beside, GRACE_MS);
    }
    if (broken_off)
        (void)kill(-beside->pid, SIGKILL); /* it isn't reaped yet, so the number is its own */
    while (waitpid(beside->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    int code = beside->err->code;
    if (code != 0)
        (void)wc_err_set(err, code, 0, "%s",
                         beside->err->msg[0] != '\0' ? beside->err->msg : "it was broken off");
    (void)close(beside->end_fd);
    (void)munmap(beside->err, sizeof *beside->err);
    return code;
}
