/* test_rollout.c - who is changed when, and when it stops. */
#include "harness/wc_test.h"

#include "base/str.h"
#include "orchestrator/core/rollout.h"

enum { MOST = 8 };

struct row {
    struct wc_rollout_conf conf;
    struct wc_rollout now;
    struct wc_rollout_slot slots[MOST];
    size_t n;
    uint64_t now_ms;
    bool blocked; /* what it needs isn't there */
};

/* n replicas that run the old version. */
static struct row row_of(size_t n, unsigned parallelism)
{
    struct row row = { .conf = { .action = WC_FAILURE_PAUSE,
                                 .parallelism = parallelism,
                                 .monitor_ms = 1000,
                                 .progress_ms = 60000 },
                       .now = { .state = WC_ROLLOUT_ROLLING },
                       .n = n,
                       .now_ms = 5000 };
    for (size_t i = 0; i < n; i++)
        row.slots[i].old_up = true;
    row.slots[n].released = true; /* behind the last: nobody's business */
    return row;
}

static uint64_t step(struct row *row)
{
    return wc_rollout_step(&row->conf, &row->now, row->slots, row->n, !row->blocked, row->now_ms);
}

static unsigned released(const struct row *row)
{
    unsigned bits = 0;
    for (size_t i = 0; i < row->n; i++)
        bits |= (unsigned)row->slots[i].released << i;
    return bits;
}

static void one_after_another(void **state)
{
    (void)state;
    struct row row = row_of(3, 1);
    assert_int_equal(step(&row), 65000); /* the deadline of the first */
    assert_int_equal(released(&row), 1);
    row.slots[0].new_ready = true;
    assert_int_equal(step(&row), 6000); /* ready from now on, to be watched for a second */
    row.now_ms = 5999;
    step(&row);
    assert_int_equal(released(&row), 1);
    row.now_ms = 6000;
    step(&row);
    assert_true(row.slots[0].done);
    assert_int_equal(released(&row), 3);
    row.slots[1].new_ready = row.slots[2].new_ready = true;
    step(&row);
    row.now_ms = 7000;
    step(&row);
    assert_int_equal(released(&row), 7);
    assert_int_equal(row.now.state, WC_ROLLOUT_ROLLING);
    row.now_ms = 7001; /* the third was seen ready when its turn came */
    step(&row);
    row.now_ms = 8001;
    assert_int_equal(step(&row), 0);
    assert_int_equal(row.now.state, WC_ROLLOUT_DONE);
    assert_int_equal(row.now.failures, 0);
}

static void as_many_as_may(void **state)
{
    (void)state;
    struct row row = row_of(5, 2);
    step(&row);
    assert_int_equal(released(&row), 3);
    row = row_of(5, 0);
    row.slots[5] = (struct wc_rollout_slot){ 0 }; /* nor is this one's turn ever */
    step(&row);
    assert_int_equal(released(&row), 31);
}

static void the_delay_lies_between_two(void **state)
{
    (void)state;
    struct row row = row_of(2, 1);
    row.conf.monitor_ms = 0;
    row.conf.delay_ms = 3000;
    step(&row);
    row.slots[0].new_ready = true;
    assert_int_equal(step(&row), 8000);
    assert_int_equal(released(&row), 1);
    row.now_ms = 7999;
    assert_int_equal(step(&row), 8000);
    assert_int_equal(released(&row), 1);
    row.now_ms = 8000;
    step(&row);
    assert_int_equal(released(&row), 3);
}

/* Of all that is open, and of the delay, what comes first is the time to look again. */
static void the_soonest_wakes(void **state)
{
    (void)state;
    struct row row = row_of(3, 2);
    row.conf.delay_ms = 100;
    assert_int_equal(step(&row), 65000);
    row.slots[1].new_ready = true;
    assert_int_equal(step(&row), 6000);
    row.now_ms = 5500;
    row.slots[0].new_ready = true;
    assert_int_equal(step(&row), 6000);
    row.now_ms = 6000;
    row.blocked = true;
    assert_int_equal(step(&row), 6500); /* it can't begin another, but watches */
    assert_true(row.slots[1].done);
    row.blocked = false;
    assert_int_equal(step(&row), 6100);
    row.now_ms = 6100;
    assert_int_equal(step(&row), 6500);
    assert_int_equal(released(&row), 7);
    row.now_ms = 6500;
    assert_int_equal(step(&row), 66100); /* nothing is left to be begun: no delay counts */
    assert_int_equal(row.now.state, WC_ROLLOUT_ROLLING);
}

static void what_is_over_stays_over(void **state)
{
    (void)state;
    static const enum wc_rollout_state ends[] = { WC_ROLLOUT_NONE, WC_ROLLOUT_DONE,
                                                  WC_ROLLOUT_PAUSED, WC_ROLLOUT_FAILED };
    for (size_t i = 0; i < WC_COUNT(ends); i++) {
        struct row row = row_of(2, 1);
        row.now.state = ends[i];
        assert_int_equal(step(&row), 0);
        assert_int_equal(released(&row), 0);
        assert_int_equal(row.now.state, ends[i]);
    }
}

/* What was seen of a replica before its turn says nothing about the new one. */
static void a_turn_begins_afresh(void **state)
{
    (void)state;
    struct row row = row_of(1, 1);
    row.slots[0].ready_at_ms = row.slots[0].released_at_ms = 1;
    assert_int_equal(step(&row), 65000);
    row.slots[0].new_ready = true;
    assert_int_equal(step(&row), 6000);
    assert_false(row.slots[0].done);
}

