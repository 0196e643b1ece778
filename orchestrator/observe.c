/* observe.c - facts become fields. The driver's list is truth: what it doesn't mention is not
 * there; single facts are news in between.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_text.h"

/* Words for people when an instance enters a life. */
static void tell_life(struct inst *inst, enum wc_life before)
{
    char text[96];
    switch (inst->fact.life) {
    case WC_LIFE_ABSENT:
        wc_eng_tell(inst, "removed", "%s",
                    inst->lost          ? "by somebody else"
                    : inst->why != NULL ? inst->why
                                        : "");
        break;
    case WC_LIFE_CREATED:
        wc_eng_tell(inst, "created", "%s", "");
        break;
    case WC_LIFE_RUNNING:
        if (before != WC_LIFE_PAUSED)
            wc_eng_tell(inst, "started", "%s", "");
        break;
    case WC_LIFE_EXITED:
        wc_eng_exit_text(&inst->fact, text, sizeof text);
        wc_eng_tell(inst, "exited", "%s", text);
        break;
    case WC_LIFE_PAUSED:
    case WC_LIFE_BROKEN:
        break;
    }
}

static void enter_running(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    int64_t ran_ms = engine->clock.wall(engine->clock.data) - inst->fact.started_at_ms;
    inst->run++;
    inst->up_at_ms = engine->now_ms;
    if (inst->fact.started_at_ms > 0 && ran_ms > 0 && (uint64_t)ran_ms < engine->now_ms)
        inst->up_at_ms = engine->now_ms - (uint64_t)ran_ms; /* adopted: it runs since then */
    inst->stop_sent = inst->stuck = inst->sick = false;
    inst->op_failed = false;
    wc_eng_hooks_begin(inst);
    inst->start_asked = inst->stopped = false;
    inst->gated = inst->gated && (inst->recreate || inst->restart); /* that is for the next start */
    wc_eng_set(&inst->why, NULL);
    inst->retry_at_ms = 0;
    wc_health_begin(&inst->health, &inst->check, inst->up_at_ms, engine->now_ms);
}

struct wc_restart_pace wc_eng_pace(const struct inst *inst)
{
    const struct wc_service *spec = inst->desired != NULL ? inst->desired->spec : NULL;
    struct wc_restart_pace pace = { 0 };
    if (spec != NULL && spec->restart_delay_ms > 0)
        pace.delay_ms = (uint64_t)spec->restart_delay_ms;
    if (spec != NULL && spec->restart_window_ms > 0)
        pace.window_ms = (uint64_t)spec->restart_window_ms;
    return pace;
}

/* An end that we didn't ask for counts against it, and one for failed health checks. */
static void leave_running(struct inst *inst)
{
    uint64_t now_ms = inst->engine->now_ms;
    uint64_t good_ms =
        inst->hooks.failed ? 0 : wc_health_good_ms(&inst->health, inst->up_at_ms, now_ms);
    inst->health = (struct wc_health_watch){ .status = WC_HEALTH_NONE };
    inst->stuck = false;
    if (wc_backoff_is_well(wc_eng_pace(inst), good_ms, inst->delay_ms))
        inst->failures = 0;
    bool asked_for = inst->stop_sent && !inst->sick;
    inst->stop_sent = false;
    if (asked_for)
        return;
    inst->ended = true;
    inst->failures++;
    inst->delay_ms = wc_backoff_pace_ms(wc_eng_pace(inst), inst->id, inst->failures);
    inst->retry_at_ms = now_ms + inst->delay_ms;
}

static bool is_up(enum wc_life life)
{
    return life == WC_LIFE_RUNNING || life == WC_LIFE_PAUSED;
}

void wc_eng_life(struct inst *inst, enum wc_life life)
{
    enum wc_life before = inst->fact.life;
    inst->fact.life = life;
    wc_eng_dirty(inst);
    if (before == life)
        return;
    wc_log(WC_LOG_DEBUG, "engine", "%s: %s -> %s", inst->id, wc_life_name(before),
           wc_life_name(life));
    bool ran = is_up(before) || before == WC_LIFE_EXITED;
    bool ours = inst->op != NULL && inst->op->verb == WC_VERB_REMOVE;
    inst->lost = life == WC_LIFE_ABSENT && ran && !ours && wc_eng_goal(inst) != WC_GOAL_GONE;
    if (is_up(before) && !is_up(life))
        leave_running(inst);
    if (!is_up(before) && is_up(life))
        enter_running(inst);
    if (life == WC_LIFE_EXITED && !inst->engine->is_open)
        inst->failures = 1; /* adopted: its first restart is immediate */
    wc_eng_dirty_siblings(inst);
    inst->out.phase = WC_PHASE_ACTING; /* not looked at yet */
    if (inst->engine->is_open) {
        wc_eng_count(
            inst); /* at once: who is reviewed before it must not take it for what it was */
        tell_life(inst, before);
    }
}

