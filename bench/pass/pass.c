/* pass.c - what one full pass of the reconciler costs: every instance looked at, nothing to do.
 *
 *   bench_pass [N...]      default 1000 10000 100000
 *
 * The engine is the product's, over the simulated host; a pass is a review of every instance to a
 * fixpoint, as after a full list. Beside it, in the same run, the floor: a walk over as many
 * structs of the same size that reads what the decision needs, in the order in which they lie in
 * memory. Prints medians of RUNS, per pass and per instance, and how many floors that is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "drivers/sim/sim.h"
#include "orchestrator/engine_priv.h"

enum { RUNS = 31, REPLICAS = 10, TURNS_MAX = 20000000 };

struct bench {
    uv_loop_t loop;
    struct wc_sim_world *world;
    struct wc_engine *engine;
    bool opened, closed, done;
    int status;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void on_event(void *data, const struct wc_event *event)
{
    (void)data, (void)event;
}

static void on_opened(void *data, int status, const struct wc_err *err)
{
    (void)err;
    ((struct bench *)data)->opened = status == 0;
}

static void on_closed(void *data)
{
    ((struct bench *)data)->closed = true;
}

static void on_done(void *data, int status, const struct wc_err *err, unsigned changed)
{
    (void)err, (void)changed;
    struct bench *bench = data;
    bench->done = true;
    bench->status = status;
}

/* Services of ten replicas, each needing the one before; every third has a health check. */
static struct wc_project *model_of(struct wc_arena *arena, size_t n)
{
    static const char *check[] = { "CMD", "check" };
    struct wc_project *project = WC_NEW(arena, struct wc_project);
    size_t services = (n + REPLICAS - 1) / REPLICAS;
    project->name = "p";
    project->n_services = services;
    project->services = WC_NEW_ARRAY(arena, struct wc_service, services);
    for (size_t i = 0; i < services; i++) {
        struct wc_service *s = &project->services[i];
        *s = (struct wc_service){ .name = wc_arena_printf(arena, "s%06zu", i),
                                  .image = "app",
                                  .replicas = REPLICAS,
                                  .restart = WC_RESTART_ALWAYS,
                                  .restart_max = WC_UNSET,
                                  .network_mode = WC_NETMODE_NONE };
        snprintf(s->spec_hash, sizeof s->spec_hash, "%zu", i);
        if (i % 3 == 0)
            s->health = (struct wc_healthcheck){ .set = true,
                                                 .test = { check, 2, true },
                                                 .interval_ms = 3600000,
                                                 .timeout_ms = 1000,
                                                 .start_interval_ms = WC_UNSET,
                                                 .retries = 3 };
        if (i == 0)
            continue;
        s->deps = WC_NEW_ARRAY(arena, struct wc_dep, 1);
        s->deps[s->n_deps++] = (struct wc_dep){ .service = project->services[i - 1].name,
                                                .condition = WC_DEP_STARTED,
                                                .required = true };
    }
    return project;
}

static void turn_until(struct bench *bench, const bool *flag)
{
    for (unsigned turns = 0; !*flag && turns < TURNS_MAX; turns++)
        uv_run(&bench->loop, UV_RUN_NOWAIT);
    if (!*flag) {
        fprintf(stderr, "it doesn't come to an end\n");
        exit(1);
    }
}

static void open_with(struct bench *bench, size_t n)
{
    struct wc_err err = { 0 };
    *bench = (struct bench){ 0 };
    uv_loop_init(&bench->loop);
    bench->world = wc_sim_world_new(1000, 1);
    const struct wc_engine_config config = { .loop = &bench->loop,
                                             .project = "p",
                                             .process = &wc_sim_ops,
                                             .driver_extra = bench->world,
                                             .on_event = on_event,
                                             .data = bench,
                                             .clock = wc_sim_clock(bench->world),
                                             .look_ms = WC_UNSET };
    if (wc_engine_open(&config, on_opened, &bench->engine, &err) != 0)
        exit(1);
    turn_until(bench, &bench->opened);
    struct wc_request apply = {
        .kind = WC_REQUEST_APPLY, .timeout_ms = WC_UNSET, .done = on_done, .data = bench
    };
    apply.arena = wc_alloc(sizeof *apply.arena);
    wc_arena_init(apply.arena);
    apply.project = model_of(apply.arena, n);
    wc_engine_submit(bench->engine, &apply);
    turn_until(bench, &bench->done);
    if (bench->status != 0)
        exit(1);
}

static void close_bench(struct bench *bench)
{
    wc_engine_close(bench->engine, on_closed, bench);
    turn_until(bench, &bench->closed);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_loop_close(&bench->loop);
    wc_sim_world_free(bench->world);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t median(uint64_t *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

/* All are reviewed; the clock of the simulated host stands still meanwhile. */
static uint64_t pass(struct bench *bench)
{
    struct wc_engine *engine = bench->engine;
    uint64_t began = now_ns();
    for (size_t i = 0; i < engine->ids.n; i++)
        if (engine->ids.entries[i].value != NULL)
            wc_eng_dirty(engine->ids.entries[i].value);
    for (struct inst *inst = engine->dirty; inst != NULL; inst = engine->dirty) {
        engine->dirty = inst->next_dirty;
        if (engine->dirty == NULL)
            engine->dirty_tail = &engine->dirty;
        inst->dirty = false;
        wc_eng_review(inst);
    }
    return now_ns() - began;
}

static volatile unsigned long sink;

static uint64_t floor_of(const struct inst *items, size_t n)
{
    uint64_t began = now_ns();
    unsigned long sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned long)items[i].fact.life + (unsigned long)items[i].goal +
               items[i].failures + (unsigned long)items[i].retry_at_ms +
               (unsigned long)items[i].out.phase;
    sink = sum;
    return now_ns() - began;
}

static void measure(size_t n)
{
    struct bench bench;
    uint64_t passes[RUNS], floors[RUNS];
    struct inst *items = wc_calloc(n, sizeof *items);
    for (size_t i = 0; i < n; i++) /* pages are touched before anything is timed */
        items[i].failures = (unsigned)i;
    open_with(&bench, n);
    unsigned ops = 0, after = 0;
    for (int verb = WC_VERB_CREATE; verb <= WC_VERB_REMOVE; verb++)
        ops += wc_sim_count_ops(bench.world, (enum wc_verb)verb);
    for (int i = 0; i < RUNS; i++) {
        floors[i] = floor_of(items, n);
        passes[i] = pass(&bench);
    }
    for (int verb = WC_VERB_CREATE; verb <= WC_VERB_REMOVE; verb++)
        after += wc_sim_count_ops(bench.world, (enum wc_verb)verb);
    double took = (double)median(passes, RUNS), floor = (double)median(floors, RUNS);
    printf("%7zu instances: %9.1f us a pass, %6.1f ns each, %5.1f floors (%.1f us)%s\n", n,
           took / 1000, took / (double)n, took / floor, floor / 1000,
           ops == after ? "" : "  BUT IT ACTED");
    close_bench(&bench);
    wc_free(items);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        measure(1000);
        measure(10000);
        measure(100000);
    }
    for (int i = 1; i < argc; i++)
        measure((size_t)strtoul(argv[i], NULL, 10));
    return 0;
}
