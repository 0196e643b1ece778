/* dry_run.c - the pretending driver. What it was told lives in a table of its own, filled by the
 * real list, so that stop and remove can be answered with the facts they would cause.
 */
#include "wcompose/dry_run.h"

#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"

struct dry_driver {
    struct wc_driver base;
    struct wc_dry_run *run;
    struct wc_sink sink;
    struct wc_driver *inner;
    struct wc_arena arena; /* of the facts */
    struct wc_map facts;   /* id -> wc_fact */
    uv_idle_t turn;        /* ops are answered in the loop's next turn */
    struct wc_op *head, **tail;
    bool inner_closed, turn_closed;
    wc_driver_closed_fn *closed;
    void *closed_data;
};

static struct wc_fact *keep(struct dry_driver *d, const struct wc_fact *fact)
{
    struct wc_fact *copy = wc_map_get(&d->facts, fact->id);
    if (copy == NULL) {
        copy = WC_NEW(&d->arena, struct wc_fact);
        wc_map_put(&d->facts, wc_arena_strdup(&d->arena, fact->id), copy);
    }
    *copy = *fact;
    copy->id = wc_arena_strdup(&d->arena, fact->id);
    copy->name = wc_arena_strdup(&d->arena, fact->name);
    copy->project = wc_arena_strdup(&d->arena, fact->project);
    copy->service = wc_arena_strdup(&d->arena, fact->service);
    copy->image = wc_arena_strdup(&d->arena, fact->image);
    copy->labels = wc_arena_strdup(&d->arena, fact->labels);
    copy->error = wc_arena_strdup(&d->arena, fact->error);
    copy->layers = wc_arena_strdup(&d->arena, fact->layers);
    copy->notice = wc_arena_strdup(&d->arena, fact->notice);
    copy->drift_limits = copy->drift_links = NULL; /* put back meanwhile: no part of a plan */
    return copy;
}

static void tell(struct dry_driver *d, struct wc_fact *fact, enum wc_life life)
{
    if (fact == NULL || fact->life == life)
        return;
    fact->life = life;
    fact->pid = life == WC_LIFE_RUNNING;
    d->sink.observe(d->sink.data, fact);
}

/* The world goes on while we look; what we pretend to have changed is not overwritten by it. */
static void on_inner_fact(void *data, const struct wc_fact *fact)
{
    struct dry_driver *d = data;
    if (wc_map_has(&d->facts, fact->id))
        return;
    d->sink.observe(d->sink.data, keep(d, fact));
}

static bool is_job(const struct wc_instance *instance)
{
    const struct wc_project *project = instance->model;
    if (instance->spec->restart != WC_RESTART_NO &&
        instance->spec->restart != WC_RESTART_ON_FAILURE)
        return false;
    for (size_t i = 0; i < project->n_services; i++)
        for (size_t k = 0; k < project->services[i].n_deps; k++)
            if (project->services[i].deps[k].condition == WC_DEP_COMPLETED &&
                wc_streq(project->services[i].deps[k].service, instance->service))
                return true;
    return false;
}

static void record(struct dry_driver *d, const struct wc_op *op)
{
    struct wc_dry_run *run = d->run;
    const struct wc_fact *fact = op->id != NULL ? wc_map_get(&d->facts, op->id) : NULL;
    if (op->verb == WC_VERB_EXEC || op->verb == WC_VERB_MEND || op->verb == WC_VERB_NET_LOOK)
        return;
    struct wc_dry_run_op entry = { .verb = op->verb, .id = wc_arena_strdup(run->arena, op->id) };
    if (op->instance != NULL) {
        entry.id = wc_arena_strdup(run->arena, op->instance->id);
        entry.service = wc_arena_strdup(run->arena, op->instance->service);
        entry.index = op->instance->index;
    } else if (fact != NULL) {
        entry.service = wc_arena_strdup(run->arena, fact->service);
        entry.index = fact->index;
    }
    run->ops = wc_arena_grow(run->arena, run->ops, run->n_ops, &run->cap_ops, sizeof *run->ops);
    run->ops[run->n_ops++] = entry;
}

static void pretend_create(struct dry_driver *d, const struct wc_instance *instance)
{
    struct wc_fact fact = {
        .id = instance->id,
        .name = instance->name,
        .project = instance->project,
        .service = instance->service,
        .index = instance->index,
        .level = instance->level,
        .image = instance->spec->image,
    };
    memcpy(fact.hash, instance->hash, sizeof fact.hash);
    memcpy(fact.inplace, instance->spec->inplace_hash, sizeof fact.inplace);
    struct wc_fact *known = wc_map_get(&d->facts, instance->id);
    if (known == NULL || known->life == WC_LIFE_ABSENT)
        tell(d, keep(d, &fact), WC_LIFE_CREATED);
}

