/* health.c - the health state machine. Checks that can't be run often enough in a row make a
 * service unhealthy too, or those who wait for it would wait for ever.
 */
#include "orchestrator/core/health.h"

#include "base/str.h"

enum {
    INTERVAL_MS = 30000,
    TIMEOUT_MS = 30000,
    START_INTERVAL_MS = 5000,
    RETRIES = 3,
    EARLY_FIRST_MS = 100,
    EARLY_MAX_MS = 2000,
    READY_WITHIN_MS = 90000, /* without start_period: what systemd gives a service */
};

static uint64_t choose(int64_t service, int64_t image, int64_t fallback)
{
    if (service >= 0)
        return (uint64_t)service;
    return (uint64_t)(image >= 0 ? image : fallback);
}

static int64_t of(const struct wc_healthcheck *check, int64_t value)
{
    return check->set ? value : WC_UNSET;
}

struct wc_health_conf wc_health_merge(const struct wc_healthcheck *service,
                                      const struct wc_healthcheck *image)
{
    struct wc_health_conf conf = { 0 };
    if (service->set && service->check.kind != WC_CHECK_TEST) {
        conf.check = service->check;
        conf.enabled = true;
        image = service; /* the image's own check has no say in it */
    } else {
        if (service->set && service->test.n > 0)
            conf.test = service->test;
        else if (image->set)
            conf.test = image->test;
        conf.enabled = conf.test.n > 1 && !wc_streq(conf.test.items[0], "NONE") &&
                       !(service->set && service->disable) &&
                       !(image->set && image->disable && service->test.n == 0);
    }
#define CHOOSE(member, fallback)                                                                   \
    choose(of(service, service->member), of(image, image->member), (fallback))
    conf.interval_ms = CHOOSE(interval_ms, INTERVAL_MS);
    conf.timeout_ms = CHOOSE(timeout_ms, TIMEOUT_MS);
    conf.start_period_ms = CHOOSE(start_period_ms, 0);
    conf.start_interval_ms = CHOOSE(start_interval_ms, START_INTERVAL_MS);
    conf.retries = (unsigned)CHOOSE(retries, RETRIES);
#undef CHOOSE
    /* Docker reads 0 as "not given" */
    if (conf.interval_ms == 0)
        conf.interval_ms = INTERVAL_MS;
    if (conf.timeout_ms == 0)
        conf.timeout_ms = TIMEOUT_MS;
    if (conf.start_interval_ms == 0)
        conf.start_interval_ms = START_INTERVAL_MS;
    if (conf.retries == 0)
        conf.retries = RETRIES;
    return conf;
}

bool wc_health_asks_same(const struct wc_health_conf *a, const struct wc_health_conf *b)
{
    const struct wc_check *x = &a->check, *y = &b->check;
    if (a->enabled != b->enabled || x->kind != y->kind || a->test.n != b->test.n)
        return false;
    for (size_t i = 0; i < a->test.n; i++)
        if (!wc_streq(a->test.items[i], b->test.items[i]))
            return false;
    return x->kind == WC_CHECK_TEST ||
           (x->port == y->port && wc_streq0(x->path, y->path) && wc_streq0(x->host, y->host) &&
            x->status_min == y->status_min && x->status_max == y->status_max);
}

void wc_health_begin(struct wc_health_watch *health, const struct wc_health_conf *conf,
                     uint64_t started_at_ms, uint64_t now_ms)
{
    *health = (struct wc_health_watch){ .started_at_ms = started_at_ms };
    if (!conf->enabled)
        return;
    uint64_t quiet =
        conf->start_period_ms > conf->interval_ms ? conf->start_period_ms : conf->interval_ms;
    health->status = WC_HEALTH_STARTING;
    health->counts_from_ms = started_at_ms + quiet;
    health->next_at_ms = now_ms;
    if (conf->check.kind == WC_CHECK_NOTIFY)
        health->next_at_ms =
            started_at_ms + (conf->start_period_ms > 0 ? conf->start_period_ms : READY_WITHIN_MS);
}

