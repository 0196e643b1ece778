/* test_metrics.c - events to counters, counters to text; text read back by a parser of our own. */
#include "harness/wc_test.h"

#include "base/buf.h"
#include "harness/exposition_reader.h"
#include "orchestrator/core/exposition.h"
#include "orchestrator/core/metrics.h"
#include "wcompose/event.h"
#include "wcompose/histogram.h"

static void count(struct wc_metrics *metrics, enum wc_event_type type, const char *action,
                  const char *service, uint64_t cause)
{
    const struct wc_event event = {
        .type = type, .action = action, .service = service, .cause = cause
    };
    wc_metrics_count(metrics, &event);
}

static void count_restart(struct wc_metrics *metrics, const char *service, enum wc_end end)
{
    const struct wc_event event = { .type = WC_EVENT_INSTANCE,
                                    .action = "restarting",
                                    .service = service,
                                    .cause = 2,
                                    .end = end };
    wc_metrics_count(metrics, &event);
}

static void happen(struct wc_metrics *metrics)
{
    count(metrics, WC_EVENT_PROJECT, "applying", NULL, 0);
    wc_metrics_count(
        metrics,
        &(struct wc_event){ .type = WC_EVENT_PROJECT, .action = "ready", .elapsed_ms = 2600 });
    wc_metrics_count(
        metrics,
        &(struct wc_event){ .type = WC_EVENT_PROJECT, .action = "failed", .elapsed_ms = 100 });
    count(metrics, WC_EVENT_INSTANCE, "failed", "web", 1);
    for (int i = 0; i < 3; i++)
        count_restart(metrics, "web", WC_END_EXIT);
    for (int end = WC_END_NONE; end < WC_ENDS; end++)
        count_restart(metrics, "db", (enum wc_end)end);
    count(metrics, WC_EVENT_INSTANCE, "removed", "db", 0);
    count(metrics, WC_EVENT_INSTANCE, "removed", "db", 5);
    count(metrics, WC_EVENT_INSTANCE, "paused", "db", 0);
    count(metrics, WC_EVENT_INSTANCE, "paused", "db", 5); /* asked for */
    count(metrics, WC_EVENT_INSTANCE, "limits changed", "db", 0);
    count(metrics, WC_EVENT_INSTANCE, "limits changed", "web", 0);
    count(metrics, WC_EVENT_INSTANCE, "network changed", "web", 0);
    count(metrics, WC_EVENT_NETWORK, "changed", NULL, 0);
    count(metrics, WC_EVENT_NETWORK, "created", NULL, 0);
    count(metrics, WC_EVENT_NETWORK, "removed", NULL, 0);
    count(metrics, WC_EVENT_ROLLOUT, "rolling", "db", 5);
    count(metrics, WC_EVENT_ROLLOUT, "rolling back", "db", 5);
    wc_metrics_go_back(metrics, WC_METRICS_BACK_FAILED);
    wc_metrics_go_back(metrics, WC_METRICS_BACK_ASKED);
    wc_metrics_go_back(metrics, WC_METRICS_BACK_ASKED);
    count(metrics, WC_EVENT_LOG, "ready", NULL, 5);
}

