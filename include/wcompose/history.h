/* history.h - the generations of a project: which models were accepted, and what became of them
 * (contract, plain data).
 *
 * Idea:    every model that `up` sends and that differs from the one in force is a generation with
 *          a number. Reading them needs no supervisor: the state on disk is read as it is.
 * Owner:   everything lives in the caller's arena.
 * Threads: any. Blocks: for the read of a file.
 * Errors:  WC_ERR_NOENT nothing is known of the project; WC_ERR_IO, WC_ERR_PERM, WC_ERR_STATE
 *          (state of a newer version).
 */
#ifndef WCOMPOSE_HISTORY_H
#define WCOMPOSE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/state.h"

struct wc_arena;
struct wc_paths;
struct wc_project;

/* What became of a generation. */
enum wc_outcome {
    WC_OUTCOME_APPLYING,    /* under way */
    WC_OUTCOME_STABLE,      /* everything that was asked for was reached */
    WC_OUTCOME_FAILED,      /* it is in force, but not all of it came up */
    WC_OUTCOME_REJECTED,    /* refused before anything was changed: what was before holds */
    WC_OUTCOME_ROLLED_BACK, /* an earlier one was wanted back in its place */
    WC_OUTCOME_SUPERSEDED,  /* a newer one came before it was done */
};
enum { WC_OUTCOMES = WC_OUTCOME_SUPERSEDED + 1 };

/* Returns the words for an outcome: "rolled back". Never NULL. */
const char *wc_outcome_name(enum wc_outcome outcome);

/* One generation, for people and programs. */
struct wc_history_row {
    uint64_t number;
    int64_t made_at_ms, ended_at_ms; /* wall clock; ended 0 = not yet */
    enum wc_outcome outcome;
    bool in_force;      /* it is the one that is to run now */
    bool was_stable;    /* at some time, whatever its outcome is now */
    uint64_t restores;  /* the generation that it wanted back, 0 = no rollback */
    const char *source; /* files it was read from; may be NULL */
    const char *reason; /* why it failed; may be NULL */
    const char *text;   /* canonical wire text, NUL-terminated, len bytes */
    size_t len;
};

/* The last rollout of a service: a change that reached its replicas one after another. */
struct wc_rollout_row {
    const char *service;
    enum wc_rollout_state state; /* NONE: none, or given up */
    uint64_t from, to;           /* generations; from 0 = not known */
    bool back;                   /* a rollback */
    unsigned n, n_changed, failures;
    int64_t began_at_ms, ended_at_ms; /* wall clock */
    const char *reason;               /* why it stopped, or NULL */
};

/* All that are kept, oldest first, and where a rollback would lead. */
struct wc_history {
    struct wc_history_row *rows;
    size_t n;
    const struct wc_history_row *in_force; /* of rows, or NULL */
    const struct wc_history_row *back;     /* the last stable one before it, or NULL */
    struct wc_rollout_row *rollouts;       /* by service */
    size_t n_rollouts;
};

/* Reads the history of `project` from its state, whether or not a supervisor runs. */
int wc_history_read(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                    struct wc_history *out, struct wc_err *err);

/* Returns the row of that number, or NULL. */
const struct wc_history_row *wc_history_row(const struct wc_history *history, uint64_t number);

/* Makes a model of a generation's text. */
int wc_history_model(const struct wc_history_row *row, struct wc_arena *arena,
                     const struct wc_project **out, struct wc_err *err);

#endif
