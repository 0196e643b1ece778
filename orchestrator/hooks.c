/* hooks.c - post_start and pre_stop: commands of the service, run inside one after the other by the
 * driver. What is to be run next follows from two counters of this run; that nothing is run twice
 * when a supervisor dies in between is the driver's doing, which notes each hook before it begins.
 *
 * A failed post_start is a failed start: the instance is stopped, and its policy decides. A failed
 * pre_stop is told, and the stop goes on: nothing may keep a thing from being stopped.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "orchestrator/bus.h"
#include "orchestrator/engine_priv.h"

struct hook_op {
    struct wc_op op; /* first: freed as the op */
    struct inst *inst;
    struct revision *rev; /* that the hook's texts are of */
    uint64_t run;
    bool after_start;
    unsigned index;
    char once[32];
};

/* What it was made by: a later model has other hooks, which aren't this one's. */
static const struct wc_service *made_by(const struct inst *inst)
{
    return inst->hooks.made_rev != NULL ? inst->hooks.made_by : NULL;
}

void wc_eng_hook_inputs(const struct inst *inst, struct wc_step_in *in)
{
    const struct wc_service *spec = made_by(inst);
    bool runs = spec != NULL && inst->fact.life == WC_LIFE_RUNNING;
    in->post_start = runs && !inst->hooks.failed && inst->hooks.n_post_done < spec->n_post_start;
    in->pre_stop = runs && inst->hooks.n_pre_done < spec->n_pre_stop;
    in->hook_failed = runs && inst->hooks.failed;
    in->hook_in_flight = inst->hooks.op != NULL;
    in->hooks_until_ms = inst->hooks.until_ms;
}

bool wc_eng_has_hooks_left(const struct inst *inst)
{
    const struct wc_service *spec = made_by(inst);
    bool up = inst->fact.life == WC_LIFE_RUNNING || inst->fact.life == WC_LIFE_PAUSED;
    return up &&
           (inst->hooks.failed || (spec != NULL && inst->hooks.n_post_done < spec->n_post_start));
}

static const char *kind_of(const struct hook_op *ho)
{
    return ho->after_start ? "post_start" : "pre_stop";
}

/* The first line that it said, or what kept it from running. */
static void why_of(const struct hook_op *ho, char *out, size_t size)
{
    const struct wc_op *op = &ho->op;
    int line = (int)strcspn(op->output, "\n");
    if (op->status != 0)
        snprintf(out, size, "%s %u: %s", kind_of(ho), ho->index + 1, op->err.msg);
    else
        snprintf(out, size, "%s %u: exited %d%s%.*s", kind_of(ho), ho->index + 1, op->exit_code,
                 line > 0 ? ": " : "", line, op->output);
}

static void note_end(struct inst *inst, const struct hook_op *ho)
{
    char why[320];
    /* begun by a predecessor, and nobody knows how it ended: it isn't run again */
    bool unknown = ho->op.status == WC_ERR_CONFLICT;
    bool failed = !unknown && (ho->op.status != 0 || ho->op.exit_code != 0);
    unsigned *done = ho->after_start ? &inst->hooks.n_post_done : &inst->hooks.n_pre_done;
    (*done)++;
    if (!failed && !unknown)
        return;
    why_of(ho, why, sizeof why);
    if (failed && ho->after_start) {
        inst->hooks.failed = true;
        inst->op_failed = true;
        inst->op_code = WC_ERR_FAILED;
        wc_eng_set(&inst->error, why);
        inst->fact.error = inst->error;
        wc_eng_tell(inst, "failed", "%s", why);
        return;
    }
    const struct wc_event event = { .type = WC_EVENT_LOG,
                                    .action = "warning",
                                    .service = inst->svc->name,
                                    .name = inst->name,
                                    .reason = why };
    wc_eng_tell_other(inst->engine, &event);
}

static void on_hook(struct wc_op *op)
{
    struct hook_op *ho = (struct hook_op *)op;
    struct inst *inst = ho->inst;
    struct wc_engine *engine = inst->engine;
    engine->now_ms = engine->clock.now(engine->clock.data);
    engine->n_hooks--;
    inst->hooks.op = NULL;
    /* what ended with its instance has not failed; nor has what found that it had ended */
    bool not_there = op->status == WC_ERR_STATE || op->status == WC_ERR_NOENT;
    bool cut_off = inst->run != ho->run || inst->fact.life != WC_LIFE_RUNNING || inst->stop_sent;
    engine->relist = engine->relist || not_there;
    if (!cut_off && !not_there && !(op->status == WC_ERR_CANCELLED && engine->closing))
        note_end(inst, ho);
    wc_eng_dirty(inst);
    wc_eng_revision_unref(ho->rev);
    wc_eng_op_end(engine, op);
}

static void run_hook(struct inst *inst, bool after_start)
{
    struct wc_engine *engine = inst->engine;
    const struct wc_service *spec = inst->hooks.made_by;
    struct hook_op *ho = wc_calloc(1, sizeof *ho);
    ho->inst = inst;
    ho->run = inst->run;
    ho->after_start = after_start;
    ho->index = after_start ? inst->hooks.n_post_done : inst->hooks.n_pre_done;
    ho->rev = inst->hooks.made_rev;
    ho->rev->refs++;
    snprintf(ho->once, sizeof ho->once, "%s.%u", kind_of(ho), ho->index);
    ho->op.verb = WC_VERB_EXEC;
    ho->op.done = on_hook;
    ho->op.id = inst->id;
    ho->op.project = engine->config.project;
    ho->op.hook = after_start ? &spec->post_start[ho->index] : &spec->pre_stop[ho->index];
    ho->op.once = ho->once;
    ho->op.deadline_ms = after_start ? 0 : inst->hooks.until_ms;
    inst->hooks.op = &ho->op;
    engine->n_hooks++;
    wc_eng_submit_op(engine, inst->fact.level, &ho->op);
}

void wc_eng_post_start(struct inst *inst)
{
    if (inst->hooks.op == NULL)
        run_hook(inst, true);
}

void wc_eng_pre_stop(struct inst *inst, uint64_t grace_ms)
{
    if (inst->hooks.until_ms == 0)
        inst->hooks.until_ms = inst->engine->now_ms + grace_ms;
    if (inst->hooks.op == NULL && grace_ms > 0)
        run_hook(inst, false);
}

void wc_eng_hooks_again(struct inst *inst)
{
    if (inst->stop_sent)
        return;
    inst->hooks.until_ms = 0;
    inst->sick = false; /* said anew when its stop begins anew */
}

void wc_eng_hooks_begin(struct inst *inst)
{
    inst->hooks.n_post_done = inst->hooks.n_pre_done = 0;
    inst->hooks.until_ms = 0;
    inst->hooks.failed = false;
}
