/* failure.c - a start that failed, told so that the reader knows what to do: what, why, where, the
 * last words of the service, what is blocked, what to type next.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/diag_render.h"
#include "cli/scene.h"
#include "cli/table.h"
#include "cli/ui_priv.h"

static void add_names(struct wc_buf *out, const char *label, const char *const *names, size_t n)
{
    if (n == 0)
        return;
    wc_buf_printf(out, "  %s ", label);
    for (size_t i = 0; i < n; i++)
        wc_buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
    wc_buf_addc(out, '\n');
}

static void add_place(struct wc_buf *out, const struct wc_loc *at)
{
    if (at->file != NULL && at->line > 0)
        wc_buf_printf(out, "  %s:%u:%u", at->file, at->line, at->col);
}

static void add_log(struct wc_buf *out, const struct wc_ui_failure *failure)
{
    if (failure->n_log_lines == 0 && failure->service != NULL && !failure->nothing_left)
        wc_buf_printf(out, "  %s wrote nothing\n", failure->service);
    if (failure->n_log_lines == 0)
        return;
    wc_buf_printf(out, "  last lines of %s:\n",
                  failure->service != NULL ? failure->service : failure->project);
    for (size_t i = 0; i < failure->n_log_lines; i++) {
        const char *line = failure->log_lines[i];
        size_t len = strcspn(line, "\n");
        wc_buf_adds(out, "     ");
        wc_text_add_safe(out, line, len);
        wc_buf_addc(out, '\n');
    }
}

static void format_text(const struct wc_style *style, const struct wc_ui_failure *failure,
                        struct wc_buf *out)
{
    const char *cause = failure->cause != NULL ? failure->cause : "the reason is not known";
    bool starting = failure->verb == NULL || wc_streq(failure->verb, "up") ||
                    wc_streq(failure->verb, "start") || wc_streq(failure->verb, "restart");
    wc_buf_printf(out, "%s%s %s %s%s", wc_style_colour(style, WC_COLOUR_ERROR),
                  wc_style_mark(style, WC_MARK_FAILED), failure->project,
                  starting ? "did not come up" : "failed", wc_style_colour(style, WC_COLOUR_RESET));
    if (failure->service != NULL)
        wc_buf_printf(out, ": %s", failure->service);
    if (failure->service != NULL && failure->index > 1)
        wc_buf_printf(out, "#%u", failure->index);
    wc_buf_adds(out, ": ");
    wc_text_add_safe(out, cause, strlen(cause));
    add_place(out, &failure->at);
    wc_buf_addc(out, '\n');
    if (failure->outcome != NULL) {
        wc_buf_adds(out, "  ");
        wc_text_add_safe(out, failure->outcome, strlen(failure->outcome));
        wc_buf_addc(out, '\n');
    }
    add_log(out, failure);
    add_names(out, "blocked by it:", failure->blocked, failure->n_blocked);
    add_names(out, "still running:", failure->running, failure->n_running);
    const char *command = failure->command != NULL ? failure->command : "wcompose";
    if (failure->nothing_left) {
        wc_buf_printf(out, "  nothing of it was left behind\n  next:  mend that, then  %s %s\n",
                      command, failure->verb != NULL ? failure->verb : "up");
        return;
    }
    wc_buf_adds(out, "  next:");
    if (failure->service != NULL)
        wc_buf_printf(out, "  %s logs %s  ", command, failure->service);
    wc_buf_printf(out, "  %s ps -a    %s down\n", command, command);
}

static void add_array(struct wc_jsonw *w, const char *key, const char *const *items, size_t n)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++)
        wc_jsonw_str(w, NULL, items[i]);
    wc_jsonw_end_array(w);
}

static void format_json(const struct wc_ui_failure *failure, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "type", "failure");
    wc_jsonw_str(&w, "project", failure->project);
    if (failure->service != NULL) {
        wc_jsonw_str(&w, "service", failure->service);
        wc_jsonw_i64(&w, "index", failure->index);
        wc_jsonw_str(&w, "isolation", wc_isolation_name(failure->level));
    }
    wc_jsonw_str(&w, "cause", failure->cause);
    if (failure->outcome != NULL)
        wc_jsonw_str(&w, "outcome", failure->outcome);
    if (failure->at.file != NULL) {
        wc_jsonw_object(&w, "at");
        wc_jsonw_str(&w, "file", failure->at.file);
        wc_jsonw_i64(&w, "line", failure->at.line);
        wc_jsonw_i64(&w, "column", failure->at.col);
        wc_jsonw_end_object(&w);
    }
    add_array(&w, "log", failure->log_lines, failure->n_log_lines);
    add_array(&w, "blocked", failure->blocked, failure->n_blocked);
    add_array(&w, "running", failure->running, failure->n_running);
    wc_jsonw_i64(&w, "exit", failure->exit_status);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

void wc_ui_format_failure(const struct wc_style *style, bool json,
                          const struct wc_ui_failure *failure, struct wc_buf *out)
{
    if (json)
        format_json(failure, out);
    else
        format_text(style, failure, out);
}

void wc_ui_report_failure(const struct wc_cli *cli, const struct wc_ui_failure *failure)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_ui_failure full = *failure;
    if (full.command == NULL)
        full.command = wc_cli_again(cli);
    full.at.file = full.at.file != NULL ? wc_path_shown(full.at.file, cli->cwd) : NULL;
    wc_ui_format_failure(&cli->err, cli->progress == WC_PROGRESS_JSON, &full, &out);
    for (size_t at = 0; at < out.len;) {
        ssize_t n = write(STDERR_FILENO, out.data + at, out.len - at);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}
