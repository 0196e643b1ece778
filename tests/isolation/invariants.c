/* invariants.c - what must hold of the isolation decision for every combination of inputs.
 *
 * A program of its own, in strict C11 without a sanitizer: what it proves grows with the number of
 * combinations. Without an argument two slices are gone through, each complete in what it varies:
 * all demands over hosts that differ in what they can give, and all hosts and images over the
 * demands that matter there. With "all" it is the whole product, in about a minute.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "orchestrator/core/isolation.h"
#include "orchestrator/core/windows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned long long n_tried, n_broken;
static unsigned long long n_by_ruling[WC_RULINGS];

static const struct {
    enum wc_isolation level;
    enum wc_demand by;
} asks[] = {
    { WC_ISOLATION_DEFAULT, WC_DEMAND_ASKED },      { WC_ISOLATION_PROCESS, WC_DEMAND_ASKED },
    { WC_ISOLATION_PROCESS, WC_DEMAND_PROFILE },    { WC_ISOLATION_PROCESS, WC_DEMAND_PROFILE_ALL },
    { WC_ISOLATION_HYPERV, WC_DEMAND_ASKED },       { WC_ISOLATION_HYPERV, WC_DEMAND_PROFILE },
    { WC_ISOLATION_HYPERV, WC_DEMAND_PROFILE_ALL },
};

static const unsigned requirements[] = {
    0,
    WC_REQUIRES(WC_ISOLATION_PROCESS),
    WC_REQUIRES(WC_ISOLATION_HYPERV),
    WC_REQUIRES(WC_ISOLATION_PROCESS) | WC_REQUIRES(WC_ISOLATION_HYPERV),
};

static void broken(const struct wc_isolation_facts *f, const struct wc_verdict *v, const char *rule)
{
    if (n_broken++ >= 20)
        return;
    printf("broken: %s\n  asked %d by %s, trust %d, tenant %d, policy %u, host policy %u, "
           "production %d, raise %d, devices %d, network %d\n",
           rule, (int)f->asked, wc_demand_name(f->asked_by), (int)f->trust, f->has_other_tenant,
           f->policy, f->host_policy, f->is_production, f->may_raise, f->needs_devices,
           f->shares_network);
    printf(
        "  host os %d, edition %d, build %u, hyperv %d, level %d; image os %d, build %u, uvm %d\n"
        "  -> level %d, %s by %s\n",
        (int)f->host->os, (int)f->host->edition, f->host->build, (int)f->host->hyperv,
        (int)f->host->level, (int)f->image->os, f->image->build, (int)f->image->has_uvm,
        (int)v->level, wc_ruling_name(v->ruling), wc_demand_name(v->by));
}

#define MUST(condition, rule)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            broken(f, v, rule);                                                                    \
    } while (0)

static bool requires(unsigned policy, enum wc_isolation level)
{
    return (policy & WC_REQUIRES(level)) != 0;
}

static bool demands_kernel(const struct wc_isolation_facts *f)
{
    return f->asked == WC_ISOLATION_HYPERV || f->trust == WC_TRUST_UNTRUSTED ||
           f->has_other_tenant || requires(f->policy, WC_ISOLATION_HYPERV) ||
           requires(f->host_policy, WC_ISOLATION_HYPERV);
}

static bool forbids_kernel(const struct wc_isolation_facts *f)
{
    return requires(f->policy, WC_ISOLATION_PROCESS) ||
           requires(f->host_policy, WC_ISOLATION_PROCESS);
}

/* Nobody gets less than is demanded. */
static void check_demands(const struct wc_isolation_facts *f, const struct wc_verdict *v)
{
    bool process = v->level == WC_ISOLATION_PROCESS, kernel = v->level == WC_ISOLATION_HYPERV;
    MUST(!(process && f->trust == WC_TRUST_UNTRUSTED), "untrusted never gets process");
    MUST(!(process && f->has_other_tenant), "two tenants never share a kernel");
    MUST(!(process && f->asked == WC_ISOLATION_HYPERV), "hyperv is never lowered");
    MUST(!(process && demands_kernel(f)), "what is required is given or refused");
    MUST(!(kernel && forbids_kernel(f)), "a rule against machines holds");
    MUST(!(kernel && f->trust == WC_TRUST_UNTRUSTED && f->asked == WC_ISOLATION_PROCESS &&
           f->asked_by != WC_DEMAND_PROFILE_ALL),
         "who asks for process and is untrusted contradicts himself");
    MUST(!(kernel && f->asked == WC_ISOLATION_PROCESS && f->asked_by != WC_DEMAND_PROFILE_ALL &&
           !demands_kernel(f) && !f->may_raise),
         "an asked process isn't raised unless somebody demands or allows it");
    MUST(v->wanted != WC_ISOLATION_HYPERV || v->by == WC_DEMAND_HOST_DEFAULT || demands_kernel(f),
         "who decides has demanded");
}

