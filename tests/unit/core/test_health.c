/* test_health.c - answers of a check to a state; merging; ids and reasons of instances. */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/core/health.h"
#include "wcompose/image.h"

static const char *shell[] = { "CMD-SHELL", "exit 0" };
static const char *command[] = { "CMD", "true" };
static const char *none[] = { "NONE" };

static struct wc_healthcheck check(const char **test, size_t n)
{
    return (struct wc_healthcheck){ .set = true,
                                    .test = { test, n, true },
                                    .interval_ms = WC_UNSET,
                                    .timeout_ms = WC_UNSET,
                                    .start_period_ms = WC_UNSET,
                                    .start_interval_ms = WC_UNSET,
                                    .retries = WC_UNSET };
}

static void merge(void **state)
{
    (void)state;
    const struct wc_healthcheck unset = { 0 };
    struct wc_healthcheck image = check(shell, 2), service = check(NULL, 0);
    assert_false(wc_health_merge(&unset, &unset).enabled);
    struct wc_health_conf conf = wc_health_merge(&unset, &image);
    assert_true(conf.enabled);
    assert_int_equal(conf.interval_ms, 30000);
    assert_int_equal(conf.retries, 3);
    image.interval_ms = 7000;
    service.timeout_ms = 4000;
    conf = wc_health_merge(&service, &image); /* the image's test, the service's numbers over it */
    assert_string_equal(conf.test.items[0], "CMD-SHELL");
    assert_int_equal(conf.interval_ms, 7000);
    assert_int_equal(conf.timeout_ms, 4000);
    service = check(command, 2);
    assert_string_equal(wc_health_merge(&service, &image).test.items[0], "CMD");
    service.disable = true;
    assert_false(wc_health_merge(&service, &image).enabled);
    service = check(none, 1);
    assert_false(wc_health_merge(&service, &image).enabled);
}

static struct wc_health_conf conf_of(uint64_t interval, uint64_t start_period)
{
    return (struct wc_health_conf){ .enabled = true,
                                    .interval_ms = interval,
                                    .timeout_ms = 1000,
                                    .start_period_ms = start_period,
                                    .start_interval_ms = 5000,
                                    .retries = 3 };
}

/* Answers `answer` to every probe until `end_ms`; the time when the status became `until`. */
static uint64_t play(struct wc_health_watch *watch, const struct wc_health_conf *conf,
                     enum wc_probe answer, enum wc_health until, uint64_t end_ms)
{
    while (watch->next_at_ms <= end_ms) {
        uint64_t now = watch->next_at_ms;
        wc_health_answer(watch, conf, answer, now);
        assert_true(watch->next_at_ms > now);
        if (watch->status == until)
            return now;
    }
    return 0;
}

static void first_success(void **state)
{
    struct wc_health_conf conf = conf_of(30000, 0);
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &conf, 1000, 1000);
    assert_int_equal(watch.status, WC_HEALTH_STARTING);
    assert_int_equal(watch.next_at_ms, 1000); /* at once */
    wc_health_answer(&watch, &conf, WC_PROBE_FAILED, 1000);
    assert_int_equal(watch.next_at_ms, 1100); /* and soon again, not an interval later */
    wc_health_answer(&watch, &conf, WC_PROBE_OK, 1100);
    assert_int_equal(watch.status, WC_HEALTH_HEALTHY);
    assert_int_equal(watch.next_at_ms, 31100);
}

static void timeline(void **state)
{
    (void)state;
    static const struct {
        uint64_t interval, start_period, lo, hi; /* unhealthy between, from the start on */
    } rows[] = {
        { 1000, 0, 3000, 4500 },       /* three intervals, as Docker counts */
        { 30000, 0, 90000, 97000 },    /* early probes never count */
        { 1000, 20000, 22000, 24000 }, /* nor does what fails within the start period */
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_health_conf conf = conf_of(rows[i].interval, rows[i].start_period);
        struct wc_health_watch watch;
        wc_health_begin(&watch, &conf, 5000, 5000);
        uint64_t at = play(&watch, &conf, WC_PROBE_FAILED, WC_HEALTH_UNHEALTHY, 1000000);
        assert_in_range(at - 5000, rows[i].lo, rows[i].hi);
        wc_health_answer(&watch, &conf, WC_PROBE_OK, at + 1000);
        assert_int_equal(watch.status, WC_HEALTH_HEALTHY); /* it may recover */
        assert_int_equal(watch.failing, 0);
    }
}

