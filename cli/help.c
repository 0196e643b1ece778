/* help.c - the table as text for people.
 *
 * Idea:    two columns, the left as wide as its widest entry; groups in the order of the table.
 */
#include "cli/args.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { HELP_COLUMN_MAX = 34 };

/* Writes "-d, --detach" or "    --scale SERVICE=N" and returns its length. */
static size_t option_text(const struct wc_option *option, struct wc_buf *out)
{
    size_t before = out->len;
    if (option->letter != 0)
        wc_buf_printf(out, "-%c, ", option->letter);
    else
        wc_buf_adds(out, "    ");
    wc_buf_printf(out, "--%s", option->name);
    if (option->value != NULL)
        wc_buf_printf(out, " %s", option->value);
    return out->len - before;
}

static void pad(struct wc_buf *out, size_t from, size_t to)
{
    if (from >= to) { /* too long for its column: the text goes on a line of its own */
        wc_buf_addc(out, '\n');
        from = 0;
        to += 4;
    }
    for (size_t i = from; i < to; i++)
        wc_buf_addc(out, ' ');
}

static void list_options(const struct wc_option *options, size_t n, struct wc_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        wc_buf_adds(out, "  ");
        size_t len = option_text(&options[i], out);
        pad(out, len, HELP_COLUMN_MAX);
        wc_buf_printf(out, "%s\n", options[i].help);
    }
}

static void list_verbs(const char *family, struct wc_buf *out)
{
    const char *group = NULL;
    for (size_t i = 0; i < wc_n_commands; i++) {
        const struct wc_command *verb = &wc_commands[i];
        bool in_family = family == NULL || wc_str_starts(verb->name, family);
        if (verb->group == NULL || !in_family)
            continue;
        if (group != verb->group)
            wc_buf_printf(out, "\n%s\n", verb->group);
        group = verb->group;
        wc_buf_printf(out, "  %-17s  %s\n", verb->name, verb->help);
    }
}

void wc_help_program(const char *family, struct wc_buf *out)
{
    if (family != NULL) {
        wc_buf_printf(out, "Usage: wcompose [OPTIONS] %s COMMAND\n", family);
        list_verbs(wc_command_is_family(family) ? family : NULL, out);
        return;
    }
    wc_buf_adds(out, "Usage: wcompose [OPTIONS] COMMAND [ARG...]\n\n"
                     "Compose files in which each service says how isolated it must be, and a tool "
                     "that\nkeeps that promise.\n");
    list_verbs(NULL, out);
    wc_buf_adds(out, "\nOptions\n");
    list_options(wc_global_options, wc_n_global_options, out);
    wc_buf_adds(out, "\nwcompose COMMAND --help explains a command.\n");
}

void wc_help_verb(const struct wc_command *verb, struct wc_buf *out)
{
    wc_buf_printf(out, "Usage: wcompose [OPTIONS] %s%s%s%s\n\n", verb->name,
                  verb->n_options > 0 ? " [OPTIONS]" : "", verb->usage[0] != '\0' ? " " : "",
                  verb->usage);
    wc_buf_addc(out, (char)(verb->help[0] - 'a' + 'A'));
    wc_buf_printf(out, "%s.\n", verb->help + 1);
    if (verb->n_options > 0) {
        wc_buf_adds(out, "\nOptions\n");
        list_options(verb->options, verb->n_options, out);
    }
    wc_buf_adds(out, "\nwcompose --help lists the options that go before the command.\n");
}
