/* server.c - the host's name server as a process: started with the first network, ended with the
 * last.
 *
 * Whether it runs is asked of the lock that it holds while it lives (dns.lock), which no reused
 * process number can fake; whom to signal is read from dns.pid and checked against the process's
 * start time, through a pidfd. It puts itself into the background once it answers, so that waiting
 * for its first process is waiting for the service.
 */
#include "drivers/net/host.h"
#include "drivers/net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/paths.h"
#include "base/str.h"

enum { STOP_MS = 2000 };

bool wc_server_runs(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/dns.lock", dir);
    WC_CLEANUP_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static int spawn(const char *program, const char *dir, pid_t *pid)
{
    char log[4096];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)dir, NULL };
    static char path[] = "PATH=/usr/bin:/bin";
    char *const envp[] = { path, NULL };
    snprintf(log, sizeof log, "%s/dns.log", dir);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int sys = posix_spawn(pid, program, &files, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return sys;
}

void wc_server_start(const struct wc_paths *paths, const char *dir)
{
    char program[4096];
    pid_t pid;
    int status = 0;
    snprintf(program, sizeof program, "%s/wcompose-dns", paths->bin);
    if (wc_server_runs(dir))
        return;
    int sys = wc_fs_exists(program) ? spawn(program, dir, &pid) : ENOENT;
    if (sys != 0) {
        wc_log(WC_LOG_WARN, "net", "name server %s: %s; hosts files resolve", program,
               strerror(sys));
        return;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        wc_log(WC_LOG_WARN, "net",
               "name server ended with status %d, see %s/dns.log; hosts files "
               "resolve",
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), dir);
}

/* Field 22 of /proc/PID/stat; 0 when there is no such process. */
static uint64_t start_time(int pid)
{
    char path[40];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (wc_fs_read(path, 4096, &text, NULL) != 0)
        return 0;
    return wc_str_stat_start(text.data, NULL);
}

/* Returns a pidfd of the process that dns.pid names, if it still is that one; else -1. */
static int open_process(const char *dir)
{
    char path[4096];
    int64_t n[2]; /* pid, start */
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    snprintf(path, sizeof path, "%s/dns.pid", dir);
    if (wc_fs_read(path, 64, &text, NULL) != 0 || !wc_str_to_i64s(text.data, n, 2) || n[0] <= 1 ||
        n[0] > INT_MAX)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)n[0], 0);
    if (fd >= 0 && start_time((int)n[0]) != (uint64_t)n[1]) {
        close(fd);
        return -1;
    }
    return fd;
}

int wc_net_server_open(const struct wc_paths *paths)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/net", paths->run);
    return wc_server_runs(dir) ? open_process(dir) : -1;
}

void wc_server_stop(const char *dir)
{
    if (!wc_server_runs(dir))
        return;
    WC_CLEANUP_FD int fd = open_process(dir);
    if (fd < 0) {
        wc_log(WC_LOG_WARN, "net", "name server: %s/dns.pid doesn't name the holder of dns.lock",
               dir);
        return;
    }
    struct pollfd ended = { .fd = fd, .events = POLLIN };
    const int signals[] = { SIGTERM, SIGKILL };
    for (size_t i = 0; i < 2; i++) {
        if (syscall(SYS_pidfd_send_signal, fd, signals[i], NULL, 0) != 0 ||
            poll(&ended, 1, STOP_MS) > 0)
            return;
    }
}
