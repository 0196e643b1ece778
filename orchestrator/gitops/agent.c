/* agent.c - who is due, and how many at a time.
 *
 * A pass is a process: it blocks on networks and supervisors, may be killed, and takes its memory
 * with it. (Rejected: passes as threads of the agent. A leak, a crash or a stuck resolver of one
 * app would be everybody's.)
 */
#include "orchestrator/gitops/agent_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"

enum { LEAVE_MS = 10000, BROKEN_MS = 30000, SOONEST_MS = 1000, LONGEST_MS = 3600000 };
enum { BUSY_MAX = 3 }; /* times that the wait for another pass doubles */
enum { EXIT_REJECTED = 3, EXIT_AGAIN = 69, EXIT_BUSY = 75 }; /* docs/exit-codes.md */

int64_t wc_agent_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wc_agent_say(struct wc_gitops_loop *loop, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    loop->config->say(loop->config->data, line);
}

struct wc_loop_app *wc_agent_find(const struct wc_gitops_loop *loop, const char *name)
{
    for (size_t i = 0; i < loop->n_apps; i++)
        if (loop->apps[i]->is_listed && wc_streq(loop->apps[i]->name, name))
            return loop->apps[i];
    return NULL;
}

void wc_agent_tell(struct wc_loop_app *app)
{
    app->is_forced = true;
    if (app->is_running) {
        app->again = true; /* it may be about to end */
        uv_process_kill(&app->process, SIGURG);
    } else {
        app->is_due = true;
    }
}

/* After a pass ---------------------------------------------------------------------------------*/

/* Those that wait for an app that has just become Ready needn't wait for their interval too. */
static void tell_dependents(const struct wc_loop_app *app)
{
    const struct wc_gitops_loop *loop = app->loop;
    for (size_t i = 0; i < loop->agent.n_apps; i++) {
        const struct wc_agent_app *other = &loop->agent.apps[i];
        struct wc_loop_app *slot = wc_agent_find(loop, other->name);
        for (size_t k = 0; slot != NULL && k < other->depends_on.n; k++)
            if (wc_streq(other->depends_on.items[k], app->name))
                wc_agent_tell(slot);
    }
}

/* Takes over what the pass left in its record. */
static void read_record(struct wc_loop_app *app, bool is_first)
{
    struct wc_gitops_loop *loop = app->loop;
    struct wc_gitops_record record;
    struct wc_arena arena;
    struct wc_err err = { 0 };
    wc_arena_init(&arena);
    const char *dir = wc_gitops_dir(loop->config->paths, &arena, app->name);
    if (wc_gitops_record_read(dir, &arena, &record, &err) != 0) {
        wc_agent_say(loop, "%s: %s", app->name, err.msg);
        app->wake_at_ms = wc_agent_wall_ms() + BROKEN_MS;
    } else {
        const struct wc_gitops_condition *now = record.memory.conditions;
        bool was_ready = app->known[WC_GITOPS_READY].status == WC_GITOPS_TRUE;
        bool is_ready = now[WC_GITOPS_READY].status == WC_GITOPS_TRUE;
        app->wake_at_ms = record.memory.wake_at_ms;
        if (!is_first || app->has_told)
            wc_agent_notify(app, now, record.seen.name);
        wc_agent_count(app, &record, is_first);
        memcpy(app->known, now, sizeof app->known);
        app->generation = record.memory.generation;
        app->failures = record.memory.failures;
        app->looked_at_ms = record.memory.looked_at_ms;
        if (!is_first && is_ready && !was_ready)
            tell_dependents(app);
    }
    wc_arena_deinit(&arena);
}

static void on_process_closed(uv_handle_t *handle)
{
    struct wc_loop_app *app = handle->data;
    struct wc_gitops_loop *loop = app->loop;
    app->n_handles--;
    app->has_process = false;
    wc_agent_release(app);
    wc_agent_pump(loop); /* it may have been told meanwhile */
}

/* No sooner than that, unless it is told. */
static void wait_at_least(struct wc_loop_app *app, int64_t wait_ms)
{
    int64_t at_ms = wc_agent_wall_ms() + wait_ms;
    if (app->wake_at_ms != 0 && app->wake_at_ms < at_ms)
        app->wake_at_ms = at_ms;
}

