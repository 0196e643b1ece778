/* cmd_attach.c - the loop of `logs -f`: files, the supervisor's events, signals. */
#include "cli/cmd_attach.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/str.h"

static bool is_named(const char *service, const char *const *services, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (wc_streq(services[i], service))
            return true;
    return n == 0;
}

bool wc_attach_is_over(const struct wc_session *session, const char *const *services, size_t n)
{
    struct wc_arena scratch;
    struct wc_ps ps;
    struct wc_err none;
    struct wc_ps_options options = { .paths = &session->paths, .project = session->project };
    wc_arena_init(&scratch);
    bool is_over = wc_client_ps(&options, &scratch, &ps, &none) == 0;
    for (size_t i = 0; is_over && i < ps.n; i++) {
        const struct wc_ps_row *row = &ps.rows[i];
        bool is_up = row->fact.life == WC_LIFE_RUNNING || row->fact.life == WC_LIFE_PAUSED;
        is_over = !is_named(row->fact.service, services, n) || (!is_up && row->waiting == NULL);
    }
    wc_arena_deinit(&scratch);
    return is_over;
}

struct follow {
    struct wc_session *session;
    struct wc_logread *reader;
    uv_loop_t loop;
    uv_signal_t signals[2]; /* SIGINT, SIGTERM */
    uv_poll_t events;       /* the supervisor's */
    uv_prepare_t prepare;
    bool has_events, is_ending;
    int caught;
};

static void end(struct follow *follow)
{
    if (follow->is_ending)
        return;
    follow->is_ending = true;
    wc_logread_drain(follow->reader);
    wc_logread_close(follow->reader, NULL, NULL);
    for (size_t i = 0; i < WC_COUNT(follow->signals); i++)
        uv_close((uv_handle_t *)&follow->signals[i], NULL);
    uv_close((uv_handle_t *)&follow->prepare, NULL);
    if (follow->has_events)
        uv_close((uv_handle_t *)&follow->events, NULL);
}

static void end_when_over(struct follow *follow)
{
    struct wc_cli *cli = follow->session->cli;
    if (!follow->is_ending && wc_attach_is_over(follow->session, cli->words, cli->n_words))
        end(follow);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct follow *follow = signal->data;
    follow->caught = number;
    end(follow);
}

static void on_answer(void *data, const struct wc_answer *answer)
{
    const struct wc_event *event = answer->event;
    if (event != NULL && event->type == WC_EVENT_INSTANCE &&
        (wc_streq(event->action, "exited") || wc_streq(event->action, "removed") ||
         wc_streq(event->action, "failed")))
        *(bool *)data = true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    struct follow *follow = poll->data;
    struct wc_err none;
    bool has_ended = false;
    if (wc_client_read(follow->session->client, on_answer, &has_ended, &none) != 0) {
        uv_poll_stop(poll); /* the supervisor went away; the files are still there */
        has_ended = true;
    }
    if (has_ended)
        end_when_over(follow);
}

/* Before every sleep: what was printed goes out. A closed stdout ends it. */
static void on_prepare(uv_prepare_t *prepare)
{
    if (fflush(stdout) != 0)
        end(prepare->data);
}

static void subscribe(struct follow *follow)
{
    struct wc_session *session = follow->session;
    struct wc_err none;
    uint64_t id;
    struct wc_call call = { .verb = WC_CALL_EVENTS, .timeout_ms = WC_UNSET };
    if (wc_client_open(&session->paths, session->project, false, &session->client, &none) != 0)
        return;
    if (wc_client_send(session->client, &call, &id, &none) != 0)
        return;
    follow->has_events = true;
    uv_poll_init(&follow->loop, &follow->events, wc_client_fd(session->client));
    follow->events.data = follow;
    uv_poll_start(&follow->events, UV_READABLE, on_readable);
}

int wc_attach_logs(struct wc_session *session, struct wc_logread *reader)
{
    static const int numbers[] = { SIGINT, SIGTERM };
    struct follow follow = { .session = session, .reader = reader };
    struct wc_err err = { 0 };
    uv_loop_init(&follow.loop);
    for (size_t i = 0; i < WC_COUNT(numbers); i++) {
        uv_signal_init(&follow.loop, &follow.signals[i]);
        follow.signals[i].data = &follow;
        uv_signal_start(&follow.signals[i], on_signal, numbers[i]);
    }
    uv_prepare_init(&follow.loop, &follow.prepare);
    follow.prepare.data = &follow;
    uv_prepare_start(&follow.prepare, on_prepare);
    subscribe(&follow);
    int rc = wc_logread_follow(reader, &follow.loop, &err);
    if (rc == 0)
        end_when_over(&follow);
    else
        end(&follow); /* there is nothing to watch: no instance was ever made */
    uv_run(&follow.loop, UV_RUN_DEFAULT);
    uv_loop_close(&follow.loop);
    wc_client_close(session->client);
    session->client = NULL;
    fflush(stdout);
    if (follow.caught != 0)
        return follow.caught == SIGTERM ? WC_EXIT_TERMINATED : WC_EXIT_INTERRUPTED;
    return rc == 0 || rc == WC_ERR_NOENT ? 0 : wc_cli_fail(session->cli, &err);
}
