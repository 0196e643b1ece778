/* why_words.c - sentences. A new phase or action gets its words here. */
#include "cli/why_words.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/units.h"

static const char *condition_words(enum wc_dep_condition condition)
{
    switch (condition) {
    case WC_DEP_STARTED:
        return "be started";
    case WC_DEP_HEALTHY:
        return "be healthy";
    case WC_DEP_COMPLETED:
        return "complete";
    }
    return "be ready";
}

bool wc_why_words_ended_well(const struct wc_ps_row *row)
{
    return row->fact.life == WC_LIFE_EXITED && row->fact.exit_known && row->fact.exit_code == 0 &&
           !row->fact.stopped_by_user;
}

/* ---- states ---- */

static const char *state_of_running(const struct wc_ps_row *row)
{
    switch (row->health) {
    case WC_HEALTH_NONE:
    case WC_HEALTH_HEALTHY:
        return "ready";
    case WC_HEALTH_STARTING:
        return "starting";
    case WC_HEALTH_UNHEALTHY:
        return "unhealthy";
    }
    return "ready";
}

static const char *state_of_settled(const struct wc_ps *ps, const struct wc_ps_row *row)
{
    switch (row->fact.life) {
    case WC_LIFE_ABSENT:
        return "absent";
    case WC_LIFE_CREATED:
        return "created";
    case WC_LIFE_RUNNING:
        return state_of_running(row);
    case WC_LIFE_PAUSED:
        return "paused";
    case WC_LIFE_EXITED:
        if (row->fact.stopped_by_user || ps->supervised)
            return "stopped";
        return wc_why_words_ended_well(row) ? "done" : "failed";
    case WC_LIFE_BROKEN:
        return "failed";
    }
    return "failed";
}

static const char *state_of(const struct wc_ps *ps, const struct wc_ps_row *row)
{
    if (row->suspended && row->waiting != NULL)
        return "suspended";
    switch (row->phase) {
    case WC_PHASE_SETTLED:
        return state_of_settled(ps, row);
    case WC_PHASE_COMPLETED:
        return "done";
    case WC_PHASE_STOPPED:
        return "stopped";
    case WC_PHASE_FAILED:
        return "failed";
    case WC_PHASE_BLOCKED:
        return "blocked";
    case WC_PHASE_ACTING:
        return row->fact.life == WC_LIFE_RUNNING ? "stopping" : "starting";
    case WC_PHASE_HOOKS:
        return "hooks run";
    case WC_PHASE_STOPPING:
    case WC_PHASE_WAIT_DEPENDENTS:
        return "stopping";
    case WC_PHASE_WAIT_DEPS:
    case WC_PHASE_WAIT_BACKOFF:
    case WC_PHASE_WAIT_SIBLING:
    case WC_PHASE_WAIT_HOST:
        return "waiting";
    }
    return "waiting";
}

bool wc_why_is_ready(const struct wc_ps *ps, const struct wc_ps_row *row, const char **state)
{
    const char *word = state_of(ps, row);
    if (state != NULL)
        *state = word;
    return wc_streq(word, "ready") || wc_streq(word, "done");
}

unsigned wc_why_words_rank(const struct wc_ps *ps, const struct wc_ps_row *row)
{
    static const char *const order[] = { "done",     "ready",     "created",   "starting", "paused",
                                         "stopping", "waiting",   "suspended", "stopped",  "absent",
                                         "blocked",  "unhealthy", "failed" };
    const char *word = state_of(ps, row);
    for (unsigned i = 0; i < WC_COUNT(order); i++)
        if (wc_streq(order[i], word))
            return i <= 1 ? 0 : i;
    return 0;
}

/* ---- events ---- */