static void events_are_counted(void **state)
{
    (void)state;
    struct wc_metrics metrics = { 0 };
    struct wc_buf text = WC_BUF_INIT;
    struct wc_exposition x = { .out = &text, .project = "shop" };
    happen(&metrics);
    wc_metrics_know(&metrics, "quiet");
    wc_metrics_know(&metrics, "web");
    wc_metrics_expose(&metrics, &x);
    struct exposition read = exposition_read(text.data);
    static const struct {
        const char *series;
        double value;
    } expected[] = {
        { "wcompose_reconcile_total{project=shop,result=ready}", 1 },
        { "wcompose_reconcile_total{project=shop,result=failed}", 1 },
        { "wcompose_reconcile_total{project=shop,result=unchanged}", 0 },
        { "wcompose_reconcile_duration_seconds_count{project=shop}", 2 },
        { "wcompose_reconcile_duration_seconds_sum{project=shop}", 2.7 },
        { "wcompose_reconcile_duration_seconds_bucket{project=shop,le=0.05}", 0 },
        { "wcompose_reconcile_duration_seconds_bucket{project=shop,le=0.1}", 1 },
        { "wcompose_reconcile_duration_seconds_bucket{project=shop,le=2.5}", 1 },
        { "wcompose_reconcile_duration_seconds_bucket{project=shop,le=5}", 2 },
        { "wcompose_instance_restarts_total{project=shop,service=web,reason=exit}", 3 },
        { "wcompose_instance_restarts_total{project=shop,service=web,reason=oom}", 0 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=exit}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=signal}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=oom}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=unhealthy}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=hook}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=db,reason=unknown}", 2 },
        { "wcompose_instance_restarts_total{project=shop,service=quiet,reason=exit}", 0 },
        { "wcompose_drift_total{project=shop,kind=removed}", 1 },
        { "wcompose_drift_total{project=shop,kind=paused}", 1 },
        { "wcompose_drift_total{project=shop,kind=limits}", 2 },
        { "wcompose_drift_total{project=shop,kind=links}", 1 },
        { "wcompose_drift_total{project=shop,kind=network}", 1 },
        { "wcompose_rollbacks_total{project=shop,reason=failed}", 1 },
        { "wcompose_rollbacks_total{project=shop,reason=asked}", 2 },
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (exposition_value(&read, expected[i].series) != expected[i].value)
            fail_msg("%s", expected[i].series);
    exposition_free(&read);
    wc_metrics_deinit(&metrics);
    wc_buf_deinit(&text);
}

static void services_are_bounded(void **state)
{
    (void)state;
    struct wc_metrics metrics = { 0 };
    char name[16];
    for (int i = 0; i < WC_METRICS_SERVICES + 5; i++) {
        snprintf(name, sizeof name, "s%d", i * 7919 % (WC_METRICS_SERVICES + 5));
        count_restart(&metrics, name, WC_END_EXIT);
    }
    assert_int_equal(metrics.n_services, WC_METRICS_SERVICES);
    for (size_t i = 1; i < metrics.n_services; i++)
        assert_true(strcmp(metrics.services[i - 1].name, metrics.services[i].name) < 0);
    wc_metrics_deinit(&metrics);
}

/* A value on a bound is of at most that bound; one past the last only of +Inf. */
static void histograms_have_bounds(void **state)
{
    (void)state;
    struct wc_histogram h = { 0 };
    assert_int_equal(wc_histogram_total(&h), 0);
    uint64_t sum_us = 0;
    for (size_t i = 0; i < WC_HISTOGRAM_BOUNDS; i++) {
        uint64_t bound_us = wc_histogram_bounds_us[i];
        assert_true(i == 0 || bound_us > wc_histogram_bounds_us[i - 1]);
        wc_histogram_add(&h, bound_us);
        assert_int_equal(h.n[i], 1);
        wc_histogram_add(&h, bound_us + 1);
        assert_int_equal(h.n[i + 1], 1);
        h.n[i + 1] = 0;
        sum_us += 2 * bound_us + 1;
    }
    wc_histogram_add(&h, 0);
    assert_int_equal(h.n[0], 2);
    wc_histogram_add(&h, 3600 * UINT64_C(1000000));
    assert_int_equal(h.n[WC_HISTOGRAM_BOUNDS], 1);
    assert_int_equal(h.sum_us, sum_us + 3600 * UINT64_C(1000000));
    assert_int_equal(wc_histogram_total(&h), WC_HISTOGRAM_BOUNDS + 2);
}

