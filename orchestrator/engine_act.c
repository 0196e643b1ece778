/* engine_act.c - from a review to an op, and from its end back to a field. */
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"
#include "orchestrator/engine_text.h"
#include "wcompose/image.h"

static const char *verb_name(enum wc_verb verb)
{
    static const char *const names[ENG_VERBS] = {
        [WC_VERB_LIST] = "list",         [WC_VERB_CREATE] = "create",
        [WC_VERB_START] = "start",       [WC_VERB_STOP] = "stop",
        [WC_VERB_KILL] = "kill",         [WC_VERB_REMOVE] = "remove",
        [WC_VERB_EXEC] = "exec",         [WC_VERB_NET_UP] = "networks",
        [WC_VERB_MEND] = "mend",         [WC_VERB_NET_LOOK] = "networks",
        [WC_VERB_NET_DOWN] = "networks", [WC_VERB_VOLUME_REMOVE] = "volume",
        [WC_VERB_UPDATE] = "update",
    };
    return names[verb];
}

/* It goes on being killed; but who waits for its end is told, and those that it needs may go. */
static void note_stuck(struct inst *inst, const struct wc_op *op)
{
    wc_eng_set(&inst->error, op->err.msg);
    inst->fact.error = inst->error;
    if (!inst->stuck)
        wc_eng_tell(inst, "failed", "%s", op->err.msg);
    inst->stuck = true;
}

static void note_failure(struct inst *inst, const struct wc_op *op)
{
    struct wc_engine *engine = inst->engine;
    engine->relist = true; /* what it left is the driver's to say */
    if (op->verb == WC_VERB_STOP || op->verb == WC_VERB_KILL) {
        uint64_t soon_ms = engine->now_ms + 1000;
        if (op->verb == WC_VERB_STOP && inst->kill_at_ms > soon_ms)
            inst->kill_at_ms = soon_ms;
        wc_log(WC_LOG_WARN, "engine", "%s: %s: %s", inst->id, verb_name(op->verb), op->err.msg);
        if (op->verb == WC_VERB_KILL && op->status == WC_ERR_TIMEOUT)
            note_stuck(inst, op);
        return;
    }
    if (op->verb == WC_VERB_MEND) {
        wc_eng_drift_failed(inst, &op->err);
        return;
    }
    char text[320];
    snprintf(text, sizeof text, "%s: %s", verb_name(op->verb), op->err.msg);
    wc_eng_set(&inst->error, text);
    inst->fact.error = inst->error;
    inst->op_failed = true;
    inst->op_code = op->status;
    inst->start_asked = false; /* from here on its policy decides */
    inst->failures++;
    inst->delay_ms = wc_backoff_pace_ms(wc_eng_pace(inst), inst->id, inst->failures);
    inst->retry_at_ms = engine->now_ms + inst->delay_ms;
    wc_eng_tell(inst, "failed", "%s", text);
}

struct inst_op {
    struct wc_op op; /* first: freed as the op */
    struct inst *inst;
    struct revision *rev; /* that op.instance belongs to, or NULL */
    uint64_t facts, run;  /* of the instance when it was submitted */
    bool reads_closed;    /* of a service whose values aren't there */
};

/* The life that an op leads to, for drivers that don't say so by a fact. */
static void assume(struct inst *inst, enum wc_verb verb)
{
    if (verb == WC_VERB_CREATE && inst->fact.life == WC_LIFE_ABSENT) {
        memcpy(inst->fact.hash, inst->desired->hash, sizeof inst->fact.hash);
        memcpy(inst->fact.inplace, inst->desired->spec->inplace_hash, sizeof inst->fact.inplace);
        wc_eng_life(inst, WC_LIFE_CREATED);
    } else if (verb == WC_VERB_START &&
               (inst->fact.life == WC_LIFE_CREATED || inst->fact.life == WC_LIFE_EXITED)) {
        wc_eng_life(inst, WC_LIFE_RUNNING);
    } else if (verb == WC_VERB_REMOVE) {
        wc_eng_life(inst, WC_LIFE_ABSENT);
    } else if (verb == WC_VERB_UPDATE) {
        memcpy(inst->fact.inplace, inst->desired->spec->inplace_hash, sizeof inst->fact.inplace);
    }
}

/* A run so short that only its end was reported is a run all the same: it counts for the backoff.
 */