const char *wc_why_words_project(const struct wc_event *e, const struct wc_history_row *generation,
                                 struct wc_arena *arena)
{
    const char *reason = e->reason != NULL ? e->reason : "";
    bool applied = wc_streq(e->action, "applying");
    if (applied && generation == NULL)
        return "'wcompose up' applied the file";
    if (applied && generation->restores != 0)
        return wc_arena_printf(arena, "generation @%llu was brought back, as @%llu",
                               (unsigned long long)generation->restores,
                               (unsigned long long)generation->number);
    if (applied)
        return wc_arena_printf(arena, "'wcompose up' applied generation @%llu",
                               (unsigned long long)generation->number);
    if (wc_streq(e->action, "asked"))
        return wc_arena_printf(arena, "'wcompose %s' was asked for", reason);
    if (wc_streq(e->action, "adopted"))
        return reason;
    return wc_arena_printf(arena, "the project: %s%s%s", e->action, reason[0] != '\0' ? ": " : "",
                           reason);
}

/* "exited 1" is all that "exited" has to say. */
const char *wc_why_words_event(const struct wc_event *e, struct wc_arena *arena)
{
    static const struct {
        const char *action, *words;
    } plain[] = {
        { "created", "was made" },
        { "started", "was started" },
        { "healthy", "became healthy" },
        { "unhealthy", "became unhealthy" },
        { "stopping", "was stopped" },
        { "killing", "was killed" },
        { "removed", "was removed" },
        { "failed", "failed" },
        { "waiting", "waited for" },
        { "restarting", "was to be restarted by its policy" },
        { "updated", "was changed as it ran" },
        { "paused", "was paused" },
        { "unpaused", "went on" },
        { "mended", "was put back" },
        { "mending failed", "could not be put back" },
        { "limits changed", "had its limits changed by somebody else" },
        { "network changed", "had its network changed by somebody else" },
    };
    const char *words = e->action;
    if (e->reason != NULL && wc_streq(e->action, "exited"))
        return e->reason;
    for (size_t i = 0; i < WC_COUNT(plain); i++)
        if (wc_streq(plain[i].action, e->action))
            words = plain[i].words;
    if (e->reason == NULL)
        return words;
    if (wc_streq(e->action, "waiting"))
        return wc_arena_printf(arena, "%s %s", words, e->reason);
    return wc_arena_printf(arena, "%s: %s", words, e->reason);
}

/* ---- where it stands ---- */

const char *wc_why_words_exit(const struct wc_fact *fact, struct wc_arena *arena)
{
    const char *name = fact->exit_signal != 0 ? wc_signal_name(fact->exit_signal) : NULL;
    if (fact->oom_killed)
        return "ran out of memory and was killed";
    if (!fact->exit_known)
        return fact->earlier_boot ? "ended with the machine's restart"
                                  : "ended, its exit status was lost";
    if (fact->cause != NULL)
        return wc_arena_printf(arena, "exited %d: %s", fact->exit_code, fact->cause);
    if (name != NULL)
        return wc_arena_printf(arena, "exited %d (SIG%s)", fact->exit_code, name);
    return wc_arena_printf(arena, "exited %d", fact->exit_code);
}

const char *wc_why_words_policy(const struct wc_service *s, const struct wc_ps_row *row,
                                struct wc_arena *arena)
{
    if (s->restart == WC_RESTART_NO)
        return "is not restarted: its policy is restart: no";
    if (s->restart == WC_RESTART_ALWAYS && s->restart_max >= 0)
        return wc_arena_printf(arena, "is not restarted any more: max_attempts: %lld, %u failures",
                               (long long)s->restart_max, row->failures);
    if (s->restart == WC_RESTART_ON_FAILURE && s->restart_max >= 0)
        return wc_arena_printf(arena,
                               "is not restarted any more: restart: on-failure:%lld, %u failures",
                               (long long)s->restart_max, row->failures);
    return "is not restarted";
}

const char *wc_why_words_need(const struct wc_ps_row *row, struct wc_arena *arena)
{
    const char *verb = row->phase == WC_PHASE_BLOCKED ? "is blocked: it needs" : "waits for";
    return wc_arena_printf(arena, "%s %s to %s%s", verb, row->needs,
                           condition_words(row->needs_condition),
                           row->needs_shares ? ", as it shares its namespace" : "");
}

/* "3.2 s", "2m10s": of a time that is still to come. */
static const char *left(int64_t at_ms, int64_t now_ms, struct wc_arena *arena)
{
    int64_t ms = at_ms > now_ms ? at_ms - now_ms : 0;
    if (ms < 60000)
        return wc_arena_printf(arena, "%lld.%lld s", (long long)ms / 1000,
                               (long long)ms % 1000 / 100);
    return wc_why_span(ms, arena);
}

