/* cmd_events.c - wcompose events: the stream itself, one line an event, until Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cmd_session.h"

static bool is_named(const struct wc_cli *cli, const char *service)
{
    for (size_t i = 0; i < cli->n_words; i++)
        if (service != NULL && wc_streq(cli->words[i], service))
            return true;
    return cli->n_words == 0;
}

static void print_text(const struct wc_event *event)
{
    char ts[32];
    wc_time_rfc3339(event->wall_ms, ts, sizeof ts);
    printf("%s %s %s", ts, wc_event_type_name(event->type), event->action);
    if (event->name != NULL)
        printf(" %s", event->name);
    else if (event->service != NULL)
        printf(" %s", event->service);
    if (wc_streq(event->action, "exited"))
        printf(" (%d)", event->exit_code);
    if (event->reason != NULL)
        printf(": %s", event->reason);
    putchar('\n');
}

static void on_answer(void *data, const struct wc_answer *answer)
{
    struct wc_session *session = data;
    if (answer->dropped > 0)
        wc_cli_warn(session->cli, "%llu events were left out: the reader is too slow",
                    (unsigned long long)answer->dropped);
    if (answer->event == NULL || !is_named(session->cli, answer->event->service))
        return;
    if (session->cli->json) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        wc_event_to_json(answer->event, &line);
        puts(line.data);
    } else {
        print_text(answer->event);
    }
    fflush(stdout);
}

static int listen_on(struct wc_session *session)
{
    struct wc_err err = { 0 };
    struct wc_call call = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    int rc = wc_client_send(session->client, &call, &session->id, &err);
    struct wc_client_waiting waiting = {
        .id = session->id, .interrupt_fd = session->signal_fd, .answer = on_answer, .data = session
    };
    if (rc == 0)
        rc = wc_client_wait(session->client, &waiting, &err);
    if (rc == WC_ERR_CANCELLED)
        return wc_session_signal(session) == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    return rc == 0 ? 0 : wc_cli_fail(session->cli, &err);
}

int wc_cmd_events(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    int status = wc_cli_project(cli, cli->arena, &session.project, &session.model);
    if (status == 0)
        status = wc_cli_paths(cli, &session.paths);
    if (status == 0 && session.model != NULL)
        status = wc_cli_check_services(cli, session.model, cli->words, cli->n_words);
    if (status != 0)
        return status;
    status = wc_session_open(&session, "events", true);
    if (status == 0)
        status = listen_on(&session);
    wc_session_close(&session);
    return status;
}
