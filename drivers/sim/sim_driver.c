/* sim_driver.c - the driver over the simulated host: an op becomes something to come, and takes
 * effect (or fails, as the world says) when its time is there.
 *
 * The loop turns the world through an idle handle that is active while anything is to come: one
 * thing a turn, so that the engine sees each change by itself, as on a real host.
 */
#include <signal.h>

#include "base/alloc.h"
#include "base/str.h"
#include "drivers/sim/world.h"

struct sim_driver {
    struct wc_driver base;
    struct wc_sim_world *world;
    const char *project;
    uv_idle_t pump;
    struct wc_op *ops; /* under way */
    bool closing;
    wc_driver_closed_fn *closed;
    void *closed_data;
};

/* What the verb's effect may answer. */
struct outcome {
    int status;
    const char *message;
    bool effect; /* a failure that took effect all the same */
};

static void probe(const struct wc_paths *paths, struct wc_driver_facts *out)
{
    (void)paths;
    *out = (struct wc_driver_facts){ .usable = true, .detail = "simulated host" };
}

static const char *service_of(const struct wc_sim_world *world, const struct wc_op *op)
{
    if (op->instance != NULL)
        return op->instance->service;
    const struct sim_record *record = op->id != NULL ? sim_record(world, op->id) : NULL;
    return record != NULL ? record->fact.service : "";
}

/* What goes wrong with this op, by plan or by chance. */
static struct outcome fate(struct wc_sim_world *world, const struct wc_op *op)
{
    for (struct sim_planned_fault *f = world->planned; f != NULL; f = f->next)
        if (f->times > 0 && f->verb == op->verb &&
            (f->service == NULL || wc_streq(f->service, service_of(world, op)))) {
            f->times--;
            return (struct outcome){ f->code, f->message, false };
        }
    if (world->fault_permille == 0 || op->verb == WC_VERB_LIST ||
        sim_random(world, 1000) >= world->fault_permille)
        return (struct outcome){ .effect = true };
    return (struct outcome){ WC_ERR_FAILED, "simulated failure", sim_random(world, 2) == 0 };
}

static int fail(struct wc_op *op, int code, const char *message)
{
    return wc_err_set(&op->err, code, 0, "%s", message);
}

static int do_list(struct sim_driver *d)
{
    const struct wc_sink *sink = &d->world->sink;
    for (size_t i = 0; i < d->world->records.n; i++) {
        const struct sim_record *record = d->world->records.entries[i].value;
        if (record->fact.life != WC_LIFE_ABSENT && wc_streq(record->fact.project, d->project))
            sink->observe(sink->data, &record->fact);
    }
    return 0;
}

static int do_create(struct sim_driver *d, struct wc_op *op)
{
    const struct wc_instance *instance = op->instance;
    for (size_t i = 0; i < instance->n_nets; i++)
        if (wc_map_get(&d->world->networks, instance->nets[i].name) == NULL)
            return wc_err_set(&op->err, WC_ERR_STATE, 0, "network %s is not there",
                              instance->nets[i].name);
    const struct sim_record *record = sim_record(d->world, instance->id);
    if (record != NULL && record->fact.life == WC_LIFE_BROKEN)
        return fail(op, WC_ERR_CONFLICT, "half-made: remove it first");
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        sim_create(d->world, instance, false);
    return 0;
}

static int do_start(struct sim_driver *d, struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->instance->id);
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return fail(op, WC_ERR_NOENT, "not there");
    if (record->fact.life == WC_LIFE_BROKEN)
        return fail(op, WC_ERR_CONFLICT, "half-made: it can only be removed");
    if (record->fact.life == WC_LIFE_RUNNING || record->fact.life == WC_LIFE_PAUSED)
        return 0;
    if (record->fact.life == WC_LIFE_EXITED) /* made anew from what is wanted, as by UPDATE */
        sim_describe(d->world, record, op->instance);
    record->ip4 = op->instance->n_nets > 0 ? op->instance->nets[0].ip4 : 0;
    sim_start(d->world, record);
    return 0;
}

