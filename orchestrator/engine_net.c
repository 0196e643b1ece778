/* engine_net.c - networks and volumes of the project: up before the first create, down after the
 * last remove. They are brought up when something waits for them, so that a request without a
 * change submits nothing.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"

struct net_op {
    struct wc_op op; /* first: freed as the op */
    struct wc_engine *engine;
    struct request *request;    /* NET_DOWN, VOLUME_REMOVE */
    struct revision *rev;       /* borrowed from by the op; NULL: none */
    struct wc_net_request bare; /* NET_DOWN without a model */
};

bool wc_eng_host_ready(const struct wc_engine *engine)
{
    return engine->net == NET_UP;
}

static void dirty_waiting(struct wc_engine *engine)
{
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->out.phase == WC_PHASE_WAIT_HOST)
            wc_eng_dirty(inst);
    }
}

static void tell_network(struct wc_engine *engine, const char *action, const char *name)
{
    const struct wc_event event = { .type = WC_EVENT_NETWORK, .action = action, .name = name };
    wc_eng_tell_other(engine, &event);
}

/* Notes what is up now; what wasn't known before counts as made. */
static void note_up(struct wc_engine *engine, const struct revision *rev)
{
    const struct wc_net_request *net = &rev->nets.request;
    for (size_t i = 0; i < net->n_networks; i++) {
        if (net->networks[i].external || wc_map_get(&engine->net_names, net->networks[i].name))
            continue;
        char *name = wc_arena_strdup(&engine->arena, net->networks[i].name);
        wc_map_put(&engine->net_names, name, name);
        if (engine->requests != NULL)
            engine->requests->changed++;
        tell_network(engine, "created", name);
    }
    engine->net = NET_UP;
    engine->net_failures = 0;
    engine->net_retry_ms = 0;
    memcpy(engine->net_hash, rev->nets_hash, sizeof engine->net_hash);
    wc_eng_net_mended(engine);
}

static void note_down(struct wc_engine *engine, const struct revision *rev,
                      const struct wc_err *err)
{
    engine->net = NET_FAILED;
    engine->net_wanted = !engine->is_down; /* also when nothing waits for it */
    engine->net_err = *err;
    engine->net_failures++;
    engine->net_retry_ms =
        engine->now_ms + 100 + wc_backoff_delay_ms("networks", engine->net_failures);
    wc_log(WC_LOG_WARN, "engine", "networks: %s", err->msg);
    if (engine->net_names.n == 0 && engine->config.paths != NULL && !engine->config.preview)
        wc_networks_rollback(&rev->nets);
}

static void on_net_up(struct wc_op *op)
{
    struct net_op *no = (struct net_op *)op;
    struct wc_engine *engine = no->engine;
    engine->now_ms = engine->clock.now(engine->clock.data);
    if (op->status == 0)
        note_up(engine, no->rev);
    else
        note_down(engine, no->rev, &op->err);
    if (op->status == 0 && engine->rev == no->rev)
        wc_eng_front_shown(engine);
    if (engine->leads_changed ||
        (engine->rev != NULL && !wc_streq(engine->rev->nets_hash, no->rev->nets_hash))) {
        engine->net = NET_UNKNOWN; /* the model moved on meanwhile */
        engine->net_wanted = true;
    }
    dirty_waiting(engine);
    wc_eng_revision_unref(no->rev);
    wc_eng_op_end(engine, op);
}

static struct net_op *net_op(struct wc_engine *engine, enum wc_verb verb, wc_op_done_fn *done)
{
    struct net_op *no = wc_calloc(1, sizeof *no);
    no->op.verb = verb;
    no->op.done = done;
    no->op.project = engine->config.project;
    no->engine = engine;
    no->rev = engine->rev;
    if (no->rev != NULL)
        no->rev->refs++;
    return no;
}