/* No host gives what it can't. */
static void check_host(const struct wc_isolation_facts *f, const struct wc_verdict *v)
{
    const struct wc_host_facts *h = f->host;
    const struct wc_image_facts *i = f->image;
    bool windows = h->os == WC_OS_WINDOWS, runs = v->level != WC_ISOLATION_DEFAULT;
    bool process = v->level == WC_ISOLATION_PROCESS, kernel = v->level == WC_ISOLATION_HYPERV;
    MUST(!(kernel && h->hyperv == WC_TRI_FALSE), "no machine without a hypervisor");
    MUST(!(runs && i->os != WC_OS_UNKNOWN && i->os != h->os), "no image of another system");
    MUST(!(runs && h->architecture != NULL && i->architecture != NULL &&
           strcmp(h->architecture, i->architecture) != 0),
         "no image of another architecture");
    if (!windows)
        return;
    MUST(!(runs && i->os == WC_OS_UNKNOWN), "Windows runs no image that nothing is known of");
    MUST(!(runs && h->build < WC_WINDOWS_OLDEST_HOST), "nothing runs below 17763");
    MUST(!(runs && i->build > h->build), "no image newer than the host");
    MUST(!(runs && h->edition == WC_EDITION_HOME), "nothing runs on Home");
    MUST(!(kernel && (f->needs_devices || f->shares_network || i->has_uvm == WC_TRI_FALSE)),
         "no machine with devices, a shared network or without an image for it");
    MUST(!(process && i->build != 0 &&
           !wc_windows_process_fits(h->build, h->revision, i->build, i->revision)),
         "no process on a build that doesn't fit");
    bool client = !wc_windows_edition(h->edition)->is_server;
    bool wished =
        f->asked == WC_ISOLATION_PROCESS || forbids_kernel(f) || h->level == WC_ISOLATION_PROCESS;
    bool trusted = f->trust == WC_TRUST_TRUSTED && v->ruling == WC_RULING_TRUSTED;
    MUST(!(client && process && !wished && !trusted), "a client starts processes for who asks");
    MUST(!(client && process && f->is_production), "no production on a client as process");
}

/* Every verdict has its reason. */
static void check_reason(const struct wc_isolation_facts *f, const struct wc_verdict *v)
{
    bool runs = v->level != WC_ISOLATION_DEFAULT;
    MUST(v->level <= WC_ISOLATION_HYPERV && v->by < WC_DEMANDS && v->ruling < WC_RULINGS,
         "a verdict has a level, an author and a ruling");
    MUST(runs == (v->ruling <= WC_RULING_TRUSTED), "refused is what has a reason for it");
    MUST(!(v->ruling == WC_RULING_OK && v->level != v->wanted), "as wanted is what is ok");
    MUST(!(v->ruling == WC_RULING_RAISED &&
           (v->level != WC_ISOLATION_HYPERV || v->wanted != WC_ISOLATION_PROCESS)),
         "raised is from process to hyperv");
    MUST(!(v->ruling == WC_RULING_TRUSTED &&
           (v->by != WC_DEMAND_HOST_DEFAULT || f->trust != WC_TRUST_TRUSTED || f->is_production)),
         "only a default gives way, for the trusted, out of production");
    MUST(runs || v->notes == 0, "what doesn't run has no remarks");
    MUST(((v->notes & WC_NOTE_RAISED) != 0) == (v->ruling == WC_RULING_RAISED),
         "who is raised is told");
    MUST(!runs || v->level != WC_ISOLATION_HYPERV || f->host->hyperv != WC_TRI_UNSET ||
             (v->notes & WC_NOTE_UNVERIFIED) != 0,
         "what isn't known is said");
    MUST(!(f->host->os == WC_OS_LINUX && f->host->hyperv == WC_TRI_TRUE &&
           f->image->os == WC_OS_UNKNOWN && !runs && v->ruling != WC_RULING_TRUST_CONFLICT &&
           v->ruling != WC_RULING_POLICY_CONFLICT),
         "a host that can give all refuses nothing but conflicts");
}

/* One more demand never gives less. */
static void check_monotony(const struct wc_isolation_facts *f, const struct wc_verdict *v)
{
    struct wc_isolation_facts more[3] = { *f, *f, *f };
    more[0].trust = WC_TRUST_UNTRUSTED;
    more[1].has_other_tenant = true;
    more[2].host_policy |= WC_REQUIRES(WC_ISOLATION_HYPERV);
    for (size_t i = 0; i < COUNT(more); i++) {
        struct wc_verdict now = wc_isolation_decide(&more[i]);
        MUST(now.level != WC_ISOLATION_PROCESS, "a demand for a kernel is never met by less");
        MUST(!(v->level == WC_ISOLATION_DEFAULT && now.level == WC_ISOLATION_PROCESS),
             "a demand never allows a process");
    }
}

