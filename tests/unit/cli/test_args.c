/* test_args.c - the command line: what is understood, what is refused and with which words. */
#include "harness/wc_test.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/args.h"

/* A parse with its messages: stderr goes to a file for the length of the call. */
struct run {
    struct wc_arena arena;
    struct wc_cli cli;
    int status;
    char said[2000];
};

static void run_args(struct run *run, const char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    memset(run, 0, sizeof *run);
    wc_arena_init(&run->arena);
    run->cli = (struct wc_cli){ .arena = &run->arena, .cwd = "/", .progress = WC_PROGRESS_PLAIN };

    FILE *file = tmpfile();
    int saved_err = dup(STDERR_FILENO), saved_out = dup(STDOUT_FILENO);
    assert_non_null(file);
    fflush(stdout);
    dup2(fileno(file), STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    run->status = wc_cli_parse(&run->cli, argc, argv);
    fflush(stdout);
    dup2(saved_err, STDERR_FILENO);
    dup2(saved_out, STDOUT_FILENO);
    close(saved_err);
    close(saved_out);
    rewind(file);
    size_t n = fread(run->said, 1, sizeof run->said - 1, file);
    run->said[n] = '\0';
    fclose(file);
}

#define RUN(run, ...)                                                                              \
    do {                                                                                           \
        const char *const argv_[] = { "wcompose", __VA_ARGS__, NULL };                             \
        run_args(run, argv_);                                                                      \
    } while (0)

static void end(struct run *run)
{
    wc_arena_deinit(&run->arena);
}

static void options_and_words_mix(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "-f", "a.yaml", "-fb.yaml", "up", "web", "-d", "--timeout=3", "db", "--scale", "x=2");
    assert_int_equal(run.status, -1);
    assert_string_equal(run.cli.verb->name, "up");
    assert_int_equal(run.cli.n_words, 2);
    assert_string_equal(run.cli.words[0], "web");
    assert_string_equal(run.cli.words[1], "db");
    assert_null(run.cli.words[2]);
    assert_true(wc_cli_flag(&run.cli, "detach"));
    assert_false(wc_cli_flag(&run.cli, "wait"));
    assert_int_equal(wc_cli_ms(&run.cli, "timeout", -1), 3000);
    assert_int_equal(wc_cli_ms(&run.cli, "wait-timeout", -1), -1);
    size_t n;
    const char *const *files = wc_cli_list(&run.cli, "file", &n);
    assert_int_equal(n, 2);
    assert_string_equal(files[0], "a.yaml");
    assert_string_equal(files[1], "b.yaml");
    end(&run);
}

static void letters_group(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "logs", "-ftn10", "web");
    assert_int_equal(run.status, -1);
    assert_true(wc_cli_flag(&run.cli, "follow"));
    assert_true(wc_cli_flag(&run.cli, "timestamps"));
    assert_string_equal(wc_cli_text(&run.cli, "tail"), "10");
    end(&run);
    RUN(&run, "exec", "-T", "-e", "A=1", "-eB=2", "web", "true");
    assert_int_equal(run.status, -1);
    size_t n;
    wc_cli_list(&run.cli, "env", &n);
    assert_int_equal(n, 2);
    end(&run);
}

static void flag_takes_a_boolean(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "up", "--wait", "--wait=false", "--detach=1");
    assert_int_equal(run.status, -1);
    assert_false(wc_cli_flag(&run.cli, "wait"));
    assert_true(wc_cli_flag(&run.cli, "detach"));
    end(&run);
    RUN(&run, "up", "--wait=maybe");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    end(&run);
}

static void exec_leaves_the_command_alone(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "exec", "-T", "web", "ls", "-T", "--user", "-l");
    assert_int_equal(run.status, -1);
    assert_int_equal(run.cli.n_words, 5);
    assert_string_equal(run.cli.words[2], "-T");
    assert_null(wc_cli_text(&run.cli, "user"));
    end(&run);
    RUN(&run, "exec", "web", "--", "psql", "-c", "x");
    assert_int_equal(run.status, -1);
    assert_int_equal(run.cli.n_words, 4);
    assert_string_equal(run.cli.words[1], "psql");
    end(&run);
    RUN(&run, "exec", "web");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_non_null(strstr(run.said, "exec needs SERVICE COMMAND"));
    end(&run);
}