void wc_eng_net_turn(struct wc_engine *engine)
{
    struct revision *rev = engine->rev;
    if (engine->net == NET_UP)
        engine->net_wanted = false;
    if (!engine->net_wanted || engine->closing || engine->net == NET_WORKING ||
        engine->n_ops[WC_VERB_NET_LOOK] > 0 || /* it reads what may be changed now */
        engine->net_retry_ms > engine->now_ms)
        return;
    engine->net_wanted = false;
    if (rev == NULL)
        return;
    wc_eng_front_show(engine);
    struct wc_err err = { 0 };
    if (engine->config.paths != NULL && !engine->config.preview &&
        wc_networks_write(&rev->nets, &err) != 0) {
        note_down(engine, rev, &err);
        dirty_waiting(engine);
        return;
    }
    if (rev->nets.request.n_networks == 0 && engine->net_names.n == 0) {
        note_up(engine, rev);
        dirty_waiting(engine);
        return;
    }
    struct net_op *no = net_op(engine, WC_VERB_NET_UP, on_net_up);
    no->op.net = &rev->nets.request;
    no->op.reason = engine->net_drift.changed  ? WC_REASON_DRIFT
                    : engine->requests != NULL ? WC_REASON_ASKED
                                               : WC_REASON_MODEL;
    engine->net = NET_WORKING;
    wc_eng_submit_op(engine, WC_ISOLATION_PROCESS, &no->op);
}

/* Takes an op of a request off; a failure is the request's. */
static void end_request_op(struct net_op *no, const char *noun)
{
    struct request *request = no->request;
    request->n_ops--;
    if (no->op.status != 0 && request->status == 0) {
        request->err = no->op.err;
        request->status = wc_err_wrap(&request->err, no->op.status, "%s", noun);
    }
    if (no->rev != NULL)
        wc_eng_revision_unref(no->rev);
}

static void on_net_down(struct wc_op *op)
{
    struct net_op *no = (struct net_op *)op;
    struct wc_engine *engine = no->engine;
    struct wc_err err = { 0 };
    engine->now_ms = engine->clock.now(engine->clock.data);
    if (op->status == 0) {
        for (size_t i = 0; i < engine->net_names.n; i++) {
            tell_network(engine, "removed", engine->net_names.entries[i].key);
            no->request->changed++;
        }
        wc_map_init(&engine->net_names, &engine->arena);
        engine->net_hash[0] = '\0';
        /* what a later request has reserved meanwhile is that one's */
        if (engine->is_down && engine->config.paths != NULL && !engine->config.preview &&
            wc_networks_release(engine->config.paths, engine->config.project, &err) != 0)
            wc_log(WC_LOG_WARN, "engine", "networks: %s", err.msg);
    }
    engine->net = NET_UNKNOWN; /* who waits for it, by a later request, asks for it anew */
    engine->net_wanted = false;
    dirty_waiting(engine);
    end_request_op(no, "networks");
    wc_eng_op_end(engine, op);
}

void wc_eng_net_down(struct request *request)
{
    struct wc_engine *engine = request->engine;
    request->net_down = true;
    if (engine->config.paths == NULL && engine->net_names.n == 0)
        return;
    engine->net = NET_WORKING;
    struct net_op *no = net_op(engine, WC_VERB_NET_DOWN, on_net_down);
    no->request = request;
    no->bare.project = engine->config.project;
    no->op.net = no->rev != NULL && no->rev->nets.request.project != NULL ? &no->rev->nets.request
                                                                          : &no->bare;
    no->op.reason = WC_REASON_ASKED;
    request->n_ops++;
    wc_eng_submit_op(engine, WC_ISOLATION_PROCESS, &no->op);
}

static void on_volume_gone(struct wc_op *op)
{
    struct net_op *no = (struct net_op *)op;
    no->engine->now_ms = no->engine->clock.now(no->engine->clock.data);
    if (op->status == 0) {
        const struct wc_event event = { .type = WC_EVENT_VOLUME,
                                        .action = "removed",
                                        .name = op->id };
        no->request->changed++;
        wc_eng_tell_other(no->engine, &event);
    }
    end_request_op(no, op->id);
    wc_eng_op_end(no->engine, op);
}

void wc_eng_volumes_down(struct request *request)
{
    struct wc_engine *engine = request->engine;
    if (!request->ask.remove_volumes || engine->rev == NULL)
        return;
    const struct wc_project *project = engine->rev->project;
    for (size_t i = 0; i < project->n_volumes; i++) {
        if (project->volumes[i].external)
            continue;
        struct net_op *no = net_op(engine, WC_VERB_VOLUME_REMOVE, on_volume_gone);
        no->request = request;
        no->op.id = project->volumes[i].name;
        no->op.reason = WC_REASON_ASKED;
        request->n_ops++;
        wc_eng_submit_op(engine, WC_ISOLATION_PROCESS, &no->op);
    }
}
