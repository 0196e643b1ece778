/* cmd_events.c - wcompose events: the stream itself, one line an event: what the supervisor
 * remembers, then what comes, until --until or Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cmd_session.h"
#include "cli/time_option.h"

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

/* What was asked for: from when, to when; WC_UNSET = not given. */
struct window {
    int64_t since_ms, until_ms;
    bool is_past; /* it ends before now */
};

static int listen_on(struct wc_session *session, const struct window *window)
{
    struct wc_err err = { 0 };
    struct wc_call call = { .verb = WC_CALL_EVENTS,
                            .timeout_ms = WC_UNSET,
                            .past_only = window->is_past,
                            .since_ms = window->since_ms };
    if (window->until_ms != WC_UNSET)
        call.until_ms = window->until_ms;
    if (window->is_past && call.since_ms == WC_UNSET)
        call.since_ms = 1; /* all that is remembered */
    int rc = wc_client_send(session->client, &call, &session->id, &err);
    struct wc_client_waiting waiting = {
        .id = session->id, .interrupt_fd = session->signal_fd, .answer = on_answer, .data = session
    };
    int64_t left_ms = window->until_ms - wc_cli_wall_ms();
    if (window->until_ms != WC_UNSET && !window->is_past)
        waiting.deadline_ms = wc_session_now() + (uint64_t)(left_ms > 0 ? left_ms : 0) + 1;
    if (rc == 0)
        rc = wc_client_wait(session->client, &waiting, &err);
    if (rc == WC_ERR_CANCELLED)
        return wc_session_signal(session) == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    return rc == 0 || rc == WC_ERR_TIMEOUT ? 0 : wc_cli_fail(session->cli, &err);
}

static int read_window(struct wc_cli *cli, struct window *out)
{
    int status = wc_cli_time(cli, "since", &out->since_ms);
    if (status == 0)
        status = wc_cli_time(cli, "until", &out->until_ms);
    if (status == 0 && out->until_ms != WC_UNSET && out->since_ms > out->until_ms)
        status = wc_cli_usage(cli, "--since is later than --until");
    out->is_past = out->until_ms != WC_UNSET && out->until_ms <= wc_cli_wall_ms();
    return status;
}

/* The past is a supervisor's memory: without one there is none, and to start one brings none. */
static bool is_forgotten(const struct wc_session *session, const struct window *window)
{
    struct wc_client *client;
    struct wc_err none;
    if (!window->is_past)
        return false;
    int rc = wc_client_open(&session->paths, session->project, false, &client, &none);
    if (rc == 0)
        wc_client_close(client);
    if (rc != WC_ERR_NOENT)
        return false;
    wc_cli_note(session->cli, "no supervisor of %s is running: what happened is not remembered",
                session->project);
    return true;
}

int wc_cmd_events(struct wc_cli *cli)
{
    struct wc_session session = { .cli = cli, .signal_fd = -1 };
    struct window window;
    int status = read_window(cli, &window);
    if (status == 0)
        status = wc_cli_project(cli, cli->arena, &session.project, &session.model);
    if (status == 0)
        status = wc_cli_paths(cli, &session.paths);
    if (status == 0 && session.model != NULL)
        status = wc_cli_check_services(cli, session.model, cli->words, cli->n_words);
    if (status != 0 || is_forgotten(&session, &window))
        return status;
    status = wc_session_open(&session, "events", !window.is_past);
    if (status == 0)
        status = listen_on(&session, &window);
    wc_session_close(&session);
    return status;
}
