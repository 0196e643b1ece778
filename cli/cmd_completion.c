/* cmd_completion.c - wcompose completion bash|zsh|fish: the table as a script for a shell.
 *
 * Idea:    all that is static is written into the script; only service names are asked for, by
 *          `config --services`, which reads the files and talks to nobody.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/args.h"

/* Writes the first word of row i's name: what the shell sees first, "image" once for the family. */
static bool first_of_family(size_t i, char *word, size_t size)
{
    const char *name = wc_commands[i].name;
    size_t len = strcspn(name, " ");
    snprintf(word, size, "%.*s", (int)len, name);
    bool seen = i > 0 && wc_str_starts(wc_commands[i - 1].name, word) &&
                wc_commands[i - 1].name[len] == ' ';
    return wc_commands[i].group != NULL && !seen;
}

/* Calls `each` for every family of verbs: "image", "vm", "vm kernel". Members of a family follow
 * each other in the table. */
static void each_family(void (*each)(const char *family, struct wc_buf *out), struct wc_buf *out)
{
    char family[64];
    for (size_t i = 0; i < wc_n_commands; i++) {
        const char *name = wc_commands[i].name, *before = i > 0 ? wc_commands[i - 1].name : "";
        for (const char *end = strchr(name, ' '); end != NULL; end = strchr(end + 1, ' ')) {
            size_t len = (size_t)(end - name);
            snprintf(family, sizeof family, "%.*s", (int)len, name);
            if (!wc_str_starts(before, family) || before[len] != ' ')
                each(family, out);
        }
    }
}

/* Appends the words that may come after `family`. */
static void add_members(const char *family, struct wc_buf *out)
{
    size_t len = strlen(family);
    const char *before = "";
    for (size_t i = 0; i < wc_n_commands; i++) {
        const char *name = wc_commands[i].name;
        if (!wc_str_starts(name, family) || name[len] != ' ')
            continue;
        size_t word = strcspn(name + len + 1, " ");
        if (strncmp(before, name + len + 1, word) != 0 || strchr(" ", before[word]) == NULL)
            wc_buf_printf(out, "%s%.*s", before[0] != '\0' ? " " : "", (int)word, name + len + 1);
        before = name + len + 1;
    }
}

/* Appends `text` for use within single quotes of a shell. */
static void add_quoted(struct wc_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            wc_buf_adds(out, "'\\''");
        else
            wc_buf_addc(out, *text);
    }
}

/* "a|b|c" as "a b c". */
static void add_choices(struct wc_buf *out, const char *choices)
{
    for (; *choices != '\0'; choices++)
        wc_buf_add(out, *choices == '|' ? " " : choices, 1);
}

static void bash_options(const struct wc_option *options, size_t n, struct wc_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        wc_buf_printf(out, " --%s", options[i].name);
        if (options[i].letter != 0)
            wc_buf_printf(out, " -%c", options[i].letter);
    }
}

/* "    --progress) COMPREPLY=(…);;" for every option that takes a value. */
static void bash_values(const char *verb, const struct wc_option *options, size_t n,
                        struct wc_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct wc_option *option = &options[i];
        if (option->value == NULL)
            continue;
        wc_buf_printf(out, "    '%s:--%s'", verb, option->name);
        if (option->letter != 0)
            wc_buf_printf(out, "|'%s:-%c'", verb, option->letter);
        if (option->kind == WC_OPTION_CHOICE) {
            wc_buf_adds(out, ") COMPREPLY=($(compgen -W '");
            add_choices(out, option->value);
            wc_buf_adds(out, "' -- \"$word\")); return;;\n");
        } else if (wc_streq(option->value, "FILE") || wc_streq(option->value, "DIR")) {
            wc_buf_adds(out, ") COMPREPLY=($(compgen -f -- \"$word\")); return;;\n");
        } else {
            wc_buf_adds(out, ") return;;\n");
        }
    }
}

