/* cmd_supervise.c - wcompose supervise: hidden; started by the other verbs. */
#include <string.h>

#include "cli/cli.h"
#include "wcompose/supervisor.h"

int wc_cmd_supervise(struct wc_cli *cli)
{
    const char *project = wc_cli_text(cli, "project");
    if (project == NULL || project[0] == '\0' || project[0] == '.' || strchr(project, '/') != NULL)
        return wc_cli_usage(cli, "--project needs the name of a project");
    const struct wc_supervise what = {
        .project = project,
        .ready_fd = (int)wc_cli_int(cli, "ready-fd", -1),
        .metrics = wc_cli_text(cli, "metrics"),
        .stays = wc_cli_flag(cli, "stay"),
        .replaces = wc_cli_flag(cli, "replace"),
    };
    return wc_supervisor_main(&what);
}
