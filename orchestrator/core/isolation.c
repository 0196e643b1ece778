/* isolation.c - the decision, row by row: what no level helps against, who demands what, what the
 * host can give. The first row that holds is the verdict.
 */
#include "orchestrator/core/isolation.h"

#include "base/str.h"
#include "orchestrator/core/windows.h"

/* ---- what no level helps against ---- */

static bool needs_windows(const struct wc_isolation_facts *f)
{
    return f->host->os == WC_OS_LINUX && f->image->os == WC_OS_WINDOWS;
}

static bool is_unknown(const struct wc_isolation_facts *f)
{
    return f->host->os == WC_OS_WINDOWS && f->image->os == WC_OS_UNKNOWN;
}

static bool is_other_os(const struct wc_isolation_facts *f)
{
    return f->image->os != WC_OS_UNKNOWN && f->image->os != f->host->os;
}

static bool lacks_containers(const struct wc_isolation_facts *f)
{
    return f->host->os == WC_OS_WINDOWS && !wc_windows_edition(f->host->edition)->has_containers;
}

static bool is_too_old(const struct wc_isolation_facts *f)
{
    return f->host->os == WC_OS_WINDOWS && f->host->build < WC_WINDOWS_OLDEST_HOST;
}

static bool is_other_architecture(const struct wc_isolation_facts *f)
{
    return f->host->architecture != NULL && f->image->architecture != NULL &&
           !wc_streq(f->host->architecture, f->image->architecture);
}

static bool is_image_newer(const struct wc_isolation_facts *f)
{
    return f->host->os == WC_OS_WINDOWS && f->image->build != 0 &&
           !wc_windows_hyperv_fits(f->host->build, f->image->build);
}

static const struct {
    enum wc_ruling ruling;
    bool (*holds)(const struct wc_isolation_facts *facts);
} obstacles[] = {
    { WC_RULING_ENGINE_OS, needs_windows },    { WC_RULING_IMAGE_UNKNOWN, is_unknown },
    { WC_RULING_IMAGE_OS, is_other_os },       { WC_RULING_EDITION, lacks_containers },
    { WC_RULING_HOST_OLD, is_too_old },        { WC_RULING_ARCHITECTURE, is_other_architecture },
    { WC_RULING_IMAGE_NEWER, is_image_newer },
};

/* ---- who demands what ---- */

/* What somebody demands; DEFAULT: nothing. A rule that requires both levels is not one demand. */
static bool demands(const struct wc_isolation_facts *f, enum wc_demand by, enum wc_isolation level)
{
    switch (by) {
    case WC_DEMAND_HOST_POLICY:
        return (f->host_policy & WC_REQUIRES(level)) != 0;
    case WC_DEMAND_UNTRUSTED:
        return level == WC_ISOLATION_HYPERV && f->trust == WC_TRUST_UNTRUSTED;
    case WC_DEMAND_TENANT:
        return level == WC_ISOLATION_HYPERV && f->has_other_tenant;
    case WC_DEMAND_POLICY:
        return (f->policy & WC_REQUIRES(level)) != 0;
    case WC_DEMAND_ASKED:
    case WC_DEMAND_PROFILE:
    case WC_DEMAND_PROFILE_ALL:
        return f->asked == level && f->asked_by == by;
    case WC_DEMAND_HOST_DEFAULT:
    case WC_DEMANDS:
        break;
    }
    return false;
}

/* The demand of most authority for a level; HOST_DEFAULT: there is none. */
static enum wc_demand strongest(const struct wc_isolation_facts *f, enum wc_isolation level)
{
    int by = 0;
    while (by < WC_DEMAND_HOST_DEFAULT && !demands(f, (enum wc_demand)by, level))
        by++;
    return (enum wc_demand)by;
}

static bool is_rule(enum wc_demand by)
{
    return by == WC_DEMAND_HOST_POLICY || by == WC_DEMAND_POLICY;
}

/* A kernel is demanded by one, a process by the other. A rule against machines and a kernel that is
 * demanded exclude each other, and so do two words of one author; what else asks for a process is
 * raised. */
static enum wc_ruling conflict(const struct wc_isolation_facts *f, enum wc_demand process)
{
    if (is_rule(process))
        return WC_RULING_POLICY_CONFLICT;
    if (f->trust == WC_TRUST_UNTRUSTED && process != WC_DEMAND_PROFILE_ALL)
        return WC_RULING_TRUST_CONFLICT;
    return WC_RULING_OK;
}

