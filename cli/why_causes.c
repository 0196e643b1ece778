/* why_causes.c - from an event back to where it all came from. Numbers grow along time, so a cause
 * that isn't before its event is none, and the walk ends.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/why_priv.h"
#include "cli/why_words.h"
#include "wcompose/spec.h"

/* ---- links ---- */

struct wc_loc wc_why_place(const struct wc_why_teller *t, const char *service, const char *field)
{
    struct wc_loc at = { 0 };
    const char *path =
        wc_arena_printf(t->arena, "services.%s%s%s", service, field[0] != '\0' ? "." : "", field);
    if (t->in->model != NULL && wc_project_service(t->in->model, service) != NULL)
        (void)wc_spec_place(t->in->model, path, &at);
    return at;
}

struct wc_why_step *wc_why_add(struct wc_why_teller *t, const struct wc_why_step *step)
{
    struct wc_why *out = t->out;
    out->steps = wc_arena_grow(t->arena, out->steps, out->n, &out->cap, sizeof *out->steps);
    out->steps[out->n] = *step;
    return &out->steps[out->n++];
}

void wc_why_add_row(struct wc_why_teller *t, const struct wc_ps_row *row, int64_t wall_ms,
                    const char *text, const char *field)
{
    wc_why_add(t, &(struct wc_why_step){ .wall_ms = wall_ms,
                                         .service = row->fact.service,
                                         .index = row->fact.index,
                                         .text = text,
                                         .at = field != NULL
                                                   ? wc_why_place(t, row->fact.service, field)
                                                   : (struct wc_loc){ 0 } });
}

/* ---- events ---- */

const struct wc_event *wc_why_event(const struct wc_ps *ps, uint64_t seq)
{
    size_t lo = 0, hi = ps->n_events;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (ps->events[mid].seq < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < ps->n_events && ps->events[lo].seq == seq ? &ps->events[lo] : NULL;
}

/* The last event of an instance, before `seq` (0 = all), of that action. */
const struct wc_event *wc_why_last(const struct wc_ps *ps, const struct wc_ps_row *row,
                                   const char *action)
{
    for (size_t i = ps->n_events; i > 0; i--) {
        const struct wc_event *e = &ps->events[i - 1];
        if (e->type == WC_EVENT_INSTANCE && wc_streq0(e->service, row->fact.service) &&
            e->index == row->fact.index && wc_streq(e->action, action))
            return e;
    }
    return NULL;
}

/* Why what was in a slot before it had to go, when it went for the same reason that this one came.
 */
static const struct wc_event *replacement(const struct wc_ps *ps, const struct wc_event *created)
{
    for (size_t i = ps->n_events; i > 0; i--) {
        const struct wc_event *e = &ps->events[i - 1];
        if (e->seq >= created->seq || e->type != WC_EVENT_INSTANCE ||
            !wc_streq0(e->service, created->service) || e->index != created->index)
            continue;
        if (e->cause < created->cause)
            return NULL;
        if (wc_streq(e->action, "stopping") && e->reason != NULL)
            return e;
    }
    return NULL;
}

static const struct wc_history_row *generation_at(const struct wc_why_teller *t, int64_t wall_ms)
{
    enum { SLACK_MS = 100 }; /* the model is written down just before or after the event */
    const struct wc_history *history = t->in->history;
    const struct wc_history_row *found = NULL;
    for (size_t i = 0; history != NULL && i < history->n; i++)
        if (history->rows[i].made_at_ms <= wall_ms + SLACK_MS)
            found = &history->rows[i];
    return found;
}

void wc_why_add_event(struct wc_why_teller *t, const struct wc_event *e)
{
    struct wc_why_step step = { .wall_ms = e->wall_ms, .seq = e->seq };
    if (e->type == WC_EVENT_PROJECT) {
        step.text = wc_why_words_project(e, generation_at(t, e->wall_ms), t->arena);
    } else {
        step.service = e->service;
        step.index = e->index;
        step.text = wc_why_words_event(e, t->arena);
    }
    if (e->service != NULL && wc_streq(e->action, "restarting"))
        step.at = wc_why_place(t, e->service, "restart");
    else if (e->service != NULL && wc_streq(e->action, "healthy"))
        step.at = wc_why_place(t, e->service, "healthcheck");
    wc_why_add(t, &step);
}

static void add_replacement(struct wc_why_teller *t, const struct wc_event *created)
{
    const struct wc_event *e = replacement(t->in->ps, created);
    if (e == NULL)
        return;
    bool ours = t->in->changed != NULL && wc_streq0(created->service, t->out->service);
    const char *text = wc_arena_printf(t->arena, "replaced what was there: %s%s%s", e->reason,
                                       ours ? ": " : "", ours ? t->in->changed : "");
    wc_why_add(t, &(struct wc_why_step){ .wall_ms = e->wall_ms,
                                         .service = e->service,
                                         .index = e->index,
                                         .text = text,
                                         .seq = e->seq,
                                         .at = wc_why_place(t, e->service, "") });
}

/* From an event back to where it all came from. */
void wc_why_follow(struct wc_why_teller *t, const struct wc_event *e)
{
    while (e != NULL && t->out->n < WC_WHY_STEPS) {
        wc_why_add_event(t, e);
        if (wc_streq(e->action, "created"))
            add_replacement(t, e);
        if (e->cause >= e->seq) /* nothing that a supervisor says */
            return;
        if (e->cause != 0 && wc_why_event(t->in->ps, e->cause) == NULL)
            t->out->gap = "what was before is longer ago than the supervisor remembers";
        e = e->cause != 0 ? wc_why_event(t->in->ps, e->cause) : NULL;
    }
}

void wc_why_follow_cause(struct wc_why_teller *t, const struct wc_event *e)
{
    if (e != NULL && e->cause != 0 && e->cause < e->seq)
        wc_why_follow(t, wc_why_event(t->in->ps, e->cause));
}
