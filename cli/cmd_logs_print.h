/* cmd_logs_print.h - log lines on the screen (private to cli/cmd_logs*.c and cmd_up*.c).
 *
 * Idea:    "web-1  | text": a prefix that lines up, coloured by the service's name. Parts of a very
 *          long line are joined again unless another instance spoke in between.
 * Owner:   the caller's storage; zero it, set the first members.
 */
#ifndef CLI_CMD_LOGS_PRINT_H
#define CLI_CMD_LOGS_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cli.h"
#include "wcompose/logread.h"

struct wc_log_printer {
    const struct wc_cli *cli;
    bool no_prefix, no_color, timestamps;
    size_t width; /* of the longest name */

    char open[160]; /* name of the instance whose line has not ended; "" = none */
};

/* A wc_log_line_fn: writes to stdout (buffered; the caller flushes). data is the printer. */
void wc_log_print(void *data, const struct wc_log_line *line);

/* Ends a line that is still open, so that something else can be written. */
void wc_log_print_break(struct wc_log_printer *printer);

#endif
