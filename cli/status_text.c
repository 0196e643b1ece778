/* status_text.c - the screen, and the object for programs. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/status.h"
#include "cli/style.h"
#include "cli/table.h"

/* "running 2/2", "done 1/1", "waiting 0/1". */
static const char *state_cell(const struct wc_status_service *s, struct wc_arena *arena)
{
    const char *word = wc_streq(s->state, "ready") ? "running" : s->state;
    if (!s->wanted)
        return word;
    return wc_arena_printf(arena, "%s %u/%u", word, s->running + s->done, s->instances);
}

static const char *health_cell(const struct wc_status *status, const struct wc_status_service *s,
                               struct wc_arena *arena)
{
    if (!s->has_check || s->running == 0)
        return status->supervised || s->running == 0 ? "-" : "?";
    return s->healthy == s->instances
               ? "healthy"
               : wc_arena_printf(arena, "healthy %u/%u", s->healthy, s->instances);
}

static void add_services(const struct wc_status *status, const struct wc_style *style,
                         struct wc_arena *arena, struct wc_buf *out)
{
    static const char *const headings[] = { "", "SERVICE", "STATE", "HEALTH", "SINCE", "" };
    struct wc_table *table = wc_table_new(arena, headings, WC_COUNT(headings));
    for (size_t i = 0; i < status->n; i++) {
        const struct wc_status_service *s = &status->services[i];
        enum wc_mark mark = !s->wanted                   ? WC_MARK_PENDING
                            : s->ready                   ? WC_MARK_DONE
                            : wc_why_is_moving(s->state) ? WC_MARK_BUSY
                                                         : WC_MARK_FAILED;
        const char *note = s->note;
        if (s->restarts > 0)
            note = wc_arena_printf(arena, "%s%srestarted %u %s", note, note[0] != '\0' ? "; " : "",
                                   s->restarts, s->restarts == 1 ? "time" : "times");
        WC_CLEANUP_BUF struct wc_buf safe = WC_BUF_INIT;
        wc_text_add_safe(&safe, note, strlen(note));
        const char *const cells[] = {
            wc_style_mark(style, mark),
            s->service,
            state_cell(s, arena),
            health_cell(status, s, arena),
            s->since_ms > 0 ? wc_why_span(status->now_ms - s->since_ms, arena) : "-",
            safe.len > 0 ? safe.data : "",
        };
        wc_table_row(table, cells);
    }
    wc_table_format(table, out);
}

static void add_condition(const char *name, const struct wc_condition *condition,
                          struct wc_buf *out)
{
    wc_buf_printf(out, "%-12s %s", name, condition->holds ? "yes" : "no");
    if (condition->reason[0] != '\0') {
        wc_buf_adds(out, ": ");
        wc_text_add_safe(out, condition->reason, strlen(condition->reason));
    }
    wc_buf_addc(out, '\n');
}

void wc_status_format_text(const struct wc_status *status, const struct wc_style *style,
                           const char *command, struct wc_buf *out)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    enum wc_colour colour = status->ready.holds     ? WC_COLOUR_GOOD
                            : status->stalled.holds ? WC_COLOUR_ERROR
                                                    : WC_COLOUR_BUSY;
    const char *word = status->ready.holds         ? "ready"
                       : status->stalled.holds     ? "stalled"
                       : status->reconciling.holds ? "reconciling"
                                                   : "not ready";
    wc_buf_printf(out, "%s: %s%s%s", status->project, wc_style_colour(style, colour), word,
                  wc_style_colour(style, WC_COLOUR_RESET));
    if (status->generation != 0)
        wc_buf_printf(out, ", generation @%llu (%s)", (unsigned long long)status->generation,
                      status->outcome);
    wc_buf_addc(out, '\n');
    add_condition("Ready", &status->ready, out);
    add_condition("Reconciling", &status->reconciling, out);
    add_condition("Stalled", &status->stalled, out);
    if (status->n > 0)
        add_services(status, style, &arena, out);
    if (status->file_differs)
        wc_buf_adds(out, "note: the file says something else than what was accepted\n");
    for (size_t i = 0; i < status->n_next; i++)
        wc_buf_printf(out, "%s%s %s%s", i == 0 ? "next:  " : "    ", command, status->next[i],
                      i + 1 == status->n_next ? "\n" : "");
    wc_arena_deinit(&arena);
}

/* ---- JSON ---- */

static void json_condition(struct wc_jsonw *w, const char *type,
                           const struct wc_condition *condition)
{
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "Type", type);
    wc_jsonw_bool(w, "Status", condition->holds);
    wc_jsonw_str(w, "Reason", condition->reason);
    wc_jsonw_end_object(w);
}

static void json_service(struct wc_jsonw *w, const struct wc_status_service *s)
{
    char ts[32] = "";
    if (s->since_ms > 0)
        wc_time_rfc3339(s->since_ms, ts, sizeof ts);
    wc_jsonw_object(w, NULL);
    wc_jsonw_str(w, "Service", s->service);
    wc_jsonw_str(w, "State", s->state);
    wc_jsonw_bool(w, "Ready", s->ready);
    wc_jsonw_bool(w, "Wanted", s->wanted);
    wc_jsonw_i64(w, "Instances", s->instances);
    wc_jsonw_i64(w, "Running", s->running);
    wc_jsonw_i64(w, "Done", s->done);
    if (s->has_check)
        wc_jsonw_i64(w, "Healthy", s->healthy);
    wc_jsonw_i64(w, "Restarts", s->restarts);
    wc_jsonw_str(w, "Since", ts[0] != '\0' ? ts : NULL);
    wc_jsonw_str(w, "Note", s->note);
    wc_jsonw_end_object(w);
}

void wc_status_format_json(const struct wc_status *status, struct wc_buf *out)
{
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "Project", status->project);
    wc_jsonw_i64(&w, "Generation", (int64_t)status->generation);
    wc_jsonw_str(&w, "Outcome", status->outcome);
    wc_jsonw_bool(&w, "Supervised", status->supervised);
    wc_jsonw_bool(&w, "FileDiffers", status->file_differs);
    wc_jsonw_array(&w, "Conditions");
    json_condition(&w, "Ready", &status->ready);
    json_condition(&w, "Reconciling", &status->reconciling);
    json_condition(&w, "Stalled", &status->stalled);
    wc_jsonw_end_array(&w);
    wc_jsonw_array(&w, "Services");
    for (size_t i = 0; i < status->n; i++)
        json_service(&w, &status->services[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_array(&w, "Next");
    for (size_t i = 0; i < status->n_next; i++)
        wc_jsonw_str(&w, NULL, status->next[i]);
    wc_jsonw_end_array(&w);
    wc_jsonw_end_object(&w);
    wc_buf_addc(out, '\n');
}