static void note_success(struct inst *inst, const struct inst_op *io)
{
    enum wc_verb verb = io->op.verb;
    if (verb == WC_VERB_MEND) {
        wc_eng_drift_mended(inst);
        return;
    }
    bool needs_model = verb == WC_VERB_CREATE || verb == WC_VERB_UPDATE;
    if (inst->facts == io->facts && !(needs_model && inst->desired == NULL))
        assume(inst, verb);
    if (verb == WC_VERB_START && inst->run == io->run && inst->fact.life == WC_LIFE_EXITED) {
        wc_eng_life(inst, WC_LIFE_RUNNING);
        wc_eng_life(inst, WC_LIFE_EXITED);
    }
    if (inst->request != NULL && !inst->changed) {
        inst->changed = true;
        inst->request->changed++;
    }
    inst->fact.stopped_by_user = inst->fact.stopped_by_user || io->op.by_user;
    inst->stopped =
        inst->stopped || (io->op.by_user && inst->by_user); /* nobody changed his mind */
    inst->list_seq = inst->engine->list_seq;
    if (verb == WC_VERB_CREATE) /* REMOVE leaves it: what can't be made isn't made over and over */
        inst->op_failed = false;
}

static void on_op(struct wc_op *op)
{
    struct inst_op *io = (struct inst_op *)op;
    struct inst *inst = io->inst;
    struct wc_engine *engine = inst->engine;
    engine->now_ms = engine->clock.now(engine->clock.data);
    inst->op = NULL;
    engine->relist = engine->relist || inst->unlisted;
    bool given_up = op->status == WC_ERR_CANCELLED && engine->closing;
    if (op->status == 0)
        note_success(inst, io);
    else if (!given_up && op->verb != WC_VERB_UPDATE)
        note_failure(inst, op);
    if (op->verb == WC_VERB_UPDATE && !given_up)
        wc_eng_inplace_done(inst, op);
    wc_eng_dirty(inst);
    wc_eng_dirty_siblings(inst);
    if (io->reads_closed)
        wc_eng_sealed_unread(io->rev);
    if (io->rev != NULL)
        wc_eng_revision_unref(io->rev);
    wc_eng_op_end(engine, op);
}

/* How it was wanted when it was made: what is replaced is stopped as it wants to be. */
static const struct wc_instance *made_as(const struct inst *inst)
{
    return inst->desired != NULL ? inst->desired : inst->former.instance;
}

static int stop_signal_of(const struct inst *inst)
{
    int number = 0;
    const struct wc_instance *as = made_as(inst);
    if (as != NULL) {
        const char *name = as->spec->stop_signal;
        if (name == NULL && as->image != NULL)
            name = as->image->stop_signal;
        number = name != NULL ? wc_signal_number(name) : 0;
    }
    return number != 0 ? number : SIGTERM;
}

static uint64_t grace_of(const struct inst *inst)
{
    if (inst->grace_ms >= 0)
        return (uint64_t)inst->grace_ms;
    const struct wc_instance *as = made_as(inst);
    if (as != NULL && as->spec->stop_grace_ms >= 0)
        return (uint64_t)as->spec->stop_grace_ms;
    return ENG_STOP_GRACE_MS;
}

static void submit(struct inst *inst, enum wc_verb verb)
{
    struct wc_engine *engine = inst->engine;
    struct inst_op *io = wc_calloc(1, sizeof *io);
    *io = (struct inst_op){ .inst = inst, .facts = inst->facts, .run = inst->run };
    io->op.verb = verb;
    io->op.done = on_op;
    io->op.id = inst->id;
    io->op.project = engine->config.project;
    if (verb == WC_VERB_CREATE || verb == WC_VERB_START || verb == WC_VERB_UPDATE) {
        io->op.instance = inst->desired;
        io->rev = wc_eng_is_held(inst) ? inst->former.rev : engine->rev;
        io->rev->refs++;
        io->reads_closed = wc_eng_sealed_read(inst, io->rev);
    }
    if (verb == WC_VERB_MEND)
        io->op.paused = wc_eng_is_pause_wished(inst);
    if (verb == WC_VERB_STOP || verb == WC_VERB_KILL) {
        io->op.signal = verb == WC_VERB_STOP ? stop_signal_of(inst) : SIGKILL;
        io->op.by_user = inst->by_user;
        io->op.sick = inst->sick;
        io->op.leaving = wc_eng_goal(inst) == WC_GOAL_GONE;
    }
    io->op.reason = wc_eng_op_reason(inst, verb);
    inst->op = &io->op;
    if (verb == WC_VERB_CREATE)
        inst->made_at_ms = engine->now_ms;
    wc_eng_submit_op(engine, inst->fact.level, &io->op);
    inst->out.phase = WC_PHASE_ACTING;
    wc_eng_dirty_siblings(inst);
}

