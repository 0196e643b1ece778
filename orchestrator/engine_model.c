/* engine_model.c - from a model to a revision: levels, images, instances, networks. Nothing of the
 * engine changes until all of it is known to work, so a request that can't be carried out leaves
 * everything as it was.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/str.h"
#include "orchestrator/core/desired.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"
#include "wcompose/image.h"
#include "wcompose/pull.h"

struct maker {
    struct wc_engine *engine;
    const struct wc_request *ask;
    struct revision *rev;
    size_t *order;                    /* nodes in start order */
    bool *selected;                   /* by node: to be made as the model says */
    const struct wc_intent **intents; /* ADOPT, by node; may be NULL */
    struct wc_map images; /* reference and platform -> info, for the services of one request */
    struct wc_address_slot *slots;
    bool fill;
    size_t n;
};

/* ---- which services ---- */

static int select_named(struct maker *m, struct wc_err *err)
{
    const struct wc_project *project = m->rev->project;
    for (size_t i = 0; i < m->ask->n_services; i++) {
        const struct wc_service *s = wc_project_service(project, m->ask->services[i]);
        if (s == NULL)
            return wc_err_set(err, WC_ERR_NOENT, 0, "no such service: %s", m->ask->services[i]);
        m->selected[s - project->services] = true;
    }
    return 0;
}

/* What the predecessor was asked to keep there. */
static void select_wanted(struct maker *m)
{
    const struct wc_project *project = m->rev->project;
    for (size_t i = 0; i < m->ask->n_intents; i++) {
        const struct wc_intent *intent = &m->ask->intents[i];
        const struct wc_service *s = wc_project_service(project, intent->service);
        if (s == NULL)
            continue;
        m->intents[s - project->services] = intent;
        m->selected[s - project->services] = intent->want != WC_WANT_NOTHING;
    }
}

static int choose_services(struct maker *m, struct wc_err *err)
{
    m->selected = WC_NEW_ARRAY(&m->rev->arena, bool, m->rev->graph.n);
    m->intents = WC_NEW_ARRAY(&m->rev->arena, const struct wc_intent *, m->rev->graph.n);
    if (m->ask->kind != WC_REQUEST_APPLY) {
        select_wanted(m);
        return 0; /* everything else is taken as it is */
    }
    if (m->ask->n_services == 0) {
        for (size_t i = 0; i < m->rev->graph.n; i++)
            m->selected[i] = true;
        return 0;
    }
    if (select_named(m, err) != 0)
        return err->code;
    if (!m->ask->no_deps)
        wc_graph_spread(&m->rev->graph, &m->rev->arena, m->selected, true);
    return 0;
}

/* ---- levels and images ---- */

static int choose_levels(struct maker *m, struct wc_err *err)
{
    struct revision *rev = m->rev;
    struct wc_diags diags;
    struct wc_plan plan;
    const struct wc_plan_host host = {
        .hyperv_usable = m->engine->config.hyperv != NULL,
        .hyperv_why = "no driver for virtual machines is usable here",
    };
    wc_diags_init(&diags, &rev->arena);
    int status = wc_plan_make(rev->project, &host, &rev->arena, &diags, &plan);
    if (status != 0) {
        wc_diags_sort(&diags);
        return wc_err_at(err, status, diags.items[0].at, "%s", diags.items[0].msg);
    }
    rev->choices = WC_NEW_ARRAY(&rev->arena, struct wc_isolation_choice, rev->graph.n);
    m->order = WC_NEW_ARRAY(&rev->arena, size_t, rev->graph.n);
    for (size_t i = 0; i < plan.n_services; i++) {
        m->order[i] = (size_t)(plan.services[i].service - rev->project->services);
        rev->choices[m->order[i]] = plan.services[i].isolation;
    }
    return 0;
}

static bool is_assumed(const struct maker *m, const char *reference)
{
    return m->engine->config.assumed != NULL && wc_strv_has(m->engine->config.assumed, reference);
}