static int do_signal(struct sim_driver *d, struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->id);
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return 0;
    if (op->by_user)
        record->fact.stopped_by_user = true;
    bool goes_on = op->verb == WC_VERB_STOP || op->signal == SIGKILL;
    if (goes_on && record->fact.life == WC_LIFE_PAUSED)
        sim_disturb(d->world, record, WC_LIFE_RUNNING, record->fact.drift_limits);
    if (op->sick && record->fact.life == WC_LIFE_RUNNING)
        record->fact.sick = true;
    if (record->fact.life == WC_LIFE_RUNNING)
        sim_signal(d->world, record, op->signal);
    return 0;
}

static int do_mend(const struct sim_driver *d, const struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->id);
    bool paused = record != NULL && record->fact.life == WC_LIFE_PAUSED;
    bool up = paused || (record != NULL && record->fact.life == WC_LIFE_RUNNING);
    if (up && (paused != op->paused || record->fact.drift_limits != NULL))
        sim_disturb(d->world, record, op->paused ? WC_LIFE_PAUSED : WC_LIFE_RUNNING, NULL);
    return 0;
}

static int do_remove(struct sim_driver *d, struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->id);
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return 0;
    if (record->fact.life == WC_LIFE_RUNNING || record->fact.life == WC_LIFE_PAUSED)
        return fail(op, WC_ERR_CONFLICT, "it runs");
    sim_remove(d->world, record);
    return 0;
}

static int do_update(struct sim_driver *d, struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->instance->id);
    if (record == NULL || record->fact.life == WC_LIFE_ABSENT)
        return fail(op, WC_ERR_NOENT, "not there");
    if (record->fact.life == WC_LIFE_BROKEN)
        return fail(op, WC_ERR_STATE, "half-made: it can only be removed");
    if (record->fact.life == WC_LIFE_RUNNING && record->program->stiff)
        return fail(op, WC_ERR_CONFLICT, "it can't be had while it runs");
    sim_update(d->world, record, op->instance);
    return 0;
}

unsigned sim_hook_bit(const char *once)
{
    int64_t index = 0;
    (void)wc_str_to_i64(strchr(once, '.') + 1, 0, 15, &index);
    return (unsigned)index + (wc_str_starts(once, "pre_stop") ? 16U : 0U);
}

/* "sim-exec CODE MS" as argv for tests of the driver; anything else is a health check. */
static int do_exec(struct sim_driver *d, struct wc_op *op)
{
    struct sim_record *record = sim_record(d->world, op->id);
    if (record == NULL || record->fact.life != WC_LIFE_RUNNING)
        return fail(op, WC_ERR_STATE, "it doesn't run");
    const struct wc_sim_program *program = sim_program(d->world, record->fact.service);
    if (program->exec_refused)
        return fail(op, WC_ERR_FAILED, "can't be run inside");
    if (op->hook != NULL) {
        unsigned bit = sim_hook_bit(op->once);
        if ((record->hooks_begun & 1U << bit) != 0)
            return fail(op, WC_ERR_CONFLICT, "it was begun before");
        if ((record->hooks_done & 1U << bit) == 0)
            record->hook_codes[bit] = program->hook_code;
        record->hooks_done |= 1U << bit;
        op->exit_code = record->hook_codes[bit];
        return 0;
    }
    uint64_t up_ms = d->world->now_ms - record->up_at_ms;
    int64_t code = program->healthy_after_ms < 0 || up_ms < (uint64_t)program->healthy_after_ms;
    if (op->argv != NULL && wc_streq(op->argv[0], "sim-exec") &&
        !wc_str_to_i64(op->argv[1], 0, 255, &code))
        return fail(op, WC_ERR_USAGE, "sim-exec: bad code");
    if (op->deadline_ms != 0 && d->world->now_ms >= op->deadline_ms)
        return fail(op, WC_ERR_TIMEOUT, "deadline passed");
    op->exit_code = (int)code;
    snprintf(op->output, sizeof op->output, "contract: answer %d\n", op->exit_code);
    return 0;
}

