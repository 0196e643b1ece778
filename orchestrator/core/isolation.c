/* isolation.c - three questions in order of weight: must it have its own kernel? did it ask for
 * one? can the host give one? What the host can't give is refused; there is no fourth question.
 */
#include "orchestrator/core/isolation.h"

#include "base/arena.h"

/* What demands a kernel of its own whatever the file asks; NULL when nothing does. */
static const char *demand(const struct wc_isolation_in *in, struct wc_arena *arena,
                          const char **code)
{
    const struct wc_service *s = in->service;
    if (s->trust == WC_TRUST_UNTRUSTED) {
        *code = "untrusted";
        return "trust: untrusted never shares a kernel";
    }
    if (s->tenant != NULL && in->other_tenant != NULL) {
        *code = "tenant";
        return wc_arena_printf(arena, "tenant %s never shares a kernel with tenant %s", s->tenant,
                               in->other_tenant);
    }
    return NULL;
}

int wc_isolation_decide(const struct wc_isolation_in *in, struct wc_arena *arena,
                        struct wc_isolation_choice *out, struct wc_err *err)
{
    const struct wc_service *s = in->service;
    struct wc_isolation_choice choice = { .level = WC_ISOLATION_PROCESS, .code = "asked" };
    choice.at = s->isolation_at;
    choice.why = "isolation: process";
    switch (s->isolation) {
    case WC_ISOLATION_PROCESS:
        break;
    case WC_ISOLATION_HYPERV:
        choice.level = WC_ISOLATION_HYPERV;
        choice.why = "isolation: hyperv";
        break;
    case WC_ISOLATION_DEFAULT:
        choice.code = "default";
        choice.why = "nothing else is asked";
        break;
    }
    if (choice.level != WC_ISOLATION_HYPERV) {
        const char *why = demand(in, arena, &choice.code);
        if (why != NULL) {
            choice.level = WC_ISOLATION_HYPERV;
            choice.why = why;
            choice.at = s->at;
        }
    }
    if (choice.level == WC_ISOLATION_HYPERV && !in->host->hyperv_usable)
        return wc_err_at(err, WC_ERR_ISOLATION, choice.at,
                         "service '%s' needs hyperv isolation (%s), which this host can't give: %s",
                         s->name, choice.why,
                         in->host->hyperv_why != NULL ? in->host->hyperv_why
                                                      : "no driver of this build offers it");
    *out = choice;
    return 0;
}
