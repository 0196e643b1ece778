/* join_vm.c - a program in an instance that is a virtual machine: its monitor is asked
 * (drivers/hyperv/monitor/conf.h), and carries the bytes.
 *
 * To the caller nothing differs: the same options, signals, exit statuses. The program's
 * descriptors are pipes of ours, since the caller's must not become non-blocking under it.
 */
#include "drivers/keeper/join.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/hyperv/monitor/conf.h"
#include "drivers/hyperv/protocol.h"

enum { SIGNALS, MONITOR, OUT, ERR, CALLER, TYPED, POLLED };
enum { TIME_IS_UP = 128 + SIGKILL };

struct relay {
    struct pollfd fds[POLLED]; /* fd -1 = not any more */
    char typed[4096];          /* from the caller, not yet taken */
    size_t typed_len;
    bool ended;
    struct wc_vm_ended end;
    char why[WC_VM_TEXT_MAX + 1];
};

static char packet[sizeof(struct wc_vm_head) + WC_VM_PAYLOAD_MAX];

bool wc_join_is_vm(const struct wc_join *join, char path[WC_JOIN_PATH])
{
    struct wc_text text = { path, 0, WC_JOIN_PATH };
    wc_text_put(&text, join->run);
    wc_text_put(&text, "/" WC_MON_DIR_HOST "/" WC_MON_SOCKET);
    return access(path, F_OK) == 0;
}

/* The path is longer than a socket's name may be: by way of an open directory it is short. */
static int dial(const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    struct wc_text text = WC_TEXT(name.sun_path);
    int there =
        open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC); /* its directory is the machine's user's */
    int fd = there < 0 ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    wc_text_put(&text, "/proc/self/fd/");
    wc_text_num(&text, there < 0 ? 0 : (uint64_t)there);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        close(fd);
        fd = -1;
    }
    if (there >= 0)
        close(there);
    return fd;
}

static bool put_record(size_t *at, const char *key, const char *value)
{
    size_t key_len = strlen(key), len = strlen(value) + 1;
    if (*at + key_len + 1 + len > sizeof packet)
        return false;
    memcpy(packet + *at, key, key_len);
    packet[*at + key_len] = '=';
    memcpy(packet + *at + key_len + 1, value, len);
    *at += key_len + 1 + len;
    return true;
}

static bool put_size(size_t *at)
{
    struct winsize size;
    char rows[8], columns[8];
    struct wc_text row_text = WC_TEXT(rows), column_text = WC_TEXT(columns);
    if (ioctl(0, TIOCGWINSZ, &size) != 0)
        return true;
    wc_text_num(&row_text, size.ws_row);
    wc_text_num(&column_text, size.ws_col);
    return put_record(at, "rows", rows) && put_record(at, "cols", columns);
}

/* The request, as one packet. Returns its length, 0 = too long. */
static size_t compose(const struct wc_join *join)
{
    const struct {
        bool set;
        const char *key;
    } flags[] = { { join->tty, "tty" },
                  { join->input, "input" },
                  { join->privileged, "privileged" } };
    size_t at = sizeof(struct wc_vm_head);
    bool fits = true;
    for (char **arg = join->argv; *arg != NULL && fits; arg++)
        fits = put_record(&at, "arg", *arg);
    for (size_t i = 0; i < join->env.n && fits; i++)
        fits = put_record(&at, "env", join->env.items[i]);
    if (fits && join->user != NULL)
        fits = put_record(&at, "user", join->user);
    if (fits && join->workdir != NULL)
        fits = put_record(&at, "cwd", join->workdir);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && fits; i++)
        if (flags[i].set)
            fits = put_record(&at, flags[i].key, "1");
    if (fits && join->tty)
        fits = put_size(&at);
    const struct wc_vm_head head = { .len = (uint32_t)(at - sizeof head), .type = WC_VM_RUN };
    memcpy(packet, &head, sizeof head);
    return fits ? at : 0;
}

