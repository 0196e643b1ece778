/* join_wait.c - the parent: passes signals on, carries a terminal's bytes, and becomes the exit
 * status.
 *
 * All signals are blocked since before the fork and read from a descriptor, so there is one place
 * where things happen and one way out, on which the caller's terminal is put back.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNALS, REPORT, MASTER, CALLER, POLLED };

struct proxy {
    struct pollfd fds[POLLED]; /* fd -1 = not any more */
    char typed[4096];          /* from the caller, not yet taken by the terminal */
    size_t typed_len;
    char report[500];
    size_t report_len;
};

static void say(const char *text)
{
    char line[512];
    struct wc_text out = WC_TEXT(line);
    wc_text_put(&out, "wcompose-join: ");
    wc_text_put(&out, text);
    wc_text_put(&out, "\n");
    wc_file_write_all(2, line, out.len);
}

/* With all of its group, if it has got as far as having one. We stay to reap it. */
static void time_is_up(pid_t child)
{
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
}

static void pass_signals(const struct wc_join *join, const struct proxy *proxy, pid_t child)
{
    struct signalfd_siginfo info;
    while (read(proxy->fds[SIGNALS].fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH && join->tty)
            wc_join_tty_size(join); /* the kernel tells the terminal's foreground */
        else if (info.ssi_signo == SIGALRM)
            time_is_up(child);
        else if (info.ssi_signo != SIGCHLD)
            kill(child, (int)info.ssi_signo);
    }
}

static void read_report(struct proxy *proxy)
{
    ssize_t k = read(proxy->fds[REPORT].fd, proxy->report + proxy->report_len,
                     sizeof proxy->report - 1 - proxy->report_len);
    if (k > 0)
        proxy->report_len += (size_t)k;
    else if (k == 0 || errno != EINTR)
        proxy->fds[REPORT].fd = -1;
}

/* To the caller's output, which may be non-blocking: others set that on what we share. */
static int show(const char *data, size_t len)
{
    struct pollfd out = { .fd = 1, .events = POLLOUT };
    while (len > 0) {
        ssize_t k = write(1, data, len);
        if (k < 0 && errno == EAGAIN)
            poll(&out, 1, -1);
        else if (k < 0 && errno != EINTR)
            return -1;
        data += k > 0 ? k : 0;
        len -= k > 0 ? (size_t)k : 0;
    }
    return 0;
}

/* Terminal to caller. Returns false when there is no more for now. */
static bool carry_output(struct proxy *proxy)
{
    char shown[4096];
    ssize_t k = read(proxy->fds[MASTER].fd, shown, sizeof shown);
    if (k < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (k <= 0 || show(shown, (size_t)k) != 0) {
        close(proxy->fds[MASTER].fd); /* hung up; or nobody looks, and the program is told by HUP */
        proxy->fds[MASTER].fd = -1;
        proxy->fds[CALLER].fd = -1;
        return false;
    }
    return true;
}

/* Caller to terminal. The end of a caller's file is typed as the end-of-file character. */
static void carry_input(struct proxy *proxy)
{
    if (proxy->fds[CALLER].fd >= 0 && proxy->fds[CALLER].revents != 0 && proxy->typed_len == 0) {
        ssize_t k = read(0, proxy->typed, sizeof proxy->typed);
        if (k > 0) {
            proxy->typed_len = (size_t)k;
        } else if (k == 0 || (errno != EINTR && errno != EAGAIN)) {
            proxy->typed[0] = 4;
            proxy->typed_len = 1;
            proxy->fds[CALLER].fd = -1;
        }
    }
    if (proxy->typed_len == 0 || proxy->fds[MASTER].fd < 0)
        return;
    ssize_t k = write(proxy->fds[MASTER].fd, proxy->typed, proxy->typed_len);
    if (k > 0) {
        proxy->typed_len -= (size_t)k;
        memmove(proxy->typed, proxy->typed + k, proxy->typed_len);
    }
}

static int exit_status(const struct wc_join *join, struct proxy *proxy, int status)
{
    while (proxy->fds[REPORT].fd >= 0 && !join->detach)
        read_report(proxy);
    while (proxy->fds[MASTER].fd >= 0 && carry_output(proxy))
        ;
    wc_join_tty_restore();
    if (proxy->report_len > 0) {
        proxy->report[proxy->report_len] = '\0';
        say(proxy->report + 1);
        return (unsigned char)proxy->report[0];
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void wait_once(struct proxy *proxy)
{
    struct pollfd *fds = proxy->fds;
    fds[MASTER].events = (short)(POLLIN | (proxy->typed_len > 0 ? POLLOUT : 0));
    fds[CALLER].events = proxy->typed_len > 0 ? 0 : POLLIN;
    int caller = fds[CALLER].fd; /* a full terminal: don't even hear of the caller's hang-up */
    if (proxy->typed_len > 0)
        fds[CALLER].fd = -1;
    poll(fds, POLLED, -1);
    fds[CALLER].fd = caller;
    if (proxy->typed_len > 0)
        fds[CALLER].revents = 0;
}

int wc_join_wait(struct wc_join *join, pid_t child, int report)
{
    static struct proxy proxy;
    sigset_t wanted;
    int status;
    sigemptyset(&wanted);
    static const int passed[] = { SIGCHLD,  SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
                                  SIGWINCH, SIGUSR1, SIGUSR2, SIGALRM };
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        sigaddset(&wanted, passed[i]);
    struct pollfd *fds = proxy.fds;
    fds[SIGNALS] = (struct pollfd){ .fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK),
                                    .events = POLLIN };
    fds[REPORT] = (struct pollfd){ .fd = report, .events = POLLIN };
    fds[MASTER].fd = join->tty ? join->master : -1;
    fds[CALLER].fd = join->tty && join->input ? 0 : -1;
    if (fds[SIGNALS].fd < 0) {
        say("no descriptor for signals");
        kill(child, SIGKILL);
        return WC_JOIN_OURS;
    }
    if (fds[CALLER].fd == 0)
        wc_join_tty_raw();
    while (waitpid(child, &status, WNOHANG) != child) {
        if (join->detach && fds[REPORT].fd < 0 && proxy.report_len == 0)
            return 0;
        wait_once(&proxy);
        if (fds[SIGNALS].revents != 0)
            pass_signals(join, &proxy, child);
        if (fds[REPORT].fd >= 0 && fds[REPORT].revents != 0)
            read_report(&proxy);
        if (fds[MASTER].fd >= 0 && fds[MASTER].revents != 0)
            carry_output(&proxy);
        carry_input(&proxy);
    }
    return exit_status(join, &proxy, status);
}
