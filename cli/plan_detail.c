/* plan_detail.c - differences, durations, the longest path. */
#include "cli/plan_detail.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "cli/model_diff.h"
#include "wcompose/spec.h"

static const char hidden[] = "\"(hidden)\"";

/* ---- fields ---- */

/* Letter case apart; `word` is in lower case. */
static bool begins_with(const char *text, const char *word)
{
    while (*word != '\0' && wc_ascii_lower(*text) == *word)
        text++, word++;
    return *word == '\0';
}

/* Names that people give to what must not stand in a log. */
static bool is_secret(const char *path)
{
    static const char *const words[] = { "password", "passwd", "secret",
                                         "token",    "_key",   "credential" };
    const char *env = strstr(path, ".environment");
    if (wc_str_starts(path, "secrets."))
        return strstr(path, ".content") != NULL || strstr(path, ".environment") != NULL;
    for (size_t i = 0; env != NULL && i < WC_COUNT(words); i++)
        for (const char *at = env; *at != '\0'; at++)
            if (begins_with(at, words[i]))
                return true;
    return false;
}

static struct wc_plan_change change_of(const struct wc_plan_detail_in *in,
                                       const struct wc_model_change *from, size_t skip)
{
    struct wc_plan_change change = { .field = from->path + skip,
                                     .before = from->before,
                                     .after = from->after };
    (void)wc_spec_place(in->after, from->path, &change.at);
    if (is_secret(from->path)) {
        change.before = from->before != NULL ? hidden : NULL;
        change.after = from->after != NULL ? hidden : NULL;
    }
    return change;
}

static bool is_of_service(const char *path, const char *service)
{
    size_t len = strlen(service);
    return wc_str_starts(path, "services.") && strncmp(path + 9, service, len) == 0 &&
           path[9 + len] == '.';
}

static void add_changes(const struct wc_plan_detail_in *in, const struct wc_model_diff *diff,
                        struct wc_plan_detail_service *out, struct wc_arena *arena)
{
    out->changes = WC_NEW_ARRAY(arena, struct wc_plan_change, diff->n + 1);
    for (size_t i = 0; i < diff->n; i++)
        if (is_of_service(diff->items[i].path, out->service))
            out->changes[out->n++] =
                change_of(in, &diff->items[i], strlen("services.") + strlen(out->service) + 1);
}

/* ---- how long it took ---- */

static const struct wc_event *first_after(const struct wc_ps *ps, const struct wc_event *from,
                                          const char *action)
{
    for (const struct wc_event *e = from; e < ps->events + ps->n_events; e++)
        if (e->type == WC_EVENT_INSTANCE && wc_streq0(e->service, from->service) &&
            e->index == from->index && wc_streq(e->action, action))
            return e;
    return NULL;
}

static const struct wc_event *cause_of(const struct wc_ps *ps, const struct wc_event *e)
{
    for (const struct wc_event *at = e; e->cause != 0 && at-- > ps->events;)
        if (at->seq == e->cause)
            return at;
    return NULL;
}

/* From what led to the last start, to the moment that others wait for. */
static int64_t took_ms(const struct wc_ps *ps, const char *service, const char *until)
{
    for (size_t i = ps->n_events; i > 0; i--) {
        const struct wc_event *e = &ps->events[i - 1];
        if (e->type != WC_EVENT_INSTANCE || !wc_streq0(e->service, service) ||
            !wc_streq(e->action, "started"))
            continue;
        const struct wc_event *cause = cause_of(ps, e);
        const struct wc_event *end =
            first_after(ps, e, wc_streq(until, "completed") ? "exited" : until);
        int64_t begin_ms = cause != NULL ? cause->wall_ms : e->wall_ms;
        if (end != NULL && end->wall_ms >= begin_ms)
            return end->wall_ms - begin_ms;
    }
    return WC_UNSET;
}

static const char *ready_word(const struct wc_service *s)
{
    return s != NULL && s->health.set && !s->health.disable ? "healthy" : "started";
}

static bool runs(const struct wc_ps *ps, const char *service)
{
    for (size_t i = 0; i < ps->n; i++)
        if (wc_streq0(ps->rows[i].fact.service, service) &&
            ps->rows[i].fact.life == WC_LIFE_RUNNING)
            return true;
    return false;
}

/* ---- services ---- */

static bool stops_first(enum wc_preview_action action)
{
    return action == WC_PREVIEW_REPLACE || action == WC_PREVIEW_RESTART;
}

/* How an image is made changes nothing of what runs from it. */
static bool is_of_the_build(const struct wc_plan_detail_service *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (!wc_str_starts(d->changes[i].field, "build."))
            return false;
    return d->n > 0;
}

