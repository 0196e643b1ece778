/* engine_ask.h - a request while it is under way (private to orchestrator/engine* and its parts).
 *
 * Idea:    it only counts: how many of its instances are open, how many failed; which those are is
 *          noted with the instances.
 * Owner:   the engine, until its done callback has run. Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_ASK_H
#define ORCHESTRATOR_ENGINE_ASK_H

#include "wcompose/engine.h"

enum stage { STAGE_INSTANCES, STAGE_NET_DOWN, STAGE_VOLUMES, STAGE_END };

struct request {
    struct wc_engine *engine;
    struct wc_request ask; /* pointers of `services` are not kept */
    enum stage stage;
    bool cancelled, whole, net_down; /* whole: all services; net_down: NET_DOWN was asked for */
    unsigned n_open, n_failed, changed, n_ops;
    uint64_t began_ms;
    uint64_t said; /* seq of the event that tells of it */
    int status;
    struct wc_err err;
    struct request *next;
};

#endif
