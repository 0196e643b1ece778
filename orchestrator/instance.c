/* instance.c - instances and services as objects: look-up, the list of dirty ones, the heap of
 * those that want to be asked again at a time. An instance that goes is only buried here; it is
 * freed when the flush is over, so that a review never holds a pointer to nothing.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"

struct svc *wc_eng_svc(struct wc_engine *engine, const char *name)
{
    struct svc *svc = wc_map_get(&engine->svcs, name);
    if (svc != NULL)
        return svc;
    svc = WC_NEW(&engine->arena, struct svc);
    svc->name = wc_arena_strdup(&engine->arena, name);
    svc->node = SIZE_MAX;
    wc_map_put(&engine->svcs, svc->name, svc);
    return svc;
}

struct inst *wc_eng_inst_find(const struct wc_engine *engine, const char *id)
{
    return wc_map_get(&engine->ids, id);
}

/* The map never forgets a key: when most are of the dead, it is made anew. */
static void compact_ids(struct wc_engine *engine)
{
    if (engine->ids.n < 256 + 4 * engine->n_insts)
        return;
    struct wc_arena fresh;
    struct wc_map ids;
    wc_arena_init(&fresh);
    wc_map_init(&ids, &fresh);
    for (size_t i = 0; i < engine->ids.n; i++)
        if (engine->ids.entries[i].value != NULL)
            wc_map_put(&ids, wc_arena_strdup(&fresh, engine->ids.entries[i].key),
                       engine->ids.entries[i].value);
    wc_arena_deinit(&engine->ids_arena);
    engine->ids_arena = fresh;
    engine->ids = ids;
    engine->ids.arena = &engine->ids_arena;
}

/* Whether another incarnation of the same replica is there. */
static bool is_double(const struct inst *inst)
{
    const struct inst *other = inst->svc->insts;
    while (other != NULL && (other == inst || other->fact.index != inst->fact.index))
        other = other->next_in_svc;
    return other != NULL;
}

struct inst *wc_eng_inst_new(struct wc_engine *engine, const char *id, const char *service,
                             unsigned index)
{
    struct inst *inst = wc_calloc(1, sizeof *inst);
    compact_ids(engine);
    inst->engine = engine;
    inst->svc = wc_eng_svc(engine, service);
    inst->id = wc_strdup(id);
    inst->fact.id = inst->id;
    inst->fact.service = inst->svc->name;
    inst->fact.project = engine->config.project;
    inst->fact.index = index;
    inst->fact.level = WC_ISOLATION_PROCESS;
    inst->grace_ms = WC_UNSET;
    inst->gated = true;
    inst->svc->doubles += is_double(inst);
    inst->next_in_svc = inst->svc->insts;
    inst->svc->insts = inst;
    wc_map_put(&engine->ids, wc_arena_strdup(&engine->ids_arena, id), inst);
    engine->n_insts++;
    return inst;
}

void wc_eng_inst_bury(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    struct inst **at = &inst->svc->insts;
    while (*at != inst)
        at = &(*at)->next_in_svc;
    *at = inst->next_in_svc;
    inst->svc->doubles -= is_double(inst);
    wc_eng_wake_at(inst, 0);
    wc_eng_front_bury(inst);
    wc_map_put(&engine->ids, inst->id, NULL);
    engine->n_insts--;
    inst->dead = true;
    inst->next_dead = engine->dead;
    engine->dead = inst;
}

static void free_inst(struct inst *inst)
{
    wc_eng_former_drop(inst);
    wc_free(inst->id);
    wc_free(inst->name);
    wc_free(inst->image);
    wc_free(inst->layers);
    wc_free(inst->labels);
    wc_free(inst->inplace.why);
    wc_free(inst->inplace.error);
    wc_free(inst->error);
    wc_free(inst->notice);
    wc_free(inst->cause);
    wc_eng_revision_unref(inst->hooks.made_rev);
    wc_eng_revision_unref(inst->check_rev);
    wc_eng_drift_free(inst);
    wc_free(inst->why);
    wc_free((char *)inst->story.said.reason);
    wc_free(inst);
}

