/* proof_steps.c - everything that was looked at, in order: what the file asks, the rules of the
 * project, those of the host, the image, the host itself.
 */
#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/proof.h"
#include "orchestrator/core/rules.h"
#include "wcompose/state.h"

enum { OWN_STEPS = 5 }; /* isolation, trust, tenant, image, host */

static void add(struct wc_prover *p, struct wc_isolation_step step)
{
    p->steps[p->n++] = step;
}

static const char *asks_text(const struct wc_prover *p, enum wc_isolation level)
{
    return level == WC_ISOLATION_DEFAULT
               ? "asks for nothing"
               : wc_arena_printf(p->arena, "asks for %s", wc_isolation_name(level));
}

/* True for the demand that decided, and for both that exclude each other. */
static bool decides(const struct wc_prover *p, enum wc_demand by)
{
    const struct wc_verdict *v = &p->verdict;
    return v->by == by || (wc_proof_is_conflict(v->ruling) && v->against == by);
}

static void add_asked(struct wc_prover *p)
{
    const struct wc_service *s = p->in->service;
    bool is_profile = s->isolation_profile != NULL;
    const char *rule =
        s->isolation == WC_ISOLATION_DEFAULT
            ? "isolation"
            : wc_arena_printf(p->arena, "%s%sisolation: %s", is_profile ? wc_proof_profile(p) : "",
                              is_profile ? ", " : "", wc_isolation_name(s->isolation));
    add(p, (struct wc_isolation_step){ .rule = rule,
                                       .says = asks_text(p, s->isolation),
                                       .at = s->isolation_at,
                                       .decided = decides(p, p->facts.asked_by) &&
                                                  s->isolation != WC_ISOLATION_DEFAULT });
}

static void add_trust(struct wc_prover *p)
{
    static const char *const rules[] = { "trust", "trust: trusted", "trust: untrusted" };
    const struct wc_service *s = p->in->service;
    bool untrusted = s->trust == WC_TRUST_UNTRUSTED;
    bool trusted = p->verdict.ruling == WC_RULING_TRUSTED;
    add(p, (struct wc_isolation_step){
               .rule = rules[s->trust],
               .says = untrusted ? "requires hyperv, on every host"
                       : trusted ? "allows process where the host's default can't be had"
                                 : "demands nothing",
               .at = s->trust_at,
               .decided = trusted || decides(p, WC_DEMAND_UNTRUSTED) });
}

static void add_tenant(struct wc_prover *p)
{
    const struct wc_service *s = p->in->service;
    const char *other = wc_rule_other_tenant(p->in->project, s);
    add(p, (struct wc_isolation_step){
               .rule = s->tenant == NULL ? "tenant"
                                         : wc_arena_printf(p->arena, "tenant: %s", s->tenant),
               .says = s->tenant == NULL ? "has none"
                       : other == NULL
                           ? "is the only one of the project"
                           : wc_arena_printf(p->arena, "requires hyperv: tenant %s is there too",
                                             other),
               .at = s->tenant_at,
               .decided = decides(p, WC_DEMAND_TENANT) });
}

static void add_rules(struct wc_prover *p, const struct wc_policy *policy, bool is_host)
{
    const struct wc_rule *const *first = is_host ? p->by_host : p->by_project;
    enum wc_demand by = is_host ? WC_DEMAND_HOST_POLICY : WC_DEMAND_POLICY;
    for (size_t i = 0; policy != NULL && i < policy->n; i++) {
        const struct wc_rule *rule = &policy->rules[i];
        bool holds = wc_rule_matches(rule, p->in->project, p->in->service, p->arena);
        const char *reason =
            rule->reason == NULL ? "" : wc_arena_printf(p->arena, ": %s", rule->reason);
        bool is_wanted =
            rule->require == p->verdict.level || wc_proof_is_conflict(p->verdict.ruling) ||
            (p->verdict.level == WC_ISOLATION_DEFAULT && rule->require == p->verdict.wanted);
        add(p,
            (struct wc_isolation_step){
                .rule = wc_proof_rule(p, rule, is_host),
                .says = holds ? wc_arena_printf(p->arena, "requires %s%s",
                                                wc_isolation_name(rule->require), reason)
                              : "is not about it",
                .at = rule->at,
                .decided = holds && is_wanted && first[rule->require] == rule && decides(p, by) });
    }
}