static int effect(struct sim_driver *d, struct wc_op *op)
{
    if (sim_is_closed(op))
        return fail(op, WC_ERR_PERM, "an encrypted file of it isn't open");
    switch (op->verb) {
    case WC_VERB_LIST:
        return do_list(d);
    case WC_VERB_CREATE:
        return do_create(d, op);
    case WC_VERB_START:
        return do_start(d, op);
    case WC_VERB_STOP:
    case WC_VERB_KILL:
        return do_signal(d, op);
    case WC_VERB_REMOVE:
        return do_remove(d, op);
    case WC_VERB_UPDATE:
        return do_update(d, op);
    case WC_VERB_MEND:
        return do_mend(d, op);
    case WC_VERB_EXEC:
        return do_exec(d, op);
    case WC_VERB_NET_LOOK:
        return sim_net_look(d->world, op);
    case WC_VERB_NET_UP:
    case WC_VERB_NET_DOWN:
        return sim_networks(d->world, op);
    case WC_VERB_VOLUME_REMOVE:
        if (wc_map_has(&d->world->volumes, op->id))
            wc_map_put(&d->world->volumes, op->id, NULL);
        return 0;
    }
    return WC_ERR_BUG;
}

/* What was answered to a check, for invariants. One that could not be run is no answer. */
static void note_answer(const struct sim_driver *d, const struct wc_op *op)
{
    struct sim_record *record = op->id != NULL ? sim_record(d->world, op->id) : NULL;
    bool ran = op->status == 0 || op->status == WC_ERR_TIMEOUT;
    if (op->verb == WC_VERB_EXEC && op->hook != NULL && record != NULL && record->hooks_open > 0)
        record->hooks_open--;
    if (op->verb == WC_VERB_EXEC && op->hook != NULL && record != NULL &&
        sim_hook_bit(op->once) < 16 && op->status != WC_ERR_CONFLICT &&
        op->status != WC_ERR_CANCELLED && op->status != WC_ERR_STATE &&
        (op->status != 0 || op->exit_code != 0))
        record->hook_failed = true;
    if (op->verb != WC_VERB_EXEC || op->hook != NULL || record == NULL || !ran)
        return;
    if (op->status == 0 && op->exit_code == 0) {
        record->last_ok_ms = d->world->now_ms;
        record->noes = 0;
    } else if (record->noes++ == 0) {
        record->first_no_ms = d->world->now_ms;
    }
    if (record->first_ok_ms == 0)
        record->first_ok_ms = record->last_ok_ms;
}

static void finish(struct sim_driver *d, struct wc_op *op)
{
    struct wc_op **at = &d->ops;
    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
    op->done(op);
}

/* A failed create may leave half of it behind, as a real one does when the host goes down. */
static void leave_half(struct sim_driver *d, const struct wc_op *op)
{
    const struct sim_record *record = sim_record(d->world, op->instance->id);
    if ((record == NULL || record->fact.life == WC_LIFE_ABSENT) && sim_random(d->world, 3) == 0)
        sim_create(d->world, op->instance, true);
}

static void fire_op(struct wc_sim_world *world, struct sim_event *event)
{
    struct wc_op *op = event->subject;
    struct sim_driver *d = op->driver_priv;
    struct outcome outcome = { WC_ERR_CANCELLED, "closing", false };
    if (!d->closing)
        outcome = fate(world, op);
    op->status = outcome.effect ? effect(d, op) : 0;
    if (outcome.status != 0) {
        op->status = fail(op, outcome.status, outcome.message);
        if (op->verb == WC_VERB_CREATE && !outcome.effect && world->fault_permille != 0 &&
            !d->closing)
            leave_half(d, op);
    }
    note_answer(d, op);
    finish(d, op);
}

