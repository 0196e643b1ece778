/* cmd_attach_up.c - `up` in the foreground: progress, then logs, until everything has ended or
 * Ctrl-C. The supervisor does the work; what is here only looks on, and on Ctrl-C asks for a stop.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/cmd_attach.h"

enum phase { APPLYING, ATTACHED, STOPPING, KILLING, ENDING };

struct attach {
    struct wc_attach_up *up;
    struct wc_session *session;
    struct wc_logread *reader;
    uv_loop_t loop;
    uv_poll_t client, signals;
    uv_timer_t ticker; /* of the ui */
    uv_prepare_t prepare;
    enum phase phase;
    bool is_look_due;  /* an instance ended: is it over? */
    bool is_abort_due; /* one ended that must end all */
    int exit_code;     /* of the first that ended all, or of the one that is asked for */
    bool has_code;     /* that one has ended */
    int status;
};

static void end(struct attach *attach, int status)
{
    if (attach->phase == ENDING)
        return;
    attach->phase = ENDING;
    attach->status = status;
    if (attach->reader != NULL) {
        wc_logread_drain(attach->reader);
        wc_logread_close(attach->reader, NULL, NULL);
    }
    wc_log_print_break(&attach->up->printer);
    uv_close((uv_handle_t *)&attach->client, NULL);
    uv_close((uv_handle_t *)&attach->signals, NULL);
    uv_close((uv_handle_t *)&attach->ticker, NULL);
    uv_close((uv_handle_t *)&attach->prepare, NULL);
}

/* Asks for a stop or a kill of what `up` was about, with a fresh screen. */
static void ask(struct attach *attach, enum phase phase)
{
    struct wc_session *session = attach->session;
    struct wc_cli *cli = session->cli;
    struct wc_call call = {
        .verb = phase == STOPPING ? WC_CALL_STOP : WC_CALL_KILL,
        .services = cli->words,
        .n_services = cli->n_words,
        .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET),
    };
    wc_session_finish(session);
    wc_ui_free(session->ui);
    session->ui = wc_ui_new(cli, phase == STOPPING ? "stop" : "kill", session->project);
    session->is_muted = false;
    attach->phase = phase;
    int status = wc_session_send(session, &call);
    if (status != 0)
        end(attach, status);
}

/* Logs -----------------------------------------------------------------------------------------*/

static void on_line(void *data, const struct wc_log_line *line)
{
    struct attach *attach = data;
    if (attach->session->is_shown)
        wc_ui_hide(attach->session->ui);
    wc_log_print(&attach->up->printer, line);
}

static int follow(struct attach *attach, struct wc_err *err)
{
    struct wc_session *session = attach->session;
    struct wc_arena *arena = session->cli->arena;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct wc_logread_query query = {
        .paths = &session->paths,
        .project = session->project,
        .services = session->cli->words,
        .n_services = session->cli->n_words,
        .tail = WC_UNSET,
        .since_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .until_ms = WC_UNSET,
        .line = on_line,
        .data = attach,
    };
    const char *dir = wc_arena_printf(
        arena, "%s/instances", wc_paths_project_lib(&session->paths, arena, session->project));
    int rc = wc_fs_mkdirs(dir, 0700, err); /* there will be instances in it in a moment */
    if (rc == 0)
        rc = wc_logread_open(&query, &attach->reader, err);
    if (rc == 0)
        rc = wc_logread_follow(attach->reader, &attach->loop, err);
    return rc;
}

/* Events ---------------------------------------------------------------------------------------*/

static bool is_ours(const struct wc_session *session, const char *service)
{
    for (size_t i = 0; i < session->cli->n_words; i++)
        if (wc_streq(session->cli->words[i], service))
            return true;
    return session->cli->n_words == 0;
}

static void on_exit_event(struct attach *attach, const struct wc_event *event)
{
    struct wc_attach_up *up = attach->up;
    wc_logread_drain(attach->reader); /* its last words first */
    if (attach->phase == ATTACHED) {
        wc_log_print_break(&up->printer);
        fflush(stdout);
        wc_cli_note(up->session->cli, "%s-%u exited with code %d", event->service, event->index,
                    event->exit_code);
    }
    attach->is_look_due = true;
    bool is_abort = up->abort_on_exit || (up->abort_on_failure && event->exit_code != 0);
    if (is_abort && attach->phase <= ATTACHED && !attach->is_abort_due) {
        attach->is_abort_due = true;
        attach->exit_code = attach->has_code ? attach->exit_code : event->exit_code;
        wc_cli_note(up->session->cli, "%s-%u has ended: stopping all", event->service,
                    event->index);
    }
    bool is_asked = up->exit_code_from != NULL && wc_streq(up->exit_code_from, event->service);
    if (is_asked && !attach->has_code) {
        attach->has_code = true; /* its first end counts, also when it is what stops all */
        attach->exit_code = event->exit_code;
    }
}

static void on_event(void *data, const struct wc_event *event)
{
    struct attach *attach = data;
    if (event->type != WC_EVENT_INSTANCE || event->service == NULL ||
        !is_ours(attach->session, event->service))
        return;
    if (wc_streq(event->action, "exited"))
        on_exit_event(attach, event);
    else if (wc_streq(event->action, "removed") || wc_streq(event->action, "failed"))
        attach->is_look_due = true;
    else if (attach->phase == ATTACHED && wc_streq(event->action, "unhealthy"))
        wc_cli_warn(attach->session->cli, "%s-%u is unhealthy%s%s", event->service, event->index,
                    event->reason != NULL ? ": " : "", event->reason != NULL ? event->reason : "");
}

