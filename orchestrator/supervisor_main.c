/* supervisor_main.c - the process: what `wcompose supervise` runs. */
#include "wcompose/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/paths.h"
#include "orchestrator/supervisor_notify.h"
#include "orchestrator/supervisor_priv.h"
#include "wcompose/client.h"
#include "wcompose/driver.h"
#include "wcompose/image.h"

enum {
    FIRST_CLIENT_MS = 10000,
    LOCK_WAIT_S = 10,
    LOG_MAX_BYTES = 1024 * 1024,
};

struct process {
    uv_loop_t loop;
    uv_signal_t signals[2];  /* SIGTERM, SIGINT */
    struct wc_notify notify; /* the service manager that started us, if one did */
    struct wc_supervisor *sup;
    int ready_fd;
    int status;
};

static void tell(struct process *process, int status, const struct wc_err *err)
{
    char line[400] = "ready\n";
    if (status != 0)
        snprintf(line, sizeof line, "error %d %s\n", status, err->msg);
    if (status != 0)
        wc_log(WC_LOG_ERROR, "supervisor", "%s", err->msg);
    process->status = status == 0 ? 0 : wc_err_exit_status(status);
    if (process->ready_fd < 0)
        return;
    ssize_t n = write(process->ready_fd, line, strlen(line));
    if (n < 0)
        wc_log(WC_LOG_INFO, "supervisor", "nobody waits for us: %s", strerror(errno));
    close(process->ready_fd);
    process->ready_fd = -1;
}

/* What `systemctl status` shows. */
static void notify(const struct process *process, int status, const struct wc_err *err)
{
    char lines[400];
    if (status == 0)
        snprintf(lines, sizeof lines, "READY=1\nSTATUS=looks after the project");
    else
        snprintf(lines, sizeof lines, "STATUS=%s", err->msg);
    wc_notify_send(&process->notify, lines);
}

static void on_ready(void *data, int status, const struct wc_err *err)
{
    tell(data, status, err);
    notify(data, status, err);
}

static void on_ended(void *data)
{
    struct process *process = data;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&process->signals[i], NULL);
    wc_notify_send(&process->notify, "STOPPING=1");
    wc_notify_close(&process->notify);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct process *process = signal->data;
    wc_log(WC_LOG_INFO, "supervisor", "signal %d: leaving, instances live on", number);
    wc_notify_send(&process->notify, "STOPPING=1\nSTATUS=leaves; instances live on");
    wc_supervisor_end(process->sup);
}

static void watch_signals(struct process *process)
{
    static const int numbers[2] = { SIGTERM, SIGINT };
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&process->loop, &process->signals[i]);
        process->signals[i].data = process;
        uv_signal_start(&process->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&process->signals[i]);
    }
}

/* Asks the one that runs to make room. One that has just gone is as good; one that doesn't answer
 * is stuck, and not ours to kill. */
static int ask_to_leave(const struct wc_supervisor_config *config, struct wc_err *err)
{
    struct wc_client *other;
    int rc = wc_client_open(config->paths, config->project, false, &other, err);
    if (rc == WC_ERR_NOENT)
        return 0;
    if (rc != 0)
        return rc;
    const struct wc_call leave = { .verb = WC_CALL_SHUTDOWN,
                                   .timeout_ms = WC_UNSET,
                                   .when_idle = true };
    struct wc_client_waiting waiting = { .interrupt_fd = -1,
                                         .deadline_ms =
                                             uv_hrtime() / 1000000 + LOCK_WAIT_S * 1000 };
    wc_log(WC_LOG_INFO, "supervisor", "%s: another one runs; it is asked to leave",
           config->project);
    rc = wc_client_send(other, &leave, &waiting.id, err);
    if (rc == 0)
        rc = wc_client_wait(other, &waiting, err);
    wc_client_close(other);
    return rc == WC_ERR_UNAVAILABLE ? 0 : rc;
}

static bool relieve(const struct wc_supervisor_config *config)
{
    struct wc_err err = { 0 };
    if (ask_to_leave(config, &err) == 0)
        return true;
    wc_log(WC_LOG_WARN, "supervisor", "%s: the one that runs doesn't leave: %s", config->project,
           err.msg);
    return false;
}

/* Another supervisor may be on its way out: it no longer answers but still has the lock. */
static int start(struct process *process, const struct wc_supervisor_config *config, bool replaces,
                 struct wc_err *err)
{
    struct wc_supervisor_listener listener = { .ready = on_ready,
                                               .ended = on_ended,
                                               .data = process };
    int rc = wc_supervisor_start(config, &listener, &process->sup, err);
    if (rc != WC_ERR_CONFLICT)
        return rc;
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    const char *run_dir = wc_paths_project_run(config->paths, &scratch, config->project);
    bool answers = wc_sup_answers(run_dir);
    if (answers && replaces && relieve(config))
        answers = false;
    if (!answers) {
        wc_sup_wait_lock(run_dir, LOCK_WAIT_S);
        rc = wc_supervisor_start(config, &listener, &process->sup, err);
    }
    wc_arena_deinit(&scratch);
    return rc;
}

static const char *env_or_null(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int open_and_run(struct process *process, const struct wc_supervise *what,
                        struct wc_arena *arena, struct wc_err *err)
{
    struct wc_paths paths;
    struct wc_image_store *images = NULL;
    int rc = wc_paths_find(arena, &paths, err);
    if (rc == 0)
        rc = wc_image_store_open(paths.images, &images, err);
    if (rc != 0)
        return rc;
    struct wc_supervisor_config config = {
        .loop = &process->loop,
        .project = what->project,
        .metrics = what->metrics != NULL ? what->metrics : env_or_null("WCOMPOSE_METRICS"),
        .paths = &paths,
        .images = images,
        .process = wc_driver_for(WC_ISOLATION_PROCESS),
        .hyperv = wc_driver_for(WC_ISOLATION_HYPERV),
        .first_client_ms = FIRST_CLIENT_MS,
        .stays = what->stays,
    };
    watch_signals(process);
    wc_notify_open(&process->notify, &process->loop);
    rc = start(process, &config, what->replaces, err);
    if (rc != 0) {
        notify(process, rc, err);
        on_ended(process);
    }
    uv_run(&process->loop, UV_RUN_DEFAULT);
    wc_image_store_close(images);
    return rc;
}

int wc_supervisor_main(const struct wc_supervise *what)
{
    struct process process = { .ready_fd = what->ready_fd };
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct stat log;
    prctl(PR_SET_NAME, "wcompose-super");
    /* The pool's threads would each get a heap of their own, which grows by an mprotect(2) a page
     * and is never given back. */
    mallopt(M_ARENA_MAX, 1);
    umask(022);
    if (!what->stays) /* a service manager's unit is where it belongs */
        wc_sup_leave_group();
    if (what->ready_fd >= 0)
        fcntl(what->ready_fd, F_SETFD, FD_CLOEXEC);
    if (fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode) && log.st_size > LOG_MAX_BYTES &&
        ftruncate(STDERR_FILENO, 0) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "the log can't be shortened: %s", strerror(errno));
    wc_arena_init(&arena);
    int rc = uv_loop_init(&process.loop);
    if (rc != 0)
        rc = wc_err_set(&err, WC_ERR_IO, -rc, "make an event loop");
    else
        rc = open_and_run(&process, what, &arena, &err);
    if (rc != 0)
        tell(&process, rc, &err);
    else if (uv_loop_close(&process.loop) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "handles are left on the loop");
    wc_arena_deinit(&arena);
    return process.status;
}
