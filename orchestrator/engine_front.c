/* engine_front.c - who is aside, who leads, and what the networks are told of it.
 *
 * The choice is made in the review of any incarnation of the replica, so it is always as new as the
 * facts; what was told is remembered with the instance (shown, led), so that a NET_UP that is under
 * way when the choice changes is followed by another one.
 */
#include "orchestrator/engine_aside.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/front.h"
#include "orchestrator/engine_request.h"

enum { TOGETHER_MAX = 8 }; /* incarnations of a replica that are looked at; there are two */

const char *wc_eng_incarnation(const char *id)
{
    const char *dot = strrchr(id, '.');
    return dot != NULL ? dot + 1 : id;
}

/* ---- who is aside ---- */

static bool has_company(const struct inst *inst)
{
    for (const struct inst *o = inst->svc->insts; o != NULL; o = o->next_in_svc)
        if (o != inst && o->fact.index == inst->fact.index && wc_eng_is_there(o))
            return true;
    return false;
}

/* True when the revision wants another one in the slot of this one. */
static bool is_beside(const struct revision *rev, const struct inst *inst)
{
    bool found = false;
    for (size_t k = 0; k < rev->n_instances; k++) {
        const struct wc_instance *want = &rev->instances[k];
        if (want->index != inst->fact.index || !wc_streq(want->service, inst->svc->name))
            continue;
        if (wc_streq(want->id, inst->id))
            return false;
        found = true;
    }
    return found;
}

/* The service that it was made by, as far as anybody knows. */
static struct aside aside_of(const struct wc_engine *engine, const struct inst *inst,
                             const struct wc_service *now)
{
    if (inst->hooks.made_rev != NULL)
        return (struct aside){ NULL, inst->hooks.made_rev, inst->hooks.made_by };
    if (inst->desired != NULL)
        return (struct aside){ NULL, wc_eng_is_held(inst) ? inst->former.rev : engine->rev,
                               inst->desired->spec };
    return (struct aside){ NULL, NULL, now };
}

static void add_aside(const struct wc_engine *engine, struct revision *rev, struct inst *inst,
                      const struct wc_service *now, size_t *cap)
{
    struct aside aside = aside_of(engine, inst, now);
    if (aside.service->network_mode != WC_NETMODE_NETWORKS)
        return;
    aside.inst = inst;
    if (aside.held != NULL)
        aside.held->refs++;
    rev->asides = wc_arena_grow(&rev->arena, rev->asides, rev->n_asides, cap, sizeof *rev->asides);
    rev->asides[rev->n_asides++] = aside;
}

void wc_eng_find_asides(struct wc_engine *engine, const struct wc_request *ask,
                        struct revision *rev)
{
    bool may_be_two = engine->rev == NULL || engine->rev->n_asides > 0;
    size_t cap = 0;
    wc_eng_asides_drop(rev);
    rev->asides = NULL;
    for (size_t i = 0; i < rev->project->n_services; i++) {
        const struct wc_service *service = &rev->project->services[i];
        const struct svc *svc = wc_map_get(&engine->svcs, service->name);
        bool surges = !rev->no_surge && wc_eng_surges(ask, service);
        for (struct inst *inst = svc != NULL && (surges || may_be_two) ? svc->insts : NULL;
             inst != NULL; inst = inst->next_in_svc)
            if (((surges && wc_eng_is_up(inst)) ||
                 (may_be_two && wc_eng_is_there(inst) && has_company(inst))) &&
                is_beside(rev, inst))
                add_aside(engine, rev, inst, service, &cap);
    }
}

struct wc_address_slot wc_eng_aside_slot(struct revision *rev, size_t nth)
{
    const struct aside *aside = &rev->asides[nth];
    const struct inst *inst = aside->inst;
    return (struct wc_address_slot){
        .service = aside->service,
        .index = inst->fact.index,
        .name = wc_arena_strdup(&rev->arena, inst->name != NULL ? inst->name : inst->id),
        .incarnation = wc_arena_strdup(&rev->arena, wc_eng_incarnation(inst->id)),
        .aside = true,
    };
}

bool wc_eng_is_aside_of(const struct revision *rev, const struct inst *inst)
{
    for (size_t k = 0; k < rev->n_asides; k++)
        if (rev->asides[k].inst == inst)
            return true;
    return false;
}

void wc_eng_asides_drop(struct revision *rev)
{
    for (size_t k = 0; k < rev->n_asides; k++)
        wc_eng_revision_unref(rev->asides[k].held);
    rev->n_asides = rev->n_left = 0;
}

