/* supervisor_lock.c - one supervisor per project.
 *
 * The kernel drops a flock with its holder, so a dead owner needs no clean-up and no guessing from
 * pids. What is written in the file (pid, start time, boot id) is for people and for tools.
 */
#include "orchestrator/supervisor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"

static void lock_path(char *out, size_t size, const char *run_dir)
{
    snprintf(out, size, "%s/supervisor.lock", run_dir);
}

/* Field 22 of /proc/self/stat: when this process started, in clock ticks since boot. */
static uint64_t start_time(void)
{
    WC_CLEANUP_BUF struct wc_buf stat = WC_BUF_INIT;
    struct wc_err err;
    if (wc_fs_read("/proc/self/stat", 8192, &stat, &err) != 0)
        return 0;
    return wc_str_stat_start(stat.data, NULL);
}

static int write_owner(int fd, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf boot = WC_BUF_INIT;
    if (wc_fs_read("/proc/sys/kernel/random/boot_id", 128, &boot, err) != 0)
        wc_buf_adds(&boot, "unknown\n");
    char line[256];
    int n =
        snprintf(line, sizeof line, "%ld %" PRIu64 " %s", (long)getpid(), start_time(), boot.data);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, line, (size_t)n, 0) != n)
        return wc_err_set(err, WC_ERR_IO, errno, "write the supervisor's lock file");
    return 0;
}

/* True when the path still names the file that is open: it may have been removed by a leaving
 * supervisor between our open and our lock. */
static bool is_current(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

int wc_sup_lock(const char *run_dir, int *fd, struct wc_err *err)
{
    char path[4096];
    lock_path(path, sizeof path, run_dir);
    for (;;) {
        int rc = wc_fs_mkdirs(run_dir, 0700, err);
        if (rc != 0)
            return rc;
        int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (lock < 0 && errno == ENOENT)
            continue; /* the directory went with a leaving supervisor */
        if (lock < 0)
            return wc_err_set(err, WC_ERR_IO, errno, "open %s", path);
        if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
            int sys = errno;
            close(lock);
            if (sys == EWOULDBLOCK)
                return wc_err_set(err, WC_ERR_CONFLICT, 0, "another supervisor holds %s", path);
            return wc_err_set(err, WC_ERR_IO, sys, "lock %s", path);
        }
        if (!is_current(lock, path)) {
            close(lock);
            continue;
        }
        rc = write_owner(lock, err);
        if (rc != 0) {
            close(lock);
            return rc;
        }
        *fd = lock;
        return 0;
    }
}

static void on_alarm(int signal)
{
    (void)signal; /* is there to interrupt flock */
}

void wc_sup_wait_lock(const char *run_dir, unsigned limit_s)
{
    char path[4096];
    lock_path(path, sizeof path, run_dir);
    WC_CLEANUP_FD int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return;
    struct sigaction act = { .sa_handler = on_alarm }, before;
    sigaction(SIGALRM, &act, &before);
    alarm(limit_s);
    flock(lock, LOCK_EX);
    alarm(0);
    sigaction(SIGALRM, &before, NULL);
}

bool wc_sup_answers(const char *run_dir)
{
    int fd = wc_control_connect(run_dir, WC_CONTROL_SOCKET);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int wc_sup_spawn_lock(const char *run_dir, bool wait)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/spawn.lock", run_dir);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        int rc;
        while ((rc = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB)) != 0 && errno == EINTR)
            continue;
        if (rc == 0 && is_current(fd, path))
            return fd;
        int sys = errno;
        close(fd);
        errno = sys;
        if (rc != 0)
            return -1;
    }
}

void wc_sup_unlock(const char *run_dir, int fd, bool remove)
{
    char path[4096];
    lock_path(path, sizeof path, run_dir);
    if (remove)
        unlink(path);
    close(fd);
}
