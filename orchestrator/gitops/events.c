/* events.c - changes of conditions, as they are kept and told. */
#include "wcompose/gitops.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"

static const char *const condition_names[WC_GITOPS_CONDITIONS] = {
    [WC_GITOPS_READY] = "Ready",         [WC_GITOPS_RECONCILING] = "Reconciling",
    [WC_GITOPS_STALLED] = "Stalled",     [WC_GITOPS_SOURCE_VERIFIED] = "SourceVerified",
    [WC_GITOPS_SUSPENDED] = "Suspended",
};
static const char *const truth_names[] = { "Unknown", "False", "True" };

const char *wc_gitops_condition_name(enum wc_gitops_condition_type type)
{
    return condition_names[type];
}

const char *wc_gitops_truth_name(enum wc_gitops_truth truth)
{
    return truth_names[truth];
}

/* Puts an event behind those of this call that are as old or older. */
static void add(struct wc_gitops_event *all, size_t first, size_t *n,
                const struct wc_gitops_event *event)
{
    size_t at = (*n)++;
    for (; at > first && all[at - 1].now.since_ms > event->now.since_ms; at--)
        all[at] = all[at - 1];
    all[at] = *event;
}

void wc_gitops_note_events(struct wc_gitops_record *record, struct wc_arena *arena)
{
    struct wc_gitops_events *events = &record->events;
    size_t n = events->n;
    struct wc_gitops_event *all =
        WC_NEW_ARRAY(arena, struct wc_gitops_event, n + WC_GITOPS_CONDITIONS);
    if (n > 0)
        memcpy(all, events->items, n * sizeof *all);
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        const struct wc_gitops_condition *now = &record->memory.conditions[i];
        const struct wc_gitops_condition *before = &record->noted[i];
        const struct wc_gitops_event event = { .type = (enum wc_gitops_condition_type)i,
                                               .now = *now,
                                               .revision = record->seen.name };
        if (now->status != before->status || !wc_streq(now->reason, before->reason))
            add(all, events->n, &n, &event);
    }
    for (size_t i = events->n; i < n; i++)
        all[i].seq = i > 0 ? all[i - 1].seq + 1 : 1;
    size_t skip = n > WC_GITOPS_EVENTS ? n - WC_GITOPS_EVENTS : 0;
    *events = (struct wc_gitops_events){ all + skip, n - skip };
    memcpy(record->noted, record->memory.conditions, sizeof record->noted);
}

void wc_gitops_event_id(const char *app, const struct wc_gitops_event *event,
                        char id[WC_SHA256_HEX + 1])
{
    WC_CLEANUP_BUF struct wc_buf seed = WC_BUF_INIT;
    wc_buf_printf(&seed, "%s %s %s %s %lld", app, condition_names[event->type],
                  truth_names[event->now.status], event->now.reason,
                  (long long)event->now.since_ms);
    wc_sha256_hex(seed.data, seed.len, id);
}

void wc_gitops_event_json(const char *app, const struct wc_gitops_event *event, struct wc_buf *out)
{
    const struct wc_gitops_condition *now = &event->now;
    char id[WC_SHA256_HEX + 1], at[32];
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_gitops_event_id(app, event, id);
    wc_time_rfc3339(now->since_ms, at, sizeof at);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "id", id);
    if (event->seq != 0)
        wc_jsonw_i64(&w, "seq", (int64_t)event->seq);
    wc_jsonw_str(&w, "app", app);
    wc_jsonw_str(&w, "condition", condition_names[event->type]);
    wc_jsonw_str(&w, "status", truth_names[now->status]);
    wc_jsonw_str(&w, "reason", now->reason);
    wc_jsonw_str(&w, "message", now->message);
    wc_jsonw_str(&w, "revision", event->revision);
    wc_jsonw_i64(&w, "observedGeneration", (int64_t)now->generation);
    wc_jsonw_str(&w, "at", at);
    wc_jsonw_end_object(&w);
}
