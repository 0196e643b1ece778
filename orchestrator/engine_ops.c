/* engine_ops.c - ops on their way to a driver and back. A verb has room for so many ops at a time;
 * who finds no room stands in line and is reviewed again when there is.
 */
#include "base/alloc.h"
#include "orchestrator/engine_request.h"
#include "orchestrator/engine_priv.h"

/* How many ops of a verb may be under way: what makes processes is bounded by what a host digests,
 * what only sends signals is not. */
static const unsigned room_for[ENG_VERBS] = {
    [WC_VERB_LIST] = 2,          [WC_VERB_CREATE] = 8,  [WC_VERB_START] = 8,
    [WC_VERB_STOP] = 64,         [WC_VERB_KILL] = 64,   [WC_VERB_REMOVE] = 16,
    [WC_VERB_EXEC] = 8,          [WC_VERB_NET_UP] = 1,  [WC_VERB_NET_DOWN] = 1,
    [WC_VERB_VOLUME_REMOVE] = 8, [WC_VERB_UPDATE] = 64, [WC_VERB_NET_LOOK] = 1,
    [WC_VERB_MEND] = 16,
};

struct wc_driver *wc_eng_driver(struct wc_engine *engine, enum wc_isolation level)
{
    return engine->drivers[level == WC_ISOLATION_HYPERV].driver;
}

struct wc_op *wc_eng_op(struct wc_engine *engine, enum wc_verb verb, wc_op_done_fn *done,
                        void *data)
{
    (void)engine;
    struct wc_op *op = wc_calloc(1, sizeof *op);
    op->verb = verb;
    op->done = done;
    op->data = data;
    return op;
}

void wc_eng_submit_op(struct wc_engine *engine, enum wc_isolation level, struct wc_op *op)
{
    engine->n_ops[op->verb]++;
    engine->ops_open++;
    op->level = level;
    op->began_ms = engine->now_ms;
    wc_driver_submit(wc_eng_driver(engine, level), op);
}

void wc_eng_op_end(struct wc_engine *engine, struct wc_op *op)
{
    engine->n_ops[op->verb]--;
    engine->ops_open--;
    wc_eng_note_op(engine, op);
    wc_free(op);
}

void wc_eng_capacity(struct wc_engine *engine)
{
    for (size_t verb = 0; verb < ENG_VERBS; verb++) {
        unsigned room =
            engine->n_ops[verb] < room_for[verb] ? room_for[verb] - engine->n_ops[verb] : 0;
        while (room > 0 && engine->waiting[verb] != NULL) {
            struct inst *inst = engine->waiting[verb];
            engine->waiting[verb] = inst->next_waiting;
            if (engine->waiting[verb] == NULL)
                engine->waiting_tail[verb] = &engine->waiting[verb];
            inst->waiting = false;
            if (inst->dead)
                continue;
            wc_eng_dirty(inst);
            room--;
        }
    }
}

bool wc_eng_has_room(struct inst *inst, enum wc_verb verb)
{
    struct wc_engine *engine = inst->engine;
    if (engine->n_ops[verb] < room_for[verb])
        return true;
    if (!inst->waiting) {
        inst->waiting = true;
        inst->next_waiting = NULL;
        *engine->waiting_tail[verb] = inst;
        engine->waiting_tail[verb] = &inst->next_waiting;
    }
    return false;
}
