/* cmd_exec.c - wcompose exec: finds the instance and becomes wcompose-join, which enters it. No
 * runtime is executed and no supervisor is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
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

static int find(struct wc_cli *cli, const struct wc_paths *paths, const char *project,
                const struct wc_ps_row **out)
{
    const char *service = cli->words[0];
    int64_t index = wc_cli_int(cli, "index", 0);
    struct wc_ps_options options = { .paths = paths, .project = project };
    struct wc_ps *ps = WC_NEW(cli->arena, struct wc_ps);
    struct wc_err err = { 0 };
    if (wc_client_ps(&options, cli->arena, ps, &err) != 0)
        return ours(wc_cli_fail(cli, &err));
    bool exists = false;
    for (size_t i = 0; i < ps->n; i++) {
        const struct wc_fact *fact = &ps->rows[i].fact;
        if (!wc_streq(fact->service, service) || (index != 0 && fact->index != index))
            continue;
        exists = true;
        if (fact->life == WC_LIFE_RUNNING) {
            *out = &ps->rows[i];
            return 0;
        }
    }
    const char *what =
        index == 0 ? service : wc_arena_printf(cli->arena, "%s-%lld", service, (long long)index);
    return fail(cli, WC_ERR_NOENT,
                wc_arena_printf(cli->arena, "%s is not running%s", what,
                                exists ? "; wcompose start starts it" : " (wcompose ps -a)"));
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

/* The variables of -e, as "K=V" strings with their NULs. False when one is malformed. */
static bool collect_env(struct wc_cli *cli, struct wc_buf *out)
{
    size_t n;
    const char *const *env = wc_cli_list(cli, "env", &n);
    for (size_t i = 0; i < n; i++) {
        const char *value = strchr(env[i], '=') != NULL ? "" : wc_cli_env(cli, env[i]);
        if (env[i][0] == '=' || env[i][0] == '\0')
            return false;
        if (value == NULL) /* "-e KEY": ours, and nothing when we have none */
            continue;
        wc_buf_adds(out, env[i]);
        if (strchr(env[i], '=') == NULL)
            wc_buf_printf(out, "=%s", value);
        wc_buf_addc(out, '\0');
    }
    return true;
}

/* Gives them to join in a memfd that it inherits: its arguments may be read by everybody on this
 * machine for as long as the command runs, and the values may be secrets. */
static int pass_env(struct wc_cli *cli, struct wc_strv *argv)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (!collect_env(cli, &text))
        return wc_cli_usage(cli, "--env takes KEY=VALUE, or KEY for the value it has here");
    if (text.len == 0)
        return 0;
    int fd = memfd_create("env", 0); /* not close-on-exec: that is its purpose */
    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len ||
        lseek(fd, 0, SEEK_SET) != 0) {
        struct wc_err err = { 0 };
        (void)wc_err_set(&err, WC_ERR_IO, errno, "pass --env on");
        return wc_cli_fail(cli, &err);
    }
    add(cli, argv, "--env-fd", wc_arena_printf(cli->arena, "%d", fd));
    return 0;
}

static int make_argv(struct wc_cli *cli, const struct wc_paths *paths, const char *run_dir,
                     struct wc_strv *argv)
{
    bool tty = false;
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
    status = ours(pass_env(cli, argv));
    if (status != 0)
        return status;
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
    const struct wc_ps_row *row = NULL;
    struct wc_strv argv = { 0 };
    int status = wc_cli_project(cli, cli->arena, &project, &model);
    if (status == 0 && model != NULL)
        status = wc_cli_check_services(cli, model, cli->words, 1);
    if (status == 0)
        status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    status = find(cli, &paths, project, &row);
    if (status == 0)
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
