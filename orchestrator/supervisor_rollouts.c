/* supervisor_rollouts.c - what outlives the engine of a rollout: how far it has come, from which
 * generation to which; and the way back when it failed.
 *
 * The way back is an ordinary apply of the generation that was stable last, as a generation of its
 * own: all of the app goes back to what was known to work together, not one service of it. The call
 * that brought the failed generation is answered when that is over. A rollback that fails stops; it
 * is never rolled back.
 */
#include "orchestrator/supervisor_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

/* ---- writing down ---- */

struct noting {
    const struct wc_supervisor *sup;
    struct wc_arena arena;
    struct wc_rollout_row *changes;
    size_t n, cap;
};

static void add(struct noting *noting, const struct wc_rollout_row *change)
{
    noting->changes = wc_arena_grow(&noting->arena, noting->changes, noting->n, &noting->cap,
                                    sizeof *noting->changes);
    noting->changes[noting->n++] = *change;
}

/* The generation that its replicas are of which have not changed yet: that before the newest apply,
 * or, when the rollout before was not done, still the one before that. */
static uint64_t from_of(const struct wc_ledger *ledger, uint64_t newest,
                        const struct wc_rollout_row *kept)
{
    const struct wc_ask *ask = wc_ledger_ask(ledger, newest);
    if (kept != NULL && kept->to == ledger->in_force)
        return kept->from;
    if (kept != NULL && kept->state != WC_ROLLOUT_DONE)
        return kept->from;
    return ask != NULL ? ask->before : 0;
}

static bool is_same(const struct wc_rollout_row *a, const struct wc_rollout_row *b)
{
    return a->state == b->state && a->to == b->to && a->back == b->back && a->n == b->n &&
           a->n_changed == b->n_changed && a->failures == b->failures &&
           a->began_at_ms == b->began_at_ms && wc_streq0(a->reason, b->reason);
}

static void compare(void *data, const struct wc_rollout_note *note)
{
    struct noting *noting = data;
    const struct wc_supervisor *sup = noting->sup;
    const struct wc_rollout_row *kept = wc_ledger_rollout(&sup->ledger, note->service);
    const struct wc_rollout_row now = {
        .service = note->service,
        .state = note->state,
        .from = from_of(&sup->ledger, sup->newest_apply, kept),
        .to = kept != NULL && kept->began_at_ms == note->began_at_ms ? kept->to
                                                                     : sup->ledger.in_force,
        .back = note->back,
        .n = note->n,
        .n_changed = note->n_changed,
        .failures = note->failures,
        .began_at_ms = note->began_at_ms,
        .ended_at_ms = note->ended_at_ms,
        .reason = note->reason,
    };
    bool news = kept == NULL ? now.state != WC_ROLLOUT_NONE : !is_same(kept, &now);
    if (news)
        add(noting, &now);
}

/* Of services that the model no longer has. */
static void forget_others(struct noting *noting)
{
    const struct wc_supervisor *sup = noting->sup;
    const struct wc_project *project = wc_engine_project(sup->engine);
    for (size_t i = 0; project != NULL && i < sup->ledger.n_rollouts; i++)
        if (wc_project_service(project, sup->ledger.rollouts[i].service) == NULL)
            add(noting, &(struct wc_rollout_row){ .service = sup->ledger.rollouts[i].service });
}

void wc_sup_note_rollouts(struct wc_supervisor *sup)
{
    struct noting noting = { .sup = sup };
    WC_CLEANUP_BUF struct wc_buf payload = WC_BUF_INIT;
    struct wc_err unsaid;
    sup->rollouts_moved = false;
    wc_arena_init(&noting.arena);
    wc_engine_rollouts(sup->engine, compare, &noting);
    forget_others(&noting);
    if (noting.n > 0) {
        wc_ledger_put_rollouts(&payload, noting.changes, noting.n);
        wc_sup_record(sup, WC_RECORD_ROLLOUTS, &payload);
        (void)wc_sup_commit(sup, &unsaid); /* the journal tells, and tries again */
    }
    wc_arena_deinit(&noting.arena);
}

/* ---- for a successor's engine ---- */

/* It isn't done, and what it began at is known. */
static bool is_kept(const struct wc_ledger *ledger, const struct wc_rollout_row *row)
{
    return row->state != WC_ROLLOUT_DONE && row->to == ledger->in_force &&
           wc_ledger_generation(ledger, row->from) != NULL;
}

size_t wc_sup_kept_rollouts(const struct wc_supervisor *sup, struct wc_arena *arena,
                            struct wc_rollout_note **out)
{
    const struct wc_ledger *ledger = &sup->ledger;
    size_t n = 0;
    *out = WC_NEW_ARRAY(arena, struct wc_rollout_note, ledger->n_rollouts + 1);
    for (size_t i = 0; i < ledger->n_rollouts; i++) {
        const struct wc_rollout_row *kept = &ledger->rollouts[i];
        if (is_kept(ledger, kept))
            (*out)[n++] = (struct wc_rollout_note){ .service = kept->service,
                                                    .state = kept->state,
                                                    .back = kept->back,
                                                    .failures = kept->failures,
                                                    .reason = kept->reason };
    }
    return n;
}

