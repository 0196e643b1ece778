/* guest_run.c - beside the service: programs in it, connections to it, looks at its paths.
 *
 * A program is run by wcompose-join, the same that runs it on process level, so that user, rights,
 * terminal, exit status and words are the same too. A look is a process, since a path may lie on a
 * file system that doesn't answer.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { OURS = 125, OPTIONS = 16, ARGS = 8192 };
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

struct ends { /* of a program: ours, and the program's */
    int ours[3], theirs[3];
};

/* ENDED at once: there is nothing to run. */
static void refuse(struct wc_guest *guest, uint16_t number, uint8_t code)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    struct wc_text why = WC_TEXT(stream->why);
    wc_guest_stream_init(stream, WC_GUEST_LOOK);
    stream->over = true;
    stream->end.code = code;
    stream->why[0] = '\0';
    if (code == OURS)
        wc_text_put(&why, wc_fault_text());
}

static bool is_there(const struct wc_guest *guest)
{
    if (guest->runs && guest->streams[0].kind == WC_GUEST_SERVICE && !guest->streams[0].over)
        return true;
    wc_fault("the service is not running", NULL, 0);
    return false;
}

static void close_ends(int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int open_terminal(const struct wc_guest_request *request, struct ends *ends)
{
    static bool mounted;
    struct winsize size = { .ws_row = (unsigned short)request->rows,
                            .ws_col = (unsigned short)request->cols };
    struct termios raw;
    int unlock = 0;
    if (!mounted) {
        mkdir("/dev/pts", 0755);
        if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0600") != 0)
            return wc_fault("mount devpts", NULL, errno);
        mounted = true;
    }
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0)
        return wc_fault("open a terminal", NULL, errno);
    ends->ours[1] = master;
    ends->ours[0] = fcntl(master, F_DUPFD_CLOEXEC, 3);
    int slave = -1;
    if (ioctl(master, TIOCSPTLCK, &unlock) == 0)
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || tcgetattr(slave, &raw) != 0)
        return wc_fault("open a terminal", NULL, errno);
    cfmakeraw(&raw); /* join's own terminal does the rest */
    tcsetattr(slave, TCSANOW, &raw);
    if (request->rows > 0)
        ioctl(master, TIOCSWINSZ, &size);
    for (int i = 0; i < 3; i++)
        ends->theirs[i] = i == 0 ? slave : fcntl(slave, F_DUPFD_CLOEXEC, 3);
    return 0;
}

