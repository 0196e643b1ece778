/* world_api.c - what tests do to the simulated host and read from it (sim.h). */
#include "drivers/sim/world.h"

#include <signal.h>

#include "base/str.h"

void wc_sim_set_latency(struct wc_sim_world *world, enum wc_verb verb, unsigned min_ms,
                        unsigned max_ms)
{
    world->latency[verb].min_ms = min_ms;
    world->latency[verb].max_ms = max_ms;
}

void wc_sim_fail_next(struct wc_sim_world *world, enum wc_verb verb, const char *service,
                      unsigned times, int code, const char *message)
{
    struct sim_planned_fault *fault = WC_NEW(&world->arena, struct sim_planned_fault);
    *fault = (struct sim_planned_fault){
        .verb = verb,
        .service = wc_arena_strdup(&world->arena, service),
        .times = times,
        .code = code,
        .message = wc_arena_strdup(&world->arena, message),
        .next = world->planned,
    };
    world->planned = fault;
}

void wc_sim_set_faults(struct wc_sim_world *world, unsigned permille)
{
    world->fault_permille = permille;
}

void wc_sim_set_crash(struct wc_sim_world *world, bool on, unsigned late_ms)
{
    world->crashes = on;
    world->late_ms = late_ms;
}

void wc_sim_set_fate(struct wc_sim_world *world, enum wc_sim_fate fate)
{
    world->fate = fate;
}

void wc_sim_die(struct wc_sim_world *world)
{
    world->dead = true;
}

void wc_sim_deafen(struct wc_sim_world *world, bool deaf)
{
    world->deaf = deaf;
}

void wc_sim_jump(struct wc_sim_world *world, int64_t ms)
{
    world->skew_ms += ms;
}

bool wc_sim_exit(struct wc_sim_world *world, const char *id, int code)
{
    struct sim_record *record = sim_record(world, id);
    if (record == NULL || record->fact.life != WC_LIFE_RUNNING)
        return false;
    sim_end(world, record, code, 0);
    return true;
}

bool wc_sim_kill(struct wc_sim_world *world, const char *id)
{
    struct sim_record *record = sim_record(world, id);
    if (record == NULL ||
        (record->fact.life != WC_LIFE_RUNNING && record->fact.life != WC_LIFE_PAUSED))
        return false;
    sim_end(world, record, 128 + SIGKILL, SIGKILL);
    return true;
}

bool wc_sim_vanish(struct wc_sim_world *world, const char *id)
{
    struct sim_record *record = sim_record(world, id);
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return false;
    sim_remove(world, record);
    return true;
}

bool wc_sim_pause(struct wc_sim_world *world, const char *id)
{
    struct sim_record *record = sim_record(world, id);
    if (record == NULL || record->fact.life != WC_LIFE_RUNNING)
        return false;
    sim_disturb(world, record, WC_LIFE_PAUSED, record->fact.drift_limits);
    return true;
}

bool wc_sim_unpause(struct wc_sim_world *world, const char *id)
{
    struct sim_record *record = sim_record(world, id);
    if (record == NULL || record->fact.life != WC_LIFE_PAUSED)
        return false;
    sim_disturb(world, record, WC_LIFE_RUNNING, record->fact.drift_limits);
    return true;
}

bool wc_sim_cut(struct wc_sim_world *world, const char *network)
{
    if (wc_map_get(&world->networks, network) == NULL)
        return false;
    wc_map_put(&world->networks, network, NULL);
    if (world->sink.net_news != NULL && !world->deaf)
        world->sink.net_news(world->sink.data);
    return true;
}

bool wc_sim_meddle(struct wc_sim_world *world, const char *id)
{
    struct sim_record *record = sim_record(world, id);
    bool up = record != NULL &&
              (record->fact.life == WC_LIFE_RUNNING || record->fact.life == WC_LIFE_PAUSED);
    if (up)
        sim_disturb(world, record, record->fact.life, "mem_limit 64 -> 32");
    return up;
}

unsigned wc_sim_count_ops(const struct wc_sim_world *world, enum wc_verb verb)
{
    return world->n_ops[verb];
}

size_t wc_sim_count(const struct wc_sim_world *world, const char *service, enum wc_life life)
{
    size_t n = 0;
    for (size_t i = 0; i < world->records.n; i++) {
        const struct sim_record *record = world->records.entries[i].value;
        n += record->fact.life == life &&
             (service == NULL || wc_streq(record->fact.service, service));
    }
    return n;
}

static size_t count_set(const struct wc_map *map)
{
    size_t n = 0;
    for (size_t i = 0; i < map->n; i++)
        n += map->entries[i].value != NULL;
    return n;
}

size_t wc_sim_count_networks(const struct wc_sim_world *world)
{
    return count_set(&world->networks);
}

size_t wc_sim_count_volumes(const struct wc_sim_world *world)
{
    return count_set(&world->volumes);
}

const struct wc_fact *wc_sim_find(const struct wc_sim_world *world, const char *service,
                                  enum wc_life life)
{
    for (size_t i = 0; i < world->records.n; i++) {
        const struct sim_record *record = world->records.entries[i].value;
        if (record->fact.life == life && wc_streq(record->fact.service, service))
            return &record->fact;
    }
    return NULL;
}

void wc_sim_visit(const struct wc_sim_world *world, wc_sim_visit_fn *visit, void *data)
{
    for (size_t i = 0; i < world->records.n; i++) {
        const struct sim_record *record = world->records.entries[i].value;
        if (record->fact.life != WC_LIFE_ABSENT)
            visit(data, &record->fact);
    }
}

void wc_sim_judge(struct wc_sim_world *world, wc_sim_judge_fn *judge, void *data)
{
    world->judge = judge;
    world->judge_data = data;
}

void wc_sim_watch(struct wc_sim_world *world, wc_sim_visit_fn *watch, void *data)
{
    world->watch = watch;
    world->watch_data = data;
}
