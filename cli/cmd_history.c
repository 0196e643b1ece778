/* cmd_history.c - wcompose history: which models were accepted, when, and what became of them. */
#include "cli/cmd_history.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/args.h"
#include "cli/model_diff.h"
#include "cli/table.h"

enum { WORDS_WIDTH = 40, REASON_WIDTH = 60 };

/* ---- shared with diff and rollback ---- */

int wc_cli_history(struct wc_cli *cli, struct wc_cli_history *out)
{
    struct wc_err err = { 0 };
    *out = (struct wc_cli_history){ 0 };
    int status = wc_cli_project(cli, cli->arena, &out->project, &out->file);
    if (status == 0)
        status = wc_cli_paths(cli, &out->paths);
    if (status != 0)
        return status;
    int rc = wc_history_read(&out->paths, out->project, cli->arena, &out->list, &err);
    return rc == 0 ? 0 : wc_cli_fail(cli, &err);
}

int wc_cli_generation(struct wc_cli *cli, const struct wc_cli_history *history, const char *word,
                      const struct wc_history_row **out)
{
    int64_t number;
    const char *digits = word[0] == '@' ? word + 1 : word;
    if (!wc_str_to_i64(digits, 1, INT64_MAX, &number))
        return wc_cli_usage_hint(cli, "wcompose history lists them",
                                 "'%s' is no generation: "
                                 "expected a number, as @3",
                                 word);
    *out = wc_history_row(&history->list, (uint64_t)number);
    if (*out != NULL)
        return 0;
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_NOENT, 0,
                     "%s has no generation @%lld, or no more: wcompose history lists what is kept",
                     history->project, (long long)number);
    return wc_cli_fail(cli, &err);
}

int wc_cli_generation_model(struct wc_cli *cli, const struct wc_history_row *row,
                            const struct wc_project **out)
{
    struct wc_err err = { 0 };
    int rc = wc_history_model(row, cli->arena, out, &err);
    return rc == 0 ? 0 : wc_cli_fail(cli, &err);
}

/* ---- history ---- */

/* What it changed of the one before it. One that can't be read any more changes nothing known. */
static const char *changes_of(struct wc_cli *cli, const struct wc_history *list, size_t i)
{
    const struct wc_project *before = NULL, *after = NULL;
    struct wc_model_diff diff;
    struct wc_err err;
    if (i == 0)
        return list->rows[0].number == 1 ? "first" : "";
    if (wc_history_model(&list->rows[i - 1], cli->arena, &before, &err) != 0 ||
        wc_history_model(&list->rows[i], cli->arena, &after, &err) != 0)
        return "";
    wc_model_diff(before, after, cli->arena, &diff);
    return diff.n > 0 ? wc_model_diff_words(&diff, WORDS_WIDTH, cli->arena) : "nothing but places";
}

static const char *note_of(struct wc_cli *cli, const struct wc_history *list,
                           const struct wc_history_row *row)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    if (row->in_force)
        wc_buf_adds(&text, "in force");
    if (row == list->back)
        wc_buf_adds(&text, "rollback leads here");
    if (row->restores != 0)
        wc_buf_printf(&text, "%sback to @%llu", text.len > 0 ? ", " : "",
                      (unsigned long long)row->restores);
    if (row->reason != NULL) {
        wc_buf_adds(&text, text.len > 0 ? ": " : "");
        size_t len = wc_text_cut(row->reason, strlen(row->reason), REASON_WIDTH);
        wc_text_add_safe(&text, row->reason, len);
        wc_buf_adds(&text, row->reason[len] != '\0' ? "..." : "");
    }
    return wc_arena_strdup(cli->arena, text.data);
}

static const char *time_of(struct wc_cli *cli, int64_t wall_ms)
{
    char text[32];
    if (wall_ms <= 0)
        return "";
    wc_time_rfc3339(wall_ms, text, sizeof text);
    return wc_arena_strdup(cli->arena, text);
}

const char *wc_cli_time_text(struct wc_cli *cli, int64_t wall_ms, bool for_people)
{
    const char *text = time_of(cli, wall_ms);
    if (!for_people)
        return text;
    if (strlen(text) < 19)
        return "-";
    return wc_arena_printf(cli->arena, "%.10s %.8sZ", text, text + 11);
}

static void print_table(struct wc_cli *cli, const struct wc_history *list)
{
    static const char *const headings[] = { "GENERATION", "MADE", "OUTCOME", "CHANGED", "NOTE" };
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = list->n; i-- > 0;) { /* the newest first: it is looked for most */
        const struct wc_history_row *row = &list->rows[i];
        const char *const cells[] = {
            wc_arena_printf(cli->arena, "@%llu", (unsigned long long)row->number),
            wc_cli_time_text(cli, row->made_at_ms, true),
            wc_outcome_name(row->outcome),
            changes_of(cli, list, i),
            note_of(cli, list, row),
        };
        wc_table_row(table, cells);
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_table_format(table, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void print_json(struct wc_cli *cli, const struct wc_history *list)
{
    for (size_t i = list->n; i-- > 0;) {
        const struct wc_history_row *row = &list->rows[i];
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&line);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_i64(&w, "Generation", (int64_t)row->number);
        wc_jsonw_str(&w, "MadeAt", time_of(cli, row->made_at_ms));
        wc_jsonw_str(&w, "EndedAt", time_of(cli, row->ended_at_ms));
        wc_jsonw_str(&w, "Outcome", wc_outcome_name(row->outcome));
        wc_jsonw_bool(&w, "InForce", row->in_force);
        wc_jsonw_bool(&w, "WasStable", row->was_stable);
        wc_jsonw_bool(&w, "RollbackTarget", row == list->back);
        wc_jsonw_i64(&w, "Restores", (int64_t)row->restores);
        wc_jsonw_str(&w, "Changed", changes_of(cli, list, i));
        wc_jsonw_str(&w, "Reason", row->reason);
        wc_jsonw_str(&w, "Source", row->source);
        wc_jsonw_end_object(&w);
        puts(line.data);
    }
}

int wc_cmd_history(struct wc_cli *cli)
{
    struct wc_cli_history history;
    int status = wc_cli_history(cli, &history);
    if (status != 0)
        return status;
    if (cli->json)
        print_json(cli, &history.list);
    else
        print_table(cli, &history.list);
    return 0;
}
