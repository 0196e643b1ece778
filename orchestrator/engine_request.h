/* engine_request.h - how requests and rollouts set goals (private to orchestrator/engine* and its
 * parts).
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

/* True for one that lets things stand still, or go on. */
bool wc_eng_is_about_pause(const struct request *request);

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

/* ---- engine_rollout.c: changes that reach the replicas of a service one after another; which one
 * is next is core/rollout.h's to say. A replica whose turn has not come keeps its instance, which
 * is looked after as it was wanted before ("held": its `desired` is of the revision before); its
 * new instance waits ("awaits"), and nothing is done with it. When the turn comes both become what
 * they are without a rollout: one to go, one to come. ---- */

/* True for one that is kept as it was. */
bool wc_eng_is_held(const struct inst *inst);

/* The instance that takes the place of this one, or NULL. */
struct inst *wc_eng_heir(const struct inst *inst);

/* True when the change that the request makes to the service goes replica by replica. */
bool wc_eng_is_gradual(const struct request *request, const struct svc *svc);

/* True when what the request asks for, if it changes the service, brings a new instance of each
 * replica before the old one goes. */
bool wc_eng_surges(const struct wc_request *ask, const struct wc_service *service);

/* As it is to be: it runs and is healthy, or it has completed. */
bool wc_eng_is_ready(const struct inst *inst);

/* Keeps an instance that the model of the request replaces. False: it isn't one to be kept. */
bool wc_eng_hold(struct request *request, struct inst *inst);

/* Begins the rollouts of a request whose model is bound and whose instances are held. */
void wc_eng_rollouts_begin(struct request *request);

/* Moves on those under way; true when something moved. When time alone moves one: the earliest. */
bool wc_eng_rollouts_turn(struct wc_engine *engine);
uint64_t wc_eng_rollouts_wake(const struct wc_engine *engine);

/* A person stops the service: what has not changed yet stays. It goes altogether: nothing to
 * change. */
void wc_eng_rollout_pause(struct svc *svc, const char *reason);
void wc_eng_rollout_drop(struct wc_engine *engine, struct svc *svc);

/* It was suspended: what it waits for has its time anew. */
void wc_eng_rollout_go_on(struct svc *svc);

/* What a rollout says about an instance that a request waits for; VERDICT_OK: nothing. */
enum verdict wc_eng_rollout_judge(const struct inst *inst);

/* The same of a change in place. */
enum verdict wc_eng_inplace_judge(const struct inst *inst);

/* Remembers how it is wanted now as former, or forgets it. */
void wc_eng_former_keep(struct inst *inst, struct revision *rev);
void wc_eng_former_drop(struct inst *inst);

/* The life of a request: begins at once, moves on in the flush (true when something moved), ends.
 */
void wc_eng_request_begin(struct wc_engine *engine, struct request *request);
bool wc_eng_requests_turn(struct wc_engine *engine);
void wc_eng_request_end(struct request *request, int status, const struct wc_err *err);

#endif
