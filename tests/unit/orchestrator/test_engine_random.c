/* test_engine_random.c - the engine against a hostile world: ops that fail (some took effect all
 * the same), programs that die, things that vanish, requests on top of each other, the engine
 * itself replaced in the middle. What must hold at every step: never two incarnations of a slot
 * running, no start before what it needs. After the faults stop: the world is as the last model
 * says.
 */
// LINK: wc_orchestrator wc_drivers wc_images wc_core
#include "engine_box.h"

enum { SERVICES = 7, ROUNDS = 60, SEEDS = 40, RUNNING_MAX = 64 };

struct chaos {
    struct box box;
    uint64_t random;
    char model[256];
    bool may_start_unready; /* a dependency isn't looked at: restarts by policy aren't gated */
};

static uint64_t roll(struct chaos *chaos, uint64_t n)
{
    uint64_t x = chaos->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    chaos->random = x;
    return (x >> 12) % n;
}

struct running {
    const struct wc_fact *facts[RUNNING_MAX];
    size_t n;
};

static void collect(void *data, const struct wc_fact *fact)
{
    struct running *running = data;
    if (fact->life != WC_LIFE_RUNNING)
        return;
    assert_true(running->n < RUNNING_MAX);
    running->facts[running->n++] = fact;
}

/* Invariant 1: one incarnation a slot. */
static void on_change(void *data, const struct wc_fact *fact)
{
    struct chaos *chaos = data;
    struct running running = { .n = 0 };
    if (fact->life != WC_LIFE_RUNNING)
        return;
    wc_sim_visit(chaos->box.world, collect, &running);
    for (size_t a = 0; a < running.n; a++)
        for (size_t b = a + 1; b < running.n; b++)
            if (running.facts[a]->index == running.facts[b]->index &&
                wc_streq(running.facts[a]->service, running.facts[b]->service))
                fail_msg("two of %s run: %s and %s", fact->service, running.facts[a]->id,
                         running.facts[b]->id);
    /* Invariant 2: s1 is only ever started for the first time when s0 has run */
    if (wc_streq(fact->service, "s1") && fact->finished_at_ms == 0 &&
        wc_sim_count(chaos->box.world, "s0", WC_LIFE_RUNNING) == 0 && !chaos->may_start_unready)
        fail_msg("s1 was started without s0");
}

/* s0 … s6, each may need earlier ones; s1 always needs s0. All restart always. */
static void make_model(struct chaos *chaos)
{
    size_t at = 0;
    for (unsigned i = 0; i < SERVICES; i++) {
        unsigned replicas = i == 0 ? 1 : (unsigned)roll(chaos, 3);
        at += (size_t)snprintf(chaos->model + at, sizeof chaos->model - at, "%ss%u*%u!always=%u%s",
                               i == 0 ? "" : " ", i, replicas, (unsigned)roll(chaos, 3),
                               roll(chaos, 2) == 0 ? "+" : "");
        if (i == 1)
            at += (size_t)snprintf(chaos->model + at, sizeof chaos->model - at, "<s0.s");
        else if (i > 1 && roll(chaos, 2) == 0)
            at += (size_t)snprintf(chaos->model + at, sizeof chaos->model - at, "<s%u.s",
                                   (unsigned)roll(chaos, i));
    }
}

static const struct wc_fact *any_running(struct chaos *chaos)
{
    struct running running = { .n = 0 };
    wc_sim_visit(chaos->box.world, collect, &running);
    return running.n == 0 ? NULL : running.facts[roll(chaos, running.n)];
}

