/* cmd_attach.h - being attached: logs as they come, until everything has ended or someone presses
 * Ctrl-C (private to cli/cmd_*.c).
 */
#ifndef CLI_CMD_ATTACH_H
#define CLI_CMD_ATTACH_H

#include "cli/cmd_logs_print.h"
#include "cli/cmd_session.h"
#include "wcompose/logread.h"

/* Follows `reader` (which it closes) until no instance runs or waits to run, stdout is closed, or
 * a signal comes. Returns an exit status. */
int wc_attach_logs(struct wc_session *session, struct wc_logread *reader);

/* What `up` in the foreground asks for. */
struct wc_attach_up {
    struct wc_session *session;
    struct wc_call *call; /* the apply */
    struct wc_log_printer printer;
    bool abort_on_exit, abort_on_failure;
    const char *exit_code_from; /* NULL: none */
};

/* Sends the call, shows progress and logs, stops what it started on Ctrl-C. Returns an exit status.
 */
int wc_attach_up(struct wc_attach_up *up);

/* True when no instance of the services (n 0: all) runs or is going to. */
bool wc_attach_is_over(const struct wc_session *session, const char *const *services, size_t n);

#endif
