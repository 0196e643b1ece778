/* frame.c - the frame round a command: what is known before it runs, what is checked after it. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/args.h"
#include "cli/style.h"

const char *wc_cli_env(const struct wc_cli *cli, const char *name)
{
    return wc_environ_get(cli->environ, name);
}

/* The option's value, else the variable's (which must be one of the option's words), else `auto`.
 */
static int choice_or_env(const struct wc_cli *cli, const char *option, const char *variable,
                         const char **out)
{
    const char *words = wc_option_by_name(NULL, option, strlen(option))->value;
    const char *given = wc_cli_text(cli, option);
    const char *env = wc_cli_env(cli, variable);
    *out = given != NULL ? given : env != NULL ? env : "auto";
    if (wc_choice_has(words, *out))
        return 0;
    return wc_cli_usage_hint(cli, wc_arena_printf(cli->arena, "one of %s", words),
                             "%s: unknown value '%s'", variable, *out);
}

static enum wc_progress decide_progress(const struct wc_cli *cli, const char *asked)
{
    if (wc_streq(asked, "json") || (wc_streq(asked, "auto") && cli->json))
        return WC_PROGRESS_JSON;
    if (wc_streq(asked, "quiet"))
        return WC_PROGRESS_QUIET;
    bool tty = wc_streq(asked, "tty") || wc_streq(asked, "auto");
    return tty && cli->err.cursor ? WC_PROGRESS_TTY : WC_PROGRESS_PLAIN;
}

/* True when the verb has --format and it was given as json. */
static bool format_is_json(const struct wc_cli *cli)
{
    const struct wc_command *verb = cli->verb;
    for (size_t i = 0; i < verb->n_options; i++) {
        if (!wc_streq(verb->options[i].name, "format"))
            continue;
        const char *format = wc_cli_text(cli, "format");
        return format != NULL && wc_streq(format, "json");
    }
    return false;
}

/* Settles how the streams are used, now that the options are known. 0 or an exit status. */
static int decide_streams(struct wc_cli *cli)
{
    const char *ansi, *progress;
    int status = choice_or_env(cli, "ansi", "COMPOSE_ANSI", &ansi);
    if (status == 0)
        status = choice_or_env(cli, "progress", "COMPOSE_PROGRESS", &progress);
    if (status != 0)
        return status;
    if (wc_streq(ansi, "never") && wc_streq(progress, "tty"))
        return wc_cli_usage(cli, "--ansi never and --progress tty exclude each other");
    wc_style_of_fd(STDOUT_FILENO, ansi, cli->environ, &cli->out);
    wc_style_of_fd(STDERR_FILENO, ansi, cli->environ, &cli->err);
    bool json = wc_cli_flag(cli, "json");
    cli->json = json;
    cli->progress = decide_progress(cli, progress);
    cli->json = json || format_is_json(cli);
    return 0;
}

static int start(struct wc_cli *cli, int argc, char **argv)
{
    /* Good enough to report a usage error with; settled by decide_streams. */
    cli->progress = WC_PROGRESS_PLAIN;
    wc_style_of_fd(STDOUT_FILENO, "auto", cli->environ, &cli->out);
    wc_style_of_fd(STDERR_FILENO, "auto", cli->environ, &cli->err);
    int status = wc_cli_parse(cli, argc, (const char *const *)argv);
    if (status >= 0)
        return status;
    status = decide_streams(cli);
    return status != 0 ? status : cli->verb->run(cli);
}

/* A full disk or a closed pipe behind stdout is a failure, not a detail. */
static int finish(const struct wc_cli *cli, int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_IO, errno, "standard output");
    int failed = wc_cli_fail(cli, &err);
    return status != 0 ? status : failed;
}

int wc_cli_main(int argc, char **argv)
{
    char cwd[4096];
    struct wc_arena arena;
    wc_arena_init(&arena);
    signal(SIGPIPE, SIG_IGN);
    struct wc_cli cli = { .arena = &arena, .environ = (const char *const *)environ };
    cli.cwd = getcwd(cwd, sizeof cwd) != NULL ? cwd : "/";
    int status = finish(&cli, start(&cli, argc, argv));
    wc_arena_deinit(&arena);
    return status;
}
