/* diag_render.h - findings about the user's files, for people and for programs (cli, pure). */
#ifndef CLI_DIAG_RENDER_H
#define CLI_DIAG_RENDER_H

#include "cli/cli.h"

struct wc_buf;

enum { WC_DIAGS_SHOWN = 20 };

/* Appends at most WC_DIAGS_SHOWN findings with their lines and carets, then "and N more". Sort
 * first.
 *   cwd           paths beneath it are shown relative to it; may be NULL
 *   no_warnings   errors only
 */
void wc_diags_format(const struct wc_diags *diags, const struct wc_style *style, const char *cwd,
                     bool no_warnings, struct wc_buf *out);

/* Appends one JSON object a line for every finding. */
void wc_diags_format_json(const struct wc_diags *diags, bool no_warnings, struct wc_buf *out);

/* The path as people should see it: relative when it is beneath cwd. Borrowed from `file`. */
const char *wc_path_shown(const char *file, const char *cwd);

#endif
