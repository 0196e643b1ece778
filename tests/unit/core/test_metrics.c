/* test_metrics.c - events to counters, counters to text; text read back by a parser of our own. */
#include "harness/wc_test.h"

#include "base/buf.h"
#include "harness/exposition_reader.h"
#include "orchestrator/core/exposition.h"
#include "orchestrator/core/metrics.h"
#include "wcompose/event.h"

static void count(struct wc_metrics *metrics, enum wc_event_type type, const char *action,
                  const char *service, uint64_t cause)
{
    const struct wc_event event = {
        .type = type, .action = action, .service = service, .cause = cause
    };
    wc_metrics_count(metrics, &event);
}

static void events_are_counted(void **state)
{
    (void)state;
    struct wc_metrics metrics = { 0 };
    struct wc_buf text = WC_BUF_INIT;
    struct wc_exposition x = { .out = &text, .project = "shop" };
    count(&metrics, WC_EVENT_PROJECT, "applying", NULL, 0);
    count(&metrics, WC_EVENT_PROJECT, "ready", NULL, 1);
    count(&metrics, WC_EVENT_PROJECT, "failed", NULL, 1);
    count(&metrics, WC_EVENT_INSTANCE, "failed", "web", 1);
    for (int i = 0; i < 3; i++)
        count(&metrics, WC_EVENT_INSTANCE, "restarting", "web", 2);
    count(&metrics, WC_EVENT_INSTANCE, "restarting", "db", 2);
    count(&metrics, WC_EVENT_INSTANCE, "removed", "db", 0);
    count(&metrics, WC_EVENT_INSTANCE, "removed", "db", 5);
    count(&metrics, WC_EVENT_INSTANCE, "paused", "db", 0);
    count(&metrics, WC_EVENT_INSTANCE, "paused", "db", 5); /* asked for */
    count(&metrics, WC_EVENT_INSTANCE, "limits changed", "db", 0);
    count(&metrics, WC_EVENT_INSTANCE, "limits changed", "web", 0);
    count(&metrics, WC_EVENT_INSTANCE, "network changed", "web", 0);
    count(&metrics, WC_EVENT_NETWORK, "changed", NULL, 0);
    count(&metrics, WC_EVENT_NETWORK, "created", NULL, 0);
    count(&metrics, WC_EVENT_NETWORK, "removed", NULL, 0);
    count(&metrics, WC_EVENT_ROLLOUT, "rolling", "db", 5);
    count(&metrics, WC_EVENT_ROLLOUT, "rolling back", "db", 5);
    count(&metrics, WC_EVENT_LOG, "ready", NULL, 5);
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
        { "wcompose_instance_restarts_total{project=shop,service=web}", 3 },
        { "wcompose_instance_restarts_total{project=shop,service=db}", 1 },
        { "wcompose_instance_restarts_total{project=shop,service=quiet}", 0 },
        { "wcompose_drift_total{project=shop,kind=removed}", 1 },
        { "wcompose_drift_total{project=shop,kind=paused}", 1 },
        { "wcompose_drift_total{project=shop,kind=limits}", 2 },
        { "wcompose_drift_total{project=shop,kind=links}", 1 },
        { "wcompose_drift_total{project=shop,kind=network}", 1 },
        { "wcompose_rollbacks_total{project=shop}", 1 },
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(exposition_value(&read, expected[i].series) == expected[i].value);
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
        count(&metrics, WC_EVENT_INSTANCE, "restarting", name, 1);
    }
    assert_int_equal(metrics.n_services, WC_METRICS_SERVICES);
    for (size_t i = 1; i < metrics.n_services; i++)
        assert_true(strcmp(metrics.services[i - 1].name, metrics.services[i].name) < 0);
    wc_metrics_deinit(&metrics);
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
        WC_CASE(a_family_without_samples_is_silent))