const char *wc_why_words_backoff(const struct wc_ps_row *row, int64_t now_ms,
                                 struct wc_arena *arena)
{
    return wc_arena_printf(arena, "waits %s more before the next try, after %u %s in a row",
                           left(row->next_at_ms, now_ms, arena), row->failures,
                           row->failures == 1 ? "failure" : "failures");
}

const char *wc_why_words_grace(const struct wc_ps_row *row, int64_t now_ms, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "was asked to end; killed in %s if it doesn't",
                           left(row->next_at_ms, now_ms, arena));
}

static const char *output_of(const struct wc_ps_row *row)
{
    const char *text = row->health_output;
    return text != NULL && text[0] != '\0' ? text : "no output";
}

const char *wc_why_words_unhealthy(const struct wc_ps_row *row, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "is unhealthy: %u checks in a row failed; last: %s", row->failing,
                           output_of(row));
}

const char *wc_why_words_starting(const struct wc_ps_row *row, struct wc_arena *arena)
{
    if (row->health_output == NULL || row->health_output[0] == '\0')
        return "has not passed its health check yet";
    return wc_arena_printf(arena, "has not passed its health check yet; last: %s",
                           row->health_output);
}

const char *wc_why_words_acting(const struct wc_ps_row *row)
{
    switch (row->fact.life) {
    case WC_LIFE_ABSENT:
        return "is being made";
    case WC_LIFE_CREATED:
    case WC_LIFE_EXITED:
        return row->wanted ? "is being started" : "is being removed";
    case WC_LIFE_RUNNING:
    case WC_LIFE_PAUSED:
        return "is being stopped";
    case WC_LIFE_BROKEN:
        return "is half-made and being removed";
    }
    return "is being worked on";
}

const char *wc_why_words_rollout(const struct wc_rollout_row *row, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "its %s to @%llu is %s: %u of %u replicas changed%s%s",
                           row->back ? "rollback" : "rollout", (unsigned long long)row->to,
                           row->state == WC_ROLLOUT_ROLLING ? "under way"
                                                            : wc_rollout_state_name(row->state),
                           row->n_changed, row->n, row->reason != NULL ? "; " : "",
                           row->reason != NULL ? row->reason : "");
}

/* ---- the sentence on top ---- */

static const char *up_words(const struct wc_why_in *in, const struct wc_ps_row *row,
                            struct wc_arena *arena)
{
    const char *how = !in->ps->supervised             ? ""
                      : row->health == WC_HEALTH_NONE ? "; it has no health check"
                                                      : " and healthy";
    const char *since = "";
    if (row->fact.started_at_ms != 0)
        since = wc_arena_printf(arena, ", since %s (%s)",
                                wc_why_time(row->fact.started_at_ms, in->now_ms, arena),
                                wc_why_span(in->now_ms - row->fact.started_at_ms, arena));
    if (row->health == WC_HEALTH_NONE && in->ps->supervised)
        return wc_arena_printf(arena, "is running%s%s", since, how);
    return wc_arena_printf(arena, "is running%s%s", how, since);
}

const char *wc_why_words_summary(const struct wc_why_in *in, const struct wc_ps_row *row,
                                 const struct wc_why *why, struct wc_arena *arena)
{
    const char *restarts = "";
    if (row == NULL)
        return "is not running: it has no instance";
    if (row->restarts > 0)
        restarts = wc_arena_printf(arena, "; restarted %u %s", row->restarts,
                                   row->restarts == 1 ? "time" : "times");
    if (wc_streq(why->state, "done"))
        return wc_arena_printf(arena, "is done: exited 0 at %s%s",
                               wc_why_time(row->fact.finished_at_ms, in->now_ms, arena), restarts);
    if (why->ready)
        return wc_arena_printf(arena, "%s%s", up_words(in, row, arena), restarts);
    return wc_arena_printf(arena, "is not ready: %s%s",
                           why->n > 0 ? why->steps[0].text : why->state, restarts);
}