static void try_one(const struct wc_isolation_facts *f)
{
    const struct wc_verdict verdict = wc_isolation_decide(f), *v = &verdict;
    n_tried++;
    n_by_ruling[v->ruling]++;
    check_demands(f, v);
    check_host(f, v);
    check_reason(f, v);
    check_monotony(f, v);
}

/* ---- the combinations ---- */

/* Bits of one number, lowest first. */
static unsigned take(unsigned *number, unsigned n)
{
    unsigned rest = *number % n;
    *number /= n;
    return rest;
}

enum { N_DEMANDS = 7 * 3 * 2 * 4 * 4, N_NEEDS = 2 * 2 * 2 * 2 * 2 };

static void set_demands(struct wc_isolation_facts *f, unsigned number)
{
    unsigned ask = take(&number, COUNT(asks));
    f->asked = asks[ask].level;
    f->asked_by = asks[ask].by;
    f->trust = (enum wc_trust)take(&number, 3);
    f->has_other_tenant = take(&number, 2) != 0;
    f->policy = requirements[take(&number, COUNT(requirements))];
    f->host_policy = requirements[take(&number, COUNT(requirements))];
}

static void set_needs(struct wc_isolation_facts *f, unsigned number)
{
    f->is_production = take(&number, 2) != 0;
    f->may_raise = take(&number, 2) != 0;
    f->needs_devices = take(&number, 2) != 0;
    f->shares_network = take(&number, 2) != 0;
    f->has_memory_limit = take(&number, 2) != 0;
}

static const unsigned host_builds[] = { 14393, 17763, 19045, 20348, 22631, 26100, 26200 };
static const unsigned image_builds[] = { 0, 14393, 17763, 19041, 20348, 26100, 27000 };
static const enum wc_tri tris[] = { WC_TRI_UNSET, WC_TRI_FALSE, WC_TRI_TRUE };

enum { N_HOSTS = 1 + 5 * 7 * 2 * 3 * 3 * 2, N_LINUX = 2 * 3, N_IMAGES = 3 + 7 * 3 * 3 };

static void set_host(struct wc_host_facts *h, unsigned number)
{
    *h = (struct wc_host_facts){ .os = WC_OS_LINUX };
    if (number < N_LINUX) {
        h->architecture = take(&number, 2) == 0 ? NULL : "amd64";
        h->hyperv = tris[take(&number, 3)];
        return;
    }
    number -= N_LINUX;
    h->os = WC_OS_WINDOWS;
    h->edition = (enum wc_edition)take(&number, WC_EDITIONS);
    h->build = host_builds[take(&number, COUNT(host_builds))];
    h->architecture = take(&number, 2) == 0 ? NULL : "amd64";
    h->hyperv = tris[take(&number, 3)];
    h->level = (enum wc_isolation)take(&number, 3);
    h->n_hyperv = take(&number, 2) * 2;
    h->revision = 7171;
}

static void set_image(struct wc_image_facts *i, unsigned number)
{
    static const enum wc_os systems[] = { WC_OS_UNKNOWN, WC_OS_LINUX, WC_OS_OTHER };
    static const char *const architectures[] = { NULL, "amd64", "arm64" };
    *i = (struct wc_image_facts){ .has_uvm = WC_TRI_UNSET };
    if (number < COUNT(systems)) {
        i->os = systems[number];
        return;
    }
    number -= (unsigned)COUNT(systems);
    i->os = WC_OS_WINDOWS;
    i->build = image_builds[take(&number, COUNT(image_builds))];
    i->architecture = architectures[take(&number, COUNT(architectures))];
    i->has_uvm = tris[take(&number, COUNT(tris))];
}

/* Every demand and need; every so-manieth host and image. */
static void go(unsigned every_demand, unsigned every_place)
{
    struct wc_host_facts host;
    struct wc_image_facts image;
    struct wc_isolation_facts f = { .host = &host, .image = &image };
    const unsigned n_places = (N_HOSTS - 1 + N_LINUX) * N_IMAGES;
    for (unsigned place = 0; place < n_places; place += every_place) {
        set_host(&host, place / N_IMAGES);
        set_image(&image, place % N_IMAGES);
        for (unsigned demand = 0; demand < N_DEMANDS; demand += every_demand) {
            set_demands(&f, demand);
            for (unsigned need = 0; need < N_NEEDS; need++) {
                set_needs(&f, need);
                try_one(&f);
            }
        }
    }
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    go(1, all ? 1 : 101); /* primes: no input stays fixed */
    if (!all)
        go(53, 1);
    printf("%llu combinations, %llu broken\n", n_tried, n_broken);
    for (int i = 0; i < WC_RULINGS; i++) {
        printf("  %-16s %llu\n", wc_ruling_name((enum wc_ruling)i), n_by_ruling[i]);
        if (n_by_ruling[i] == 0) {
            printf("no combination comes to '%s'\n", wc_ruling_name((enum wc_ruling)i));
            n_broken++;
        }
    }
    return n_broken == 0 ? 0 : 1;
}
