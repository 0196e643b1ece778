/* cmd_down.c - wcompose down: nothing of the project is left but what is asked to stay. */
#include "base/buf.h"
#include "base/str.h"
#include "cli/cmd_session.h"
#include "wcompose/spec.h"

enum { LEAVE_MS = 5000 };

static int run(struct wc_session *session)
{
    struct wc_cli *cli = session->cli;
    WC_CLEANUP_BUF struct wc_buf wire = WC_BUF_INIT;
    struct wc_call call = {
        .verb = WC_CALL_DOWN,
        .services = cli->words,
        .n_services = cli->n_words,
        .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET),
        .remove_orphans = wc_cli_flag(cli, "remove-orphans"),
        .remove_volumes = wc_cli_flag(cli, "volumes"),
    };
    /* A project that is not up may still have volumes and networks, which only the file names. */
    if (session->model != NULL) {
        wc_spec_render_wire(session->model, &wire);
        call.spec = wire.data;
        call.spec_len = wire.len;
    }
    int status = wc_session_open(session, "down", true);
    if (status == 0) {
        status = wc_session_status(session, "down", wc_session_call(session, &call, 0));
        if (status == 0 && session->changed == 0)
            wc_cli_note(cli, "%s: nothing to remove", session->project);
        if (session->is_leaving) /* `down` is over when nothing of ours runs any more */
            wc_client_wait_gone(session->client, LEAVE_MS);
    }
    wc_session_close(session);
    return status;
}

int wc_cmd_down(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    int status = wc_cli_project(cli, cli->arena, &session.project, &session.model);
    if (status == 0)
        status = wc_cli_paths(cli, &session.paths);
    if (status == 0 && session.model != NULL)
        status = wc_cli_check_services(cli, session.model, cli->words, cli->n_words);
    if (status != 0)
        return status;
    bool has_work = wc_cli_flag(cli, "volumes") && session.model != NULL;
    if (!wc_session_is_known(&session) && !has_work) {
        wc_cli_warn(cli, "nothing of project %s is on this host", session.project);
        return 0;
    }
    return run(&session);
}
