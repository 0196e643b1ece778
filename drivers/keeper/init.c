/* init.c - wcompose-init: process 1 of a container with `init: true`.
 *
 * Idea:    starts one program as its child, passes signals on to it, reaps whatever is left to it,
 * and ends with the child's status. Mounted read-only at /sbin/wcompose-init. Use: wcompose-init
 * [--] PROGRAM [ARG…]. Exit: the program's, 128+N by signal N, 126 not executable, 127 not found.
 * Threads: none.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, OURS = 125 };

static int complain(const char *what, int status)
{
    const char *why = strerror(errno);
    ssize_t k = write(2, "wcompose-init: ", 15);
    k += write(2, what, strlen(what));
    k += write(2, ": ", 2);
    k += write(2, why, strlen(why));
    k += write(2, "\n", 1);
    return k > 0 ? status : status;
}

/* In the child: a foreground group of its own where there is a terminal, then the program. */
static void become(char **argv, const sigset_t *old)
{
    setpgid(0, 0);
    if (isatty(0)) {
        pid_t own = getpgrp();
        signal(SIGTTOU, SIG_IGN); /* else taking the terminal stops us */
        ioctl(0, TIOCSPGRP, &own);
        signal(SIGTTOU, SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, old, NULL);
    execvp(argv[0], argv);
    _exit(complain(argv[0], errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE));
}

/* Reaps all that ended; true when the program is among them. */
static int reap(pid_t child, int *code)
{
    int status, over = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == child) {
            over = 1;
            *code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
    return over;
}

int main(int argc, char **argv)
{
    sigset_t all, old;
    int code = OURS, over = 0, signal_number;
    char **program = argv + 1;
    if (argc > 1 && strcmp(argv[1], "--") == 0)
        program++;
    if (argc < 2 || program[0] == NULL) {
        errno = EINVAL;
        return complain("no program", OURS);
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* where it isn't process 1 (pid: host) */
    pid_t child = fork();
    if (child == 0)
        become(program, &old);
    if (child < 0)
        return complain("fork", OURS);
    while (!over) {
        if (sigwait(&all, &signal_number) != 0)
            continue;
        if (signal_number == SIGCHLD)
            over = reap(child, &code);
        else
            kill(child, signal_number);
    }
    return code;
}
