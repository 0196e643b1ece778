/* proof_text.c - demands, obstacles and verdicts in words. */
#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/core/proof.h"
#include "orchestrator/core/rules.h"
#include "orchestrator/core/windows.h"
#include "wcompose/state.h"

const char *wc_proof_rule(const struct wc_prover *p, const struct wc_rule *rule, bool is_host)
{
    const char *what = is_host ? "host policy" : "policy";
    if (rule->name == NULL)
        return what;
    return wc_arena_printf(p->arena, "%s '%s'", what, rule->name);
}

const char *wc_proof_profile(const struct wc_prover *p)
{
    const struct wc_service *s = p->in->service;
    return wc_arena_printf(p->arena, "profile %s%s", s->isolation_profile,
                           s->isolation_filled_in ? " default" : "");
}

static const struct wc_rule *rule_of(const struct wc_prover *p, enum wc_demand by,
                                     enum wc_isolation level)
{
    return by == WC_DEMAND_HOST_POLICY ? p->by_host[level]
           : by == WC_DEMAND_POLICY    ? p->by_project[level]
                                       : NULL;
}

static const char *reason_text(const struct wc_prover *p, const struct wc_rule *rule, bool is_host)
{
    return wc_arena_printf(p->arena, "%s requires %s%s%s", wc_proof_rule(p, rule, is_host),
                           wc_isolation_name(rule->require), rule->reason != NULL ? ": " : "",
                           rule->reason != NULL ? rule->reason : "");
}

static const char *default_text(const struct wc_prover *p, enum wc_isolation level)
{
    if (p->in->host->os != WC_OS_WINDOWS)
        return "nothing else is asked";
    return wc_arena_printf(p->arena, "%s is the default of %s", wc_isolation_name(level),
                           wc_windows_edition(p->in->host->edition)->title);
}

/* Why somebody wants a level, as a part of a sentence. */
const char *wc_proof_demand(const struct wc_prover *p, enum wc_demand by, enum wc_isolation level)
{
    const struct wc_service *s = p->in->service;
    switch (by) {
    case WC_DEMAND_HOST_POLICY:
    case WC_DEMAND_POLICY:
        return reason_text(p, rule_of(p, by, level), by == WC_DEMAND_HOST_POLICY);
    case WC_DEMAND_UNTRUSTED:
        return "trust: untrusted never shares a kernel";
    case WC_DEMAND_TENANT:
        return wc_arena_printf(p->arena, "tenant %s never shares a kernel with tenant %s",
                               s->tenant, wc_rule_other_tenant(p->in->project, s));
    case WC_DEMAND_ASKED:
        return wc_arena_printf(p->arena, "isolation: %s", wc_isolation_name(level));
    case WC_DEMAND_PROFILE:
    case WC_DEMAND_PROFILE_ALL:
        return wc_proof_profile(p);
    case WC_DEMAND_HOST_DEFAULT:
    case WC_DEMANDS:
        break;
    }
    return default_text(p, level);
}

struct wc_loc wc_proof_place(const struct wc_prover *p, enum wc_demand by, enum wc_isolation level)
{
    const struct wc_service *s = p->in->service;
    switch (by) {
    case WC_DEMAND_HOST_POLICY:
    case WC_DEMAND_POLICY:
        return rule_of(p, by, level)->at;
    case WC_DEMAND_UNTRUSTED:
        return s->trust_at.line != 0 ? s->trust_at : s->at;
    case WC_DEMAND_TENANT:
        return s->tenant_at.line != 0 ? s->tenant_at : s->at;
    case WC_DEMAND_ASKED:
    case WC_DEMAND_PROFILE:
    case WC_DEMAND_PROFILE_ALL:
        return s->isolation_at;
    case WC_DEMAND_HOST_DEFAULT:
    case WC_DEMANDS:
        break;
    }
    return (struct wc_loc){ 0 };
}

/* "image build 17763 (ltsc2019)" */
static const char *build_text(const struct wc_prover *p)
{
    char text[16];
    unsigned build = p->facts.image->build;
    const char *name = wc_windows_image_name(build, text);
    if (name == text)
        return wc_arena_printf(p->arena, "image build %u", build);
    return wc_arena_printf(p->arena, "image build %u (%s)", build, name);
}

