/* why_chain.c - from an instance that waits to the one that it waits for, until one is in trouble
 * by itself; from there why_causes.c goes on. Each instance is visited once, so the walk can't go
 * round.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/why_priv.h"
#include "cli/why_words.h"

/* ---- where an instance stands ---- */

static void explain(struct wc_why_teller *t, const struct wc_ps_row *row);

/* How the last run ended, and what led to that. */
static void explain_end(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    const struct wc_event *e = wc_why_last(t->in->ps, row, "exited");
    if (e != NULL && row->fact.life == WC_LIFE_EXITED) {
        wc_why_follow(t, e);
        return;
    }
    if (row->fact.life == WC_LIFE_EXITED)
        wc_why_add_row(t, row, row->fact.finished_at_ms, wc_why_words_exit(&row->fact, t->arena),
                       NULL);
}

static void explain_failure(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    const struct wc_service *s =
        t->in->model != NULL ? wc_project_service(t->in->model, row->fact.service) : NULL;
    if (row->fact.life != WC_LIFE_EXITED || row->fact.error != NULL) {
        const struct wc_event *e = wc_why_last(t->in->ps, row, "failed");
        const char *error =
            row->fact.error != NULL ? row->fact.error : "it was removed by somebody";
        wc_why_add_row(t, row, e != NULL ? e->wall_ms : row->phase_at_ms,
                       wc_arena_printf(t->arena, "can't be brought up: %s", error), "");
        return;
    }
    if (t->in->ps->supervised && s != NULL)
        wc_why_add_row(t, row, row->phase_at_ms, wc_why_words_policy(s, row, t->arena), "restart");
    explain_end(t, row);
}

/* The instance of a service that keeps others waiting: the worst off; NULL when there is none. */
static const struct wc_ps_row *worst_of(const struct wc_ps *ps, const char *service)
{
    const struct wc_ps_row *found = NULL;
    unsigned most = 0;
    for (size_t i = 0; i < ps->n; i++) {
        const struct wc_ps_row *row = &ps->rows[i];
        if (!wc_streq0(row->fact.service, service) || (ps->supervised && !row->wanted) ||
            wc_why_awaits_turn(row))
            continue;
        unsigned rank = wc_why_words_rank(ps, row);
        if (found == NULL || rank > most) {
            found = row;
            most = rank;
        }
    }
    return found;
}

static void explain_need(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    const char *field = row->needs_shares ? "network_mode"
                                          : wc_arena_printf(t->arena, "depends_on[%s]", row->needs);
    wc_why_add_row(t, row, row->phase_at_ms, wc_why_words_need(row, t->arena), field);
    const struct wc_ps_row *needed = worst_of(t->in->ps, row->needs);
    if (needed == NULL) {
        wc_why_add(t, &(struct wc_why_step){ .service = row->needs,
                                             .text = "has no instance",
                                             .at = wc_why_place(t, row->needs, "") });
        return;
    }
    bool unchecked = row->needs_condition == WC_DEP_HEALTHY && needed->health == WC_HEALTH_NONE &&
                     needed->fact.life == WC_LIFE_RUNNING;
    if (unchecked)
        wc_why_add_row(t, needed, needed->fact.started_at_ms,
                       "runs, but has no health check that could say it is healthy", "");
    else
        explain(t, needed);
}

/* Rows of the same slot, or of the services that need this one, which still have to go. */
static void explain_goer(struct wc_why_teller *t, const struct wc_ps_row *row, bool sibling)
{
    const struct wc_ps *ps = t->in->ps;
    for (size_t i = 0; i < ps->n; i++) {
        const struct wc_ps_row *other = &ps->rows[i];
        const struct wc_service *s =
            t->in->model != NULL ? wc_project_service(t->in->model, other->fact.service) : NULL;
        bool found = sibling && wc_streq0(other->fact.service, row->fact.service) &&
                     other->fact.index == row->fact.index && other->fact.life != WC_LIFE_ABSENT;
        for (size_t d = 0; !sibling && s != NULL && d < s->n_deps; d++)
            found |= wc_streq(s->deps[d].service, row->fact.service) &&
                     (other->phase == WC_PHASE_STOPPING || other->phase == WC_PHASE_ACTING ||
                      other->phase == WC_PHASE_WAIT_DEPENDENTS);
        if (found && other != row) {
            explain(t, other);
            return;
        }
    }
}