/* Without a store (simulated hosts), and where `up` would bring it, the name stands for it. */
static int resolve(struct maker *m, const struct wc_service *s, struct wc_image_info *info,
                   struct wc_err *err)
{
    struct wc_image_store *store = m->engine->config.images;
    struct wc_err why = { 0 };
    struct wc_arena *arena = &m->rev->arena;
    int status =
        store == NULL ? 0 : wc_image_resolve_for(store, s->image, s->platform, arena, info, &why);
    if (store != NULL && status == 0)
        return 0;
    if (status != 0 && (status != WC_ERR_NOENT || !is_assumed(m, s->image))) {
        *err = why;
        return status;
    }
    *info = (struct wc_image_info){ .reference = s->image, .id = s->image, .os = "linux" };
    return 0;
}

/* What is under the name may be there for other platforms alone. */
static int check_platform(const struct maker *m, const struct wc_service *s,
                          const struct wc_image_info *info, struct wc_err *err)
{
    bool asks = s->platform != NULL && *s->platform != '\0';
    if (!asks || info->architecture == NULL || wc_image_is_for(s->platform, info) ||
        is_assumed(m, s->image))
        return 0;
    return wc_err_at(err, WC_ERR_NOENT, s->at,
                     "service %s: image %s is here for %s/%s%s%s, and not for platform %s: "
                     "`wcompose pull` brings that one",
                     s->name, s->image, info->os, info->architecture,
                     info->variant != NULL ? "/" : "", info->variant != NULL ? info->variant : "",
                     s->platform);
}

static int resolve_image(struct maker *m, size_t node, struct wc_err *err)
{
    const struct wc_service *s = &m->rev->project->services[node];
    if (s->image == NULL)
        return wc_err_at(err, WC_ERR_SPEC, s->at, "service '%s' has no image", s->name);
    const char *key =
        wc_arena_printf(&m->rev->arena, "%s %s", s->image, s->platform != NULL ? s->platform : "");
    struct wc_image_info *info = wc_map_get(&m->images, key);
    if (info == NULL) {
        info = WC_NEW(&m->rev->arena, struct wc_image_info);
        int status = resolve(m, s, info, err);
        if (status != 0)
            return wc_err_wrap(err, status, "service %s", s->name);
        wc_map_put(&m->images, key, info);
    }
    int status = check_platform(m, s, info, err);
    if (status == 0)
        m->rev->images[node] = info;
    return status;
}

static int resolve_images(struct maker *m, struct wc_err *err)
{
    struct revision *rev = m->rev;
    rev->images = WC_NEW_ARRAY(&rev->arena, const struct wc_image_info *, rev->graph.n);
    wc_map_init(&m->images, &rev->arena);
    for (size_t i = 0; i < rev->graph.n; i++) {
        const struct svc *svc = wc_map_get(&m->engine->svcs, rev->project->services[i].name);
        bool must = m->ask->kind == WC_REQUEST_APPLY && m->selected[i];
        if (must && rev->project->services[i].replicas > 0) {
            int status = resolve_image(m, i, err);
            if (status != 0)
                return status;
        } else if (m->selected[i] || (svc != NULL && svc->insts != NULL)) {
            struct wc_err ignored = { 0 }; /* what exists runs on without its image */
            (void)resolve_image(m, i, &ignored);
        }
    }
    return 0;
}

/* ---- instances ---- */

/* How well an incarnation stands for its slot; 0 = not at all. */
static int standing(const struct inst *inst)
{
    if (inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED)
        return 3;
    if (wc_eng_is_there(inst))
        return 2;
    return inst->desired != NULL && inst->goal != WC_GOAL_GONE; /* asked for, not made yet */
}

/* The incarnation that stands for a slot, or NULL. */
static struct inst *incumbent(const struct svc *svc, unsigned index)
{
    struct inst *found = NULL;
    for (struct inst *i = svc != NULL ? svc->insts : NULL; i != NULL; i = i->next_in_svc)
        if (i->fact.index == index && standing(i) > (found != NULL ? standing(found) : 0))
            found = i;
    return found;
}