static void do_start(struct inst *inst)
{
    char text[96];
    if (inst->fact.life == WC_LIFE_EXITED && !inst->start_asked) {
        inst->restarts++;
        if (inst->hooks.failed)
            snprintf(text, sizeof text, "its start failed");
        else if (wc_eng_has_ended_sick(inst))
            snprintf(text, sizeof text, "was unhealthy");
        else
            wc_eng_exit_text(&inst->fact, text, sizeof text);
        wc_eng_tell(inst, "restarting", "%s, restart %u", text, inst->restarts);
    }
    submit(inst, WC_VERB_START);
    inst->start_asked = false;
}

/* A stop that nobody wants for its own sake is one for failed checks, or a failed hook. */
static void note_unwell(struct inst *inst)
{
    char text[320];
    if (wc_eng_goal(inst) != WC_GOAL_RUNNING)
        return;
    inst->sick = true;
    inst->by_user = false;
    if (inst->hooks.failed) {
        wc_eng_set(&inst->why, inst->error);
        return;
    }
    snprintf(text, sizeof text, "unhealthy: %u failures in a row; last: %s", inst->health.failing,
             inst->health_output[0] != '\0' ? inst->health_output : "no output");
    wc_eng_set(&inst->why, text);
}

static void perform(struct inst *inst, enum wc_act act)
{
    switch (act) {
    case WC_ACT_NONE:
        break;
    case WC_ACT_CREATE:
        if (wc_eng_has_room(inst, WC_VERB_CREATE))
            submit(inst, WC_VERB_CREATE);
        break;
    case WC_ACT_START:
        if (wc_eng_has_room(inst, WC_VERB_START))
            do_start(inst);
        break;
    case WC_ACT_POST_START:
        wc_eng_post_start(inst);
        break;
    case WC_ACT_PRE_STOP:
        if (inst->hooks.until_ms == 0) {
            note_unwell(inst);
            wc_eng_tell(inst, "stopping", "%s", inst->why != NULL ? inst->why : "");
        }
        wc_eng_pre_stop(inst, grace_of(inst));
        inst->out.phase = WC_PHASE_HOOKS;
        wc_eng_dirty(inst);
        break;
    case WC_ACT_STOP:
        if (!wc_eng_has_room(inst, WC_VERB_STOP))
            break;
        if (inst->hooks.until_ms == 0) {
            note_unwell(inst);
            wc_eng_tell(inst, "stopping", "%s", inst->why != NULL ? inst->why : "");
        }
        inst->stop_sent = true;
        inst->kill_at_ms = inst->engine->now_ms + grace_of(inst);
        submit(inst, WC_VERB_STOP);
        break;
    case WC_ACT_KILL:
        if (!wc_eng_has_room(inst, WC_VERB_KILL))
            break;
        inst->kill_at_ms = inst->engine->now_ms + ENG_REKILL_MS;
        wc_eng_tell(inst, "killing", "did not stop within %.1f s", (double)grace_of(inst) / 1000);
        submit(inst, WC_VERB_KILL);
        break;
    case WC_ACT_REMOVE:
        if (wc_eng_has_room(inst, WC_VERB_REMOVE))
            submit(inst, WC_VERB_REMOVE);
        break;
    case WC_ACT_UPDATE:
        if (wc_eng_has_room(inst, WC_VERB_UPDATE))
            submit(inst, WC_VERB_UPDATE);
        break;
    case WC_ACT_MEND:
        if (wc_eng_has_room(inst, WC_VERB_MEND))
            submit(inst, WC_VERB_MEND);
        break;
    }
}

static bool sibling_there(const struct inst *inst)
{
    const struct rollout *r = inst->svc->rollout;
    bool surges = r != NULL && r->conf.start_first && inst->slot.released;
    const struct inst *first = inst->svc->doubles > 0 ? inst->svc->insts : NULL;
    for (const struct inst *o = first; o != NULL; o = o->next_in_svc)
        if (o != inst && o->fact.index == inst->fact.index && !(surges && wc_eng_is_held(o)) &&
            (o->fact.life != WC_LIFE_ABSENT || o->op != NULL || o->n_signals > 0))
            return true;
    return false;
}