static void on_applied(struct attach *attach)
{
    struct wc_session *session = attach->session;
    if (session->code != 0) {
        wc_logread_drain(attach->reader);
        wc_log_print_break(&attach->up->printer);
        fflush(stdout);
        end(attach, wc_session_status(session, "up", 0));
        return;
    }
    wc_session_finish(session);
    if (session->changed == 0)
        wc_cli_note(session->cli, "%s is up to date: nothing to do; showing what comes",
                    session->project);
    session->is_muted = true;
    attach->phase = ATTACHED;
    attach->is_look_due = true;
}

static void on_stopped(struct attach *attach)
{
    struct wc_session *session = attach->session;
    int status = attach->exit_code;
    if (attach->up->session->caught != 0)
        status = session->caught == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    if (session->code != 0 && session->code != WC_ERR_CANCELLED)
        status = wc_session_status(session, attach->phase == STOPPING ? "stop" : "kill", 0);
    wc_session_finish(session);
    end(attach, status);
}

/* Callbacks record; here is what follows from it. */
static void react(struct attach *attach)
{
    struct wc_session *session = attach->session;
    if (session->is_done) {
        session->is_done = false;
        if (attach->phase == APPLYING)
            on_applied(attach);
        else if (attach->phase == STOPPING || attach->phase == KILLING)
            on_stopped(attach);
    }
    if (attach->phase <= ATTACHED && attach->is_abort_due) {
        ask(attach, STOPPING);
    } else if (attach->phase == ATTACHED && attach->is_look_due) {
        attach->is_look_due = false;
        if (wc_attach_is_over(session, session->cli->words, session->cli->n_words))
            end(attach, attach->exit_code);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct attach *attach = poll->data;
    struct wc_err err = { 0 };
    wc_log_print_break(&attach->up->printer);
    fflush(stdout);
    if (wc_client_read(attach->session->client, wc_session_answer, attach->session, &err) != 0) {
        wc_session_finish(attach->session);
        end(attach, wc_cli_fail(attach->session->cli, &err));
    } else {
        react(attach);
    }
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct attach *attach = poll->data;
    struct wc_session *session = attach->session;
    int number = wc_session_signal(session);
    if (number == 0)
        return;
    session->caught = number;
    if (attach->phase <= ATTACHED) {
        wc_session_finish(session);
        wc_cli_note(session->cli, "stopping %s; Ctrl-C again kills it", session->project);
        ask(attach, STOPPING);
    } else if (attach->phase == STOPPING) {
        ask(attach, KILLING);
    } else {
        end(attach, WC_EXIT_INTERRUPTED);
    }
}

/* Drawing --------------------------------------------------------------------------------------*/

static void on_tick(uv_timer_t *ticker)
{
    (void)ticker; /* the prepare handle draws */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct attach *attach = prepare->data;
    if (fflush(stdout) != 0) {
        end(attach, WC_EXIT_FAILED);
        return;
    }
    if (attach->phase == ATTACHED || !attach->session->is_shown)
        return;
    unsigned wait_ms = wc_ui_tick(attach->session->ui, wc_session_now());
    if (wait_ms > 0)
        uv_timer_start(&attach->ticker, on_tick, wait_ms, 0);
}

static void init_handles(struct attach *attach)
{
    uv_loop_t *loop = &attach->loop;
    uv_poll_init(loop, &attach->client, wc_client_fd(attach->session->client));
    uv_poll_init(loop, &attach->signals, attach->session->signal_fd);
    uv_timer_init(loop, &attach->ticker);
    uv_prepare_init(loop, &attach->prepare);
    attach->client.data = attach->signals.data = attach;
    attach->ticker.data = attach->prepare.data = attach;
    uv_poll_start(&attach->client, UV_READABLE, on_readable);
    uv_poll_start(&attach->signals, UV_READABLE, on_signal);
    uv_prepare_start(&attach->prepare, on_prepare);
}

/* The subscription comes first, so that nothing is missed; it also finds a supervisor that is just
 * leaving, which wc_client_wait replaces. */
static int subscribe(struct wc_session *session)
{
    struct wc_err err = { 0 };
    uint64_t id;
    struct wc_call ping = { .verb = WC_CALL_PING, .timeout_ms = WC_UNSET };
    struct wc_call events = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    int rc = wc_client_send(session->client, &ping, &id, &err);
    struct wc_client_waiting waiting = { .id = id, .interrupt_fd = session->signal_fd };
    if (rc == 0)
        rc = wc_client_wait(session->client, &waiting, &err);
    if (rc == 0)
        rc = wc_client_send(session->client, &events, &id, &err);
    session->is_subscribed = true;
    return rc == 0 ? 0 : wc_cli_fail(session->cli, &err);
}

int wc_attach_up(struct wc_attach_up *up)
{
    struct wc_session *session = up->session;
    struct attach attach = { .up = up, .session = session };
    struct wc_err err = { 0 };
    int status = subscribe(session);
    if (status != 0)
        return status;
    session->on_event = on_event;
    session->data = &attach;
    uv_loop_init(&attach.loop);
    init_handles(&attach);
    if (follow(&attach, &err) != 0)
        end(&attach, wc_cli_fail(session->cli, &err));
    else if ((status = wc_session_send(session, up->call)) != 0)
        end(&attach, status);
    uv_run(&attach.loop, UV_RUN_DEFAULT);
    uv_loop_close(&attach.loop);
    fflush(stdout);
    return attach.status;
}