static void disturb(struct chaos *chaos)
{
    struct box *box = &chaos->box;
    const struct wc_fact *victim = any_running(chaos);
    switch (roll(chaos, 8)) {
    case 0:
    case 1:
        make_model(chaos);
        box_submit(box, (struct wc_request){ 0 }, chaos->model, NULL);
        break;
    case 2:
        box_submit(box, (struct wc_request){ .kind = WC_REQUEST_STOP }, NULL, NULL);
        break;
    case 3:
        box_submit(box, (struct wc_request){ .kind = WC_REQUEST_RESTART }, NULL, NULL);
        break;
    case 4:
        if (victim != NULL)
            assert_true(wc_sim_kill(box->world, victim->id));
        break;
    case 5:
        if (victim != NULL)
            assert_true(wc_sim_vanish(box->world, victim->id));
        break;
    case 6:
        box_close(box);
        box_open(box);
        if (roll(chaos, 2) == 0)
            box_submit(box, (struct wc_request){ .kind = WC_REQUEST_ADOPT }, chaos->model, NULL);
        break;
    case 7:
        box_submit(box, (struct wc_request){ .force_recreate = true }, chaos->model, NULL);
        break;
    }
}

/* After the faults: the model is what runs, nothing else is there, nothing is done any more. */
static void must_converge(struct chaos *chaos)
{
    struct box *box = &chaos->box;
    struct wc_arena arena;
    wc_sim_set_faults(box->world, 0);
    box_pass(box, 200000);
    assert_true(box_do(box, (struct wc_request){ .wait = WC_WAIT_READY, .remove_orphans = true },
                       chaos->model, NULL));
    if (box->status != 0)
        fail_msg("'%s' did not come up: %s", chaos->model, box->err.msg);
    wc_arena_init(&arena);
    const struct wc_project *project = box_model(&arena, chaos->model);
    size_t wanted = 0;
    for (size_t i = 0; i < project->n_services; i++) {
        wanted += (size_t)project->services[i].replicas;
        assert_int_equal(box_running(box, project->services[i].name),
                         project->services[i].replicas);
    }
    wc_arena_deinit(&arena);
    for (int life = WC_LIFE_CREATED; life <= WC_LIFE_BROKEN; life++)
        wanted -= wc_sim_count(box->world, NULL, (enum wc_life)life);
    assert_int_equal(wanted, 0);
    unsigned ops = box_ops(box);
    box_apply(box, chaos->model);
    assert_int_equal(box->changed, 0);
    box_pass(box, 100000);
    assert_int_equal(box_ops(box), ops);
}

static void run_seed(uint64_t seed, unsigned faults)
{
    struct chaos chaos = { .random = seed * 7919 + 12345, .may_start_unready = true };
    struct box *box = &chaos.box;
    box_begin(box, seed);
    wc_sim_watch(box->world, on_change, &chaos);
    make_model(&chaos);
    wc_sim_set_faults(box->world, faults);
    box_submit(box, (struct wc_request){ 0 }, chaos.model, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        box_pass(box, roll(&chaos, 40));
        disturb(&chaos);
    }
    must_converge(&chaos);
    box_end(box);
}

static void calm_world(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, 0);
}

static void failing_world(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1000 + SEEDS; seed++)
        run_seed(seed, 60);
}

static void broken_world(void **state)
{
    (void)state;
    for (uint64_t seed = 2000; seed < 2000 + SEEDS; seed++)
        run_seed(seed, 350);
}

/* First starts only: nothing dies, so s1 must never be seen without s0. */
static void never_before_deps(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct chaos chaos = { .random = seed * 104729 };
        box_begin(&chaos.box, seed);
        wc_sim_watch(chaos.box.world, on_change, &chaos);
        wc_sim_set_faults(chaos.box.world, 200);
        make_model(&chaos);
        box_submit(&chaos.box, (struct wc_request){ 0 }, chaos.model, NULL);
        box_pass(&chaos.box, 5000);
        chaos.may_start_unready = true;
        must_converge(&chaos);
        box_end(&chaos.box);
    }
}

WC_MAIN(WC_CASE(calm_world), WC_CASE(failing_world), WC_CASE(broken_world),
        WC_CASE(never_before_deps))