static const struct inst *kept(const struct svc *svc, unsigned index)
{
    const struct inst *inst = incumbent(svc, index);
    return inst != NULL && wc_eng_is_there(inst) ? inst : NULL;
}

static bool has_hash(const struct wc_intent *intent)
{
    return intent != NULL && intent->hash != NULL && intent->hash[0] != '\0';
}

/* What changes in place changes for who is asked for, or was with just that; else an instance may
 * have whatever it has. */
static bool is_inplace_meant(const struct maker *m, size_t node, const struct inst *pinned)
{
    const struct wc_service *spec = &m->rev->project->services[node];
    const struct svc *svc = wc_map_get(&m->engine->svcs, spec->name);
    const char *meant = svc != NULL ? svc->inplace : NULL;
    if (m->ask->kind == WC_REQUEST_APPLY && m->selected[node])
        return pinned == NULL;
    if (m->intents[node] != NULL)
        meant = m->intents[node]->inplace;
    return meant != NULL && wc_streq(meant, spec->inplace_hash);
}

static void add_instance(struct maker *m, size_t node, unsigned index, const struct inst *pinned)
{
    struct revision *rev = m->rev;
    size_t k = m->n++;
    if (!m->fill)
        return;
    struct wc_instance *out = &rev->instances[k];
    wc_desired_fill(rev->project, &rev->project->services[node], index, rev->images[node],
                    &rev->arena, out);
    out->level = rev->choices[node].level;
    if (has_hash(m->intents[node])) {
        snprintf(out->hash, sizeof out->hash, "%s", m->intents[node]->hash);
        out->id = wc_desired_id(rev->project, out->spec, index, out->hash, &rev->arena);
    }
    if (pinned != NULL) { /* kept as it is, whatever the model says now */
        out->id = wc_arena_strdup(&rev->arena, pinned->id);
        if (pinned->name != NULL)
            out->name = wc_arena_strdup(&rev->arena, pinned->name);
        memcpy(out->hash, pinned->fact.hash, sizeof out->hash);
        out->level = pinned->fact.level;
    }
    if (!is_inplace_meant(m, node, pinned))
        out->inplace[0] = '\0';
    m->slots[k] = (struct wc_address_slot){
        .service = out->spec,
        .index = index,
        .name = out->name,
        .incarnation = wc_eng_incarnation(out->id),
        .kept = pinned != NULL,
    };
}

/* True for one that is there and is as the model says. */
static bool is_as_said(const struct maker *m, size_t node, const struct inst *inst)
{
    char hash[65];
    if (!wc_eng_is_there(inst) || m->rev->images[node] == NULL)
        return false;
    wc_desired_hash(m->rev->project->services[node].spec_hash, m->rev->images[node]->id, hash);
    return wc_streq(hash, inst->fact.hash);
}

/* Where two are there, the model is the one that its own is kept by. */
static const struct inst *own_of(const struct maker *m, size_t node, const struct svc *svc,
                                 unsigned index)
{
    for (const struct inst *i = svc->insts; i != NULL; i = i->next_in_svc)
        if (i->fact.index == index && is_as_said(m, node, i))
            return i;
    return incumbent(svc, index);
}

/* The service's instances as they are: one for each slot in which something exists. */
static void add_existing(struct maker *m, size_t node, const struct svc *svc)
{
    for (struct inst *i = svc != NULL ? svc->insts : NULL; i != NULL; i = i->next_in_svc)
        if (own_of(m, node, svc, i->fact.index) == i)
            add_instance(m, node, i->fact.index, i);
}

/* A successor replaces only what its predecessor was about to replace, and makes nothing whose
 * image is no longer there. */
