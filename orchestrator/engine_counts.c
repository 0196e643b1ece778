/* engine_counts.c - what people count of the engine's work: ops by reason and how long they took,
 * health checks, the way to readiness. Nothing is decided by it.
 */
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"

static uint64_t since_us(const struct wc_engine *engine, uint64_t at_ms)
{
    uint64_t now_ms = engine->clock.now(engine->clock.data);
    return now_ms > at_ms ? (now_ms - at_ms) * 1000 : 0;
}

void wc_eng_note_op(struct wc_engine *engine, const struct wc_op *op)
{
    struct wc_engine_action *action = &engine->counts.actions[op->verb];
    action->n[op->reason][op->status != 0]++;
    wc_histogram_add(&action->took[op->level == WC_ISOLATION_HYPERV],
                     since_us(engine, op->began_ms));
}

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
    if (inst->made_at_ms == 0 || inst->op != NULL)
        return;
    bool wants_it = wc_eng_goal(inst) == WC_GOAL_RUNNING;
    if (wants_it && !wc_eng_is_ready(inst))
        return;
    if (wants_it) /* else whoever made it wants it for later */
        wc_histogram_add(&inst->engine->counts.ready, since_us(inst->engine, inst->made_at_ms));
    inst->made_at_ms = 0;
}
