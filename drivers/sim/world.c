/* world.c - the simulated host: records, a heap of things to come, a clock that jumps from one to
 * the next. Time passes only when a driver over it turns the world, so a test's real time is what
 * the decisions cost.
 */
#include "drivers/sim/world.h"

#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { EPOCH_MS = 1700000000 };

const struct wc_sim_program wc_sim_program_default = { .run_ms = -1, .stop_ms = 5 };

uint64_t sim_random(struct wc_sim_world *world, uint64_t bound)
{
    uint64_t x = world->random; /* xorshift64 */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    world->random = x;
    return (x >> 11) % bound;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->seq < b->seq);
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event t = *a;
    *a = *b;
    *b = t;
}

void sim_plan(struct wc_sim_world *world, uint64_t delay_ms, struct sim_event event)
{
    if (world->n_heap == world->cap_heap) {
        world->cap_heap = world->cap_heap == 0 ? 64 : world->cap_heap * 2;
        world->heap = wc_realloc(world->heap, world->cap_heap, sizeof *world->heap);
    }
    event.at_ms = world->now_ms + delay_ms;
    event.seq = world->seq++;
    size_t i = world->n_heap++;
    world->heap[i] = event;
    for (; i > 0 && before(&world->heap[i], &world->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&world->heap[i], &world->heap[(i - 1) / 2]);
    if (world->wake != NULL)
        world->wake(world->wake_data);
}

static struct sim_event take_first(struct wc_sim_world *world)
{
    struct sim_event first = world->heap[0];
    world->heap[0] = world->heap[--world->n_heap];
    for (size_t i = 0;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < world->n_heap && before(&world->heap[left], &world->heap[least]))
            least = left;
        if (right < world->n_heap && before(&world->heap[right], &world->heap[least]))
            least = right;
        if (least == i)
            return first;
        swap(&world->heap[i], &world->heap[least]);
        i = least;
    }
}

bool sim_turn(struct wc_sim_world *world)
{
    if (world->n_heap == 0)
        return false;
    struct sim_event event = take_first(world);
    if (event.at_ms > world->now_ms)
        world->now_ms = event.at_ms;
    event.fire(world, &event);
    return true;
}

bool wc_sim_pending(const struct wc_sim_world *world)
{
    return world->n_heap != 0;
}

static uint64_t clock_now(void *data)
{
    return ((struct wc_sim_world *)data)->now_ms;
}

static int64_t wall_of(const struct wc_sim_world *world)
{
    return (int64_t)EPOCH_MS * 1000 + (int64_t)world->now_ms + world->skew_ms;
}

static int64_t clock_wall(void *data)
{
    return wall_of(data);
}

static void fire_alarm(struct wc_sim_world *world, struct sim_event *event)
{
    if (!world->alarm_set || event->serial != world->alarm_serial)
        return;
    world->alarm_set = false;
    world->alarm(world->alarm_data);
}

static void clock_arm(void *data, uint64_t at_ms, wc_alarm_fn *fire, void *fire_data)
{
    struct wc_sim_world *world = data;
    world->alarm_serial++;
    world->alarm_set = at_ms != 0;
    world->alarm = fire;
    world->alarm_data = fire_data;
    if (at_ms != 0)
        sim_plan(world, at_ms > world->now_ms ? at_ms - world->now_ms : 0,
                 (struct sim_event){ .fire = fire_alarm, .serial = world->alarm_serial });
}

struct wc_sim_world *wc_sim_world_new(uint64_t start_ms, uint64_t seed)
{
    struct wc_sim_world *world = wc_calloc(1, sizeof *world);
    wc_arena_init(&world->arena);
    wc_map_init(&world->records, &world->arena);
    wc_map_init(&world->programs, &world->arena);
    wc_map_init(&world->networks, &world->arena);
    wc_map_init(&world->volumes, &world->arena);
    world->now_ms = start_ms;
    world->random = seed * 2654435761U + 88172645463325252U;
    world->clock = (struct wc_clock){ clock_now, clock_wall, clock_arm, world };
    for (size_t v = 0; v < SIM_VERBS; v++)
        wc_sim_set_latency(world, (enum wc_verb)v, 1, 3);
    return world;
}