static int open_pipes(const struct wc_guest_request *request, struct ends *ends)
{
    int pair[2];
    for (int i = 0; i < 3; i++) {
        if (i == 0 && !request->input) {
            ends->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            continue;
        }
        if (pipe2(pair, O_CLOEXEC) != 0)
            return wc_fault("pipe", NULL, errno);
        ends->ours[i] = pair[i == 0];
        ends->theirs[i] = pair[i != 0];
        fcntl(ends->ours[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

/* What is added to the environment, as join takes it; -1: nothing, or a fault (*bad). */
static int environment(const struct wc_guest_request *request, bool *bad)
{
    if (request->env.n == 0)
        return -1;
    int fd = memfd_create("env", MFD_CLOEXEC);
    *bad = fd < 0;
    for (size_t i = 0; !*bad && i < request->env.n; i++)
        *bad = wc_file_write_all(fd, request->env.items[i], strlen(request->env.items[i]) + 1) != 0;
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    if (*bad)
        wc_fault("environment", NULL, errno);
    return fd;
}

static _Noreturn void become_join(const struct wc_guest *guest, struct ends *ends,
                                  const char *const *argv, int env)
{
    char *const none[] = { NULL };
    for (int i = 0; i < 3; i++)
        dup2(ends->theirs[i], i);
    if (env >= 0)
        fcntl(env, F_SETFD, 0);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0)
        wc_file_write_all(score, "0", 1);
    int join = openat(guest->place.initramfs, guest->place.join, O_RDONLY | O_CLOEXEC);
    syscall(SYS_execveat, join, "", argv, none, AT_EMPTY_PATH);
    static const char words[] = "wcompose-guest: wcompose-join can't be run\n";
    wc_file_write_all(2, words, sizeof words - 1);
    _exit(OURS);
}

static pid_t start_join(const struct wc_guest *guest, const struct wc_guest_request *request,
                        struct ends *ends)
{
    static const char *argv[OPTIONS + ARGS + 1];
    char number[16];
    struct wc_text text = WC_TEXT(number);
    bool bad = false;
    int env = environment(request, &bad);
    size_t n = 0;
    argv[n++] = "wcompose-join";
    argv[n++] = "--run";
    argv[n++] = WC_GUEST_RUN;
    if (request->tty)
        argv[n++] = "--tty";
    if (request->input)
        argv[n++] = "--stdin";
    if (request->privileged)
        argv[n++] = "--privileged";
    const struct {
        const char *option, *value;
    } pairs[] = { { "--user", request->user },
                  { "--workdir", request->cwd },
                  { "--env-fd", env >= 0 ? number : NULL } };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].value != NULL && (pairs[i].value[0] != '\0' || i == 2)) {
            argv[n++] = pairs[i].option;
            argv[n++] = pairs[i].value;
        }
    if (env >= 0)
        wc_text_num(&text, (uint64_t)env);
    argv[n++] = "--";
    memcpy(argv + n, request->args.items, (request->args.n + 1) * sizeof argv[0]);
    pid_t pid = bad ? -1 : fork();
    if (pid == 0)
        become_join(guest, ends, argv, env);
    if (pid < 0 && !bad)
        wc_fault("fork", NULL, errno);
    if (env >= 0)
        close(env);
    return pid;
}

int wc_guest_run(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    struct wc_guest_stream *stream = &guest->streams[frame->stream];
    struct wc_guest_request request;
    struct ends ends = { { -1, -1, -1 }, { -1, -1, -1 } };
    pid_t pid = -1;
    if (wc_guest_request_parse(frame->data, frame->len, &request) == 0 && is_there(guest)) {
        if (request.args.n == 0)
            wc_fault("no program", NULL, 0);
        else if ((request.tty ? open_terminal(&request, &ends) : open_pipes(&request, &ends)) == 0)
            pid = start_join(guest, &request, &ends);
    }
    close_ends(ends.theirs);
    if (pid < 0) {
        close_ends(ends.ours);
        refuse(guest, frame->stream, OURS);
        return 0;
    }
    wc_guest_stream_init(stream, WC_GUEST_PROGRAM);
    stream->pid = pid;
    stream->tty = request.tty;
    stream->in = ends.ours[0];
    stream->out = ends.ours[1];
    stream->err = ends.ours[2];
    stream->oom_before = wc_guest_oom_kills();
    uint32_t number = (uint32_t)pid;
    wc_guest_say(guest, WC_VM_RUNS, frame->stream, &number, sizeof number);
    return 0;
}

/* The root of the service, as a directory. */
static int open_root(const struct wc_guest *guest)
{
    char path[40];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, (uint64_t)guest->streams[0].pid);
    wc_text_put(&text, "/root");
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int wc_guest_look(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    struct wc_guest_request request;
    if (wc_guest_request_parse(frame->data, frame->len, &request) != 0 || !is_there(guest) ||
        request.path == NULL) {
        refuse(guest, frame->stream, ESRCH);
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        int root = open_root(guest);
        _exit(root >= 0 && wc_guest_open_in(root, request.path, O_PATH) >= 0 ? 0 : errno);
    }
    if (pid < 0) {
        refuse(guest, frame->stream, EAGAIN);
        return 0;
    }
    wc_guest_stream_init(&guest->streams[frame->stream], WC_GUEST_LOOK);
    guest->streams[frame->stream].pid = pid;
    return 0;
}

/* Returns a socket that is connected or, with EINPROGRESS, may be; -1 with errno. */
static int connect_port(uint16_t port, bool ip6)
{
    struct sockaddr_in to4 = { .sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(ip6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int rc = ip6 ? connect(fd, (struct sockaddr *)&to6, sizeof to6)
                 : connect(fd, (struct sockaddr *)&to4, sizeof to4);
    if (rc == 0 || errno == EINPROGRESS)
        return fd;
    int sys = errno;
    close(fd);
    errno = sys;
    return -1;
}

/* The socket's name is resolved as the service would, then used by descriptor. */
static int connect_unix(const struct wc_guest *guest, const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    struct wc_text text = { to.sun_path, 0, sizeof to.sun_path };
    int root = open_root(guest);
    int at = root < 0 ? -1 : wc_guest_open_in(root, path, O_PATH);
    int fd = at < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    wc_text_put(&text, "/proc/self/fd/");
    wc_text_num(&text, (uint64_t)at);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    int sys = errno;
    int fds[3] = { root, at, good ? -1 : fd };
    close_ends(fds);
    errno = sys;
    return good ? fd : -1;
}

static void say_connected(struct wc_guest *guest, uint16_t number)
{
    const uint32_t none = 0;
    struct wc_guest_stream *stream = &guest->streams[number];
    stream->connecting = false;
    stream->out = fcntl(stream->in, F_DUPFD_CLOEXEC, 3);
    wc_guest_say(guest, WC_VM_RUNS, number, &none, sizeof none);
    wc_guest_feed(guest, number);
}

/* On 127.0.0.1, then on ::1; the first refusal is the one to tell. */
static void try_port(struct wc_guest *guest, uint16_t number, bool ip6)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    int fd = connect_port(stream->port, ip6);
    int sys = errno;
    if (fd < 0 && !ip6) {
        stream->end.code = (uint8_t)sys;
        fd = connect_port(stream->port, ip6 = true);
    }
    stream->again = !ip6;
    stream->in = fd;
    stream->connecting = fd >= 0;
    if (fd >= 0)
        return;
    stream->over = true;
    if (stream->end.code == 0)
        stream->end.code = (uint8_t)sys;
}

void wc_guest_connected(struct wc_guest *guest, uint16_t number)
{
    struct wc_guest_stream *stream = &guest->streams[number];
    int sys = 0;
    socklen_t len = sizeof sys;
    getsockopt(stream->in, SOL_SOCKET, SO_ERROR, &sys, &len);
    if (sys == 0) {
        stream->end.code = 0;
        say_connected(guest, number);
        return;
    }
    close(stream->in);
    stream->in = -1;
    stream->connecting = false;
    if (stream->end.code == 0)
        stream->end.code = (uint8_t)sys;
    if (stream->again)
        try_port(guest, number, true);
    else
        stream->over = true;
}

int wc_guest_connect(struct wc_guest *guest, const struct wc_vm_frame *frame)
{
    struct wc_guest_stream *stream = &guest->streams[frame->stream];
    struct wc_guest_request request;
    if (wc_guest_request_parse(frame->data, frame->len, &request) != 0 || !is_there(guest)) {
        refuse(guest, frame->stream, ESRCH);
        return 0;
    }
    wc_guest_stream_init(stream, WC_GUEST_SOCKET);
    if (request.unix_path == NULL) {
        stream->port = (uint16_t)request.port;
        try_port(guest, frame->stream, false);
        return 0;
    }
    int sys = 0;
    stream->in = connect_unix(guest, request.unix_path);
    sys = errno;
    if (stream->in >= 0) {
        say_connected(guest, frame->stream);
        return 0;
    }
    stream->over = true;
    stream->end.code = (uint8_t)sys;
    return 0;
}
