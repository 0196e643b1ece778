/* cmd_history.h - generations on the command line (private to cli/cmd_{history,diff,rollback}.c).
 *
 * Threads: one.
 */
#ifndef CLI_CMD_HISTORY_H
#define CLI_CMD_HISTORY_H

#include "base/paths.h"
#include "cli/cli.h"
#include "wcompose/history.h"

/* A project and its generations. */
struct wc_cli_history {
    struct wc_paths paths;
    const char *project;
    const struct wc_project *file; /* as the file says now; NULL: none was read */
    struct wc_history list;
};

/* Reads them for the project that the command line names. 0 or an exit status, printed. */
int wc_cli_history(struct wc_cli *cli, struct wc_cli_history *out);

/* Finds the generation that a word names ("@3", "3"). 0 or an exit status, printed. */
int wc_cli_generation(struct wc_cli *cli, const struct wc_cli_history *history, const char *word,
                      const struct wc_history_row **out);

/* "2026-11-23 21:13:19Z", or the same by RFC 3339 for programs; "-" or "" for none. */
const char *wc_cli_time_text(struct wc_cli *cli, int64_t wall_ms, bool for_people);

/* The model of a generation. 0 or an exit status, printed. */
int wc_cli_generation_model(struct wc_cli *cli, const struct wc_history_row *row,
                            const struct wc_project **out);

#endif
