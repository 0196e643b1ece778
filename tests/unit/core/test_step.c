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
#define ON_FAILURE(l, max, n)                                                                      \
    {                                                                                              \
        .now_ms = NOW, .host_ready = true, GOAL(RUNNING, l), .restart = WC_RESTART_ON_FAILURE,     \
        .restart_max = (max), .failures = (n)                                                      \
    }

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
    /* max_attempts holds for every condition */
    { { .now_ms = NOW,
        .host_ready = true,
        GOAL(RUNNING, EXITED),
        .restart = WC_RESTART_ALWAYS,
        .restart_max = 2,
        .failures = 2 },
      WC_ACT_START,
      WC_PHASE_ACTING,
      0 },
    { { .now_ms = NOW,
        .host_ready = true,
        GOAL(RUNNING, EXITED),
        .restart = WC_RESTART_ALWAYS,
        .restart_max = 2,
        .failures = 3 },
      WC_ACT_NONE,
      WC_PHASE_FAILED,
      0 },
    { { .now_ms = NOW,
        .host_ready = true,
        GOAL(RUNNING, RUNNING),
        .restart = WC_RESTART_ALWAYS,
        .restart_max = 2,
        .failures = 2,
        .sick = true },
      WC_ACT_NONE,
      WC_PHASE_SETTLED,
      0 },
    /* what can be changed in place */
    { IN(GOAL(RUNNING, RUNNING), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, RUNNING), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, PAUSED), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(LEAVE, RUNNING), .outdated = true), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(GONE, RUNNING), .outdated = true), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .outdated = true, .op_in_flight = true), WC_ACT_NONE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .outdated = true, .post_start = true), WC_ACT_POST_START,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .outdated = true, .update_at_ms = NOW + 7), WC_ACT_NONE,
      WC_PHASE_SETTLED, NOW + 7 },
    { IN(GOAL(RUNNING, RUNNING), .outdated = true, .update_at_ms = NOW), WC_ACT_UPDATE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, CREATED), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, CREATED), .outdated = true, .update_at_ms = NOW + 7), WC_ACT_START,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, CREATED), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, CREATED), .outdated = true), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .outdated = true, .restart = WC_RESTART_ALWAYS), WC_ACT_START,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .outdated = true, .exit_ok = true), WC_ACT_UPDATE, WC_PHASE_ACTING,
      0 },
    { IN(GOAL(RUNNING, EXITED), .outdated = true, .exit_ok = true, .update_at_ms = NOW + 7),
      WC_ACT_NONE, WC_PHASE_COMPLETED, NOW + 7 },
    { IN(GOAL(RUNNING, EXITED), .outdated = true, .stopped_by_user = true), WC_ACT_UPDATE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, EXITED), .outdated = true), WC_ACT_UPDATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, EXITED), .outdated = true), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .outdated = true, .sick = true, .restart = WC_RESTART_ALWAYS),
      WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    /* changed by somebody else */
    { IN(GOAL(RUNNING, PAUSED), .drifted = true), WC_ACT_MEND, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .drifted = true), WC_ACT_MEND, WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, RUNNING), .drifted = true), WC_ACT_MEND, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .drifted = true, .mend_at_ms = NOW), WC_ACT_MEND, WC_PHASE_ACTING,
      0 },
    { IN(GOAL(RUNNING, RUNNING), .drifted = true, .mend_at_ms = NOW + 1), WC_ACT_NONE,
      WC_PHASE_SETTLED, NOW + 1 },
    { IN(GOAL(RUNNING, PAUSED), .drifted = true, .mend_at_ms = NOW + 1, .hook_in_flight = true),
      WC_ACT_NONE, WC_PHASE_HOOKS, NOW + 1 },
    { IN(GOAL(RUNNING, PAUSED), .drifted = true, .hook_in_flight = true), WC_ACT_MEND,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, RUNNING), .drifted = true, .post_start = true), WC_ACT_MEND, WC_PHASE_ACTING,
      0 },
    { IN(GOAL(RUNNING, RUNNING), .drifted = true, .op_in_flight = true), WC_ACT_NONE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .drifted = true), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { IN(GOAL(LEAVE, PAUSED), .drifted = true), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(STOPPED, PAUSED), .drifted = true), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, PAUSED), .drifted = true, .pre_stop = true), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
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
    { { .goal = WC_GOAL_RUNNING, /* nor here, where not one attempt is allowed */
        .life = WC_LIFE_RUNNING,
        .host_ready = true,
        .sick = true,
        .restart = WC_RESTART_ON_FAILURE,
        .restart_max = 0 },
      WC_ACT_NONE,
      WC_PHASE_SETTLED,
      0 },
    { IN(GOAL(RUNNING, PAUSED), .sick = true, .restart = WC_RESTART_ALWAYS), WC_ACT_NONE,
      WC_PHASE_SETTLED, 0 },
    /* one that took leave for it goes, though it is well again */
    { IN(GOAL(RUNNING, RUNNING), .hooks_until_ms = NOW + 5, .hook_in_flight = true), WC_ACT_NONE,
      WC_PHASE_HOOKS, NOW + 5 },
    { IN(GOAL(RUNNING, RUNNING), .hooks_until_ms = NOW + 5), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
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
    { ON_FAILURE(EXITED, 2, 3), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { ON_FAILURE(EXITED, 2, 2), WC_ACT_START, WC_PHASE_ACTING, 0 },
    { ON_FAILURE(EXITED, 0, 1), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { ON_FAILURE(EXITED, 0, 0), WC_ACT_START, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, EXITED), .exit_ok = true, .op_failed = true), WC_ACT_NONE, WC_PHASE_FAILED,
      0 },
    { IN(GOAL(RUNNING, EXITED), .stopped_by_user = true, .start_asked = true), WC_ACT_START,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, EXITED), .restart = WC_RESTART_ALWAYS), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    /* removed by somebody else */
    { IN(GOAL(RUNNING, ABSENT), .lost = true), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { IN(GOAL(RUNNING, ABSENT), .lost = true, .exit_ok = true), WC_ACT_NONE, WC_PHASE_COMPLETED,
      0 },
    { IN(GOAL(CREATED, ABSENT), .lost = true), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .lost = true, .restart = WC_RESTART_ALWAYS), WC_ACT_CREATE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, ABSENT), .lost = true, .exit_ok = true, .restart = WC_RESTART_ON_FAILURE),
      WC_ACT_NONE, WC_PHASE_COMPLETED, 0 },
    /* what can't be made or started */
    { IN(GOAL(RUNNING, ABSENT), .op_failed = true, .start_asked = true), WC_ACT_CREATE,
      WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, CREATED), .op_failed = true), WC_ACT_NONE, WC_PHASE_FAILED, 0 },
    { IN(GOAL(RUNNING, ABSENT), .retry_at_ms = NOW), WC_ACT_CREATE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(RUNNING, CREATED), .retry_at_ms = NOW + 1), WC_ACT_NONE, WC_PHASE_WAIT_BACKOFF,
      NOW + 1 },
    /* going down */
    { IN(GOAL(STOPPED, RUNNING)), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(CREATED, RUNNING)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
    { IN(GOAL(GONE, PAUSED)), WC_ACT_STOP, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, RUNNING), .stop_sent = true, .kill_at_ms = NOW + 1, .dependents_up = true),
      WC_ACT_NONE, WC_PHASE_STOPPING, NOW + 1 },
    { IN(GOAL(GONE, BROKEN), .retry_at_ms = NOW + 2), WC_ACT_NONE, WC_PHASE_WAIT_BACKOFF, NOW + 2 },
    { IN(GOAL(GONE, EXITED), .retry_at_ms = NOW), WC_ACT_REMOVE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(GONE, EXITED), .op_in_flight = true), WC_ACT_NONE, WC_PHASE_ACTING, 0 },
    { IN(GOAL(STOPPED, ABSENT)), WC_ACT_NONE, WC_PHASE_SETTLED, 0 },
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
        { WC_DEP_STARTED, true, { .wanted = 0, .replicas = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_STARTED, false, { .wanted = 0, .replicas = 1 }, WC_DEPS_READY },
        { WC_DEP_STARTED, true, { .wanted = 1, .started = 2 }, WC_DEPS_READY },
        { WC_DEP_STARTED, true, { .wanted = 1, .unhealthy = 1, .unchecked = 1 }, WC_DEPS_WAIT },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .started = 1, .completed = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_HEALTHY, true, { .wanted = 1, .healthy = 2, .unhealthy = 1 }, WC_DEPS_READY },
        { WC_DEP_HEALTHY, true, { .wanted = 2, .healthy = 1, .started = 2 }, WC_DEPS_WAIT },
        { WC_DEP_HEALTHY, true, { .wanted = 2, .healthy = 1, .failed = 1 }, WC_DEPS_BLOCKED },
        { WC_DEP_COMPLETED, true, { .wanted = 2, .completed = 1 }, WC_DEPS_WAIT },
        { WC_DEP_COMPLETED, true, { .wanted = 1, .completed = 2 }, WC_DEPS_READY },
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
    const struct wc_restart_pace usual = { 0 }, fixed = { .delay_ms = 700, .window_ms = 2000 };
    assert_int_equal(wc_backoff_pace_ms(usual, "a", 3), wc_backoff_delay_ms("a", 3));
    assert_int_equal(wc_backoff_pace_ms(fixed, "a", 0), 0);
    assert_int_equal(wc_backoff_pace_ms(fixed, "a", 1), 700);
    assert_int_equal(wc_backoff_pace_ms(fixed, "a", 9), 700);
    assert_true(wc_backoff_is_well(fixed, 2000, 60000));
    assert_false(wc_backoff_is_well(fixed, 1999, 0));
    assert_true(wc_backoff_is_well(usual, 16000, 1600));
    assert_false(wc_backoff_is_well(usual, 15999, 1600));
    assert_true(wc_backoff_ran_well(10000, 0));
    assert_false(wc_backoff_ran_well(9999, 0));
    assert_false(wc_backoff_ran_well(10000, 1600));
    assert_true(wc_backoff_ran_well(16000, 1600));
}