static void families_have_two_words(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "image", "rm", "-f", "busybox");
    assert_int_equal(run.status, -1);
    assert_string_equal(run.cli.verb->name, "image rm");
    assert_true(wc_cli_flag(&run.cli, "force"));
    end(&run);
    RUN(&run, "image", "lss");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_non_null(strstr(run.said, "did you mean 'image ls'?"));
    end(&run);
    RUN(&run, "image");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.said, "image make"));
    end(&run);
}

static void mistakes_are_suggested(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "upp");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_string_equal(run.said, "error: unknown command 'upp'\n  = help: did you mean 'up'?\n");
    end(&run);
    RUN(&run, "up", "--detatch");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_string_equal(run.said, "error: unknown option '--detatch' for up\n"
                                  "  = help: did you mean '--detach'?\n");
    end(&run);
    RUN(&run, "up", "-f", "x.yaml");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_non_null(strstr(run.said, "wcompose -f FILE … up"));
    end(&run);
    RUN(&run, "up", "--builds");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    end(&run);
}

static void values_are_checked(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        { "stop", "-t", "soon", "not a time" },
        { "ps", "--format", "xml", "one of table|json" },
        { "kill", "-s", "SIGNOPE", "unknown signal" },
        { "exec", "--index", "-1", "not a number" },
        { "logs", "--tail", NULL, "--tail needs a value: LINES" },
        { "--progress", "loud", "up", "one of auto|tty" },
    };
    for (size_t i = 0; i < WC_COUNT(bad); i++) {
        struct run run;
        RUN(&run, bad[i][0], bad[i][1], bad[i][2]);
        assert_int_equal(run.status, WC_EXIT_USAGE);
        assert_non_null(strstr(run.said, bad[i][3]));
        end(&run);
    }
}

static void times_are_seconds_or_durations(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "down", "-t", "1m30s");
    assert_int_equal(run.status, -1);
    assert_int_equal(wc_cli_ms(&run.cli, "timeout", -1), 90000);
    end(&run);
    RUN(&run, "kill", "-s", "hup");
    assert_int_equal(wc_cli_signal(&run.cli, "signal", 9), 1);
    end(&run);
}

static void too_many_words(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "version", "now");
    assert_int_equal(run.status, WC_EXIT_USAGE);
    assert_non_null(strstr(run.said, "unexpected 'now'"));
    end(&run);
}

static void help_is_data(void **state)
{
    (void)state;
    struct run run;
    RUN(&run, "--help");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.said, "  plan "));
    assert_null(strstr(run.said, "supervise"));
    end(&run);
    RUN(&run, "up", "-h");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.said, "--scale SERVICE=N"));
    end(&run);
    RUN(&run, "help", "image", "make");
    assert_int_equal(run.status, 0);
    assert_non_null(strstr(run.said, "RECIPE..."));
    end(&run);
    RUN(&run, "--version");
    assert_int_equal(run.status, -1);
    assert_string_equal(run.cli.verb->name, "version");
    end(&run);
}

/* Every row is complete, and no two options of a command share a name or a letter. */
static void table_is_sound(void **state)
{
    (void)state;
    for (size_t v = 0; v < wc_n_commands; v++) {
        const struct wc_command *verb = &wc_commands[v];
        assert_non_null(verb->run);
        assert_non_null(verb->usage);
        assert_true(verb->help[0] >= 'a' && verb->help[0] <= 'z');
        assert_ptr_equal(wc_command_find(verb->name), verb);
        for (size_t i = 0; i < verb->n_options; i++) {
            const struct wc_option *option = &verb->options[i];
            assert_ptr_equal(wc_option_by_name(verb, option->name, strlen(option->name)), option);
            if (option->letter != 0)
                assert_ptr_equal(wc_option_by_letter(verb, option->letter), option);
            assert_int_equal(option->value == NULL, option->kind == WC_OPTION_FLAG);
        }
    }
}

WC_MAIN(WC_CASE(options_and_words_mix), WC_CASE(letters_group), WC_CASE(flag_takes_a_boolean),
        WC_CASE(exec_leaves_the_command_alone), WC_CASE(families_have_two_words),
        WC_CASE(mistakes_are_suggested), WC_CASE(values_are_checked),
        WC_CASE(times_are_seconds_or_durations), WC_CASE(too_many_words), WC_CASE(help_is_data),
        WC_CASE(table_is_sound))
