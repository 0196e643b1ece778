/* engine_netdrift.c - what somebody else changed of the project's networks: looked for after news
 * of the driver's and with each full look, told, and put back by bringing the networks up once
 * more.
 *
 * Instances run on meanwhile; those whose links went with a bridge get them back afterwards
 * (engine_drift.c). Who changes them again and again finds them put back ever more slowly.
 */
#include "base/log.h"
#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"
#include "base/alloc.h"

struct look_op {
    struct wc_op op; /* first: freed as the op */
    struct wc_engine *engine;
    struct revision *rev; /* whose networks are looked at; held */
};

void wc_eng_on_net_news(void *data)
{
    struct wc_engine *engine = ((struct eng_driver *)data)->engine;
    engine->net_drift.look_wanted = true;
}

static void tell(struct wc_engine *engine, const char *action, const char *reason)
{
    const struct wc_event event = {
        .type = WC_EVENT_NETWORK, .action = action, .name = engine->config.project, .reason = reason
    };
    wc_eng_tell_other(engine, &event);
}

/* When it may be put back next: at once, unless it was a moment ago. */
static uint64_t next_try(struct wc_engine *engine)
{
    struct net_drift *drift = &engine->net_drift;
    if (wc_backoff_ran_well(engine->now_ms - drift->mended_at_ms, drift->delay_ms))
        drift->n_mends = 0;
    drift->n_mends++;
    drift->delay_ms = wc_backoff_delay_ms("networks", drift->n_mends);
    drift->mended_at_ms = engine->now_ms;
    return engine->now_ms + drift->delay_ms;
}

static void on_look(struct wc_op *op)
{
    struct look_op *lo = (struct look_op *)op;
    struct wc_engine *engine = lo->engine;
    engine->now_ms = engine->clock.now(engine->clock.data);
    bool counts = engine->net == NET_UP && engine->rev == lo->rev && !engine->closing &&
                  !engine->leads_changed;
    if (op->status != 0 && !engine->closing)
        wc_log(WC_LOG_WARN, "engine", "look at networks: %s", op->err.msg);
    else if (op->exit_code != 0 && counts) {
        tell(engine, "changed", op->output);
        engine->net_drift.changed = true;
        engine->net = NET_UNKNOWN;
        engine->net_wanted = true;
        engine->net_retry_ms = next_try(engine);
    }
    wc_eng_revision_unref(lo->rev);
    wc_eng_op_end(engine, op);
}

void wc_eng_net_look(struct wc_engine *engine)
{
    const struct revision *rev = engine->rev;
    if (!engine->net_drift.look_wanted || engine->net != NET_UP || engine->closing ||
        engine->config.preview || engine->n_ops[WC_VERB_NET_LOOK] > 0)
        return;
    engine->net_drift.look_wanted = false;
    if (rev == NULL || rev->nets.request.n_networks == 0)
        return;
    struct look_op *lo = wc_calloc(1, sizeof *lo);
    lo->op.verb = WC_VERB_NET_LOOK;
    lo->op.done = on_look;
    lo->op.project = engine->config.project;
    lo->op.net = &rev->nets.request;
    lo->engine = engine;
    lo->rev = engine->rev;
    lo->rev->refs++;
    wc_eng_submit_op(engine, WC_ISOLATION_PROCESS, &lo->op);
}

void wc_eng_net_mended(struct wc_engine *engine)
{
    if (engine->net_drift.changed)
        tell(engine, "mended", NULL);
    engine->net_drift.changed = false;
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->drift.links != NULL)
            wc_eng_dirty(inst);
    }
}