static const char *image_name(const struct wc_prover *p)
{
    const struct wc_image_facts *image = p->facts.image;
    if (image->os == WC_OS_UNKNOWN)
        return "image";
    const char *os = image->os_name != NULL ? image->os_name : "?";
    const char *version =
        image->build == 0 ? "" : wc_arena_printf(p->arena, " 10.0.%u", image->build);
    return wc_arena_printf(p->arena, "image for %s%s%s%s", os, version,
                           image->architecture != NULL ? ", " : "",
                           image->architecture != NULL ? image->architecture : "");
}

static bool is_about_image(enum wc_ruling ruling)
{
    return ruling == WC_RULING_ENGINE_OS || ruling == WC_RULING_IMAGE_UNKNOWN ||
           ruling == WC_RULING_IMAGE_OS || ruling == WC_RULING_ARCHITECTURE ||
           ruling == WC_RULING_IMAGE_NEWER || ruling == WC_RULING_VERSION ||
           ruling == WC_RULING_NO_UVM;
}

static void add_image(struct wc_prover *p)
{
    const struct wc_verdict *v = &p->verdict;
    const struct wc_image_facts *image = p->facts.image;
    enum wc_ruling said = v->ruling == WC_RULING_RAISED ? v->other : v->ruling;
    bool about = is_about_image(said);
    if (image->os == WC_OS_UNKNOWN && !about)
        return;
    add(p, (struct wc_isolation_step){
               .rule = image_name(p),
               .says = about ? wc_proof_obstacle(p, said)
                       : image->from != NULL
                           ? wc_arena_printf(p->arena, "fits, says the %s", image->from)
                           : "fits",
               .place = "image",
               .decided = about });
}

static void add_host(struct wc_prover *p)
{
    const struct wc_host_facts *h = p->in->host;
    const struct wc_verdict *v = &p->verdict;
    const char *why = h->hyperv_why != NULL ? h->hyperv_why : "it has no hypervisor";
    bool refuses = v->level == WC_ISOLATION_DEFAULT && !wc_proof_is_conflict(v->ruling) &&
                   !is_about_image(v->ruling);
    const char *says = h->hyperv == WC_TRI_TRUE ? "can give hyperv"
                       : h->hyperv == WC_TRI_FALSE
                           ? wc_arena_printf(p->arena, "can't give hyperv: %s", why)
                           : "may be able to give hyperv";
    if (refuses && v->ruling != WC_RULING_NO_HYPERVISOR)
        says = wc_proof_obstacle(p, v->ruling);
    else if (v->ruling == WC_RULING_OK && v->by == WC_DEMAND_HOST_DEFAULT)
        says = wc_arena_printf(p->arena, "gives %s to who asks for nothing; %s",
                               wc_isolation_name(v->level), says);
    const char *title = h->title != NULL ? h->title : "this host";
    add(p, (struct wc_isolation_step){
               .rule = h->build == 0 ? title
                                     : wc_arena_printf(p->arena, "%s, build %u", title, h->build),
               .says = says,
               .place = "host",
               .decided = refuses || v->ruling == WC_RULING_TRUSTED ||
                          (v->ruling == WC_RULING_OK && v->by == WC_DEMAND_HOST_DEFAULT) });
}

void wc_proof_steps(struct wc_prover *p)
{
    size_t n = p->in->project->policy.n + (p->in->policy != NULL ? p->in->policy->n : 0);
    p->steps = WC_NEW_ARRAY(p->arena, struct wc_isolation_step, n + OWN_STEPS);
    add_asked(p);
    add_trust(p);
    add_tenant(p);
    add_rules(p, &p->in->project->policy, false);
    add_rules(p, p->in->policy, true);
    add_image(p);
    add_host(p);
}