/* Another pass has the app: one that was started by hand, or by an agent that was killed. It may
 * not have got as far as to write down when the next one is due, and may have looked at the source
 * before what we were told of was there. */
static void ask_again(struct wc_loop_app *app)
{
    int64_t wait_ms = (int64_t)SOONEST_MS << app->n_busy;
    app->is_forced = app->is_forced || app->was_forced;
    app->wake_at_ms = wc_agent_wall_ms() + wait_ms;
    app->n_busy += app->n_busy < BUSY_MAX;
}

/* Whether the record says when the next pass is due. */
static bool has_concluded(const struct wc_loop_app *app, int64_t status, int signal)
{
    bool has_failed = status == EXIT_AGAIN && app->wake_at_ms != 0;
    return signal == 0 && (status == 0 || status == EXIT_REJECTED || has_failed);
}

static void count_pass(struct wc_loop_app *app, int64_t status, int signal)
{
    wc_histogram_add(&app->counts.took, uv_hrtime() / 1000 - app->started_us);
    app->counts.passes[status == 0 && signal == 0 ? WC_PASS_OK
                       : status == EXIT_REJECTED  ? WC_PASS_REJECTED
                                                  : WC_PASS_FAILED]++;
}

static void schedule(struct wc_loop_app *app, int64_t status, int signal)
{
    if (has_concluded(app, status, signal)) {
        wait_at_least(app, SOONEST_MS);
        return;
    }
    app->wake_at_ms = wc_agent_wall_ms() + BROKEN_MS;
    wc_agent_say(app->loop, "%s: its pass ended with %s %d", app->name,
                 signal != 0 ? "signal" : "status", signal != 0 ? signal : (int)status);
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct wc_loop_app *app = process->data;
    bool is_busy = status == EXIT_BUSY && signal == 0;
    app->is_running = false;
    app->loop->n_running--;
    app->ended_ms = uv_now(&app->loop->uv);
    read_record(app, false);
    wc_agent_heed(app);
    if (app->watch != NULL)
        wc_tree_watch_check(app->watch);
    if (is_busy) {
        ask_again(app);
    } else {
        app->n_busy = 0;
        count_pass(app, status, signal);
        schedule(app, status, signal);
    }
    if (app->again)
        app->is_due = true;
    app->again = false;
    uv_close((uv_handle_t *)process, on_process_closed);
    wc_agent_pump(app->loop);
}

/* Starting passes ------------------------------------------------------------------------------*/

int wc_agent_spawn(struct wc_gitops_loop *loop, uv_process_t *process, char **args,
                   uv_exit_cb on_end)
{
    uv_stdio_container_t stdio[3] = {
        { .flags = UV_IGNORE },
        { .flags = UV_INHERIT_FD, .data.fd = 1 },
        { .flags = UV_INHERIT_FD, .data.fd = 2 },
    };
    const uv_process_options_t options = {
        .file = "/proc/self/exe",
        .args = args,
        .exit_cb = on_end,
        .stdio_count = 3,
        .stdio = stdio,
    };
    return uv_spawn(&loop->uv, process, &options);
}

static void start_pass(struct wc_loop_app *app)
{
    struct wc_gitops_loop *loop = app->loop;
    char *args[] = { (char *)"wcompose",
                     (char *)"reconcile",
                     (char *)"--once",
                     (char *)"--agent-file",
                     (char *)loop->config->file,
                     app->is_forced ? NULL : (char *)"--if-due",
                     NULL,
                     NULL };
    args[app->is_forced ? 5 : 6] = app->name;
    app->process.data = app;
    app->n_handles++;
    app->has_process = true;
    app->is_due = false;
    int rc = wc_agent_spawn(loop, &app->process, args, on_exit);
    if (rc != 0) {
        wc_agent_say(loop, "%s: no pass can be started: %s", app->name, uv_strerror(rc));
        app->wake_at_ms = wc_agent_wall_ms() + BROKEN_MS;
        uv_close((uv_handle_t *)&app->process, on_process_closed);
        return;
    }
    app->started_us = uv_hrtime() / 1000;
    app->is_running = true;
    app->was_forced = app->is_forced;
    app->is_forced = false;
    loop->n_running++;
}

static void on_timer(uv_timer_t *timer)
{
    wc_agent_pump(timer->data);
}

