/* engine_inplace.c - limits and labels of what is there already, changed as it runs.
 *
 * Whether an instance lacks any is seen from what the driver reports of it (wc_fact.inplace), so an
 * update that a predecessor has half done is simply done again. It is no turn of a rollout: nothing
 * stops. What the kernel refuses to give to a running instance only a new one can have, and so it
 * is replaced: the file says what is wanted, and to leave it undone would be to run something else.
 * One of a service at a time, the next one when that is ready; where it doesn't come up, the others
 * stay as they are. (Rejected: to keep what runs and to fail. `up` could then never bring about
 * what the file says, though docker compose replaces for each such change.)
 */
#include <stdio.h>
#include <string.h>

#include "orchestrator/bus.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/core/diff.h"
#include "orchestrator/engine_request.h"

enum { TRIES = 3 }; /* before who waits for it is told that it fails */

static bool is_outdated(const struct inst *inst)
{
    return inst->desired != NULL && inst->fact.life != WC_LIFE_ABSENT &&
           inst->fact.life != WC_LIFE_BROKEN && !inst->awaits && !inst->again &&
           wc_diff_outdated(inst->desired, &inst->fact);
}

void wc_eng_inplace_inputs(const struct inst *inst, struct wc_step_in *in)
{
    in->outdated = is_outdated(inst) && !inst->inplace.refused;
    in->update_at_ms = inst->inplace.retry_at_ms;
}

void wc_eng_inplace_rebind(struct inst *inst, const struct wc_instance *want)
{
    const struct wc_instance *old = inst->former.instance;
    struct wc_arena arena;
    bool is_same = old != NULL && strcmp(old->inplace, want->inplace) == 0;
    inst->inplace.failures = 0;
    inst->inplace.retry_at_ms = 0;
    inst->inplace.refused = inst->inplace.remade = false;
    if (is_same && inst->inplace.why != NULL)
        return;
    wc_arena_init(&arena);
    wc_eng_set(&inst->inplace.why,
               wc_diff_inplace(old != NULL ? old->spec : NULL, want->spec, &arena));
    wc_arena_deinit(&arena);
}

static void say_failed(const struct inst *inst, const char *what, const char *then)
{
    char text[480];
    snprintf(text, sizeof text, "%s: %s; %s", inst->name != NULL ? inst->name : inst->id, what,
             then);
    const struct wc_event event = { .type = WC_EVENT_LOG,
                                    .action = "warning",
                                    .service = inst->svc->name,
                                    .name = inst->name,
                                    .reason = text };
    wc_eng_tell_other(inst->engine, &event);
}

void wc_eng_inplace_done(struct inst *inst, const struct wc_op *op)
{
    struct inst_inplace *in = &inst->inplace;
    bool is_up = wc_eng_is_up(inst);
    if (op->status == 0) {
        in->failures = 0;
        in->retry_at_ms = 0;
        wc_eng_set(&in->error, NULL);
        wc_eng_tell(inst, "updated", "%s", in->why != NULL ? in->why : "");
        return;
    }
    inst->engine->relist = true;
    wc_eng_set(&in->error, op->err.msg);
    if (op->status == WC_ERR_CONFLICT && (is_up || inst->fact.life == WC_LIFE_CREATED)) {
        in->refused = true;
        say_failed(inst, op->err.msg, "it is replaced instead");
        return;
    }
    in->failures++;
    in->retry_at_ms = inst->engine->now_ms + wc_backoff_delay_ms(inst->id, in->failures + 1);
    if (op->status != WC_ERR_STATE && op->status != WC_ERR_NOENT) /* it ended just then */
        say_failed(inst, op->err.msg, "it is tried again");
}

/* ---- what was refused ---- */

/* The one that is being replaced for the same reason, or NULL. */
static const struct inst *ahead(const struct inst *inst)
{
    const struct inst *other = inst->svc->insts;
    while (other != NULL && (other == inst || !other->inplace.remade))
        other = other->next_in_svc;
    return other;
}

/* Those that wait for this one look again. */
static void wake_refused(const struct inst *inst)
{
    for (struct inst *other = inst->svc->insts; other != NULL; other = other->next_in_svc)
        if (other != inst && other->inplace.refused)
            wc_eng_dirty(other);
}

void wc_eng_inplace_turn(struct inst *inst)
{
    struct inst_inplace *in = &inst->inplace;
    if (in->remade && wc_eng_is_ready(inst)) {
        in->remade = false;
        wake_refused(inst);
    }
    if (in->remade || inst->recreate)
        return;
    if (inst->svc->suspended || !in->refused || !is_outdated(inst) || ahead(inst) != NULL ||
        inst->goal == WC_GOAL_GONE || inst->goal == WC_GOAL_STOPPED)
        return;
    in->refused = false;
    in->remade = inst->recreate = true;
    wc_eng_set(&inst->why, in->error != NULL ? in->error : "can't be changed in place");
    wc_eng_count(inst);
    wc_eng_restart_dependents(inst->engine, inst->svc);
}

void wc_eng_inplace_after(struct inst *inst)
{
    if (inst->inplace.remade)
        wake_refused(inst);
}

enum verdict wc_eng_inplace_judge(const struct inst *inst)
{
    const struct inst *first = inst->inplace.refused ? ahead(inst) : NULL;
    if (!is_outdated(inst) || wc_eng_goal(inst) == WC_GOAL_GONE)
        return VERDICT_OK;
    if (first != NULL && first->out.phase == WC_PHASE_FAILED)
        return VERDICT_FAILED;
    return inst->inplace.failures >= TRIES ? VERDICT_FAILED : VERDICT_OPEN;
}

bool wc_eng_inplace_text(const struct inst *inst, char *out, size_t size)
{
    if (!is_outdated(inst) || inst->inplace.error == NULL)
        return false;
    snprintf(out, size, "can't be changed in place: %s", inst->inplace.error);
    return true;
}
