/* cmd_lint.c - wcompose lint: every finding about the files, and nothing else.
 *
 * What config -q says, in one list with the planner's findings that hold on every host, and in the
 * forms that programs read. Text is talk and goes to stderr like everywhere; the other forms are
 * what was asked for and go to stdout.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/diag_export.h"
#include "cli/diag_render.h"

static void add_findings(const struct wc_cli *cli, const struct wc_diags *diags, const char *format,
                         struct wc_buf *out)
{
    struct wc_diags_view view = { .most = (size_t)wc_cli_int(cli, "max-errors", WC_DIAGS_SHOWN),
                                  .cwd = cli->cwd };
    if (wc_streq(format, "json"))
        wc_diags_format_json(diags, false, out);
    else if (wc_streq(format, "github"))
        wc_diags_format_github(diags, cli->cwd, out);
    else if (wc_streq(format, "sarif"))
        wc_diags_format_sarif(diags, cli->cwd, out);
    else
        wc_diags_format(diags, &cli->out, &view, out);
}

int wc_cmd_lint(struct wc_cli *cli)
{
    struct wc_diags diags;
    struct wc_project *project = NULL;
    struct wc_cli_load what = { .services = cli->words,
                                .n_services = cli->n_words,
                                .only_shown = true };
    const char *path = wc_cli_text(cli, "output"), *format = wc_cli_text(cli, "format");
    int status = wc_cli_load_quietly(cli, &what, cli->arena, &diags, &project);
    if (status < 0)
        return -status;
    if (status == 0 && diags.n_warnings > 0 && wc_cli_flag(cli, "strict"))
        status = WC_EXIT_SPEC;
    if (format == NULL)
        format = cli->json ? "json" : "text";
    if (wc_streq(format, "text") && path == NULL) {
        if (diags.n > 0)
            wc_cli_diags(cli, &diags);
        return status;
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    add_findings(cli, &diags, format, &out);
    if (path != NULL) {
        int written = wc_cli_write_file(cli, path, &out);
        return written != 0 ? written : status;
    }
    fwrite(out.data, 1, out.len, stdout);
    return status;
}
