/* cmd_rollback.c - wcompose rollback: an earlier model is applied again, as a new generation.
 *
 * The model is the one that was accepted then, not the file's text: the file may not be there any
 * more. The file isn't changed either; the next `up` follows it again, and that is said.
 */
#include "base/buf.h"
#include "cli/cmd_history.h"
#include "cli/cmd_session.h"
#include "wcompose/plan.h"
#include "wcompose/spec.h"

static int find_target(struct wc_cli *cli, const struct wc_cli_history *history,
                       const struct wc_history_row **out)
{
    if (cli->n_words > 0)
        return wc_cli_generation(cli, history, cli->words[0], out);
    *out = history->list.back;
    if (*out != NULL)
        return 0;
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_NOENT, 0,
                     "%s has no earlier generation that was stable and differs: wcompose history "
                     "lists what is kept, wcompose rollback @N takes any of it",
                     history->project);
    return wc_cli_fail(cli, &err);
}

static int apply(struct wc_session *session, const struct wc_history_row *target)
{
    struct wc_cli *cli = session->cli;
    struct wc_call call = {
        .verb = WC_CALL_APPLY,
        .wait = wc_cli_flag(cli, "wait") ? WC_WAIT_READY : WC_WAIT_STARTED,
        .spec = target->text,
        .spec_len = target->len,
        .restores = target->number,
        .timeout_ms = wc_cli_ms(cli, "timeout", WC_UNSET),
        .remove_orphans = wc_cli_flag(cli, "remove-orphans"),
    };
    int64_t limit_ms = wc_cli_ms(cli, "wait-timeout", 0);
    int status = wc_session_open(session, "rollback", true);
    if (status == 0) {
        int rc = wc_session_call(session, &call, limit_ms > 0 ? (uint64_t)limit_ms : 0);
        status = wc_session_status(session, "rollback", rc);
    }
    if (status == 0 && session->changed == 0)
        wc_cli_note(cli, "%s is as generation @%llu says: nothing to do", session->project,
                    (unsigned long long)target->number);
    else if (status == 0)
        wc_cli_note(cli,
                    "%s is back at generation @%llu; the file is unchanged, and the next up "
                    "follows it again",
                    session->project, (unsigned long long)target->number);
    wc_session_close(session);
    return status;
}

/* What was accepted then is taken as it was, so the host's rules of now must allow it. */
static int verify(struct wc_cli *cli, const struct wc_project *model)
{
    struct wc_diags diags;
    struct wc_err err = { 0 };
    wc_diags_init(&diags, cli->arena);
    int status = wc_cli_read_policy(cli, cli->arena, &diags);
    if (diags.n > 0) {
        wc_diags_sort(&diags);
        wc_cli_diags(cli, &diags);
    }
    if (status != 0)
        return status < 0 ? -status : status;
    return wc_plan_verify(model, &cli->policy, cli->arena, &err) == 0 ? 0 : wc_cli_fail(cli, &err);
}

int wc_cmd_rollback(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    struct wc_cli_history history;
    const struct wc_history_row *target;
    struct wc_plan plan;
    int status = wc_cli_history(cli, &history);
    if (status == 0)
        status = find_target(cli, &history, &target);
    if (status == 0)
        status = wc_cli_generation_model(cli, target, &session.model);
    if (status == 0)
        status = verify(cli, session.model);
    if (status == 0)
        status =
            wc_cli_plan(cli, session.model, cli->arena, &plan); /* can this host still do it? */
    if (status != 0)
        return status;
    session.project = history.project;
    return apply(&session, target);
}
