/* status.c - from instances to services, from services to conditions. */
#include "cli/status.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/why_words.h"

enum { LOOPING = 5 }; /* failures in a row, as the engine counts them for who waits */

static bool counts(const struct wc_ps *ps, const struct wc_ps_row *row, const char *service)
{
    return wc_streq0(row->fact.service, service) && (!ps->supervised || row->wanted) &&
           !wc_why_awaits_turn(row);
}

static int64_t since_of(const struct wc_ps_row *row)
{
    if (row->fact.life == WC_LIFE_RUNNING && row->health != WC_HEALTH_UNHEALTHY)
        return row->fact.started_at_ms;
    if (row->fact.life == WC_LIFE_EXITED && row->phase_at_ms == 0)
        return row->fact.finished_at_ms;
    return row->phase_at_ms;
}

static void add_row(const struct wc_why_in *in, const struct wc_ps_row *row,
                    struct wc_status_service *s, unsigned *worst, struct wc_arena *arena)
{
    unsigned rank = wc_why_words_rank(in->ps, row);
    s->instances++;
    s->running += row->fact.life == WC_LIFE_RUNNING;
    s->done += row->fact.life == WC_LIFE_EXITED && wc_why_is_ready(in->ps, row, NULL);
    s->healthy += row->health == WC_HEALTH_HEALTHY;
    s->has_check |= row->health != WC_HEALTH_NONE;
    s->restarts += row->restarts;
    if (s->instances > 1 && rank <= *worst)
        return;
    *worst = rank;
    s->ready = wc_why_is_ready(in->ps, row, &s->state);
    s->since_ms = since_of(row);
    s->note = wc_why_short(in, row, arena);
}

static void sum_service(const struct wc_why_in *in, struct wc_status_service *s,
                        struct wc_arena *arena)
{
    unsigned worst = 0;
    s->state = "not up";
    s->note = "";
    for (size_t i = 0; i < in->ps->n; i++)
        if (counts(in->ps, &in->ps->rows[i], s->service))
            add_row(in, &in->ps->rows[i], s, &worst, arena);
    s->wanted = s->instances > 0;
    s->rollout = wc_why_rollout(in->history, s->service);
    if (s->rollout != NULL && s->note[0] == '\0')
        s->note = wc_why_words_rollout(s->rollout, arena);
}

/* ---- conditions ---- */

static bool is(const struct wc_status_service *s, const char *state)
{
    return wc_streq(s->state, state);
}

static bool is_stuck(const struct wc_status_service *s)
{
    return is(s, "failed") || is(s, "blocked");
}

/* What is told first: who is in trouble by itself, then who is because of another. */
static unsigned gravity(const struct wc_status_service *s)
{
    return is(s, "failed") ? 3 : is(s, "unhealthy") ? 2 : is(s, "blocked") ? 1 : 0;
}

/* An instance that fails again and again is tried again, but that is no way to get there. */
static const struct wc_ps_row *looping(const struct wc_ps *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->rows[i].phase == WC_PHASE_WAIT_BACKOFF && ps->rows[i].failures >= LOOPING)
            return &ps->rows[i];
    return NULL;
}

static const char *about(const struct wc_status_service *s, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s %s", s->service, s->note[0] != '\0' ? s->note : s->state);
}

static void put(struct wc_condition *condition, const char *reason)
{
    if (!condition->holds)
        condition->reason = reason;
    condition->holds = true;
}

/* Whether all of it is ready, and if not, what is worst of it; `out` has the other conditions. */
static void judge_ready(struct wc_status *out, size_t n_wanted, size_t n_ready,
                        const struct wc_status_service *worst, struct wc_arena *arena)
{
    out->ready.holds = n_wanted > 0 && n_ready == n_wanted && out->supervised;
    if (n_wanted == 0)
        out->ready.reason = "nothing of it is up";
    else if (worst != NULL)
        out->ready.reason = about(worst, arena);
    else if (!out->supervised)
        out->ready.reason = out->stalled.reason;
    else
        out->ready.reason = wc_arena_printf(arena, "%zu of %zu services", n_ready, n_wanted);
}

