/* engine_sealed.c - a line of revisions whose files are wanted, and one file of one of them at a
 * time in a thread.
 *
 * Values are put into the model on the loop, when no op can be reading the places that they come
 * to: an op of a service whose values are there is nobody's concern, as those stay.
 *
 * Rejected: to open them before a model is handed to the engine. Then requests would have to wait
 * for each other outside of it, in an order of their own, and a successor could not look after what
 * runs before the last file is open.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "orchestrator/engine_priv.h"
#include "orchestrator/engine_request.h"

enum { AGAIN_MS = 1000 }; /* what could not be opened isn't tried more often */

void wc_eng_sealed_init(struct wc_engine *engine)
{
    engine->sealed.cancel_fd = -1;
    engine->sealed.tail = &engine->sealed.first;
}

static struct revision *pop(struct eng_sealed *sealed)
{
    struct revision *rev = sealed->first;
    if (rev == NULL)
        return NULL;
    sealed->first = rev->sealed.next;
    if (sealed->first == NULL)
        sealed->tail = &sealed->first;
    return rev;
}

void wc_eng_sealed_deinit(struct wc_engine *engine)
{
    struct eng_sealed *sealed = &engine->sealed;
    wc_eng_revision_unref(sealed->now);
    for (struct revision *rev; (rev = pop(sealed)) != NULL;)
        wc_eng_revision_unref(rev);
    if (sealed->cancel_fd >= 0)
        close(sealed->cancel_fd);
}

/* The revision that an instance is made by. */
static struct revision *revision_of(const struct inst *inst)
{
    return wc_eng_is_held(inst) ? inst->former.rev : inst->engine->rev;
}

bool wc_eng_sealed_ready(const struct inst *inst)
{
    const struct revision *rev = inst->desired != NULL ? revision_of(inst) : NULL;
    if (rev == NULL || inst->engine->config.unsealing == NULL || rev->project->sealed == NULL ||
        rev->project->sealed->closed_in == NULL)
        return true;
    switch (wc_sealed_state(inst->desired->spec)) {
    case WC_SEALED_OPEN:
        return true;
    case WC_SEALED_UNTRIED:
        return false;
    case WC_SEALED_CLOSED:
        return inst->engine->now_ms < rev->sealed.at_ms + AGAIN_MS;
    }
    return true;
}

void wc_eng_sealed_want(struct inst *inst)
{
    struct eng_sealed *sealed = &inst->engine->sealed;
    struct revision *rev = revision_of(inst);
    if (rev->sealed.wanted)
        return;
    rev->sealed.wanted = true;
    rev->sealed.next = NULL;
    rev->refs++;
    *sealed->tail = rev;
    sealed->tail = &rev->sealed.next;
}

/* ---- in a thread ---- */

static void work(uv_work_t *work)
{
    const struct wc_engine *engine = work->data;
    engine->config.unsealing->run(engine->sealed.now->sealed.files, engine->sealed.cancel_fd);
}

static void on_worked(uv_work_t *work, int status)
{
    struct wc_engine *engine = work->data;
    (void)status; /* nobody cancels it in the pool's line */
    engine->now_ms = engine->clock.now(engine->clock.data);
    engine->sealed.now->sealed.has_news = true;
    engine->ops_open--;
}

/* ---- on the loop ---- */

static void begin(struct wc_engine *engine)
{
    struct eng_sealed *sealed = &engine->sealed;
    if (sealed->cancel_fd < 0)
        sealed->cancel_fd = eventfd(0, EFD_CLOEXEC); /* -1: it isn't given up before its time */
    sealed->work.data = engine;
    engine->ops_open++;
    uv_queue_work(engine->config.loop, &sealed->work, work, on_worked);
}

/* Nobody else holds the revision any more: what is in it doesn't matter. */
static bool is_forsaken(const struct revision *rev)
{
    return rev->refs == 1;
}

static void drop(struct wc_engine *engine)
{
    struct revision *rev = engine->sealed.now;
    engine->sealed.now = NULL;
    rev->sealed.wanted = false;
    wc_eng_revision_unref(rev);
}

static void dirty_waiting(struct wc_engine *engine)
{
    for (size_t i = 0; i < engine->ids.n; i++) {
        struct inst *inst = engine->ids.entries[i].value;
        if (inst != NULL && inst->out.phase == WC_PHASE_WAIT_HOST)
            wc_eng_dirty(inst);
    }
}

static void take_over(struct wc_engine *engine)
{
    struct revision *rev = engine->sealed.now;
    rev->sealed.has_news = false;
    rev->sealed.at_ms = engine->now_ms;
    engine->config.unsealing->settle(rev->sealed.files);
    dirty_waiting(engine);
    if (engine->config.unsealing->more(rev->sealed.files) && !is_forsaken(rev))
        begin(engine);
    else
        drop(engine);
}

static void begin_next(struct wc_engine *engine)
{
    struct revision *rev = engine->sealed.now = pop(&engine->sealed);
    rev->sealed.ops = engine->config.unsealing;
    if (rev->sealed.files == NULL)
        rev->sealed.files = engine->config.unsealing->new (rev->project);
    if (rev->sealed.files == NULL || is_forsaken(rev)) {
        drop(engine);
        return;
    }
    if (!engine->config.unsealing->more(rev->sealed.files))
        engine->config.unsealing->again(rev->sealed.files);
    begin(engine);
}

void wc_eng_sealed_turn(struct wc_engine *engine)
{
    struct eng_sealed *sealed = &engine->sealed;
    if (sealed->now != NULL && sealed->now->sealed.has_news && sealed->now->sealed.readers == 0)
        take_over(engine);
    while (sealed->now == NULL && sealed->first != NULL)
        begin_next(engine);
}

void wc_eng_sealed_cancel(struct wc_engine *engine)
{
    uint64_t one = 1;
    if (engine->sealed.cancel_fd >= 0 &&
        write(engine->sealed.cancel_fd, &one, sizeof one) != sizeof one)
        wc_log(WC_LOG_INFO, "engine", "the opening of a file goes on: %s", strerror(errno));
}

/* ---- who reads ---- */

bool wc_eng_sealed_read(const struct inst *inst, struct revision *rev)
{
    if (rev->project->sealed == NULL || wc_sealed_state(inst->desired->spec) == WC_SEALED_OPEN)
        return false;
    rev->sealed.readers++;
    return true;
}

void wc_eng_sealed_unread(struct revision *rev)
{
    rev->sealed.readers--;
}
