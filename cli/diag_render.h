/* diag_render.h - findings about the user's files, for people and for programs (cli, pure). */
#ifndef CLI_DIAG_RENDER_H
#define CLI_DIAG_RENDER_H

#include "cli/cli.h"

struct wc_buf;

/* How many findings are shown when nobody said. */
enum { WC_DIAGS_SHOWN = 20 };

/* What to show of a list.
 *   most          findings, errors first where there are more; 0: all that are kept
 *   cwd           paths beneath it are shown relative to it; may be NULL
 *   no_warnings   errors only
 */
struct wc_diags_view {
    size_t most;
    const char *cwd;
    bool no_warnings;
};

/* Appends the findings with their lines and carets, then "and N more". Lines longer than the
 * terminal are cut round the caret, which is aligned by display width. Nothing that a terminal
 * could obey is let through. Sort first. */
void wc_diags_format(const struct wc_diags *diags, const struct wc_style *style,
                     const struct wc_diags_view *view, struct wc_buf *out);

/* Appends one JSON object a line for every finding. */
void wc_diags_format_json(const struct wc_diags *diags, bool no_warnings, struct wc_buf *out);

/* The path as people should see it: relative when it is beneath cwd. Borrowed from `file`. */
const char *wc_path_shown(const char *file, const char *cwd);

#endif
