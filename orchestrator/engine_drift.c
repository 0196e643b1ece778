/* engine_drift.c - what somebody else changed of a running instance: told field by field, and put
 * back. core/step.h decides when; here is what it is told, and what people are.
 *
 * Whoever changes it again and again finds it put back ever more slowly: the pause grows as that
 * between restarts does, and begins anew once it was left alone for long.
 */
#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"

bool wc_eng_is_pause_wished(const struct inst *inst)
{
    return inst->svc->paused;
}

bool wc_eng_is_frozen(const struct inst *inst)
{
    return inst->fact.life == WC_LIFE_PAUSED && !wc_eng_is_pause_wished(inst);
}

/* It stands still and isn't to, or the other way round. */
static bool is_out_of_step(const struct inst *inst)
{
    return inst->fact.life == (wc_eng_is_pause_wished(inst) ? WC_LIFE_RUNNING : WC_LIFE_PAUSED);
}

/* Its links need the networks; they come first. */
static bool has_lost_links(const struct inst *inst)
{
    return inst->drift.links != NULL && wc_eng_host_ready(inst->engine);
}

void wc_eng_drift_inputs(const struct inst *inst, struct wc_step_in *in)
{
    in->drifted = is_out_of_step(inst) || inst->drift.limits != NULL || has_lost_links(inst);
    in->mend_at_ms = inst->drift.retry_at_ms;
}

void wc_eng_drift_take(struct inst *inst, const struct wc_fact *fact)
{
    wc_eng_set(&inst->drift.limits, fact->drift_limits);
    wc_eng_set(&inst->drift.links, fact->drift_links);
    inst->fact.drift_limits = inst->drift.limits;
    inst->fact.drift_links = inst->drift.links;
}

/* It was left alone for so long that who changes it now isn't who did before. */
static void forgive(struct inst_drift *drift, uint64_t now_ms)
{
    if (drift->n_mends > 0 && wc_backoff_ran_well(now_ms - drift->mended_at_ms, drift->delay_ms)) {
        drift->n_mends = 0;
        drift->retry_at_ms = 0;
    }
}

static void tell_one(struct inst *inst, const char *action, const char *now, char **told)
{
    if (wc_streq0(now, *told))
        return;
    if (now != NULL) {
        forgive(&inst->drift, inst->engine->now_ms);
        wc_eng_tell(inst, action, "%s", now);
    } else {
        wc_eng_tell(inst, "mended", "%s", *told);
    }
    wc_eng_set(told, now);
}

void wc_eng_drift_tell(struct inst *inst)
{
    struct inst_drift *drift = &inst->drift;
    bool up = inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
    if (!up) { /* what it was told of has ended with it */
        wc_eng_set(&drift->told_limits, NULL);
        wc_eng_set(&drift->told_links, NULL);
        wc_eng_set(&drift->told_failure, NULL);
        drift->told_paused = false;
        return;
    }
    bool paused = inst->fact.life == WC_LIFE_PAUSED, wished = wc_eng_is_pause_wished(inst);
    if (paused != drift->told_paused) {
        if (paused != wished)
            forgive(drift, inst->engine->now_ms);
        wc_eng_tell(inst, paused ? "paused" : "unpaused", "%s",
                    paused == wished ? "" : "by somebody else");
    }
    drift->told_paused = paused;
    tell_one(inst, "limits changed", drift->limits, &drift->told_limits);
    tell_one(inst, "network changed", drift->links, &drift->told_links);
}

static void put_off(struct inst *inst)
{
    struct inst_drift *drift = &inst->drift;
    drift->n_mends++;
    drift->mended_at_ms = inst->engine->now_ms;
    drift->delay_ms = wc_backoff_delay_ms(inst->id, drift->n_mends + 1);
    drift->retry_at_ms = inst->engine->now_ms + drift->delay_ms;
}

void wc_eng_drift_mended(struct inst *inst)
{
    struct request *asked = inst->request;
    put_off(inst);
    wc_eng_set(&inst->drift.told_failure, NULL);
    if (asked == NULL || !wc_eng_is_about_pause(asked) || inst->changed)
        return;
    inst->changed = true;
    asked->changed++;
    inst->drift.n_mends = 0; /* as somebody asked: not against anybody */
    inst->drift.retry_at_ms = 0;
}

void wc_eng_drift_failed(struct inst *inst, const struct wc_err *err)
{
    put_off(inst);
    if (inst->drift.told_failure != NULL && wc_streq(inst->drift.told_failure, err->msg))
        return;
    wc_eng_set(&inst->drift.told_failure, err->msg);
    wc_eng_tell(inst, "mending failed", "%s", err->msg);
}

void wc_eng_drift_anew(struct inst *inst)
{
    inst->drift.n_mends = 0;
    inst->drift.retry_at_ms = 0;
    wc_eng_set(&inst->drift.told_failure, NULL);
    wc_eng_dirty(inst);
}

void wc_eng_drift_free(struct inst *inst)
{
    wc_free(inst->drift.limits);
    wc_free(inst->drift.links);
    wc_free(inst->drift.told_limits);
    wc_free(inst->drift.told_links);
    wc_free(inst->drift.told_failure);
}
