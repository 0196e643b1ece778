/* metrics.c - one switch over the kinds of events. */
#include "orchestrator/core/metrics.h"

#include <string.h>

#include "base/alloc.h"
#include "base/sorted.h"
#include "base/str.h"
#include "orchestrator/core/exposition.h"
#include "wcompose/event.h"

static const char *const end_words[WC_METRICS_ENDS] = {
    [WC_METRICS_READY] = "ready",     [WC_METRICS_UNCHANGED] = "unchanged",
    [WC_METRICS_STOPPED] = "stopped", [WC_METRICS_REMOVED] = "removed",
    [WC_METRICS_FAILED] = "failed",
};

/* Events by which changes that were not ours are told, in the order of their numbers. */
static const struct {
    enum wc_event_type type;
    const char *action, *kind;
} drifts[WC_METRICS_DRIFTS] = {
    [WC_METRICS_GONE] = { WC_EVENT_INSTANCE, "removed", "removed" },
    [WC_METRICS_PAUSE] = { WC_EVENT_INSTANCE, "paused", "paused" },
    [WC_METRICS_LIMITS] = { WC_EVENT_INSTANCE, "limits changed", "limits" },
    [WC_METRICS_LINKS] = { WC_EVENT_INSTANCE, "network changed", "links" },
    [WC_METRICS_NETS] = { WC_EVENT_NETWORK, "changed", "network" },
};

void wc_metrics_deinit(struct wc_metrics *metrics)
{
    for (size_t i = 0; i < metrics->n_services; i++)
        wc_free(metrics->services[i].name);
    wc_free(metrics->services);
    *metrics = (struct wc_metrics){ 0 };
}

static void count_end(struct wc_metrics *metrics, const struct wc_event *event)
{
    for (size_t i = 0; i < WC_METRICS_ENDS; i++)
        if (wc_streq(event->action, end_words[i]))
            metrics->ends[i]++;
}

/* Where the service is, or is to be put. */
static size_t find(const struct wc_metrics *metrics, const char *name)
{
    return wc_sorted_pos(metrics->services, metrics->n_services, sizeof *metrics->services, name);
}

static void insert(struct wc_metrics *metrics, size_t at, const char *name)
{
    if (metrics->n_services == metrics->cap_services) {
        size_t cap = metrics->cap_services == 0 ? 8 : metrics->cap_services * 2;
        struct wc_metrics_service *more = wc_calloc(cap, sizeof *more);
        if (metrics->n_services > 0)
            memcpy(more, metrics->services, metrics->n_services * sizeof *more);
        wc_free(metrics->services);
        metrics->services = more;
        metrics->cap_services = cap;
    }
    struct wc_metrics_service *place = &metrics->services[at];
    memmove(place + 1, place, (metrics->n_services - at) * sizeof *place);
    *place = (struct wc_metrics_service){ .name = wc_strdup(name) };
    metrics->n_services++;
}

static struct wc_metrics_service *place_of(struct wc_metrics *metrics, const char *service)
{
    size_t at = find(metrics, service);
    bool is_known = at < metrics->n_services && wc_streq(metrics->services[at].name, service);
    if (!is_known && metrics->n_services == WC_METRICS_SERVICES)
        return NULL;
    if (!is_known)
        insert(metrics, at, service);
    return &metrics->services[at];
}

void wc_metrics_know(struct wc_metrics *metrics, const char *service)
{
    (void)place_of(metrics, service);
}

static void count_restart(struct wc_metrics *metrics, const char *name)
{
    struct wc_metrics_service *service = name != NULL ? place_of(metrics, name) : NULL;
    if (service != NULL)
        service->restarts++;
}

static void count_instance(struct wc_metrics *metrics, const struct wc_event *event)
{
    if (wc_streq(event->action, "restarting"))
        count_restart(metrics, event->service);
    for (size_t i = 0; i < WC_METRICS_DRIFTS && event->cause == 0;
         i++) /* nothing of ours led to it */
        if (drifts[i].type == event->type && wc_streq(event->action, drifts[i].action))
            metrics->drift[i]++;
}

static void count_network(struct wc_metrics *metrics, const struct wc_event *event)
{
    metrics->drift[WC_METRICS_NETS] += wc_streq(event->action, drifts[WC_METRICS_NETS].action);
}

void wc_metrics_count(struct wc_metrics *metrics, const struct wc_event *event)
{
    switch (event->type) {
    case WC_EVENT_PROJECT:
        count_end(metrics, event);
        break;
    case WC_EVENT_INSTANCE:
        count_instance(metrics, event);
        break;
    case WC_EVENT_ROLLOUT:
        metrics->rollbacks += wc_streq(event->action, "rolling back");
        break;
    case WC_EVENT_NETWORK:
        count_network(metrics, event);
        break;
    case WC_EVENT_VOLUME:
    case WC_EVENT_LOG:
        break;
    }
}

void wc_metrics_expose(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    wc_exposition_family(x, "wcompose_reconcile_total", "counter",
                         "Requests (up, start, stop, down ...) that have ended, by how.");
    for (size_t i = 0; i < WC_METRICS_ENDS; i++) {
        const struct wc_label label = { "result", end_words[i] };
        wc_exposition_sample(x, &label, 1, metrics->ends[i]);
    }
    wc_exposition_family(x, "wcompose_rollbacks_total", "counter",
                         "Services whose former version was wanted back.");
    wc_exposition_sample(x, NULL, 0, metrics->rollbacks);
    wc_exposition_family(x, "wcompose_drift_total", "counter",
                         "Changes that were not ours, seen and put back, by what was changed.");
    for (size_t i = 0; i < WC_METRICS_DRIFTS; i++) {
        const struct wc_label kind = { "kind", drifts[i].kind };
        wc_exposition_sample(x, &kind, 1, metrics->drift[i]);
    }
    wc_exposition_family(x, "wcompose_instance_restarts_total", "counter",
                         "Starts after an end that nobody asked for, by service.");
    for (size_t i = 0; i < metrics->n_services; i++) {
        const struct wc_label service = { "service", metrics->services[i].name };
        wc_exposition_sample(x, &service, 1, metrics->services[i].restarts);
    }
}
