/* style.h - how a stream may be written to (cli, layer 5, pure but for wc_style_of_fd).
 *
 * Idea:    colour and cursor control are two switches: NO_COLOR turns off the first only.
 * Source:  no-color.org; CLICOLOR_FORCE (bixense.com/clicolors).
 */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include "cli/cli.h"

/* What is known of a stream. ansi is "auto", "never" or "always"; environ NULL-terminated. */
struct wc_style_facts {
    bool is_terminal;
    unsigned width, height; /* 0: unknown */
    const char *ansi;
    const char *const *environ;
};

/* Decides. Never a terminal, never a cursor; TERM=dumb and --ansi never: neither colour nor
 * cursor. */
void wc_style_decide(const struct wc_style_facts *facts, struct wc_style *out);

/* The same for an open descriptor: asks the kernel whether it is a terminal, and its size. */
void wc_style_of_fd(int fd, const char *ansi, const char *const *env, struct wc_style *out);

/* Value of `name` in a NULL-terminated KEY=VALUE list; NULL when absent or empty. */
const char *wc_environ_get(const char *const *env, const char *name);

/* The colours that are used, by meaning. */
enum wc_colour {
    WC_COLOUR_RESET,
    WC_COLOUR_ERROR,
    WC_COLOUR_WARNING,
    WC_COLOUR_GOOD,
    WC_COLOUR_BUSY,
    WC_COLOUR_FAINT,
    WC_COLOUR_STRONG,
    WC_COLOUR_PLACE,
};

/* The escape sequence, or "" when the style has no colour. */
const char *wc_style_colour(const struct wc_style *style, enum wc_colour colour);

/* Marks: a glyph where the terminal takes them, else ASCII. */
enum wc_mark {
    WC_MARK_DONE,
    WC_MARK_BUSY,
    WC_MARK_PENDING,
    WC_MARK_FAILED,
    WC_MARK_WARNING,
    WC_MARK_HYPERV,
    WC_MARK_PROCESS,
    WC_MARK_ELLIPSIS,
    WC_MARK_DOT,
    WC_MARK_ARROW,
};
const char *wc_style_mark(const struct wc_style *style, enum wc_mark mark);

#endif
