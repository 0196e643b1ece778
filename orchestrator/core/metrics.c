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

static const char *const rollback_words[WC_METRICS_ROLLBACKS] = {
    [WC_METRICS_BACK_ASKED] = "asked",
    [WC_METRICS_BACK_FAILED] = "failed",
};

static const char *const restart_words[WC_ENDS] = {
    [WC_END_EXIT] = "exit",           [WC_END_SIGNAL] = "signal", [WC_END_OOM] = "oom",
    [WC_END_UNHEALTHY] = "unhealthy", [WC_END_HOOK] = "hook",     [WC_END_UNKNOWN] = "unknown",
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
    size_t i = 0;
    while (i < WC_METRICS_ENDS && !wc_streq(event->action, end_words[i]))
        i++;
    if (i == WC_METRICS_ENDS) /* it only begins */
        return;
    metrics->ends[i]++;
    wc_histogram_add(&metrics->took, event->elapsed_ms * 1000);
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

void wc_metrics_go_back(struct wc_metrics *metrics, enum wc_metrics_rollback why)
{
    metrics->rollbacks[why]++;
}

static void count_restart(struct wc_metrics *metrics, const struct wc_event *event)
{
    struct wc_metrics_service *service =
        event->service != NULL ? place_of(metrics, event->service) : NULL;
    enum wc_end end = event->end != WC_END_NONE ? event->end : WC_END_UNKNOWN;
    if (service != NULL)
        service->restarts[end]++;
}

static void count_instance(struct wc_metrics *metrics, const struct wc_event *event)
{
    if (wc_streq(event->action, "restarting"))
        count_restart(metrics, event);
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
    case WC_EVENT_NETWORK:
        count_network(metrics, event);
        break;
    case WC_EVENT_ROLLOUT:
    case WC_EVENT_VOLUME:
    case WC_EVENT_LOG:
        break;
    }
}

/* ---- printing ---- */

static void add_ends(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    for (size_t i = 0; i < WC_METRICS_ENDS; i++) {
        const struct wc_label label = { "result", end_words[i] };
        wc_exposition_sample(x, &label, 1, metrics->ends[i]);
    }
}

static void add_took(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    wc_exposition_histogram(x, NULL, 0, &metrics->took);
}

static void add_rollbacks(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    for (size_t i = 0; i < WC_METRICS_ROLLBACKS; i++) {
        const struct wc_label label = { "reason", rollback_words[i] };
        wc_exposition_sample(x, &label, 1, metrics->rollbacks[i]);
    }
}

static void add_drift(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    for (size_t i = 0; i < WC_METRICS_DRIFTS; i++) {
        const struct wc_label kind = { "kind", drifts[i].kind };
        wc_exposition_sample(x, &kind, 1, metrics->drift[i]);
    }
}

static void add_restarts(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    for (size_t i = 0; i < metrics->n_services; i++) {
        const struct wc_metrics_service *service = &metrics->services[i];
        for (size_t end = WC_END_EXIT; end < WC_ENDS; end++) {
            const struct wc_label labels[] = { { "service", service->name },
                                               { "reason", restart_words[end] } };
            wc_exposition_sample(x, labels, WC_COUNT(labels), service->restarts[end]);
        }
    }
}

void wc_metrics_expose(const struct wc_metrics *metrics, struct wc_exposition *x)
{
    static const struct {
        const char *name, *type, *help;
        void (*add)(const struct wc_metrics *metrics, struct wc_exposition *x);
    } families[] = {
        { "wcompose_reconcile_total", "counter",
          "Requests (up, start, stop, down ...) that have ended, by how.", add_ends },
        { "wcompose_reconcile_duration_seconds", "histogram",
          "How long those requests took, from when they came until they had ended.", add_took },
        { "wcompose_rollbacks_total", "counter",
          "Returns of the app to a former version, by what led to them.", add_rollbacks },
        { "wcompose_drift_total", "counter",
          "Changes that were not ours, seen and put back, by what was changed.", add_drift },
        { "wcompose_instance_restarts_total", "counter",
          "Starts after an end that nobody asked for, by service and kind of end.", add_restarts },
    };
    for (size_t i = 0; i < WC_COUNT(families); i++) {
        wc_exposition_family(x, families[i].name, families[i].type, families[i].help);
        families[i].add(metrics, x);
    }
}
