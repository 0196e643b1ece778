/* long_work.c - a line a second is enough to see that something goes on. */
#include "cli/long_work.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

void wc_long_work_note(void *data, const char *what, uint64_t done, uint64_t total)
{
    struct wc_long_work *work = data;
    char text[sizeof work->said];
    time_t now = time(NULL);
    if (now == work->last)
        return;
    if (total > 0)
        snprintf(text, sizeof text, "%s  %u %%", what, (unsigned)(done * 100 / total));
    else
        snprintf(text, sizeof text, "%s", what);
    if (strcmp(text, work->said) == 0)
        return;
    memcpy(work->said, text, sizeof text);
    work->last = now;
    wc_cli_note(work->cli, "  %s", text);
}
