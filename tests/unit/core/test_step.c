/* test_step.c - the decision for one instance, as a table; and what feeds it. */
#include "harness/wc_test.h"

#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/core/deps.h"
#include "orchestrator/core/step.h"

enum { NOW = 1000 };

/* Everything a row doesn't name is: no op, no sibling, host ready, dependencies ready, no restart.
 */
#define IN(...)                                                                                    \
    {                                                                                              \
        .now_ms = NOW, .host_ready = true, .restart_max = -1, __VA_ARGS__                          \
    }
#define GOAL(g, l) .goal = WC_GOAL_##g, .life = WC_LIFE_##l

static const struct {
    struct wc_step_in in;
    enum wc_act act;
    enum wc_phase phase;
    uint64_t wake_at_ms;
} steps[] = {
    /* nobody speaks for it */
    { IN(GOAL(LEAVE, EXITED), .restart = WC_RESTART_ALWAYS), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(LEAVE, BROKEN)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    /* coming up */
    { IN(GOAL(RUNNING, ABSENT)), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .deps = WC_DEPS_WAIT), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .deps = WC_DEPS_WAIT, .joins = true), WC_ACT_NONE,
      WC_PHASE_WAIT_DEPS, 0 },
    { IN(GOAL(RUNNING, ABSENT), .deps = WC_DEPS_BLOCKED, .joins = true), WC_ACT_NONE,
      WC_PHASE_BLOCKED, 0 },
    { IN(GOAL(RUNNING, ABSENT), .joins = true), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .op_in_flight = true), WC_ACT_NONE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .sibling_there = true), WC_ACT_NONE, WC_PHASE_WAIT_SIBLING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .retry_at_ms = NOW + 5), WC_ACT_NONE, WC_PHASE_WAIT_BACKOFF,
      NOW + 5 },
    { IN(GOAL(RUNNING, ABSENT), .op_failed = true), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { IN(GOAL(RUNNING, ABSENT), .op_failed = true, .restart = WC_RESTART_ALWAYS), WC_ACT_CREATE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, ABSENT)), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, CREATED)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, CREATED)), WC_ACT_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, CREATED), .deps = WC_DEPS_WAIT), WC_ACT_NONE, WC_PHASE_WAIT_DEPS, 0 },
    { IN(GOAL(RUNNING, CREATED), .deps = WC_DEPS_BLOCKED), WC_ACT_NONE, WC_PHASE_BLOCKED, 0 },
    { IN(GOAL(RUNNING, CREATED), .sibling_there = true), WC_ACT_NONE, WC_PHASE_WAIT_SIBLING, 0 },
    { { .goal = WC_GOAL_RUNNING, .life = WC_LIFE_ABSENT, .now_ms = NOW },
      WC_ACT_NONE,
      WC_PHASE_WAIT_HOST,
      0 },
    /* running */
    { IN(GOAL(RUNNING, RUNNING)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, PAUSED)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    /* unhealthy, and to be restarted for it */
    { IN(GOAL(RUNNING, RUNNING), .sick = true), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, RUNNING), .sick = true, .restart = WC_RESTART_ALWAYS), WC_ACT_STOP,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .sick = true, .restart = WC_RESTART_UNLESS_STOPPED,
         .dependents_up = true),
      WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .sick = true, .restart = WC_RESTART_ALWAYS,
         .stopped_by_user = true),
      WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, RUNNING), .sick = true, .restart = WC_RESTART_ON_FAILURE, .failures = 9),
      WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { { .goal = WC_GOAL_RUNNING,
        .life = WC_LIFE_RUNNING,
        .host_ready = true,
        .sick = true,
        .restart = WC_RESTART_ON_FAILURE,
        .restart_max = 2,
        .failures = 1 },
      WC_ACT_STOP,
      WC_PHASE_ACTING,
      0 },
    { { .goal = WC_GOAL_RUNNING, /* nothing would bring it back */
        .life = WC_LIFE_RUNNING,
        .host_ready = true,
        .sick = true,
        .restart = WC_RESTART_ON_FAILURE,
        .restart_max = 2,
        .failures = 2 },
      WC_ACT_NONE,
      WC_PHASE_SETTLED,
      0 },
    { IN(GOAL(RUNNING, PAUSED), .sick = true, .restart = WC_RESTART_ALWAYS), WC_ACT_NONE,
      WC_PHASE_SETTLED, 0 },
    { IN(GOAL(LEAVE, RUNNING), .sick = true, .restart = WC_RESTART_ALWAYS), WC_ACT_NONE,
      WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, RUNNING), .stop_sent = true, .kill_at_ms = NOW + 7), WC_ACT_NONE,
      WC_PHASE_STOPPING, NOW + 7 },
    { IN(GOAL(RUNNING, RUNNING), .stop_sent = true, .kill_at_ms = NOW), WC_ACT_KILL,
      WC_PHASE_ACTING, 0 },
    /* hooks of its start */
    { IN(GOAL(RUNNING, RUNNING), .post_start = true), WC_ACT_POST_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .post_start = true, .hook_in_flight = true), WC_ACT_NONE,
      WC_PHASE_HOOKS, 0 },
    { IN(GOAL(RUNNING, PAUSED), .post_start = true), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(LEAVE, RUNNING), .post_start = true), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, RUNNING), .hook_failed = true, .pre_stop = true), WC_ACT_STOP,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .post_start = true), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    /* hooks of its stop */
    { IN(GOAL(STOPPED, RUNNING), .pre_stop = true), WC_ACT_PRE_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, RUNNING), .pre_stop = true, .dependents_up = true), WC_ACT_NONE,
      WC_PHASE_WAIT_DEPENDENTS, 0 },
    { IN(GOAL(STOPPED, RUNNING), .pre_stop = true, .hooks_until_ms = NOW + 9), WC_ACT_PRE_STOP,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, RUNNING), .pre_stop = true, .hooks_until_ms = NOW), WC_ACT_STOP,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, RUNNING), .pre_stop = true, .hooks_until_ms = NOW + 9, .hook_in_flight = true),
      WC_ACT_NONE, WC_PHASE_HOOKS, NOW + 9 },
    { IN(GOAL(GONE, RUNNING), .pre_stop = true, .hooks_until_ms = NOW, .hook_in_flight = true),
      WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, RUNNING), .hooks_until_ms = NOW + 9), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, RUNNING), .post_start = true, .hook_in_flight = true), WC_ACT_PRE_STOP,
      WC_PHASE_ACTING, 0 }, /* the clock of the stop starts; the hook goes on */
    { IN(GOAL(GONE, RUNNING), .pre_stop = true, .stop_sent = true, .kill_at_ms = NOW + 7),
      WC_ACT_NONE, WC_PHASE_STOPPING, NOW + 7 },
    { IN(GOAL(RUNNING, RUNNING), .sick = true, .restart = WC_RESTART_ALWAYS, .pre_stop = true),
      WC_ACT_PRE_STOP, WC_PHASE_ACTING, 0 },
    /* ended */
    { IN(GOAL(RUNNING, EXITED), .exit_ok = true), WC_ACT_NONE, WC_PHASE_COMPLETED, 0 },
    { IN(GOAL(RUNNING, EXITED)), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { IN(GOAL(RUNNING, EXITED), .start_asked = true), WC_ACT_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_ALWAYS), WC_ACT_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_ALWAYS, .retry_at_ms = NOW + 9), WC_ACT_NONE,
      WC_PHASE_WAIT_BACKOFF, NOW + 9 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_ALWAYS, .stopped_by_user = true), WC_ACT_NONE,
      WC_PHASE_STOPPED, 0 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_UNLESS_STOPPED, .exit_ok = true),
      WC_ACT_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_ON_FAILURE, .exit_ok = true), WC_ACT_NONE,
      WC_PHASE_COMPLETED, 0 },
    { IN(GOAL(RUNNING, EXITED), .restart = WC_RESTART_ON_FAILURE, .failures = 7), WC_ACT_START,
      WC_PHASE_ACTING, 0 },
    { { .goal = WC_GOAL_RUNNING,
        .life = WC_LIFE_EXITED,
        .host_ready = true,
        .restart = WC_RESTART_ON_FAILURE,
        .restart_max = 2,
        .failures = 3 },
      WC_ACT_NONE,
      WC_PHASE_FAILED,
      0 },
    /* going down */
    { IN(GOAL(STOPPED, RUNNING)), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, RUNNING), .dependents_up = true), WC_ACT_NONE, WC_PHASE_WAIT_DEPENDENTS, 0 },
    { IN(GOAL(GONE, RUNNING), .stop_sent = true, .kill_at_ms = NOW + 7), WC_ACT_NONE,
      WC_PHASE_STOPPING, NOW + 7 },
    { IN(GOAL(GONE, RUNNING), .stop_sent = true, .kill_at_ms = NOW), WC_ACT_KILL, WC_PHASE_ACTING,
      0 },
    { IN(GOAL(STOPPED, EXITED)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(STOPPED, CREATED)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(GONE, EXITED)), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, CREATED)), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, EXITED), .retry_at_ms = NOW + 3), WC_ACT_NONE, WC_PHASE_WAIT_BACKOFF, NOW + 3 },
    { IN(GOAL(GONE, ABSENT)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(RUNNING, BROKEN)), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, BROKEN)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < WC_COUNT(steps); i++) {
        struct wc_step_out out = wc_step(&steps[i].in);
        if (out.act != steps[i].act || out.phase != steps[i].phase ||
            out.wake_at_ms != steps[i].wake_at_ms)
            fail_msg("row %zu: act %d, phase %d, wake %llu", i, out.act, out.phase,
                     (unsigned long long)out.wake_at_ms);
    }
}

