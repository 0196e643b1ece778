/* runner.c - one pass over one app: does what the pure step says, and writes down what became of
 * it before it goes on.
 */
#include "orchestrator/gitops/runner_priv.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "orchestrator/gitops/images.h"
#include "orchestrator/gitops/inputs.h"

enum { BEGINNINGS = 3 };

int64_t wc_runner_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wc_runner_say(struct wc_runner *r, const char *fmt, ...)
{
    va_list args;
    if (r->run->ops->say == NULL)
        return;
    va_start(args, fmt);
    const char *line = wc_arena_vprintf(r->arena, fmt, args);
    va_end(args);
    r->run->ops->say(r->run->ops->data, line);
}

/* The record ------------------------------------------------------------------------------------*/

static int save(struct wc_runner *r, struct wc_err *err)
{
    if (r->run->only_check)
        return 0;
    wc_gitops_note_events(&r->record, r->arena);
    return wc_gitops_record_write(r->dir, &r->record, err);
}

/* The pass --------------------------------------------------------------------------------------*/

static bool changes(enum wc_gitops_act what)
{
    return what == WC_GITOPS_APPLY || what == WC_GITOPS_WAIT || what == WC_GITOPS_RESTORE ||
           what == WC_GITOPS_REPAIR;
}

static void forget_attempt(struct wc_gitops_record *record)
{
    record->attempt = (struct wc_gitops_named){ 0 };
    record->attempt_text = NULL;
    record->attempt_images = (struct wc_gitops_images){ 0 };
}

/* The attempt gives way to the newest revision. */
static void supersede(struct wc_runner *r)
{
    const char *name = r->record.attempt.name, *newer = r->record.seen.name;
    const char *why = wc_arena_printf(r->arena, "%s came before it was ready",
                                      newer != NULL ? newer : "a newer one");
    wc_runner_add_past(r, "superseded", name, why);
    wc_runner_say(r, "%s is superseded: %s", name != NULL ? name : "it", why);
    forget_attempt(&r->record);
}

/* The texts go with the keys: what is tried is what was loaded now, or by the pass before. */
static void begin_attempt(struct wc_runner *r)
{
    if (r->record.attempt_text != NULL)
        return;
    r->record.attempt = r->record.seen;
    r->record.attempt_text =
        wc_arena_strndup(r->arena, r->candidate.wire.data, r->candidate.wire.len);
    r->record.attempt_images = r->candidate.images;
}

static void settle_texts(struct wc_runner *r, enum wc_gitops_act what,
                         const struct wc_gitops_result *result)
{
    struct wc_gitops_record *record = &r->record;
    bool is_attempt = what == WC_GITOPS_APPLY || what == WC_GITOPS_WAIT;
    if (is_attempt && result->end == WC_GITOPS_DONE) {
        wc_gitops_images_date(&record->attempt_images, &record->good_images, r->in.now_ms);
        record->good = record->attempt;
        record->good_text = record->attempt_text;
        record->good_images = record->attempt_images;
    }
    if (result->end == WC_GITOPS_REFUSED) {
        const char *name = is_attempt ? record->attempt.name : record->seen.name;
        const char *why = result->why != NULL ? result->why : "";
        if (is_attempt && *wc_runner_image_change(r) != '\0')
            why = wc_arena_printf(r->arena, "%s; with %s", why, wc_runner_image_change(r));
        wc_runner_add_past(r, "rejected", name, why);
        wc_runner_say(r, "%s is rejected: %s", name != NULL ? name : "it", why);
    } else if (result->end == WC_GITOPS_TRANSIENT) {
        wc_runner_say(r, "%s: %s", result->reason != NULL ? result->reason : "failed",
                      result->why != NULL ? result->why : "");
    }
    if (record->memory.attempt.id[0] == '\0')
        forget_attempt(record);
}

/* What was refused was held against files that have changed since the pass began: it mustn't be
 * remembered as refused by those of then, which may come back. */
static bool is_refused_by_others(struct wc_runner *r, enum wc_gitops_act what,
                                 const struct wc_gitops_result *result)
{
    bool is_judged = what == WC_GITOPS_FETCH || what == WC_GITOPS_VERIFY || what == WC_GITOPS_LOAD;
    return is_judged && result->end == WC_GITOPS_REFUSED && wc_runner_is_stale(r);
}

