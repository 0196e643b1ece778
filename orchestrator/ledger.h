/* ledger.h - what can't be seen on the host: which models were accepted, what people asked for, and
 * what is still to be done (private to orchestrator/; docs/state.md).
 *
 * Idea:    a value that is changed by records only. Replaying the journal and living through it are
 *          the same function, so what a successor finds is what we had. Everything else (what runs,
 *          with which hash, addresses, exit codes) is on the host and isn't kept here.
 * Owner:   the ledger owns its strings; what look-ups return is borrowed until the next record.
 * Threads: a value. Errors: a record that isn't understood changes nothing.
 */
#ifndef ORCHESTRATOR_LEDGER_H
#define ORCHESTRATOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wcompose/history.h"

struct wc_json;

/* Types of records. Numbers are never used again for anything else. */
enum wc_record {
    WC_RECORD_STATE = 1,      /* all that isn't said by the others: begins a whole file */
    WC_RECORD_GENERATION = 2, /* a model was taken in; it is in force only by an ASK */
    WC_RECORD_ASK = 3,        /* a request began, with what people mean by it */
    WC_RECORD_DONE = 4,       /* it ended */
    WC_RECORD_ROLLOUTS = 6,   /* how far changes of services have come, where that changed */
    WC_RECORD_WANTS = 5,      /* what the engine was left wanting of services, where it changed */
};

enum {
    WC_LEDGER_GENERATIONS = 10, /* kept; more when more are needed */
    WC_LEDGER_ASKS_MAX = 1024,  /* under way at once; a client has at most 32 */
};

/* One model that was sent to be applied. */
struct wc_generation {
    uint64_t number;
    int64_t made_at_ms, ended_at_ms, stable_at_ms; /* wall clock; 0 = not yet, never */
    enum wc_outcome outcome;
    uint64_t restores;  /* the generation that a rollback wanted back; 0 = no rollback */
    const char *source; /* the files, for people; may be NULL */
    const char *reason; /* why it failed, or NULL */
    const char *text;   /* canonical wire text, NUL-terminated */
    size_t len;
};

/* What a person wants of one service, beyond the model. */
struct wc_wish {
    const char *service;
    bool stopped, suspended, paused;
    int64_t replicas; /* by --scale; WC_UNSET = as the model says */
};

/* What the engine wants of a service: for a successor's ADOPT. */
struct wc_kept_want {
    const char *service;
    const char *want;    /* "created", "stopped", "running"; NULL in a change: nothing any more */
    const char *hash;    /* that its instances were to have; "": any */
    const char *inplace; /* the same of what changes in place */
};

/* A request that is under way. */
struct wc_ask {
    uint64_t id;      /* 0 in a new one: the ledger gives it */
    const char *verb; /* "apply", "start", "stop", "restart", "kill", "down" */
    int64_t at_ms;    /* wall clock: when it was made */
    uint64_t number;  /* apply: the generation; else 0 */
    uint64_t before;  /* apply: the one in force until then; 0 = none */
    bool force;       /* apply: --force-recreate */
    bool prune;       /* apply: --remove-orphans */
    const char *key;  /* its other members as JSON (docs/control-protocol.md) */
    const char *text; /* the model it came with when none is accepted, or NULL; len bytes */
    size_t len;
};

/* How it ended. */
struct wc_done {
    uint64_t id;
    int64_t at_ms;
    enum wc_outcome outcome; /* apply: of its generation */
    const char *reason;      /* may be NULL */
};

struct wc_ledger {
    struct wc_generation *generations; /* by number, ascending */
    size_t n_generations;
    struct wc_ask *asks; /* by id, ascending: in the order that they were made */
    size_t n_asks;
    struct wc_wish *wishes; /* by service; none that says nothing */
    size_t n_wishes;
    struct wc_kept_want *wants; /* by service */
    size_t n_wants;
    struct wc_rollout_row *rollouts; /* by service */
    size_t n_rollouts;
    uint64_t in_force; /* the generation that is to run; 0 = none */
    bool prune;        /* it was asked for with: what the model doesn't know goes */
    uint64_t last_number, last_id;
};

/* An empty one is all zero. */
void wc_ledger_deinit(struct wc_ledger *ledger);

/* Changes the value by one record. False: not understood, nothing changed. */
bool wc_ledger_apply(struct wc_ledger *ledger, unsigned type, const char *payload, size_t len);

/* Tells the value as records that give it again, in order. */
typedef void wc_ledger_record_fn(void *data, enum wc_record type, const struct wc_buf *payload);
void wc_ledger_tell(const struct wc_ledger *ledger, wc_ledger_record_fn *record, void *data);

/* Look-ups; NULL when there is none. */
const struct wc_generation *wc_ledger_generation(const struct wc_ledger *ledger, uint64_t number);
const struct wc_generation *wc_ledger_accepted(const struct wc_ledger *ledger); /* in force */
const struct wc_ask *wc_ledger_ask(const struct wc_ledger *ledger, uint64_t id);
const struct wc_wish *wc_ledger_wish(const struct wc_ledger *ledger, const char *service);

const struct wc_kept_want *wc_ledger_want(const struct wc_ledger *ledger, const char *service);

const struct wc_rollout_row *wc_ledger_rollout(const struct wc_ledger *ledger, const char *service);

/* The newest generation before the one in force that was stable and says something else: where a
 * rollback leads to. */
const struct wc_generation *wc_ledger_last_stable(const struct wc_ledger *ledger);

/* ledger_text.c: payloads of records. `changes` are what the ask means for services: each replaces
 * what was meant before. */
void wc_ledger_put_generation(struct wc_buf *out, const struct wc_generation *generation);
void wc_ledger_put_ask(struct wc_buf *out, const struct wc_ask *ask, const struct wc_wish *changes,
                       size_t n_changes);
void wc_ledger_put_done(struct wc_buf *out, const struct wc_done *done);
void wc_ledger_put_wants(struct wc_buf *out, const struct wc_kept_want *changes, size_t n);
void wc_ledger_put_rollouts(struct wc_buf *out, const struct wc_rollout_row *changes, size_t n);
void wc_ledger_put_state(struct wc_buf *out, const struct wc_ledger *ledger);

/* ledger_rollouts.c, for the ledger itself. False: a record that isn't understood. */
bool wc_ledger_take_rollouts(struct wc_ledger *ledger, const struct wc_json *head);
void wc_ledger_clear_rollouts(struct wc_ledger *ledger);
/* True while a rollout that isn't done refers to the generation. */
bool wc_ledger_is_rolling_from(const struct wc_ledger *ledger, uint64_t number);

#endif
