/* cmd_support.c - wcompose support: what of the Compose Specification is carried out.
 *
 * Idea:    an attribute is named by the end or the beginning of its path, without the signs for
 *          names and items: "ports", "build.args", "deploy.resources".
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/table.h"
#include "wcompose/support.h"

/* "services.*.ports[].target" -> ".services.ports.target." */
static const char *plain_path(struct wc_arena *arena, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_buf_addc(&out, '.');
    for (const char *p = path; *p != '\0'; p++) {
        if (p[0] == '*' && p[1] == '.')
            p++;
        else if (strchr("*[]", *p) == NULL)
            wc_buf_addc(&out, *p);
    }
    wc_buf_addc(&out, '.');
    return wc_arena_strdup(arena, out.data);
}

static void write_json(struct wc_jsonw *w, const struct wc_support_row *row)
{
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "attribute", row->path);
    wc_jsonw_str(w, "takes", row->takes);
    wc_jsonw_str(w, "short", row->brief);
    wc_jsonw_str(w, "default", row->fallback);
    wc_jsonw_str(w, "merge", row->merge);
    wc_jsonw_str(w, "linux", row->levels[WC_PLATFORM_LINUX]);
    wc_jsonw_str(w, "windows", row->levels[WC_PLATFORM_WINDOWS]);
    wc_jsonw_str(w, "clause", row->clause);
    wc_jsonw_end_object(w);
}

static void format_json(const struct wc_support_row *rows, size_t n, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    w.indent = 2;
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_array(&w, "attributes");
    for (size_t i = 0; i < n; i++)
        write_json(&w, &rows[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}

static void format_table(const struct wc_cli *cli, const struct wc_support_row *rows, size_t n,
                         struct wc_buf *out)
{
    static const char *const both[] = { "attribute", "takes",   "when absent", "in a later file",
                                        "Linux",     "Windows", "clause" };
    static const char *const one[] = { "attribute",       "takes", "when absent",
                                       "in a later file", "level", "clause" };
    const char *platform = wc_cli_text(cli, "platform");
    int only = platform == NULL                ? -1
               : wc_streq(platform, "windows") ? WC_PLATFORM_WINDOWS
                                               : WC_PLATFORM_LINUX;
    struct wc_table *table = only < 0 ? wc_table_new(cli->arena, both, WC_COUNT(both))
                                      : wc_table_new(cli->arena, one, WC_COUNT(one));
    for (size_t i = 0; i < n; i++) {
        const struct wc_support_row *row = &rows[i];
        const char *cells[WC_COUNT(both)] = { row->path, row->takes, row->fallback, row->merge };
        size_t next = 4;
        for (int p = 0; p < WC_PLATFORMS; p++)
            if (only < 0 || only == p)
                cells[next++] = row->levels[p];
        cells[next] = row->clause;
        wc_table_row(table, cells);
    }
    wc_table_format(table, out);
}

static int unknown(const struct wc_cli *cli, const struct wc_support_row *rows, size_t n,
                   const char *asked)
{
    const char **keys = wc_arena_array(cli->arena, n + 1, sizeof *keys);
    for (size_t i = 0; i < n; i++) {
        const char *dot = strrchr(rows[i].path, '.');
        keys[i] = dot == NULL ? rows[i].path : dot + 1;
    }
    const char *near = wc_str_suggest(asked, keys, n);
    const char *hint = near != NULL ? wc_arena_printf(cli->arena, "did you mean '%s'?", near)
                                    : "wcompose support lists all of them";
    return wc_cli_usage_hint(cli, hint, "the Compose Specification has no attribute '%s'", asked);
}

int wc_cmd_support(struct wc_cli *cli)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_support_row *rows;
    size_t all = wc_spec_support(cli->arena, &rows), n = all;
    struct wc_support_row *found = rows;
    if (cli->n_words > 0) {
        const char *wanted = plain_path(cli->arena, cli->words[0]);
        found = wc_arena_array(cli->arena, all, sizeof *found);
        n = 0;
        for (size_t i = 0; i < all; i++)
            if (strstr(plain_path(cli->arena, rows[i].path), wanted) != NULL)
                found[n++] = rows[i];
        if (n == 0)
            return unknown(cli, rows, all, cli->words[0]);
    }
    if (cli->json)
        format_json(found, n, &out);
    else
        format_table(cli, found, n, &out);
    fwrite(out.data, 1, out.len, stdout);
    return WC_EXIT_OK;
}
