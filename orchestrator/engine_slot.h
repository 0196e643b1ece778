/* engine_slot.h - what the engine keeps of a rollout, and of an instance in it (private to
 * orchestrator/engine* and its parts).
 *
 * Owner:   a rollout belongs to its service and lives until the next one, or until `down`.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_SLOT_H
#define ORCHESTRATOR_ENGINE_SLOT_H

#include "orchestrator/core/rollout.h"

struct revision;
struct svc;
struct wc_engine;

/* How an instance was wanted before the model that is in force; holds the revision. */
struct former {
    const struct wc_instance *instance; /* NULL: it wasn't */
    struct revision *rev;
};

struct rollout {
    struct svc *svc;
    struct wc_rollout_conf conf; /* latched */
    struct wc_rollout now;
    bool back;    /* a rollback */
    bool no_deps; /* it doesn't wait for what the new version needs */
    bool dirty;
    unsigned n, n_changed; /* replicas; those that are new and stayed ready */
    uint64_t wake_at_ms;
    int64_t began_at_ms, ended_at_ms; /* wall clock */
    char reason[320];                 /* why it stopped */
    struct rollout *next;             /* of those that are under way */
};

/* What somebody else changed of the networks. */
struct net_drift {
    bool look_wanted, changed; /* changed: and not put back yet */
    unsigned n_mends;
    uint64_t mended_at_ms, delay_ms;
};

/* engine_netdrift.c */
void wc_eng_on_net_news(void *data);
void wc_eng_net_look(struct wc_engine *engine);   /* when one is wanted, and they are up */
void wc_eng_net_mended(struct wc_engine *engine); /* they are up */

#endif