/* The process handle of the last pass may still be closing; its callback comes back here. */
static bool may_start(const struct wc_loop_app *app)
{
    return app->is_listed && app->is_due && !app->has_process;
}

/* A clock that was set back would have everybody wait for a time that was near and is far now; the
 * timer, which doesn't follow that clock, comes when it would have been. */
static bool was_set_back(struct wc_gitops_loop *loop, int64_t now_ms)
{
    bool is_back = now_ms + SOONEST_MS < loop->clock_ms;
    loop->clock_ms = now_ms;
    return is_back;
}

void wc_agent_pump(struct wc_gitops_loop *loop)
{
    int64_t now_ms = wc_agent_wall_ms(), next_ms = now_ms + LONGEST_MS;
    if (loop->is_leaving)
        return;
    bool is_back = was_set_back(loop, now_ms);
    for (size_t i = 0; i < loop->n_apps; i++) {
        struct wc_loop_app *app = loop->apps[i];
        if (!app->is_running && app->wake_at_ms != 0 && (app->wake_at_ms <= now_ms || is_back))
            app->is_due = true;
        if (may_start(app) && loop->n_running < (unsigned)loop->agent.runners)
            start_pass(app);
        if (app->is_listed && !app->is_running && !app->is_due && app->wake_at_ms != 0 &&
            app->wake_at_ms < next_ms)
            next_ms = app->wake_at_ms;
    }
    uint64_t wait_ms = next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 1;
    uv_timer_start(&loop->timer, on_timer, wait_ms, 0);
}

void wc_agent_release(struct wc_loop_app *app)
{
    struct wc_gitops_loop *loop = app->loop;
    if (app->n_handles > 0 || (app->is_listed && !loop->is_leaving))
        return;
    for (size_t i = 0; i < loop->n_apps; i++)
        if (loop->apps[i] == app)
            loop->apps[i] = loop->apps[--loop->n_apps];
    wc_free(app->name);
    wc_free(app);
}

/* Leaving --------------------------------------------------------------------------------------*/

static void close_if_open(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void signal_passes(const struct wc_gitops_loop *loop, int number)
{
    for (size_t i = 0; i < loop->n_apps; i++)
        if (loop->apps[i]->is_running)
            uv_process_kill(&loop->apps[i]->process, number);
}

static void on_leave_late(uv_timer_t *timer)
{
    signal_passes(timer->data, SIGKILL);
}

static void leave(struct wc_gitops_loop *loop)
{
    if (loop->is_leaving)
        return;
    loop->is_leaving = true;
    wc_notify_send(&loop->notify, "STOPPING=1\nSTATUS=leaves; apps live on");
    wc_notify_close(&loop->notify);
    signal_passes(loop, SIGTERM);
    uv_timer_start(&loop->leave_timer, on_leave_late, LEAVE_MS, 0);
    uv_unref((uv_handle_t *)&loop->leave_timer); /* it waits for passes, not for itself */
    close_if_open((uv_handle_t *)&loop->timer);
    close_if_open((uv_handle_t *)&loop->reload_timer);
    close_if_open((uv_handle_t *)&loop->inputs_timer);
    close_if_open((uv_handle_t *)&loop->file_watch);
    wc_agent_inputs_close(loop);
    if (loop->has_control)
        close_if_open((uv_handle_t *)&loop->control);
    wc_agent_hook(loop);
    wc_agent_notify_close(loop);
    wc_agent_prune_close(loop);
    for (size_t i = 0; i < WC_COUNT(loop->signals); i++)
        close_if_open((uv_handle_t *)&loop->signals[i]);
    for (size_t i = loop->n_apps; i-- > 0;) {
        struct wc_loop_app *app = loop->apps[i];
        wc_agent_unwatch(app);
        wc_agent_unheed(app);
        wc_agent_release(app);
    }
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct wc_gitops_loop *loop = signal->data;
    if (number != SIGHUP)
        leave(loop);
    else if (wc_agent_reload(loop) == 0)
        wc_agent_pump(loop);
}

/* Starting -------------------------------------------------------------------------------------*/

static void on_reload(uv_timer_t *timer)
{
    struct wc_gitops_loop *loop = timer->data;
    if (wc_agent_reload(loop) == 0)
        wc_agent_pump(loop);
}

/* Editors write in several steps; the last one counts. */
static void on_file(uv_fs_event_t *watch, const char *name, int events, int status)
{
    enum { SETTLE_MS = 200 };
    struct wc_gitops_loop *loop = watch->data;
    const char *own = strrchr(loop->config->file, '/') + 1;
    (void)events;
    if (status == 0 && (name == NULL || wc_streq(name, own)))
        uv_timer_start(&loop->reload_timer, on_reload, SETTLE_MS, 0);
}

static int watch_file(struct wc_gitops_loop *loop, struct wc_err *err)
{
    char dir[4096];
    const char *end = strrchr(loop->config->file, '/');
    snprintf(dir, sizeof dir, "%.*s",
             end == loop->config->file ? 1 : (int)(end - loop->config->file), loop->config->file);
    int rc = uv_fs_event_start(&loop->file_watch, on_file, dir, 0);
    return rc == 0 ? 0 : wc_err_set(err, WC_ERR_IO, -rc, "watch %s", dir);
}

static void init_handles(struct wc_gitops_loop *loop)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    uv_timer_init(&loop->uv, &loop->timer);
    uv_timer_init(&loop->uv, &loop->reload_timer);
    uv_timer_init(&loop->uv, &loop->leave_timer);
    uv_timer_init(&loop->uv, &loop->prune_timer);
    uv_timer_init(&loop->uv, &loop->inputs_timer);
    loop->prune_timer.data = loop->inputs_timer.data = loop;
    uv_fs_event_init(&loop->uv, &loop->file_watch);
    loop->timer.data = loop->reload_timer.data = loop->leave_timer.data = loop;
    loop->file_watch.data = loop;
    for (size_t i = 0; i < WC_COUNT(numbers); i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
        uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
    }
}

