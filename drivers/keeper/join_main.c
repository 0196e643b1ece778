/* join_main.c - wcompose-join: runs a program inside a running instance without the OCI runtime.
 *
 * Half a millisecond instead of a runtime's five to thirty, since health checks do little else. The
 * front enters the instance's namespaces (all but pid and cgroup, which are the program's) and
 * stays outside its cgroups, so that an instance at its limits can't take its prober with it.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct wc_join the_join;

static int refuse(void)
{
    static const char prefix[] = "wcompose-join: ";
    char line[512];
    struct wc_text text = WC_TEXT(line);
    wc_text_put(&text, prefix);
    wc_text_put(&text, wc_fault_text());
    wc_text_put(&text, "\n");
    wc_file_write_all(2, line, text.len);
    return WC_JOIN_OURS;
}

static int failed(const char *what)
{
    wc_fault(what, NULL, errno);
    return refuse();
}

/* The front, with --detach a process of its own that stays when the caller's one has ended. */
static int front(struct wc_join *join, const int report[2])
{
    pid_t self = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* should the holder be killed, its program comes to us */
    pid_t holder = fork();
    if (holder == 0)
        wc_join_hold(join, self);
    if (holder < 0) {
        wc_fault("fork", NULL, errno);
        return join->detach ? wc_join_give_up(join, WC_JOIN_OURS), 0 : refuse();
    }
    close(report[1]);
    if (join->detach)
        close(report[0]);
    if (join->tty)
        close(join->slave);
    return wc_join_wait(join, holder, join->detach ? -1 : report[0]);
}

static int detach(struct wc_join *join, const int report[2])
{
    pid_t pid = fork();
    if (pid < 0)
        return failed("fork");
    if (pid > 0) {
        close(report[1]);
        return wc_join_herald(pid, report[0]);
    }
    setsid();
    for (int fd = 0; fd < 3; fd++)
        dup2(join->null, fd);
    return front(join, report);
}

static int run(struct wc_join *join)
{
    int report[2];
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (pipe2(report, O_CLOEXEC) != 0)
        return failed("pipe");
    join->report = report[1];
    return join->detach ? detach(join, report) : front(join, report);
}

int main(int argc, char **argv)
{
    static char monitor[WC_JOIN_PATH];
    struct wc_join *join = &the_join;
    if (wc_join_seal(argv) != 0 || wc_join_options(join, argc, argv) != 0)
        return refuse();
    if (wc_join_is_vm(join, monitor)) {
        int status = wc_join_vm(join, monitor);
        return status >= 0 ? status : refuse();
    }
    if (wc_join_conf_load(join) != 0 || wc_join_identify(join) != 0 || wc_join_enter(join) != 0 ||
        wc_join_user(join) != 0 || (join->tty && wc_join_tty_open(join) != 0))
        return refuse();
    return run(join);
}