static enum wc_isolation host_default(const struct wc_host_facts *host)
{
    if (host->level != WC_ISOLATION_DEFAULT || host->os != WC_OS_WINDOWS)
        return host->level == WC_ISOLATION_HYPERV ? WC_ISOLATION_HYPERV : WC_ISOLATION_PROCESS;
    return wc_windows_edition(host->edition)->is_server ? WC_ISOLATION_PROCESS
                                                        : WC_ISOLATION_HYPERV;
}

/* The level that is wanted, in *out with who wants it. */
static void want(const struct wc_isolation_facts *f, struct wc_verdict *out)
{
    enum wc_demand kernel = strongest(f, WC_ISOLATION_HYPERV),
                   process = strongest(f, WC_ISOLATION_PROCESS);
    *out = (struct wc_verdict){ .wanted = WC_ISOLATION_HYPERV, .by = kernel, .against = process };
    if (kernel != WC_DEMAND_HOST_DEFAULT) {
        if (process != WC_DEMAND_HOST_DEFAULT)
            out->ruling = conflict(f, process);
        return;
    }
    out->by = process;
    out->wanted = process != WC_DEMAND_HOST_DEFAULT ? WC_ISOLATION_PROCESS : host_default(f->host);
}

/* ---- what the host can give ---- */

static enum wc_ruling process_obstacle(const struct wc_isolation_facts *f)
{
    const struct wc_host_facts *h = f->host;
    if (h->os != WC_OS_WINDOWS)
        return WC_RULING_OK;
    if (f->image->build != 0 &&
        !wc_windows_process_fits(h->build, h->revision, f->image->build, f->image->revision))
        return WC_RULING_VERSION;
    if (f->is_production && wc_windows_edition(h->edition)->is_licensed_for_tests)
        return WC_RULING_CLIENT_PROD;
    return WC_RULING_OK;
}

static enum wc_ruling hyperv_obstacle(const struct wc_isolation_facts *f)
{
    if (f->host->hyperv == WC_TRI_FALSE)
        return WC_RULING_NO_HYPERVISOR;
    if (f->host->os != WC_OS_WINDOWS)
        return WC_RULING_OK;
    if (f->image->has_uvm == WC_TRI_FALSE)
        return WC_RULING_NO_UVM;
    if (f->needs_devices)
        return WC_RULING_HYPERV_DEVICES;
    return f->shares_network ? WC_RULING_HYPERV_NETWORK : WC_RULING_OK;
}

static bool is_firm(const struct wc_verdict *wanted)
{
    if (wanted->wanted == WC_ISOLATION_HYPERV)
        return wanted->by != WC_DEMAND_HOST_DEFAULT;
    return wanted->by != WC_DEMAND_HOST_DEFAULT && wanted->by != WC_DEMAND_PROFILE_ALL;
}

static void settle_process(const struct wc_isolation_facts *f, struct wc_verdict *v)
{
    enum wc_ruling obstacle = process_obstacle(f);
    bool may_raise = !is_rule(v->by) && (!is_firm(v) || f->may_raise);
    if (obstacle == WC_RULING_OK)
        return;
    v->other = hyperv_obstacle(f);
    v->level = WC_ISOLATION_DEFAULT;
    v->ruling = obstacle;
    if (may_raise && v->other == WC_RULING_OK) {
        v->level = WC_ISOLATION_HYPERV;
        v->ruling = WC_RULING_RAISED;
        v->other = obstacle;
    }
}

static void settle_hyperv(const struct wc_isolation_facts *f, struct wc_verdict *v)
{
    enum wc_ruling obstacle = hyperv_obstacle(f);
    bool may_trust = !is_firm(v) && f->trust == WC_TRUST_TRUSTED && !f->is_production;
    if (obstacle == WC_RULING_OK)
        return;
    v->level = WC_ISOLATION_DEFAULT;
    v->ruling = obstacle;
    if (!may_trust)
        return;
    v->other = process_obstacle(f);
    if (v->other == WC_RULING_OK) {
        v->level = WC_ISOLATION_PROCESS;
        v->ruling = WC_RULING_TRUSTED;
        v->other = obstacle;
    }
}

/* ---- what there is to know ---- */