static void bash_words(const struct wc_command *verb, struct wc_buf *out)
{
    switch (verb->words) {
    case WC_WORDS_SERVICES:
        wc_buf_adds(out, " $(_wcompose_services)");
        return;
    case WC_WORDS_FILES:
        wc_buf_adds(out, " $(compgen -f -- \"$word\")");
        return;
    case WC_WORDS_OTHER:
        if (strchr(verb->usage, '|') == NULL)
            return;
        wc_buf_addc(out, ' ');
        add_choices(out, verb->usage);
        return;
    case WC_WORDS_NONE:
        return;
    }
}

static const char bash_head[] =
    "# wcompose completion for bash: source <(wcompose completion bash)\n"
    "_wcompose_services() {\n"
    "  local i args=()\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    case ${COMP_WORDS[i]} in\n"
    "      -f|--file|-p|--project-name|--profile|--env-file|--project-directory)\n"
    "        args+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i+1]}\");;\n"
    "    esac\n"
    "  done\n"
    "  \"${COMP_WORDS[0]}\" \"${args[@]}\" config --services 2>/dev/null\n"
    "}\n"
    "_wcompose() {\n"
    "  local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} verb= i skip=\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    if [[ $skip ]]; then skip=; continue; fi\n"
    "    case ${COMP_WORDS[i]} in\n"
    "      -f|-p";

static void bash_family(const char *family, struct wc_buf *out)
{
    wc_buf_printf(out, "         '%s') verb=\"$verb ${COMP_WORDS[i]}\";;\n", family);
}

static void bash_members(const char *family, struct wc_buf *out)
{
    wc_buf_printf(out, "    '%s') list='", family);
    add_members(family, out);
    wc_buf_adds(out, "';;\n");
}

static void bash_script(struct wc_buf *out)
{
    char word[64];
    wc_buf_adds(out, bash_head);
    for (size_t i = 0; i < wc_n_global_options; i++) {
        if (wc_global_options[i].value != NULL)
            wc_buf_printf(out, "|--%s", wc_global_options[i].name);
    }
    wc_buf_adds(out, ") [[ $verb ]] || skip=1;;\n      -*) ;;\n"
                     "      *) case $verb in\n"
                     "         '') verb=${COMP_WORDS[i]};;\n");
    each_family(bash_family, out);
    wc_buf_adds(out, "         esac;;\n    esac\n  done\n  case \"$verb:$last\" in\n");
    bash_values("", wc_global_options, wc_n_global_options, out);
    for (size_t i = 0; i < wc_n_commands; i++)
        bash_values(wc_commands[i].name, wc_commands[i].options, wc_commands[i].n_options, out);
    wc_buf_adds(out, "  esac\n  local list=\n  case $verb in\n    '') list='");
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (first_of_family(i, word, sizeof word))
            wc_buf_printf(out, "%s ", word);
    }
    wc_buf_adds(out, "help'; [[ $word == -* ]] && list='");
    bash_options(wc_global_options, wc_n_global_options, out);
    wc_buf_adds(out, "';;\n");
    each_family(bash_members, out);
    for (size_t i = 0; i < wc_n_commands; i++) {
        const struct wc_command *verb = &wc_commands[i];
        if (verb->group == NULL)
            continue;
        wc_buf_printf(out, "    '%s') if [[ $word == -* ]]; then list='--help --json", verb->name);
        bash_options(verb->options, verb->n_options, out);
        wc_buf_adds(out, "'; else list=\"");
        bash_words(verb, out);
        wc_buf_adds(out, "\"; fi;;\n");
    }
    wc_buf_adds(out, "  esac\n  COMPREPLY=($(compgen -W \"$list\" -- \"$word\"))\n}\n"
                     "complete -o bashdefault -o default -F _wcompose wcompose\n");
}

/* ---- fish ---- */

