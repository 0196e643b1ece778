/* state.h - one running copy of a service: what should be, and what is (contract, plain data,
 * pure).
 *
 * Idea:    desired and observed are values; every decision compares them, nobody remembers events.
 * Owner:   strings are borrowed: desired ones from the arena of the spec revision, observed ones
 * from the engine. Threads: values.
 */
#ifndef WCOMPOSE_STATE_H
#define WCOMPOSE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_image_info;

/* An instance's place on one network, planned before anything starts. Addresses in host byte order.
 */
struct wc_attachment {
    const char *network; /* key in the project */
    const char *name;    /* full network name on the host */
    const char *bridge;  /* its interface on the host (max 15 characters) */
    const char *ifname;  /* inside the container: eth0, eth1 … */
    uint32_t ip4;
    uint32_t gateway4; /* 0 on an internal network: no way out */
    uint8_t prefix4;
    uint8_t mac[6];
    struct wc_strv
        names; /* what it answers to there: service, container name, aliases; lower case */
};

/* One instance as it should be. Identity is `id`; a changed service has a new hash, hence a new id.
 */
struct wc_instance {
    const char *id; /* <project>-<service>-<n>.<hash8>: names its directories; unique on the host */
    const char *name;    /* <project>-<service>-<n>, or container_name: what users see */
    const char *project; /* project name */
    const char *service; /* service name */
    unsigned index;      /* 1-based replica number */
    char hash[65];       /* spec_hash and image digest in one: a change needs a new instance */
    char inplace[65];    /* inplace_hash, which a change of needs an UPDATE; "": whatever it has */
    const struct wc_service *spec;
    const struct wc_project *model;
    const struct wc_image_info *image;
    enum wc_isolation level;          /* decided: PROCESS or HYPERV */
    const struct wc_attachment *nets; /* n_nets entries, in order of the service's networks */
    size_t n_nets;
    const char *hosts_file;  /* host path to bind at /etc/hosts; NULL: the driver writes one */
    const char *resolv_file; /* host path to bind at /etc/resolv.conf; NULL: none */
    const char *
        join_instance; /* network_mode: service:x -> id of the instance whose namespace is shared */
};

/* How far a change of a service has come; each replica is changed when its turn comes. */
enum wc_rollout_state {
    WC_ROLLOUT_NONE,    /* nothing is changed step by step */
    WC_ROLLOUT_ROLLING, /* under way */
    WC_ROLLOUT_DONE,    /* every replica is new and stayed ready */
    WC_ROLLOUT_PAUSED,  /* too many failed: what is not changed yet stays as it is */
    WC_ROLLOUT_FAILED,  /* too many failed, and the version before is wanted back */
};
enum { WC_ROLLOUT_STATES = WC_ROLLOUT_FAILED + 1 };

/* Returns the word for a state: "rolling". Never NULL. */
const char *wc_rollout_state_name(enum wc_rollout_state state);

/* The life of an instance as a driver sees it. */
enum wc_life {
    WC_LIFE_ABSENT,  /* nothing on the host */
    WC_LIFE_CREATED, /* made, its process waits to be started */
    WC_LIFE_RUNNING,
    WC_LIFE_PAUSED,
    WC_LIFE_EXITED, /* its process is gone, its writable layer and logs remain */
    WC_LIFE_BROKEN, /* something of it is there, but not usable (half-made): may only be removed */
};

/* What a running instance has said of itself (x-wcompose.probe.notify). */
enum wc_notified { WC_NOTIFIED_NOTHING, WC_NOTIFIED_READY, WC_NOTIFIED_LATE /* its watchdog */ };

/* One instance as it is: the fact that drivers report. Times are wall clock milliseconds since
 * 1970, 0 = never. */
struct wc_fact {
    const char *id, *name, *project, *service; /* borrowed for the call */
    unsigned index;
    char hash[65];
    char inplace[65]; /* inplace_hash of what it was given last; "": not known */
    enum wc_isolation level;
    enum wc_life life;
    int pid;         /* of its first process on the host, 0 when not running */
    int exit_code;   /* EXITED: 0..255; death by signal N is 128 + N */
    int exit_signal; /* the signal, or 0 */
    bool exit_known; /* EXITED: false when the status was lost */
    bool oom_killed;
    const char *cause; /* EXITED: what it ended of, where no status tells: of a machine; or NULL */
    bool earlier_boot; /* EXITED: it last ran before the machine was started */
    int64_t created_at_ms, started_at_ms, finished_at_ms;
    bool sick;                 /* its last stop was one for a failed health check (wc_op.sick) */
    bool stopped_by_user;      /* `stop` asked for it: unless-stopped and start order respect it */
    enum wc_notified notified; /* RUNNING */
    const char *notice;        /* the last STATUS= it sent, printable ASCII, or NULL */
    const char *image;         /* reference, or NULL */
    const char *layers; /* names of the store's layers its root is made of, ':' between; or NULL */
    const char *labels; /* "key=value,key=value", sorted by key; or NULL */
    const char *error;  /* why create or start failed, or NULL */
    /* RUNNING, PAUSED: what somebody else changed of it, meant -> found; NULL: nothing */
    const char *drift_limits; /* "mem_limit 67108864 -> 33554432" */
    const char *drift_links;  /* "eth0: 10.210.0.3/24 -> no address" */
};

/* Where an instance stands between what is wanted and what is (core/step.h decides). */
enum wc_phase {
    WC_PHASE_SETTLED,   /* as wanted; look at life for more */
    WC_PHASE_COMPLETED, /* ended with 0 and its policy says no more */
    WC_PHASE_STOPPED,   /* ended because a person asked; waits for one to ask again */
    WC_PHASE_FAILED,    /* will not come up by itself */
    WC_PHASE_BLOCKED,   /* what it needs can't come up */
    WC_PHASE_ACTING,    /* an op is under way, or is to be submitted now */
    WC_PHASE_HOOKS,     /* it runs, and so does a hook of its */
    WC_PHASE_STOPPING,  /* asked to end, its grace runs */
    WC_PHASE_WAIT_DEPS,
    WC_PHASE_WAIT_BACKOFF,
    WC_PHASE_WAIT_SIBLING, /* an older incarnation is still there */
    WC_PHASE_WAIT_HOST,    /* the project's networks are not as wanted yet: not there, or names and
                              ports lead to it, and are to lead to another incarnation; or its
                              encrypted files are being opened */
    WC_PHASE_WAIT_DEPENDENTS /* it goes down after those that need it */
};

/* What the health checks say; NONE: there is no check. */
enum wc_health { WC_HEALTH_NONE, WC_HEALTH_STARTING, WC_HEALTH_HEALTHY, WC_HEALTH_UNHEALTHY };

/* Returns the lower-case word for a value: "running", "healthy", "process". Never NULL. */
const char *wc_life_name(enum wc_life life);
const char *wc_health_name(enum wc_health health);
const char *wc_phase_name(enum wc_phase phase); /* "wait_deps" */
const char *wc_isolation_name(enum wc_isolation isolation);

#endif
