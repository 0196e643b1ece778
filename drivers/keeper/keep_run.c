/* keep_run.c - the OCI runtime as a child, and what it says when it fails.
 *
 * Only create gets the container's stdio, since the container inherits it. A runtime's own words go
 * to a log file (JSON, the one format that crun and runc share); what it still writes to stderr
 * during a failed create would land in the container's FIFO, and no program of the container can
 * have written there yet, so it is moved to keeper.err.
 *
 * A runtime must not be overwritten by way of /proc/PID/exe of what it starts, so crun begins each
 * run by a copy of itself and executes that: two mounts, an unmount that waits for RCU, and all its
 * libraries linked twice. Run from sealed memory it sees that there is nothing to fear.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"

static const char *const phase_names[] = {
    [WC_KEEP_NONE] = "",
    [WC_KEEP_CREATE] = "create",
    [WC_KEEP_START] = "start",
    [WC_KEEP_DELETE] = "delete",
};

enum { SEALED_ABOVE = 60 };

static volatile int exec_errno; /* written by the vfork child, which shares our memory */

static void become_runtime(const struct wc_keep *keep, char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022); /* what the runtime makes inside for mounts is for everybody there */
    if (keep->phase == WC_KEEP_CREATE) {
        dup2(keep->child_stdin, 0);
        dup2(keep->child_out, 1);
        dup2(keep->child_err, 2);
        wc_keep_taps_hand_down(keep);
    }
    if (keep->sealed >= 0) {
        static char *const no_env[] = { NULL };
        char *const *env = environ != NULL ? environ : no_env;
        syscall(SYS_execveat, keep->sealed, "", argv, env, AT_EMPTY_PATH);
    }
    execv(argv[0], argv);
    exec_errno = errno;
    _exit(127);
}

void wc_keep_run_seal(struct wc_keep *keep, int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals >= 0 && (seals & WC_SEALS_ALL) == WC_SEALS_ALL && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        keep->sealed = fcntl(fd, F_DUPFD_CLOEXEC, SEALED_ABOVE); /* taps come below */
}

int wc_keep_run(struct wc_keep *keep, enum wc_keep_phase phase)
{
    const struct wc_keep_conf *conf = &keep->conf;
    char log[4200], pid_file[4200], console[48], taps[16];
    struct wc_text log_text = WC_TEXT(log), pid_text = WC_TEXT(pid_file);
    struct wc_text console_text = WC_TEXT(console), taps_text = WC_TEXT(taps);
    const char *argv[20] = { conf->runtime,  "--root", conf->runtime_root, "--log", log,
                             "--log-format", "json",   phase_names[phase] };
    size_t n = 8;
    wc_text_put(&log_text, keep->run);
    wc_text_put(&log_text, "/" WC_KEEP_RUNTIME_LOG);
    wc_text_put(&pid_text, keep->run);
    wc_text_put(&pid_text, "/pid");
    if (phase == WC_KEEP_CREATE) {
        argv[n++] = "--bundle";
        argv[n++] = conf->bundle;
        argv[n++] = "--pid-file";
        argv[n++] = pid_file;
    }
    if (phase == WC_KEEP_CREATE && conf->tty) { /* by way of /proc: a socket's name is short */
        wc_text_put(&console_text, "/proc/");
        wc_text_num(&console_text, (uint64_t)getpid());
        wc_text_put(&console_text, "/cwd/console.sock");
        argv[n++] = "--console-socket";
        argv[n++] = console;
    }
    if (phase == WC_KEEP_CREATE && keep->n_taps > 0) {
        wc_text_num(&taps_text, keep->n_taps);
        argv[n++] = "--preserve-fds";
        argv[n++] = taps;
    }
    if (phase == WC_KEEP_DELETE)
        argv[n++] = "--force";
    argv[n] = conf->id;

    unlink(WC_KEEP_RUNTIME_LOG);
    keep->phase = phase;
    exec_errno = 0;
    pid_t pid = vfork();
    if (pid == 0)
        become_runtime(keep, (char **)argv);
    if (pid < 0) {
        keep->phase = WC_KEEP_NONE;
        return wc_fault("run", conf->runtime, errno);
    }
    keep->runtime_pid = pid;
    return 0;
}

/* Copies a JSON string's text up to its closing quote; escapes other than \n and \" stay plain. */
static void unescape(struct wc_text *out, const char *s)
{
    for (; *s != '\0' && *s != '"'; s++) {
        char c = *s;
        if (c == '\\' && s[1] != '\0') {
            c = *++s;
            if (c == 'n' || c == 't')
                c = ' ';
        }
        wc_text_putn(out, &c, 1);
    }
}

/* The message of the last record in the runtime's log. */
static bool last_log_message(struct wc_text *out)
{
    char tail[2048];
    int fd = open(WC_KEEP_RUNTIME_LOG, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)sizeof tail - 1 ? size - (off_t)sizeof tail + 1 : 0;
    ssize_t len = pread(fd, tail, sizeof tail - 1, from);
    close(fd);
    if (len <= 0)
        return false;
    tail[len] = '\0';
    const char *found = NULL;
    for (const char *at = tail; (at = strstr(at, "\"msg\"")) != NULL; at++)
        found = at;
    if (found != NULL)
        found = strchr(found + 5, '"'); /* after the colon, with or without a space */
    if (found != NULL)
        unescape(out, found + 1);
    return out->len > 0;
}

/* Moves what waits in the container's stderr to keeper.err and keeps its last line. */
static bool last_stderr_line(struct wc_keep *keep, struct wc_text *out)
{
    char said[2048];
    ssize_t len = keep->streams[1].fd < 0 ? -1 : read(keep->streams[1].fd, said, sizeof said - 1);
    if (len <= 0)
        return false;
    wc_file_write_all(2, said, (size_t)len);
    while (len > 0 && (said[len - 1] == '\n' || said[len - 1] == '\r'))
        len--;
    said[len] = '\0';
    const char *newline = strrchr(said, '\n');
    wc_text_put(out, newline == NULL ? said : newline + 1);
    return out->len > 0;
}

void wc_keep_run_fault(struct wc_keep *keep, int status)
{
    char message[400];
    struct wc_text text = WC_TEXT(message);
    message[0] = '\0';
    if (exec_errno != 0) {
        wc_fault("run", keep->conf.runtime, exec_errno);
        return;
    }
    bool known = last_log_message(&text);
    struct wc_text said = WC_TEXT(message); /* moves it even if the log told us */
    if (!known)
        known = keep->phase == WC_KEEP_CREATE && last_stderr_line(keep, &said);
    else if (keep->phase == WC_KEEP_CREATE) {
        char unused[8];
        struct wc_text nowhere = WC_TEXT(unused);
        last_stderr_line(keep, &nowhere);
    }
    if (!known) {
        wc_text_put(&text, keep->conf.runtime);
        wc_text_put(&text, " ");
        wc_text_put(&text, phase_names[keep->phase]);
        wc_text_put(&text, ": wait status");
        wc_text_field(&text, (uint64_t)status);
    }
    wc_fault(message, NULL, 0);
}
