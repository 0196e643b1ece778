/* engine_bind.c - a revision that is known to work becomes the one in force: services get its
 * words, instances what is wanted of them. What was wanted before is kept where it is still needed.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"
#include "wcompose/image.h"

void wc_eng_revision_unref(struct revision *rev)
{
    if (rev == NULL || --rev->refs > 0)
        return;
    wc_eng_asides_drop(rev);
    if (rev->sealed.files != NULL)
        rev->sealed.ops->free(rev->sealed.files);
    wc_arena_deinit(&rev->arena);
    wc_arena_deinit(&rev->lead_arena);
    if (rev->owned != NULL) {
        wc_arena_wipe(rev->owned); /* a model may hold secrets */
        wc_free(rev->owned);
    }
    wc_free(rev);
}

bool wc_eng_is_there(const struct inst *inst)
{
    return inst->fact.life != WC_LIFE_ABSENT || inst->op != NULL;
}

/* True when the model's words are those that it is, or is to be, made by. One that is kept although
 * the model has changed keeps the hooks that it had. */
static bool is_made_by(const struct inst *inst, const struct wc_instance *want)
{
    char hash[65];
    if (!wc_eng_is_there(inst) || want->image == NULL)
        return !wc_eng_is_there(inst) || inst->hooks.made_rev == NULL;
    wc_desired_hash(want->spec->spec_hash, want->image->id, hash);
    return wc_streq(hash, inst->fact.hash);
}

static bool names(const struct wc_request *ask, const char *service)
{
    for (size_t i = 0; i < ask->n_services; i++)
        if (wc_streq(ask->services[i], service))
            return true;
    return false;
}

/* Of several former models an instance stays with the newest that it was made by; where none was,
 * with the one at which the rollout of its service began. */
static bool stays_with_older(const struct wc_request *ask, const struct inst *inst,
                             const struct wc_instance *want)
{
    return ask->is_former && inst->former.instance != NULL && !is_made_by(inst, want) &&
           !names(ask, inst->svc->name);
}

static void bind_instance(struct request *request, struct revision *rev, size_t k)
{
    const struct wc_instance *want = &rev->instances[k];
    struct inst *inst = wc_eng_inst_find(request->engine, want->id);
    if (inst == NULL)
        inst = wc_eng_inst_new(request->engine, want->id, want->service, want->index);
    rev->targets[k] = inst;
    if (stays_with_older(&request->ask, inst, want)) {
        inst->desired = inst->former.instance;
        return;
    }
    inst->desired = want;
    wc_eng_inplace_rebind(inst, want);
    wc_eng_former_drop(inst);
    if (is_made_by(inst, want)) {
        wc_eng_revision_unref(inst->hooks.made_rev);
        rev->refs++;
        inst->hooks.made_rev = rev;
        inst->hooks.made_by = want->spec;
    }
    if (!wc_eng_is_there(inst)) {
        inst->fact.level = want->level;
        inst->out.phase = WC_PHASE_ACTING; /* not looked at yet */
        memcpy(inst->fact.hash, want->hash, sizeof inst->fact.hash);
        wc_eng_set(&inst->name, want->name);
        wc_eng_set(&inst->image, want->spec->image);
        inst->fact.name = inst->name;
        inst->fact.image = inst->image;
    }
}

void wc_eng_adopt_revision(struct request *request, struct revision *rev)
{
    struct wc_engine *engine = request->engine;
    struct revision *old = engine->rev;
    for (size_t i = 0; i < engine->svcs.n; i++) {
        struct svc *svc = engine->svcs.entries[i].value;
        svc->spec = NULL;
        svc->node = SIZE_MAX;
        svc->job = false;
    }
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL)
            continue;
        wc_eng_former_keep(inst, old);
        inst->desired = NULL;
        inst->needs = NULL;
        inst->awaits = inst->again = false;
    }
    engine->rev = rev;
    for (size_t node = 0; rev != NULL && node < rev->graph.n; node++) {
        rev->svcs[node]->spec = &rev->project->services[node];
        rev->svcs[node]->node = node;
    }
    for (size_t e = 0; rev != NULL && e < rev->graph.n_edges; e++)
        if (rev->graph.edges[e].condition == WC_DEP_COMPLETED)
            rev->svcs[rev->graph.edges[e].to]->job = true;
    for (size_t k = 0; rev != NULL && k < rev->n_instances; k++)
        bind_instance(request, rev, k);
    wc_eng_front_bind(engine);
    for (size_t i = 0; i < engine->ids.n; i++)
        if (engine->ids.entries[i].value != NULL)
            wc_eng_check_of(engine->ids.entries[i].value);
    if (old != NULL)
        wc_eng_asides_drop(old);
    wc_eng_revision_unref(old);
}
