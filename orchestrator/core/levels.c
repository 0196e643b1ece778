/* levels.c - what is settled where the file was read holds wherever the model goes: the rules of
 * the host stand in a file that others don't see. Whether a level can be had is asked of each host
 * anew.
 */
#include "orchestrator/core/levels.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "wcompose/state.h"

/* A host that can give anything: what is left are the rules. */
static const struct wc_host_facts any_host = { .os = WC_OS_LINUX, .hyperv = WC_TRI_TRUE };

static struct wc_isolation_choice prove(const struct wc_project *project,
                                        const struct wc_service *service,
                                        const struct wc_policy *policy,
                                        const struct wc_host_facts *host, struct wc_arena *arena)
{
    const struct wc_proof_in in = {
        .project = project, .service = service, .policy = policy, .host = host
    };
    struct wc_isolation_choice choice;
    wc_plan_prove(&in, arena, &choice);
    return choice;
}

void wc_plan_settle(struct wc_project *project, const struct wc_policy *policy, bool anew,
                    struct wc_arena *arena)
{
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        if (s->settled.level != WC_ISOLATION_DEFAULT && !anew)
            continue;
        const struct wc_isolation_choice choice = prove(project, s, policy, &any_host, arena);
        const struct wc_settled settled = { choice.level, choice.code, choice.why, choice.at };
        wc_service_settle(s, &settled);
    }
}

int wc_plan_verify(const struct wc_project *project, const struct wc_policy *policy,
                   struct wc_arena *arena, struct wc_err *err)
{
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        const struct wc_isolation_choice now = prove(project, s, policy, &any_host, arena);
        if (s->settled.level == WC_ISOLATION_DEFAULT ||
            (now.level != WC_ISOLATION_DEFAULT && now.level <= s->settled.level))
            continue;
        return wc_err_at(err, WC_ERR_ISOLATION, now.at,
                         "service '%s' would run as %s, which the rules of this host don't allow "
                         "now: %s",
                         s->name, wc_isolation_name(s->settled.level), now.why);
    }
    return 0;
}

/* Whether a service had a kernel of its own. One that is new, or was renamed, had nothing. */
static bool had_kernel(const struct wc_project *before, const char *name)
{
    const struct wc_service *s = before != NULL ? wc_project_service(before, name) : NULL;
    return s != NULL && s->settled.level == WC_ISOLATION_HYPERV;
}

int wc_plan_hold(const struct wc_project *project, const struct wc_project *before,
                 enum wc_isolation floor, struct wc_arena *arena, struct wc_diags *diags)
{
    int rc = 0;
    for (size_t i = 0; floor != WC_ISOLATION_PROCESS && i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        bool is_lowered = floor == WC_ISOLATION_DEFAULT;
        /* what may not be lowered may not be with no instance either, to be scaled up later */
        bool is_held = is_lowered ? had_kernel(before, s->name) : s->replicas > 0;
        if (s->settled.level == WC_ISOLATION_HYPERV || !is_held)
            continue;
        struct wc_diag *diag =
            wc_diags_add(diags, WC_SEVERITY_ERROR, "E117",
                         s->isolation_at.line != 0 ? s->isolation_at : s->at, "%s",
                         wc_arena_printf(arena,
                                         is_lowered ? "service '%s' has a kernel of its own, and "
                                                      "would lose it: process (%s)"
                                                    : "service '%s' must have a kernel of its own, "
                                                      "and would run as process (%s)",
                                         s->name, s->settled.why != NULL ? s->settled.why : ""));
        if (s->isolation == WC_ISOLATION_PROCESS && s->isolation_at.line != 0)
            diag->span = (unsigned)strlen("process");
        diag->hint = is_lowered
                         ? "isolation: hyperv; or whoever runs this host allows it: grant: "
                           "{isolation: process}"
                         : "isolation: hyperv, which the agent file demands (grant: isolation)";
        rc = WC_ERR_ISOLATION;
    }
    return rc;
}

/* Settled services have their reason already, but the host is asked all the same. */
static struct wc_isolation_choice choose(const struct wc_project *project,
                                         const struct wc_service *s,
                                         const struct wc_plan_host *host, struct wc_arena *arena)
{
    const struct wc_host_facts facts = {
        .os = WC_OS_LINUX,
        .hyperv = host->hyperv_usable ? WC_TRI_TRUE : WC_TRI_FALSE,
        .hyperv_why =
            host->hyperv_why != NULL ? host->hyperv_why : "no driver of this build offers it",
    };
    const struct wc_settled *settled = &s->settled;
    if (settled->level == WC_ISOLATION_DEFAULT)
        return prove(project, s, host->policy, &facts, arena);
    struct wc_isolation_choice choice = {
        .level = settled->level, .code = settled->code, .why = settled->why, .at = settled->at
    };
    if (settled->level == WC_ISOLATION_HYPERV && !host->hyperv_usable) {
        choice.level = WC_ISOLATION_DEFAULT;
        choice.code = "no_hypervisor";
        choice.why = facts.hyperv_why;
    }
    return choice;
}

static void report(const struct wc_service *s, const struct wc_isolation_choice *choice,
                   const struct wc_isolation_choice *demand, struct wc_arena *arena,
                   struct wc_diags *diags)
{
    struct wc_loc at = choice->at.line != 0 ? choice->at : s->at;
    bool lacks = wc_streq(choice->code, "no_hypervisor");
    const char *text =
        lacks ? wc_arena_printf(arena,
                                "service '%s' needs hyperv isolation (%s), which this host can't "
                                "give: %s",
                                s->name, demand->why, choice->why)
              : wc_arena_printf(arena, "service '%s' can't run: %s", s->name, choice->why);
    struct wc_diag *diag = wc_diags_add(diags, WC_SEVERITY_ERROR, "E401", at, "%s", text);
    if (s->isolation == WC_ISOLATION_HYPERV && at.line == s->isolation_at.line)
        diag->span = (unsigned)strlen("hyperv");
    diag->hint = lacks ? "the demand is never weakened: run this on a host that can keep it"
                       : "remove one of the two demands; 'wcompose why SERVICE' shows every rule";
}

int wc_levels_choose(const struct wc_project *project, const struct wc_plan_host *host,
                     struct wc_arena *arena, struct wc_diags *diags,
                     struct wc_isolation_choice *out)
{
    int status = 0;
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        out[i] = choose(project, s, host, arena);
        if (out[i].level != WC_ISOLATION_DEFAULT)
            continue;
        const struct wc_isolation_choice demand =
            s->settled.level == WC_ISOLATION_DEFAULT
                ? prove(project, s, host->policy, &any_host, arena)
                : (struct wc_isolation_choice){ .why = s->settled.why };
        report(s, &out[i], &demand, arena, diags);
        status = WC_ERR_ISOLATION;
    }
    return status;
}
