/* engine_ops.c - ops on their way to a driver and back: room for them, and what is counted of them.
 *
 * A verb has room for so many ops at a time; who finds no room stands in line and is reviewed again
 * when there is. Counting decides nothing: what is counted is only ever read by people.
 */
#include "base/alloc.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"

/* How many ops of a verb may be under way: what makes processes is bounded by what a host digests,
 * what only sends signals is not. */
static const unsigned room_for[ENG_VERBS] = {
    [WC_VERB_LIST] = 2,          [WC_VERB_CREATE] = 8,  [WC_VERB_START] = 8,
    [WC_VERB_STOP] = 64,         [WC_VERB_KILL] = 64,   [WC_VERB_REMOVE] = 16,
    [WC_VERB_EXEC] = 8,          [WC_VERB_NET_UP] = 1,  [WC_VERB_NET_DOWN] = 1,
    [WC_VERB_VOLUME_REMOVE] = 8, [WC_VERB_UPDATE] = 64, [WC_VERB_NET_LOOK] = 1,
    [WC_VERB_MEND] = 16,
};

static uint64_t since_us(const struct wc_engine *engine, uint64_t at_ms)
{
    uint64_t now_ms = engine->clock.now(engine->clock.data);
    return now_ms > at_ms ? (now_ms - at_ms) * 1000 : 0;
}

struct wc_driver *wc_eng_driver(struct wc_engine *engine, enum wc_isolation level)
{
    return engine->drivers[level == WC_ISOLATION_HYPERV].driver;
}

struct wc_op *wc_eng_op(struct wc_engine *engine, enum wc_verb verb, wc_op_done_fn *done,
                        void *data)
{
    (void)engine;
    struct wc_op *op = wc_calloc(1, sizeof *op);
    op->verb = verb;
    op->done = done;
    op->data = data;
    return op;
}

void wc_eng_submit_op(struct wc_engine *engine, enum wc_isolation level, struct wc_op *op)
{
    engine->n_ops[op->verb]++;
    engine->ops_open++;
    op->level = level;
    op->began_ms = engine->now_ms;
    wc_driver_submit(wc_eng_driver(engine, level), op);
}

void wc_eng_op_end(struct wc_engine *engine, struct wc_op *op)
{
    struct wc_engine_action *action = &engine->counts.actions[op->verb];
    engine->n_ops[op->verb]--;
    engine->ops_open--;
    action->n[op->reason][op->status != 0]++;
    wc_histogram_add(&action->took[op->level == WC_ISOLATION_HYPERV],
                     since_us(engine, op->began_ms));
    wc_free(op);
}

void wc_eng_capacity(struct wc_engine *engine)
{
    for (size_t verb = 0; verb < ENG_VERBS; verb++) {
        unsigned room =
            engine->n_ops[verb] < room_for[verb] ? room_for[verb] - engine->n_ops[verb] : 0;
        while (room > 0 && engine->waiting[verb] != NULL) {
            struct inst *inst = engine->waiting[verb];
            engine->waiting[verb] = inst->next_waiting;
            if (engine->waiting[verb] == NULL)
                engine->waiting_tail[verb] = &engine->waiting[verb];
            inst->waiting = false;
            if (inst->dead)
                continue;
            wc_eng_dirty(inst);
            room--;
        }
    }
}

bool wc_eng_has_room(struct inst *inst, enum wc_verb verb)
{
    struct wc_engine *engine = inst->engine;
    if (engine->n_ops[verb] < room_for[verb])
        return true;
    if (!inst->waiting) {
        inst->waiting = true;
        inst->next_waiting = NULL;
        *engine->waiting_tail[verb] = inst;
        engine->waiting_tail[verb] = &inst->next_waiting;
    }
    return false;
}

/* ---- what is counted ---- */

bool wc_eng_has_ended_sick(const struct inst *inst)
{
    return inst->sick || inst->fact.sick;
}

enum wc_end wc_eng_end_of(const struct inst *inst)
{
    if (inst->hooks.failed)
        return WC_END_HOOK;
    if (wc_eng_has_ended_sick(inst))
        return WC_END_UNHEALTHY;
    if (inst->fact.oom_killed)
        return WC_END_OOM;
    if (!inst->fact.exit_known)
        return WC_END_UNKNOWN;
    return inst->fact.exit_signal != 0 ? WC_END_SIGNAL : WC_END_EXIT;
}

enum wc_op_reason wc_eng_op_reason(const struct inst *inst, enum wc_verb verb)
{
    const struct rollout *r = inst->svc->rollout;
    bool ends = verb == WC_VERB_STOP || verb == WC_VERB_KILL;
    bool restarts =
        verb == WC_VERB_START && inst->fact.life == WC_LIFE_EXITED && !inst->start_asked;
    bool for_request = inst->request != NULL;
    if (verb == WC_VERB_MEND && for_request && wc_eng_is_about_pause(inst->request))
        return WC_REASON_ASKED;
    if (verb == WC_VERB_MEND || (verb == WC_VERB_CREATE && inst->lost))
        return WC_REASON_DRIFT;
    if (ends && (inst->sick || (inst->hooks.failed && wc_eng_goal(inst) == WC_GOAL_RUNNING)))
        return WC_REASON_UNHEALTHY;
    if (restarts)
        return WC_REASON_POLICY;
    if (r != NULL && r->now.state == WC_ROLLOUT_ROLLING)
        return WC_REASON_ROLLOUT;
    return for_request ? WC_REASON_ASKED : WC_REASON_MODEL;
}

void wc_eng_note_probe(struct wc_engine *engine, const struct wc_op *op, enum wc_probe answer)
{
    struct wc_engine_probes *probes =
        &engine->counts.probes[op->check != NULL ? op->check->kind : WC_CHECK_TEST];
    probes->n[answer]++;
    wc_histogram_add(&probes->took, since_us(engine, op->began_ms));
}

void wc_eng_note_ready(struct inst *inst)
{
    if (wc_eng_goal(inst) != WC_GOAL_RUNNING) /* whoever made it wants it for later */
        inst->made_at_ms = 0;
    if (inst->made_at_ms == 0 || inst->op != NULL || !wc_eng_is_ready(inst))
        return;
    wc_histogram_add(&inst->engine->counts.ready, since_us(inst->engine, inst->made_at_ms));
    inst->made_at_ms = 0;
}
