/* exec.c - EXEC: a program inside a running instance, by wcompose-join.
 *
 * The program gets a session of its own, so that a deadline ends what it started as well. Output is
 * kept up to the size of op->output and read on to the end, so that nobody blocks on a full pipe.
 */
#include "drivers/process/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/buf.h"
#include "base/str.h"
#include "drivers/process/once.h"

enum {
    JOIN_OURS = 125, /* join's own failures */
    ENV_FD = 3,
    KILL_PATIENCE_MS = 1000
};

struct wc_exec {
    struct wc_exec *next;
    struct wc_inst *inst;
    struct wc_op *op;
    uv_process_t process;
    uv_pipe_t out;
    uv_timer_t deadline;
    const char **argv;
    struct wc_once once; /* name NULL: as often as it is asked for */
    char scratch[4096];
    size_t len;
    int64_t status;
    int signal;
    bool spawned, ended, late, cancelled;
    unsigned open; /* handles not closed yet */
};

static void forget(struct wc_exec *exec)
{
    struct wc_process *driver = exec->inst->driver;
    struct wc_exec **at = &driver->execs;
    while (*at != exec)
        at = &(*at)->next;
    *at = exec->next;
    wc_free((void *)exec->argv);
    wc_free(exec);
}

static void finish(struct wc_exec *exec)
{
    struct wc_inst *inst = exec->inst;
    struct wc_op *op = exec->op;
    struct wc_err err = { 0 };
    int rc = 0;
    op->exit_code = exec->signal != 0 ? 128 + exec->signal : (int)exec->status;
    if (exec->cancelled)
        rc = wc_err_set(&err, WC_ERR_CANCELLED, 0, "the command was given up");
    else if (exec->late)
        rc = wc_err_set(&err, WC_ERR_TIMEOUT, 0, "the command did not end in time");
    else if (op->exit_code == JOIN_OURS)
        rc = wc_err_set(&err, WC_ERR_FAILED, 0, "cannot run in it: %.*s",
                        (int)strcspn(op->output, "\n"), op->output);
    bool began = exec->spawned && op->exit_code != JOIN_OURS;
    if (exec->once.name != NULL && !began)
        wc_once_forget(&exec->once);
    else if (exec->once.name != NULL && !exec->cancelled)
        wc_once_end(&exec->once, op->exit_code);
    inst->n_execs--;
    struct wc_process *driver = inst->driver;
    forget(exec);
    wc_process_finish(driver, op, rc, &err);
    wc_inst_next(inst);
    wc_process_settle(driver);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_exec *exec = handle->data;
    if (--exec->open == 0)
        finish(exec);
}