static void explain_stopping(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    const struct wc_event *e = wc_why_last(t->in->ps, row, "stopping");
    wc_why_add_row(t, row, row->phase_at_ms, wc_why_words_grace(row, t->in->now_ms, t->arena),
                   "stop_grace_period");
    wc_why_follow(t, e);
}

static void explain_stopped(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    wc_why_add_row(t, row, row->fact.finished_at_ms, "is stopped, as a person asked", NULL);
    explain_end(t, row);
}

/* What somebody else did to it since, and that it was put back; what happened last comes first. */
static void add_drift(struct wc_why_teller *t, const struct wc_ps_row *row,
                      const struct wc_event *started)
{
    static const struct {
        const char *change, *end;
    } kinds[] = { { "paused", "unpaused" },
                  { "limits changed", "mended" },
                  { "network changed", "mended" } };
    for (size_t i = 0; i < WC_COUNT(kinds); i++) {
        const struct wc_event *e = wc_why_last(t->in->ps, row, kinds[i].change);
        const struct wc_event *end = wc_why_last(t->in->ps, row, kinds[i].end);
        if (e == NULL || (started != NULL && e->seq < started->seq))
            continue;
        if (end != NULL && end->seq > e->seq)
            wc_why_add_event(t, end);
        wc_why_add_event(t, e);
    }
}

static void explain_running(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    const struct wc_event *healthy = wc_why_last(t->in->ps, row, "healthy");
    const struct wc_event *started = wc_why_last(t->in->ps, row, "started");
    if (row->health == WC_HEALTH_UNHEALTHY) {
        const struct wc_event *e = wc_why_last(t->in->ps, row, "unhealthy");
        wc_why_add_row(t, row, e != NULL ? e->wall_ms : row->phase_at_ms,
                       wc_why_words_unhealthy(row, t->arena), "healthcheck");
        return;
    }
    if (row->health == WC_HEALTH_STARTING) {
        wc_why_add_row(t, row, row->fact.started_at_ms, wc_why_words_starting(row, t->arena),
                       "healthcheck");
        t->root = t->out->n; /* what follows is only how it came to be started */
    }
    if (row->health != WC_HEALTH_STARTING)
        add_drift(t, row, started);
    if (row->health == WC_HEALTH_HEALTHY && healthy != NULL && started != NULL &&
        healthy->seq > started->seq)
        wc_why_add_event(t, healthy);
    if (started != NULL)
        wc_why_follow(t, started);
    else if (row->fact.started_at_ms != 0)
        wc_why_add_row(t, row, row->fact.started_at_ms, "was started", NULL);
    if (started == NULL && t->in->ps->supervised)
        t->out->gap = "it was started before this supervisor came, which doesn't know why";
}

static void explain_settled(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    switch (row->fact.life) {
    case WC_LIFE_RUNNING:
        explain_running(t, row);
        break;
    case WC_LIFE_PAUSED:
        wc_why_add_row(t, row, row->phase_at_ms,
                       row->waiting == NULL
                           ? "is paused"
                           : wc_arena_printf(t->arena, "is paused: waits for %s", row->waiting),
                       NULL);
        break;
    case WC_LIFE_EXITED:
        if (t->in->ps->supervised || row->fact.stopped_by_user)
            explain_stopped(t, row);
        else if (wc_why_words_ended_well(row))
            explain_end(t, row);
        else
            explain_failure(t, row);
        break;
    case WC_LIFE_CREATED:
        wc_why_add_row(t, row, row->fact.created_at_ms, "was made, and not started", NULL);
        wc_why_follow_cause(t, wc_why_last(t->in->ps, row, "created"));
        break;
    case WC_LIFE_ABSENT:
        wc_why_add_row(t, row, 0, "does not exist", "");
        break;
    case WC_LIFE_BROKEN:
        wc_why_add_row(t, row, 0, "is half-made", NULL);
        break;
    }
}

