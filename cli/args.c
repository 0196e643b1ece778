/* args.c - from argv to a verb, its options and its words, by the table.
 *
 * Idea:    options and words may be mixed, "--" ends the options, and every value is checked here
 *          against its row, so that no command ever sees a malformed one. Long global options may
 *          follow the verb; a short one there would be ambiguous (-f is a file before the verb, and
 *          "follow" after `logs`), so it is refused with a sentence that says where it goes.
 * Choice:  getopt_long was rejected: it can't tell what precedes the verb from what follows, can't
 *          suggest, and prints in its own voice.
 */
#include "cli/args.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"

/* The parser's place in argv. */
struct scan {
    struct wc_cli *cli;
    const char *const *argv;
    int argc, at;
    size_t cap_values;
    const char **words;
};

const struct wc_command *wc_command_find(const char *name)
{
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (wc_streq(wc_commands[i].name, name))
            return &wc_commands[i];
    }
    return NULL;
}

bool wc_command_is_family(const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (wc_str_starts(wc_commands[i].name, word) && wc_commands[i].name[len] == ' ')
            return true;
    }
    return false;
}

static const struct wc_option *by_name(const struct wc_option *list, size_t n, const char *name,
                                       size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(list[i].name) == len && memcmp(list[i].name, name, len) == 0)
            return &list[i];
    }
    return NULL;
}

static const struct wc_option *by_letter(const struct wc_option *list, size_t n, char letter)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].letter == letter)
            return &list[i];
    }
    return NULL;
}

const struct wc_option *wc_option_by_name(const struct wc_command *verb, const char *name,
                                          size_t len)
{
    const struct wc_option *found = NULL;
    if (verb != NULL)
        found = by_name(verb->options, verb->n_options, name, len);
    return found != NULL ? found : by_name(wc_global_options, wc_n_global_options, name, len);
}

const struct wc_option *wc_option_by_letter(const struct wc_command *verb, char letter)
{
    if (verb != NULL) {
        const struct wc_option *found = by_letter(verb->options, verb->n_options, letter);
        return found != NULL ? found : letter == 'h' ? wc_option_by_name(NULL, "help", 4) : NULL;
    }
    return by_letter(wc_global_options, wc_n_global_options, letter);
}

