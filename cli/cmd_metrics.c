/* cmd_metrics.c - wcompose metrics: what the supervisor counts and measures, as Prometheus reads
 * it. */
#include <stdio.h>

#include "base/paths.h"
#include "cli/cli.h"
#include "wcompose/client.h"

int wc_cmd_metrics(struct wc_cli *cli)
{
    const char *name, *text;
    const struct wc_project *project;
    struct wc_paths paths;
    struct wc_err err = { 0 };
    int status = wc_cli_project(cli, cli->arena, &name, &project);
    if (status == 0)
        status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    int rc = wc_client_metrics(&paths, name, cli->arena, &text, &err);
    if (rc == WC_ERR_NOENT) /* they are a supervisor's: to start one brings none */
        (void)wc_err_set(&err, rc, 0, "no supervisor of %s is running: nothing is measured", name);
    if (rc != 0)
        return wc_cli_fail(cli, &err);
    fputs(text, stdout);
    return 0;
}