static void close_all(struct wc_exec *exec)
{
    uv_handle_t *handles[] = { (uv_handle_t *)&exec->process, (uv_handle_t *)&exec->out,
                               (uv_handle_t *)&exec->deadline };
    for (size_t i = 0; i < WC_COUNT(handles); i++)
        if (handles[i]->data != NULL && !uv_is_closing(handles[i]))
            uv_close(handles[i], on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct wc_exec *exec = handle->data;
    (void)suggested;
    *buf = uv_buf_init(exec->scratch, sizeof exec->scratch);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct wc_exec *exec = stream->data;
    if (got < 0) {
        uv_read_stop(stream);
        return;
    }
    size_t room = sizeof exec->op->output - 1 - exec->len;
    size_t take = (size_t)got < room ? (size_t)got : room;
    memcpy(exec->op->output + exec->len, buf->base, take);
    exec->len += take;
    exec->op->output[exec->len] = '\0';
}

/* What is in the pipe is read before it is closed; who still holds it is not waited for. */
static void read_rest(struct wc_exec *exec)
{
    int fd;
    ssize_t got;
    if (uv_fileno((uv_handle_t *)&exec->out, &fd) != 0)
        return;
    uv_read_stop((uv_stream_t *)&exec->out);
    while (exec->len < sizeof exec->op->output - 1 &&
           (got = read(fd, exec->op->output + exec->len, sizeof exec->op->output - 1 - exec->len)) >
               0)
        exec->len += (size_t)got;
    exec->op->output[exec->len] = '\0';
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct wc_exec *exec = process->data;
    exec->status = status;
    exec->signal = signal;
    exec->ended = true;
    read_rest(exec);
    close_all(exec);
}

static void on_patience_over(uv_timer_t *timer)
{
    const struct wc_exec *exec = timer->data;
    if (!exec->ended)
        (void)kill(-exec->process.pid, SIGKILL);
}

static void kill_group(struct wc_exec *exec)
{
    if (!exec->spawned || exec->ended)
        return;
    (void)kill(exec->process.pid, SIGALRM); /* "time is up": join ends its program and reaps it */
    uv_timer_start(&exec->deadline, on_patience_over, KILL_PATIENCE_MS, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    struct wc_exec *exec = timer->data;
    exec->late = true;
    kill_group(exec);
}

static size_t count(const char *const *words)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    return n;
}

/* What a hook adds to the environment, as join takes it: values may be secrets, and everybody may
 * read arguments. -1: nothing to add. */
static int environment_of(const struct wc_hook *hook)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    for (size_t i = 0; i < hook->environment.n; i++) {
        const struct wc_kv *kv = &hook->environment.items[i];
        if (kv->value == NULL)
            continue;
        wc_buf_printf(&text, "%s=%s", kv->key, kv->value);
        wc_buf_add(&text, "", 1);
    }
    if (text.len == 0)
        return -1;
    int fd = memfd_create("wcompose-hook", MFD_CLOEXEC);
    if (fd >= 0 &&
        (write(fd, text.data, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static size_t add_options(const struct wc_hook *hook, bool env, const char **argv, size_t at)
{
    if (hook->user != NULL && hook->user[0] != '\0') {
        argv[at++] = "--user";
        argv[at++] = hook->user;
    }
    if (hook->working_dir != NULL && hook->working_dir[0] != '\0') {
        argv[at++] = "--workdir";
        argv[at++] = hook->working_dir;
    }
    if (hook->privileged)
        argv[at++] = "--privileged";
    if (env) {
        argv[at++] = "--env-fd";
        argv[at++] = "3";
    }
    return at;
}

static int spawn(struct wc_exec *exec, const char *join, const char *run_dir)
{
    const struct wc_hook *hook = exec->op->hook;
    const char *const *words = hook != NULL ? hook->command.items : exec->op->argv;
    size_t n = hook != NULL ? hook->command.n : count(words), at = 0;
    WC_CLEANUP_FD int env = hook != NULL ? environment_of(hook) : -1;
    exec->argv = wc_calloc(n + 12, sizeof *exec->argv);
    exec->argv[at++] = join;
    exec->argv[at++] = "--run";
    exec->argv[at++] = run_dir;
    if (hook != NULL)
        at = add_options(hook, env >= 0, exec->argv, at);
    exec->argv[at++] = "--";
    memcpy(exec->argv + at, words, n * sizeof *exec->argv);
    uv_file ends[2]; /* one pipe for both: what is said keeps its order */
    int rc = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (rc != 0)
        return rc;
    uv_pipe_open(&exec->out, ends[0]);
    uv_stdio_container_t stdio[ENV_FD + 1] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = ends[1] },
        { .flags = UV_INHERIT_FD, .data.fd = ends[1] },
        { .flags = UV_INHERIT_FD, .data.fd = env },
    };
    uv_process_options_t options = {
        .file = join,
        .args = (char **)(uintptr_t)exec->argv,
        .exit_cb = on_exit_of,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = env >= 0 ? ENV_FD + 1 : ENV_FD,
    };
    rc = uv_spawn(exec->inst->driver->loop, &exec->process, &options);
    close(ends[1]);
    return rc;
}

static void begin(struct wc_exec *exec, const char *join)
{
    struct wc_inst *inst = exec->inst;
    struct wc_op *op = exec->op;
    uv_loop_t *loop = inst->driver->loop;
    uv_pipe_init(loop, &exec->out, 0);
    exec->out.data = exec;
    uv_timer_init(loop, &exec->deadline);
    exec->deadline.data = exec;
    exec->open = 2;
    int rc = spawn(exec, join, inst->run_dir);
    exec->process.data = exec;
    exec->open++;
    if (rc != 0) {
        snprintf(op->output, sizeof op->output, "%s: %s\n", join, uv_strerror(rc));
        exec->status = JOIN_OURS;
        close_all(exec);
        return;
    }
    exec->spawned = true;
    uv_read_start((uv_stream_t *)&exec->out, on_alloc, on_read);
    if (op->deadline_ms != 0) {
        uint64_t now = uv_now(loop);
        uv_timer_start(&exec->deadline, on_deadline,
                       op->deadline_ms > now ? op->deadline_ms - now : 0, 0);
    }
}

void wc_begin_exec(struct wc_inst *inst, struct wc_op *op)
{
    struct wc_err err = { 0 };
    op->output[0] = '\0';
    op->exit_code = 0;
    bool asks = op->check != NULL || (op->hook != NULL && op->hook->command.n > 0) ||
                (op->argv != NULL && op->argv[0] != NULL);
    if (inst->life != WC_LIFE_RUNNING || !asks) {
        int rc = inst->life == WC_LIFE_ABSENT
                     ? wc_err_set(&err, WC_ERR_NOENT, 0, "no such instance")
                     : wc_err_set(&err, WC_ERR_STATE, 0, "it is not running");
        wc_process_finish(inst->driver, op, rc, &err);
        return;
    }
    if (op->check != NULL) {
        wc_begin_probe(inst, op);
        return;
    }
    if (inst->frozen) { /* it would stand still as well */
        int rc = wc_err_set(&err, WC_ERR_STATE, 0, "it is paused");
        wc_process_finish(inst->driver, op, rc, &err);
        return;
    }
    struct wc_once once = { inst->run_dir, op->once, inst->pid, inst->starttime };
    int before = op->once == NULL ? 0 : wc_once_begin(&once, &op->exit_code, &err);
    if (before != 0) {
        wc_process_finish(inst->driver, op, before > 0 ? 0 : before, &err);
        return;
    }
    struct wc_exec *exec = wc_calloc(1, sizeof *exec);
    exec->once = once;
    exec->inst = inst;
    exec->op = op;
    exec->next = inst->driver->execs;
    inst->driver->execs = exec;
    inst->n_execs++;
    struct wc_arena arena;
    wc_arena_init(&arena);
    begin(exec, wc_arena_printf(&arena, "%s/wcompose-join", inst->driver->paths->bin));
    wc_arena_deinit(&arena);
}

void wc_execs_cancel(struct wc_process *driver)
{
    for (struct wc_exec *exec = driver->execs; exec != NULL; exec = exec->next) {
        exec->cancelled = true;
        kill_group(exec);
    }
}
