/* world.h - the simulated host's data (private to drivers/sim).
 *
 * Idea:    a record for each instance that ever was, a heap of things to come, one clock. Only
 * world.c changes records; sim_driver.c turns ops into such changes.
 */
#ifndef DRIVERS_SIM_WORLD_H
#define DRIVERS_SIM_WORLD_H

#include "base/arena.h"
#include "base/map.h"
#include "drivers/sim/sim.h"

enum { SIM_VERBS = WC_VERB_VOLUME_REMOVE + 1 };

/* Something to come. `fire` runs when the clock reached at_ms. */
struct sim_event;
typedef void sim_event_fn(struct wc_sim_world *world, struct sim_event *event);
struct sim_event {
    uint64_t at_ms, seq;
    sim_event_fn *fire;
    void *subject;   /* record, op or NULL */
    uint64_t serial; /* what must still be true of the subject */
    int code, signal;
};

/* One instance that exists or existed. */
struct sim_record {
    struct wc_fact fact;              /* strings in the world's arena */
    uint64_t run;                     /* counts starts: an exit of an earlier run is void */
    uint64_t up_at_ms;                /* world time of the start */
    bool ending;                      /* its exit is planned after a signal */
    uint64_t first_ok_ms, last_ok_ms; /* of its checks in this run, 0 = none */
    uint64_t first_no_ms;             /* of those that failed, or could not be run, in a row */
    unsigned hooks_done;  /* bits of this run: post_start from bit 0, pre_stop from bit 16 */
    unsigned hooks_begun; /* the same, by one that is gone, and nobody knows how it ended */
    bool hook_failed;     /* one of the post_start hooks, as who asked was told */
    unsigned hooks_open;  /* asked for and not answered */
    int hook_codes[32];
    unsigned noes; /* how many those are */
    uint32_t ip4;  /* on its first network, since it was made or started last; 0: on none */
    const struct wc_sim_program *program;
};

struct sim_planned_fault {
    enum wc_verb verb;
    const char *service;
    unsigned times;
    int code;
    const char *message;
    struct sim_planned_fault *next;
};

struct wc_sim_world {
    struct wc_arena arena;
    uint64_t now_ms, seq, random;
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    struct wc_map records;           /* id -> sim_record */
    struct wc_map programs;          /* service -> wc_sim_program */
    struct wc_map networks, volumes; /* name -> itself, NULL when removed */
    struct wc_net_request net;       /* names and ports as NET_UP was told last */
    struct {
        unsigned min_ms, max_ms;
    } latency[SIM_VERBS];
    unsigned n_ops[SIM_VERBS];
    unsigned fault_permille;
    bool deaf;        /* what happens is not told */
    bool crashes;     /* the next close is a kill -9 */
    bool dead;        /* it has happened: who still asks isn't heard */
    unsigned late_ms; /* then: ops may be done so much later */
    enum wc_sim_fate fate;
    int64_t skew_ms; /* of the wall clock */
    struct sim_planned_fault *planned;
    struct wc_clock clock;
    wc_alarm_fn *alarm;
    void *alarm_data;
    uint64_t alarm_serial; /* an alarm that was replaced is void */
    bool alarm_set;
    struct wc_sink sink;      /* of the driver that is open, or zero */
    void (*wake)(void *data); /* something is to come: let the loop turn */
    void *wake_data;
    wc_sim_visit_fn *watch;
    void *watch_data;
    wc_sim_judge_fn *judge;
    void *judge_data;
};

uint64_t sim_random(struct wc_sim_world *world, uint64_t bound); /* 0 .. bound - 1 */

/* Puts something into the future. */
void sim_plan(struct wc_sim_world *world, uint64_t delay_ms, struct sim_event event);

/* Lets the next thing happen, moving the clock to it. False when nothing is to come. */
bool sim_turn(struct wc_sim_world *world);

/* How the service's programs behave now. */
const struct wc_sim_program *sim_program(const struct wc_sim_world *world, const char *service);

/* Which bit of hooks_done a hook has. */
unsigned sim_hook_bit(const char *once);

struct sim_record *sim_record(const struct wc_sim_world *world, const char *id);

/* An op whose caller is gone: what of it the host still does. Strings in the world's arena. */
struct sim_landing {
    struct wc_op op;
    struct wc_instance instance;
    struct wc_service spec;
    struct wc_net_request net;
    uint64_t run; /* a signal is for this one only: it goes through a pidfd; a start for what was
                     made then: it goes to its keeper */
};
struct sim_landing *sim_landing_of(struct wc_sim_world *world, const struct wc_op *op);

/* What it is to make has values that aren't there: as real drivers, it isn't made without. */
bool sim_is_closed(const struct wc_op *op);

/* A copy of names and ports. */
struct wc_net_request sim_net_copy(struct wc_arena *arena, const struct wc_net_request *net);

/* Changes of records; each reports the fact. */
struct sim_record *sim_create(struct wc_sim_world *world, const struct wc_instance *instance,
                              bool half_made);
/* Takes over what may change in place, without a report; with one. */
void sim_describe(struct wc_sim_world *world, struct sim_record *record,
                  const struct wc_instance *instance);
void sim_update(struct wc_sim_world *world, struct sim_record *record,
                const struct wc_instance *instance);
void sim_start(struct wc_sim_world *world, struct sim_record *record);
void sim_signal(struct wc_sim_world *world, struct sim_record *record, int signal);
void sim_end(struct wc_sim_world *world, struct sim_record *record, int code, int signal);
/* It stands still or goes on, with these limits changed (static text, or NULL). */
void sim_disturb(struct wc_sim_world *world, struct sim_record *record, enum wc_life life,
                 const char *drift_limits);
void sim_remove(struct wc_sim_world *world, struct sim_record *record);

/* sim_networks.c: NET_UP and NET_DOWN; NET_LOOK. */
int sim_networks(struct wc_sim_world *world, const struct wc_op *op);
int sim_net_look(const struct wc_sim_world *world, struct wc_op *op);

#endif