static void copy_fact(struct inst *inst, const struct wc_fact *fact)
{
    struct wc_fact copy = *fact;
    wc_eng_set(&inst->name, fact->name);
    wc_eng_set(&inst->image, fact->image);
    wc_eng_set(&inst->notice, fact->notice);
    wc_eng_set(&inst->cause, fact->cause);
    wc_eng_set(&inst->layers, fact->layers);
    wc_eng_set(&inst->labels, fact->labels);
    if (fact->error != NULL)
        wc_eng_set(&inst->error, fact->error);
    copy.id = inst->id;
    copy.name = inst->name;
    copy.image = inst->image;
    copy.layers = inst->layers;
    copy.labels = inst->labels;
    copy.error = inst->error;
    copy.notice = inst->notice;
    copy.cause = inst->cause;
    copy.service = inst->svc->name;
    copy.project = inst->engine->config.project;
    copy.index = inst->fact.index; /* the slot is part of the identity */
    copy.life = inst->fact.life;   /* entered by wc_eng_life */
    inst->fact = copy;
    wc_eng_drift_take(inst, fact);
}

/* An op of a predecessor that was killed may take effect now: what it makes is of a model that
 * isn't wanted any more, or is in the way of what is. */
static void judge_stray(struct inst *inst)
{
    const struct wc_engine *engine = inst->engine;
    const struct svc *svc = inst->svc;
    bool replaced = svc->spec != NULL && svc->want != WC_WANT_NOTHING;
    bool orphan = svc->spec == NULL && engine->rev != NULL && engine->prune;
    if (!engine->is_open || !(replaced || orphan || engine->is_down))
        return;
    inst->goal = WC_GOAL_GONE;
    wc_eng_set(&inst->why, "it turned up, and is not wanted");
    for (struct request *r = inst->engine->requests; r != NULL; r = r->next)
        if (r->ask.kind == WC_REQUEST_DOWN && r->whole && r->stage == STAGE_INSTANCES)
            wc_eng_take(r, inst); /* not down before it is gone as well */
}

void wc_eng_on_fact(void *data, const struct wc_fact *fact)
{
    struct wc_engine *engine = ((struct eng_driver *)data)->engine;
    struct inst *inst = wc_eng_inst_find(engine, fact->id);
    engine->now_ms = engine->clock.now(engine->clock.data);
    if (inst == NULL && fact->life == WC_LIFE_ABSENT)
        return;
    /* a directory that another level's driver is just making doesn't say yet whose it is */
    if (inst != NULL && fact->level != inst->fact.level &&
        (inst->op != NULL || wc_eng_is_there(inst)))
        return;
    if (inst == NULL) {
        inst = wc_eng_inst_new(engine, fact->id, fact->service, fact->index);
        judge_stray(inst);
    }
    inst->facts++;
    inst->list_seq = engine->list_seq;
    inst->unlisted = false;
    /* a second run whose first end was missed: the pid tells */
    bool new_run = fact->life == WC_LIFE_RUNNING && inst->fact.life == WC_LIFE_RUNNING &&
                   fact->pid != inst->fact.pid && inst->fact.pid != 0;
    copy_fact(inst, fact);
    if (!engine->told)
        inst->stopped = fact->stopped_by_user;
    if (new_run)
        enter_running(inst);
    wc_eng_life(inst, fact->life);
    wc_eng_notified(inst);
}

/* What the list didn't mention is gone. Where something was under way with it, another look tells
 * once that is over: an op for what isn't there may end well, and say nothing. */
static void sweep(struct wc_engine *engine, enum wc_isolation level)
{
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || inst->fact.level != level || inst->fact.life == WC_LIFE_ABSENT ||
            inst->list_seq == engine->list_seq)
            continue;
        inst->unlisted = inst->op != NULL;
        if (!inst->unlisted)
            wc_eng_life(inst, WC_LIFE_ABSENT);
    }
}

static void on_listed(struct wc_op *op)
{
    struct eng_driver *driver = op->data;
    struct wc_engine *engine = driver->engine;
    driver->listing = false;
    engine->lists_open--;
    if (op->status == 0)
        sweep(engine, driver->level);
    else if (!engine->is_open && engine->open_status == 0) {
        engine->open_status = op->status;
        engine->open_err = op->err;
    } else if (!engine->closing)
        wc_log(WC_LOG_WARN, "engine", "list: %s", op->err.msg);
    wc_eng_op_end(engine, op);
}

/* A tenth to either side, the same in every run: the supervisors of a host don't look all at once.
 */
static uint64_t next_look(const struct wc_engine *engine)
{
    int64_t every_ms = engine->config.look_ms != 0 ? engine->config.look_ms : ENG_LOOK_MS;
    if (every_ms < 0)
        return 0;
    uint64_t spread = (uint64_t)every_ms / 5,
             lot = wc_mix(engine->config.project, engine->list_seq);
    return engine->now_ms + (uint64_t)every_ms - spread / 2 + lot % (spread + 1);
}

void wc_eng_list(struct wc_engine *engine)
{
    engine->relist = false;
    engine->list_seq++;
    engine->look_at_ms = next_look(engine);
    engine->net_drift.look_wanted = true;
    for (size_t i = 0; i < ENG_DRIVERS; i++) {
        struct eng_driver *driver = &engine->drivers[i];
        if (driver->driver == NULL)
            continue;
        struct wc_op *op = wc_eng_op(engine, WC_VERB_LIST, on_listed, driver);
        op->project = engine->config.project;
        driver->listing = true;
        engine->lists_open++;
        wc_eng_submit_op(engine, driver->level, op);
    }
}
