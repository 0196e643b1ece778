/* keep_tty.c - the terminal of an instance with tty: the runtime sends us its master over a socket;
 * what comes out is the log, what arrives in the stdin FIFO goes in.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONSOLE_SOCKET "console.sock"

int wc_keep_tty_listen(struct wc_keep *keep)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = CONSOLE_SOCKET };
    unlink(CONSOLE_SOCKET);
    keep->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (keep->console < 0 || bind(keep->console, (struct sockaddr *)&name, sizeof name) != 0 ||
        listen(keep->console, 1) != 0)
        return wc_fault("listen on", CONSOLE_SOCKET, errno);
    return 0;
}

static int receive_descriptor(int from)
{
    char name[256];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec text = { .iov_base = name, .iov_len = sizeof name };
    struct msghdr message = { .msg_iov = &text,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    ssize_t len = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    if (len < 0)
        return -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
        head->cmsg_len != CMSG_LEN(sizeof(int))) {
        errno = EPROTO;
        return -1;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

int wc_keep_tty_take(struct wc_keep *keep)
{
    int peer = accept4(keep->console, NULL, NULL, SOCK_CLOEXEC); /* create is over: it is there */
    int fd = peer < 0 ? -1 : receive_descriptor(peer);
    int sys = errno;
    if (peer >= 0)
        close(peer);
    close(keep->console);
    keep->console = -1;
    unlink(CONSOLE_SOCKET);
    if (fd < 0)
        return wc_fault("no terminal from the runtime", NULL, sys);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    keep->pty = keep->streams[0].fd = fd;
    if (wc_keep_watch(keep, fd, WC_KEEP_TAG_TTY, true) != 0)
        return -1;
    if (keep->input >= 0)
        return wc_keep_watch(keep, keep->input, WC_KEEP_TAG_STDIN, false);
    return 0;
}

void wc_keep_tty_resize(struct wc_keep *keep, uint64_t rows, uint64_t cols)
{
    struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
    if (keep->pty >= 0)
        ioctl(keep->pty, TIOCSWINSZ, &size);
}

/* Typed faster than the program reads, as on any terminal, input is dropped. */
void wc_keep_tty_input(struct wc_keep *keep)
{
    char typed[512];
    ssize_t len = read(keep->input, typed, sizeof typed);
    if (len > 0 && write(keep->pty, typed, (size_t)len) < 0 && errno == EINTR)
        len = write(keep->pty, typed, (size_t)len);
}
