/* isolation.h - at which level a service runs, and why (orchestrator/core, pure).
 *
 * Idea:    a promise is kept or refused with a reason, never weakened. First the demands: the
 *          strongest that anybody makes is what is wanted, and demands that exclude each other are
 *          refused. Then the host: what it can't give is refused, or raised where that is allowed.
 *          `hyperv` that somebody asked for is never answered with less.
 * Owner:   facts are borrowed for the call; the verdict is a value. Threads: none. Allocates
 * nothing. Errors:  a refusal is a verdict like others.
 * Source:  design.md section 4; docs/isolation.md; Docker Engine API, HostConfig.Isolation.
 */
#ifndef ORCHESTRATOR_CORE_ISOLATION_H
#define ORCHESTRATOR_CORE_ISOLATION_H

#include <stdbool.h>

#include "wcompose/host.h"
#include "wcompose/isolation.h"

/* Who makes a demand; in order of authority. */
enum wc_demand {
    WC_DEMAND_HOST_POLICY,
    WC_DEMAND_UNTRUSTED,
    WC_DEMAND_TENANT,
    WC_DEMAND_POLICY,
    WC_DEMAND_ASKED,        /* the service's own isolation */
    WC_DEMAND_PROFILE,      /* an active profile's, for this service */
    WC_DEMAND_PROFILE_ALL,  /* an active profile's, for all that ask for nothing */
    WC_DEMAND_HOST_DEFAULT, /* nobody: what the host does by itself */
    WC_DEMANDS
};

/* What comes of it. */
enum wc_ruling {
    WC_RULING_OK,
    WC_RULING_RAISED,  /* a process can't be had, but a kernel of its own */
    WC_RULING_TRUSTED, /* the host's default can't be had, nobody asked for it, and the service is
                           marked as trusted: a process */
    /* refused */
    WC_RULING_ENGINE_OS,
    WC_RULING_IMAGE_UNKNOWN,
    WC_RULING_IMAGE_OS,
    WC_RULING_EDITION,
    WC_RULING_HOST_OLD,
    WC_RULING_ARCHITECTURE,
    WC_RULING_IMAGE_NEWER,
    WC_RULING_TRUST_CONFLICT,
    WC_RULING_POLICY_CONFLICT,
    WC_RULING_VERSION,       /* a process can't be had: the builds differ */
    WC_RULING_CLIENT_PROD,   /* … this host is for development and tests */
    WC_RULING_NO_HYPERVISOR, /* a kernel of its own can't be had */
    WC_RULING_NO_UVM,
    WC_RULING_HYPERV_DEVICES,
    WC_RULING_HYPERV_NETWORK,
    WC_RULINGS
};

/* Things to know, as bits. */
enum wc_isolation_note {
    WC_NOTE_TESTS_ONLY = 1,      /* a process on a client edition */
    WC_NOTE_RAISED = 2,          /* more than was asked for */
    WC_NOTE_LICENCE = 4,         /* the licence may not cover it */
    WC_NOTE_VERSION_UNKNOWN = 8, /* the image doesn't say its build */
    WC_NOTE_MEMORY = 16,         /* a machine of the default size */
    WC_NOTE_UNVERIFIED = 32,     /* whether there is a hypervisor is not known */
    WC_NOTE_DEFECT = 64,         /* the two builds are known not to work */
    WC_NOTE_EMULATED = 128,      /* without the help of the processor */
};
enum { WC_NOTES = 8 };

/* Bits of `policy`: the levels that rules require. */
#define WC_REQUIRES(level) (1U << (level))

/* All that the decision depends on. */
struct wc_isolation_facts {
    enum wc_isolation asked; /* by the service or a profile */
    enum wc_demand asked_by; /* ASKED, PROFILE or PROFILE_ALL; any when nothing is asked */
    enum wc_trust trust;
    bool has_other_tenant; /* it has a tenant, and another service of the project another */
    unsigned policy, host_policy;
    bool is_production; /* of a host that is for tests a process isn't taken */
    bool may_raise;     /* an asked process may be raised where it can't be had */
    bool needs_devices, shares_network, has_memory_limit;
    const struct wc_host_facts *host;
    const struct wc_image_facts *image;
};

struct wc_verdict {
    enum wc_isolation level;  /* PROCESS or HYPERV; DEFAULT: refused */
    enum wc_isolation wanted; /* what the demands come to; CONFLICT: HYPERV */
    enum wc_ruling ruling;
    enum wc_demand by;      /* the demand that decided, or the one that can't be kept */
    enum wc_demand against; /* CONFLICT: the other one */
    enum wc_ruling other;   /* RAISED, TRUSTED: why the wanted level can't be had. Refused: why the
                                other level isn't taken either; OK: it may not be */
    unsigned notes;
};

struct wc_verdict wc_isolation_decide(const struct wc_isolation_facts *facts);

/* Stable words: "untrusted", "version", "tests_only". Never NULL. */
const char *wc_demand_name(enum wc_demand demand);
const char *wc_ruling_name(enum wc_ruling ruling);
const char *wc_note_name(enum wc_isolation_note note);

#endif
