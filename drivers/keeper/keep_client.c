/* keep_client.c - supervisors: the one that made us (fd 3) and those that come later.
 *
 * A client is never waited for: what can't be sent at once goes to a client that doesn't read, and
 * such a one is dropped. It finds everything again in the status file, the exit record and the
 * greeting.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

int wc_keep_watch(struct wc_keep *keep, int fd, unsigned tag, bool edge)
{
    struct epoll_event event = { .events = EPOLLIN | (edge ? (uint32_t)EPOLLET : 0),
                                 .data.u32 = tag };
    if (epoll_ctl(keep->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return wc_fault("epoll", NULL, errno);
    return 0;
}

int wc_keep_listen(struct wc_keep *keep)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = WC_KEEPER_SOCKET };
    unlink(WC_KEEPER_SOCKET); /* of an earlier run; the directory is ours alone */
    keep->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (keep->listener < 0 || bind(keep->listener, (struct sockaddr *)&name, sizeof name) != 0 ||
        listen(keep->listener, WC_KEEP_CLIENTS) != 0)
        return wc_fault("listen on", WC_KEEPER_SOCKET, errno);
    return wc_keep_watch(keep, keep->listener, WC_KEEP_TAG_LISTEN, false);
}

static void drop(struct wc_keep *keep, unsigned index)
{
    close(keep->clients[index]);
    keep->clients[index] = -1;
}

static void send_to(struct wc_keep *keep, unsigned index, const char *packet)
{
    size_t len = strlen(packet);
    ssize_t k = send(keep->clients[index], packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (k != (ssize_t)len)
        drop(keep, index);
}

void wc_keep_client_add(struct wc_keep *keep, int fd)
{
    unsigned i = 0;
    while (i < WC_KEEP_CLIENTS && keep->clients[i] >= 0)
        i++;
    if (i == WC_KEEP_CLIENTS || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        wc_keep_watch(keep, fd, WC_KEEP_TAG_CLIENT + i, false) != 0) {
        close(fd);
        return;
    }
    keep->clients[i] = fd;
    if (keep->packet[0] != '\0')
        send_to(keep, i, keep->packet);
    if (keep->notice[0] != '\0' && keep->clients[i] >= 0)
        send_to(keep, i, keep->notice);
}

void wc_keep_client_accept(struct wc_keep *keep)
{
    int fd = accept4(keep->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        wc_keep_client_add(keep, fd);
}

static void command(struct wc_keep *keep, char *packet)
{
    if (strcmp(packet, "start") == 0) {
        wc_keep_on_start(keep);
    } else if (strcmp(packet, "abort") == 0) {
        wc_keep_on_abort(keep);
    } else if (strcmp(packet, "leaving") == 0) {
        keep->leaving = true;
    } else if (strncmp(packet, "resize ", 7) == 0) {
        uint64_t rows, cols;
        char *space = strchr(packet + 7, ' ');
        if (space == NULL)
            return;
        *space = '\0';
        if (wc_number(packet + 7, UINT16_MAX, &rows) && wc_number(space + 1, UINT16_MAX, &cols))
            wc_keep_tty_resize(keep, rows, cols);
    }
}

void wc_keep_client_read(struct wc_keep *keep, unsigned index)
{
    char packet[64];
    if (index >= WC_KEEP_CLIENTS || keep->clients[index] < 0)
        return;
    ssize_t len = recv(keep->clients[index], packet, sizeof packet - 1, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0) {
        drop(keep, index);
        return;
    }
    packet[len] = '\0';
    command(keep, packet);
}

void wc_keep_report(struct wc_keep *keep, const char *packet)
{
    char line[WC_KEEP_PACKET + 1];
    struct wc_text copy = WC_TEXT(keep->packet), text = WC_TEXT(line);
    wc_text_put(&copy, packet);
    wc_text_put(&text, packet);
    wc_text_put(&text, "\n");
    wc_file_replace(AT_FDCWD, WC_KEEPER_STATUS, line, text.len, false);
    for (unsigned i = 0; i < WC_KEEP_CLIENTS; i++)
        if (keep->clients[i] >= 0)
            send_to(keep, i, keep->packet);
}

void wc_keep_notice(struct wc_keep *keep, const char *packet)
{
    struct wc_text copy = { keep->notice, 0, sizeof keep->notice };
    wc_text_put(&copy, packet);
    for (unsigned i = 0; i < WC_KEEP_CLIENTS; i++)
        if (keep->clients[i] >= 0)
            send_to(keep, i, keep->notice);
}
