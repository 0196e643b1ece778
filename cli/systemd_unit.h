/* systemd_unit.h - a project's supervisor as a unit of systemd (cli, layer 5, pure).
 *
 * Idea:    the supervisor runs in the foreground of the unit and says when it is ready and that it
 *          is alive. systemd restarts it; the workloads are nobody's business but the supervisor's:
 *          a stop or restart of the unit leaves them running.
 * Owner:   texts are borrowed for the call.
 * Threads: any. Errors: none.
 * Source:  systemd.unit(5), systemd.service(5), systemd.kill(5), systemd.syntax(7).
 */
#ifndef CLI_SYSTEMD_UNIT_H
#define CLI_SYSTEMD_UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct wc_buf;

/* What goes into it. */
struct wc_systemd_unit {
    const char *project;
    const char *program;            /* absolute path of wcompose */
    const char *lib;                /* where the project's state is: absolute path */
    const char *const *environment; /* "NAME=value", n_environment of them */
    size_t n_environment;
};

/* Appends one word as systemd reads it: in double quotes, with escapes, % doubled.
 *   expands  where it stands, $ is doubled too: arguments of commands (not the program's path) */
void wc_systemd_quote(struct wc_buf *out, const char *word, bool expands);

/* False for paths of programs that systemd doesn't run, however they are quoted: those with quotes,
 * backslashes or control characters. */
bool wc_systemd_runs(const char *program);

void wc_systemd_unit_format(const struct wc_systemd_unit *unit, struct wc_buf *out);

/* The unit of the agent (`wcompose reconcile`); file: the agent file, absolute. unit->project isn't
 * looked at. */
void wc_systemd_agent_format(const struct wc_systemd_unit *unit, const char *file,
                             struct wc_buf *out);

#endif