static void pretend(struct dry_driver *d, struct wc_op *op)
{
    struct wc_fact *fact = op->id != NULL ? wc_map_get(&d->facts, op->id) : NULL;
    switch (op->verb) {
    case WC_VERB_CREATE:
        pretend_create(d, op->instance);
        break;
    case WC_VERB_START:
        tell(d, fact, WC_LIFE_RUNNING);
        if (fact != NULL && is_job(op->instance)) {
            fact->exit_known = true;
            fact->exit_code = fact->exit_signal = 0;
            tell(d, fact, WC_LIFE_EXITED);
        }
        break;
    case WC_VERB_STOP:
    case WC_VERB_KILL:
        if (fact != NULL && (fact->life == WC_LIFE_RUNNING || fact->life == WC_LIFE_PAUSED))
            tell(d, fact, WC_LIFE_EXITED);
        break;
    case WC_VERB_REMOVE:
        tell(d, fact, WC_LIFE_ABSENT);
        break;
    case WC_VERB_UPDATE:
        if (fact != NULL) {
            memcpy(fact->inplace, op->instance->spec->inplace_hash, sizeof fact->inplace);
            d->sink.observe(d->sink.data, fact);
        }
        break;
    case WC_VERB_MEND:
        if (fact != NULL && fact->life == WC_LIFE_PAUSED)
            tell(d, fact, WC_LIFE_RUNNING);
        break;
    case WC_VERB_EXEC:
        op->exit_code = 0;
        break;
    case WC_VERB_LIST:
    case WC_VERB_NET_UP:
    case WC_VERB_NET_LOOK:
    case WC_VERB_NET_DOWN:
    case WC_VERB_VOLUME_REMOVE:
        break;
    }
}

static void on_turn(uv_idle_t *turn)
{
    struct dry_driver *d = turn->data;
    struct wc_op *op = d->head;
    if (op == NULL) {
        uv_idle_stop(turn);
        return;
    }
    d->head = op->next;
    if (d->head == NULL)
        d->tail = &d->head;
    if (d->closed != NULL)
        op->status = wc_err_set(&op->err, WC_ERR_CANCELLED, 0, "closing");
    else
        pretend(d, op);
    op->done(op);
}

static void submit(struct wc_driver *driver, struct wc_op *op)
{
    struct dry_driver *d = (struct dry_driver *)driver;
    if (op->verb == WC_VERB_LIST) {
        wc_driver_submit(d->inner, op);
        return;
    }
    record(d, op);
    op->next = NULL;
    *d->tail = op;
    d->tail = &op->next;
    uv_idle_start(&d->turn, on_turn);
}

static void end(struct dry_driver *d)
{
    if (!d->inner_closed || !d->turn_closed)
        return;
    wc_driver_closed_fn *closed = d->closed;
    void *data = d->closed_data;
    wc_arena_deinit(&d->arena);
    wc_free(d);
    closed(data);
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct dry_driver *d = handle->data;
    d->turn_closed = true;
    end(d);
}

/* Ops that wait are ended by the turn before its handle goes. */
static void on_last_turn(uv_idle_t *turn)
{
    struct dry_driver *d = turn->data;
    if (d->head != NULL)
        on_turn(turn);
    else if (!uv_is_closing((uv_handle_t *)turn))
        uv_close((uv_handle_t *)turn, on_turn_closed);
}

static void on_inner_closed(void *data)
{
    struct dry_driver *d = data;
    d->inner_closed = true;
    end(d);
}

static void close_driver(struct wc_driver *driver, wc_driver_closed_fn *closed, void *data)
{
    struct dry_driver *d = (struct dry_driver *)driver;
    d->closed = closed;
    d->closed_data = data;
    uv_idle_stop(&d->turn);
    uv_idle_start(&d->turn, on_last_turn);
    d->inner->ops->close(d->inner, on_inner_closed, d);
}

static int open_over(const struct wc_driver_config *config, const struct wc_driver_ops *ops,
                     const struct wc_driver_ops *inner, struct wc_driver **out, struct wc_err *err)
{
    struct dry_driver *d = wc_calloc(1, sizeof *d);
    struct wc_driver_config below = *config;
    d->base.ops = ops;
    d->run = config->extra;
    d->sink = config->sink;
    below.sink = (struct wc_sink){ .observe = on_inner_fact, .data = d };
    below.extra = d->run->extra;
    int status = inner->open(&below, &d->inner, err);
    if (status != 0) {
        wc_free(d);
        return status;
    }
    wc_arena_init(&d->arena);
    wc_map_init(&d->facts, &d->arena);
    d->tail = &d->head;
    uv_idle_init(config->loop, &d->turn);
    d->turn.data = d;
    *out = &d->base;
    return 0;
}

static int open_process(const struct wc_driver_config *config, struct wc_driver **out,
                        struct wc_err *err)
{
    const struct wc_dry_run *run = config->extra;
    return open_over(config, &wc_dry_run_process_ops, run->process, out, err);
}

static int open_hyperv(const struct wc_driver_config *config, struct wc_driver **out,
                       struct wc_err *err)
{
    const struct wc_dry_run *run = config->extra;
    return open_over(config, &wc_dry_run_hyperv_ops, run->hyperv, out, err);
}

static int check(struct wc_driver *driver, const struct wc_instance *instance, struct wc_err *err)
{
    return wc_driver_check(((struct dry_driver *)driver)->inner, instance, err);
}

static void probe(const struct wc_paths *paths, struct wc_driver_facts *out)
{
    (void)paths;
    *out = (struct wc_driver_facts){ .usable = true, .detail = "pretends to act" };
}

const struct wc_driver_ops wc_dry_run_process_ops = {
    .name = "dry_run",
    .probe = probe,
    .open = open_process,
    .check = check,
    .submit = submit,
    .close = close_driver,
};

const struct wc_driver_ops wc_dry_run_hyperv_ops = {
    .name = "dry_run_hyperv",
    .probe = probe,
    .open = open_hyperv,
    .check = check,
    .submit = submit,
    .close = close_driver,
};
