/* client_spawn.c - starting a supervisor: this program again, in a session of its own, with nothing
 * of ours but a pipe on which it says that it serves.
 *
 * (Rejected: fork without exec. The command has read files and opened things that a process which
 * lives for months should not carry.)
 */
#include "orchestrator/client_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/supervisor_priv.h"

enum { READY_FD = 3, READY_LIMIT_MS = 60000, LOG_TAIL = 400, LOCK_TRIES = 100 };

static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGHUP);
    int rc = posix_spawnattr_init(attr);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &defaults);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    return rc;
}

static int set_actions(posix_spawn_file_actions_t *actions, const char *log_path, int ready_fd)
{
    int rc = posix_spawn_file_actions_init(actions);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, ready_fd, READY_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(actions, 1, log_path,
                                              O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, 1, 2);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, READY_FD + 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_addchdir_np(actions, "/");
    return rc;
}

static int start(const char *project, const char *log_path, int ready_fd, pid_t *pid,
                 struct wc_err *err)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    char *argv[] = { (char *)"wcompose",
                     (char *)"supervise",
                     (char *)"--project",
                     (char *)project,
                     (char *)"--ready-fd",
                     (char *)"3",
                     NULL };
    int rc = set_attributes(&attr);
    if (rc == 0)
        rc = set_actions(&actions, log_path, ready_fd);
    if (rc == 0) {
        rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
    }
    return rc == 0 ? 0 : wc_err_set(err, WC_ERR_UNAVAILABLE, rc, "start the supervisor");
}

/* Reads "ready\n" or "error CODE TEXT\n"; an empty answer is a supervisor that died. */
static int read_ready(int fd, char *text, size_t size, struct wc_err *err)
{
    size_t len = 0;
    while (len < size - 1 && memchr(text, '\n', len) == NULL) {
        struct pollfd news = { .fd = fd, .events = POLLIN };
        int n = poll(&news, 1, READY_LIMIT_MS);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return wc_err_set(err, WC_ERR_TIMEOUT, 0, "the supervisor is not ready after 60 s");
        ssize_t got = read(fd, text + len, size - 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    return 0;
}

/* The supervisor said nothing: its last words are in its log. */
static int died(const char *log_path, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf log = WC_BUF_INIT;
    struct wc_err none;
    if (wc_fs_read(log_path, (size_t)16 * 1024 * 1024, &log, &none) != 0 || log.len == 0)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the supervisor died while starting");
    while (log.len > 0 && log.data[log.len - 1] == '\n')
        log.data[--log.len] = '\0';
    const char *last = memrchr(log.data, '\n', log.len);
    last = last == NULL ? log.data : last + 1;
    return wc_err_set(err, WC_ERR_UNAVAILABLE, 0,
                      "the supervisor died while starting; %s ends with: %.120s", log_path, last);
}

static int understand(const char *text, const char *log_path, struct wc_err *err)
{
    if (wc_streq(text, "ready\n"))
        return 0;
    char *end;
    if (!wc_str_starts(text, "error "))
        return died(log_path, err);
    long code = strtol(text + 6, &end, 10);
    size_t len = strcspn(end, "\n");
    if (code == WC_ERR_CONFLICT) /* another one lives: that is as good */
        return 0;
    return wc_err_set(err, code < 0 ? (int)code : WC_ERR_FAILED, 0, "supervisor:%.*s", (int)len,
                      end);
}

static int spawn_locked(const char *project, const char *log_path, struct wc_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return wc_err_set(err, WC_ERR_IO, errno, "make a pipe");
    WC_CLEANUP_FD int ours = ends[0];
    pid_t pid;
    int rc = start(project, log_path, ends[1], &pid, err);
    close(ends[1]);
    if (rc != 0)
        return rc;
    char text[512] = "";
    rc = read_ready(ours, text, sizeof text, err);
    if (rc != 0)
        return rc;
    rc = understand(text, log_path, err);
    if (!wc_streq(text, "ready\n"))
        waitpid(pid, NULL, 0); /* it has ended or is about to */
    return rc;
}

/* A supervisor that ends removes the directory when nothing is in it, perhaps between our two
 * steps; with the lock's file in it, it stays. */
static int lock_directory(const char *run_dir, int *lock, struct wc_err *err)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        int rc = wc_fs_mkdirs(run_dir, 0700, err);
        if (rc != 0)
            return rc;
        *lock = wc_sup_spawn_lock(run_dir, true);
        if (*lock >= 0)
            return 0;
        if (errno != ENOENT)
            break;
    }
    return wc_err_set(err, WC_ERR_IO, errno, "lock %s/spawn.lock", run_dir);
}

int wc_client_spawn(const struct wc_paths *paths, const char *project, const char *run_dir,
                    struct wc_err *err)
{
    (void)paths;
    WC_CLEANUP_FD int lock = -1;
    int rc = lock_directory(run_dir, &lock, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "start the supervisor");
    if (wc_sup_answers(run_dir)) /* whoever had the lock before us has started it */
        return 0;
    char log_path[4096];
    snprintf(log_path, sizeof log_path, "%s/supervisor.log", run_dir);
    return spawn_locked(project, log_path, err);
}
