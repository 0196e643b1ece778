/* supervisor_resume.c - taking up what an earlier supervisor left: its model, what people wanted of
 * services, and the requests that it had not finished.
 *
 * What exists is adopted first, under the model in force. Services that a person stopped are
 * stopped again, which does nothing where they are: so one that was stopped while it waited for a
 * restart stays down. Then the requests go on in the order in which they were made, by the ordinary
 * way; what was started or made since a request is left alone by it, and what was stopped since by
 * a request that is done is stopped again before anything of it comes up.
 */
#include "orchestrator/supervisor_priv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

static void on_adopted(void *data, int status, const struct wc_err *err, unsigned changed)
{
    (void)changed;
    if (status != 0 && status != WC_ERR_CANCELLED) /* else a request that goes on took its place */
        wc_log(WC_LOG_WARN, "supervisor", "adopt: %s", err != NULL ? err->msg : "failed");
    wc_sup_call_free(data);
}

/* Asks the engine for something of our own. */
static void submit_own(struct wc_supervisor *sup, struct wc_request *request)
{
    struct wc_sup_call *call = wc_sup_call_new(sup, NULL, 0);
    call->kind = request->kind;
    request->timeout_ms = WC_UNSET;
    request->quiet = true;
    request->done = on_adopted;
    request->data = call;
    wc_engine_submit(sup->engine, request);
}

/* What is handed to the engine with a model. */
struct kept {
    struct wc_intent *intents;
    size_t n;
    struct wc_rollout_note *rollouts;
    size_t n_rollouts;
    bool is_former;
    const char **services; /* is_former: whose rollouts began at it */
    size_t n_services;
};

/* One try; with nothing kept: what exists is all that is wanted. */
static int adopt(struct wc_supervisor *sup, const struct wc_sup_model *model,
                 const struct kept *kept, struct wc_err *err)
{
    struct wc_request request = { .kind = WC_REQUEST_ADOPT,
                                  .intents = kept->intents,
                                  .n_intents = kept->n,
                                  .rollouts = kept->rollouts,
                                  .n_rollouts = kept->n_rollouts,
                                  .is_former = kept->is_former,
                                  .services = kept->services,
                                  .n_services = kept->n_services,
                                  .remove_orphans = kept->n > 0 && sup->ledger.prune };
    struct wc_project *project = NULL;
    int rc = wc_sup_load_model(model->text, model->len, &request.arena, &project, err);
    if (rc != 0)
        return rc;
    wc_sup_scale_as_meant(sup, project);
    request.project = project;
    submit_own(sup, &request);
    return 0;
}

static void adopt_former(struct wc_supervisor *sup, const struct wc_generation *former,
                         const char **services, size_t n_services)
{
    const struct wc_sup_model model = { .text = former->text, .len = former->len };
    const struct kept kept = { .is_former = true, .services = services, .n_services = n_services };
    struct wc_err err = { 0 };
    if (adopt(sup, &model, &kept, &err) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "generation @%llu, before a rollout, is not used: %s",
               (unsigned long long)former->number, err.msg);
}

/* Replicas whose turn has not come are of models before: of that at which the rollout of their
 * service began, or of one that came while it went on. All of these are known first, oldest first.
 * Those that can't be used have replicas that nobody knows how to look after: they are replaced at
 * once. */
static void adopt_formers(struct wc_supervisor *sup, struct wc_arena *arena)
{
    bool begun = false;
    for (size_t i = 0; i < sup->ledger.n_generations; i++) {
        const struct wc_generation *at = &sup->ledger.generations[i];
        const char **services;
        size_t n = wc_sup_rollouts_from(sup, at->number, arena, &services);
        begun = begun || n > 0;
        if (begun && at->number < sup->ledger.in_force && at->outcome != WC_OUTCOME_REJECTED)
            adopt_former(sup, at, services, n);
    }
}

/* What is to be made again may be impossible by now (its image is gone); what runs is looked after
 * all the same. The engine says so at once: it has no other model than before. */
int wc_sup_adopt(struct wc_supervisor *sup, const char *text, size_t len, struct wc_err *err)
{
    const struct wc_sup_model model = { .text = text, .len = len };
    struct kept kept = { 0 };
    struct wc_arena scratch;
    wc_arena_init(&scratch);
    kept.n = wc_sup_kept_intents(sup, &scratch, &kept.intents);
    kept.n_rollouts = wc_sup_kept_rollouts(sup, &scratch, &kept.rollouts);
    adopt_formers(sup, &scratch);
    const struct wc_project *before = wc_engine_project(sup->engine);
    int rc = adopt(sup, &model, &kept, err);
    if (rc == 0 && kept.n > 0 && wc_engine_project(sup->engine) == before)
        rc = adopt(sup, &model, &(struct kept){ 0 }, err);
    wc_arena_deinit(&scratch);
    return rc;
}

struct stopping {
    const struct wc_supervisor *sup;
    const char **names;
    size_t n;
};

static void note_stopped(void *data, const struct wc_instance_status *status)
{
    struct stopping *stopping = data;
    const struct wc_wish *wish = wc_ledger_wish(&stopping->sup->ledger, status->fact.service);
    bool is_same = stopping->n > 0 &&
                   wc_streq(stopping->names[stopping->n - 1], wish != NULL ? wish->service : "");
    if (wish != NULL && wish->stopped && !is_same)
        stopping->names[stopping->n++] = wish->service;
}