static void fish_option(const char *condition, const struct wc_option *option, struct wc_buf *out)
{
    wc_buf_printf(out, "complete -c wcompose -n '%s' -l %s", condition, option->name);
    if (option->letter != 0)
        wc_buf_printf(out, " -s %c", option->letter);
    if (option->kind == WC_OPTION_CHOICE) {
        wc_buf_adds(out, " -x -a '");
        add_choices(out, option->value);
        wc_buf_addc(out, '\'');
    } else if (option->value != NULL) {
        bool is_file = wc_streq(option->value, "FILE") || wc_streq(option->value, "DIR");
        wc_buf_adds(out, is_file ? " -r -F" : " -x");
    }
    wc_buf_adds(out, " -d '");
    add_quoted(out, option->help);
    wc_buf_adds(out, "'\n");
}

/* Appends "__fish_seen_subcommand_from vm; and …": that the words of a name were typed. */
static void fish_typed(const char *name, struct wc_buf *out)
{
    for (const char *at = name; *at != '\0';) {
        size_t len = strcspn(at, " ");
        wc_buf_printf(out, "%s__fish_seen_subcommand_from %.*s", at > name ? "; and " : "",
                      (int)len, at);
        at += len + (at[len] == ' ');
    }
}

/* The words that may come after a family's. */
static void fish_family(const char *family, struct wc_buf *out)
{
    wc_buf_adds(out, "complete -c wcompose -n '");
    fish_typed(family, out);
    wc_buf_adds(out, "; and not __fish_seen_subcommand_from ");
    add_members(family, out);
    wc_buf_adds(out, "' -f -a '");
    add_members(family, out);
    wc_buf_adds(out, "'\n");
}

static void fish_verb(const struct wc_command *verb, struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf typed = WC_BUF_INIT;
    fish_typed(verb->name, &typed);
    const char *condition = typed.data;
    for (size_t i = 0; i < verb->n_options; i++)
        fish_option(condition, &verb->options[i], out);
    if (verb->words == WC_WORDS_OTHER && strchr(verb->usage, '|') != NULL) {
        wc_buf_printf(out, "complete -c wcompose -n '%s' -f -a '", condition);
        add_choices(out, verb->usage);
        wc_buf_adds(out, "'\n");
    }
    if (verb->words == WC_WORDS_SERVICES)
        wc_buf_printf(out,
                      "complete -c wcompose -n '%s' -f -a '(wcompose config --services "
                      "2>/dev/null)'\n",
                      condition);
}

static void fish_script(struct wc_buf *out)
{
    char word[64];
    wc_buf_adds(out, "# wcompose completion for fish: wcompose completion fish | source\n");
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (!first_of_family(i, word, sizeof word))
            continue;
        bool family = strchr(wc_commands[i].name, ' ') != NULL;
        wc_buf_printf(out, "complete -c wcompose -n __fish_use_subcommand -f -a %s -d '", word);
        add_quoted(out, family ? wc_commands[i].group : wc_commands[i].help);
        wc_buf_adds(out, "'\n");
    }
    each_family(fish_family, out);
    for (size_t i = 0; i < wc_n_global_options; i++)
        fish_option("__fish_use_subcommand", &wc_global_options[i], out);
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (wc_commands[i].group != NULL)
            fish_verb(&wc_commands[i], out);
    }
}

/* ---- zsh ---- */

/* "'*-e[set a variable]:KEY=VALUE:'" for _arguments: one per spelling. */
static void zsh_option(const struct wc_option *option, struct wc_buf *out)
{
    char letter[3] = { '-', option->letter, 0 };
    char name[64];
    snprintf(name, sizeof name, "--%s", option->name);
    const char *const spellings[] = { name, option->letter != 0 ? letter : NULL };
    for (size_t i = 0; i < WC_COUNT(spellings) && spellings[i] != NULL; i++) {
        wc_buf_printf(out, " '%s%s[", option->kind == WC_OPTION_LIST ? "*" : "", spellings[i]);
        for (const char *c = option->help; *c != '\0'; c++) {
            if (*c == '[' || *c == ']' || *c == ':' || *c == '\\')
                wc_buf_addc(out, '\\');
            if (*c == '\'')
                wc_buf_adds(out, "'\\'");
            wc_buf_addc(out, *c);
        }
        wc_buf_addc(out, ']');
        if (option->kind == WC_OPTION_CHOICE) {
            wc_buf_adds(out, ":value:(");
            add_choices(out, option->value);
            wc_buf_addc(out, ')');
        } else if (option->value != NULL) {
            bool is_file = wc_streq(option->value, "FILE") || wc_streq(option->value, "DIR");
            wc_buf_printf(out, ":%s:%s", option->value, is_file ? "_files" : "");
        }
        wc_buf_addc(out, '\'');
    }
}

