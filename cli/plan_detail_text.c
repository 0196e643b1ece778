/* plan_detail_text.c - what a plan changes, on paper. */
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cli/diag_render.h"
#include "cli/plan_detail.h"
#include "cli/style.h"
#include "cli/table.h"

enum { VALUE_WIDTH = 60 };

static void add_value(struct wc_buf *out, const struct wc_style *style, const char *value)
{
    size_t len = strlen(value), shown = wc_text_cut(value, len, VALUE_WIDTH);
    wc_text_add_safe(out, value, shown);
    if (shown < len)
        wc_buf_adds(out, wc_style_mark(style, WC_MARK_ELLIPSIS));
}

static void add_change(struct wc_buf *out, const struct wc_style *style, const char *cwd,
                       const struct wc_plan_change *change)
{
    wc_buf_printf(out, "    %s: ", change->field);
    add_value(out, style, change->before != NULL ? change->before : "none");
    wc_buf_adds(out, " -> ");
    add_value(out, style, change->after != NULL ? change->after : "none");
    if (change->at.file != NULL && change->at.line != 0)
        wc_buf_printf(out, "   %s%s:%u:%u%s", wc_style_colour(style, WC_COLOUR_PLACE),
                      wc_path_shown(change->at.file, cwd), change->at.line, change->at.col,
                      wc_style_colour(style, WC_COLOUR_RESET));
    wc_buf_addc(out, '\n');
}

static void add_seconds(struct wc_buf *out, int64_t ms)
{
    wc_buf_printf(out, "%.1f s", (double)ms / 1000);
}

static void add_downtime(struct wc_buf *out, const struct wc_plan_detail_service *s)
{
    if (s->one_by_one)
        wc_buf_adds(out,
                    s->goes_down ? " by a rollout; each replica" : " by a rollout, start first");
    if (!s->goes_down)
        return;
    wc_buf_adds(out, s->one_by_one ? " down for " : "; down for ");
    add_seconds(out, s->grace_ms);
    wc_buf_adds(out, " at most (stop_grace_period) and its start, ");
    if (s->start_ms < 0) {
        wc_buf_adds(out, "not known yet");
    } else {
        add_seconds(out, s->start_ms);
        wc_buf_adds(out, " the last time");
    }
}

static void add_path(struct wc_buf *out, const struct wc_style *style,
                     const struct wc_plan_detail *detail)
{
    size_t n_unknown = 0;
    if (detail->n_path < 2)
        return;
    wc_buf_adds(out, "\ncritical path: ");
    for (size_t i = 0; i < detail->n_path; i++) {
        const struct wc_plan_link *link = &detail->path[i];
        if (i > 0)
            wc_buf_printf(out, " %s ", wc_style_mark(style, WC_MARK_ARROW));
        wc_buf_printf(out, "%s %s", link->service, link->until);
        n_unknown += link->ms < 0;
        if (link->ms >= 0) {
            wc_buf_adds(out, " (");
            add_seconds(out, link->ms);
            wc_buf_addc(out, ')');
        }
    }
    if (n_unknown < detail->n_path) {
        wc_buf_adds(out, n_unknown > 0 ? "; at least " : "; about ");
        add_seconds(out, detail->known_ms);
        wc_buf_adds(out, ", by the last time");
    }
    wc_buf_addc(out, '\n');
}

void wc_plan_detail_text(const struct wc_plan_detail *detail, const struct wc_style *style,
                         const char *cwd, struct wc_buf *out)
{
    if (detail->n > 0 || detail->n_project > 0)
        wc_buf_adds(out, "\nchanges\n");
    for (size_t i = 0; i < detail->n; i++) {
        const struct wc_plan_detail_service *s = &detail->services[i];
        wc_buf_printf(out, "  %s%s%s: %s", wc_style_colour(style, WC_COLOUR_STRONG), s->service,
                      wc_style_colour(style, WC_COLOUR_RESET), s->how);
        add_downtime(out, s);
        wc_buf_addc(out, '\n');
        for (size_t k = 0; k < s->n; k++)
            add_change(out, style, cwd, &s->changes[k]);
    }
    if (detail->n_project > 0)
        wc_buf_adds(out, "  the project\n");
    for (size_t i = 0; i < detail->n_project; i++)
        add_change(out, style, cwd, &detail->project[i]);
    add_path(out, style, detail);
}

/* ---- JSON ---- */

static void json_value(struct wc_jsonw *w, const char *key, const char *value)
{
    if (value != NULL)
        wc_jsonw_raw(w, key, value);
    else
        wc_jsonw_null(w, key);
}

static void json_ms(struct wc_jsonw *w, const char *key, int64_t ms)
{
    if (ms >= 0)
        wc_jsonw_i64(w, key, ms);
    else
        wc_jsonw_null(w, key);
}

static void json_changes(struct wc_jsonw *w, const char *key, const struct wc_plan_change *changes,
                         size_t n)
{
    wc_jsonw_array(w, key);
    for (size_t i = 0; i < n; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "field", changes[i].field);
        json_value(w, "old", changes[i].before);
        json_value(w, "new", changes[i].after);
        if (changes[i].at.file != NULL) {
            wc_jsonw_str(w, "file", changes[i].at.file);
            wc_jsonw_i64(w, "line", changes[i].at.line);
            wc_jsonw_i64(w, "column", changes[i].at.col);
        }
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}

void wc_plan_detail_json(const struct wc_plan_detail *detail, struct wc_jsonw *w)
{
    wc_jsonw_array(w, "details");
    for (size_t i = 0; i < detail->n; i++) {
        const struct wc_plan_detail_service *s = &detail->services[i];
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "service", s->service);
        wc_jsonw_str(w, "how", s->how);
        json_changes(w, "fields", s->changes, s->n);
        wc_jsonw_bool(w, "rollout", s->one_by_one);
        wc_jsonw_bool(w, "goes_down", s->goes_down);
        if (s->goes_down) {
            wc_jsonw_i64(w, "stop_at_most_ms", s->grace_ms);
            json_ms(w, "start_last_ms", s->start_ms);
        }
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
    json_changes(w, "project_fields", detail->project, detail->n_project);
    wc_jsonw_array(w, "critical_path");
    for (size_t i = 0; i < detail->n_path; i++) {
        wc_jsonw_object(w, NULL);
        wc_jsonw_str(w, "service", detail->path[i].service);
        wc_jsonw_str(w, "until", detail->path[i].until);
        json_ms(w, "last_ms", detail->path[i].ms);
        wc_jsonw_end_object(w);
    }
    wc_jsonw_end_array(w);
}
