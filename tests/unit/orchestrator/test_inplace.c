/* test_inplace.c - limits and labels of what is there: changed as it runs, or by a new instance. */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

#include "orchestrator/core/diff.h"

static const struct wc_sim_program job = { .run_ms = 50, .stop_ms = 5 };
static const struct wc_sim_program stiff = { .run_ms = -1, .stop_ms = 5, .stiff = true };

static const char *inplace_of(const struct box *box, const char *service, enum wc_life life)
{
    const struct wc_fact *fact = wc_sim_find(box->world, service, life);
    return fact != NULL ? fact->inplace : "nothing is there";
}

static void changed_as_it_runs(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 1);
    box_apply(&box, "db~1 web*2~1");
    assert_int_equal(box.status, 0);
    unsigned before = box_ops(&box);
    box_apply(&box, "db~1 web*2~2");
    assert_int_equal(box.status, 0);
    assert_int_equal(box.changed, 2);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 2);
    assert_int_equal(box_ops(&box), before + 2);
    assert_non_null(strstr(box.events.data, "updated"));
    assert_non_null(strstr(box.said, "mem_limit 64 MiB -> 128 MiB"));
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t2");
    assert_string_equal(inplace_of(&box, "db", WC_LIFE_RUNNING), "t1");
    box_apply(&box, "db~1 web*2~2");
    assert_int_equal(box_ops(&box), before + 2);
    assert_null(strstr(box.events.data, "updated"));
    box_end(&box);
}

/* Both at once: the new instance has both, the old one isn't touched. */
static void with_a_new_version(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 2);
    box_apply(&box, "web~1");
    box_apply(&box, "web=2~2");
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 0);
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t2");
    box_end(&box);
}

static void of_what_does_not_run(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 3);
    wc_sim_set_program(box.world, "job", &job);
    box_apply(&box, "job~1 web<job.c");
    unsigned starts = wc_sim_count_ops(box.world, WC_VERB_START);
    box_apply(&box, "job~2 web<job.c");
    assert_int_equal(box.status, 0);
    assert_string_equal(inplace_of(&box, "job", WC_LIFE_EXITED), "t2");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START), starts); /* it has run */
    assert_true(box_do(&box, (struct wc_request){ .no_start = true }, "made~1", NULL));
    assert_true(box_do(&box, (struct wc_request){ .no_start = true }, "made~2", NULL));
    assert_string_equal(inplace_of(&box, "made", WC_LIFE_CREATED), "t2");
    box_end(&box);
}

/* Who says that nothing is to be recreated, or names others, leaves it as it is. */
static void only_what_is_asked_for(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 4);
    box_apply(&box, "db~1 web~1");
    assert_true(box_do(&box, (struct wc_request){ .no_recreate = true }, "db~2 web~2", NULL));
    assert_true(box_do(&box, (struct wc_request){ 0 }, "db~3 web~3", "web"));
    assert_string_equal(inplace_of(&box, "db", WC_LIFE_RUNNING), "t1");
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t3");
    box_request(&box, WC_REQUEST_RESTART, "db"); /* a new run is by the model in force */
    assert_string_equal(inplace_of(&box, "db", WC_LIFE_RUNNING), "t3");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 1);
    box_end(&box);
}

static unsigned most_down;
static const struct wc_sim_world *watched;

static void watch_web(void *data, const struct wc_fact *fact)
{
    (void)data;
    (void)fact;
    unsigned down = 3 - (unsigned)wc_sim_count(watched, "web", WC_LIFE_RUNNING);
    most_down = down > most_down ? down : most_down;
}

/* What can't be had while it runs comes with a new instance, one after the other. */
static void refused_is_replaced(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 5);
    wc_sim_set_program(box.world, "web", &stiff);
    box_apply(&box, "web*3+~1 front<web.sr");
    unsigned starts = wc_sim_count_ops(box.world, WC_VERB_START);
    most_down = 0;
    watched = box.world;
    wc_sim_watch(box.world, watch_web, NULL);
    box_apply(&box, "web*3+~2 front<web.sr");
    assert_int_equal(box.status, 0);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 3);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_CREATE), 4 + 3);
    assert_true(wc_sim_count_ops(box.world, WC_VERB_START) > starts + 3); /* front as well */
    assert_int_equal(most_down, 1);
    assert_non_null(strstr(box.said, "it is replaced instead"));
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t2");
    box_end(&box);
}

static void failing_is_tried_again(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 6);
    box_apply(&box, "web~1");
    wc_sim_fail_next(box.world, WC_VERB_UPDATE, "web", 4, WC_ERR_IO, "no such luck");
    box_apply(&box, "web~2");
    assert_int_equal(box.status, WC_ERR_STATE); /* told after the third, and tried on */
    assert_non_null(strstr(box.err.msg, "can't be changed in place: no such luck"));
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 3);
    box_pass(&box, 5000);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 5);
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t2");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_STOP), 0);
    box_end(&box);
}

static void adopt(struct box *box, const char *model, const char *inplace)
{
    const struct wc_intent intents[] = { { "web", WC_WANT_RUNNING, "", inplace, false, false } };
    struct wc_request request = { .kind = WC_REQUEST_ADOPT, .intents = intents, .n_intents = 1 };
    assert_true(box_do(box, request, model, NULL));
    box_pass(box, 1000);
}

/* A predecessor was killed before, or in the middle of, an update: whoever finds it so goes on; but
 * not for a hash that only another version of the program computes. */
static void a_successor_goes_on(void **state)
{
    struct box box;
    (void)state;
    box_begin(&box, 7);
    box_apply(&box, "web~1");
    box_close(&box);
    box_open(&box);
    adopt(&box, "web~2", "t9");
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t1");
    box_close(&box);
    box_open(&box);
    adopt(&box, "web~2", "t2");
    assert_string_equal(inplace_of(&box, "web", WC_LIFE_RUNNING), "t2");
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_UPDATE), 1);
    assert_int_equal(wc_sim_count_ops(box.world, WC_VERB_START), 1);
    box_end(&box);
}

static void says_what_changes(void **state)
{
    struct wc_arena arena;
    struct wc_kv label = { "a", "b" };
    struct wc_service old = { .mem_limit_bytes = WC_UNSET,
                              .memswap_limit_bytes = WC_UNSET,
                              .mem_reservation_bytes = WC_UNSET,
                              .nano_cpus = 1500000000,
                              .cpu_shares = WC_UNSET,
                              .pids_limit = 7 };
    struct wc_service now = old;
    (void)state;
    wc_arena_init(&arena);
    assert_string_equal(wc_diff_inplace(NULL, &now, &arena), "limits or labels");
    assert_string_equal(wc_diff_inplace(&old, &now, &arena), "limits or labels");
    now.mem_limit_bytes = 64 << 20;
    now.memswap_unlimited = true;
    now.nano_cpus = WC_UNSET;
    now.pids_limit = 0;
    now.cpuset = "0-1";
    now.labels = (struct wc_kvs){ &label, 1 };
    assert_string_equal(wc_diff_inplace(&old, &now, &arena),
                        "mem_limit none -> 64 MiB, memswap_limit none -> unlimited, "
                        "cpus 1.5 -> none, pids_limit 7 -> none, cpuset none -> 0-1, labels");
    wc_arena_deinit(&arena);
}

WC_MAIN(WC_CASE(changed_as_it_runs), WC_CASE(with_a_new_version), WC_CASE(of_what_does_not_run),
        WC_CASE(only_what_is_asked_for), WC_CASE(refused_is_replaced),
        WC_CASE(failing_is_tried_again), WC_CASE(a_successor_goes_on), WC_CASE(says_what_changes))