static void fail_by_notice(struct wc_health_watch *health, const struct wc_health_conf *conf)
{
    health->status = WC_HEALTH_UNHEALTHY;
    health->failing = 1;
    health->said_no = conf->retries;
    health->next_at_ms = 0;
}

void wc_health_notified(struct wc_health_watch *health, const struct wc_health_conf *conf,
                        enum wc_notified said, uint64_t now_ms)
{
    switch (said) {
    case WC_NOTIFIED_NOTHING:
        break;
    case WC_NOTIFIED_READY:
        health->status = WC_HEALTH_HEALTHY;
        health->failing = health->said_no = 0;
        health->next_at_ms = 0;
        if (health->first_ok_ms == 0)
            health->first_ok_ms = now_ms;
        break;
    case WC_NOTIFIED_LATE:
        if (health->first_ok_ms == 0)
            health->first_ok_ms = now_ms;
        if (health->status != WC_HEALTH_UNHEALTHY)
            health->last_ok_ms = now_ms;
        fail_by_notice(health, conf);
        break;
    }
}

void wc_health_expire(struct wc_health_watch *health, const struct wc_health_conf *conf)
{
    fail_by_notice(health, conf);
}

/* When to ask a service again that never was healthy. */
static uint64_t next_early(struct wc_health_watch *health, const struct wc_health_conf *conf,
                           uint64_t now_ms)
{
    uint64_t wait = EARLY_MAX_MS;
    if (health->early < 5)
        wait = (uint64_t)EARLY_FIRST_MS << health->early;
    health->early++;
    if (wait > conf->interval_ms)
        wait = conf->interval_ms;
    if (now_ms < health->started_at_ms + conf->start_period_ms && wait > conf->start_interval_ms)
        wait = conf->start_interval_ms;
    return now_ms + wait;
}

/* True when it counts. */
static bool count_failure(struct wc_health_watch *health, const struct wc_health_conf *conf,
                          uint64_t now_ms)
{
    bool counts = health->status != WC_HEALTH_STARTING || now_ms >= health->counts_from_ms;
    if (counts) {
        health->failing++;
        health->counts_from_ms = now_ms + conf->interval_ms;
    }
    if (health->failing >= conf->retries)
        health->status = WC_HEALTH_UNHEALTHY;
    return counts;
}

void wc_health_answer(struct wc_health_watch *health, const struct wc_health_conf *conf,
                      enum wc_probe answer, uint64_t now_ms)
{
    health->next_at_ms = now_ms + conf->interval_ms;
    switch (answer) {
    case WC_PROBE_OK:
        health->status = WC_HEALTH_HEALTHY;
        health->failing = health->said_no = health->not_run = 0;
        health->last_ok_ms = now_ms;
        if (health->first_ok_ms == 0)
            health->first_ok_ms = now_ms;
        return;
    case WC_PROBE_FAILED:
        health->not_run = 0;
        health->said_no += count_failure(health, conf, now_ms);
        break;
    case WC_PROBE_NOT_RUN:
        if (health->not_run++ < conf->retries)
            break; /* no answer; but not for ever */
        (void)count_failure(health, conf, now_ms);
        break;
    }
    if (health->status == WC_HEALTH_STARTING)
        health->next_at_ms = next_early(health, conf, now_ms);
}

bool wc_health_is_sick(const struct wc_health_watch *health, const struct wc_health_conf *conf)
{
    return health->status == WC_HEALTH_UNHEALTHY && health->said_no >= conf->retries;
}

uint64_t wc_health_good_ms(const struct wc_health_watch *health, uint64_t up_at_ms, uint64_t now_ms)
{
    if (health->status == WC_HEALTH_NONE)
        return now_ms - up_at_ms;
    if (health->first_ok_ms == 0)
        return 0;
    uint64_t end_ms = health->status == WC_HEALTH_UNHEALTHY ? health->last_ok_ms : now_ms;
    return end_ms - health->first_ok_ms;
}