/* A wait is the same in every run and every version, or a replayed story is another one. */
static void waits_are_pinned(void **state)
{
    (void)state;
    static const uint64_t waits[] = { 0,    0,     96,    203,   417,   845,   1725, 3489,
                                      5877, 12876, 23217, 51428, 65062, 65277, 54814 };
    for (unsigned n = 0; n < WC_COUNT(waits); n++)
        assert_int_equal(wc_backoff_delay_ms("p-web-1.0123abcd", n), waits[n]);
    assert_true(wc_mix("", 0) == 0xe36f5519ee926a53ULL);
    assert_true(wc_mix("a", 1) == 0xc87766850c880a35ULL);
    assert_true(wc_mix("web", 7) == 0x511e07063a7cf051ULL);
}

/* The jitter uses all of its tenth to either side, and no more. */
static void jitter_is_even(void **state)
{
    (void)state;
    static const struct {
        unsigned n;
        uint64_t base;
    } rows[] = { { 2, 100 }, { 7, 3200 }, { 11, 51200 }, { 12, 60000 }, { 500, 60000 } };
    for (size_t r = 0; r < WC_COUNT(rows); r++) {
        uint64_t least = UINT64_MAX, most = 0, sum = 0, base = rows[r].base;
        for (unsigned i = 0; i < 2000; i++) {
            char id[16];
            snprintf(id, sizeof id, "p-s-%u", i);
            uint64_t wait = wc_backoff_delay_ms(id, rows[r].n);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
            sum += wait;
        }
        assert_in_range(least, base - base / 10, base - base / 10 + base / 100);
        assert_in_range(most, base + base / 10 - base / 100, base + base / 10);
        assert_in_range(sum / 2000, base - base / 100, base + base / 100);
    }
}