size_t wc_sup_rollouts_from(const struct wc_supervisor *sup, uint64_t number,
                            struct wc_arena *arena, const char ***services)
{
    const struct wc_ledger *ledger = &sup->ledger;
    size_t n = 0;
    *services = WC_NEW_ARRAY(arena, const char *, ledger->n_rollouts + 1);
    for (size_t i = 0; i < ledger->n_rollouts; i++)
        if (is_kept(ledger, &ledger->rollouts[i]) && ledger->rollouts[i].from == number)
            (*services)[n++] = ledger->rollouts[i].service;
    return n;
}

/* ---- the way back ---- */

bool wc_sup_has_failed_rollout(const struct wc_supervisor *sup)
{
    for (size_t i = 0; i < sup->ledger.n_rollouts; i++)
        if (sup->ledger.rollouts[i].state == WC_ROLLOUT_FAILED &&
            sup->ledger.rollouts[i].to == sup->ledger.in_force)
            return true;
    return false;
}

static bool is_forward(const struct wc_sup_call *call)
{
    return call->kind == WC_REQUEST_APPLY && call->is_newest && !call->is_rollback &&
           !call->is_parked;
}

static void park(struct wc_sup_call *call, const struct wc_err *err)
{
    wc_sup_conclude(call, err->code, err);
    call->failure = *err;
    call->is_parked = true;
}

bool wc_sup_park(struct wc_sup_call *call, const struct wc_err *err)
{
    struct wc_supervisor *sup = call->sup;
    if (!is_forward(call) || wc_ledger_last_stable(&sup->ledger) == NULL)
        return false;
    wc_sup_note_rollouts(sup);
    if (!wc_sup_has_failed_rollout(sup))
        return false;
    park(call, err);
    sup->wants_rollback = true;
    return true;
}

/* Calls whose request is still under way in the engine: something of it is on its way down. */
static void park_open(struct wc_supervisor *sup)
{
    struct wc_err err = { 0 };
    for (size_t i = 0; i < sup->ledger.n_rollouts && err.code == 0; i++) {
        const struct wc_rollout_row *r = &sup->ledger.rollouts[i];
        if (r->state == WC_ROLLOUT_FAILED && r->to == sup->ledger.in_force)
            (void)wc_err_set(&err, WC_ERR_STATE, 0, "service %s: the rollout failed: %s",
                             r->service, r->reason != NULL ? r->reason : "no reason is known");
    }
    for (struct wc_sup_call *call = sup->calls; call != NULL; call = call->next)
        if (is_forward(call))
            park(call, &err);
}

void wc_sup_unpark(struct wc_supervisor *sup, int status, const struct wc_err *err)
{
    const struct wc_generation *now = wc_ledger_accepted(&sup->ledger);
    for (struct wc_sup_call *call = sup->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (!call->is_parked)
            continue;
        struct wc_err why = call->failure;
        size_t len = strlen(why.msg);
        if (status == 0 && now != NULL)
            snprintf(why.msg + len, sizeof why.msg - len, "; rolled back to generation @%llu",
                     (unsigned long long)now->restores);
        else
            snprintf(why.msg + len, sizeof why.msg - len, "; the rollback failed: %.100s",
                     err != NULL ? err->msg : "no reason is known");
        call->is_parked = false;
        wc_sup_finish(call, why.code, &why, 0);
    }
}

static void roll_back(struct wc_supervisor *sup)
{
    const struct wc_generation *target = wc_ledger_last_stable(&sup->ledger);
    struct wc_err err = { 0 };
    WC_CLEANUP_JSON struct wc_json *header = NULL;
    if (target == NULL || !wc_sup_has_failed_rollout(sup)) {
        wc_sup_unpark(sup, WC_ERR_NOENT, NULL);
        return;
    }
    park_open(sup);
    wc_log(WC_LOG_WARN, "supervisor", "%s: going back to generation @%llu", sup->config.project,
           (unsigned long long)target->number);
    struct wc_sup_call *call = wc_sup_call_new(sup, NULL, 0);
    struct wc_request request = { .wait = WC_WAIT_STARTED,
                                  .timeout_ms = WC_UNSET,
                                  .keeps_suspended = true };
    const struct wc_sup_model model = { target->text, target->len, target->number };
    call->is_rollback = true;
    int rc = wc_json_parse("{}", 2, &header, &err);
    if (rc == 0) {
        wc_sup_write_key(&request, header, &call->key);
        rc = wc_sup_apply(call, &request, header, &model, &err);
    }
    if (rc == 0)
        return;
    wc_sup_call_free(call);
    wc_sup_unpark(sup, rc, &err);
}

void wc_sup_turn_rollouts(struct wc_supervisor *sup)
{
    if (sup->rollouts_moved)
        wc_sup_note_rollouts(sup);
    if (!sup->wants_rollback)
        return;
    sup->wants_rollback = false;
    roll_back(sup);
}
