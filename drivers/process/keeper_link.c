/* keeper_link.c - a socketpair for the first client, the socket file for later ones. */
#include "drivers/process/keeper_link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"

enum { PACKET_ROOM = 1024, PATH_ROOM = 4200 };

/* The keeper and the runtime get a small environment: nothing of the caller's may change what is
 * built. */
static void small_environment(char **env, char *path, size_t size)
{
    const char *value = getenv("PATH");
    snprintf(path, size, "PATH=%s",
             value != NULL ? value
                           : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    env[0] = path;
    env[1] = NULL;
}

/* The descriptors of `start` are copies that are out of the way. */
static int spawn(const struct wc_keeper_start *start, int theirs, pid_t *pid)
{
    const char *program = start->program, *run_dir = start->run_dir;
    char errors[PATH_ROOM], path[PATH_ROOM], *env[2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    snprintf(errors, sizeof errors, "%s/keeper.err", run_dir);
    small_environment(env, path, sizeof path);
    char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)run_dir,
                           start->adopt ? (char *)(uintptr_t) "adopt" : NULL, NULL };
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_adddup2(&actions, theirs, WC_KEEPER_CLIENT_FD);
    if (start->sealed >= 0)
        posix_spawn_file_actions_adddup2(&actions, start->sealed, WC_KEEPER_SEALED_FD);
    if (start->pidfd >= 0)
        posix_spawn_file_actions_adddup2(&actions, start->pidfd, WC_KEEPER_PIDFD);
    if (start->handed > 0)
        posix_spawn_file_actions_adddup2(&actions, start->handed, WC_KEEPER_HANDED_FD);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int rc = posix_spawn(pid, program, &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Moves a descriptor out of the way of the numbers that the keeper gets (dup2 onto itself would
 * keep close-on-exec). */
static int above(int fd)
{
    if (fd < 0 || fd > WC_KEEPER_HANDED_FD)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, WC_KEEPER_HANDED_FD + 1);
    close(fd);
    return moved;
}

static int copy_above(int fd)
{
    return fd > 0 ? fcntl(fd, F_DUPFD_CLOEXEC, WC_KEEPER_HANDED_FD + 1) : -1;
}

int wc_keeper_spawn(const struct wc_keeper_start *start, pid_t *pid, int *link, struct wc_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "cannot make the keeper's socket");
    ends[1] = above(ends[1]);
    WC_CLEANUP_FD int sealed = copy_above(start->sealed);
    WC_CLEANUP_FD int pidfd = copy_above(start->pidfd);
    WC_CLEANUP_FD int handed = copy_above(start->handed);
    struct wc_keeper_start copies = *start;
    copies.handed = handed;
    copies.sealed = sealed;
    copies.pidfd = pidfd;
    int rc = spawn(&copies, ends[1], pid);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return wc_err_set(err, WC_ERR_UNAVAILABLE, rc, "cannot start %s", start->program);
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *link = ends[0];
    return 0;
}

int wc_keeper_connect(const char *run_dir)
{
    WC_CLEANUP_FD int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    /* by way of /proc: a socket's name has room for 107 bytes only */
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/%s", dir, WC_KEEPER_SOCKET);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

bool wc_keeper_send(int link, const char *command)
{
    return link >= 0 && send(link, command, strlen(command), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

int wc_keeper_receive(int link, struct wc_report *out)
{
    char packet[PACKET_ROOM];
    ssize_t len;
    do
        len = recv(link, packet, sizeof packet - 1, MSG_DONTWAIT);
    while (len < 0 && errno == EINTR);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (len <= 0)
        return -1;
    packet[len] = '\0';
    wc_report_parse(packet, out);
    return 1;
}