static void histograms_are_printed(void **state)
{
    (void)state;
    static const char *const bounds[WC_HISTOGRAM_BOUNDS + 1] = {
        "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
        "0.25",   "0.5",     "1",      "2.5",   "5",      "10",    "30",   "60",    "300",  "+Inf",
    };
    struct wc_histogram h = { 0 };
    struct wc_buf text = WC_BUF_INIT, expected = WC_BUF_INIT;
    struct wc_exposition x = { .out = &text, .project = "p" };
    const struct wc_label label = { "action", "stop" };
    for (int i = 0; i < 3; i++)
        wc_histogram_add(&h, 400); /* 0.5 ms */
    wc_histogram_add(&h, 1500000); /* 2.5 s */
    wc_histogram_add(&h, 301000000);
    wc_exposition_family(&x, "wcompose_t_seconds", "histogram", "A test.");
    wc_exposition_histogram(&x, &label, 1, &h);
    wc_buf_adds(&expected, "# HELP wcompose_t_seconds A test.\n"
                           "# TYPE wcompose_t_seconds histogram\n");
    for (int i = 0; i <= WC_HISTOGRAM_BOUNDS; i++)
        wc_buf_printf(&expected,
                      "wcompose_t_seconds_bucket{project=\"p\",action=\"stop\",le=\"%s\"} %d\n",
                      bounds[i],
                      i < 2                     ? 0
                      : i < 13                  ? 3
                      : i < WC_HISTOGRAM_BOUNDS ? 4
                                                : 5);
    wc_buf_adds(&expected, "wcompose_t_seconds_sum{project=\"p\",action=\"stop\"} 302.501200\n"
                           "wcompose_t_seconds_count{project=\"p\",action=\"stop\"} 5\n");
    assert_string_equal(text.data, expected.data);
    struct exposition read = exposition_read(text.data);
    assert_int_equal(read.n, WC_HISTOGRAM_BOUNDS + 3);
    exposition_free(&read);
    wc_buf_deinit(&text);
    wc_buf_deinit(&expected);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *printed;
    } rows[] = {
        { "plain", "plain" },
        { "a\"b", "a\\\"b" },
        { "a\\b", "a\\\\b" },
        { "a\nb", "a\\nb" },
        { "a}b,c=d", "a}b,c=d" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xf0\x9f\x90\xb3", "\xf0\x9f\x90\xb3" },
        { "\xff", "\xef\xbf\xbd" },
        { "\xc3", "\xef\xbf\xbd" },
        { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wc_buf text = WC_BUF_INIT, expected = WC_BUF_INIT;
        struct wc_exposition x = { .out = &text, .project = "p" };
        const struct wc_label label = { "service", rows[i].value };
        wc_exposition_family(&x, "wcompose_x", "gauge", "A test.");
        wc_exposition_sample(&x, &label, 1, 7);
        wc_buf_printf(&expected,
                      "# HELP wcompose_x A test.\n# TYPE wcompose_x gauge\n"
                      "wcompose_x{project=\"p\",service=\"%s\"} 7\n",
                      rows[i].printed);
        assert_string_equal(text.data, expected.data);
        struct exposition read = exposition_read(text.data);
        assert_int_equal(read.n, 1);
        exposition_free(&read);
        wc_buf_deinit(&text);
        wc_buf_deinit(&expected);
    }
}

static void a_family_without_samples_is_silent(void **state)
{
    (void)state;
    struct wc_buf text = WC_BUF_INIT;
    struct wc_exposition x = { .out = &text, .project = "p" };
    wc_exposition_family(&x, "wcompose_none", "gauge", "Nothing.");
    wc_exposition_family(&x, "wcompose_wait_seconds", "gauge", "Something.");
    wc_exposition_seconds(&x, NULL, 0, 61005);
    wc_exposition_seconds(&x, &(struct wc_label){ "slot", "1" }, 1, 7);
    assert_string_equal(text.data, "# HELP wcompose_wait_seconds Something.\n"
                                   "# TYPE wcompose_wait_seconds gauge\n"
                                   "wcompose_wait_seconds{project=\"p\"} 61.005\n"
                                   "wcompose_wait_seconds{project=\"p\",slot=\"1\"} 0.007\n");
    wc_buf_deinit(&text);
}

WC_MAIN(WC_CASE(events_are_counted), WC_CASE(services_are_bounded), WC_CASE(labels_are_escaped),
        WC_CASE(histograms_have_bounds), WC_CASE(histograms_are_printed),
        WC_CASE(a_family_without_samples_is_silent))