static void add_wanted(struct maker *m, size_t node, unsigned index, const struct svc *svc)
{
    bool adopts = m->ask->kind != WC_REQUEST_APPLY;
    const struct inst *there = adopts || m->ask->no_recreate ? kept(svc, index) : NULL;
    bool stale = there != NULL && adopts && has_hash(m->intents[node]) &&
                 !wc_streq(there->fact.hash, m->intents[node]->hash);
    if (stale && m->rev->images[node] != NULL)
        there = NULL;
    if (there != NULL || !adopts || m->rev->images[node] != NULL)
        add_instance(m, node, index, there);
}

/* In start order: what others wait for is made first, so that a chain starts while its tail is
 * still being made. */
static void add_instances(struct maker *m, bool fill)
{
    const struct wc_project *project = m->rev->project;
    m->fill = fill;
    m->n = 0;
    for (size_t i = 0; i < project->n_services; i++) {
        size_t node = m->order[i];
        const struct svc *svc = wc_map_get(&m->engine->svcs, project->services[node].name);
        if (!m->selected[node]) {
            add_existing(m, node, svc);
            continue;
        }
        for (unsigned index = 1; (int64_t)index <= project->services[node].replicas; index++)
            add_wanted(m, node, index, svc);
    }
}

static void make_instances(struct maker *m)
{
    struct revision *rev = m->rev;
    add_instances(m, false);
    rev->n_instances = m->n;
    rev->instances = WC_NEW_ARRAY(&rev->arena, struct wc_instance, m->n);
    rev->targets = WC_NEW_ARRAY(&rev->arena, struct inst *, m->n);
    m->slots = WC_NEW_ARRAY(&rev->arena, struct wc_address_slot, m->n);
    add_instances(m, true);
}

/* The slots of all: those that are wanted, then those that are kept beside them. */
static struct wc_address_slot *all_slots(struct maker *m)
{
    struct revision *rev = m->rev;
    struct wc_address_slot *slots =
        WC_NEW_ARRAY(&rev->arena, struct wc_address_slot, m->n + rev->n_asides);
    if (m->n > 0)
        memcpy(slots, m->slots, m->n * sizeof *slots);
    for (size_t k = 0; k < rev->n_asides; k++)
        slots[m->n + k] = wc_eng_aside_slot(rev, k);
    for (size_t k = 0; k < m->n; k++) {
        const struct inst *inst = wc_eng_inst_find(m->engine, rev->instances[k].id);
        const struct inst *there =
            inst != NULL && wc_eng_is_there(inst)
                ? NULL
                : kept(wc_map_get(&m->engine->svcs, rev->instances[k].service), slots[k].index);
        if (there != NULL && !wc_eng_is_aside_of(rev, there))
            slots[k].holder = wc_arena_strdup(&rev->arena, wc_eng_incarnation(there->id));
    }
    return slots;
}

/* It is there already, and is to have no other limits. */
static bool stays_as_it_is(const struct maker *m, const struct wc_instance *want)
{
    const struct inst *inst = wc_eng_inst_find(m->engine, want->id);
    return inst != NULL && wc_eng_is_there(inst) && !m->ask->force_recreate &&
           !wc_diff_outdated(want, &inst->fact);
}

/* What can't be made, or changed in place, is refused before anything is: no network, no instance
 * of the others. */
static int check_new(struct maker *m, struct wc_err *err)
{
    for (size_t k = 0; m->ask->kind == WC_REQUEST_APPLY && k < m->n; k++) {
        const struct wc_instance *want = &m->rev->instances[k];
        struct wc_driver *driver = wc_eng_driver(m->engine, want->level);
        if (driver == NULL || stays_as_it_is(m, want))
            continue;
        int status = wc_driver_check(driver, want, err);
        if (status != 0)
            return wc_err_wrap(err, status, "service %s", want->service);
    }
    return 0;
}

/* ---- networks ---- */