/* ---- who leads ---- */

/* Those of a replica that have a place; returns how many. */
static size_t together(const struct inst *inst, struct inst *all[TOGETHER_MAX])
{
    size_t n = 0;
    for (struct inst *o = inst->svc->insts; o != NULL && n < TOGETHER_MAX; o = o->next_in_svc)
        if (o->fact.index == inst->fact.index && o->front.place != 0)
            all[n++] = o;
    return n;
}

static struct inst *leader_of(const struct inst *inst)
{
    struct inst *all[TOGETHER_MAX];
    size_t n = together(inst, all);
    for (size_t i = 0; i < n; i++)
        if (all[i]->front.leads)
            return all[i];
    return NULL;
}

static bool is_aside(const struct inst *inst)
{
    return inst->front.place > inst->engine->rev->n_instances;
}

static bool is_contested(const struct inst *inst)
{
    struct inst *all[TOGETHER_MAX];
    return inst->engine->rev != NULL && inst->engine->rev->n_left > 0 && inst->front.place != 0 &&
           together(inst, all) > 1;
}

static void changed(struct wc_engine *engine)
{
    if (engine->is_down) /* nothing is led anywhere any more */
        return;
    engine->leads_changed = engine->net_wanted = true;
    if (engine->net == NET_UP)
        engine->net = NET_UNKNOWN;
}

/* One leads: who did before, or who the plan says. */
static void keep_leader(const struct revision *rev, const struct inst *inst)
{
    struct inst *all[TOGETHER_MAX], *before = leader_of(inst);
    size_t n = together(inst, all);
    for (size_t i = 0; i < n; i++) {
        struct inst_front *front = &all[i]->front;
        front->leads = before != NULL ? all[i] == before : rev->nets.slots[front->place - 1].leads;
        front->led = front->led && front->leads;
        front->trusted = front->trusted || (before == NULL && front->leads);
    }
}

void wc_eng_front_bind(struct wc_engine *engine)
{
    struct revision *rev = engine->rev;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->front.place == 0)
            inst->front = (struct inst_front){ 0 };
        else if (inst != NULL)
            inst->front.place = 0;
    }
    if (rev == NULL || rev->nets.priv == NULL)
        return;
    rev->n_left = rev->n_asides;
    for (size_t k = 0; k < rev->n_instances; k++)
        rev->targets[k]->front.place = k + 1;
    for (size_t k = 0; k < rev->n_asides; k++)
        rev->asides[k].inst->front.place = rev->n_instances + k + 1;
    for (size_t k = 0; k < rev->n_instances; k++) {
        if (is_contested(rev->targets[k]))
            keep_leader(rev, rev->targets[k]);
        else
            rev->targets[k]->front.leads = rev->targets[k]->front.led = true;
    }
    if (rev->n_asides > 0)
        changed(engine);
}

static struct wc_front facts_of(const struct inst *inst)
{
    return (struct wc_front){
        .leads = inst->front.leads,
        .wanted = !is_aside(inst),
        .up = wc_eng_is_up(inst),
        .ready = wc_eng_is_up(inst) && inst->front.trusted && !wc_eng_is_frozen(inst),
        .stays = wc_eng_goal(inst) == WC_GOAL_RUNNING && !inst->stop_sent,
    };
}

/* A successor has asked no check yet: what led is as good as it was until a check says no. */
static void look_at(struct inst *inst)
{
    bool bad = inst->health.status == WC_HEALTH_UNHEALTHY || inst->hooks.failed;
    inst->front.trusted =
        wc_eng_is_up(inst) && !bad && (inst->front.trusted || wc_eng_is_ready(inst));
}

void wc_eng_front_review(struct inst *inst)
{
    struct inst *all[TOGETHER_MAX];
    struct wc_front facts[TOGETHER_MAX];
    if (inst->engine->rev == NULL || inst->engine->rev->n_left == 0 || inst->front.place == 0)
        return;
    size_t n = together(inst, all);
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        look_at(all[i]);
        facts[i] = facts_of(all[i]);
    }
    size_t chosen = wc_front_choose(facts, n);
    if (all[chosen]->front.leads)
        return;
    for (size_t i = 0; i < n; i++) {
        all[i]->front.leads = i == chosen;
        wc_eng_dirty(all[i]);
    }
    changed(inst->engine);
}

