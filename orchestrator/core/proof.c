/* proof.c - facts out of a model, decided, and the verdict in words: each thing that was looked at
 * with its place, what it says, and which of them decided.
 *
 * The words are made from the same facts that the decision is, behind it; so no sentence can
 * change a verdict.
 */
#include "orchestrator/core/proof.h"

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/rules.h"

static unsigned collect(struct wc_prover *p, const struct wc_policy *policy,
                        const struct wc_rule **first)
{
    unsigned requires = 0;
    for (size_t i = 0; policy != NULL && i < policy->n; i++) {
        const struct wc_rule *rule = &policy->rules[i];
        if (rule->require == WC_ISOLATION_DEFAULT ||
            !wc_rule_matches(rule, p->in->project, p->in->service, p->arena))
            continue;
        requires |= WC_REQUIRES(rule->require);
        if (first[rule->require] == NULL)
            first[rule->require] = rule;
    }
    return requires;
}

/* Only Windows asks. */
static bool shares_network(const struct wc_proof_in *in)
{
    const struct wc_project *project = in->project;
    const struct wc_service *s = in->service;
    if (in->host->os != WC_OS_WINDOWS || s->network_mode == WC_NETMODE_SERVICE)
        return s->network_mode == WC_NETMODE_SERVICE;
    for (size_t i = 0; i < project->n_services; i++)
        if (project->services[i].network_mode == WC_NETMODE_SERVICE &&
            wc_streq0(project->services[i].network_mode_service, s->name))
            return true;
    return false;
}

static void make_facts(struct wc_prover *p)
{
    static const struct wc_image_facts unknown = { .has_uvm = WC_TRI_UNSET };
    const struct wc_project *project = p->in->project;
    const struct wc_service *s = p->in->service;
    p->facts = (struct wc_isolation_facts){
        .asked = s->isolation,
        .asked_by = s->isolation_filled_in         ? WC_DEMAND_PROFILE_ALL
                    : s->isolation_profile != NULL ? WC_DEMAND_PROFILE
                                                   : WC_DEMAND_ASKED,
        .trust = s->trust,
        .has_other_tenant = wc_rule_other_tenant(project, s) != NULL,
        .policy = collect(p, &project->policy, p->by_project),
        .host_policy = collect(p, p->in->policy, p->by_host),
        .is_production = project->production == WC_TRI_TRUE,
        .may_raise = project->may_raise,
        .needs_devices = s->devices.n > 0,
        .shares_network = shares_network(p->in),
        .has_memory_limit = s->mem_limit_bytes > 0,
        .host = p->in->host,
        .image = p->in->image != NULL ? p->in->image : &unknown,
    };
}

static void add_remarks(const struct wc_prover *p, struct wc_isolation_choice *out)
{
    struct wc_isolation_remark *remarks =
        WC_NEW_ARRAY(p->arena, struct wc_isolation_remark, WC_NOTES);
    for (unsigned i = 0; i < WC_NOTES; i++) {
        enum wc_isolation_note note = (enum wc_isolation_note)(1U << i);
        if ((p->verdict.notes & note) != 0)
            remarks[out->n_remarks++] =
                (struct wc_isolation_remark){ wc_note_name(note), wc_proof_remark(p, note) };
    }
    out->remarks = remarks;
}

void wc_plan_prove(const struct wc_proof_in *in, struct wc_arena *arena,
                   struct wc_isolation_choice *out)
{
    struct wc_prover p = { .in = in, .arena = arena };
    make_facts(&p);
    p.verdict = wc_isolation_decide(&p.facts);
    wc_proof_steps(&p);
    *out = (struct wc_isolation_choice){
        .level = p.verdict.level,
        .code = p.verdict.ruling == WC_RULING_OK ? wc_demand_name(p.verdict.by)
                                                 : wc_ruling_name(p.verdict.ruling),
        .why = wc_proof_why(&p),
        .at = wc_proof_place(&p, p.verdict.by, p.verdict.wanted),
        .steps = p.steps,
        .n_steps = p.n,
    };
    add_remarks(&p, out);
}
