/* keep_adopt.c - a keeper in the place of one that was killed: `wcompose-keeper RUN_DIRECTORY
 * adopt`.
 *
 * The container goes on without its keeper: it holds its FIFOs open itself. What is missing is who
 * copies its output and who learns how it ended. The first goes on where the killed one was
 * (keep_log.c). For the second we aren't its parent, but a pidfd tells when it has ended and, since
 * Linux 6.15, with which status; before that the process's stat file does, as long as nobody has
 * reaped it. Where neither tells, no record is written, and the end stays one with unknown code.
 *
 * Two supervisors may start one of us at a time; a lock on the run directory lets one through. (A
 * keeper that isn't an adopter has no such lock: it is only ever made where nothing runs.) As long
 * as it isn't certain that we are needed, nothing is touched; a failure is a line in keeper.err.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"
#include "drivers/keeper/protocol.h"

enum { LINE_BYTES = 128, LOCK_TRIES = 200, LOCK_WAIT_MS = 5 };

/* The numbers of a line "word n n n", of which there are `n`. The line is taken apart. */
static bool numbers(char *line, uint64_t *out, unsigned n)
{
    line[strcspn(line, "\n")] = '\0';
    for (unsigned i = 0; i < n; i++) {
        char *end = line + strcspn(line, " ");
        bool more = *end == ' ';
        *end = '\0';
        if (!wc_number(line, UINT64_MAX, &out[i]) || more != (i + 1 < n))
            return false;
        line = end + 1;
    }
    return true;
}

/* /proc/PID/stat of the process that began then; what comes after its name, or NULL. */
static char *stat_of(uint64_t pid, uint64_t starttime, char *stat, size_t size)
{
    char path[40];
    struct wc_text text = WC_TEXT(path);
    uint64_t now;
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, pid);
    wc_text_put(&text, "/stat");
    if (wc_file_read(AT_FDCWD, path, stat, size) < 0 || !wc_proc_starttime((pid_t)pid, &now) ||
        now != starttime)
        return NULL;
    char *name_end = strrchr(stat, ')');
    return name_end != NULL && name_end[1] == ' ' ? name_end + 2 : NULL;
}

/* Held as long as we live. One that was killed has it until the last of it is gone, which on a busy
 * machine takes a while: that is waited for. */
static int lock(void)
{
    const struct timespec pause = { .tv_nsec = LOCK_WAIT_MS * 1000000L };
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
    for (int i = 0; fd >= 0 && status != 0 && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
        nanosleep(&pause, NULL);
        status = flock(fd, LOCK_EX | LOCK_NB);
    }
    return status == 0 ? 0 : wc_fault("adopt: another keeper is at it", NULL, errno);
}

