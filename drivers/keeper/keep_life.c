/* keep_life.c - from `create` to the exit record: what each end of a child means.
 *
 * Children end in any order: a program may be over before the runtime's start is, and an init may
 * even be reaped before its pid is known. So statuses are only noted, and one function, settle,
 * decides after every note. The exit is told after its record is on disk and before the runtime's
 * delete: a successor with another runtime id need not wait for the cleaning.
 *
 * Two fsyncs stand between the end and its report, and the unmount of the root, which writes down
 * all that its file system holds. An instance that leaves for good is spared the first; one that is
 * to run again is told of first, and both come then, while its successor is on its way. In both
 * cases the record is written and renamed into place before, so it is there for everybody while the
 * kernel lives, whoever is killed. Only a power cut in that moment can lose it, and then the host
 * looks as after a cut just before the end: no process, no record, an exit with unknown code, which
 * every reader has to know anyhow. Nothing durable is derived from such an exit: who waits for
 * completion waits for instances that neither leave nor run again.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/keeper/protocol.h"

void wc_keep_say(const char *what)
{
    char line[WC_KEEP_PACKET];
    struct wc_text text = WC_TEXT(line);
    wc_text_put(&text, "wcompose-keeper: ");
    wc_text_put(&text, what);
    wc_text_put(&text, "\n");
    wc_file_write_all(2, line, text.len);
}

static void report_process(struct wc_keep *keep, const char *word)
{
    char packet[WC_KEEP_PACKET];
    struct wc_text text = WC_TEXT(packet);
    wc_text_put(&text, word);
    wc_text_field(&text, (uint64_t)keep->init);
    wc_text_field(&text, keep->init_starttime);
    if (keep->started_ms != 0)
        wc_text_field(&text, keep->started_ms);
    wc_keep_report(keep, packet);
}

/* The last thing we wait for, if we can't do it ourselves, is the runtime's delete. */
static void clean_up(struct wc_keep *keep)
{
    keep->state = WC_KEEP_OVER;
    if ((keep->init_gone && wc_keep_clean(&keep->conf)) || wc_keep_run(keep, WC_KEEP_DELETE) != 0)
        keep->done = true;
}

void wc_keep_fail(struct wc_keep *keep, bool made)
{
    char packet[WC_KEEP_PACKET];
    struct wc_text text = WC_TEXT(packet);
    keep->exit_status = 1;
    wc_keep_say(wc_fault_text());
    wc_text_put(&text, "failed ");
    size_t from = text.len;
    wc_text_put(&text, wc_fault_text());
    for (char *c = packet + from; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    wc_keep_root_down(keep);
    wc_keep_report(keep, packet);
    if (made)
        clean_up(keep);
    else
        keep->done = true;
}

/* N of the line "oom_kill N"; 0 if there is no such file or line. */
static uint64_t oom_kills(const char *path)
{
    char events[1024];
    uint64_t count = 0;
    if (path == NULL || wc_file_read(AT_FDCWD, path, events, sizeof events) < 0)
        return 0;
    for (char *line = events; line != NULL && *line != '\0';) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (strncmp(line, "oom_kill ", 9) == 0 && !wc_number(line + 9, UINT64_MAX, &count))
            count = 0;
        line = next;
    }
    return count;
}

/* What a machine ended of, where no status tells. */
static void put_cause(const struct wc_keep *keep, struct wc_text *text)
{
    if (keep->cause[0] == '\0')
        return;
    wc_text_put(text, "\t");
    wc_text_put(text, keep->cause);
}

/* Whether it is to run again at once, as far as its restart policy tells. */
static bool runs_again(const struct wc_keep *keep, unsigned code)
{
    return !keep->leaving && (strcmp(keep->conf.again, "always") == 0 ||
                              (strcmp(keep->conf.again, "failed") == 0 && code != 0));
}

