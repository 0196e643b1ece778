/* join_main.c - wcompose-join: runs a program inside a running instance without the OCI runtime.
 *
 * Half a millisecond instead of a runtime's five to thirty, since health checks do little else. The
 * parent enters the instance's namespaces (all but pid and cgroup, which are the child's) and stays
 * outside its cgroups, so that an instance at its limits can't take its prober with it.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

static int run(struct wc_join *join)
{
    int report[2];
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (pipe2(report, O_CLOEXEC) != 0) {
        wc_fault("pipe", NULL, errno);
        return refuse();
    }
    join->report = report[1];
    pid_t child = spawn(join);
    if (child == 0)
        wc_join_child(join);
    if (child < 0) {
        wc_fault("fork", NULL, errno);
        return refuse();
    }
    close(report[1]);
    if (join->tty)
        close(join->slave);
    return wc_join_wait(join, child, report[0]);
}

int main(int argc, char **argv)
{
    struct wc_join *join = &the_join;
    if (wc_join_seal(argv) != 0 || wc_join_options(join, argc, argv) != 0 ||
        wc_join_conf_load(join) != 0 || wc_join_identify(join) != 0 || wc_join_enter(join) != 0 ||
        wc_join_user(join) != 0 || (join->tty && wc_join_tty_open(join) != 0))
        return refuse();
    return run(join);
}
