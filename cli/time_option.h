/* time_option.h - moments on the command line (private to cli/cmd_*.c). Threads: one. */
#ifndef CLI_TIME_OPTION_H
#define CLI_TIME_OPTION_H

#include <stdint.h>

#include "cli/cli.h"

/* Reads an option that is a duration before now ("10m"), a time of RFC 3339 (without a zone: UTC;
 * a date alone is its beginning), or seconds since 1970. *wall_ms is WC_UNSET when it isn't given.
 * 0 or an exit status, printed. */
int wc_cli_time(struct wc_cli *cli, const char *option, int64_t *wall_ms);

/* The wall clock, in milliseconds since 1970. */
int64_t wc_cli_wall_ms(void);

#endif