/* Makes a record durable that is in its place already. */
static void sync_record(const struct wc_keep *keep)
{
    int record = openat(keep->lib, WC_KEEPER_EXIT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (record < 0) /* the successor needs it no more */
        return;
    if (fsync(record) != 0 || fsync(keep->lib) != 0) {
        wc_fault("sync", WC_KEEPER_EXIT, errno);
        wc_keep_say(wc_fault_text());
    }
    close(record);
}

static void exited(struct wc_keep *keep)
{
    char record[400], packet[WC_KEEP_PACKET];
    struct wc_text text = WC_TEXT(record), line = WC_TEXT(packet);
    unsigned signal = WIFSIGNALED(keep->init_status) ? (unsigned)WTERMSIG(keep->init_status) : 0;
    if (keep->machine_signal != 0)
        signal = keep->machine_signal; /* the monitor can only exit */
    unsigned code = signal != 0 ? 128 + signal : (unsigned)WEXITSTATUS(keep->init_status);
    uint64_t now = wc_wall_ms();

    wc_keep_log_drain(keep);
    wc_text_num(&text, code);
    wc_text_field(&text, signal);
    wc_text_field(&text, keep->machine_oom ? 1 : oom_kills(keep->conf.oom_file));
    wc_text_field(&text, now);
    wc_text_put(&line, "exited ");
    wc_text_put(&line, record);
    wc_text_field(&text, keep->started_ms);
    put_cause(keep, &text);
    put_cause(keep, &line);
    wc_text_put(&text, "\n");
    bool again = runs_again(keep, code), durable = !keep->leaving && !again;
    if (wc_file_replace(keep->lib, WC_KEEPER_EXIT, record, text.len, durable) != 0) {
        wc_fault("write", WC_KEEPER_EXIT, errno);
        wc_keep_say(wc_fault_text());
    }
    if (!again)
        wc_keep_root_down(keep);
    wc_keep_report(keep, packet);
    if (again) {
        wc_keep_net_leave(keep); /* its address is about to be its successor's */
        wc_keep_root_down(keep);
        sync_record(keep);
    }
    clean_up(keep);
}

/* A machine has been started when its service has. */
static void started(struct wc_keep *keep)
{
    if (keep->conf.machine && !keep->machine_runs)
        return;
    keep->started_ms = wc_wall_ms();
    keep->state = WC_KEEP_RUNNING;
    report_process(keep, "running");
}

/* Decides what the notes taken so far mean. */
static void settle(struct wc_keep *keep)
{
    wc_keep_machine_read(keep); /* what was said before an end comes first */
    if (keep->phase != WC_KEEP_NONE || keep->state == WC_KEEP_SETUP || keep->state == WC_KEEP_OVER)
        return;
    bool boots = keep->conf.machine && keep->state == WC_KEEP_STARTING;
    if (keep->init_gone && boots) {
        unlink(WC_KEEP_RUNTIME_LOG);
        wc_fault(keep->cause[0] != '\0' ? keep->cause : "the machine ended before its service ran",
                 NULL, 0);
        wc_keep_fail(keep, true);
    } else if (keep->init_gone)
        exited(keep);
    else if (boots && keep->want_abort)
        kill(keep->init, SIGKILL);
    else if (boots)
        started(keep);
    else if (keep->want_abort && keep->state == WC_KEEP_CREATED)
        kill(keep->init, SIGKILL); /* our child, not reaped: the pid is its own */
    else if (keep->want_start && keep->state == WC_KEEP_CREATED) {
        keep->state = WC_KEEP_STARTING;
        if (wc_keep_go(&keep->conf))
            started(keep);
        else if (wc_keep_run(keep, WC_KEEP_START) != 0)
            wc_keep_fail(keep, true);
    }
}

static int learn_init(struct wc_keep *keep)
{
    char text[24];
    uint64_t pid = 0;
    ssize_t len = wc_file_read(AT_FDCWD, "pid", text, sizeof text);
    if (len < 0)
        return wc_fault("read the runtime's", "pid", errno);
    text[strcspn(text, "\n")] = '\0';
    if (!wc_number(text, INT32_MAX, &pid) || pid == 0)
        return wc_fault("bad pid file of the runtime:", text, 0);
    keep->init = (pid_t)pid;
    for (unsigned i = 0; i < keep->n_orphans; i++)
        if (keep->orphans[i].pid == keep->init) {
            keep->init_gone = true;
            keep->init_status = keep->orphans[i].status;
        }
    if (!keep->init_gone && !wc_proc_starttime(keep->init, &keep->init_starttime))
        return wc_fault("the created process is gone", NULL, 0);
    return 0;
}

static void created(struct wc_keep *keep)
{
    if ((keep->conf.tty && wc_keep_tty_take(keep) != 0) || learn_init(keep) != 0) {
        wc_keep_fail(keep, true);
        return;
    }
    close(keep->child_stdin); /* the container has its own copies now */
    close(keep->child_out);
    close(keep->child_err);
    keep->child_stdin = keep->child_out = keep->child_err = -1;
    wc_keep_taps_close(keep);
    keep->state = WC_KEEP_CREATED;
    report_process(keep, "created");
}

static void runtime_ended(struct wc_keep *keep, int status)
{
    enum wc_keep_phase phase = keep->phase;
    keep->runtime_pid = 0;
    if (phase == WC_KEEP_DELETE) {
        keep->done = true;
        return;
    }
    if (status != 0) {
        wc_keep_run_fault(keep, status);
        wc_keep_fail(keep, true);
        return;
    }
    keep->phase = WC_KEEP_NONE;
    if (phase == WC_KEEP_CREATE) {
        created(keep);
    } else {
        started(keep);
    }
}

void wc_keep_on_child(struct wc_keep *keep, pid_t pid, int status)
{
    if (pid == keep->runtime_pid) {
        runtime_ended(keep, status);
    } else if (pid == keep->init) {
        keep->init_gone = true;
        keep->init_status = status;
    } else if (keep->init == 0 && keep->n_orphans < WC_KEEP_ORPHANS) {
        keep->orphans[keep->n_orphans].pid = pid;
        keep->orphans[keep->n_orphans++].status = status;
    }
    settle(keep);
}

void wc_keep_on_word(struct wc_keep *keep)
{
    settle(keep);
}

void wc_keep_on_start(struct wc_keep *keep)
{
    keep->want_start = true;
    settle(keep);
}

void wc_keep_on_abort(struct wc_keep *keep)
{
    if (keep->state != WC_KEEP_RUNNING) /* then it is to be stopped, with its grace */
        keep->want_abort = true;
    settle(keep);
}