/* The first edge that blocks is told, else the first one that waits. */
static void the_edge_is_told(void **state)
{
    (void)state;
    const struct wc_edge edges[] = {
        { .to = 1, .condition = WC_DEP_STARTED, .required = true },
        { .to = 2, .condition = WC_DEP_STARTED, .required = true },
        { .to = 3, .condition = WC_DEP_STARTED, .required = true },
    };
    const size_t first[] = { 0, 3, 3, 3, 3 };
    const struct wc_graph graph = { .first = (size_t *)first, .edges = (struct wc_edge *)edges };
    struct wc_dep_view views[4] = {
        { .wanted = 1 }, { .wanted = 1, .started = 1 }, { .wanted = 1 }, { .wanted = 1 }
    };
    struct wc_deps_answer answer = wc_deps_judge(&graph, 0, views);
    assert_int_equal(answer.state, WC_DEPS_WAIT);
    assert_ptr_equal(answer.edge, &edges[1]);
    views[3].failed = 1;
    answer = wc_deps_judge(&graph, 0, views);
    assert_int_equal(answer.state, WC_DEPS_BLOCKED);
    assert_ptr_equal(answer.edge, &edges[2]);
    views[2].started = views[3].started = 1;
    answer = wc_deps_judge(&graph, 0, views);
    assert_int_equal(answer.state, WC_DEPS_READY);
    assert_null(answer.edge);
    answer = wc_deps_judge(&graph, 1, views);
    assert_int_equal(answer.state, WC_DEPS_READY);
}

WC_MAIN(WC_CASE(table), WC_CASE(never), WC_CASE(deps), WC_CASE(backoff), WC_CASE(waits_are_pinned),
        WC_CASE(jitter_is_even), WC_CASE(the_edge_is_told))