/* The last that was said of the project, when it was an error. */
static void explain_networks(struct wc_why_teller *t)
{
    const struct wc_ps *ps = t->in->ps;
    for (size_t i = ps->n_events; i > 0; i--) {
        const struct wc_event *e = &ps->events[i - 1];
        if (e->type != WC_EVENT_PROJECT)
            continue;
        if (wc_streq(e->action, "failed"))
            wc_why_add_event(t, e);
        return;
    }
}

static void explain_waiting(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    bool is_host = row->phase == WC_PHASE_WAIT_HOST;
    if (is_host && row->waiting != NULL && !wc_streq(row->waiting, "networks")) {
        wc_why_add_row(t, row, row->phase_at_ms,
                       wc_arena_printf(t->arena, "waits for %s", row->waiting), NULL);
    } else if (is_host) {
        wc_why_add_row(t, row, row->phase_at_ms, "waits for the project's networks", "networks");
        explain_networks(t);
    } else if (row->phase != WC_PHASE_WAIT_BACKOFF) {
        bool sibling = row->phase == WC_PHASE_WAIT_SIBLING;
        wc_why_add_row(t, row, row->phase_at_ms,
                       sibling ? "waits for its predecessor to be gone"
                               : "stops only after the services that need it",
                       NULL);
        explain_goer(t, row, sibling);
    } else {
        wc_why_add_row(t, row, row->phase_at_ms, wc_why_words_backoff(row, t->in->now_ms, t->arena),
                       "restart");
        if (row->fact.error != NULL && row->fact.life != WC_LIFE_EXITED)
            explain_failure(t, row);
        else
            explain_end(t, row);
    }
}

static void explain(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    if (row->suspended && row->waiting != NULL) {
        wc_why_add_row(t, row, row->phase_at_ms,
                       wc_arena_printf(t->arena, "is suspended: waits for %s", row->waiting), NULL);
        return;
    }
    bool *seen = &t->seen[row - t->in->ps->rows];
    if (*seen || t->out->n >= WC_WHY_STEPS)
        return;
    *seen = true;
    switch (row->phase) {
    case WC_PHASE_WAIT_DEPS:
    case WC_PHASE_BLOCKED:
        if (row->needs != NULL)
            explain_need(t, row);
        break;
    case WC_PHASE_WAIT_BACKOFF:
    case WC_PHASE_WAIT_SIBLING:
    case WC_PHASE_WAIT_DEPENDENTS:
    case WC_PHASE_WAIT_HOST:
        explain_waiting(t, row);
        break;
    case WC_PHASE_FAILED:
        explain_failure(t, row);
        break;
    case WC_PHASE_STOPPING:
        explain_stopping(t, row);
        break;
    case WC_PHASE_ACTING:
    case WC_PHASE_HOOKS:
        wc_why_add_row(t, row, row->phase_at_ms, wc_why_words_acting(row), NULL);
        wc_why_follow_cause(t, wc_why_event(t->in->ps, row->last.seq));
        break;
    case WC_PHASE_STOPPED:
        explain_stopped(t, row);
        break;
    case WC_PHASE_COMPLETED:
        explain_end(t, row);
        break;
    case WC_PHASE_SETTLED:
        explain_settled(t, row);
        break;
    }
}

/* ---- the whole ---- */

static void tell_history(struct wc_why_teller *t)
{
    const struct wc_history *history = t->in->history;
    const struct wc_history_row *now = history != NULL ? history->in_force : NULL;
    if (now == NULL)
        return;
    const char *text =
        wc_arena_printf(t->arena, "generation @%llu was accepted (%s%s%s)",
                        (unsigned long long)now->number, wc_outcome_name(now->outcome),
                        now->reason != NULL ? ": " : "", now->reason != NULL ? now->reason : "");
    wc_why_add(t, &(struct wc_why_step){ .wall_ms = now->made_at_ms, .text = text });
}

static void add_next(struct wc_why *out, const char *command)
{
    if (out->n_next < WC_COUNT(out->next))
        out->next[out->n_next++] = command;
}