/* All that is there, and may be on a network. */
static struct wc_address_guest *find_guests(const struct maker *m, size_t *n)
{
    const struct wc_engine *engine = m->engine;
    struct wc_address_guest *guests =
        WC_NEW_ARRAY(&m->rev->arena, struct wc_address_guest, engine->n_insts);
    *n = 0;
    for (size_t i = 0; i < engine->ids.n; i++) {
        const struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || !wc_eng_is_there(inst))
            continue;
        guests[(*n)++] = (struct wc_address_guest){
            .service = inst->svc->name,
            .index = inst->fact.index,
            .incarnation = wc_arena_strdup(&m->rev->arena, wc_eng_incarnation(inst->id)),
        };
    }
    return guests;
}

static int plan_with_asides(struct maker *m, struct wc_err *err)
{
    struct revision *rev = m->rev;
    size_t n_guests;
    wc_eng_find_asides(m->engine, m->ask, rev);
    struct wc_address_guest *guests = find_guests(m, &n_guests);
    const struct wc_networks_in in = {
        .guests = guests,
        .n_guests = n_guests,
        .paths = m->engine->config.paths,
        .project = rev->project,
        .slots = all_slots(m),
        .n_slots = rev->n_instances + rev->n_asides,
        .reserve = !m->engine->config.preview,
    };
    return wc_networks_plan(&in, &rev->arena, &rev->nets, err);
}

/* Where there is no room for two of each replica, the old ones go first. */
static int plan_networks(struct maker *m, struct wc_err *err)
{
    struct revision *rev = m->rev;
    if (m->engine->config.paths != NULL) {
        struct wc_err full = { 0 };
        int status = plan_with_asides(m, &full);
        rev->no_surge = status == WC_ERR_LIMIT && rev->n_asides > 0;
        if (rev->no_surge)
            status = plan_with_asides(m, &full);
        if (status != 0) {
            *err = full;
            return status;
        }
        for (size_t k = 0; k < rev->n_instances; k++) {
            const struct wc_networks_slot *slot = &rev->nets.slots[k];
            rev->instances[k].nets = slot->nets;
            rev->instances[k].n_nets = slot->n_nets;
            rev->instances[k].hosts_file = slot->hosts_file;
            rev->instances[k].resolv_file = slot->resolv_file;
            if (slot->join_slot >= 0)
                rev->instances[k].join_instance = rev->instances[slot->join_slot].id;
        }
    }
    wc_eng_net_hash(&rev->nets.request, rev->nets_hash);
    return 0;
}

int wc_eng_revision(struct wc_engine *engine, const struct wc_request *ask, struct revision **out,
                    struct wc_err *err)
{
    struct revision *rev = wc_calloc(1, sizeof *rev);
    struct maker m = { .engine = engine, .ask = ask, .rev = rev };
    wc_arena_init(&rev->arena);
    wc_arena_init(&rev->lead_arena);
    rev->refs = 1;
    rev->project = ask->project;
    wc_graph_make(rev->project, &rev->arena, &rev->graph);
    rev->views = WC_NEW_ARRAY(&rev->arena, struct wc_dep_view, rev->graph.n);
    rev->svcs = WC_NEW_ARRAY(&rev->arena, struct svc *, rev->graph.n);
    int status = choose_services(&m, err);
    if (status == 0)
        status = choose_levels(&m, err);
    if (status == 0)
        status = resolve_images(&m, err);
    if (status == 0) {
        make_instances(&m);
        status = check_new(&m, err);
    }
    if (status == 0)
        status = plan_networks(&m, err);
    if (status != 0) {
        wc_eng_revision_unref(rev);
        return status;
    }
    for (size_t i = 0; i < engine->svcs.n; i++)
        ((struct svc *)engine->svcs.entries[i].value)->selected = false;
    for (size_t node = 0; node < rev->graph.n; node++) {
        rev->svcs[node] = wc_eng_svc(engine, rev->project->services[node].name);
        rev->svcs[node]->selected = m.selected[node];
    }
    rev->owned = ask->arena;
    *out = rev;
    return 0;
}