static uint64_t duration(struct wc_sim_world *world, const struct wc_op *op)
{
    uint64_t lo = world->latency[op->verb].min_ms, hi = world->latency[op->verb].max_ms;
    int64_t asked = 0;
    if (op->verb == WC_VERB_EXEC && op->argv != NULL && wc_streq(op->argv[0], "sim-exec") &&
        wc_str_to_i64(op->argv[2], 0, INT32_MAX, &asked) && asked > 0)
        lo = hi = (uint64_t)asked;
    uint64_t ms = lo + (hi > lo ? sim_random(world, hi - lo + 1) : 0);
    if (op->deadline_ms != 0 && world->now_ms + ms > op->deadline_ms)
        ms = op->deadline_ms > world->now_ms ? op->deadline_ms - world->now_ms : 0;
    return ms;
}

static void submit(struct wc_driver *driver, struct wc_op *op)
{
    struct sim_driver *d = (struct sim_driver *)driver;
    op->driver_priv = d;
    op->next = d->ops;
    d->ops = op;
    if (d->world->dead)
        return;
    if (d->world->judge != NULL)
        d->world->judge(d->world->judge_data, op);
    d->world->n_ops[op->verb]++;
    struct sim_record *record = op->hook != NULL ? sim_record(d->world, op->id) : NULL;
    if (record != NULL)
        record->hooks_open++;
    sim_plan(d->world, duration(d->world, op),
             (struct sim_event){ .fire = fire_op, .subject = op });
}

static void on_closed(uv_handle_t *handle)
{
    struct sim_driver *d = handle->data;
    wc_driver_closed_fn *closed = d->closed;
    void *data = d->closed_data;
    wc_free(d);
    closed(data);
}

static void detach(struct sim_driver *d)
{
    d->world->sink = (struct wc_sink){ 0 };
    d->world->wake = NULL;
    uv_close((uv_handle_t *)&d->pump, on_closed);
}

static void on_pump(uv_idle_t *pump)
{
    struct sim_driver *d = pump->data;
    if (d->closing) {
        /* ops end now, whatever time they would have taken */
        struct sim_event event = { .fire = fire_op, .subject = d->ops };
        if (d->ops == NULL)
            detach(d);
        else
            fire_op(d->world, &event);
        return;
    }
    if (d->world->dead || !sim_turn(d->world))
        uv_idle_stop(pump);
}

static void wake(void *data)
{
    struct sim_driver *d = data;
    if (!uv_is_closing((uv_handle_t *)&d->pump))
        uv_idle_start(&d->pump, on_pump);
}

static int open_driver(const struct wc_driver_config *config, struct wc_driver **out,
                       struct wc_err *err)
{
    struct wc_sim_world *world = config->extra;
    if (world == NULL)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "the sim driver needs a world");
    if (world->sink.observe != NULL)
        return wc_err_set(err, WC_ERR_CONFLICT, 0, "the simulated world is in use");
    struct sim_driver *d = wc_calloc(1, sizeof *d);
    d->base.ops = &wc_sim_ops;
    d->world = world;
    d->project = config->project;
    world->dead = false;
    world->sink = config->sink;
    world->wake = wake;
    world->wake_data = d;
    uv_idle_init(config->loop, &d->pump);
    d->pump.data = d;
    wake(d);
    *out = &d->base;
    return 0;
}

static void fire_nothing(struct wc_sim_world *world, struct sim_event *event)
{
    (void)world;
    (void)event;
}

void wc_sim_nudge(struct wc_sim_world *world)
{
    sim_plan(world, 0, (struct sim_event){ .fire = fire_nothing });
}

static void fire_landing(struct wc_sim_world *world, struct sim_event *event)
{
    struct sim_landing *landing = event->subject;
    struct sim_driver nobody = { .world = world };
    const struct sim_record *record =
        landing->op.id != NULL ? sim_record(world, landing->op.id) : NULL;
    bool is_for_one = landing->op.verb == WC_VERB_STOP || landing->op.verb == WC_VERB_KILL ||
                      landing->op.verb == WC_VERB_START;
    if (is_for_one && (record == NULL || record->run != landing->run))
        return;
    (void)effect(&nobody, &landing->op);
}