/* Why a level can't be had, or nothing can: a sentence. */
const char *wc_proof_obstacle(const struct wc_prover *p, enum wc_ruling ruling)
{
    const struct wc_host_facts *h = p->in->host;
    const struct wc_image_facts *image = p->facts.image;
    struct wc_arena *arena = p->arena;
    switch (ruling) {
    case WC_RULING_ENGINE_OS:
        return "the image needs a Windows host";
    case WC_RULING_IMAGE_UNKNOWN:
        return "nothing is known of the image";
    case WC_RULING_IMAGE_OS:
        return wc_arena_printf(arena, "the image is for %s, and the host runs %s images only",
                               image->os_name != NULL ? image->os_name : "another system",
                               h->os == WC_OS_WINDOWS ? "windows" : "linux");
    case WC_RULING_EDITION:
        return "Windows Home has no containers";
    case WC_RULING_HOST_OLD:
        return wc_arena_printf(arena, "host build %u is older than %d, which engines need",
                               h->build, WC_WINDOWS_OLDEST_HOST);
    case WC_RULING_ARCHITECTURE:
        return wc_arena_printf(arena, "the image is for %s, and the host is %s",
                               image->architecture, h->architecture);
    case WC_RULING_IMAGE_NEWER:
        return wc_arena_printf(arena, "%s is newer than host build %u: no level runs it",
                               build_text(p), h->build);
    case WC_RULING_VERSION:
        return wc_arena_printf(arena, "%s can't run as a process on host build %u", build_text(p),
                               h->build);
    case WC_RULING_CLIENT_PROD:
        return wc_arena_printf(arena, "processes on %s are for development and tests only",
                               wc_windows_edition(h->edition)->title);
    case WC_RULING_NO_HYPERVISOR:
        return h->hyperv_why != NULL ? h->hyperv_why : "it has no hypervisor";
    case WC_RULING_NO_UVM:
        return "the image brings nothing that a machine could start from";
    case WC_RULING_HYPERV_DEVICES:
        return "devices can't be given to a Windows machine";
    case WC_RULING_HYPERV_NETWORK:
        return "a Windows machine can't share the network of another service";
    case WC_RULING_OK:
    case WC_RULING_RAISED:
    case WC_RULING_TRUSTED:
    case WC_RULING_TRUST_CONFLICT:
    case WC_RULING_POLICY_CONFLICT:
    case WC_RULINGS:
        break;
    }
    return wc_ruling_name(ruling);
}

bool wc_proof_is_conflict(enum wc_ruling ruling)
{
    return ruling == WC_RULING_TRUST_CONFLICT || ruling == WC_RULING_POLICY_CONFLICT;
}

static const char *conflict_text(const struct wc_prover *p)
{
    const struct wc_verdict *v = &p->verdict;
    struct wc_loc at = wc_proof_place(p, v->against, WC_ISOLATION_PROCESS);
    const char *place = at.file == NULL || at.line == 0
                            ? ""
                            : wc_arena_printf(p->arena, " (%s:%u:%u)", at.file, at.line, at.col);
    return wc_arena_printf(p->arena, "%s, but %s%s", wc_proof_demand(p, v->by, WC_ISOLATION_HYPERV),
                           wc_proof_demand(p, v->against, WC_ISOLATION_PROCESS), place);
}

static const char *refusal_text(const struct wc_prover *p)
{
    const struct wc_verdict *v = &p->verdict;
    const char *why = wc_proof_obstacle(p, v->ruling);
    if (wc_proof_is_conflict(v->ruling))
        return conflict_text(p);
    if (v->ruling < WC_RULING_VERSION)
        return why;
    const char *other = v->other == WC_RULING_OK ? p->verdict.wanted == WC_ISOLATION_HYPERV
                                                       ? "a kernel of its own is never lowered"
                                                       : "raising it is not allowed"
                                                 : wc_proof_obstacle(p, v->other);
    return wc_arena_printf(p->arena, "%s; %s", why, other);
}

const char *wc_proof_why(const struct wc_prover *p)
{
    const struct wc_verdict *v = &p->verdict;
    if (v->level == WC_ISOLATION_DEFAULT)
        return refusal_text(p);
    if (v->ruling == WC_RULING_RAISED)
        return wc_arena_printf(p->arena, "%s, raised", wc_proof_obstacle(p, v->other));
    if (v->ruling == WC_RULING_TRUSTED)
        return wc_arena_printf(p->arena, "hyperv is the default here, but %s; trust: trusted",
                               wc_proof_obstacle(p, v->other));
    return wc_proof_demand(p, v->by, v->level);
}

const char *wc_proof_remark(const struct wc_prover *p, enum wc_isolation_note note)
{
    const struct wc_host_facts *h = p->in->host;
    const struct wc_windows_defect *defect = wc_windows_defect(h, p->facts.image);
    switch (note) {
    case WC_NOTE_TESTS_ONLY:
        return "processes on a client edition are for development and tests only";
    case WC_NOTE_RAISED:
        return "it gets more isolation than was asked for, as a process can't be had";
    case WC_NOTE_LICENCE:
        return wc_arena_printf(p->arena,
                               "a licence of Windows Server Standard covers %d instances with a "
                               "kernel of their own%s",
                               WC_WINDOWS_STANDARD_HYPERV,
                               h->edition == WC_EDITION_SERVER ? "; the edition is not known" : "");
    case WC_NOTE_VERSION_UNKNOWN:
        return "the image doesn't say its build: whether it fits shows when it starts";
    case WC_NOTE_MEMORY:
        return "without mem_limit the machine has 1 GiB";
    case WC_NOTE_UNVERIFIED:
        return "whether the host has a hypervisor is not known";
    case WC_NOTE_DEFECT:
        return defect != NULL ? defect->text : "the two builds are known not to work";
    case WC_NOTE_EMULATED:
        return "machines are emulated here: several times slower than with KVM";
    }
    return wc_note_name(note);
}