static struct wc_step_in inputs(struct inst *inst)
{
    const struct wc_engine *engine = inst->engine;
    struct wc_step_in in = {
        .goal = wc_eng_goal(inst),
        .life = inst->fact.life,
        .now_ms = engine->now_ms,
        .op_in_flight = inst->op != NULL || inst->n_signals > 0,
        .host_ready = wc_eng_host_ready(engine) && wc_eng_sealed_ready(inst),
        .dependents_up = inst->svc->dependents_up > 0,
        .yields = wc_eng_front_yields(inst),
        .start_asked = inst->start_asked,
        .lost = inst->lost,
        .restart_max = WC_UNSET,
        .exit_ok =
            inst->fact.exit_known && inst->fact.exit_code == 0 && !wc_eng_has_ended_sick(inst),
        .sick = wc_eng_is_sick(inst),
        .stopped_by_user = inst->stopped,
        .failures = inst->failures,
        .op_failed = inst->op_failed,
        .retry_at_ms = inst->retry_at_ms,
        .stop_sent = inst->stop_sent,
        .kill_at_ms = inst->kill_at_ms,
    };
    wc_eng_hook_inputs(inst, &in);
    wc_eng_inplace_inputs(inst, &in);
    wc_eng_drift_inputs(inst, &in);
    inst->needs = NULL;
    if (inst->desired == NULL)
        return in;
    in.sibling_there = sibling_there(inst);
    in.joins = inst->desired->join_instance != NULL;
    in.restart = inst->desired->spec->restart;
    in.restart_max = inst->desired->spec->restart_max;
    bool first = inst->fact.life == WC_LIFE_ABSENT || inst->fact.life == WC_LIFE_CREATED;
    if ((inst->gated || (first && !inst->no_deps)) && inst->svc->node != SIZE_MAX) {
        struct wc_deps_answer answer =
            wc_deps_judge(&engine->rev->graph, inst->svc->node, engine->rev->views);
        in.deps = answer.state;
        inst->needs = answer.edge;
    }
    return in;
}

/* Wishes that the world has fulfilled. */
static void advance(struct inst *inst)
{
    bool up = inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
    if (inst->op != NULL)
        return;
    if (inst->again && inst->fact.life == WC_LIFE_ABSENT) /* the old one was taken away: */
        inst->again = inst->ended = false;                /* its end is no failure of the new one */
    if (inst->recreate && inst->fact.life == WC_LIFE_ABSENT) {
        inst->recreate = inst->restart = false;
        inst->failures = 0;
        inst->op_failed = false;
        inst->retry_at_ms = 0;
    }
    if (inst->restart && !up) {
        inst->restart = false;
        inst->start_asked = true;
        inst->retry_at_ms = 0;
    }
}

/* Apart from note_phase: room for a text is cleared wherever it is declared. */
static void tell_phase(struct inst *inst, enum wc_phase now)
{
    char text[256];
    if (now == WC_PHASE_WAIT_DEPS || now == WC_PHASE_BLOCKED) {
        wc_eng_waiting_text(inst, text, sizeof text);
        wc_eng_tell(inst, "waiting", "%s", text);
    } else if (now == WC_PHASE_FAILED && !inst->op_failed) {
        wc_eng_failure_text(inst, text, sizeof text);
        wc_eng_tell(inst, "failed", "%s", text);
    }
}

static void note_phase(struct inst *inst, enum wc_phase before)
{
    wc_eng_awaits(inst);
    if (inst->out.phase != before)
        tell_phase(inst, inst->out.phase);
}

void wc_eng_review(struct inst *inst)
{
    struct wc_engine *engine = inst->engine;
    enum wc_phase before = inst->out.phase;
    advance(inst);
    wc_eng_front_review(inst);
    wc_eng_inplace_turn(inst);
    wc_eng_drift_tell(inst);
    struct wc_step_in in = inputs(inst);
    inst->out = wc_step(&in);
    inst->would = WC_ACT_NONE;
    if (inst->svc->suspended) {
        in.goal = wc_eng_goal_meant(inst);
        inst->would = wc_step(&in).act;
    }
    if (inst->out.phase == WC_PHASE_WAIT_HOST)
        engine->net_wanted = true;
    if (inst->out.phase == WC_PHASE_WAIT_HOST && !wc_eng_sealed_ready(inst))
        wc_eng_sealed_want(inst);
    note_phase(inst, before);
    perform(inst, inst->out.act);
    wc_eng_note_phase(inst);
    wc_eng_note_ready(inst);
    wc_eng_probe(inst);
    bool unwanted = inst->desired == NULL || inst->goal == WC_GOAL_GONE;
    if (inst->fact.life == WC_LIFE_ABSENT && unwanted && inst->op == NULL && inst->probe == NULL &&
        inst->hooks.op == NULL && inst->n_signals == 0)
        wc_eng_inst_bury(inst);
    wc_eng_count(inst);
    wc_eng_judge(inst);
    wc_eng_inplace_after(inst);
    if (inst->svc->rollout != NULL)
        inst->svc->rollout->dirty = true;
    if (inst->dead) {
        inst->request = NULL;
        return;
    }
    uint64_t wake_ms = inst->out.wake_at_ms, probe_ms = wc_eng_probe_at(inst);
    if (probe_ms != 0 && (wake_ms == 0 || probe_ms < wake_ms))
        wake_ms = probe_ms;
    wc_eng_wake_at(inst, wake_ms);
}