static void zsh_verb(const struct wc_command *verb, struct wc_buf *out)
{
    wc_buf_printf(out, "    '%s') _arguments", verb->name);
    for (size_t i = 0; i < verb->n_options; i++)
        zsh_option(&verb->options[i], out);
    switch (verb->words) {
    case WC_WORDS_SERVICES:
        wc_buf_adds(out, " '*:service:_wcompose_services'");
        break;
    case WC_WORDS_FILES:
        wc_buf_adds(out, " '*:file:_files'");
        break;
    case WC_WORDS_OTHER:
        if (strchr(verb->usage, '|') != NULL) {
            wc_buf_adds(out, " '*:word:(");
            add_choices(out, verb->usage);
            wc_buf_adds(out, ")'");
        }
        break;
    case WC_WORDS_NONE:
        break;
    }
    wc_buf_adds(out, ";;\n");
}

static void zsh_family(const char *family, struct wc_buf *out)
{
    wc_buf_printf(out, "    '%s') if (( CURRENT == 2 )); then compadd ", family);
    add_members(family, out);
    wc_buf_adds(out, "; return; fi;;\n");
}

static void zsh_script(struct wc_buf *out)
{
    char word[64];
    wc_buf_adds(out, "#compdef wcompose\n"
                     "# wcompose completion for zsh: source <(wcompose completion zsh)\n"
                     "_wcompose_services() {\n"
                     "  local -a names\n"
                     "  names=(${(f)\"$(wcompose config --services 2>/dev/null)\"})\n"
                     "  compadd -a names\n"
                     "}\n"
                     "_wcompose() {\n"
                     "  local context state state_descr line verb\n"
                     "  typeset -A opt_args\n"
                     "  _arguments -C");
    for (size_t i = 0; i < wc_n_global_options; i++)
        zsh_option(&wc_global_options[i], out);
    wc_buf_adds(out, " '1:command:(");
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (first_of_family(i, word, sizeof word))
            wc_buf_printf(out, "%s ", word);
    }
    wc_buf_adds(out, "help)' '*::argument:->rest'\n"
                     "  [[ $state == rest ]] || return\n"
                     "  verb=$words[1]\n"
                     "  while true; do case $verb in\n");
    each_family(zsh_family, out);
    wc_buf_adds(out, "    *) break;; esac\n"
                     "    verb=\"$verb $words[2]\"; shift words; (( CURRENT-- ))\n"
                     "  done\n"
                     "  case $verb in\n");
    for (size_t i = 0; i < wc_n_commands; i++) {
        if (wc_commands[i].group != NULL)
            zsh_verb(&wc_commands[i], out);
    }
    wc_buf_adds(out, "  esac\n}\n"
                     "if [[ $funcstack[1] == _wcompose ]]; then _wcompose \"$@\"\n"
                     "else compdef _wcompose wcompose; fi\n");
}

int wc_cmd_completion(struct wc_cli *cli)
{
    static const struct {
        const char *shell;
        void (*script)(struct wc_buf *out);
    } shells[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (size_t i = 0; i < WC_COUNT(shells); i++) {
        if (!wc_streq(shells[i].shell, cli->words[0]))
            continue;
        shells[i].script(&out);
        fwrite(out.data, 1, out.len, stdout);
        return WC_EXIT_OK;
    }
    return wc_cli_usage_hint(cli, "bash, zsh or fish", "no completion for '%s'", cli->words[0]);
}