static void judge(const struct wc_why_in *in, struct wc_status *out, struct wc_arena *arena)
{
    size_t n_wanted = 0, n_ready = 0;
    bool needs_care = false; /* there is something that a supervisor would look after */
    const struct wc_status_service *worst = NULL;
    for (size_t i = 0; i < out->n; i++) {
        const struct wc_status_service *s = &out->services[i];
        n_wanted += s->wanted;
        if (s->rollout != NULL)
            put(s->rollout->state == WC_ROLLOUT_ROLLING ? &out->reconciling : &out->stalled,
                wc_arena_printf(arena, "%s: %s", s->service,
                                wc_why_words_rollout(s->rollout, arena)));
        n_ready += s->wanted && s->ready;
        needs_care |= s->wanted && is(s, "ready");
        if (!s->wanted || s->ready)
            continue;
        if (wc_why_is_moving(s->state))
            put(&out->reconciling, about(s, arena));
        if (is_stuck(s) && !(is(s, "blocked") && out->stalled.holds))
            put(&out->stalled, about(s, arena));
        if (worst == NULL || gravity(s) > gravity(worst))
            worst = s;
        needs_care |= !is(s, "stopped");
    }
    const struct wc_ps_row *loop = looping(in->ps);
    if (loop != NULL)
        put(&out->stalled, wc_arena_printf(arena, "%s fails again and again: %s, %u times in a row",
                                           loop->fact.service,
                                           wc_why_words_exit(&loop->fact, arena), loop->failures));
    if (!out->supervised && needs_care)
        put(&out->stalled, "no supervisor is running: nothing is restarted or checked");
    judge_ready(out, n_wanted, n_ready, worst, arena);
}

static void advise(struct wc_status *out, struct wc_arena *arena)
{
    const struct wc_status_service *worst = NULL;
    bool any = false;
    for (size_t i = 0; i < out->n; i++) {
        const struct wc_status_service *s = &out->services[i];
        any |= s->wanted;
        if (s->wanted && !s->ready && (worst == NULL || gravity(s) > gravity(worst)))
            worst = s;
    }
    if (!any)
        out->next[out->n_next++] = "up -d";
    else if (!out->supervised)
        out->next[out->n_next++] = "start";
    if (worst != NULL)
        out->next[out->n_next++] = wc_arena_printf(arena, "why %s", worst->service);
    if (out->file_differs && any)
        out->next[out->n_next++] = "plan";
}

/* ---- the whole ---- */

static bool is_listed(const struct wc_status *out, const char *service)
{
    for (size_t i = 0; i < out->n; i++)
        if (wc_streq(out->services[i].service, service))
            return true;
    return false;
}

/* Those of the model, then those that are there without it. Both come sorted. */
static void list_services(const struct wc_why_in *in, struct wc_status *out, struct wc_arena *arena)
{
    size_t n_model = in->model != NULL ? in->model->n_services : 0;
    out->services = WC_NEW_ARRAY(arena, struct wc_status_service, n_model + in->ps->n + 1);
    for (size_t i = 0; i < n_model; i++)
        out->services[out->n++].service = in->model->services[i].name;
    for (size_t i = 0; i < in->ps->n; i++) {
        const char *service = in->ps->rows[i].fact.service;
        if (service != NULL && counts(in->ps, &in->ps->rows[i], service) &&
            !is_listed(out, service))
            out->services[out->n++].service = service;
    }
}

void wc_status_make(const struct wc_why_in *in, const char *project, bool file_differs,
                    struct wc_arena *arena, struct wc_status *out)
{
    const struct wc_history *history = in->history;
    *out = (struct wc_status){ .project = project,
                               .ready = { .reason = "" },
                               .reconciling = { .reason = "" },
                               .stalled = { .reason = "" },
                               .supervised = in->ps->supervised,
                               .file_differs = file_differs,
                               .now_ms = in->now_ms };
    if (history != NULL && history->in_force != NULL) {
        out->generation = history->in_force->number;
        out->outcome = wc_outcome_name(history->in_force->outcome);
    }
    list_services(in, out, arena);
    for (size_t i = 0; i < out->n; i++)
        sum_service(in, &out->services[i], arena);
    judge(in, out, arena);
    advise(out, arena);
}
