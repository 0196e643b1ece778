/* cmd_exec.c - wcompose exec: finds the instance and becomes wcompose-join, which enters it. No
 * runtime is executed and no supervisor is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "wcompose/client.h"

/* Everything that fails before the command runs is 125 to scripts (container convention). */
static int ours(int status)
{
    return status == 0 ? 0 : WC_EXIT_EXEC_OURS;
}

static int fail(struct wc_cli *cli, int code, const char *text)
{
    struct wc_err err = { 0 };
    wc_err_set_(&err, code, 0, "%s", text);
    return ours(wc_cli_fail(cli, &err));
}

/* Returns the instance to go into; NULL after saying why there is none, and *status the exit code.
 */
static const struct wc_ps_row *find(struct wc_cli *cli, const struct wc_paths *paths,
                                    const char *project, int *status)
{
    const char *service = cli->words[0];
    int64_t index = wc_cli_int(cli, "index", 0);
    struct wc_ps_options options = { .paths = paths, .project = project };
    struct wc_ps *ps = WC_NEW(cli->arena, struct wc_ps);
    struct wc_err err = { 0 };
    if (wc_client_ps(&options, cli->arena, ps, &err) != 0) {
        *status = ours(wc_cli_fail(cli, &err));
        return NULL;
    }
    bool exists = false;
    for (size_t i = 0; i < ps->n; i++) {
        const struct wc_fact *fact = &ps->rows[i].fact;
        if (!wc_streq(fact->service, service) || (index != 0 && fact->index != index))
            continue;
        exists = true;
        if (fact->life == WC_LIFE_RUNNING)
            return &ps->rows[i];
    }
    const char *what =
        index == 0 ? service : wc_arena_printf(cli->arena, "%s-%lld", service, (long long)index);
    *status = fail(cli, WC_ERR_NOENT,
                   wc_arena_printf(cli->arena, "%s is not running%s", what,
                                   exists ? "; wcompose start starts it" : " (wcompose ps -a)"));
    return NULL;
}

static void add(struct wc_cli *cli, struct wc_strv *argv, const char *option, const char *value)
{
    wc_strv_add(cli->arena, argv, option);
    if (value != NULL)
        wc_strv_add(cli->arena, argv, value);
}

/* A terminal inside when there is one outside, on both ends; -T never, -t always. */
static int wants_tty(struct wc_cli *cli, bool *out)
{
    bool has = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    bool asked = wc_cli_flag(cli, "tty");
    if (asked && wc_cli_flag(cli, "no-tty"))
        return wc_cli_usage(cli, "--tty and --no-tty exclude each other");
    if (asked && !isatty(STDIN_FILENO))
        return wc_cli_usage(cli, "--tty: standard input is not a terminal");
    *out = asked || (has && !wc_cli_flag(cli, "no-tty") && !wc_cli_flag(cli, "detach"));
    return 0;
}

static int make_argv(struct wc_cli *cli, const struct wc_paths *paths, const char *run_dir,
                     struct wc_strv *argv)
{
    bool tty = false;
    size_t n_env;
    int status = ours(wants_tty(cli, &tty));
    if (status != 0)
        return status;
    bool detach = wc_cli_flag(cli, "detach");
    add(cli, argv, wc_arena_printf(cli->arena, "%s/wcompose-join", paths->bin), NULL);
    add(cli, argv, "--run", run_dir);
    if (tty)
        add(cli, argv, "--tty", NULL);
    if (!detach)
        add(cli, argv, "--stdin", NULL);
    if (detach)
        add(cli, argv, "--detach", NULL);
    if (wc_cli_text(cli, "user") != NULL)
        add(cli, argv, "--user", wc_cli_text(cli, "user"));
    if (wc_cli_text(cli, "workdir") != NULL)
        add(cli, argv, "--workdir", wc_cli_text(cli, "workdir"));
    const char *const *env = wc_cli_list(cli, "env", &n_env);
    for (size_t i = 0; i < n_env; i++) {
        const char *value = strchr(env[i], '=') != NULL ? "" : wc_cli_env(cli, env[i]);
        if (value == NULL) /* "-e KEY": ours, and nothing when we have none */
            continue;
        add(cli, argv, "--env",
            value[0] == '\0' ? env[i] : wc_arena_printf(cli->arena, "%s=%s", env[i], value));
    }
    if (wc_cli_flag(cli, "privileged"))
        add(cli, argv, "--privileged", NULL);
    add(cli, argv, "--", NULL);
    for (size_t i = 1; i < cli->n_words; i++)
        add(cli, argv, cli->words[i], NULL);
    wc_strv_add(cli->arena, argv, NULL);
    return 0;
}

int wc_cmd_exec(struct wc_cli *cli)
{
    const char *project;
    const struct wc_project *model;
    struct wc_paths paths;
    struct wc_strv argv = { 0 };
    int status = wc_cli_project(cli, cli->arena, &project, &model);
    if (status == 0 && model != NULL)
        status = wc_cli_check_services(cli, model, cli->words, 1);
    if (status == 0)
        status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    const struct wc_ps_row *row = find(cli, &paths, project, &status);
    if (row == NULL)
        return status;
    status = make_argv(cli, &paths,
                       wc_paths_instance_run(&paths, cli->arena, project, row->fact.id), &argv);
    if (status != 0)
        return status;
    fflush(stdout);
    execv(argv.items[0], (char *const *)argv.items);
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_IO, errno, "run %s", argv.items[0]);
    return ours(wc_cli_fail(cli, &err));
}
