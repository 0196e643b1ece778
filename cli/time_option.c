/* time_option.c - moments on the command line. */
#include "cli/time_option.h"

#include <time.h>

#include "base/str.h"
#include "base/units.h"

int64_t wc_cli_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wc_cli_time(struct wc_cli *cli, const char *option, int64_t *wall_ms)
{
    const char *text = wc_cli_text(cli, option);
    int64_t value;
    *wall_ms = WC_UNSET;
    if (text == NULL)
        return 0;
    if (wc_duration_parse(text, &value))
        *wall_ms = wc_cli_wall_ms() - value;
    else if (wc_time_parse(text, &value) ||
             wc_time_parse(wc_arena_printf(cli->arena, "%sZ", text), &value) ||
             wc_time_parse(wc_arena_printf(cli->arena, "%sT00:00:00Z", text), &value))
        *wall_ms = value;
    else if (wc_str_to_i64(text, 0, INT64_C(100000000000), &value))
        *wall_ms = value * 1000;
    else
        return wc_cli_usage(cli,
                            "--%s: '%s' is neither a time (2026-01-31T12:00:00Z) nor a "
                            "duration (10m)",
                            option, text);
    return 0;
}
