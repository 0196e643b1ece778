/* keep_main.c - wcompose-keeper RUN_DIRECTORY [adopt]: makes one instance's surroundings, or takes
 * them over, then waits.
 *
 * All signals stay blocked, so none but SIGKILL ends the keeper; SIGCHLD is read from a descriptor.
 * After the set-up the keeper sleeps in epoll without a timeout: an idle instance costs no wake-up.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

enum { QUIET_MS = 2000 }; /* after so long without output its buffers are given back */

static struct wc_keep the_keep;

/* Its second line is one byte, for the log. It lies on a page that the file has anyhow, and
 * outlives us there: marking it costs no system call. */
static void map_mark(size_t at)
{
    int fd = open(WC_KEEPER_PID, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    char *page = fd < 0 ? MAP_FAILED : mmap(NULL, at + 1, PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        wc_keep_log_mark(page + at);
    if (fd >= 0)
        close(fd);
}

int wc_keep_write_pid(struct wc_keep *keep)
{
    (void)keep;
    char line[64];
    struct wc_text text = WC_TEXT(line);
    uint64_t starttime;
    if (!wc_proc_starttime(getpid(), &starttime))
        return wc_fault("read own start time", NULL, errno);
    wc_text_num(&text, (uint64_t)getpid());
    wc_text_field(&text, starttime);
    wc_text_put(&text, "\n-\n");
    if (wc_file_replace(AT_FDCWD, WC_KEEPER_PID, line, text.len, false) != 0)
        return wc_fault("write", WC_KEEPER_PID, errno);
    map_mark(text.len - 2);
    return 0;
}

/* Makes a FIFO of this run and opens it: *ours is non-blocking, *theirs for the container. Both are
 * read-write: the container stays a reader of its own output, so that it gets no SIGPIPE should the
 * keeper die. */
static int make_fifo(const struct wc_keep *keep, const char *name, int *ours, int *theirs)
{
    unlink(name);
    if (mkfifo(name, 0600) != 0 || lchown(name, (uid_t)keep->conf.owner, (gid_t)-1) != 0)
        return wc_fault("make", name, errno);
    *ours = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    *theirs = *ours < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*theirs < 0)
        return wc_fault("open", name, errno);
    return 0;
}

static int open_stdio(struct wc_keep *keep)
{
    struct wc_keep_stream *streams = keep->streams;
    if (make_fifo(keep, "stdout", &streams[0].fd, &keep->child_out) != 0 ||
        make_fifo(keep, "stderr", &streams[1].fd, &keep->child_err) != 0 ||
        wc_keep_watch(keep, streams[0].fd, WC_KEEP_TAG_STDOUT, true) != 0 ||
        wc_keep_watch(keep, streams[1].fd, WC_KEEP_TAG_STDERR, true) != 0)
        return -1;
    if (strcmp(keep->conf.input, "fifo") == 0) {
        if (make_fifo(keep, "stdin", &keep->input, &keep->child_stdin) != 0)
            return -1;
    } else if ((keep->child_stdin = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
        return wc_fault("open /dev/null", NULL, errno);
    if (!keep->conf.tty)
        return 0;
    for (int i = 0; i < 2; i++) { /* the terminal takes their place; the names stay */
        close(streams[i].fd);
        streams[i].fd = -1;
    }
    return wc_keep_tty_listen(keep);
}

static int open_basics(struct wc_keep *keep)
{
    sigset_t all, child;
    sigfillset(&all);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid(); /* fails where we lead a group already, which is as good */
    umask(077);
    prctl(PR_SET_NAME, "wcompose-keeper");
    /* The number that net.host speaks of must not become anything else's. */
    if (dup3(0, WC_KEEPER_NETNS_FD, O_CLOEXEC) < 0)
        return wc_fault("reserve a descriptor", NULL, errno);
    keep->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (keep->epoll < 0)
        return wc_fault("epoll", NULL, errno);
    if (fcntl(WC_KEEPER_CLIENT_FD, F_GETFD) >= 0)
        wc_keep_client_add(keep, WC_KEEPER_CLIENT_FD);
    wc_keep_run_seal(keep, WC_KEEPER_SEALED_FD);
    keep->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keep->signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return wc_fault("signals", NULL, errno);
    return wc_keep_watch(keep, keep->signals, WC_KEEP_TAG_SIGNAL, false);
}

static int enter_run(struct wc_keep *keep)
{
    if (open_basics(keep) != 0)
        return -1;
    if (keep->run[0] != '/' || strlen(keep->run) > 4000 || chdir(keep->run) != 0)
        return wc_fault("bad run directory", keep->run, errno);
    if (wc_keep_conf_load(&keep->conf) != 0)
        return -1;
    keep->lib = open(keep->conf.lib, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (keep->lib < 0)
        return wc_fault("open", keep->conf.lib, errno);
    return 0;
}

static int set_up(struct wc_keep *keep)
{
    if (enter_run(keep) != 0 || wc_keep_write_pid(keep) != 0)
        return -1;
    if (wc_keep_listen(keep) != 0 || wc_keep_notify_up(keep, false) != 0 ||
        wc_keep_machine_up(keep, false) != 0 || wc_keep_log_open(keep) != 0 ||
        open_stdio(keep) != 0 || wc_keep_net_up(keep) != 0)
        return -1;
    if (wc_keep_root_up(keep) != 0) /* last: it may have to wait for the run before to let go */
        return -1;
    return wc_keep_run(keep, WC_KEEP_CREATE);
}

static void reap(struct wc_keep *keep)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    while (read(keep->signals, &info, sizeof info) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        wc_keep_on_child(keep, pid, status);
}

static void dispatch(struct wc_keep *keep, unsigned tag)
{
    if (tag >= WC_KEEP_TAG_CLIENT) {
        wc_keep_client_read(keep, tag - WC_KEEP_TAG_CLIENT);
        return;
    }
    switch ((enum wc_keep_tag)tag) {
    case WC_KEEP_TAG_SIGNAL:
        reap(keep);
        break;
    case WC_KEEP_TAG_LISTEN:
        wc_keep_client_accept(keep);
        break;
    case WC_KEEP_TAG_STDOUT:
    case WC_KEEP_TAG_TTY:
        keep->streams[0].ready = keep->streams[0].fd >= 0;
        break;
    case WC_KEEP_TAG_STDERR:
        keep->streams[1].ready = keep->streams[1].fd >= 0;
        break;
    case WC_KEEP_TAG_STDIN:
        wc_keep_tty_input(keep);
        break;
    case WC_KEEP_TAG_INIT:
        wc_keep_on_init(keep);
        break;
    case WC_KEEP_TAG_NOTIFY:
        wc_keep_notify_read(keep);
        break;
    case WC_KEEP_TAG_WORD:
        wc_keep_on_word(keep);
        break;
    case WC_KEEP_TAG_CLIENT:
        break;
    }
}

/* Gives back the pages of the stack that setting up and starting needed and waiting doesn't. The
 * gap leaves the frames that are to come, and what the ABI allows below the stack pointer. */
static void trim_stack(void)
{
    enum { PAGE = 4096, GAP = PAGE, DEPTH = 16 * PAGE };
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t end = (here - GAP) & ~(uintptr_t)(PAGE - 1);
    madvise((void *)(end - DEPTH), DEPTH, MADV_DONTNEED); /* unmapped pages in it don't matter */
}

/* How long to sleep at most; -1 = until something happens. *quiet: then the log has been quiet. */
static int sleep_ms(struct wc_keep *keep, bool more, bool *quiet)
{
    int quiet_ms = more ? 0 : wc_keep_log_dirty() ? QUIET_MS : -1;
    int notify_ms = wc_keep_notify_turn(keep);
    bool sooner = notify_ms >= 0 && (quiet_ms < 0 || notify_ms < quiet_ms);
    *quiet = !sooner && quiet_ms == QUIET_MS;
    return sooner ? notify_ms : quiet_ms;
}

static void loop(struct wc_keep *keep)
{
    struct epoll_event events[8];
    struct wc_keep_stream *streams = keep->streams;
    enum wc_keep_state trimmed = WC_KEEP_SETUP;
    while (!keep->done) {
        if (keep->state != trimmed && keep->phase == WC_KEEP_NONE) {
            trimmed = keep->state;
            trim_stack();
        }
        /* Before `created` only the runtime can have written, and that is not the log's. */
        bool copying = keep->state != WC_KEEP_SETUP && keep->state != WC_KEEP_OVER;
        bool quiet, more = copying && (streams[0].ready || streams[1].ready);
        int wait_ms = sleep_ms(keep, more, &quiet);
        int n = epoll_wait(keep->epoll, events, 8, wait_ms);
        if (n == 0 && quiet)
            wc_keep_log_trim();
        for (int i = 0; i < n; i++)
            dispatch(keep, events[i].data.u32);
        for (int i = 0; i < 2 && copying && keep->state != WC_KEEP_OVER; i++)
            if (streams[i].ready)
                wc_keep_log_step(keep, &streams[i]);
    }
}

int main(int argc, char **argv)
{
    struct wc_keep *keep = &the_keep;
    bool adopts = argc == 3 && strcmp(argv[2], "adopt") == 0;
    if (argc != 2 && !adopts) {
        static const char usage[] = "usage: wcompose-keeper RUN_DIRECTORY [adopt]\n";
        wc_file_write_all(2, usage, sizeof usage - 1);
        return 2;
    }
    *keep = (struct wc_keep){
        .run = argv[1],
        .streams = { { .fd = -1, .tag = "stdout" }, { .fd = -1, .tag = "stderr" } },
        .child_stdin = -1,
        .child_out = -1,
        .child_err = -1,
        .console = -1,
        .pty = -1,
        .input = -1,
        .sealed = -1,
        .lib = -1,
        .pidfd = -1,
        .word = -1,
        .handed = -1,
        .upper_lock = -1,
    };
    for (int i = 0; i < WC_KEEP_CLIENTS; i++)
        keep->clients[i] = -1;
    if (!adopts && fcntl(WC_KEEPER_HANDED_FD, F_GETFD) >= 0)
        keep->handed = fcntl(WC_KEEPER_HANDED_FD, F_DUPFD_CLOEXEC, WC_KEEP_HANDED_ABOVE);
    if (keep->handed >= 0)
        close(WC_KEEPER_HANDED_FD);
    if (adopts) /* before anything else gets that number */
        keep->pidfd = fcntl(WC_KEEPER_PIDFD, F_DUPFD_CLOEXEC, WC_KEEPER_NETNS_FD + 1);
    if (adopts && keep->pidfd >= 0)
        close(WC_KEEPER_PIDFD);
    if (adopts && (enter_run(keep) != 0 || wc_keep_adopt(keep) != 0)) {
        wc_keep_say(wc_fault_text());
        return 1;
    }
    if (!adopts && set_up(keep) != 0)
        wc_keep_fail(keep, false);
    loop(keep);
    wc_keep_net_down(keep);
    return keep->exit_status;
}