static int send_request(int monitor, size_t len, const int theirs[3])
{
    union {
        char space[CMSG_SPACE(3 * sizeof(int))];
        struct cmsghdr align;
    } control = { .space = { 0 } };
    struct iovec iov = { packet, len };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.space,
                          .msg_controllen = sizeof control.space };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(c), theirs, 3 * sizeof(int));
    return sendmsg(monitor, &msg, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
}

static void tell(int monitor, enum wc_vm_type type, const void *data, size_t len)
{
    char out[sizeof(struct wc_vm_head) + 8];
    const struct wc_vm_head head = { .len = (uint32_t)len, .type = (uint8_t)type };
    memcpy(out, &head, sizeof head);
    if (len > 0)
        memcpy(out + sizeof head, data, len);
    (void)send(monitor, out, sizeof head + len, MSG_NOSIGNAL);
}

/* Pipes between us and the program: ours[] stay here, theirs[] go to the monitor. */
static int make_pipes(const struct wc_join *join, int ours[3], int theirs[3])
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        int ends[2];
        ours[i] = -1;
        bool none = i == 0 ? !join->input : join->detach;
        if (none) {
            theirs[i] = dup(null);
        } else {
            if (pipe2(ends, O_CLOEXEC) != 0)
                return -1;
            ours[i] = ends[i == 0];
            theirs[i] = ends[i != 0];
        }
    }
    return close(null);
}

static void pass_signals(const struct wc_join *join, const struct relay *relay)
{
    struct signalfd_siginfo info;
    struct winsize size;
    int monitor = relay->fds[MONITOR].fd;
    while (read(relay->fds[SIGNALS].fd, &info, sizeof info) == (ssize_t)sizeof info) {
        const uint32_t number = info.ssi_signo;
        if (number == SIGWINCH && join->tty && ioctl(0, TIOCGWINSZ, &size) == 0) {
            const uint16_t rows_columns[2] = { size.ws_row, size.ws_col };
            tell(monitor, WC_VM_SIZE, rows_columns, sizeof rows_columns);
        } else if (number == SIGALRM) {
            tell(monitor, WC_VM_CLOSE, NULL, 0);
        } else if (number != SIGCHLD && number != SIGWINCH) {
            tell(monitor, WC_VM_SIGNAL, &number, sizeof number);
        }
    }
}

/* What the monitor says; its end without a word is the machine's. */
static void hear(const struct wc_join *join, struct relay *relay)
{
    struct wc_vm_head head;
    ssize_t len = recv(relay->fds[MONITOR].fd, packet, sizeof packet, 0);
    if (len < 0 && errno == EINTR)
        return;
    if (len >= (ssize_t)sizeof head)
        memcpy(&head, packet, sizeof head);
    if (len >= (ssize_t)sizeof head && head.type == WC_VM_RUNS) {
        if (join->detach) {
            tell(relay->fds[MONITOR].fd, WC_VM_INPUT_END, NULL, 0);
            relay->ended = true;
        }
        return;
    }
    relay->ended = true;
    relay->end.code = TIME_IS_UP;
    if (len >= (ssize_t)(sizeof head + sizeof relay->end) && head.type == WC_VM_ENDED) {
        size_t text = (size_t)len - sizeof head - sizeof relay->end;
        text = text < WC_VM_TEXT_MAX ? text : WC_VM_TEXT_MAX;
        memcpy(&relay->end, packet + sizeof head, sizeof relay->end);
        memcpy(relay->why, packet + sizeof head + sizeof relay->end, text);
    }
    close(relay->fds[MONITOR].fd);
    relay->fds[MONITOR].fd = -1;
}