/* Field 9 of its stat file, of which `state` is field 3: it executes nothing any more. */
static bool is_leaving(const char *state)
{
    enum { PF_EXITING = 4 };
    const char *at = state;
    uint64_t flags = 0;
    for (int field = 3; at != NULL && field < 9; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    for (; at != NULL && *at >= '0' && *at <= '9'; at++)
        flags = flags * 10 + (uint64_t)(*at - '0');
    return *state == 'Z' || *state == 'X' || (flags & PF_EXITING) != 0;
}

/* The one before us must be gone. *moving: which stream it was in the middle of, 0 = none. */
static int read_predecessor(char *moving)
{
    char text[LINE_BYTES], stat[1024];
    uint64_t n[2];
    if (wc_file_read(AT_FDCWD, WC_KEEPER_PID, text, sizeof text) < 0)
        return wc_fault("adopt: read", WC_KEEPER_PID, errno);
    const char *second = strchr(text, '\n');
    *moving = '\0';
    if (second != NULL && (second[1] == 'o' || second[1] == 'e'))
        *moving = second[1];
    if (!numbers(text, n, 2))
        return wc_fault("adopt: bad", WC_KEEPER_PID, 0);
    const char *state = stat_of(n[0], n[1], stat, sizeof stat);
    if (state != NULL && !is_leaving(state)) /* it may be one that nobody has reaped yet */
        return wc_fault("adopt: its keeper lives", NULL, 0);
    return 0;
}

/* Who it is. The descriptor comes from a supervisor that has held it all the time, or is opened by
 * number and start time; the second fails when the process has been reaped meanwhile. */
static int find_init(struct wc_keep *keep)
{
    char text[LINE_BYTES];
    uint64_t n[3], starttime;
    if (wc_file_read(AT_FDCWD, WC_KEEPER_STATUS, text, sizeof text) < 0)
        return wc_fault("adopt: read", WC_KEEPER_STATUS, errno);
    if (strncmp(text, "running ", 8) != 0 || !numbers(text + 8, n, 3))
        return wc_fault("adopt: it doesn't run", NULL, 0);
    keep->init = (pid_t)n[0];
    keep->init_starttime = n[1];
    keep->started_ms = n[2];
    if (keep->pidfd >= 0)
        return 0;
    keep->pidfd = (int)syscall(SYS_pidfd_open, keep->init, 0);
    if (keep->pidfd < 0 || !wc_proc_starttime(keep->init, &starttime) ||
        starttime != keep->init_starttime)
        return wc_fault("adopt: its process is gone", NULL, 0);
    return 0;
}

static int open_streams(struct wc_keep *keep)
{
    static const char *const names[] = { "stdout", "stderr" };
    for (unsigned i = 0; i < 2 && !keep->conf.tty; i++) { /* a terminal went with its keeper */
        struct wc_keep_stream *stream = &keep->streams[i];
        stream->fd = open(names[i], O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (stream->fd < 0)
            return wc_fault("adopt: open", names[i], errno);
        if (wc_keep_watch(keep, stream->fd, WC_KEEP_TAG_STDOUT + i, true) != 0)
            return -1;
        stream->ready = true;
    }
    return 0;
}

/* The namespace that its keeper was in: what is cleaned up there at the end is ours to do now. */
static void enter_network(struct wc_keep *keep)
{
    char path[40];
    struct wc_text text = WC_TEXT(path);
    wc_text_put(&text, "/proc/");
    wc_text_num(&text, (uint64_t)keep->init);
    wc_text_put(&text, "/ns/net");
    if (keep->conf.netns == NULL || strcmp(keep->conf.netns, "new") != 0)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    keep->own_netns = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (fd >= 0)
        close(fd);
}

int wc_keep_adopt(struct wc_keep *keep)
{
    char packet[WC_KEEP_PACKET], moving = 0;
    struct wc_text text = WC_TEXT(packet);
    if (lock() != 0 || read_predecessor(&moving) != 0 || find_init(keep) != 0)
        return -1;
    if (wc_keep_write_pid(keep) != 0 || wc_keep_listen(keep) != 0 || wc_keep_log_open(keep) != 0 ||
        open_streams(keep) != 0 || wc_keep_notify_up(keep, true) != 0 ||
        wc_keep_machine_up(keep, true) != 0)
        return -1;
    enter_network(keep);
    if (wc_keep_mounts(keep) != 0 || wc_keep_watch(keep, keep->pidfd, WC_KEEP_TAG_INIT, true) != 0)
        return -1;
    if (!keep->conf.tty)
        wc_keep_log_resume(keep, moving);
    keep->state = WC_KEEP_RUNNING;
    wc_text_put(&text, "running");
    wc_text_field(&text, (uint64_t)keep->init);
    wc_text_field(&text, keep->init_starttime);
    wc_text_field(&text, keep->started_ms);
    wc_keep_report(keep, packet);
    return 0;
}

/* ---- the end ---- */

/* From the process's own file, while it waits to be reaped: its last field is the status, and 0 for
 * those who may not see it. */
static bool status_of_zombie(const struct wc_keep *keep, int *status)
{
    char stat[1024];
    uint64_t value;
    if (geteuid() != 0)
        return false;
    char *state = stat_of((uint64_t)keep->init, keep->init_starttime, stat, sizeof stat);
    char *last = state != NULL && *state == 'Z' ? strrchr(state, ' ') : NULL;
    if (last == NULL)
        return false;
    last[strcspn(last, "\n")] = '\0';
    if (!wc_number(last + 1, UINT16_MAX, &value))
        return false;
    *status = (int)value;
    return true;
}

static bool status_by_pidfd(const struct wc_keep *keep, int *status)
{
    struct wc_pidfd_info info = { .mask = WC_PIDFD_INFO_EXIT };
    if (ioctl(keep->pidfd, (int)WC_PIDFD_GET_INFO, &info) != 0 ||
        (info.mask & WC_PIDFD_INFO_EXIT) == 0)
        return false;
    *status = info.exit_code;
    return true;
}

void wc_keep_on_init(struct wc_keep *keep)
{
    int status;
    if (status_by_pidfd(keep, &status) || status_of_zombie(keep, &status) ||
        status_by_pidfd(keep, &status)) { /* reaped between the first two */
        wc_keep_on_child(keep, keep->init, status);
        return;
    }
    wc_keep_log_drain(keep);
    keep->done = true;
}
