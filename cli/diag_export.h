/* diag_export.h - findings in the forms of other programs (cli, pure).
 *
 * Source:  GitHub Actions, "Workflow commands", "Setting an error message"; OASIS SARIF 2.1.0.
 */
#ifndef CLI_DIAG_EXPORT_H
#define CLI_DIAG_EXPORT_H

#include "cli/cli.h"

struct wc_buf;

/* Appends one "::error …" or "::warning …" line for every finding; paths relative to cwd. */
void wc_diags_format_github(const struct wc_diags *diags, const char *cwd, struct wc_buf *out);

/* Appends one SARIF log with one run: a rule for every code, a result for every finding. */
void wc_diags_format_sarif(const struct wc_diags *diags, const char *cwd, struct wc_buf *out);

#endif
