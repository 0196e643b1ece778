/* join_wait.c - the front: passes signals on, carries a terminal's bytes, and becomes the exit
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

void wc_join_say(const char *text)
{
    char line[512];
    struct wc_text out = WC_TEXT(line);
    wc_text_put(&out, "wcompose-join: ");
    wc_text_put(&out, text);
    wc_text_put(&out, "\n");
    wc_file_write_all(2, line, out.len);
}

/* ALRM as well: the holder ends the program and reaps it. */
static void pass_signals(const struct wc_join *join, const struct proxy *proxy, pid_t holder)
{
    struct signalfd_siginfo info;
    while (read(proxy->fds[SIGNALS].fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGWINCH && join->tty)
            wc_join_tty_size(join); /* the kernel tells the terminal's foreground */
        else if (info.ssi_signo != SIGCHLD)
            kill(holder, (int)info.ssi_signo);
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
int wc_join_show(int fd, const char *data, size_t len)
{
    struct pollfd out = { .fd = fd, .events = POLLOUT };
    while (len > 0) {
        ssize_t k = write(fd, data, len);
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
    if (k <= 0 || wc_join_show(1, shown, (size_t)k) != 0) {
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

static int exit_status(struct proxy *proxy, int status)
{
    while (proxy->fds[REPORT].fd >= 0)
        read_report(proxy);
    while (proxy->fds[MASTER].fd >= 0 && carry_output(proxy))
        ;
    wc_join_tty_restore();
    if (proxy->report_len > 0) {
        proxy->report[proxy->report_len] = '\0';
        wc_join_say(proxy->report + 1);
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

/* True at the end; what a killed holder leaves to us is waited for. *status: the holder's. Children
 * that our process had before it became join are nobody's business here. */
static bool is_over(pid_t holder, int *status)
{
    static bool killed;
    int each;
    pid_t pid;
    while ((pid = waitpid(-1, &each, WNOHANG)) > 0) {
        if (pid != holder)
            continue;
        *status = each;
        killed = WIFSIGNALED(each);
        if (!killed)
            return true;
    }
    return pid < 0 && killed;
}

int wc_join_wait(struct wc_join *join, pid_t holder, int report)
{
    static struct proxy proxy;
    sigset_t wanted;
    int status = 0;
    wc_join_signals(&wanted);
    struct pollfd *fds = proxy.fds;
    fds[SIGNALS] = (struct pollfd){ .fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK),
                                    .events = POLLIN };
    fds[REPORT] = (struct pollfd){ .fd = report, .events = POLLIN };
    fds[MASTER].fd = join->tty ? join->master : -1;
    fds[CALLER].fd = join->tty && join->input ? 0 : -1;
    if (fds[SIGNALS].fd < 0) {
        wc_join_say("no descriptor for signals");
        kill(holder, SIGALRM);
        waitpid(holder, &status, 0);
        return WC_JOIN_OURS;
    }
    if (fds[CALLER].fd == 0)
        wc_join_tty_raw();
    while (!is_over(holder, &status)) {
        wait_once(&proxy);
        if (fds[SIGNALS].revents != 0)
            pass_signals(join, &proxy, holder);
        if (fds[REPORT].fd >= 0 && fds[REPORT].revents != 0)
            read_report(&proxy);
        if (fds[MASTER].fd >= 0 && fds[MASTER].revents != 0)
            carry_output(&proxy);
        carry_input(&proxy);
    }
    return exit_status(&proxy, status);
}

int wc_join_herald(pid_t front, int report)
{
    static struct proxy proxy;
    int status = 0;
    proxy.fds[REPORT].fd = report;
    proxy.fds[MASTER].fd = -1;
    while (proxy.fds[REPORT].fd >= 0)
        read_report(&proxy);
    /* the end without a word is the exec's; unless nobody was left who could have said one */
    if (waitpid(front, &status, WNOHANG) != front || !WIFSIGNALED(status))
        status = 0;
    return exit_status(&proxy, status);
}
