/* style.c - colour, cursor, glyphs: what a stream can take and what the user wants. */
#include "cli/style.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"

const char *wc_environ_get(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return (*env)[len + 1] != '\0' ? *env + len + 1 : NULL;
    }
    return NULL;
}

/* Upper and lower case, with and without the dash: "C.UTF-8", "de_DE.utf8". */
static bool names_utf8(const char *locale)
{
    for (; *locale != '\0'; locale++) {
        if (wc_ascii_lower(locale[0]) == 'u' && wc_ascii_lower(locale[1]) == 't' &&
            wc_ascii_lower(locale[2]) == 'f')
            return wc_streq(locale + 3, "8") || wc_streq(locale + 3, "-8");
    }
    return false;
}

/* The locale's variables are read, not set: nothing else of a locale is wanted here. */
static bool wants_unicode(const char *const *env)
{
    static const char *const order[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    if (wc_environ_get(env, "WCOMPOSE_ASCII") != NULL)
        return false;
    for (size_t i = 0; i < WC_COUNT(order); i++) {
        const char *locale = wc_environ_get(env, order[i]);
        if (locale != NULL)
            return names_utf8(locale);
    }
    return false;
}

void wc_style_decide(const struct wc_style_facts *facts, struct wc_style *out)
{
    const char *term = wc_environ_get(facts->environ, "TERM");
    const char *force = wc_environ_get(facts->environ, "CLICOLOR_FORCE");
    bool dumb = term != NULL && wc_streq(term, "dumb");
    bool never = wc_streq(facts->ansi, "never");
    bool always = wc_streq(facts->ansi, "always");
    bool forced = always || (force != NULL && !wc_streq(force, "0"));
    bool able = facts->is_terminal && !dumb;
    bool no_colour = wc_environ_get(facts->environ, "NO_COLOR") != NULL && !always;

    *out = (struct wc_style){
        .tty = facts->is_terminal,
        .colour = !never && !no_colour && (able || forced),
        .cursor = !never && able,
        .unicode = wants_unicode(facts->environ),
        .width = facts->width != 0 ? facts->width : 80,
        .height = facts->height != 0 ? facts->height : 24,
    };
}

void wc_style_of_fd(int fd, const char *ansi, const char *const *env, struct wc_style *out)
{
    struct wc_style_facts facts = { .ansi = ansi, .environ = env };
    struct winsize size;
    facts.is_terminal = isatty(fd) == 1;
    if (facts.is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0) {
        facts.width = size.ws_col;
        facts.height = size.ws_row;
    }
    wc_style_decide(&facts, out);
}

const char *wc_style_colour(const struct wc_style *style, enum wc_colour colour)
{
    static const char *const sequences[] = {
        [WC_COLOUR_RESET] = "\033[0m",    [WC_COLOUR_ERROR] = "\033[1;31m",
        [WC_COLOUR_WARNING] = "\033[33m", [WC_COLOUR_GOOD] = "\033[32m",
        [WC_COLOUR_BUSY] = "\033[36m",    [WC_COLOUR_FAINT] = "\033[2m",
        [WC_COLOUR_STRONG] = "\033[1m",   [WC_COLOUR_PLACE] = "\033[36m",
    };
    return style->colour ? sequences[colour] : "";
}

const char *wc_style_mark(const struct wc_style *style, enum wc_mark mark)
{
    static const char *const marks[][2] = {
        [WC_MARK_DONE] = { "*", "✔" },    [WC_MARK_BUSY] = { "-", "◐" },
        [WC_MARK_PENDING] = { "o", "○" }, [WC_MARK_FAILED] = { "x", "✖" },
        [WC_MARK_WARNING] = { "!", "!" }, [WC_MARK_HYPERV] = { "#", "▣" },
        [WC_MARK_PROCESS] = { "=", "▢" }, [WC_MARK_ELLIPSIS] = { "...", "…" },
        [WC_MARK_DOT] = { "|", "·" },     [WC_MARK_ARROW] = { ">", "▸" },
    };
    return marks[mark][style->unicode ? 1 : 0];
}
