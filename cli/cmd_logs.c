/* cmd_logs.c - wcompose logs: from the keepers' files, so it works with nothing else alive.
 *
 * With -f it ends when the last instance has ended; the supervisor's events say when to look.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/str.h"
#include "base/units.h"
#include "cli/cmd_attach.h"
#include "cli/cmd_logs_print.h"
#include "cli/cmd_session.h"
#include "cli/time_option.h"

static int read_tail(struct wc_cli *cli, int64_t *out)
{
    const char *text = wc_cli_text(cli, "tail");
    *out = WC_UNSET;
    if (text == NULL || wc_streq(text, "all") || wc_streq(text, "-1") ||
        wc_str_to_i64(text, 0, INT64_MAX / 2, out))
        return 0;
    return wc_cli_usage(cli, "--tail: '%s' is neither a number nor \"all\"", text);
}

static int check_words(struct wc_session *session)
{
    struct wc_cli *cli = session->cli;
    const struct wc_project *accepted = NULL;
    struct wc_err none;
    if (cli->n_words == 0)
        return 0;
    if (wc_client_accepted(&session->paths, session->project, cli->arena, &accepted, &none) == 0)
        session->model = accepted;
    return session->model == NULL
               ? 0
               : wc_cli_check_services(cli, session->model, cli->words, cli->n_words);
}

static int read_query(struct wc_session *session, struct wc_log_printer *printer,
                      struct wc_logread_query *query)
{
    struct wc_cli *cli = session->cli;
    *query = (struct wc_logread_query){
        .paths = &session->paths,
        .project = session->project,
        .services = cli->words,
        .n_services = cli->n_words,
        .index = (unsigned)wc_cli_int(cli, "index", 0),
        .line = wc_log_print,
        .data = printer,
    };
    int status = read_tail(cli, &query->tail);
    if (status == 0)
        status = wc_cli_time(cli, "since", &query->since_ms);
    if (status == 0)
        status = wc_cli_time(cli, "until", &query->until_ms);
    return status;
}

static int run(struct wc_session *session, struct wc_logread *reader)
{
    struct wc_cli *cli = session->cli;
    struct wc_err err = { 0 };
    int rc = wc_logread_run(reader, &err);
    fflush(stdout);
    int status = rc == 0 ? 0 : wc_cli_fail(cli, &err);
    if (status == 0 && wc_cli_flag(cli, "follow") && wc_session_is_known(session))
        return wc_attach_logs(session, reader);
    uint64_t damaged = wc_logread_damaged(reader);
    if (damaged > 0)
        wc_cli_warn(cli, "%llu damaged log entries were left out", (unsigned long long)damaged);
    wc_logread_close(reader, NULL, NULL);
    return status;
}

int wc_cmd_logs(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    struct wc_log_printer printer = {
        .cli = cli,
        .no_prefix = wc_cli_flag(cli, "no-log-prefix"),
        .no_color = wc_cli_flag(cli, "no-color"),
        .timestamps = wc_cli_flag(cli, "timestamps"),
    };
    struct wc_logread_query query;
    struct wc_logread *reader;
    struct wc_err err = { 0 };
    int status = wc_cli_project(cli, cli->arena, &session.project, &session.model);
    if (status == 0)
        status = wc_cli_paths(cli, &session.paths);
    if (status == 0)
        status = check_words(&session);
    if (status == 0)
        status = read_query(&session, &printer, &query);
    if (status != 0)
        return status;
    if (wc_logread_open(&query, &reader, &err) != 0)
        return wc_cli_fail(cli, &err);
    printer.width = wc_logread_name_width(reader);
    status = run(&session, reader);
    wc_log_print_break(&printer);
    return status;
}
