/* cmd_diff.c - wcompose diff: two generations, or one and the file, field by field. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/cmd_history.h"
#include "cli/model_diff.h"
#include "cli/style.h"
#include "cli/table.h"

enum { EXIT_DIFFERENT = 2 };

/* One side of the comparison. */
struct side {
    const char *name; /* "@3", "the file" */
    const struct wc_project *model;
};

static int side_of_row(struct wc_cli *cli, const struct wc_history_row *row, struct side *out)
{
    out->name = wc_arena_printf(cli->arena, "@%llu", (unsigned long long)row->number);
    return wc_cli_generation_model(cli, row, &out->model);
}

static int side_of_word(struct wc_cli *cli, const struct wc_cli_history *history, const char *word,
                        struct side *out)
{
    const struct wc_history_row *row;
    int status = wc_cli_generation(cli, history, word, &row);
    return status != 0 ? status : side_of_row(cli, row, out);
}

static int side_of_file(struct wc_cli *cli, const struct wc_cli_history *history, struct side *out)
{
    out->name = "the file";
    out->model = history->file;
    if (out->model != NULL)
        return 0;
    struct wc_cli_load all = { .only_shown = true }; /* named by -p alone: looked for as by up */
    return wc_cli_load(cli, &all, cli->arena, &out->model);
}

static int find_sides(struct wc_cli *cli, const struct wc_cli_history *history, struct side *before,
                      struct side *after)
{
    int status;
    if (cli->n_words > 0) {
        status = side_of_word(cli, history, cli->words[0], before);
    } else if (history->list.in_force == NULL) {
        before->name = "nothing";
        status = 0;
    } else {
        status = side_of_row(cli, history->list.in_force, before);
    }
    if (status != 0)
        return status;
    return cli->n_words > 1 ? side_of_word(cli, history, cli->words[1], after)
                            : side_of_file(cli, history, after);
}

static void add_value(struct wc_buf *out, const char *value)
{
    wc_text_add_safe(out, value, strlen(value));
}

static void print_text(struct wc_cli *cli, const struct wc_model_diff *diff)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const struct wc_style *style = &cli->out;
    const char *reset = wc_style_colour(style, WC_COLOUR_RESET);
    for (size_t i = 0; i < diff->n; i++) {
        const struct wc_model_change *at = &diff->items[i];
        const char *sign = at->before == NULL ? "+" : at->after == NULL ? "-" : "~";
        enum wc_colour colour = at->before == NULL  ? WC_COLOUR_GOOD
                                : at->after == NULL ? WC_COLOUR_ERROR
                                                    : WC_COLOUR_WARNING;
        wc_buf_printf(&out, "%s%s %s%s: ", wc_style_colour(style, colour), sign, at->path, reset);
        if (at->before != NULL)
            add_value(&out, at->before);
        if (at->before != NULL && at->after != NULL)
            wc_buf_adds(&out, " -> ");
        if (at->after != NULL)
            add_value(&out, at->after);
        wc_buf_addc(&out, '\n');
    }
    fwrite(out.data, 1, out.len, stdout);
}

static void add_json(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value != NULL)
        wc_jsonw_raw(w, key, value);
    else
        wc_jsonw_null(w, key);
}

static void print_json(const struct wc_model_diff *diff)
{
    for (size_t i = 0; i < diff->n; i++) {
        WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
        struct wc_jsonw w = WC_JSONW_INIT(&line);
        wc_jsonw_object(&w, NULL);
        wc_jsonw_i64(&w, "v", 1);
        wc_jsonw_str(&w, "Path", diff->items[i].path);
        add_json(&w, "Old", diff->items[i].before);
        add_json(&w, "New", diff->items[i].after);
        wc_jsonw_end_object(&w);
        puts(line.data);
    }
}

int wc_cmd_diff(struct wc_cli *cli)
{
    struct wc_cli_history history;
    struct side before = { 0 }, after = { 0 };
    struct wc_model_diff diff;
    int status = wc_cli_history(cli, &history);
    if (status == 0)
        status = find_sides(cli, &history, &before, &after);
    if (status != 0)
        return status;
    wc_model_diff(before.model, after.model, cli->arena, &diff);
    if (cli->json)
        print_json(&diff);
    else
        print_text(cli, &diff);
    if (diff.n == 0)
        wc_cli_note(cli, "%s and %s say the same", before.name, after.name);
    return diff.n > 0 && wc_cli_flag(cli, "detailed-exitcode") ? EXIT_DIFFERENT : 0;
}
