/* cmd_rollouts.c - wcompose rollouts: how far each service's last change has come, and why it
 * stopped.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cmd_history.h"
#include "cli/table.h"

static const char *took(struct wc_cli *cli, const struct wc_rollout_row *row)
{
    if (row->ended_at_ms <= row->began_at_ms)
        return "-";
    return wc_arena_printf(cli->arena, "%.1f s",
                           (double)(row->ended_at_ms - row->began_at_ms) / 1000);
}

static const char *state_of(const struct wc_rollout_row *row)
{
    if (row->back && row->state == WC_ROLLOUT_ROLLING)
        return "rolling back";
    if (row->back && row->state == WC_ROLLOUT_DONE)
        return "rolled back";
    return wc_rollout_state_name(row->state);
}

static const char *reason_of(struct wc_cli *cli, const struct wc_rollout_row *row)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, "");
    if (row->reason != NULL)
        wc_text_add_safe(&text, row->reason, strlen(row->reason));
    return wc_arena_strdup(cli->arena, text.data);
}

static void print_table(struct wc_cli *cli, const struct wc_history *list)
{
    static const char *const headings[] = { "SERVICE", "STATE", "CHANGED", "FROM",
                                            "TO",      "BEGAN", "TOOK",    "WHY" };
    struct wc_table *table = wc_table_new(cli->arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < list->n_rollouts; i++) {
        const struct wc_rollout_row *row = &list->rollouts[i];
        const char *const cells[] = {
            row->service,
            state_of(row),
            wc_arena_printf(cli->arena, "%u/%u", row->n_changed, row->n),
            wc_arena_printf(cli->arena, "@%llu", (unsigned long long)row->from),
            wc_arena_printf(cli->arena, "@%llu", (unsigned long long)row->to),
            wc_cli_time_text(cli, row->began_at_ms, true),
            took(cli, row),
            reason_of(cli, row),
        };
        wc_table_row(table, cells);
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_table_format(table, &out);
    fwrite(out.data, 1, out.len, stdout);
}

static void print_json(struct wc_cli *cli, const struct wc_history *list)
{
    for (size_t i = 0; i < list->n_rollouts; i++) {
        const struct wc_rollout_row *row = &list->rollouts[i];
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&line);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "Service", row->service);
        wc_jsonw_str(&w, "State", wc_rollout_state_name(row->state));
        wc_jsonw_bool(&w, "Rollback", row->back);
        wc_jsonw_i64(&w, "Replicas", row->n);
        wc_jsonw_i64(&w, "Changed", row->n_changed);
        wc_jsonw_i64(&w, "Failures", row->failures);
        wc_jsonw_i64(&w, "From", (int64_t)row->from);
        wc_jsonw_i64(&w, "To", (int64_t)row->to);
        wc_jsonw_str(&w, "BeganAt", wc_cli_time_text(cli, row->began_at_ms, false));
        wc_jsonw_str(&w, "EndedAt", wc_cli_time_text(cli, row->ended_at_ms, false));
        wc_jsonw_str(&w, "Reason", row->reason);
        wc_jsonw_end_object(&w);
        puts(line.data);
    }
}

int wc_cmd_rollouts(struct wc_cli *cli)
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
