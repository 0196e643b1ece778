/* agent_metrics.c - what the agent knows of its apps, as numbers: from the records that its passes
 * left, without reading anything anew. */
#include "orchestrator/gitops/agent_priv.h"

#include "base/buf.h"
#include "base/str.h"
#include "orchestrator/core/exposition.h"

static const char *const result_names[WC_PASS_RESULTS] = {
    [WC_PASS_OK] = "ok",
    [WC_PASS_REJECTED] = "rejected",
    [WC_PASS_FAILED] = "failed",
};

static void add_conditions(const struct wc_gitops_loop *loop, struct wc_exposition *x)
{
    static const char *const words[] = { "unknown", "false", "true" };
    wc_exposition_family(x, "wcompose_source_condition", "gauge",
                         "1 for the status that each condition has");
    for (size_t i = 0; i < loop->n_apps; i++)
        for (int k = 0; k < WC_GITOPS_CONDITIONS; k++) {
            const struct wc_label labels[] = {
                { "type", wc_gitops_condition_name((enum wc_gitops_condition_type)k) },
                { "status", words[loop->apps[i]->known[k].status] },
            };
            x->project = loop->apps[i]->name;
            wc_exposition_sample(x, labels, WC_COUNT(labels), 1);
        }
}

static void add_passes(const struct wc_gitops_loop *loop, struct wc_exposition *x)
{
    wc_exposition_family(x, "wcompose_source_pass_total", "counter",
                         "passes that have ended since the agent started");
    for (size_t i = 0; i < loop->n_apps; i++)
        for (int k = 0; k < WC_PASS_RESULTS; k++) {
            const struct wc_label label = { "result", result_names[k] };
            x->project = loop->apps[i]->name;
            wc_exposition_sample(x, &label, 1, loop->apps[i]->passes[k]);
        }
}

void wc_agent_metrics(const struct wc_gitops_loop *loop, struct wc_buf *out)
{
    struct wc_exposition x = { .out = out };
    add_conditions(loop, &x);
    add_passes(loop, &x);
    wc_exposition_family(&x, "wcompose_source_generation", "gauge",
                         "candidates that have been seen, the newest one's number");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        wc_exposition_sample(&x, NULL, 0, loop->apps[i]->generation);
    }
    wc_exposition_family(&x, "wcompose_source_failures", "gauge",
                         "failures in a row that may pass by themselves");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        wc_exposition_sample(&x, NULL, 0, loop->apps[i]->failures);
    }
    wc_exposition_family(&x, "wcompose_source_last_look_timestamp_seconds", "gauge",
                         "when the source was looked at last");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        if (loop->apps[i]->looked_at_ms > 0)
            wc_exposition_seconds(&x, NULL, 0, (uint64_t)loop->apps[i]->looked_at_ms);
    }
}