static int take_lock(struct wc_gitops_loop *loop, struct wc_err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/gitops", loop->config->paths->run);
    int rc = wc_fs_mkdirs(path, 0700, err);
    if (rc != 0)
        return rc;
    snprintf(path, sizeof path, "%s/gitops/agent.lock", loop->config->paths->run);
    loop->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (loop->lock_fd < 0)
        return wc_err_set(err, WC_ERR_IO, errno, "open %s", path);
    if (flock(loop->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return wc_err_set(err, WC_ERR_CONFLICT, 0, "another agent is running");
    return 0;
}

static int open_all(struct wc_gitops_loop *loop, struct wc_err *err)
{
    int rc = watch_file(loop, err); /* before it is read: no change is missed */
    if (rc == 0 && (rc = wc_agent_reload(loop)) != 0)
        (void)wc_err_set(err, rc, 0, "%s can't be used", loop->config->file);
    if (rc == 0)
        wc_agent_notify_open(loop);
    if (rc == 0)
        rc = wc_agent_listen(loop, err);
    for (size_t i = 0; rc == 0 && i < loop->n_apps; i++) {
        read_record(loop->apps[i], true);
        wc_agent_heed(loop->apps[i]);
    }
    return rc;
}

int wc_gitops_agent(const struct wc_gitops_agent_config *config, struct wc_err *err)
{
    struct wc_gitops_loop loop = { .config = config, .lock_fd = -1 };
    int rc = take_lock(&loop, err);
    if (rc == 0 && uv_loop_init(&loop.uv) != 0)
        rc = wc_err_set(err, WC_ERR_IO, 0, "make an event loop");
    if (rc == 0) {
        wc_arena_init(&loop.arena);
        init_handles(&loop);
        wc_notify_open(&loop.notify, &loop.uv);
        rc = open_all(&loop, err);
        if (rc == 0) {
            wc_notify_send(&loop.notify, "READY=1\nSTATUS=keeps apps on their sources");
            wc_agent_say(&loop, "%zu apps are followed", loop.n_apps);
            wc_agent_pump(&loop);
        } else {
            leave(&loop);
        }
        uv_run(&loop.uv, UV_RUN_DEFAULT);
        close_if_open((uv_handle_t *)&loop.leave_timer);
        uv_run(&loop.uv, UV_RUN_DEFAULT);
        (void)uv_loop_close(&loop.uv);
        wc_arena_deinit(&loop.arena);
        wc_free(loop.apps);
    }
    if (loop.lock_fd >= 0)
        close(loop.lock_fd);
    return rc;
}