static int one(struct wc_runner *r, const struct wc_gitops_out *next, struct wc_err *err)
{
    struct wc_gitops_result result = { .end = WC_GITOPS_DONE };
    struct wc_gitops_memory *memory = &r->record.memory;
    enum wc_gitops_act what = next->act;
    if (wc_gitops_start(&r->in, memory, &r->pass, what))
        supersede(r);
    if (what == WC_GITOPS_APPLY)
        begin_attempt(r);
    int rc = changes(what) ? save(r, err) : 0;
    if (rc != 0)
        return rc;
    wc_runner_act(r, next, &result);
    r->is_over = is_refused_by_others(r, what, &result);
    if (r->is_over)
        return 0;
    r->in.now_ms = wc_runner_now_ms();
    wc_gitops_note(&r->in, memory, &r->pass, what, &result);
    settle_texts(r, what, &result);
    bool counts = changes(what) ? result.end != WC_GITOPS_PENDING : result.end != WC_GITOPS_DONE;
    return counts ? save(r, err) : 0;
}

static bool is_interrupted(const struct wc_runner *r)
{
    struct pollfd fd = { .fd = r->run->interrupt_fd, .events = POLLIN };
    return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* Before its end: what is waited for is waited for by the next pass. */
static void leave(struct wc_runner *r)
{
    static const struct wc_gitops_result left = { .end = WC_GITOPS_LEFT };
    if (r->pass.waits)
        wc_gitops_note(&r->in, &r->record.memory, &r->pass, WC_GITOPS_WAIT, &left);
    r->ran.wake_at_ms = r->in.now_ms + 1;
}

static int finish(struct wc_runner *r, struct wc_err *err)
{
    struct wc_gitops_memory *memory = &r->record.memory;
    wc_gitops_conclude(&r->in, memory, &r->pass);
    if (r->ran.changed || r->pass.fetched) /* what was rejected has left a checkout too */
        wc_gitops_tidy(r->run, &r->record, r->arena);
    r->ran.rejected = wc_gitops_rejected(memory, &memory->seen) != NULL;
    r->ran.failed = r->pass.failed || r->has_unanswered;
    memory->wake_at_ms = r->ran.wake_at_ms;
    r->ran.suspended = r->in.suspend || memory->is_suspended;
    return save(r, err);
}

static int go(struct wc_runner *r, struct wc_err *err)
{
    struct wc_gitops_memory *memory = &r->record.memory;
    wc_gitops_begin(&r->in, memory);
    for (;;) {
        struct wc_gitops_out next = wc_gitops_step(&r->in, memory, &r->pass);
        r->ran.pending = r->run->only_check && changes(next.act);
        r->ran.wake_at_ms = next.wake_at_ms;
        if (next.act == WC_GITOPS_REST || r->ran.pending)
            break;
        bool takes_long = r->has_waited || next.act == WC_GITOPS_APPLY;
        r->is_over = r->is_over || (takes_long && wc_runner_is_stale(r));
        if (r->is_over || is_interrupted(r)) {
            leave(r);
            break;
        }
        int rc = one(r, &next, err);
        if (rc != 0)
            return rc;
        wc_runner_look_around(r);
    }
    return finish(r, err);
}

/* Anew under what holds now, where nothing was put in force by what held before; an admin who
 * changes it without end has the next pass do it. */
static int go_on(struct wc_runner *r, struct wc_err *err)
{
    for (int n = 0; n < BEGINNINGS; n++) {
        wc_runner_prepare(r);
        r->in.forced = r->in.forced || n > 0;
        int rc = wc_app_source_check(&r->source, NULL, err);
        if (rc == 0)
            rc = go(r, err);
        if (rc != 0 || !r->is_over || r->has_waited || r->is_gone)
            return rc;
        r->is_over = false;
        r->pass = (struct wc_gitops_pass){ 0 };
        wc_runner_say(r, "what it is judged by has changed meanwhile");
    }
    r->ran.failed = true;
    return 0;
}

int wc_gitops_run(const struct wc_gitops_run *run, struct wc_gitops_ran *out, struct wc_err *err)
{
    WC_CLEANUP_FD int lock_fd = -1;
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct wc_runner r = { .own = *run, .arena = &arena, .candidate = { .wire = WC_BUF_INIT } };
    r.run = &r.own;
    r.dir = wc_gitops_dir(run->paths, &arena, run->app->name);
    int rc = wc_gitops_lock(r.dir, &lock_fd, err);
    if (rc == 0 && run->file != NULL && !run->only_check)
        rc = wc_gitops_own(r.dir, run->file, err);
    if (rc == 0)
        rc = wc_gitops_record_read(r.dir, &arena, &r.record, err);
    if (rc == 0)
        rc = go_on(&r, err);
    wc_gitops_apply_end(r.applying);
    *out = r.ran;
    wc_buf_deinit(&r.candidate.wire);
    wc_arena_deinit(&arena);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "app %s", run->app->name);
}