bool wc_eng_front_yields(const struct inst *inst)
{
    if (!is_contested(inst) || inst->front.leads)
        return false;
    const struct inst *leader = leader_of(inst);
    return leader != NULL && !leader->front.led && facts_of(leader).stays;
}

bool wc_eng_front_has(const struct inst *inst)
{
    return !is_contested(inst) || !wc_eng_is_up(inst) || (inst->front.leads && inst->front.led);
}

bool wc_eng_front_is_behind(const struct inst *inst)
{
    struct inst *all[TOGETHER_MAX];
    size_t n = inst->front.place != 0 ? together(inst, all) : 0;
    for (size_t i = 0; i < n; i++)
        if (all[i] != inst && is_aside(all[i]) && all[i]->front.leads && wc_eng_is_up(all[i]))
            return true;
    return false;
}

void wc_eng_front_bury(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    struct revision *rev = engine->rev;
    struct inst *all[TOGETHER_MAX];
    struct wc_err err = { 0 };
    size_t place = inst->front.place;
    inst->front = (struct inst_front){ 0 };
    if (rev != NULL && rev->nets.n_lingering > 0 &&
        wc_networks_left(&rev->nets, inst->svc->name, inst->fact.index,
                         wc_eng_incarnation(inst->id)))
        changed(engine);
    if (rev == NULL || place <= rev->n_instances || place > rev->n_instances + rev->n_asides)
        return;
    if (together(inst, all) > 0)
        wc_eng_front_review(all[0]);
    rev->asides[place - 1 - rev->n_instances].inst = NULL;
    rev->nets.slots[place - 1].gone = true;
    rev->nets.slots[place - 1].leads = false;
    rev->n_left--;
    changed(engine);
    if (!engine->config.preview && wc_networks_forget(&rev->nets, place - 1, &err) != 0)
        wc_log(WC_LOG_WARN, "engine", "networks: %s", err.msg);
}

/* ---- what is told ---- */

void wc_eng_front_show(struct wc_engine *engine)
{
    struct revision *rev = engine->rev;
    if (!engine->leads_changed)
        return;
    engine->leads_changed = false;
    if (rev == NULL || rev->nets.priv == NULL)
        return;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || inst->front.place == 0)
            continue;
        inst->front.shown = inst->front.leads;
        inst->front.led = inst->front.led && inst->front.shown; /* a NET_UP may fail half way */
        rev->nets.slots[inst->front.place - 1].leads = inst->front.leads;
    }
    wc_arena_deinit(&rev->lead_arena);
    wc_arena_init(&rev->lead_arena);
    wc_networks_lead(&rev->nets, &rev->lead_arena);
    wc_eng_net_hash(&rev->nets.request, rev->nets_hash);
}

void wc_eng_front_shown(struct wc_engine *engine)
{
    const struct revision *rev = engine->rev;
    for (size_t i = 0; rev != NULL && rev->n_asides > 0 && i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || inst->front.place == 0 || inst->front.led == inst->front.shown)
            continue;
        inst->front.led = inst->front.shown;
        wc_eng_dirty(inst);
        wc_eng_dirty_siblings(inst);
    }
}

static void hash_text(struct wc_sha256 *hash, const char *text)
{
    if (text == NULL)
        text = "";
    wc_sha256_update(hash, text, strlen(text) + 1);
}

/* The hash of all that NET_UP is told, to know whether it must be told again. */
void wc_eng_net_hash(const struct wc_net_request *net, char out[65])
{
    struct wc_sha256 *hash = wc_sha256_new();
    for (size_t i = 0; i < net->n_networks; i++) {
        const struct wc_net_network *n = &net->networks[i];
        const uint32_t numbers[] = { n->subnet4, n->gateway4, n->prefix4, n->internal,
                                     n->external };
        hash_text(hash, n->name);
        hash_text(hash, n->bridge);
        wc_sha256_update(hash, numbers, sizeof numbers);
    }
    for (size_t i = 0; i < net->n_ports; i++) {
        const struct wc_net_publish *p = &net->ports[i];
        const uint32_t numbers[] = { p->host_ip4, p->host_port, p->target_port, (uint32_t)p->proto,
                                     p->target_ip4 };
        wc_sha256_update(hash, numbers, sizeof numbers);
    }
    for (size_t i = 0; i < net->n_names; i++) {
        hash_text(hash, net->names[i].network);
        hash_text(hash, net->names[i].name);
        wc_sha256_update(hash, &net->names[i].ip4, sizeof net->names[i].ip4);
    }
    wc_sha256_finish(hash, out);
}