/* Over all inputs: what runs is never removed, what has a sibling is never made or started. */
static void never(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1u << 10; bits++)
        for (int goal = WC_GOAL_LEAVE; goal <= WC_GOAL_RUNNING; goal++)
            for (int life = WC_LIFE_ABSENT; life <= WC_LIFE_BROKEN; life++) {
                const struct wc_step_in in = {
                    .goal = (enum wc_goal)goal,
                    .life = (enum wc_life)life,
                    .now_ms = NOW,
                    .op_in_flight = bits & 1,
                    .sibling_there = bits & 2,
                    .host_ready = bits & 4,
                    .deps = bits & 8 ? WC_DEPS_WAIT : WC_DEPS_READY,
                    .start_asked = bits & 16,
                    .exit_ok = bits & 32,
                    .stop_sent = bits & 64,
                    .op_failed = bits & 128,
                    .dependents_up = bits & 256,
                    .restart = bits & 512 ? WC_RESTART_ALWAYS : WC_RESTART_NO,
                    .restart_max = -1,
                };
                enum wc_act act = wc_step(&in).act;
                bool up = life == WC_LIFE_RUNNING || life == WC_LIFE_PAUSED;
                assert_false(act == WC_ACT_REMOVE && up);
                assert_false((act == WC_ACT_STOP || act == WC_ACT_KILL) && !up);
                assert_false((act == WC_ACT_START || act == WC_ACT_CREATE) && in.sibling_there);
                assert_false(act == WC_ACT_START && in.deps != WC_DEPS_READY);
                assert_false(act != WC_ACT_NONE && in.op_in_flight);
                assert_false(act != WC_ACT_NONE && goal == WC_GOAL_LEAVE);
            }
}