bool wc_choice_has(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *word = choices; len > 0 && word != NULL;) {
        const char *end = strchr(word, '|');
        size_t n = end != NULL ? (size_t)(end - word) : strlen(word);
        if (n == len && memcmp(word, text, n) == 0)
            return true;
        word = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static bool seconds_parse(const char *text, int64_t *ms)
{
    int64_t seconds;
    if (wc_str_to_i64(text, 0, INT32_MAX, &seconds)) {
        *ms = seconds * 1000;
        return true;
    }
    return wc_duration_parse(text, ms);
}

/* Says what is wrong with a value, or returns -1 when nothing is. */
static int check_value(const struct wc_cli *cli, const struct wc_option *option, const char *text)
{
    int64_t number;
    switch (option->kind) {
    case WC_OPTION_FLAG:
        if (wc_streq(text, "true") || wc_streq(text, "false"))
            return -1;
        return wc_cli_usage_hint(cli, "write true or false, or leave the value out",
                                 "--%s: '%s' is neither true nor false", option->name, text);
    case WC_OPTION_TEXT:
    case WC_OPTION_LIST:
        return -1;
    case WC_OPTION_INT:
        if (wc_str_to_i64(text, 0, INT32_MAX, &number))
            return -1;
        return wc_cli_usage_hint(cli, NULL, "--%s: '%s' is not a number", option->name, text);
    case WC_OPTION_SECONDS:
        if (seconds_parse(text, &number))
            return -1;
        return wc_cli_usage_hint(cli, "write seconds (\"10\") or a duration (\"1m30s\")",
                                 "--%s: '%s' is not a time", option->name, text);
    case WC_OPTION_CHOICE:
        if (wc_choice_has(option->value, text))
            return -1;
        return wc_cli_usage_hint(cli, wc_arena_printf(cli->arena, "one of %s", option->value),
                                 "--%s: unknown value '%s'", option->name, text);
    case WC_OPTION_SIGNAL:
        if (wc_signal_number(text) != 0)
            return -1;
        return wc_cli_usage_hint(cli, "write a name (SIGHUP, hup) or a number",
                                 "--%s: unknown signal '%s'", option->name, text);
    }
    return -1;
}

static int add_value(struct scan *scan, const struct wc_option *option, const char *text)
{
    struct wc_cli *cli = scan->cli;
    if (option->kind == WC_OPTION_FLAG && (wc_streq(text, "1") || wc_streq(text, "0")))
        text = *text == '1' ? "true" : "false";
    int status = check_value(cli, option, text);
    if (status >= 0)
        return status;
    cli->values = wc_arena_grow(cli->arena, cli->values, cli->n_values, &scan->cap_values,
                                sizeof *cli->values);
    cli->values[cli->n_values++] = (struct wc_cli_value){ option, text };
    return -1;
}

/* The next argument as the value of `option`; NULL (and *status) when there is none. */
static const char *next_argument(struct scan *scan, const struct wc_option *option, int *status)
{
    if (scan->at < scan->argc)
        return scan->argv[scan->at++];
    *status =
        wc_cli_usage_hint(scan->cli, NULL, "--%s needs a value: %s", option->name, option->value);
    return NULL;
}

static const char *suggest_option(const struct wc_cli *cli, const char *name)
{
    const struct wc_command *verb = cli->verb;
    size_t n = wc_n_global_options + (verb != NULL ? verb->n_options : 0);
    const char **names = wc_arena_array(cli->arena, n, sizeof *names);
    size_t at = 0;
    for (size_t i = 0; verb != NULL && i < verb->n_options; i++)
        names[at++] = verb->options[i].name;
    for (size_t i = 0; i < wc_n_global_options; i++)
        names[at++] = wc_global_options[i].name;
    return wc_str_suggest(name, names, n);
}

static int unknown_option(const struct wc_cli *cli, const char *shown, const char *name)
{
    const char *near = name != NULL ? suggest_option(cli, name) : NULL;
    const char *hint =
        near != NULL ? wc_arena_printf(cli->arena, "did you mean '--%s'?", near)
        : cli->verb != NULL
            ? wc_arena_printf(cli->arena, "wcompose %s --help lists them", cli->verb->name)
            : "wcompose --help lists them";
    if (cli->verb == NULL)
        return wc_cli_usage_hint(cli, hint, "unknown option '%s'", shown);
    return wc_cli_usage_hint(cli, hint, "unknown option '%s' for %s", shown, cli->verb->name);
}

/* --name, --name=value, --name value */
static int scan_long(struct scan *scan, const char *argument)
{
    const char *name = argument + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct wc_option *option = wc_option_by_name(scan->cli->verb, name, len);
    if (option == NULL) {
        const char *shown = wc_arena_strndup(scan->cli->arena, argument, len + 2);
        return unknown_option(scan->cli, shown, shown + 2);
    }
    int status = -1;
    const char *value = equals != NULL                   ? equals + 1
                        : option->kind == WC_OPTION_FLAG ? "true"
                                                         : next_argument(scan, option, &status);
    return value != NULL ? add_value(scan, option, value) : status;
}

static int unknown_letter(const struct wc_cli *cli, char letter)
{
    const char shown[] = { '-', letter, 0 };
    const struct wc_option *global = wc_option_by_letter(NULL, letter);
    if (cli->verb == NULL || global == NULL)
        return unknown_option(cli, shown, NULL);
    return wc_cli_usage_hint(
        cli,
        wc_arena_printf(cli->arena, "write it before the command: wcompose -%c %s%s %s", letter,
                        global->value != NULL ? global->value : "",
                        global->value != NULL ? " …" : "", cli->verb->name),
        "-%c (--%s) is not an option of %s", letter, global->name, cli->verb->name);
}

/* -d, -dT, -n10, -n 10, -n=10 */
static int scan_letters(struct scan *scan, const char *argument)
{
    for (const char *at = argument + 1; *at != '\0'; at++) {
        const struct wc_option *option = wc_option_by_letter(scan->cli->verb, *at);
        int status = -1;
        if (option == NULL)
            return unknown_letter(scan->cli, *at);
        if (option->kind == WC_OPTION_FLAG) {
            status = add_value(scan, option, "true");
            if (status >= 0)
                return status;
            continue;
        }
        const char *value = at[1] == '=' ? at + 2 : at + 1;
        if (*value == '\0' && at[1] != '=')
            value = next_argument(scan, option, &status);
        return value != NULL ? add_value(scan, option, value) : status;
    }
    return -1;
}

static const char *suggest_verb(const struct wc_cli *cli, const char *word)
{
    const char **names = wc_arena_array(cli->arena, wc_n_commands + 1, sizeof *names);
    for (size_t i = 0; i < wc_n_commands; i++)
        names[i] = wc_commands[i].group != NULL ? wc_commands[i].name : NULL;
    names[wc_n_commands] = "image";
    return wc_str_suggest(word, names, wc_n_commands + 1);
}

/* Commands of docker compose that are not here: no slip of the keys, so no word that looks alike is
 * suggested (pull, kill). */
static bool is_only_docker(const char *word)
{
    static const char *const verbs[] = {
        "attach", "build",   "commit", "cp",    "create",  "export",  "images",
        "ls",     "pause",   "port",   "pull",  "push",    "rm",      "run",
        "scale",  "publish", "wait",   "watch", "volumes", "unpause",
    };
    for (size_t i = 0; i < WC_COUNT(verbs); i++)
        if (wc_streq(verbs[i], word))
            return true;
    return false;
}

static int unknown_verb(const struct wc_cli *cli, const char *word)
{
    if (is_only_docker(word))
        return wc_cli_usage_hint(cli, "wcompose --help lists what there is",
                                 "'%s' is a command of docker compose that wcompose does not have",
                                 word);
    const char *near = suggest_verb(cli, word);
    return wc_cli_usage_hint(cli,
                             near != NULL ? wc_arena_printf(cli->arena, "did you mean '%s'?", near)
                                          : "wcompose --help lists them",
                             "unknown command '%s'", word);
}

/* Prints to stdout what was asked for and gives the exit status. */
static int print_help(const struct wc_command *verb, const char *family)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (verb != NULL)
        wc_help_verb(verb, &text);
    else
        wc_help_program(family, &text);
    fwrite(text.data, 1, text.len, stdout);
    return WC_EXIT_OK;
}

