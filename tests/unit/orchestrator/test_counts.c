/* test_counts.c - what the engine counts: for each op the reason that it has, and times.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

static const struct wc_sim_program crashing = { .run_ms = 5000, .exit_code = 1, .stop_ms = 5 };
static const struct wc_sim_program ailing = { .run_ms = -1, .stop_ms = 5, .healthy_after_ms = -1 };

/* How many of a verb went well for that reason, and for any. */
static void expect(const struct box *box, enum wc_verb verb, enum wc_op_reason reason, uint64_t n)
{
    const struct wc_engine_action *action = &wc_engine_counts(box->engine)->actions[verb];
    if (action->n[reason][0] != n)
        fail_msg("verb %d: %llu for reason %d, not %llu", verb,
                 (unsigned long long)action->n[reason][0], reason, (unsigned long long)n);
}

static uint64_t all_of(const struct box *box, enum wc_verb verb)
{
    const struct wc_engine_action *action = &wc_engine_counts(box->engine)->actions[verb];
    uint64_t n = 0;
    for (size_t reason = 0; reason < WC_OP_REASONS; reason++)
        n += action->n[reason][0] + action->n[reason][1];
    assert_int_equal(wc_histogram_total(&action->took[0]), n); /* each has its time */
    assert_int_equal(wc_histogram_total(&action->took[1]), 0);
    return n;
}

static void what_is_asked_for(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 1);
    wc_sim_set_latency(box.world, WC_VERB_CREATE, 40, 40);
    box_apply(&box, "db web*2<db.s");
    expect(&box, WC_VERB_CREATE, WC_REASON_ASKED, 3);
    expect(&box, WC_VERB_START, WC_REASON_ASKED, 3);
    const struct wc_engine_counts *counts = wc_engine_counts(box.engine);
    assert_int_equal(counts->actions[WC_VERB_CREATE].took[0].sum_us, 3 * 40000);
    assert_int_equal(wc_histogram_total(&counts->ready), 3);
    assert_true(counts->ready.sum_us >= 3 * 40000);
    box_request(&box, WC_REQUEST_PAUSE, "db");
    expect(&box, WC_VERB_MEND, WC_REASON_ASKED, 1);
    box_request(&box, WC_REQUEST_DOWN, NULL);
    expect(&box, WC_VERB_REMOVE, WC_REASON_ASKED, 3);
    assert_int_equal(all_of(&box, WC_VERB_CREATE) + all_of(&box, WC_VERB_REMOVE), 6);
    box_end(&box);
}

/* What is made for later only isn't late when it starts. */
static void made_for_later(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 2);
    assert_true(box_do(&box, (struct wc_request){ .no_start = true }, "web", NULL));
    box_pass(&box, 60000);
    box_request(&box, WC_REQUEST_START, NULL);
    assert_int_equal(wc_histogram_total(&wc_engine_counts(box.engine)->ready), 0);
    box_end(&box);
}

static void what_comes_by_itself(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    wc_sim_set_program(box.world, "web", &crashing);
    box_apply(&box, "db!always web!always");
    box_pass(&box, 6000);
    expect(&box, WC_VERB_START, WC_REASON_POLICY, 1);
    assert_true(wc_sim_meddle(box.world, wc_sim_find(box.world, "db", WC_LIFE_RUNNING)->id));
    wc_sim_nudge(box.world);
    box_pass(&box, 500);
    expect(&box, WC_VERB_MEND, WC_REASON_DRIFT, 1);
    assert_true(wc_sim_vanish(box.world, wc_sim_find(box.world, "db", WC_LIFE_RUNNING)->id));
    wc_sim_nudge(box.world);
    box_pass(&box, 500);
    expect(&box, WC_VERB_CREATE, WC_REASON_DRIFT, 1);
    expect(&box, WC_VERB_CREATE, WC_REASON_ASKED, 2);
    box_end(&box);
}

static void what_a_check_leads_to(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 4);
    wc_sim_set_program(box.world, "web", &ailing);
    box_submit(&box, (struct wc_request){ .wait = WC_WAIT_STARTED }, "web!always+^", NULL);
    box_pass(&box, 6000);
    const struct wc_engine_probes *probes = &wc_engine_counts(box.engine)->probes[WC_CHECK_TEST];
    assert_true(probes->n[1] >= 3);
    assert_int_equal(wc_histogram_total(&probes->took), probes->n[0] + probes->n[1] + probes->n[2]);
    assert_true(wc_engine_counts(box.engine)->actions[WC_VERB_STOP].n[WC_REASON_UNHEALTHY][0] > 0);
    assert_true(wc_engine_counts(box.engine)->actions[WC_VERB_START].n[WC_REASON_POLICY][0] > 0);
    expect(&box, WC_VERB_STOP, WC_REASON_ASKED, 0);
    box_end(&box);
}

static void what_a_rollout_does(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    box_apply(&box, "web*2&");
    box_apply(&box, "web*2=2&");
    box_pass(&box, 1000);
    expect(&box, WC_VERB_CREATE, WC_REASON_ASKED, 2);
    expect(&box, WC_VERB_CREATE, WC_REASON_ROLLOUT, 2);
    assert_int_equal(all_of(&box, WC_VERB_STOP), 2);
    box_end(&box);
}

WC_MAIN(WC_CASE(what_is_asked_for), WC_CASE(made_for_later), WC_CASE(what_comes_by_itself),
        WC_CASE(what_a_check_leads_to), WC_CASE(what_a_rollout_does))