void wc_sim_world_free(struct wc_sim_world *world)
{
    if (world == NULL)
        return;
    wc_free(world->heap);
    wc_arena_deinit(&world->arena);
    wc_free(world);
}

const struct wc_clock *wc_sim_clock(struct wc_sim_world *world)
{
    return &world->clock;
}

uint64_t wc_sim_now(const struct wc_sim_world *world)
{
    return world->now_ms;
}

struct sim_record *sim_record(const struct wc_sim_world *world, const char *id)
{
    return wc_map_get(&world->records, id);
}

const struct wc_sim_program *sim_program(const struct wc_sim_world *world, const char *service)
{
    const struct wc_sim_program *program = wc_map_get(&world->programs, service);
    return program != NULL ? program : &wc_sim_program_default;
}

void wc_sim_set_program(struct wc_sim_world *world, const char *service,
                        const struct wc_sim_program *program)
{
    struct wc_sim_program *copy = WC_NEW(&world->arena, struct wc_sim_program);
    *copy = *program;
    wc_map_put(&world->programs, wc_arena_strdup(&world->arena, service), copy);
}

static void report(struct wc_sim_world *world, const struct sim_record *record)
{
    if (world->watch != NULL)
        world->watch(world->watch_data, &record->fact);
    if (world->sink.observe != NULL && !world->deaf)
        world->sink.observe(world->sink.data, &record->fact);
}

static void note_volumes(struct wc_sim_world *world, const struct wc_instance *instance)
{
    const struct wc_service *spec = instance->spec;
    for (size_t i = 0; spec != NULL && i < spec->n_mounts; i++) {
        const struct wc_mount *mount = &spec->mounts[i];
        if (mount->type != WC_MOUNT_VOLUME || mount->source == NULL)
            continue;
        const struct wc_volume *volume = wc_project_volume(instance->model, mount->source);
        if (volume == NULL)
            continue;
        char *name = wc_arena_strdup(&world->arena, volume->name);
        wc_map_put(&world->volumes, name, name);
    }
}

void sim_describe(struct wc_sim_world *world, struct sim_record *record,
                  const struct wc_instance *instance)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    const struct wc_service *spec = instance->spec;
    for (size_t i = 0; spec != NULL && i < spec->labels.n; i++)
        wc_buf_printf(&text, "%s%s=%s", i > 0 ? "," : "", spec->labels.items[i].key,
                      spec->labels.items[i].value != NULL ? spec->labels.items[i].value : "");
    record->fact.labels = text.len > 0 ? wc_arena_strdup(&world->arena, text.data) : NULL;
    if (spec != NULL)
        memcpy(record->fact.inplace, spec->inplace_hash, sizeof record->fact.inplace);
}

void sim_update(struct wc_sim_world *world, struct sim_record *record,
                const struct wc_instance *instance)
{
    sim_describe(world, record, instance);
    report(world, record);
}