/* Takes the words after the first of "image ls" and of "vm kernel ls". */
static int scan_family(struct scan *scan, const char *name)
{
    struct wc_cli *cli = scan->cli;
    while (wc_command_is_family(name)) {
        const char *next = scan->at < scan->argc ? scan->argv[scan->at] : NULL;
        if (next == NULL || wc_streq(next, "--help") || wc_streq(next, "-h"))
            return print_help(NULL, name);
        scan->at++;
        name = wc_arena_printf(cli->arena, "%s %s", name, next);
    }
    cli->verb = wc_command_find(name);
    return cli->verb != NULL ? -1 : unknown_verb(cli, name);
}

static int scan_help(struct scan *scan)
{
    const char *word = scan->at < scan->argc ? scan->argv[scan->at++] : NULL;
    while (word != NULL && wc_command_is_family(word) && scan->at < scan->argc)
        word = wc_arena_printf(scan->cli->arena, "%s %s", word, scan->argv[scan->at++]);
    if (word == NULL || wc_command_is_family(word))
        return print_help(NULL, word);
    const struct wc_command *verb = wc_command_find(word);
    return verb != NULL ? print_help(verb, NULL) : unknown_verb(scan->cli, word);
}

static int scan_word(struct scan *scan, const char *word)
{
    struct wc_cli *cli = scan->cli;
    if (cli->verb != NULL) {
        scan->words[cli->n_words++] = word;
        return -1;
    }
    if (wc_streq(word, "help"))
        return scan_help(scan);
    cli->verb = wc_command_find(word);
    if (cli->verb != NULL)
        return -1;
    return wc_command_is_family(word) ? scan_family(scan, word) : unknown_verb(cli, word);
}

/* True when what follows are words, however they look. */
static bool options_ended(const struct scan *scan)
{
    const struct wc_cli *cli = scan->cli;
    return cli->verb != NULL && cli->verb->stop_at_word2 && cli->n_words >= 2;
}