static void advise(struct wc_why_teller *t, const struct wc_ps_row *row)
{
    struct wc_why *out = t->out;
    const char *who =
        out->root != NULL && out->root->service != NULL ? out->root->service : out->service;
    if (!t->in->ps->supervised && !wc_streq(out->state, "stopped"))
        add_next(out, row == NULL ? "up -d" : "start");
    else if (row == NULL || wc_streq(out->state, "absent"))
        add_next(out, "up -d");
    if (out->ready || row == NULL)
        return;
    if (wc_streq(out->state, "suspended"))
        add_next(out, wc_arena_printf(t->arena, "resume %s", out->service));
    else if (wc_streq(out->state, "stopped"))
        add_next(out, wc_arena_printf(t->arena, "start %s", out->service));
    else
        add_next(out, wc_arena_printf(t->arena, "logs %s", who));
}

bool wc_why_awaits_turn(const struct wc_ps_row *row)
{
    return row->fact.life == WC_LIFE_ABSENT && row->phase == WC_PHASE_SETTLED &&
           row->waiting != NULL;
}

const struct wc_rollout_row *wc_why_rollout(const struct wc_history *history, const char *service)
{
    for (size_t i = 0; history != NULL && i < history->n_rollouts; i++) {
        const struct wc_rollout_row *row = &history->rollouts[i];
        if (wc_streq(row->service, service) && row->state != WC_ROLLOUT_NONE &&
            row->state != WC_ROLLOUT_DONE)
            return row;
    }
    return NULL;
}

bool wc_why_is_moving(const char *state)
{
    return wc_streq(state, "waiting") || wc_streq(state, "starting") || wc_streq(state, "stopping");
}

bool wc_why_wants_log(const struct wc_why *why)
{
    return why->root != NULL && why->root->service != NULL &&
           (wc_streq(why->state, "failed") || wc_streq(why->state, "blocked") ||
            wc_streq(why->state, "waiting") || wc_streq(why->state, "unhealthy"));
}

const char *wc_why_short(const struct wc_why_in *in, const struct wc_ps_row *row,
                         struct wc_arena *arena)
{
    struct wc_why why = { .service = row->fact.service };
    struct wc_why_teller t = { .in = in, .arena = arena, .out = &why };
    t.seen = WC_NEW_ARRAY(arena, bool, in->ps->n + 1);
    if (wc_why_is_ready(in->ps, row, NULL))
        return "";
    explain(&t, row);
    return why.n > 0 ? why.steps[0].text : "";
}

void wc_why_make(const struct wc_why_in *in, const char *service, unsigned index,
                 struct wc_arena *arena, struct wc_why *out)
{
    struct wc_why_teller t = { .in = in, .arena = arena, .out = out };
    const struct wc_ps_row *row = worst_of(in->ps, service);
    for (size_t i = 0; index != 0 && i < in->ps->n; i++)
        if (wc_streq0(in->ps->rows[i].fact.service, service) &&
            in->ps->rows[i].fact.index == index && (row == NULL || in->ps->rows[i].wanted))
            row = &in->ps->rows[i];
    *out = (struct wc_why){ .service = service, .now_ms = in->now_ms, .state = "absent" };
    t.seen = WC_NEW_ARRAY(arena, bool, in->ps->n + 1);
    if (row != NULL) {
        out->index = row->fact.index;
        out->ready = wc_why_is_ready(in->ps, row, &out->state);
        explain(&t, row);
    } else {
        wc_why_add(&t, &(struct wc_why_step){ .service = service,
                                              .text = "has no instance",
                                              .at = wc_why_place(&t, service, "") });
    }
    size_t root = t.root != 0 ? t.root : out->n;
    if (!in->ps->supervised) {
        tell_history(&t);
        out->gap = wc_streq(out->state, "stopped")
                       ? "no supervisor is running, and what happened is not remembered"
                       : "no supervisor is running: nothing is restarted or checked, and what "
                         "happened is not remembered";
    }
    const struct wc_rollout_row *rollout = wc_why_rollout(in->history, service);
    if (rollout != NULL && in->ps->supervised)
        out->gap = wc_why_words_rollout(rollout, arena);
    out->summary = wc_why_words_summary(in, row, out, arena);
    if (!out->ready && out->n > 0)
        out->root = &out->steps[root - 1];
    advise(&t, row);
}
