/* engine_text.c - sentences for people about where an instance stands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_text.h"

static const char *condition_name(enum wc_dep_condition condition)
{
    switch (condition) {
    case WC_DEP_STARTED:
        return "started";
    case WC_DEP_HEALTHY:
        return "healthy";
    case WC_DEP_COMPLETED:
        return "completed";
    }
    return "ready";
}

void wc_eng_exit_text(const struct wc_fact *fact, char *out, size_t size)
{
    const char *name = fact->exit_signal != 0 ? wc_signal_name(fact->exit_signal) : NULL;
    if (fact->oom_killed)
        snprintf(out, size, "ran out of memory and was killed");
    else if (!fact->exit_known)
        snprintf(out, size, "%s",
                 fact->earlier_boot ? "ended with the machine's restart"
                                    : "ended, its exit status was lost");
    else if (fact->cause != NULL)
        snprintf(out, size, "exited %d: %s", fact->exit_code, fact->cause);
    else if (name != NULL)
        snprintf(out, size, "exited %d (SIG%s)", fact->exit_code, name);
    else
        snprintf(out, size, "exited %d", fact->exit_code);
}

/* Why a needed service can't be had: its first instance in trouble says it. */
static void trouble_text(const struct svc *svc, enum wc_dep_condition condition, char *out,
                         size_t size)
{
    char text[256];
    for (const struct inst *inst = svc->insts; inst != NULL; inst = inst->next_in_svc) {
        if (!inst->tally.wanted)
            continue;
        if (inst->tally.unhealthy)
            snprintf(out, size, "%s is unhealthy", svc->name);
        else if (inst->tally.unchecked && condition == WC_DEP_HEALTHY)
            snprintf(out, size, "%s has no health check", svc->name);
        else if (inst->tally.completed && condition == WC_DEP_HEALTHY)
            snprintf(out, size, "%s has ended", svc->name);
        else if (inst->tally.failed && inst->out.phase == WC_PHASE_BLOCKED)
            snprintf(out, size, "%s is blocked itself", svc->name);
        else if (inst->tally.failed) {
            wc_eng_failure_text(inst, text, sizeof text);
            snprintf(out, size, "%s %s", svc->name, text);
        } else
            continue;
        return;
    }
    snprintf(out, size, svc->insts == NULL ? "%s was never made" : "%s can't come up", svc->name);
}

static void needs_text(const struct inst *inst, char *out, size_t size)
{
    char why[300];
    const struct svc *needed = inst->engine->rev->svcs[inst->needs->to];
    if (inst->out.phase == WC_PHASE_WAIT_DEPS) {
        snprintf(out, size, "%s %s", needed->name, condition_name(inst->needs->condition));
        return;
    }
    trouble_text(needed, inst->needs->condition, why, sizeof why);
    snprintf(out, size, "%s %s: %s", needed->name, condition_name(inst->needs->condition), why);
}

const char *wc_eng_would_text(const struct inst *inst)
{
    switch (inst->would) {
    case WC_ACT_NONE:
        break;
    case WC_ACT_CREATE:
        return "be made";
    case WC_ACT_START:
        return "start";
    case WC_ACT_POST_START:
        return "run its post_start hooks";
    case WC_ACT_PRE_STOP:
    case WC_ACT_STOP:
    case WC_ACT_KILL:
        return "stop";
    case WC_ACT_REMOVE:
        return "be removed";
    case WC_ACT_UPDATE:
        return "get other limits or labels";
    case WC_ACT_MEND:
        return "be put back as it was";
    }
    return NULL;
}

void wc_eng_waiting_text(const struct inst *inst, char *out, size_t size)
{
    const struct wc_engine *engine = inst->engine;
    out[0] = '\0';
    if (inst->svc->suspended) {
        const char *would = wc_eng_would_text(inst);
        if (would != NULL)
            snprintf(out, size, "'wcompose resume' (it would %s)", would);
        return;
    }
    if (inst->fact.life == WC_LIFE_PAUSED && wc_eng_is_pause_wished(inst)) {
        snprintf(out, size, "'wcompose unpause'");
        return;
    }
    if (inst->awaits) {
        snprintf(out, size, "its turn in the rollout");
        return;
    }
    switch (inst->out.phase) {
    case WC_PHASE_WAIT_DEPS:
    case WC_PHASE_BLOCKED:
        if (inst->needs != NULL && engine->rev != NULL)
            needs_text(inst, out, size);
        break;
    case WC_PHASE_WAIT_BACKOFF:
        snprintf(out, size, "backoff %.1f s", (double)inst->delay_ms / 1000);
        break;
    case WC_PHASE_WAIT_SIBLING:
        snprintf(out, size, "its predecessor to go");
        break;
    case WC_PHASE_WAIT_HOST:
        snprintf(out, size, "%s",
                 wc_eng_is_up(inst) ? "names and ports to lead to its successor"
                 : wc_eng_host_ready(engine) && !wc_eng_sealed_ready(inst)
                     ? "its encrypted files to be opened"
                     : "networks");
        break;
    case WC_PHASE_HOOKS:
        snprintf(out, size,
                 inst->hooks.until_ms != 0 ? "its pre_stop hooks" : "its post_start hooks");
        break;
    case WC_PHASE_WAIT_DEPENDENTS:
        snprintf(out, size, "services that need it to stop");
        break;
    case WC_PHASE_SETTLED:
    case WC_PHASE_COMPLETED:
    case WC_PHASE_STOPPED:
    case WC_PHASE_FAILED:
    case WC_PHASE_ACTING:
    case WC_PHASE_STOPPING:
        break;
    }
}

void wc_eng_failure_text(const struct inst *inst, char *out, size_t size)
{
    char text[96];
    const struct rollout *r = inst->svc->rollout;
    if (r != NULL && inst->awaits && r->reason[0] != '\0') {
        snprintf(out, size, "the rollout is stopped: %s", r->reason);
        return;
    }
    if (wc_eng_inplace_text(inst, out, size))
        return;
    if (inst->request != NULL && wc_eng_is_about_pause(inst->request) &&
        inst->drift.told_failure != NULL) {
        snprintf(out, size, "%s", inst->drift.told_failure);
        return;
    }
    if (inst->out.phase == WC_PHASE_WAIT_HOST || inst->engine->net == NET_FAILED) {
        snprintf(out, size, "networks: %s", inst->engine->net_err.msg);
    } else if ((inst->op_failed || inst->stuck) && inst->error != NULL) {
        snprintf(out, size, "%s", inst->error);
    } else if (inst->out.phase == WC_PHASE_BLOCKED) {
        char why[300];
        wc_eng_waiting_text(inst, why, sizeof why);
        snprintf(out, size, "waits for %s", why);
    } else if (inst->health.status == WC_HEALTH_UNHEALTHY) {
        snprintf(out, size, "never became healthy: %u failed checks in a row, last: %s",
                 inst->health.failing,
                 inst->health_output[0] != '\0' ? inst->health_output : "no output");
    } else if (inst->fact.stopped_by_user || inst->goal == WC_GOAL_STOPPED) {
        snprintf(out, size, "is stopped");
    } else if (inst->fact.life == WC_LIFE_EXITED) {
        wc_eng_exit_text(&inst->fact, text, sizeof text);
        if (inst->failures > 1)
            snprintf(out, size, "%s, %u times in a row", text, inst->failures);
        else
            snprintf(out, size, "%s", text);
    } else if (inst->lost) {
        snprintf(out, size, "was removed by somebody else");
    } else {
        snprintf(out, size, "is %s", wc_life_name(inst->fact.life));
    }
}
