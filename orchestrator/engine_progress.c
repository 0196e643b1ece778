/* engine_progress.c - when a request ends, and how. It only counts: how many of its instances are
 * open, how many failed. It ends when nothing of it can come any further, so it never hangs on what
 * can't come; the engine goes on trying all the same.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_text.h"

static void detach(struct request *request)
{
    struct wc_engine *engine = request->engine;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->request == request)
            inst->request = NULL;
    }
    struct request **at = &engine->requests;
    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    if (engine->requests_tail == &request->next)
        engine->requests_tail = at;
}

static void tell_end(struct request *request, int status, const struct wc_err *err)
{
    static const char *const words[] = {
        [WC_REQUEST_APPLY] = "ready",      [WC_REQUEST_START] = "ready",
        [WC_REQUEST_STOP] = "stopped",     [WC_REQUEST_RESTART] = "ready",
        [WC_REQUEST_KILL] = "stopped",     [WC_REQUEST_DOWN] = "removed",
        [WC_REQUEST_ADOPT] = "ready",      [WC_REQUEST_SUSPEND] = "suspended",
        [WC_REQUEST_RESUME] = "resumed",   [WC_REQUEST_PAUSE] = "paused",
        [WC_REQUEST_UNPAUSE] = "unpaused",
    };
    if (status != 0 && status != WC_ERR_CANCELLED)
        wc_eng_tell_project(request, "failed", err->msg);
    else if (status == 0 && request->ask.kind != WC_REQUEST_ADOPT && !request->ask.quiet)
        wc_eng_tell_project(request, request->changed == 0 ? "unchanged" : words[request->ask.kind],
                            NULL);
}

void wc_eng_request_end(struct request *request, int status, const struct wc_err *err)
{
    detach(request);
    tell_end(request, status, err);
    if (request->ask.done != NULL)
        request->ask.done(request->ask.data, status, status != 0 ? err : NULL, request->changed);
    wc_free(request);
}

/* The root of a failure: the first instance, in start order, that failed by itself. */
static const struct inst *culprit(const struct request *request)
{
    const struct wc_engine *engine = request->engine;
    const struct inst *found = NULL;
    for (size_t i = 0; i < engine->ids.n; i++) {
        const struct inst *inst = engine->ids.entries[i].value;
        if (inst == NULL || inst->request != request || inst->verdict != VERDICT_FAILED)
            continue;
        if (inst->out.phase != WC_PHASE_BLOCKED)
            return inst;
        if (found == NULL)
            found = inst;
    }
    return found;
}

static void end_instances(struct request *request)
{
    struct wc_engine *engine = request->engine;
    char text[320];
    const struct inst *inst = request->n_failed > 0 ? culprit(request) : NULL;
    if (request->ask.kind == WC_REQUEST_APPLY && engine->net == NET_FAILED) {
        request->err = engine->net_err;
        request->status = engine->net_err.code;
        if (!wc_str_starts(request->err.msg, "service ")) /* it names who it is about */
            request->status = wc_err_wrap(&request->err, request->status, "networks");
    } else if (inst != NULL && request->status == 0) {
        bool no_driver = inst->op_failed && inst->op_code == WC_ERR_UNAVAILABLE;
        wc_eng_failure_text(inst, text, sizeof text);
        request->status = wc_err_set(&request->err, no_driver ? WC_ERR_UNAVAILABLE : WC_ERR_STATE,
                                     0, "service %s: %s", inst->svc->name, text);
    }
    bool tear_down = request->ask.kind == WC_REQUEST_DOWN && request->whole &&
                     request->status == 0 && engine->n_insts == 0;
    request->stage = tear_down ? STAGE_NET_DOWN : STAGE_END;
    if (tear_down && !request->net_down)
        wc_eng_net_down(request);
}

/* A bridge takes the kernel some 50 ms to remove: that may go on beside the removal of what has
 * ended, as soon as nothing lives that could use it. */
static bool may_lose_networks(const struct request *request)
{
    const struct wc_engine *engine = request->engine;
    if (request->ask.kind != WC_REQUEST_DOWN || !request->whole || request->net_down ||
        request->cancelled || request->status != 0 || engine->net == NET_WORKING ||
        engine->n_insts != request->n_open) /* an orphan stays, and needs them */
        return false;
    return engine->going_down == 0 && engine->n_ops[WC_VERB_LIST] == 0 &&
           engine->n_ops[WC_VERB_CREATE] == 0 && engine->n_ops[WC_VERB_START] == 0;
}

/* Moves one request on; true when it did. */
static bool turn(struct request *request)
{
    struct wc_engine *engine = request->engine;
    if (request->n_ops > 0)
        return false;
    if (request->cancelled && request->stage != STAGE_END) {
        request->status =
            wc_err_set(&request->err, WC_ERR_CANCELLED, 0, "a later request took its place");
        request->stage = STAGE_END;
    }
    switch (request->stage) {
    case STAGE_INSTANCES:
        if (request->n_open > 0 && may_lose_networks(request)) {
            wc_eng_net_down(request);
            return true;
        }
        if (request->n_open > 0 || engine->net == NET_WORKING ||
            (request->ask.kind == WC_REQUEST_APPLY && engine->net_wanted &&
             engine->net != NET_FAILED))
            return false;
        end_instances(request);
        return true;
    case STAGE_NET_DOWN:
        if (!engine->is_down) { /* nothing of it was left to be taken over, but its end isn't it */
            request->cancelled = true;
            return true;
        }
        request->stage = STAGE_VOLUMES;
        if (request->status == 0)
            wc_eng_volumes_down(request);
        return true;
    case STAGE_VOLUMES:
        request->stage = STAGE_END;
        if (request->status == 0 && engine->is_down)
            wc_eng_adopt_revision(request, NULL); /* nothing is left of it */
        return true;
    case STAGE_END:
        break;
    }
    struct wc_err err = request->err;
    wc_eng_request_end(request, request->status, &err);
    return true;
}

bool wc_eng_requests_turn(struct wc_engine *engine)
{
    for (struct request *request = engine->requests; request != NULL; request = request->next)
        if (turn(request))
            return true; /* the list may be another one now */
    return false;
}