/* kill -9 of the caller: an op under way is lost, has just been done, or is done later. */
static void crash_op(struct wc_sim_world *world, const struct wc_op *op)
{
    bool acts = op->verb == WC_VERB_CREATE || op->verb == WC_VERB_START ||
                op->verb == WC_VERB_STOP || op->verb == WC_VERB_KILL ||
                op->verb == WC_VERB_REMOVE || op->verb == WC_VERB_UPDATE ||
                op->verb == WC_VERB_NET_UP || op->verb == WC_VERB_NET_DOWN;
    uint64_t delay = 0;
    enum wc_sim_fate fate = world->fate;
    if (fate == WC_SIM_FATE_LOT) {
        static const enum wc_sim_fate lots[] = { WC_SIM_FATE_LOST, WC_SIM_FATE_LOST,
                                                 WC_SIM_FATE_DONE, WC_SIM_FATE_LATE };
        fate = lots[sim_random(world, 4)];
        delay = fate == WC_SIM_FATE_LATE ? sim_random(world, world->late_ms + 1) : 0;
    } else if (fate == WC_SIM_FATE_LATE) {
        delay = world->late_ms;
    }
    if (op->verb == WC_VERB_NET_UP || op->verb == WC_VERB_NET_DOWN)
        delay = 0; /* its caller does that itself: nothing of it is left to do it later */
    struct sim_record *record = op->hook != NULL ? sim_record(world, op->id) : NULL;
    if (record != NULL && record->fact.life == WC_LIFE_RUNNING && fate != WC_SIM_FATE_LOST &&
        (record->hooks_done & 1U << sim_hook_bit(op->once)) == 0)
        record->hooks_begun |= 1U << sim_hook_bit(op->once);
    if (acts && fate != WC_SIM_FATE_LOST)
        sim_plan(world, delay,
                 (struct sim_event){ .fire = fire_landing, .subject = sim_landing_of(world, op) });
}

void wc_sim_fence(struct wc_sim_world *world)
{
    for (size_t i = 0; i < world->n_heap; i++)
        if (world->heap[i].fire == fire_landing)
            world->heap[i].fire = fire_nothing;
}

void wc_sim_reboot(struct wc_sim_world *world)
{
    wc_sim_fence(world);
    for (size_t i = 0; i < world->records.n; i++) {
        struct sim_record *record = world->records.entries[i].value;
        bool ran = record->fact.life == WC_LIFE_RUNNING || record->fact.life == WC_LIFE_PAUSED;
        if (ran) {
            record->fact.life = WC_LIFE_EXITED;
            record->fact.drift_limits = NULL;
            record->fact.pid = 0;
            record->ending = false;
        }
        record->fact.earlier_boot = record->fact.life == WC_LIFE_EXITED;
    }
}

/* Takes the ops out of what is to come: closing ends them. */
static void forget_ops(struct wc_sim_world *world)
{
    struct sim_event *all = world->heap;
    size_t n = world->n_heap;
    world->heap = NULL;
    world->n_heap = world->cap_heap = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t delay = all[i].at_ms > world->now_ms ? all[i].at_ms - world->now_ms : 0;
        if (all[i].fire != fire_op)
            sim_plan(world, delay, all[i]);
        else if (world->crashes)
            crash_op(world, all[i].subject);
    }
    wc_free(all);
}

static void close_driver(struct wc_driver *driver, wc_driver_closed_fn *closed, void *data)
{
    struct sim_driver *d = (struct sim_driver *)driver;
    d->closed = closed;
    d->closed_data = data;
    forget_ops(d->world);
    d->closing = true;
    uv_idle_start(&d->pump, on_pump);
}

static int check(struct wc_driver *driver, const struct wc_instance *instance, struct wc_err *err)
{
    const struct sim_driver *d = (const struct sim_driver *)driver;
    if (sim_program(d->world, instance->service)->unmakeable)
        return wc_err_set(err, WC_ERR_UNAVAILABLE, 0, "it can't be made on this host");
    return 0;
}

const struct wc_driver_ops wc_sim_ops = {
    .name = "sim",
    .probe = probe,
    .open = open_driver,
    .check = check,
    .submit = submit,
    .close = close_driver,
};
