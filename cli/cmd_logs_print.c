/* cmd_logs_print.c - one log line: prefix, time, text as it is; or one JSON object. */
#include "cli/cmd_logs_print.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/ui.h"

static void print_json(const struct wc_log_line *line)
{
    char ts[32];
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    wc_time_rfc3339(line->time_ns / 1000000, ts, sizeof ts);
    bool is_whole = line->len > 0 && line->text[line->len - 1] == '\n';
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "ts", ts);
    wc_jsonw_str(&w, "service", line->service);
    wc_jsonw_i64(&w, "index", line->index);
    wc_jsonw_str(&w, "stream", line->is_stderr ? "stderr" : "stdout");
    wc_jsonw_strn(&w, "text", line->text, is_whole ? line->len - 1 : line->len);
    if (!is_whole)
        wc_jsonw_bool(&w, "partial", true);
    wc_jsonw_end_object(&w);
    wc_buf_addc(&out, '\n');
    fwrite(out.data, 1, out.len, stdout);
}

static void print_prefix(const struct wc_log_printer *printer, const struct wc_log_line *line,
                         const char *name)
{
    const struct wc_style *style = &printer->cli->out;
    bool is_coloured = style->colour && !printer->no_color;
    if (!printer->no_prefix)
        printf("%s%-*s | %s", is_coloured ? wc_ui_name_colour(style, line->service) : "",
               (int)printer->width + 1, name, is_coloured ? wc_ui_reset(style) : "");
    if (printer->timestamps) {
        char ts[32];
        wc_time_rfc3339(line->time_ns / 1000000, ts, sizeof ts);
        printf("%.23s%06dZ ", ts, (int)(line->time_ns % 1000000));
    }
}

void wc_log_print_break(struct wc_log_printer *printer)
{
    if (printer->open[0] != '\0')
        putchar('\n');
    printer->open[0] = '\0';
}

void wc_log_print(void *data, const struct wc_log_line *line)
{
    struct wc_log_printer *printer = data;
    char name[sizeof printer->open];
    if (printer->cli->json) {
        print_json(line);
        return;
    }
    snprintf(name, sizeof name, "%s-%u", line->service, line->index);
    bool is_rest = wc_streq(printer->open, name);
    if (!is_rest) {
        wc_log_print_break(printer);
        print_prefix(printer, line, name);
    }
    fwrite(line->text, 1, line->len, stdout);
    bool is_whole = line->len > 0 && line->text[line->len - 1] == '\n';
    memcpy(printer->open, is_whole ? "" : name, is_whole ? 1 : strlen(name) + 1);
}
