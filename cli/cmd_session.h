/* cmd_session.h - a command's conversation with its supervisor (private to cli/cmd_*.c).
 *
 * Idea:    send a call, show its events, remember the first failure, mind Ctrl-C; the same for up,
 *          down, start, stop, restart and kill.
 * Owner:   the session is the verb's; strings it keeps live in cli->arena.
 * Threads: one.
 */
#ifndef CLI_CMD_SESSION_H
#define CLI_CMD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/paths.h"
#include "cli/cli.h"
#include "cli/ui.h"
#include "wcompose/client.h"

/* The first thing that went wrong, from the events. */
struct wc_session_failure {
    const char *service; /* NULL: nothing so far */
    unsigned index;
    enum wc_isolation level;
    const char *cause;
    bool is_final; /* "failed": the engine has given up on it */
};

struct wc_session {
    struct wc_cli *cli;
    struct wc_paths paths;
    const char *project;
    const struct wc_project *model; /* NULL: not known */
    struct wc_client *client;
    struct wc_ui *ui;
    bool is_shown;      /* the ui has been given something */
    bool is_muted;      /* events are not for the ui at the moment */
    bool is_subscribed; /* events come by a subscription, not with the call */
    int signal_fd;      /* SIGINT, SIGTERM */
    int64_t began_ms;   /* wall clock when it was opened */
    int caught;         /* the signal that ended a call, or 0 */

    /* of the last call */
    uint64_t id;
    uint64_t limit_ms; /* how long it might take; 0 = as long as it likes */
    bool is_done;
    int code;
    unsigned changed;
    bool is_leaving;
    const char *error;
    struct wc_session_failure failure;

    /* told of every event, after the ui; may be NULL */
    void (*on_event)(void *data, const struct wc_event *event);
    void *data;
};

/* Fills the paths and connects; starts a supervisor where none runs and `spawn` is set. Returns 0
 * or an exit status, everything printed. session->cli, project and model are set before. */
int wc_session_open(struct wc_session *session, const char *title, bool spawn);
void wc_session_close(struct wc_session *session);

/* True when this host has anything of the project: a directory of state. */
bool wc_session_is_known(const struct wc_session *session);

/* Sends a call (its `events` is set here) without waiting. 0 or an exit status. */
int wc_session_send(struct wc_session *session, struct wc_call *call);

/* Sends it and waits. Returns 0 when it is done (see session->code), WC_ERR_CANCELLED (caught is
 * the signal), WC_ERR_TIMEOUT, or an exit status > 0 when the conversation broke.
 *   limit_ms  0 = no limit */
int wc_session_call(struct wc_session *session, struct wc_call *call, uint64_t limit_ms);

/* Takes one answer (for loops of one's own). */
void wc_session_answer(void *data, const struct wc_answer *answer);

/* Draws the final state once. */
void wc_session_finish(struct wc_session *session);

/* Reads the signal that is pending on signal_fd; 0 when there is none. */
int wc_session_signal(struct wc_session *session);

/* Turns the end of a call into an exit status, telling what went wrong; `verb` as in "up". */
int wc_session_status(struct wc_session *session, const char *verb, int rc);

/* Monotonic milliseconds, as wc_client_wait's deadlines. */
uint64_t wc_session_now(void);

/* cmd_failure.c: the report of a start that failed. Returns the exit status of `code`. */
int wc_session_report(struct wc_session *session, const char *verb, int code, const char *error);

/* cmd_overdue.c: the report of a wait that took too long: what it waits for, as `why` would say it.
 * Returns an exit status. */
int wc_session_overdue(struct wc_session *session);

#endif
