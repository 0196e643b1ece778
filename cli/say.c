/* say.c - errors, warnings and notes to stderr, in the form that the command wants.
 *
 * Idea:    one message, one write: lines of several processes on one terminal don't mix.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/diag_render.h"
#include "cli/style.h"
#include "cli/table.h"

static void flush_to_stderr(const struct wc_buf *text)
{
    fflush(stdout);
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(STDERR_FILENO, text->data + at, text->len - at);
        if (n <= 0)
            return; /* nobody listens; there is nowhere left to say so */
        at += (size_t)n;
    }
}

/* One message in its parts. */
struct message {
    const char *severity; /* "error", "warning", "note" */
    enum wc_colour colour;
    const char *text, *hint; /* hint may be NULL */
    struct wc_loc at;
    int code;
};

static void add_json(const struct message *message, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "type", "message");
    wc_jsonw_str(&w, "severity", message->severity);
    wc_jsonw_str(&w, "message", message->text);
    if (message->code != 0)
        wc_jsonw_i64(&w, "exit", message->code);
    if (message->hint != NULL)
        wc_jsonw_str(&w, "help", message->hint);
    if (message->at.file != NULL) {
        wc_jsonw_object(&w, "at");
        wc_jsonw_str(&w, "file", message->at.file);
        wc_jsonw_i64(&w, "line", message->at.line);
        wc_jsonw_i64(&w, "column", message->at.col);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

static void add_text(const struct wc_cli *cli, const struct message *message, struct wc_buf *out)
{
    if (message->severity != NULL)
        wc_buf_printf(out, "%s%s%s: ", wc_style_colour(&cli->err, message->colour),
                      message->severity, wc_style_colour(&cli->err, WC_COLOUR_RESET));
    wc_text_add_safe(out, message->text, strlen(message->text));
    wc_buf_addc(out, '\n');
    if (message->at.file != NULL) {
        wc_buf_printf(out, "  --> %s", wc_path_shown(message->at.file, cli->cwd));
        if (message->at.line > 0)
            wc_buf_printf(out, ":%u:%u", message->at.line, message->at.col);
        wc_buf_addc(out, '\n');
    }
    if (message->hint != NULL)
        wc_buf_printf(out, "  = help: %s\n", message->hint);
}

static void say(const struct wc_cli *cli, struct message *message)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    if (cli->progress == WC_PROGRESS_JSON) {
        if (message->severity == NULL)
            message->severity = "info";
        add_json(message, &out);
    } else
        add_text(cli, message, &out);
    flush_to_stderr(&out);
}

int wc_cli_fail(const struct wc_cli *cli, const struct wc_err *err)
{
    int status = wc_err_exit_status(err->code);
    struct message message = { .severity = "error",
                               .colour = WC_COLOUR_ERROR,
                               .text = err->msg,
                               .at = err->at,
                               .code = status };
    if (err->code == WC_ERR_BUG)
        message.hint = "this is a bug of wcompose; please report it with the files and the output "
                       "of the command with WCOMPOSE_LOG=debug";
    say(cli, &message);
    return status;
}

int wc_cli_usage_hint(const struct wc_cli *cli, const char *hint, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = wc_arena_vprintf(cli->arena, fmt, args);
    va_end(args);
    say(cli, &(struct message){ .severity = "error",
                                .colour = WC_COLOUR_ERROR,
                                .text = text,
                                .hint = hint,
                                .code = WC_EXIT_USAGE });
    return WC_EXIT_USAGE;
}

int wc_cli_usage(const struct wc_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = wc_arena_vprintf(cli->arena, fmt, args);
    va_end(args);
    const char *hint = wc_arena_printf(cli->arena, "wcompose %s --help explains it",
                                       cli->verb != NULL ? cli->verb->name : "");
    return wc_cli_usage_hint(cli, hint, "%s", text);
}

__attribute__((format(printf, 3, 0))) static void
say_formatted(const struct wc_cli *cli, struct message *message, const char *fmt, va_list args)
{
    if (cli->progress == WC_PROGRESS_QUIET)
        return;
    message->text = wc_arena_vprintf(cli->arena, fmt, args);
    say(cli, message);
}

void wc_cli_warn(const struct wc_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_formatted(cli, &(struct message){ .severity = "warning", .colour = WC_COLOUR_WARNING }, fmt,
                  args);
    va_end(args);
}

void wc_cli_note(const struct wc_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_formatted(cli, &(struct message){ .colour = WC_COLOUR_RESET }, fmt, args);
    va_end(args);
}

void wc_cli_diags(const struct wc_cli *cli, const struct wc_diags *diags)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    bool quiet = cli->progress == WC_PROGRESS_QUIET;
    if (cli->progress == WC_PROGRESS_JSON)
        wc_diags_format_json(diags, quiet, &out);
    else
        wc_diags_format(diags, &cli->err, cli->cwd, quiet, &out);
    flush_to_stderr(&out);
}