static void stop_again(struct wc_supervisor *sup)
{
    struct stopping stopping = { .sup = sup };
    stopping.names = wc_calloc(sup->ledger.n_wishes + 1, sizeof *stopping.names);
    wc_engine_visit(sup->engine, note_stopped, &stopping);
    struct wc_request request = { .kind = WC_REQUEST_STOP,
                                  .services = stopping.names,
                                  .n_services = stopping.n };
    if (stopping.n > 0)
        submit_own(sup, &request);
    wc_free(stopping.names);
}

static int go_on(struct wc_sup_call *call, const struct wc_ask *ask, struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    struct wc_request request = { 0 };
    struct wc_arena scratch;
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    wc_arena_init(&scratch);
    int rc = wc_json_parse(ask->key, strlen(ask->key), &header, err);
    if (rc == 0)
        rc = wc_sup_read_request(header, &scratch, &request, err);
    if (rc == 0 && !wc_sup_kind_of(ask->verb, &request.kind))
        rc = wc_err_set(err, WC_ERR_STATE, 0, "unknown verb '%.40s'", ask->verb);
    request.since_ms = ask->at_ms;
    request.keeps_suspended = true; /* one that there is now came later */
    request.force_recreate = ask->force;
    const struct wc_generation *made = wc_ledger_generation(&sup->ledger, ask->number);
    if (rc == 0 && request.kind == WC_REQUEST_APPLY) {
        const struct wc_sup_model model = { .text = made->text, .len = made->len };
        rc = wc_sup_apply(call, &request, header, &model, err);
    } else if (rc == 0) {
        wc_sup_submit(call, &request);
    }
    wc_arena_deinit(&scratch);
    return rc;
}

/* A rollout of it has failed: it isn't gone on with, the version before is wanted back. */
static bool is_given_up(struct wc_supervisor *sup, const struct wc_ask *ask)
{
    for (size_t i = 0; ask->number != 0 && i < sup->ledger.n_rollouts; i++) {
        const struct wc_rollout_row *r = &sup->ledger.rollouts[i];
        if (r->state == WC_ROLLOUT_FAILED && r->to == ask->number)
            return true;
    }
    return false;
}

static void give_up(struct wc_supervisor *sup, const struct wc_ask *ask)
{
    struct wc_err err = { 0 };
    struct wc_sup_call *call = wc_sup_call_new(sup, NULL, 0);
    call->ask = ask->id;
    call->kind = WC_REQUEST_APPLY;
    call->is_newest = true;
    call->project = wc_engine_project(sup->engine);
    int rc = wc_err_set(&err, WC_ERR_STATE, 0, "a rollout failed");
    wc_sup_conclude(call, rc, &err);
    wc_sup_call_free(call);
    sup->wants_rollback = true;
}

static void take_up(struct wc_supervisor *sup, uint64_t id)
{
    const struct wc_ask *ask = wc_ledger_ask(&sup->ledger, id);
    struct wc_err err = { 0 };
    if (ask == NULL)
        return;
    if (is_given_up(sup, ask)) {
        give_up(sup, ask);
        return;
    }
    wc_log(WC_LOG_INFO, "supervisor", "%s: going on with '%s'", sup->config.project, ask->verb);
    if (ask->text != NULL && wc_ledger_accepted(&sup->ledger) == NULL &&
        wc_sup_adopt(sup, ask->text, ask->len, &err) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "%s: its model is not used: %s", ask->verb, err.msg);
    struct wc_sup_call *call = wc_sup_call_new(sup, NULL, 0);
    call->ask = id;
    wc_buf_adds(&call->key, ask->key);
    int rc = go_on(call, ask, &err);
    if (rc == 0)
        return;
    wc_log(WC_LOG_WARN, "supervisor", "%s: a request can't be gone on with: %s",
           sup->config.project, err.msg);
    wc_sup_conclude(call, rc, &err); /* or every successor would try */
    wc_sup_call_free(call);
}

void wc_sup_resume(struct wc_supervisor *sup)
{
    const struct wc_generation *now = wc_ledger_accepted(&sup->ledger);
    struct wc_err err = { 0 };
    if (now != NULL && wc_sup_adopt(sup, now->text, now->len, &err) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "%s: the accepted model is not used: %s",
               sup->config.project, err.msg);
    sup->wants_rollback = wc_sup_has_failed_rollout(sup); /* no time was left for it */
    if (sup->ledger.n_wants == 0) /* a predecessor that kept no more than wishes */
        stop_again(sup);
    size_t n = sup->ledger.n_asks;
    uint64_t *ids = wc_calloc(n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = sup->ledger.asks[i].id;
    bool applies = false;
    for (size_t i = 0; i < n; i++) {
        const struct wc_ask *ask = wc_ledger_ask(&sup->ledger, ids[i]);
        applies = applies || (ask != NULL && wc_streq(ask->verb, "apply"));
        take_up(sup, ids[i]);
    }
    wc_free(ids);
    if (applies) /* it began all of it: what was stopped after it was asked for too */
        stop_again(sup);
    const struct wc_generation *then = wc_ledger_accepted(&sup->ledger);
    if (then != NULL && then != now && wc_sup_adopt(sup, then->text, then->len, &err) != 0)
        wc_log(WC_LOG_WARN, "supervisor", "%s: the model before it is not used: %s",
               sup->config.project, err.msg);
}