static void flapping(void **state)
{
    struct wc_health_conf conf = conf_of(1000, 0);
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &conf, 1, 1);
    wc_health_answer(&watch, &conf, WC_PROBE_OK, 1);
    for (uint64_t t = 2; t < 20; t++) {
        wc_health_answer(&watch, &conf, t % 3 == 0 ? WC_PROBE_OK : WC_PROBE_FAILED, t * 1000);
        assert_int_equal(watch.status, WC_HEALTH_HEALTHY);
    }
}

static void could_not_run(void **state)
{
    struct wc_health_conf conf = conf_of(1000, 0);
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &conf, 1, 1);
    wc_health_answer(&watch, &conf, WC_PROBE_OK, 1);
    for (uint64_t t = 1; t <= 3; t++) {
        wc_health_answer(&watch, &conf, WC_PROBE_NOT_RUN, t * 1000);
        assert_int_equal(watch.failing, 0); /* no answer is no "no" */
    }
    /* but who waits for it doesn't wait for ever */
    assert_int_not_equal(play(&watch, &conf, WC_PROBE_NOT_RUN, WC_HEALTH_UNHEALTHY, 60000), 0);
}

static void no_check(void **state)
{
    const struct wc_health_conf conf = { .enabled = false };
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &conf, 1, 1);
    assert_int_equal(watch.status, WC_HEALTH_NONE);
    assert_int_equal(watch.next_at_ms, 0);
}

static void identity(void **state)
{
    struct wc_arena arena;
    struct wc_instance a, b;
    struct wc_service s = { .name = "web", .image = "nginx", .spec_hash = "11" };
    const struct wc_project p = { .name = "shop" };
    const struct wc_image_info one = { .id = "sha256:1" }, two = { .id = "sha256:2" };
    (void)state;
    wc_arena_init(&arena);
    wc_desired_fill(&p, &s, 2, &one, &arena, &a);
    assert_string_equal(a.name, "shop-web-2");
    assert_true(wc_str_starts(a.id, "shop-web-2."));
    assert_int_equal(strlen(a.id), strlen("shop-web-2.") + 8);
    assert_int_equal(strlen(a.hash), 64);
    wc_desired_fill(&p, &s, 2, &one, &arena, &b);
    assert_string_equal(a.id, b.id);
    struct wc_fact fact = { .image = "nginx" };
    memcpy(fact.hash, a.hash, sizeof fact.hash);
    assert_null(wc_diff_why(&b, &fact, &arena));
    wc_desired_fill(&p, &s, 2, &two, &arena, &b);
    assert_string_not_equal(a.id, b.id);
    assert_string_equal(wc_diff_why(&b, &fact, &arena), "image changed");
    s.image = "nginx:2";
    wc_desired_fill(&p, &s, 2, &two, &arena, &b);
    assert_string_equal(wc_diff_why(&b, &fact, &arena), "image changed: nginx -> nginx:2");
    memcpy(s.spec_hash, "22", 3);
    wc_desired_fill(&p, &s, 2, &one, &arena, &b);
    assert_string_equal(wc_diff_why(&b, &fact, &arena), "configuration changed");
    s.container_name = "www";
    wc_desired_fill(&p, &s, 1, NULL, &arena, &b);
    assert_string_equal(b.name, "www");
    wc_arena_deinit(&arena);
}

/* What could not be asked makes it unhealthy in the end, but is no reason to restart it. */
static void sick_by_its_own_answers(void **state)
{
    struct wc_health_conf conf = conf_of(1000, 0);
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &conf, 1000, 1000);
    assert_true(play(&watch, &conf, WC_PROBE_NOT_RUN, WC_HEALTH_UNHEALTHY, 100000) > 0);
    assert_false(wc_health_is_sick(&watch, &conf));
    for (int i = 0; i < 2; i++)
        wc_health_answer(&watch, &conf, WC_PROBE_FAILED, watch.next_at_ms);
    assert_false(wc_health_is_sick(&watch, &conf));
    wc_health_answer(&watch, &conf, WC_PROBE_FAILED, watch.next_at_ms);
    assert_true(wc_health_is_sick(&watch, &conf));
    wc_health_answer(&watch, &conf, WC_PROBE_OK, watch.next_at_ms);
    assert_false(wc_health_is_sick(&watch, &conf));
    assert_int_equal(watch.said_no, 0);
}