static void deps(void **state)
{
    (void)state;
    static const struct {
        enum wc_dep_condition condition;
        bool required;
        struct wc_dep_view view;
        enum wc_deps state;
    } rows[] = {
        { WC_DEP_HEALTHY, true, { .wanted = 0 }, WC_DEPS_READY },
        { WC_DEP_STARTED, true, { .wanted = 2, .started = 1 }, WC_DEPS_WAIT },
        { WC_DEP_STARTED, true, { .wanted = 2, .started = 2 }, WC_DEPS_READY },
        { WC_DEP_STARTED, true, { .wanted = 2, .started = 1, .failed = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_STARTED, false, { .wanted = 1, .failed = 1 }, WC_DEPS_READY },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .started = 1 }, WC_DEPS_WAIT },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .started = 1, .healthy = 1 }, WC_DEPS_READY },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .started = 1, .unhealthy = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .started = 1, .unchecked = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_HEALTHY, false, { .wanted = 1 }, WC_DEPS_WAIT },
        { WC_DEP_COMPLETED, true, { .wanted = 1, .started = 1 }, WC_DEPS_WAIT },
        { WC_DEP_COMPLETED, true, { .wanted = 1, .started = 1, .completed = 1 }, WC_DEPS_READY },
        { WC_DEP_COMPLETED, true, { .wanted = 1, .failed = 1 }, WC_DEPS_BLOCKED },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        assert_int_equal(wc_deps_condition(rows[i].condition, rows[i].required, &rows[i].view),
                         rows[i].state);
}

static void backoff(void **state)
{
    (void)state;
    static const uint64_t about[] = { 0,    0,    100,   200,   400,   800,   1600,
                                      3200, 6400, 12800, 25600, 51200, 60000, 60000 };
    for (unsigned n = 0; n < WC_COUNT(about); n++) {
        uint64_t delay = wc_backoff_delay_ms("p-web-1.0123abcd", n);
        assert_in_range(delay, about[n] - about[n] / 10, about[n] + about[n] / 10);
        assert_int_equal(delay, wc_backoff_delay_ms("p-web-1.0123abcd", n)); /* repeatable */
    }
    assert_int_not_equal(wc_backoff_delay_ms("a", 9), wc_backoff_delay_ms("b", 9));
    assert_in_range(wc_backoff_delay_ms("a", 4000000000U), 54000, 66000);
    assert_true(wc_backoff_ran_well(10000, 0));
    assert_false(wc_backoff_ran_well(9999, 0));
    assert_false(wc_backoff_ran_well(10000, 1600));
    assert_true(wc_backoff_ran_well(16000, 1600));
}

WC_MAIN(WC_CASE(table), WC_CASE(never), WC_CASE(deps), WC_CASE(backoff))
