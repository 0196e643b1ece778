/* engine_aside.h - two incarnations of a replica on the project's networks (private to
 * orchestrator/engine* and its parts).
 *
 * Idea:    what is there and isn't what a revision wants in its slot is "aside" of it, while the
 * new one comes beside it: its address stays its own. Names and published ports lead to one of
 *          them; core/front.h says to which, NET_UP makes it so ("led"), and only then the other
 *          one is asked to stop.
 * Owner:   a revision holds the ones that those aside were made by, until another takes its place.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_ASIDE_H
#define ORCHESTRATOR_ENGINE_ASIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "orchestrator/core/address.h"
#include "wcompose/driver.h"

struct inst;
struct revision;
struct wc_engine;
struct wc_request;

/* One that is there beside the one that is wanted. */
struct aside {
    struct inst *inst;     /* NULL: it is gone */
    struct revision *held; /* that made it; NULL: not known, or the one that it is aside of */
    const struct wc_service *service;
};

/* What an instance's networks know of it. */
struct inst_front {
    size_t place; /* its slot in the plan of the revision in force, from 1; 0: none */
    bool leads;   /* names and ports are to lead to it, */
    bool shown;   /* as the request says that was made last, */
    bool led;     /* and as NET_UP has done */
    bool trusted; /* it was ready, in this run or by a predecessor's word, and nothing says that it
                     isn't any more */
};

/* The digits of an id that tell incarnations apart. Borrowed from it. */
const char *wc_eng_incarnation(const char *id);

/* Finds those that need an address beside the revision's own instances, which are known. With
 * rev->no_surge only those that have one anyway. */
void wc_eng_find_asides(struct wc_engine *engine, const struct wc_request *ask,
                        struct revision *rev);
struct wc_address_slot wc_eng_aside_slot(struct revision *rev, size_t nth);
bool wc_eng_is_aside_of(const struct revision *rev, const struct inst *inst);
void wc_eng_asides_drop(struct revision *rev);

/* After a revision came into force: who leads is who led before. */
void wc_eng_front_bind(struct wc_engine *engine);

/* Decides anew who leads in the replica of this one. */
void wc_eng_front_review(struct inst *inst);

/* True while it may not be stopped, as another one is to lead and doesn't yet. */
bool wc_eng_front_yields(const struct inst *inst);

/* True when names and ports lead to it, or there is nothing to lead. */
bool wc_eng_front_has(const struct inst *inst);

/* True when another one that is aside leads in its replica, and runs. */
bool wc_eng_front_is_behind(const struct inst *inst);

/* It is gone: its address is given back. */
void wc_eng_front_bury(struct inst *inst);

/* Makes the request of the revision in force say who leads; has it done; it is done. */
void wc_eng_front_show(struct wc_engine *engine);
void wc_eng_front_shown(struct wc_engine *engine);

/* The hash of all that NET_UP is told, to know whether it must be told again. */
void wc_eng_net_hash(const struct wc_net_request *net, char out[65]);

#endif