static void carry(struct relay *relay, int from, int to)
{
    char data[16384];
    struct pollfd *fd = &relay->fds[from];
    if (fd->fd < 0 || fd->revents == 0)
        return;
    ssize_t k = read(fd->fd, data, sizeof data);
    if (k < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (k <= 0 || wc_join_show(to, data, (size_t)k) != 0) {
        close(fd->fd);
        fd->fd = -1;
    }
}

static void hang_up(struct relay *relay)
{
    relay->fds[CALLER].fd = -1;
    if (relay->fds[TYPED].fd >= 0)
        close(relay->fds[TYPED].fd);
    relay->fds[TYPED].fd = -1;
}

static void carry_input(struct relay *relay)
{
    struct pollfd *caller = &relay->fds[CALLER], *typed = &relay->fds[TYPED];
    if (caller->fd >= 0 && caller->revents != 0 && relay->typed_len == 0) {
        ssize_t k = read(caller->fd, relay->typed, sizeof relay->typed);
        if (k > 0)
            relay->typed_len = (size_t)k;
        else if (k == 0 || (errno != EINTR && errno != EAGAIN))
            hang_up(relay);
    }
    if (relay->typed_len == 0 || typed->fd < 0 || typed->revents == 0)
        return;
    ssize_t k = write(typed->fd, relay->typed, relay->typed_len);
    if (k > 0) {
        relay->typed_len -= (size_t)k;
        memmove(relay->typed, relay->typed + k, relay->typed_len);
    } else if (k < 0 && errno != EAGAIN && errno != EINTR) {
        hang_up(relay);
    }
}

static void wait_once(struct relay *relay)
{
    struct pollfd fds[POLLED];
    memcpy(fds, relay->fds, sizeof fds);
    fds[TYPED].events = POLLOUT;
    if (relay->typed_len > 0)
        fds[CALLER].fd = -1;
    else
        fds[TYPED].fd = -1;
    poll(fds, POLLED, -1);
    for (int i = 0; i < POLLED; i++)
        relay->fds[i].revents = fds[i].fd >= 0 ? fds[i].revents : 0;
}

static int loop(const struct wc_join *join, struct relay *relay)
{
    const struct pollfd *fds = relay->fds;
    while (!relay->ended || fds[OUT].fd >= 0 || fds[ERR].fd >= 0) {
        wait_once(relay);
        if (fds[SIGNALS].revents != 0)
            pass_signals(join, relay);
        if (fds[MONITOR].fd >= 0 && fds[MONITOR].revents != 0)
            hear(join, relay);
        carry(relay, OUT, 1);
        carry(relay, ERR, 2);
        carry_input(relay);
    }
    wc_join_tty_restore();
    if (relay->why[0] != '\0')
        wc_join_say(relay->why);
    return relay->end.code;
}

int wc_join_vm(const struct wc_join *join, const char *path)
{
    static struct relay relay;
    sigset_t wanted;
    int ours[3], theirs[3];
    size_t len = compose(join);
    if (len == 0)
        return wc_fault("arguments and environment are too long for a virtual machine", NULL, 0);
    wc_join_signals(&wanted);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    signal(SIGPIPE, SIG_IGN);
    int monitor = dial(path);
    if (monitor < 0)
        return wc_fault("the machine's monitor", NULL, errno);
    if (make_pipes(join, ours, theirs) != 0 || send_request(monitor, len, theirs) != 0)
        return wc_fault("ask the machine's monitor", NULL, errno);
    for (int i = 0; i < 3; i++)
        close(theirs[i]);
    const int all[POLLED] = { signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK),
                              monitor,
                              ours[1],
                              ours[2],
                              join->input ? 0 : -1,
                              ours[0] };
    for (int i = 0; i < POLLED; i++)
        relay.fds[i] = (struct pollfd){ .fd = all[i], .events = POLLIN };
    if (ours[0] >= 0)
        (void)fcntl(ours[0], F_SETFL, O_NONBLOCK);
    if (join->tty && join->input)
        wc_join_tty_raw();
    return loop(join, &relay);
}