static void what_is_down_goes_first(void **state)
{
    (void)state;
    struct row row = row_of(3, 1);
    row.slots[2].old_up = false;
    step(&row);
    assert_int_equal(released(&row), 4);
}

static void nothing_begins_before_what_it_needs(void **state)
{
    (void)state;
    struct row row = row_of(2, 1);
    row.blocked = true;
    assert_int_equal(step(&row), 0);
    assert_int_equal(released(&row), 0);
    row.blocked = false;
    step(&row);
    assert_int_equal(released(&row), 1);
}

/* A break in being ready begins the watch anew. */
static void the_watch_has_no_gaps(void **state)
{
    (void)state;
    struct row row = row_of(1, 1);
    step(&row);
    row.slots[0].new_ready = true;
    step(&row);
    row.now_ms = 5900;
    row.slots[0].new_ready = false;
    step(&row);
    row.now_ms = 5950;
    row.slots[0].new_ready = true;
    assert_int_equal(step(&row), 6950);
    row.now_ms = 6000;
    step(&row);
    assert_false(row.slots[0].done);
}

static void a_failure_stops_it(void **state)
{
    (void)state;
    struct row row = row_of(3, 1);
    step(&row);
    row.slots[0].new_ready = row.slots[0].new_failed = true; /* it came back after it had ended */
    assert_int_equal(step(&row), 0);
    assert_int_equal(row.now.state, WC_ROLLOUT_PAUSED);
    assert_int_equal(row.now.failures, 1);
    assert_int_equal(released(&row), 1);
    assert_int_equal(step(&row), 0); /* and it stays so */
    assert_int_equal(row.now.failures, 1);
    row = row_of(3, 1);
    row.conf.action = WC_FAILURE_ROLLBACK;
    step(&row);
    row.slots[0].new_failed = true;
    step(&row);
    assert_int_equal(row.now.state, WC_ROLLOUT_FAILED);
}

static void who_is_late_has_failed(void **state)
{
    (void)state;
    struct row row = row_of(2, 1);
    step(&row);
    row.now_ms = 64999;
    assert_int_equal(step(&row), 65000);
    row.now_ms = 65000;
    step(&row);
    assert_int_equal(row.now.state, WC_ROLLOUT_PAUSED);
}

static void some_may_fail(void **state)
{
    (void)state;
    struct row row = row_of(4, 1);
    row.conf.max_failure_nano = 250000000; /* one of four */
    row.conf.monitor_ms = 0;
    step(&row);
    row.slots[0].new_failed = true;
    step(&row);
    assert_int_equal(row.now.state, WC_ROLLOUT_ROLLING);
    assert_int_equal(released(&row), 3);
    row.slots[1].new_failed = true;
    step(&row);
    assert_int_equal(row.now.state, WC_ROLLOUT_PAUSED);
    assert_int_equal(row.now.failures, 2);
}

/* Also one that failed and was taken back counts as dealt with. */
static void it_may_go_on_all_the_same(void **state)
{
    (void)state;
    struct row row = row_of(2, 1);
    row.conf.action = WC_FAILURE_CONTINUE;
    row.conf.monitor_ms = 0;
    step(&row);
    row.slots[0].new_failed = true;
    step(&row);
    row.slots[0].released = false;
    assert_int_equal(row.now.state, WC_ROLLOUT_ROLLING);
    assert_true(row.slots[1].released);
    row.slots[1].new_ready = true;
    step(&row);
    assert_int_equal(row.now.state, WC_ROLLOUT_DONE);
    assert_false(row.slots[0].released);
    assert_int_equal(row.now.failures, 1);
}

static void a_rollback_is_not_rolled_back(void **state)
{
    (void)state;
    struct wc_service service = {
        .update = { .set = true, .parallelism = 2, .action = WC_FAILURE_ROLLBACK },
        .rollback = { .set = true,
                      .parallelism = 3,
                      .start_first = true,
                      .delay_ms = 1,
                      .monitor_ms = 2,
                      .progress_ms = 3,
                      .max_failure_nano = 4,
                      .action = WC_FAILURE_ROLLBACK },
    };
    assert_int_equal(wc_rollout_conf_of(&service, false).action, WC_FAILURE_ROLLBACK);
    assert_int_equal(wc_rollout_conf_of(&service, false).parallelism, 2);
    struct wc_rollout_conf back = wc_rollout_conf_of(&service, true);
    assert_int_equal(back.action, WC_FAILURE_PAUSE);
    assert_int_equal(back.parallelism, 3);
    assert_true(back.start_first);
    assert_int_equal(back.delay_ms, 1);
    assert_int_equal(back.monitor_ms, 2);
    assert_int_equal(back.progress_ms, 3);
    assert_int_equal(back.max_failure_nano, 4);
}

WC_MAIN(WC_CASE(one_after_another), WC_CASE(as_many_as_may), WC_CASE(the_delay_lies_between_two),
        WC_CASE(the_soonest_wakes), WC_CASE(what_is_over_stays_over), WC_CASE(a_turn_begins_afresh),
        WC_CASE(what_is_down_goes_first), WC_CASE(nothing_begins_before_what_it_needs),
        WC_CASE(the_watch_has_no_gaps), WC_CASE(a_failure_stops_it),
        WC_CASE(who_is_late_has_failed), WC_CASE(some_may_fail), WC_CASE(it_may_go_on_all_the_same),
        WC_CASE(a_rollback_is_not_rolled_back))
