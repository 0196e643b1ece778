/* engine_request.h - how requests set goals (private to orchestrator/engine_request.c and
 * engine_apply.c).
 *
 * Idea:    a goal is set here and nowhere else; the reviews (engine_act.c) do the rest.
 * Threads: the loop's.
 */
#ifndef ORCHESTRATOR_ENGINE_REQUEST_H
#define ORCHESTRATOR_ENGINE_REQUEST_H

#include "orchestrator/engine_priv.h"

/* RUNNING or PAUSED. */
bool wc_eng_is_up(const struct inst *inst);

/* The request waits for this instance from now on; an older one that did is cancelled. */
void wc_eng_take(struct request *request, struct inst *inst);

/* True for a time after the request was made, when an earlier engine had begun it: done already. */
bool wc_eng_is_since(const struct request *request, int64_t at_ms);

/* A new attempt: former failures are forgiven. */
void wc_eng_forgive(struct inst *inst);

/* It is to run. even_completed: also a job that has ended well. */
void wc_eng_want_running(struct inst *inst, const struct wc_request *ask, bool even_completed);

/* It is to be STOPPED or GONE. */
void wc_eng_want_down(struct inst *inst, const struct wc_request *ask, enum wc_goal goal);

/* Selects along edges: what the selected services need, or what needs them by `restart: true`. */
void wc_eng_spread(struct wc_engine *engine, bool to_needed);

/* Calls `set` for each instance of the selected services; returns how many there are. */
typedef void wc_eng_goal_fn(struct request *request, struct inst *inst);
unsigned wc_eng_for_selected(struct request *request, wc_eng_goal_fn *set);

/* APPLY: the model as it says. */
int wc_eng_begin_apply(struct request *request, struct wc_err *err);

/* ADOPT, or the model that another request needs: what exists is kept; `supervise` says whether its
 * policy holds from now on. */
int wc_eng_bind_model(struct request *request, bool supervise, struct wc_err *err);

#endif
