/* cmd_start_stop.c - wcompose start, stop, restart, kill, suspend, resume, pause, unpause: one
 * call each on what exists. */
#include "base/str.h"
#include "cli/cmd_session.h"

/* Services may be named by a file that was read, or by the model that was accepted. */
static int check_words(struct wc_session *session)
{
    struct wc_cli *cli = session->cli;
    const struct wc_project *accepted = NULL;
    struct wc_err none;
    if (wc_client_accepted(&session->paths, session->project, cli->arena, &accepted, &none) == 0)
        session->model = accepted;
    if (session->model == NULL || cli->n_words == 0)
        return 0;
    return wc_cli_check_services(cli, session->model, cli->words, cli->n_words);
}

static int change(struct wc_cli *cli, const char *verb, struct wc_call *call)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    int status = wc_cli_project(cli, cli->arena, &session.project, &session.model);
    if (status == 0)
        status = wc_cli_paths(cli, &session.paths);
    if (status != 0)
        return status;
    if (!wc_session_is_known(&session)) {
        struct wc_err err = { 0 };
        (void)wc_err_set(&err, WC_ERR_NOENT, 0,
                         "project %s has no instances; wcompose up makes them", session.project);
        if (call->verb == WC_CALL_START)
            return wc_cli_fail(cli, &err);
        wc_cli_warn(cli, "%s", err.msg);
        return 0;
    }
    status = check_words(&session);
    if (status != 0)
        return status;
    call->services = cli->words;
    call->n_services = cli->n_words;
    status = wc_session_open(&session, verb, true);
    if (status == 0)
        status = wc_session_status(&session, verb, wc_session_call(&session, call, 0));
    if (status == 0 && session.changed == 0)
        wc_cli_note(cli, "%s: nothing to %s", session.project, verb);
    wc_session_close(&session);
    return status;
}

int wc_cmd_start(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_START, .timeout_ms = WC_UNSET };
    return change(cli, "start", &call);
}

int wc_cmd_stop(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_STOP,
                            .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET) };
    return change(cli, "stop", &call);
}

int wc_cmd_restart(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_RESTART,
                            .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET),
                            .no_deps = wc_cli_flag(cli, "no-deps") };
    return change(cli, "restart", &call);
}

int wc_cmd_kill(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_KILL,
                            .timeout_ms = WC_UNSET,
                            .signal = wc_cli_signal(cli, "signal", 0) };
    return change(cli, "kill", &call);
}

int wc_cmd_suspend(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_SUSPEND, .timeout_ms = WC_UNSET };
    return change(cli, "suspend", &call);
}

int wc_cmd_resume(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_RESUME, .timeout_ms = WC_UNSET };
    return change(cli, "resume", &call);
}

int wc_cmd_pause(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_PAUSE, .timeout_ms = WC_UNSET };
    return change(cli, "pause", &call);
}

int wc_cmd_unpause(struct wc_cli *cli)
{
    struct wc_call call = { .verb = WC_CALL_UNPAUSE, .timeout_ms = WC_UNSET };
    return change(cli, "unpause", &call);
}
