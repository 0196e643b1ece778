/* cmd_session.c - a call, its events on the screen, Ctrl-C.
 *
 * Signals are taken from a descriptor, so that they are one more thing to wait for and no handler
 * runs in the middle of anything.
 */
#include "cli/cmd_session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

uint64_t wc_session_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Opening --------------------------------------------------------------------------------------*/

static int take_signals(struct wc_session *session)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    session->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (session->signal_fd >= 0)
        return 0;
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_IO, errno, "watch for signals");
    return wc_cli_fail(session->cli, &err);
}

int wc_session_open(struct wc_session *session, const char *title, bool spawn)
{
    struct wc_err err = { 0 };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    session->began_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    session->signal_fd = -1;
    int status = wc_cli_paths(session->cli, &session->paths);
    if (status != 0)
        return status;
    int rc = wc_client_open(&session->paths, session->project, spawn, &session->client, &err);
    if (rc != 0)
        return wc_cli_fail(session->cli, &err);
    session->ui = wc_ui_new(session->cli, title, session->project);
    return take_signals(session);
}

void wc_session_close(struct wc_session *session)
{
    wc_client_close(session->client);
    wc_ui_free(session->ui);
    if (session->signal_fd >= 0)
        close(session->signal_fd);
    session->client = NULL;
    session->ui = NULL;
    session->signal_fd = -1;
}

bool wc_session_is_known(const struct wc_session *session)
{
    struct wc_arena *arena = session->cli->arena;
    return wc_fs_exists(wc_paths_project_lib(&session->paths, arena, session->project)) ||
           wc_fs_exists(wc_paths_project_run(&session->paths, arena, session->project));
}

int wc_session_signal(struct wc_session *session)
{
    struct signalfd_siginfo info;
    if (read(session->signal_fd, &info, sizeof info) != sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

/* Answers --------------------------------------------------------------------------------------*/

/* "failed" is the engine's last word on an instance and wins; before it, the first bad news. */
static void note_failure(struct wc_session *session, const struct wc_event *event)
{
    struct wc_session_failure *failure = &session->failure;
    struct wc_arena *arena = session->cli->arena;
    if (event->type != WC_EVENT_INSTANCE || event->service == NULL)
        return;
    bool is_final = wc_streq(event->action, "failed");
    bool is_bad = is_final || wc_streq(event->action, "unhealthy") ||
                  (wc_streq(event->action, "exited") && event->exit_code != 0);
    if (!is_bad || failure->is_final || (failure->service != NULL && !is_final))
        return;
    const char *cause = event->reason;
    if (cause == NULL && wc_streq(event->action, "exited"))
        cause = wc_arena_printf(arena, "exited %d", event->exit_code);
    *failure = (struct wc_session_failure){
        .service = wc_arena_strdup(arena, event->service),
        .index = event->index,
        .level = event->level,
        .cause = wc_arena_strdup(arena, cause != NULL ? cause : event->action),
        .is_final = is_final,
    };
}

void wc_session_answer(void *data, const struct wc_answer *answer)
{
    struct wc_session *session = data;
    if (answer->dropped > 0)
        wc_cli_warn(session->cli, "%llu events were left out: this screen is too slow",
                    (unsigned long long)answer->dropped);
    if (answer->event != NULL) {
        note_failure(session, answer->event);
        session->is_shown = session->is_shown || !session->is_muted;
        if (!session->is_muted)
            wc_ui_event(session->ui, answer->event, wc_session_now());
        if (session->on_event != NULL)
            session->on_event(session->data, answer->event);
    }
    if (answer->done && (answer->id == session->id || answer->id == 0)) {
        session->is_done = true;
        session->code = answer->code;
        session->changed = answer->changed;
        session->is_leaving = answer->leaving;
        session->error = wc_arena_strdup(session->cli->arena, answer->error);
    }
}

/* Calling --------------------------------------------------------------------------------------*/

int wc_session_send(struct wc_session *session, struct wc_call *call)
{
    struct wc_err err = { 0 };
    call->events = !session->is_subscribed;
    session->is_done = false;
    int rc = wc_client_send(session->client, call, &session->id, &err);
    return rc == 0 ? 0 : wc_cli_fail(session->cli, &err);
}

/* One wait until the ui wants to draw again, at the latest until `deadline_ms` (0 = none). */
static int wait_a_while(struct wc_session *session, uint64_t deadline_ms, struct wc_err *err)
{
    enum { FIRST_DRAW_MS = 100 };
    uint64_t now = wc_session_now();
    unsigned tick_ms = FIRST_DRAW_MS;
    if (session->is_shown)
        tick_ms = wc_ui_tick(session->ui, now);
    uint64_t until = tick_ms > 0 ? now + tick_ms : deadline_ms;
    if (deadline_ms != 0 && until > deadline_ms)
        until = deadline_ms;
    struct wc_client_waiting waiting = { .id = session->id,
                                         .interrupt_fd = session->signal_fd,
                                         .deadline_ms = until,
                                         .answer = wc_session_answer,
                                         .data = session };
    int rc = wc_client_wait(session->client, &waiting, err);
    if (rc != WC_ERR_TIMEOUT)
        return rc;
    session->is_shown = true;
    return deadline_ms != 0 && wc_session_now() >= deadline_ms ? WC_ERR_TIMEOUT : 0;
}

int wc_session_call(struct wc_session *session, struct wc_call *call, uint64_t limit_ms)
{
    struct wc_err err = { 0 };
    uint64_t deadline_ms = limit_ms != 0 ? wc_session_now() + limit_ms : 0;
    session->limit_ms = limit_ms;
    int rc = wc_session_send(session, call);
    if (rc != 0)
        return rc;
    while (rc == 0 && !session->is_done)
        rc = wait_a_while(session, deadline_ms, &err);
    if (rc == WC_ERR_CANCELLED)
        session->caught = wc_session_signal(session);
    if (rc == 0 || rc == WC_ERR_CANCELLED || rc == WC_ERR_TIMEOUT)
        return rc;
    wc_session_finish(session);
    return wc_cli_fail(session->cli, &err);
}

void wc_session_finish(struct wc_session *session)
{
    if (session->is_shown && session->ui != NULL)
        wc_ui_finish(session->ui, wc_session_now());
    session->is_shown = false;
}

int wc_session_status(struct wc_session *session, const char *verb, int rc)
{
    wc_session_finish(session);
    if (rc > 0)
        return rc;
    if (rc == WC_ERR_CANCELLED) {
        wc_cli_note(session->cli,
                    "interrupted; %s goes on in the background (wcompose ps shows "
                    "it, wcompose down undoes it)",
                    verb);
        return session->caught == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    }
    if (rc == WC_ERR_TIMEOUT)
        return wc_session_overdue(session);
    if (session->code == 0)
        return WC_EXIT_OK;
    return wc_session_report(session, verb, session->code, session->error);
}
