/* engine_parts.h - what the engine asks of its parts that look after one instance: hooks.c,
 * probes.c and engine_drift.c (private to orchestrator/engine* and its parts).
 *
 * Idea:    core/step.h and core/health.h decide; there a decision becomes an op and its answer a
 * fact. What hook is to be run next follows from how many have ended in this run.
 * Owner:   an instance holds the revision whose model it was made by, for the hooks of its stop.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_PARTS_H
#define ORCHESTRATOR_ENGINE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/backoff.h"
#include "orchestrator/core/health.h"
#include "orchestrator/core/step.h"
#include "wcompose/driver.h"
#include "wcompose/event.h"

struct inst;
struct revision;
struct wc_service;
struct wc_instance;
struct wc_step_in;
struct wc_engine;

struct inst_hooks {
    struct wc_op *op;                 /* under way, or NULL */
    struct revision *made_rev;        /* whose model made it, held; NULL: not known */
    const struct wc_service *made_by; /* in that */
    unsigned n_post_done, n_pre_done; /* of this run that have ended */
    uint64_t until_ms;                /* its stop has begun: so long it waits for hooks; 0 = not */
    bool failed;                      /* one of this run's start */
};

/* What somebody else changed of it. Texts are owned; NULL: nothing. */
struct inst_drift {
    char *limits, *links;           /* as the last fact has it */
    char *told_limits, *told_links; /* as people know it */
    char *told_failure;             /* why it can't be put back */
    bool told_paused;
    unsigned n_mends; /* in a row, without a long time of peace between */
    uint64_t mended_at_ms, delay_ms, retry_at_ms;
};

/* What step() is to know of them. */
void wc_eng_hook_inputs(const struct inst *inst, struct wc_step_in *in);
/* True while its start isn't over, or has failed. */
bool wc_eng_has_hooks_left(const struct inst *inst);
/* Runs the next one, unless one is under way. The time of those before a stop begins with the first
 * call: grace_ms for all of them. */
void wc_eng_post_start(struct inst *inst);
void wc_eng_pre_stop(struct inst *inst, uint64_t grace_ms);
/* A new run. */
void wc_eng_hooks_begin(struct inst *inst);
/* It was left alone for a while: a stop that waited for hooks has its time anew. */
void wc_eng_hooks_again(struct inst *inst);

/* observe.c: of its restarts, by its policy. */
struct wc_restart_pace wc_eng_pace(const struct inst *inst);
/* engine_tally.c: what were wanted of it right now if it weren't suspended. */
enum wc_goal wc_eng_goal_meant(const struct inst *inst);

/* ---- engine_inplace.c ---- */

struct inst_inplace {
    unsigned failures; /* of UPDATE, in a row */
    uint64_t retry_at_ms;
    bool refused; /* only a new one can have it; replaced when its turn comes */
    bool remade;  /* it is replaced for that, and not ready yet */
    char *why, *error;
};

/* What step() is to know. */
void wc_eng_inplace_inputs(const struct inst *inst, struct wc_step_in *in);
/* It is to be as `want` says from now on; its former is how it was to be before. */
void wc_eng_inplace_rebind(struct inst *inst, const struct wc_instance *want);
/* An UPDATE has ended. */
void wc_eng_inplace_done(struct inst *inst, const struct wc_op *op);
/* Before a decision: one that was refused is to be made anew, when it may. After one: those that
 * wait for this one look again. */
void wc_eng_inplace_turn(struct inst *inst);
void wc_eng_inplace_after(struct inst *inst);
/* False when nothing of it fails. */
bool wc_eng_inplace_text(const struct inst *inst, char *out, size_t size);
/* engine_drift.c */
void wc_eng_drift_take(struct inst *inst, const struct wc_fact *fact);
void wc_eng_drift_inputs(const struct inst *inst, struct wc_step_in *in);
void wc_eng_drift_tell(struct inst *inst); /* what people don't know yet */
void wc_eng_drift_mended(struct inst *inst);
void wc_eng_drift_failed(struct inst *inst, const struct wc_err *err);
void wc_eng_drift_anew(struct inst *inst); /* a person asks: it is put right at once */
void wc_eng_drift_free(struct inst *inst);
bool wc_eng_is_pause_wished(const struct inst *inst); /* by a person, with our own verb */
bool wc_eng_is_frozen(const struct inst *inst);       /* it stands still, and nobody of us asked */

/* probes.c */
void wc_eng_check_of(struct inst *inst);           /* its check, from service and image */
void wc_eng_probe(struct inst *inst);              /* starts one when it is due */
uint64_t wc_eng_probe_at(const struct inst *inst); /* when the next one is due; 0 = never */
void wc_eng_notified(struct inst *inst);           /* takes what its last fact says of it */
bool wc_eng_is_sick(const struct inst *inst);      /* to be restarted for its failed checks */

/* ---- engine_ops.c: ops on their way to a driver and back, ----
 * An op is on the heap, whoever submits it. */

struct wc_driver *wc_eng_driver(struct wc_engine *engine, enum wc_isolation level);
struct wc_op *wc_eng_op(struct wc_engine *engine, enum wc_verb verb, wc_op_done_fn *done,
                        void *data);
void wc_eng_submit_op(struct wc_engine *engine, enum wc_isolation level, struct wc_op *op);
void wc_eng_op_end(struct wc_engine *engine, struct wc_op *op); /* counts and frees */

/* False: it stands in line, and is reviewed when there is room. */
bool wc_eng_has_room(struct inst *inst, enum wc_verb verb);
void wc_eng_capacity(struct wc_engine *engine); /* lets those that wait for room try again */

/* ---- engine_counts.c ---- */

/* It was stopped for failed checks: by us, or by a predecessor that is gone. */
bool wc_eng_has_ended_sick(const struct inst *inst);
/* Of what kind its last end was. */
enum wc_end wc_eng_end_of(const struct inst *inst);

/* An op has ended. */
void wc_eng_note_op(struct wc_engine *engine, const struct wc_op *op);
/* Why an op that is to be submitted is done, for who counts them. */
enum wc_op_reason wc_eng_op_reason(const struct inst *inst, enum wc_verb verb);
/* A health check has ended. */
void wc_eng_note_probe(struct wc_engine *engine, const struct wc_op *op, enum wc_probe answer);
/* After each review: how long one that is ready for the first time took since it was made. */
void wc_eng_note_ready(struct inst *inst);

#endif
