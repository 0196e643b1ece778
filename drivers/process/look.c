/* look.c - sockets of another namespace, paths of another root.
 *
 * setns(CLONE_NEWNET) is a matter of one thread, and costs microseconds; done on the loop's thread
 * it would show /proc/self/net of the wrong namespace to the others. Paths are resolved by openat2
 * with the instance's root as root: neither a link nor ".." leads out of it, and no device is
 * opened by O_PATH.
 */
#include "drivers/process/look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

static int gone(struct wc_err *err)
{
    return wc_err_set(err, WC_ERR_STATE, 0, "it is not running");
}

/* True once the process that the descriptor is of has ended. */
static bool has_ended(int pidfd)
{
    struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
    return poll(&poll_fd, 1, 0) != 0;
}

int wc_look_socket(int pidfd, int domain, int type, int protocol, struct wc_err *err)
{
    WC_CLEANUP_FD int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "own network namespace");
    if (setns(pidfd, CLONE_NEWNET) != 0) {
        int sys = errno;
        return sys == ESRCH ? gone(err)
                            : wc_err_set(err, wc_fs_code(sys), sys, "enter its network namespace");
    }
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    int sys = errno;
    if (setns(home, CLONE_NEWNET) != 0) {
        wc_log(WC_LOG_ERROR, "process", "cannot return from a network namespace: %s",
               strerror(errno));
        abort();
    }
    return fd >= 0 ? fd : wc_err_set(err, wc_fs_code(sys), sys, "make a socket");
}

/* Only this end is ours: a full table of ports here is no answer of the other. */
static bool is_answer(int sys)
{
    return sys != EADDRNOTAVAIL && sys != EAGAIN && sys != ENOBUFS && sys != ENOMEM && sys != EINTR;
}

static int connect_tcp(struct wc_look_in *look, struct wc_err *err)
{
    struct sockaddr_in ip4 = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t)look->check->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 ip6 = { .sin6_family = AF_INET6,
                                .sin6_port = ip4.sin_port,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const struct sockaddr *to = look->ip6 ? (struct sockaddr *)&ip6 : (struct sockaddr *)&ip4;
    WC_CLEANUP_FD int fd = wc_look_socket(look->pidfd, look->ip6 ? AF_INET6 : AF_INET,
                                          SOCK_STREAM | SOCK_NONBLOCK, 0, err);
    if (fd < 0)
        return fd;
    int rc = connect(fd, to, look->ip6 ? sizeof ip6 : sizeof ip4);
    if (rc != 0 && errno != EINPROGRESS) {
        look->why = errno;
        return is_answer(look->why) ? 0 : wc_err_set(err, WC_ERR_FAILED, look->why, "connect");
    }
    look->connecting = rc != 0;
    look->fd = fd;
    fd = -1;
    return 0;
}

/* What a path leads to inside, as O_PATH; -1 with look->why. */
static int open_inside(struct wc_look_in *look, struct wc_err *err)
{
    char path[48];
    const struct open_how how = { .flags = O_PATH | O_CLOEXEC,
                                  .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    snprintf(path, sizeof path, "/proc/%d/root", look->pid);
    WC_CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || has_ended(look->pidfd)) /* the number may be another's by now */
        return gone(err);
    int fd = (int)syscall(SYS_openat2, root, look->check->path, &how, sizeof how);
    look->why = errno;
    return fd;
}

static int look_for_file(struct wc_look_in *look, struct wc_err *err)
{
    WC_CLEANUP_FD int fd = open_inside(look, err);
    if (fd < -1)
        return fd;
    look->passed = fd >= 0;
    if (fd < 0 && look->why == EINTR)
        return wc_err_set(err, WC_ERR_FAILED, look->why, "%s", look->check->path);
    return 0;
}

/* Somebody listens at a socket when connecting to it works, whichever kind it is of. */
static int connect_unix(struct wc_look_in *look, struct wc_err *err)
{
    static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    WC_CLEANUP_FD int there = open_inside(look, err);
    if (there < -1)
        return there;
    if (there < 0)
        return 0;
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", there);
    for (size_t i = 0; i < WC_COUNT(kinds) && !look->passed; i++) {
        WC_CLEANUP_FD int fd = socket(AF_UNIX, kinds[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return wc_err_set(err, wc_fs_code(errno), errno, "make a socket");
        look->passed = connect(fd, (struct sockaddr *)&name, sizeof name) == 0;
        look->why = errno;
        if (look->why != EPROTOTYPE)
            break;
    }
    return 0;
}

int wc_look_inside(struct wc_look_in *look, struct wc_err *err)
{
    look->fd = -1;
    look->passed = look->connecting = false;
    look->why = 0;
    switch (look->check->kind) {
    case WC_CHECK_TCP:
    case WC_CHECK_HTTP:
        return connect_tcp(look, err);
    case WC_CHECK_FILE:
        return look_for_file(look, err);
    case WC_CHECK_UNIX:
        return connect_unix(look, err);
    case WC_CHECK_TEST:
    case WC_CHECK_NOTIFY:
        break;
    }
    return wc_err_set(err, WC_ERR_BUG, 0, "no look for a check of kind %d", (int)look->check->kind);
}