static unsigned notes_of(const struct wc_isolation_facts *f, const struct wc_verdict *v)
{
    const struct wc_host_facts *h = f->host;
    bool hyperv = v->level == WC_ISOLATION_HYPERV, windows = h->os == WC_OS_WINDOWS;
    const struct wc_windows_edition *edition = wc_windows_edition(h->edition);
    bool is_bounded = edition->max_hyperv_licence != 0 || h->edition == WC_EDITION_SERVER;
    const struct {
        bool holds;
        enum wc_isolation_note note;
    } rows[] = {
        { windows && !hyperv && edition->is_licensed_for_tests, WC_NOTE_TESTS_ONLY },
        { v->ruling == WC_RULING_RAISED, WC_NOTE_RAISED },
        { windows && hyperv && is_bounded && h->n_hyperv >= WC_WINDOWS_STANDARD_HYPERV,
          WC_NOTE_LICENCE },
        { windows && f->image->build == 0, WC_NOTE_VERSION_UNKNOWN },
        { windows && hyperv && !f->has_memory_limit, WC_NOTE_MEMORY },
        { hyperv && h->hyperv == WC_TRI_UNSET, WC_NOTE_UNVERIFIED },
        { windows && wc_windows_defect(h, f->image) != NULL, WC_NOTE_DEFECT },
        { hyperv && h->is_emulated, WC_NOTE_EMULATED },
    };
    unsigned notes = 0;
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (rows[i].holds)
            notes |= rows[i].note;
    return notes;
}

struct wc_verdict wc_isolation_decide(const struct wc_isolation_facts *facts)
{
    struct wc_verdict v;
    want(facts, &v);
    for (size_t i = 0; i < WC_COUNT(obstacles); i++) {
        if (!obstacles[i].holds(facts))
            continue;
        v.ruling = obstacles[i].ruling;
        return v;
    }
    if (v.ruling != WC_RULING_OK)
        return v;
    v.level = v.wanted;
    if (v.wanted == WC_ISOLATION_PROCESS)
        settle_process(facts, &v);
    else
        settle_hyperv(facts, &v);
    if (v.level != WC_ISOLATION_DEFAULT)
        v.notes = notes_of(facts, &v);
    return v;
}

const char *wc_demand_name(enum wc_demand demand)
{
    static const char *const names[WC_DEMANDS] = {
        [WC_DEMAND_HOST_POLICY] = "host_policy",
        [WC_DEMAND_UNTRUSTED] = "untrusted",
        [WC_DEMAND_TENANT] = "tenant",
        [WC_DEMAND_POLICY] = "policy",
        [WC_DEMAND_ASKED] = "asked",
        [WC_DEMAND_PROFILE] = "profile",
        [WC_DEMAND_PROFILE_ALL] = "profile",
        [WC_DEMAND_HOST_DEFAULT] = "default",
    };
    return (size_t)demand < WC_DEMANDS ? names[demand] : "unknown";
}

const char *wc_ruling_name(enum wc_ruling ruling)
{
    static const char *const names[WC_RULINGS] = {
        [WC_RULING_OK] = "ok",
        [WC_RULING_RAISED] = "raised",
        [WC_RULING_TRUSTED] = "trusted",
        [WC_RULING_ENGINE_OS] = "engine_os",
        [WC_RULING_IMAGE_UNKNOWN] = "image_unknown",
        [WC_RULING_IMAGE_OS] = "image_os",
        [WC_RULING_EDITION] = "edition",
        [WC_RULING_HOST_OLD] = "host_old",
        [WC_RULING_ARCHITECTURE] = "architecture",
        [WC_RULING_IMAGE_NEWER] = "image_newer",
        [WC_RULING_TRUST_CONFLICT] = "trust_conflict",
        [WC_RULING_POLICY_CONFLICT] = "policy_conflict",
        [WC_RULING_VERSION] = "version",
        [WC_RULING_CLIENT_PROD] = "client_prod",
        [WC_RULING_NO_HYPERVISOR] = "no_hypervisor",
        [WC_RULING_NO_UVM] = "no_uvm",
        [WC_RULING_HYPERV_DEVICES] = "hyperv_devices",
        [WC_RULING_HYPERV_NETWORK] = "hyperv_network",
    };
    return (size_t)ruling < WC_RULINGS ? names[ruling] : "unknown";
}

const char *wc_note_name(enum wc_isolation_note note)
{
    static const char *const names[WC_NOTES] = { "tests_only",      "raised",  "licence",
                                                 "version_unknown", "memory",  "unverified",
                                                 "defect",          "emulated" };
    for (unsigned i = 0; i < WC_NOTES; i++)
        if ((unsigned)note == 1U << i)
            return names[i];
    return "unknown";
}