static void add_service(const struct wc_plan_detail_in *in, const struct wc_model_diff *diff,
                        const struct wc_preview_service *row, struct wc_plan_detail *out,
                        struct wc_arena *arena)
{
    const struct wc_service *s = wc_project_service(in->after, row->service);
    bool was = in->before != NULL && wc_project_service(in->before, row->service) != NULL;
    struct wc_plan_detail_service *d = &out->services[out->n];
    *d = (struct wc_plan_detail_service){ .service = row->service,
                                          .how = wc_preview_action_name(row->action),
                                          .start_ms = WC_UNSET };
    if (was && s != NULL)
        add_changes(in, diff, d, arena);
    if (row->action == WC_PREVIEW_UNCHANGED && is_of_the_build(d))
        d->how = "at the next build";
    else if (row->action == WC_PREVIEW_UNCHANGED || row->action == WC_PREVIEW_UPDATE)
        d->how = "in place";
    d->goes_down = stops_first(row->action) && runs(in->ps, row->service);
    d->one_by_one = row->action == WC_PREVIEW_REPLACE && s != NULL && s->update.set;
    if (d->one_by_one && s->update.start_first)
        d->goes_down = false; /* the new one comes before the old one goes */
    if (d->goes_down && s != NULL) {
        d->grace_ms = s->stop_grace_ms;
        d->start_ms = took_ms(in->ps, row->service, ready_word(s));
    }
    out->n += d->n > 0 || d->goes_down || d->one_by_one;
}

/* ---- the critical path ---- */

/* Since nothing is known of how long a first start takes, it counts as this when paths are
 * compared. */
enum { UNKNOWN_MS = 1000 };

struct reach {
    int64_t ms;                      /* of the longest chain that ends with it */
    size_t from;                     /* the service before it; SIZE_MAX: none */
    enum wc_dep_condition condition; /* that it waits for */
    bool starts;
};

static bool is_started(const struct wc_preview *preview, const char *service)
{
    for (size_t i = 0; i < preview->n_services; i++)
        if (wc_streq(preview->services[i].service, service))
            return preview->services[i].action <= WC_PREVIEW_START;
    return false;
}

static const char *until_word(enum wc_dep_condition condition)
{
    return condition == WC_DEP_HEALTHY     ? "healthy"
           : condition == WC_DEP_COMPLETED ? "completed"
                                           : "started";
}

static size_t node_of(const struct wc_project *project, const char *service)
{
    const struct wc_service *s = wc_project_service(project, service);
    return s != NULL ? (size_t)(s - project->services) : SIZE_MAX;
}

static int64_t weight(int64_t ms)
{
    return ms == WC_UNSET ? UNKNOWN_MS : ms;
}

/* The preview has services in start order, so what is needed was reached before. */
static void reach(const struct wc_plan_detail_in *in, struct reach *at)
{
    const struct wc_project *project = in->after;
    for (size_t i = 0; i < in->preview->n_services; i++) {
        size_t node = node_of(project, in->preview->services[i].service);
        if (node == SIZE_MAX)
            continue;
        const struct wc_service *s = &project->services[node];
        at[node] = (struct reach){ .from = SIZE_MAX, .starts = is_started(in->preview, s->name) };
        for (size_t d = 0; at[node].starts && d < s->n_deps; d++) {
            size_t to = node_of(project, s->deps[d].service);
            if (to == SIZE_MAX || !at[to].starts)
                continue;
            int64_t ms = at[to].ms + weight(took_ms(in->ps, s->deps[d].service,
                                                    until_word(s->deps[d].condition)));
            if (at[node].from == SIZE_MAX || ms > at[node].ms) {
                at[node].ms = ms;
                at[node].from = to;
                at[node].condition = s->deps[d].condition;
            }
        }
    }
}

static void find_path(const struct wc_plan_detail_in *in, struct wc_plan_detail *out,
                      struct wc_arena *arena)
{
    const struct wc_project *project = in->after;
    struct reach *at = WC_NEW_ARRAY(arena, struct reach, project->n_services + 1);
    size_t end = SIZE_MAX, n = 0;
    reach(in, at);
    for (size_t i = 0; i < project->n_services; i++)
        if (at[i].starts && (end == SIZE_MAX || at[i].ms > at[end].ms))
            end = i;
    for (size_t i = end; i != SIZE_MAX; i = at[i].from)
        n++;
    out->path = WC_NEW_ARRAY(arena, struct wc_plan_link, n + 1);
    out->n_path = n;
    const char *until = end != SIZE_MAX ? ready_word(&project->services[end]) : "";
    for (size_t i = end; i != SIZE_MAX; i = at[i].from) {
        int64_t ms = took_ms(in->ps, project->services[i].name, until);
        out->path[--n] = (struct wc_plan_link){ project->services[i].name, until, ms };
        out->known_ms += ms != WC_UNSET ? ms : 0;
        until = until_word(at[i].condition);
    }
}

void wc_plan_detail_make(const struct wc_plan_detail_in *in, struct wc_arena *arena,
                         struct wc_plan_detail *out)
{
    struct wc_model_diff diff = { 0 };
    *out = (struct wc_plan_detail){ 0 };
    if (in->before != NULL)
        wc_model_diff(in->before, in->after, arena, &diff);
    out->services = WC_NEW_ARRAY(arena, struct wc_plan_detail_service, in->preview->n_services + 1);
    for (size_t i = 0; i < in->preview->n_services; i++)
        add_service(in, &diff, &in->preview->services[i], out, arena);
    out->project = WC_NEW_ARRAY(arena, struct wc_plan_change, diff.n + 1);
    for (size_t i = 0; in->whole && i < diff.n; i++)
        if (!wc_str_starts(diff.items[i].path, "services."))
            out->project[out->n_project++] = change_of(in, &diff.items[i], 0);
    find_path(in, out, arena);
}