struct sim_record *sim_create(struct wc_sim_world *world, const struct wc_instance *instance,
                              bool half_made)
{
    struct sim_record *record = sim_record(world, instance->id);
    if (record == NULL) {
        record = WC_NEW(&world->arena, struct sim_record);
        wc_map_put(&world->records, wc_arena_strdup(&world->arena, instance->id), record);
    }
    uint64_t run = record->run + 1;
    *record = (struct sim_record){ .run = run };
    record->fact = (struct wc_fact){
        .id = wc_arena_strdup(&world->arena, instance->id),
        .name = wc_arena_strdup(&world->arena, instance->name),
        .project = wc_arena_strdup(&world->arena, instance->project),
        .service = wc_arena_strdup(&world->arena, instance->service),
        .image =
            wc_arena_strdup(&world->arena, instance->spec != NULL ? instance->spec->image : NULL),
        .index = instance->index,
        .level = instance->level,
        .life = half_made ? WC_LIFE_BROKEN : WC_LIFE_CREATED,
        .created_at_ms = wall_of(world),
    };
    memcpy(record->fact.hash, instance->hash, sizeof record->fact.hash);
    sim_describe(world, record, instance);
    record->program = sim_program(world, record->fact.service);
    record->ip4 = instance->n_nets > 0 ? instance->nets[0].ip4 : 0;
    note_volumes(world, instance);
    report(world, record);
    return record;
}

static void fire_end(struct wc_sim_world *world, struct sim_event *event)
{
    struct sim_record *record = event->subject;
    if (record->run != event->serial)
        return;
    if (record->fact.life == WC_LIFE_PAUSED && event->signal != SIGKILL)
        sim_plan(world, 50, *event); /* what stands still ends after it goes on */
    else if (record->fact.life == WC_LIFE_RUNNING || record->fact.life == WC_LIFE_PAUSED)
        sim_end(world, record, event->code, event->signal);
}

void sim_start(struct wc_sim_world *world, struct sim_record *record)
{
    record->run++;
    record->up_at_ms = world->now_ms;
    record->ending = false;
    record->program = sim_program(world, record->fact.service);
    record->fact.life = WC_LIFE_RUNNING;
    record->fact.drift_limits = NULL;
    record->fact.pid = 1000 + (int)(world->seq % 1000000);
    record->fact.started_at_ms = wall_of(world);
    record->fact.finished_at_ms = 0;
    record->fact.exit_code = record->fact.exit_signal = 0;
    record->fact.exit_known = record->fact.stopped_by_user = record->fact.sick = false;
    record->fact.earlier_boot = false;
    record->first_ok_ms = record->last_ok_ms = record->first_no_ms = 0;
    record->noes = record->hooks_done = record->hooks_open = 0;
    record->hooks_begun = 0;
    record->hook_failed = false;
    if (record->program->run_ms >= 0)
        sim_plan(world, (uint64_t)record->program->run_ms,
                 (struct sim_event){ .fire = fire_end,
                                     .subject = record,
                                     .serial = record->run,
                                     .code = record->program->exit_code });
    report(world, record);
}

void sim_signal(struct wc_sim_world *world, struct sim_record *record, int signal)
{
    int64_t delay = signal == SIGKILL ? 1 : record->program->stop_ms;
    bool polite = record->program->polite && signal != SIGKILL;
    if (delay < 0 || (record->ending && signal != SIGKILL))
        return;
    record->ending = true;
    sim_plan(world, (uint64_t)delay,
             (struct sim_event){ .fire = fire_end,
                                 .subject = record,
                                 .serial = record->run,
                                 .code = polite ? 0 : 128 + signal,
                                 .signal = polite ? 0 : signal });
}

void sim_disturb(struct wc_sim_world *world, struct sim_record *record, enum wc_life life,
                 const char *drift_limits)
{
    record->fact.life = life;
    record->fact.drift_limits = drift_limits;
    report(world, record);
}

void sim_end(struct wc_sim_world *world, struct sim_record *record, int code, int signal)
{
    record->fact.life = WC_LIFE_EXITED;
    record->fact.drift_limits = NULL;
    record->fact.pid = 0;
    record->fact.exit_known = true;
    record->fact.exit_code = code;
    record->fact.exit_signal = signal;
    record->fact.finished_at_ms = wall_of(world);
    report(world, record);
}

void sim_remove(struct wc_sim_world *world, struct sim_record *record)
{
    record->run++;
    record->fact.life = WC_LIFE_ABSENT;
    record->fact.drift_limits = NULL;
    record->fact.pid = 0;
    report(world, record);
}
