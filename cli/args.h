/* args.h - what the parser and the help share (cli, layer 5). Threads: one. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli/cli.h"

struct wc_buf;

/* Finds a row by its exact name ("up", "image ls"); hidden ones too. NULL when there is none. */
const struct wc_command *wc_command_find(const char *name);

/* True when `word` begins the names of verbs of several words: "image", "vm", "vm kernel". */
bool wc_command_is_family(const char *word);

/* Looks an option up by long name (len bytes) or letter: the verb's, then the global ones. `verb`
 * may be NULL. NULL when there is none. */
const struct wc_option *wc_option_by_name(const struct wc_command *verb, const char *name,
                                          size_t len);
const struct wc_option *wc_option_by_letter(const struct wc_command *verb, char letter);

/* True when `text` is one of the words of "a|b|c". */
bool wc_choice_has(const char *choices, const char *text);

/* Appends the help of the program (family NULL), of a family of verbs, or of one verb. */
void wc_help_program(const char *family, struct wc_buf *out);
void wc_help_verb(const struct wc_command *verb, struct wc_buf *out);

/* Prints "error: <message>" and, where hint isn't NULL, "  = help: <hint>". Returns
 * WC_EXIT_USAGE. */
int wc_cli_usage_hint(const struct wc_cli *cli, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
