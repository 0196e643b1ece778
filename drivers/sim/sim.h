/* sim.h - a simulated host behind the driver table (drivers/sim).
 *
 * Idea:    the world is plain data with a virtual clock and a seed: the same seed gives the same
 * run, an hour costs microseconds. Drivers come and go over one world as processes do over one
 * host, so a test can close an engine and see what the next one adopts. Owner:   who made the
 * world; pass it as wc_driver_config.extra (wc_engine_config.driver_extra). Threads: the loop's.
 * Errors: none beyond those that ops report.
 */
#ifndef DRIVERS_SIM_SIM_H
#define DRIVERS_SIM_SIM_H

#include "wcompose/clock.h"
#include "wcompose/driver.h"

struct wc_sim_world;

extern const struct wc_driver_ops wc_sim_ops;

/* Makes an empty world; its clock starts at `start_ms` (not 0; wc_sim ops with deadlines compare
 * with it). */
struct wc_sim_world *wc_sim_world_new(uint64_t start_ms, uint64_t seed);

/* Frees it. Every driver over it must be closed. */
void wc_sim_world_free(struct wc_sim_world *world);

/* The world's clock, for wc_engine_config.clock. Borrowed from the world. */
const struct wc_clock *wc_sim_clock(struct wc_sim_world *world);

/* How programs of a service behave. */
struct wc_sim_program {
    int64_t run_ms;           /* ends by itself after so long; -1 = never */
    int exit_code;            /* then */
    int64_t stop_ms;          /* ends so long after a signal; -1 = ignores all but SIGKILL */
    bool polite;              /* ends with 0 after a signal, not with 128 and its number */
    int64_t healthy_after_ms; /* EXEC answers 1 until it ran so long, then 0; -1 = always 1 */
    bool unmakeable;          /* refused by the check before anything is made */
    int hook_code;            /* hooks end with it */
    bool exec_refused;        /* EXEC can't be run at all (status WC_ERR_FAILED) */
    bool stiff;               /* UPDATE is refused while it runs (WC_ERR_CONFLICT) */
};
/* The behaviour of services without one of their own: runs on, stops 5 ms after a signal, healthy
 * at once. */
extern const struct wc_sim_program wc_sim_program_default;

/* Sets it for a service (name copied), for instances from their next start or exec on. */
void wc_sim_set_program(struct wc_sim_world *world, const char *service,
                        const struct wc_sim_program *program);

/* How long an op of a verb takes, evenly spread; 1..3 ms when not set. */
void wc_sim_set_latency(struct wc_sim_world *world, enum wc_verb verb, unsigned min_ms,
                        unsigned max_ms);

/* Lets the next `times` ops of the verb fail with `code`; `service` NULL = any. Text is copied. */
void wc_sim_fail_next(struct wc_sim_world *world, enum wc_verb verb, const char *service,
                      unsigned times, int code, const char *message);

/* Lets every op but LIST fail with this probability; every other failure took effect all the same,
 * and a failed create may leave something half-made. 0 = none. */
void wc_sim_set_faults(struct wc_sim_world *world, unsigned permille);

/* Makes each close of the driver a kill -9 of who opened it: an op under way is lost, or has been
 * done and nobody heard of it, or is done up to late_ms later, when a successor may be at work. */
void wc_sim_set_crash(struct wc_sim_world *world, bool on, unsigned late_ms);

/* What becomes of ops that are under way at a kill -9: each by lot, or all of them the same. */
enum wc_sim_fate {
    WC_SIM_FATE_LOT,
    WC_SIM_FATE_LOST,
    WC_SIM_FATE_DONE, /* and nobody heard of it */
    WC_SIM_FATE_LATE, /* done late_ms later */
};
void wc_sim_set_fate(struct wc_sim_world *world, enum wc_sim_fate fate);

/* The kill -9 itself, at this instruction: what is submitted from now on, until the driver is
 * opened again, reaches nobody, and time stands still until then. Close the driver next. */
void wc_sim_die(struct wc_sim_world *world);

/* Nothing that was to be done later is done any more. */
void wc_sim_fence(struct wc_sim_world *world);

/* The machine is started again: what ran has ended and nobody knows how, and nothing that was under
 * way goes on. Nobody may look after the world meanwhile. */
void wc_sim_reboot(struct wc_sim_world *world);

/* Lets who looks after the world act on what it was told, before time goes on. */
void wc_sim_nudge(struct wc_sim_world *world);

/* Moves the wall clock (not the one that alarms go by). */
void wc_sim_jump(struct wc_sim_world *world, int64_t ms);

/* What the world does behind everybody's back. False when the instance isn't in that state. */
bool wc_sim_exit(struct wc_sim_world *world, const char *id, int code); /* a running one ends */
bool wc_sim_kill(struct wc_sim_world *world, const char *id);           /* … by SIGKILL */
bool wc_sim_vanish(struct wc_sim_world *world, const char *id);         /* removed by a stranger */
bool wc_sim_pause(struct wc_sim_world *world, const char *id);          /* frozen by one */
bool wc_sim_unpause(struct wc_sim_world *world, const char *id);        /* thawed by one */
bool wc_sim_meddle(struct wc_sim_world *world, const char *id);         /* its limits are changed */

bool wc_sim_cut(struct wc_sim_world *world, const char *network); /* one is deleted */

/* Keeps what happens from now on from whoever looks after it (false: tells it again). */
void wc_sim_deafen(struct wc_sim_world *world, bool deaf);

/* Reading the world. */
uint64_t wc_sim_now(const struct wc_sim_world *world);
unsigned wc_sim_count_ops(const struct wc_sim_world *world, enum wc_verb verb); /* submitted */
size_t wc_sim_count(const struct wc_sim_world *world, const char *service,
                    enum wc_life life); /* service NULL = all */
size_t wc_sim_count_networks(const struct wc_sim_world *world);
size_t wc_sim_count_volumes(const struct wc_sim_world *world);
/* The first instance of a service in a state, or NULL. Borrowed until the loop runs again. */
const struct wc_fact *wc_sim_find(const struct wc_sim_world *world, const char *service,
                                  enum wc_life life);
/* Visits all that exist. */
typedef void wc_sim_visit_fn(void *data, const struct wc_fact *fact);
void wc_sim_visit(const struct wc_sim_world *world, wc_sim_visit_fn *visit, void *data);

/* True while something is to happen: an op under way, a program that will end, an alarm. */
bool wc_sim_pending(const struct wc_sim_world *world);

/* Called after every change of an instance, before the engine hears of it; for invariants. */
void wc_sim_watch(struct wc_sim_world *world, wc_sim_visit_fn *watch, void *data);

/* Called for every op before anything is done about it; for invariants of who asks. */
typedef void wc_sim_judge_fn(void *data, const struct wc_op *op);
void wc_sim_judge(struct wc_sim_world *world, wc_sim_judge_fn *judge, void *data);

#endif
