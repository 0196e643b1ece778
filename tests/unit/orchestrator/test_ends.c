/* test_ends.c - how instances end, and what of that counts: signals of people, graces, runs that
 * nobody saw begin.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

#include <signal.h>

static const struct wc_sim_program stubborn = { .run_ms = -1, .stop_ms = -1 };
static const struct wc_sim_program crashing = { .run_ms = 1, .exit_code = 1, .stop_ms = 5 };

/* A signal that ends programs is a stop by a person, and no policy brings back what it was for; any
 * other one is only passed on, and what ends of it has ended by itself. */
static void some_signals_are_stops(void **state)
{
    static const struct {
        int signal;
        bool is_stop;
    } rows[] = { { SIGKILL, true }, { SIGTERM, true },  { SIGINT, true },  { SIGQUIT, true },
                 { SIGHUP, false }, { SIGUSR1, false }, { SIGABRT, false } };
    struct box box;
    (void)state;
    box_begin(&box, 1);
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        box_apply(&box, "web!always");
        assert_int_equal(box_running(&box, "web"), 1);
        assert_true(box_do(&box,
                           (struct wc_request){ .kind = WC_REQUEST_KILL, .signal = rows[i].signal },
                           NULL, NULL));
        assert_int_equal(box.status, 0);
        box_pass(&box, 60000);
        assert_int_equal(box_running(&box, "web"), rows[i].is_stop ? 0 : 1);
    }
    box_end(&box);
}

/* 0 is a grace like any other. */
static void no_grace_at_all(void **state)
{
    struct box box;
    const struct wc_request stop = { .kind = WC_REQUEST_STOP, .done = box_on_done, .data = &box };
    (void)state;
    box_begin(&box, 2);
    wc_sim_set_program(box.world, "web", &stubborn);
    box_apply(&box, "web");
    unsigned done = box.n_done;
    uint64_t before_ms = wc_sim_now(box.world);
    wc_engine_submit(box.engine, &stop);
    assert_true(box_until(&box, &box.n_done, done + 1));
    assert_in_range(wc_sim_now(box.world) - before_ms, 0, 50);
    assert_int_equal(box_running(&box, "web"), 0);
    box_end(&box);
}

/* ---- a driver that tells of ends only, and of a START's success after the end ---- */

static struct {
    struct wc_driver_ops ops;
    wc_observe_fn *observe;
    wc_op_done_fn *done;
    struct wc_op *held;
    bool ended;
} late;

static void observe_ends(void *data, const struct wc_fact *fact)
{
    struct wc_op *op = late.held;
    if (fact->life == WC_LIFE_RUNNING)
        return;
    late.observe(data, fact);
    late.ended = fact->life == WC_LIFE_EXITED;
    if (!late.ended || op == NULL)
        return;
    late.held = NULL;
    late.done(op);
}

static void done_late(struct wc_op *op)
{
    if (late.ended || op->status != 0)
        late.done(op);
    else
        late.held = op;
}

static void submit_late(struct wc_driver *driver, struct wc_op *op)
{
    if (op->verb == WC_VERB_START) {
        late.ended = false;
        late.done = op->done;
        op->done = done_late;
    }
    wc_sim_ops.submit(driver, op);
}

static int open_late(const struct wc_driver_config *config, struct wc_driver **out,
                     struct wc_err *err)
{
    struct wc_driver_config copy = *config;
    late.observe = config->sink.observe;
    copy.sink.observe = observe_ends;
    int rc = wc_sim_ops.open(&copy, out, err);
    if (rc == 0)
        (*out)->ops = &late.ops;
    return rc;
}

/* A run of which only the end was seen is a run: what ends at once is tried ever more slowly. */
static void a_run_that_nobody_saw(void **state)
{
    struct box box = { .events = WC_BUF_INIT, .driver = &late.ops };
    (void)state;
    late.ops = wc_sim_ops;
    late.ops.open = open_late;
    late.ops.submit = submit_late;
    assert_int_equal(uv_loop_init(&box.loop), 0);
    box.world = wc_sim_world_new(1000, 3);
    box_open(&box);
    wc_sim_set_program(box.world, "web", &crashing);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_STARTED }, "web!always", NULL);
    box_pass(&box, 60000);
    assert_in_range(wc_sim_count_ops(box.world, WC_VERB_START), 5, 15);
    assert_non_null(strstr(box.events.data, "web-1 started"));
    box_end(&box);
}

WC_MAIN(WC_CASE(some_signals_are_stops), WC_CASE(no_grace_at_all), WC_CASE(a_run_that_nobody_saw))
