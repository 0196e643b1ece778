/* join_hold.c - the holder: the program's parent, between it and join's front.
 *
 * A process of the instance whose parent is outside has to be reaped outside: an init of a pid
 * namespace does not end before all in it are reaped, and where the host's first process reaps
 * nobody (`sleep infinity` in a CI container) an orphan would keep the instance from ending for
 * good. So the program always has a parent that waits. Of two processes one may be killed: the
 * holder is told of the front's end and ends the program (detached: goes on); the front, a
 * subreaper, inherits the program of a holder that was killed. Rejected: a second fork inside, so
 * that the instance's own init is the parent (many programs that run as one never reap); being
 * children of the keeper (stdio, terminal and exit status would all have to be handed round).
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Born in its v2 cgroup where there is one: a later move waits for the kernel's grace period (6 ms
 * and more). */
static pid_t spawn(struct wc_join *join)
{
    struct wc_clone_args args = { .flags = WC_CLONE_INTO_CGROUP,
                                  .exit_signal = SIGCHLD,
                                  .cgroup = (uint64_t)join->into_cgroup };
    pid_t pid = -1;
    if (join->into_cgroup >= 0)
        pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0) {
        join->into_index = -1; /* by writing, then */
        pid = fork();
    }
    return pid;
}

/* The caller's streams, the terminal and the report are the program's and the front's alone. */
static void let_go(const struct wc_join *join)
{
    for (int fd = 0; fd < 3; fd++)
        dup2(join->null, fd);
    syscall(SYS_close_range, 3, ~0U, 0);
}

/* With all of its group, if it has got as far as having one. We stay to reap it. */
static void time_is_up(pid_t child)
{
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
}

static _Noreturn void wait_for(pid_t child)
{
    sigset_t wanted;
    int status;
    wc_join_signals(&wanted);
    for (;;) {
        int number = sigwaitinfo(&wanted, NULL);
        if (number == SIGALRM)
            time_is_up(child);
        else if (number > 0 && number != SIGCHLD)
            kill(child, number);
        if (waitpid(child, &status, WNOHANG) == child)
            _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

void wc_join_signals(sigset_t *out)
{
    static const int passed[] = { SIGCHLD,  SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
                                  SIGWINCH, SIGUSR1, SIGUSR2, SIGALRM };
    sigemptyset(out);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        sigaddset(out, passed[i]);
}

void wc_join_hold(struct wc_join *join, pid_t front)
{
    setsid(); /* what is done to the front's group is not done to us */
    if (!join->detach) {
        prctl(PR_SET_PDEATHSIG, SIGALRM);
        if (getppid() != front)
            _exit(WC_JOIN_OURS);
    }
    if (setns(join->pidfd, CLONE_NEWPID) != 0) {
        wc_fault(errno == ESRCH ? "the instance is not running" : "enter the instance", NULL,
                 errno == ESRCH ? 0 : errno);
        wc_join_give_up(join, WC_JOIN_OURS);
    }
    pid_t child = spawn(join);
    if (child == 0)
        wc_join_child(join);
    if (child < 0) {
        wc_fault("fork", NULL, errno);
        wc_join_give_up(join, WC_JOIN_OURS);
    }
    let_go(join);
    wait_for(child);
}
