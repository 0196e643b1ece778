/* cmd_doctor.c - wcompose doctor: what this host has and lacks, and what mends it.
 *
 * Exit:    0 both levels can be had; 4 process only; 69 not even that.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/style.h"
#include "cli/table.h"
#include "wcompose/doctor.h"

static const char *state_name(enum wc_doctor_state state)
{
    switch (state) {
    case WC_DOCTOR_GOOD:
        return "good";
    case WC_DOCTOR_POOR:
        return "poor";
    case WC_DOCTOR_MISSING:
        return "missing";
    }
    return "?";
}

static const char *level_name(enum wc_isolation level)
{
    if (level == WC_ISOLATION_DEFAULT)
        return "sources";
    return level == WC_ISOLATION_HYPERV ? "hyperv" : "process";
}

static bool has_level(const struct wc_doctor_row *rows, size_t n, enum wc_isolation level)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].level == level && rows[i].state == WC_DOCTOR_MISSING)
            return false;
    return true;
}

static void print_json(const struct wc_doctor_row *rows, size_t n)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_jsonw w = WC_JSONW_INIT(&out);
    bool process = has_level(rows, n, WC_ISOLATION_PROCESS);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_bool(&w, "process", process);
    wc_jsonw_bool(&w, "hyperv", process && has_level(rows, n, WC_ISOLATION_HYPERV));
    wc_jsonw_array(&w, "checks");
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(&w, NULL);
        wc_jsonw_str(&w, "level", level_name(rows[i].level));
        wc_jsonw_str(&w, "what", rows[i].what);
        wc_jsonw_str(&w, "state", state_name(rows[i].state));
        wc_jsonw_str(&w, "found", rows[i].found);
        wc_jsonw_str(&w, "fix", rows[i].fix);
        wc_jsonw_end_object(&w);
    }
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    puts(out.data);
}

static void print_table(const struct wc_cli *cli, const struct wc_doctor_row *rows, size_t n)
{
    static const char *const headings[] = { "LEVEL", "", "WHAT", "FOUND" };
    static const enum wc_mark marks[] = { [WC_DOCTOR_GOOD] = WC_MARK_DONE,
                                          [WC_DOCTOR_POOR] = WC_MARK_WARNING,
                                          [WC_DOCTOR_MISSING] = WC_MARK_FAILED };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < n; i++) {
        const char *const cells[] = { level_name(rows[i].level),
                                      wc_style_mark(&cli->out, marks[rows[i].state]), rows[i].what,
                                      rows[i].found };
        wc_table_row(table, cells);
    }
    wc_table_format(table, &out);
    for (size_t i = 0, fixes = 0; i < n; i++)
        if (rows[i].fix != NULL) {
            wc_buf_adds(&out, fixes++ == 0 ? "\nWhat mends it:\n" : "");
            wc_buf_printf(&out, "  %s  (%s)\n", rows[i].fix, rows[i].what);
        }
    fwrite(out.data, 1, out.len, stdout);
}

int wc_cmd_doctor(struct wc_cli *cli)
{
    struct wc_paths paths;
    struct wc_doctor_row *rows = NULL;
    int status = wc_cli_paths(cli, &paths);
    if (status != 0)
        return status;
    size_t n = wc_doctor_look(&paths, cli->arena, &rows);
    if (cli->json)
        print_json(rows, n);
    else
        print_table(cli, rows, n);
    if (!has_level(rows, n, WC_ISOLATION_PROCESS))
        return WC_EXIT_DRIVER;
    return has_level(rows, n, WC_ISOLATION_HYPERV) ? WC_EXIT_OK : WC_EXIT_ISOLATION;
}
