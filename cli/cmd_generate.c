/* cmd_generate.c - wcompose generate systemd: the unit that runs this project's supervisor. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/systemd_unit.h"

/* What decides where a supervisor finds things; systemd doesn't hand on a shell's environment. */
static const char *const kept[] = { "WCOMPOSE_ROOT", "WCOMPOSE_LIBEXEC", "WCOMPOSE_METRICS" };

static int find_program(struct wc_cli *cli, const char **out)
{
    static const char gone[] = " (deleted)";
    char path[4096];
    struct wc_err err = { 0 };
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0) {
        (void)wc_err_set(&err, WC_ERR_IO, errno, "read /proc/self/exe");
        return wc_cli_fail(cli, &err);
    }
    path[len] = '\0';
    size_t end = strlen(gone);
    if ((size_t)len > end && wc_streq(path + (size_t)len - end, gone)) {
        (void)wc_err_set(&err, WC_ERR_NOENT, 0, "this program was replaced while it ran: %s", path);
        return wc_cli_fail(cli, &err);
    }
    if (!wc_systemd_runs(path)) {
        (void)wc_err_set(&err, WC_ERR_FAILED, 0,
                         "systemd runs no program with quotes or backslashes in its path: %s",
                         path);
        return wc_cli_fail(cli, &err);
    }
    *out = wc_arena_strdup(cli->arena, path);
    return 0;
}

int wc_cmd_generate_systemd(struct wc_cli *cli)
{
    struct wc_systemd_unit unit = { 0 };
    const struct wc_project *project;
    const char *environment[WC_COUNT(kept)];
    struct wc_paths paths;
    bool is_agent = wc_cli_flag(cli, "agent");
    int status = is_agent ? 0 : wc_cli_project(cli, cli->arena, &unit.project, &project);
    if (status == 0)
        status = wc_cli_paths(cli, &paths);
    if (status == 0)
        status = find_program(cli, &unit.program);
    if (status != 0)
        return status;
    for (size_t i = 0; i < WC_COUNT(kept); i++) {
        const char *value = wc_cli_env(cli, kept[i]);
        if (value != NULL)
            environment[unit.n_environment++] =
                wc_arena_printf(cli->arena, "%s=%s", kept[i], value);
    }
    unit.environment = environment;
    unit.lib = paths.lib;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (is_agent)
        wc_systemd_agent_format(&unit, wc_arena_printf(cli->arena, "%s/agent.yaml", paths.etc),
                                &out);
    else
        wc_systemd_unit_format(&unit, &out);
    fwrite(out.data, 1, out.len, stdout);
    if (geteuid() != 0)
        wc_cli_warn(cli, "the unit is for root's systemd: containers need root");
    return 0;
}