static int scan_arguments(struct scan *scan)
{
    bool ended = false;
    while (scan->at < scan->argc) {
        const char *argument = scan->argv[scan->at++];
        int status;
        if (ended || options_ended(scan) || argument[0] != '-' || argument[1] == '\0')
            status = scan_word(scan, argument);
        else if (wc_streq(argument, "--")) {
            ended = true;
            continue;
        } else
            status = argument[1] == '-' ? scan_long(scan, argument) : scan_letters(scan, argument);
        if (status >= 0)
            return status;
    }
    return -1;
}

static int check_words(const struct wc_cli *cli)
{
    const struct wc_command *verb = cli->verb;
    if (cli->n_words < verb->min_words)
        return wc_cli_usage(cli, "%s needs %s", verb->name, verb->usage);
    if (cli->n_words > verb->max_words)
        return wc_cli_usage(cli, "%s: unexpected '%s'", verb->name, cli->words[verb->max_words]);
    return -1;
}

int wc_cli_parse(struct wc_cli *cli, int argc, const char *const *argv)
{
    struct scan scan = { .cli = cli, .argv = argv, .argc = argc, .at = 1 };
    scan.words = wc_arena_array(cli->arena, (size_t)argc + 1, sizeof *scan.words);
    cli->words = scan.words;
    int status = scan_arguments(&scan);
    if (status >= 0)
        return status;
    if (wc_cli_flag(cli, "help"))
        return print_help(cli->verb, NULL);
    if (wc_cli_flag(cli, "version"))
        cli->verb = wc_command_find("version");
    if (cli->verb == NULL)
        return print_help(NULL, NULL);
    return check_words(cli);
}

/* ---- the getters ---- */

static const struct wc_option *declared(const struct wc_cli *cli, const char *name,
                                        enum wc_option_kind kind)
{
    const struct wc_option *option = wc_option_by_name(cli->verb, name, strlen(name));
    if (option == NULL || option->kind != kind) {
        fprintf(stderr, "wcompose: bug: option '%s' is not in the table that way\n", name);
        abort();
    }
    return option;
}

static const char *last_value(const struct wc_cli *cli, const struct wc_option *option)
{
    for (size_t i = cli->n_values; i-- > 0;) {
        if (cli->values[i].option == option)
            return cli->values[i].text;
    }
    return NULL;
}

bool wc_cli_flag(const struct wc_cli *cli, const char *name)
{
    const char *text = last_value(cli, declared(cli, name, WC_OPTION_FLAG));
    return text != NULL && wc_streq(text, "true");
}

const char *wc_cli_text(const struct wc_cli *cli, const char *name)
{
    const struct wc_option *option = wc_option_by_name(cli->verb, name, strlen(name));
    bool is_choice = option != NULL && option->kind == WC_OPTION_CHOICE;
    return last_value(cli, declared(cli, name, is_choice ? WC_OPTION_CHOICE : WC_OPTION_TEXT));
}

const char *const *wc_cli_list(const struct wc_cli *cli, const char *name, size_t *n)
{
    const struct wc_option *option = declared(cli, name, WC_OPTION_LIST);
    const char **list = wc_arena_array(cli->arena, cli->n_values + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < cli->n_values; i++) {
        if (cli->values[i].option == option)
            list[count++] = cli->values[i].text;
    }
    if (n != NULL)
        *n = count;
    return list;
}

int64_t wc_cli_int(const struct wc_cli *cli, const char *name, int64_t fallback)
{
    const char *text = last_value(cli, declared(cli, name, WC_OPTION_INT));
    int64_t number = fallback;
    if (text != NULL)
        (void)wc_str_to_i64(text, 0, INT32_MAX, &number);
    return number;
}

int64_t wc_cli_ms(const struct wc_cli *cli, const char *name, int64_t fallback)
{
    const char *text = last_value(cli, declared(cli, name, WC_OPTION_SECONDS));
    int64_t ms = fallback;
    if (text != NULL)
        (void)seconds_parse(text, &ms);
    return ms;
}

int wc_cli_signal(const struct wc_cli *cli, const char *name, int fallback)
{
    const char *text = last_value(cli, declared(cli, name, WC_OPTION_SIGNAL));
    return text != NULL ? wc_signal_number(text) : fallback;
}
