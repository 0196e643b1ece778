/* ask.c - packets to a machine's monitor. */
#include "drivers/hyperv/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "drivers/hyperv/monitor/conf.h"

int wc_vm_dial(const char *run_dir, unsigned patience_ms, struct wc_err *err)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    const struct timeval patience = { .tv_sec = patience_ms / 1000,
                                      .tv_usec = patience_ms % 1000 * 1000 };
    char path[4200];
    snprintf(path, sizeof path, "%s/" WC_MON_DIR_HOST "/" WC_MON_SOCKET, run_dir);
    /* its own name may be too long; the directory is the machine's user's, who may plant links */
    WC_CLEANUP_FD int there = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (there < 0)
        return wc_err_set(err, WC_ERR_STATE, errno, "the machine's monitor");
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", there);
    WC_CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (struct sockaddr *)&name, sizeof name) != 0)
        return wc_err_set(err, WC_ERR_STATE, errno, "the machine's monitor");
    int out = fd;
    fd = -1;
    return out;
}

int wc_vm_ask(int monitor, enum wc_vm_type type, const char *record, int handed)
{
    char packet[sizeof(struct wc_vm_head) + WC_VM_ASK_MAX];
    size_t len = record == NULL ? 0 : strlen(record) + 1;
    const struct wc_vm_head head = { .len = (uint32_t)len, .type = (uint8_t)type };
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .space = { 0 } };
    struct iovec iov = { packet, sizeof head + len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (len > WC_VM_ASK_MAX)
        return ENAMETOOLONG;
    memcpy(packet, &head, sizeof head);
    if (len > 0)
        memcpy(packet + sizeof head, record, len);
    if (handed >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &handed, sizeof handed);
    }
    return sendmsg(monitor, &msg, MSG_NOSIGNAL) == (ssize_t)iov.iov_len ? 0 : errno;
}