/* A run that never was healthy was good for nothing, however long it was. */
static void good_for_how_long(void **state)
{
    struct wc_health_conf conf = conf_of(1000, 0), off = { .enabled = false };
    struct wc_health_watch watch;
    (void)state;
    wc_health_begin(&watch, &off, 1000, 1000);
    assert_int_equal(wc_health_good_ms(&watch, 1000, 61000), 60000);
    wc_health_begin(&watch, &conf, 1000, 1000);
    wc_health_answer(&watch, &conf, WC_PROBE_FAILED, 2000);
    assert_int_equal(wc_health_good_ms(&watch, 1000, 61000), 0);
    wc_health_answer(&watch, &conf, WC_PROBE_OK, 5000);
    assert_int_equal(wc_health_good_ms(&watch, 1000, 61000), 56000);
    wc_health_answer(&watch, &conf, WC_PROBE_OK, 8000);
    for (uint64_t now = 9000; now < 12000; now += 1000)
        wc_health_answer(&watch, &conf, WC_PROBE_FAILED, now);
    assert_int_equal(watch.status, WC_HEALTH_UNHEALTHY);
    assert_int_equal(wc_health_good_ms(&watch, 1000, 61000), 3000);
}

/* A probe takes the place of the image's check, times and all; the same question is known. */
static void probe_instead_of_a_test(void **state)
{
    struct wc_healthcheck image = check(shell, 2), service = check(NULL, 0);
    (void)state;
    image.interval_ms = 7000;
    service.check = (struct wc_check){ .kind = WC_CHECK_TCP, .port = 80 };
    service.timeout_ms = 2000;
    struct wc_health_conf tcp = wc_health_merge(&service, &image), other = tcp;
    assert_true(tcp.enabled);
    assert_int_equal(tcp.test.n, 0);
    assert_int_equal(tcp.interval_ms, 30000);
    assert_int_equal(tcp.timeout_ms, 2000);
    other.interval_ms = 1;
    assert_true(wc_health_asks_same(&tcp, &other));
    other.check.port = 81;
    assert_false(wc_health_asks_same(&tcp, &other));
    service = check(command, 2);
    other = wc_health_merge(&service, &image);
    assert_false(wc_health_asks_same(&tcp, &other));
    assert_true(wc_health_asks_same(&other, &other));
}

/* Readiness that is told: pushed, not asked for; late or never is unhealthy. */
static void notified(void **state)
{
    struct wc_health_conf conf = conf_of(1000, 0);
    struct wc_health_watch watch;
    (void)state;
    conf.check.kind = WC_CHECK_NOTIFY;
    wc_health_begin(&watch, &conf, 1000, 2000);
    assert_int_equal(watch.status, WC_HEALTH_STARTING);
    assert_int_equal(watch.next_at_ms, 91000);
    wc_health_notified(&watch, &conf, WC_NOTIFIED_NOTHING, 3000);
    assert_int_equal(watch.status, WC_HEALTH_STARTING);
    wc_health_notified(&watch, &conf, WC_NOTIFIED_READY, 4000);
    assert_int_equal(watch.status, WC_HEALTH_HEALTHY);
    assert_int_equal(watch.next_at_ms, 0);
    assert_int_equal(wc_health_good_ms(&watch, 1000, 10000), 6000);
    wc_health_notified(&watch, &conf, WC_NOTIFIED_LATE, 9000);
    wc_health_notified(&watch, &conf, WC_NOTIFIED_LATE, 9500);
    assert_int_equal(watch.status, WC_HEALTH_UNHEALTHY);
    assert_true(wc_health_is_sick(&watch, &conf));
    assert_int_equal(wc_health_good_ms(&watch, 1000, 20000), 5000);
    wc_health_notified(&watch, &conf, WC_NOTIFIED_READY, 9800);
    assert_int_equal(watch.status, WC_HEALTH_HEALTHY);
    assert_false(wc_health_is_sick(&watch, &conf));
    conf.start_period_ms = 5000;
    wc_health_begin(&watch, &conf, 1000, 2000);
    assert_int_equal(watch.next_at_ms, 6000);
    wc_health_expire(&watch, &conf);
    assert_int_equal(watch.status, WC_HEALTH_UNHEALTHY);
    assert_int_equal(watch.next_at_ms, 0);
}

WC_MAIN(WC_CASE(notified), WC_CASE(probe_instead_of_a_test), WC_CASE(sick_by_its_own_answers),
        WC_CASE(good_for_how_long), WC_CASE(merge), WC_CASE(first_success), WC_CASE(timeline),
        WC_CASE(flapping), WC_CASE(could_not_run), WC_CASE(no_check), WC_CASE(identity))
