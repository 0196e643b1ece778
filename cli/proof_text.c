/* proof_text.c - rules in the order in which they were looked at. */
#include "cli/proof_text.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "cli/diag_render.h"
#include "cli/style.h"
#include "cli/table.h"
#include "wcompose/state.h"

static const char *place_of(const struct wc_cli *cli, const char *otherwise, struct wc_loc at)
{
    if (at.file == NULL || at.line == 0)
        return otherwise != NULL ? otherwise : "-";
    return wc_arena_printf(cli->arena, "%s:%u:%u", wc_path_shown(at.file, cli->cwd), at.line,
                           at.col);
}

static void add_steps(const struct wc_cli *cli, const struct wc_isolation_choice *choice,
                      struct wc_buf *out)
{
    static const char *const headings[] = { "   ", "place", "looked at", "says" };
    struct wc_table *table = wc_table_new(cli->arena, headings, 4);
    for (size_t i = 0; i < choice->n_steps; i++) {
        const struct wc_isolation_step *step = &choice->steps[i];
        const char *const cells[] = {
            wc_arena_printf(cli->arena, "%s%2zu", step->decided ? ">" : " ", i + 1),
            place_of(cli, step->place, step->at),
            step->rule,
            step->says,
        };
        wc_table_row(table, cells);
    }
    wc_table_format(table, out);
}

void wc_proof_text(const struct wc_cli *cli, const char *service,
                   const struct wc_isolation_choice *choice, struct wc_buf *out)
{
    const struct wc_style *style = &cli->out;
    bool hyperv = choice->level == WC_ISOLATION_HYPERV;
    if (choice->level == WC_ISOLATION_DEFAULT)
        wc_buf_printf(out, "%s %s can't run here", wc_style_mark(style, WC_MARK_FAILED), service);
    else
        wc_buf_printf(out, "%s %s runs as %s",
                      wc_style_mark(style, hyperv ? WC_MARK_HYPERV : WC_MARK_PROCESS), service,
                      wc_isolation_name(choice->level));
    wc_buf_printf(out, " (%s): %s", choice->code, choice->why);
    if (choice->at.file != NULL && choice->at.line != 0)
        wc_buf_printf(out, "   %s%s%s", wc_style_colour(style, WC_COLOUR_PLACE),
                      place_of(cli, NULL, choice->at), wc_style_colour(style, WC_COLOUR_RESET));
    wc_buf_addc(out, '\n');
    if (choice->n_steps > 0)
        add_steps(cli, choice, out);
    for (size_t i = 0; i < choice->n_remarks; i++)
        wc_buf_printf(out, "note: %s\n", choice->remarks[i].text);
}

static void json_place(struct wc_loc at, struct wc_jsonw *w)
{
    if (at.file == NULL || at.line == 0)
        return;
    wc_jsonw_str(w, "file", at.file);
    wc_jsonw_i64(w, "line", at.line);
    wc_jsonw_i64(w, "column", at.col);
}

void wc_because_json(const struct wc_isolation_choice *choice, struct wc_jsonw *w)
{
    wc_jsonw_object(w, "because");
    wc_jsonw_str(w, "code", choice->code);
    wc_jsonw_str(w, "text", choice->why);
    json_place(choice->at, w);
    wc_jsonw_end_object(w);
}

static void json_steps(const struct wc_isolation_choice *choice, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "steps");
    for (size_t i = 0; i < choice->n_steps; i++) {
        const struct wc_isolation_step *step = &choice->steps[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "rule", step->rule);
        wc_jsonw_str(w, "says", step->says);
        wc_jsonw_bool(w, "decided", step->decided);
        if (step->place != NULL)
            wc_jsonw_str(w, "place", step->place);
        json_place(step->at, w);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

void wc_proof_json(const char *key, const struct wc_isolation_choice *choice, struct wc_jsonw *w)
{
    wc_jsonw_object(w, key);
    wc_jsonw_str(w, "isolation",
                 choice->level == WC_ISOLATION_DEFAULT ? NULL : wc_isolation_name(choice->level));
    wc_because_json(choice, w);
    wc_jsonw_array(w, "remarks");
    for (size_t i = 0; i < choice->n_remarks; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "code", choice->remarks[i].code);
        wc_jsonw_str(w, "text", choice->remarks[i].text);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
    if (choice->n_steps > 0)
        json_steps(choice, w);
    wc_jsonw_end_object(w);
}