/* The dead that still stand in a queue are skipped there, and freed next time. */
void wc_eng_free_dead(struct wc_engine *engine)
{
    struct inst *inst = engine->dead;
    engine->dead = NULL;
    while (inst != NULL) {
        struct inst *next = inst->next_dead;
        if (inst->waiting || inst->dirty) {
            inst->next_dead = engine->dead;
            engine->dead = inst;
        } else {
            free_inst(inst);
        }
        inst = next;
    }
}

void wc_eng_free_all(struct wc_engine *engine)
{
    for (size_t i = 0; i < engine->ids.n; i++)
        if (engine->ids.entries[i].value != NULL)
            free_inst(engine->ids.entries[i].value);
    while (engine->dead != NULL) {
        struct inst *inst = engine->dead;
        engine->dead = inst->next_dead;
        free_inst(inst);
    }
    for (size_t i = 0; i < engine->svcs.n; i++)
        wc_free(((struct svc *)engine->svcs.entries[i].value)->rollout);
    wc_free(engine->wakes);
    wc_arena_deinit(&engine->ids_arena);
    wc_arena_deinit(&engine->arena);
}

void wc_eng_set(char **field, const char *text)
{
    if (wc_streq0(*field, text))
        return;
    wc_free(*field);
    *field = text == NULL ? NULL : wc_strdup(text);
}

void wc_eng_dirty(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    if (inst->dirty || inst->dead)
        return;
    inst->dirty = true;
    inst->next_dirty = NULL;
    *engine->dirty_tail = inst;
    engine->dirty_tail = &inst->next_dirty;
}

void wc_eng_dirty_svc(struct svc *svc)
{
    for (struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc)
        wc_eng_dirty(inst);
}

void wc_eng_dirty_siblings(struct inst *inst)
{
    struct inst *first = inst->svc->doubles > 0 ? inst->svc->insts : NULL;
    for (struct inst *other = first; other != NULL; other = other->next_in_svc)
        if (other != inst && other->fact.index == inst->fact.index)
            wc_eng_dirty(other);
}

static void put(struct wc_engine *engine, size_t pos, struct inst *inst)
{
    engine->wakes[pos - 1] = inst;
    inst->wake_pos = pos;
}

/* Moves the instance at pos up or down to where its time belongs. */
static void settle(struct wc_engine *engine, size_t pos)
{
    struct inst *inst = engine->wakes[pos - 1];
    for (; pos > 1 && engine->wakes[pos / 2 - 1]->wake_at_ms > inst->wake_at_ms; pos /= 2)
        put(engine, pos, engine->wakes[pos / 2 - 1]);
    for (;;) {
        size_t child = 2 * pos;
        if (child < engine->n_wakes &&
            engine->wakes[child]->wake_at_ms < engine->wakes[child - 1]->wake_at_ms)
            child++;
        if (child > engine->n_wakes || engine->wakes[child - 1]->wake_at_ms >= inst->wake_at_ms)
            break;
        put(engine, pos, engine->wakes[child - 1]);
        pos = child;
    }
    put(engine, pos, inst);
}

static void leave_heap(struct wc_engine *engine, struct inst *inst)
{
    size_t pos = inst->wake_pos;
    struct inst *last = engine->wakes[--engine->n_wakes];
    inst->wake_pos = 0;
    if (last == inst)
        return;
    put(engine, pos, last);
    settle(engine, pos);
}

void wc_eng_wake_at(struct inst *inst, uint64_t at_ms)
{
    struct wc_engine *engine = inst->engine;
    inst->wake_at_ms = at_ms;
    if (at_ms == 0) {
        if (inst->wake_pos != 0)
            leave_heap(engine, inst);
        return;
    }
    if (inst->wake_pos == 0) {
        if (engine->n_wakes == engine->cap_wakes) {
            engine->cap_wakes = engine->cap_wakes == 0 ? 64 : engine->cap_wakes * 2;
            engine->wakes = wc_realloc(engine->wakes, engine->cap_wakes, sizeof(struct inst *));
        }
        engine->n_wakes++;
        put(engine, engine->n_wakes, inst);
    }
    settle(engine, inst->wake_pos);
}

void wc_eng_wake_due(struct wc_engine *engine)
{
    while (engine->n_wakes > 0 && engine->wakes[0]->wake_at_ms <= engine->now_ms) {
        struct inst *inst = engine->wakes[0];
        wc_eng_wake_at(inst, 0);
        wc_eng_dirty(inst);
    }
}
