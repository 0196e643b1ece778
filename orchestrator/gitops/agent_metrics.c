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

static const char *const change_names[WC_CHANGES] = {
    [WC_CHANGE_APPLIED] = "applied",       [WC_CHANGE_REJECTED] = "rejected",
    [WC_CHANGE_SUPERSEDED] = "superseded", [WC_CHANGE_RESTORED] = "restored",
    [WC_CHANGE_REPAIRED] = "repaired",
};

/* Lines of history that weren't there before. */
static void count_changes(struct wc_app_counts *counts, const struct wc_gitops_record *record,
                          bool is_first)
{
    int64_t newest_ms = counts->last_change_ms;
    for (size_t i = 0; i < record->n_past; i++) {
        const struct wc_gitops_past *past = &record->past[i];
        for (int k = 0; k < WC_CHANGES && !is_first && past->at_ms > newest_ms; k++)
            if (wc_streq(past->what, change_names[k]))
                counts->changes[k]++;
        if (past->at_ms > counts->last_change_ms)
            counts->last_change_ms = past->at_ms;
    }
}

void wc_agent_count(struct wc_loop_app *app, const struct wc_gitops_record *record, bool is_first)
{
    const struct wc_gitops_memory *memory = &record->memory;
    const struct wc_gitops_condition *now = &memory->conditions[WC_GITOPS_SOURCE_VERIFIED];
    const struct wc_gitops_condition *was = &app->known[WC_GITOPS_SOURCE_VERIFIED];
    bool is_new = was->status != now->status || was->generation != now->generation;
    if (!is_first && is_new && now->status == WC_GITOPS_FALSE)
        app->counts.unbelieved++;
    count_changes(&app->counts, record, is_first);
    if (memory->failures == 0 && memory->looked_at_ms > 0)
        app->counts.succeeded_at_ms = memory->looked_at_ms;
}

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
            wc_exposition_sample(x, &label, 1, loop->apps[i]->counts.passes[k]);
        }
}

static void add_changes(const struct wc_gitops_loop *loop, struct wc_exposition *x)
{
    wc_exposition_family(
        x, "wcompose_source_change_total", "counter",
        "revisions applied, rejected, superseded and restored, and drift repaired, since the "
        "agent started");
    for (size_t i = 0; i < loop->n_apps; i++)
        for (int k = 0; k < WC_CHANGES; k++) {
            const struct wc_label label = { "what", change_names[k] };
            x->project = loop->apps[i]->name;
            wc_exposition_sample(x, &label, 1, loop->apps[i]->counts.changes[k]);
        }
    wc_exposition_family(x, "wcompose_source_verify_failures_total", "counter",
                         "revisions that were not believed, since the agent started");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x->project = loop->apps[i]->name;
        wc_exposition_sample(x, NULL, 0, loop->apps[i]->counts.unbelieved);
    }
}

static void add_durations(const struct wc_gitops_loop *loop, struct wc_exposition *x)
{
    wc_exposition_family(x, "wcompose_source_pass_duration_seconds", "histogram",
                         "how long passes took, from their start to their end");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x->project = loop->apps[i]->name;
        wc_exposition_histogram(x, NULL, 0, &loop->apps[i]->counts.took);
    }
}

void wc_agent_metrics(const struct wc_gitops_loop *loop, struct wc_buf *out)
{
    struct wc_exposition x = { .out = out };
    add_conditions(loop, &x);
    add_passes(loop, &x);
    add_changes(loop, &x);
    add_durations(loop, &x);
    wc_exposition_family(&x, "wcompose_source_generation", "gauge",
                         "candidates that have been seen, the newest one's number");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        wc_exposition_sample(&x, NULL, 0, loop->apps[i]->generation);
    }
    wc_exposition_family(&x, "wcompose_source_observed_generation", "gauge",
                         "the candidate of which Ready was last said");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        wc_exposition_sample(&x, NULL, 0, loop->apps[i]->known[WC_GITOPS_READY].generation);
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
    wc_exposition_family(&x, "wcompose_source_last_success_timestamp_seconds", "gauge",
                         "when the source was looked at last and all that came of it worked");
    for (size_t i = 0; i < loop->n_apps; i++) {
        x.project = loop->apps[i]->name;
        if (loop->apps[i]->counts.succeeded_at_ms > 0)
            wc_exposition_seconds(&x, NULL, 0, (uint64_t)loop->apps[i]->counts.succeeded_at_ms);
    }
}
