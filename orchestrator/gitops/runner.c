/* runner.c - one pass over one app: does what the pure step says, and writes down what became of
 * it before it goes on.
 */
#include "wcompose/gitops.h"

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
#include "orchestrator/core/gitops.h"
#include "orchestrator/gitops/apply.h"
#include "orchestrator/gitops/candidate.h"
#include "orchestrator/gitops/images.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/source.h"

enum { REPAIR_LIMIT_MS = 60000 };

/* A pass. */
struct runner {
    const struct wc_gitops_run *run;
    struct wc_arena *arena;
    const char *dir;
    struct wc_gitops_record record;
    struct wc_gitops_in in;
    struct wc_gitops_pass pass;
    struct wc_gitops_ran ran;
    char inputs[WC_SHA256_HEX + 1];
    struct wc_app_source source;
    struct wc_source_place place;
    struct wc_revision revision;
    struct wc_gitops_candidate candidate;
    bool has_unanswered; /* a registry didn't tell, and what was known holds */
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static void say(struct runner *r, const char *fmt, ...)
{
    va_list args;
    if (r->run->ops->say == NULL)
        return;
    va_start(args, fmt);
    const char *line = wc_arena_vprintf(r->arena, fmt, args);
    va_end(args);
    r->run->ops->say(r->run->ops->data, line);
}

/* What holds ------------------------------------------------------------------------------------*/

/* Anew before each action: people suspend, windows close. */
static void look_around(struct runner *r)
{
    const struct wc_agent_app *app = r->run->app;
    const char *suspended = wc_gitops_suspended_path(r->dir, r->arena);
    r->record.memory.is_suspended = wc_fs_exists(suspended);
    r->in.now_ms = wall_ms();
    r->in.waits_for = wc_gitops_waits_for(r->run, r->arena);
    r->in.window_at_ms = wc_gitops_window_opens(app, r->in.now_ms);
}

static void prepare(struct runner *r)
{
    const struct wc_agent_app *app = r->run->app;
    wc_gitops_inputs(r->run, r->inputs);
    r->source = wc_gitops_source(app);
    r->place = (struct wc_source_place){ r->dir, r->arena };
    r->record.source = r->source.url;
    r->in = (struct wc_gitops_in){
        .app = app->name,
        .inputs = r->inputs,
        .interval_ms = app->interval_ms,
        .ask_ms = wc_agent_follows_images(&app->images) ? app->images.interval_ms : 0,
        .suspend = app->suspend,
        .repair = wc_streq(app->drift, "repair"),
        .forced = r->run->is_forced,
    };
    r->candidate.run = r->run;
    r->candidate.record = &r->record;
    r->candidate.arena = r->arena;
    r->candidate.inputs = r->inputs;
    if (r->run->allow_rewind)
        wc_gitops_forgive(&r->record.memory);
    look_around(r);
}

/* The record ------------------------------------------------------------------------------------*/

static int save(struct runner *r, struct wc_err *err)
{
    if (r->run->only_check)
        return 0;
    wc_gitops_note_events(&r->record, r->arena);
    return wc_gitops_record_write(r->dir, &r->record, err);
}

static void add_past(struct runner *r, const char *what, const char *revision, const char *why)
{
    const struct wc_gitops_past past = {
        .at_ms = r->in.now_ms,
        .what = what,
        .revision = revision != NULL ? revision : "",
        .why = why != NULL ? why : "",
    };
    wc_gitops_record_add(&r->record, &past, r->arena);
}

static struct wc_gitops_named named(const struct runner *r)
{
    return (struct wc_gitops_named){
        .name = r->revision.name,
        .author = r->revision.author,
        .subject = r->revision.subject,
        .signer = r->revision.signer,
        .tree = wc_arena_strdup(r->arena, r->revision.tree),
    };
}

/* Actions ---------------------------------------------------------------------------------------*/

static struct wc_source_trail trail_of(const struct runner *r)
{
    const char *last = r->record.memory.good.id;
    return (struct wc_source_trail){ .last_id = last[0] != '\0' ? last : NULL,
                                     .allow_rewind =
                                         r->run->allow_rewind || r->run->app->source.allow_rewind };
}

/* What may pass by itself, by the code; what was tried decides about the rest. */
static bool may_pass(int code)
{
    return code == WC_ERR_UNAVAILABLE || code == WC_ERR_TIMEOUT || code == WC_ERR_IO ||
           code == WC_ERR_CONFLICT || code == WC_ERR_CANCELLED;
}

static void fail(struct runner *r, struct wc_gitops_result *out, enum wc_gitops_end end,
                 const char *reason, const struct wc_err *err)
{
    out->end = end;
    out->reason = reason;
    out->why = wc_arena_strdup(r->arena, err->msg);
}

static void do_look(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    if (wc_app_source_look(&r->source, &r->place, &r->revision, &err) != 0)
        fail(r, out, WC_GITOPS_TRANSIENT, "LookFailed", &err);
    out->mark = r->revision.mark;
}

/* The content itself is why it can't be had: too large, or an archive with another sum or signature
 * than it should have. Asking again would transfer it again, to the same end. */
static bool is_for_good(const struct runner *r, int code)
{
    return code == WC_ERR_LIMIT || (code == WC_ERR_PERM && r->source.kind == WC_APP_SOURCE_ARCHIVE);
}

/* What wasn't fetched is known by its mark alone, where it has one. */
static const char *id_of_mark(struct runner *r)
{
    char hex[WC_SHA256_HEX + 1];
    if (r->revision.id[0] != '\0')
        return r->revision.id;
    wc_sha256_hex(r->revision.mark, strlen(r->revision.mark), hex);
    return wc_arena_strdup(r->arena, hex);
}

static void fetch_failed(struct runner *r, int code, const struct wc_err *err,
                         struct wc_gitops_result *out)
{
    if (r->revision.mark[0] == '\0' || !is_for_good(r, code)) {
        fail(r, out, WC_GITOPS_TRANSIENT, "FetchFailed", err);
        return;
    }
    fail(r, out, WC_GITOPS_REFUSED, code == WC_ERR_LIMIT ? "TooLarge" : "NotBelieved", err);
    out->id = id_of_mark(r);
    r->record.seen = named(r);
}

static void do_fetch(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    struct wc_source_trail trail = trail_of(r);
    int rc = wc_app_source_fetch(&r->source, &r->place, &trail, &r->revision, &err);
    if (rc != 0) {
        fetch_failed(r, rc, &err, out);
        return;
    }
    out->id = r->revision.id;
    r->record.seen = named(r);
    say(r, "found %s%s%s", r->revision.name, r->revision.subject != NULL ? ": " : "",
        r->revision.subject != NULL ? r->revision.subject : "");
}

static void do_verify(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    struct wc_source_trail trail = trail_of(r);
    int rc = wc_app_source_verify(&r->source, &r->place, &trail, &r->revision, &err);
    if (rc != 0) {
        fail(r, out, may_pass(rc) ? WC_GITOPS_TRANSIENT : WC_GITOPS_REFUSED, "NotBelieved", &err);
        return;
    }
    r->record.seen = named(r);
    out->reason = r->source.verify == WC_VERIFY_NONE ? "NotAsked" : "Signed";
    out->why =
        r->source.verify == WC_VERIFY_NONE ? "no signature is asked for" : r->revision.signer;
}

static void do_load(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    const char *dir = NULL;
    const struct wc_gitops_ops *ops = r->run->ops;
    struct wc_gitops_candidate *c = &r->candidate;
    int rc = wc_app_source_checkout(&r->source, &r->place, &r->revision, &dir, &err);
    wc_buf_reset(&c->wire);
    if (rc == 0)
        rc = ops->load(ops->data, r->run->app, dir, &c->wire, &c->project, &err);
    if (rc != 0) {
        fail(r, out, may_pass(rc) ? WC_GITOPS_TRANSIENT : WC_GITOPS_REFUSED, "Invalid", &err);
        return;
    }
    out->has_unknown = r->in.ask_ms > 0 && !wc_gitops_candidate_known(c);
}

static void do_ask(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    int rc = wc_gitops_candidate_ask(&r->candidate, &out->images, &err);
    enum wc_gitops_end end = rc == WC_ERR_CANCELLED ? WC_GITOPS_LEFT : WC_GITOPS_TRANSIENT;
    if (rc != 0)
        fail(r, out, end, "RegistryFailed", &err);
    r->has_unanswered = rc != 0;
}

/* A missing image isn't the revision's fault for good: it may be pushed after the commit. */
static void do_pull(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    if (r->run->ops->images(r->run->ops->data, r->candidate.project, &err) != 0)
        fail(r, out, WC_GITOPS_TRANSIENT, "ImageFailed", &err);
}

static void put_in_force(struct runner *r, const char *text, bool is_old, int64_t limit_ms,
                         struct wc_gitops_result *out)
{
    const struct wc_gitops_apply apply = {
        .paths = r->run->paths,
        .project = r->run->app->name,
        .text = text,
        .is_old = is_old,
        .prune = r->run->app->prune,
        .limit_ms = limit_ms,
        .interrupt_fd = r->run->interrupt_fd,
    };
    switch (wc_gitops_apply(&apply, r->arena, &out->why)) {
    case WC_APPLIED_READY:
        break;
    case WC_APPLIED_NOT_READY:
        out->not_ready = true;
        break;
    case WC_APPLIED_BROKEN:
        out->end = WC_GITOPS_TRANSIENT;
        out->reason = "ApplyFailed";
        break;
    case WC_APPLIED_LEFT:
        out->end = WC_GITOPS_LEFT;
        return;
    }
    r->ran.changed = true;
}

static const char *image_change(const struct runner *r)
{
    return wc_gitops_images_change(&r->record.good_images, &r->record.attempt_images, r->arena);
}

static void do_apply(struct runner *r, struct wc_gitops_result *out)
{
    const char *name = r->record.attempt.name;
    say(r, "applying %s", name != NULL ? name : "");
    put_in_force(r, r->record.attempt_text, false, r->run->app->ready_ms, out);
    if (out->end == WC_GITOPS_DONE && out->not_ready) {
        out->end = WC_GITOPS_REFUSED;
        out->reason = "Unhealthy";
    }
    if (out->end == WC_GITOPS_DONE) {
        add_past(r, "applied", name, image_change(r));
        say(r, "%s is ready", name != NULL ? name : "it");
    }
}

static void do_good(struct runner *r, bool is_restore, struct wc_gitops_result *out)
{
    const char *name = r->record.good.name;
    int64_t limit_ms = is_restore ? r->run->app->ready_ms : REPAIR_LIMIT_MS;
    say(r, "%s %s", is_restore ? "rolling back to" : "repairing what differs from",
        name != NULL ? name : "the good one");
    put_in_force(r, r->record.good_text, is_restore, limit_ms, out);
    if (out->end == WC_GITOPS_DONE)
        add_past(r, is_restore ? "restored" : "repaired", name, out->why);
}

static void do_compare(struct runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    struct wc_gitops_compared compared = { 0 };
    const struct wc_gitops_ops *ops = r->run->ops;
    if (ops->compare(ops->data, r->run->app, r->record.good_text, &compared, &err) != 0)
        fail(r, out, WC_GITOPS_TRANSIENT, "CompareFailed", &err);
    else
        out->why = compared.why;
    out->drifted = compared.drifted;
    out->not_ready = compared.not_ready;
    r->ran.drifted = compared.drifted;
    if (compared.drifted)
        say(r, "drift: %s", compared.why != NULL ? compared.why : "");
}

static void act(struct runner *r, enum wc_gitops_act what, struct wc_gitops_result *out)
{
    switch (what) {
    case WC_GITOPS_REST:
        break;
    case WC_GITOPS_LOOK:
        do_look(r, out);
        break;
    case WC_GITOPS_FETCH:
        do_fetch(r, out);
        break;
    case WC_GITOPS_VERIFY:
        do_verify(r, out);
        break;
    case WC_GITOPS_LOAD:
        do_load(r, out);
        break;
    case WC_GITOPS_ASK:
        do_ask(r, out);
        break;
    case WC_GITOPS_PULL:
        do_pull(r, out);
        break;
    case WC_GITOPS_APPLY:
        do_apply(r, out);
        break;
    case WC_GITOPS_RESTORE:
    case WC_GITOPS_REPAIR:
        do_good(r, what == WC_GITOPS_RESTORE, out);
        break;
    case WC_GITOPS_COMPARE:
        do_compare(r, out);
        break;
    }
}

/* The pass --------------------------------------------------------------------------------------*/

static bool changes(enum wc_gitops_act what)
{
    return what == WC_GITOPS_APPLY || what == WC_GITOPS_RESTORE || what == WC_GITOPS_REPAIR;
}

/* The texts go with the keys: what is tried is what was loaded now, or by the pass before. */
static void begin_attempt(struct runner *r)
{
    if (r->record.attempt_text != NULL)
        return;
    r->record.attempt = r->record.seen;
    r->record.attempt_text =
        wc_arena_strndup(r->arena, r->candidate.wire.data, r->candidate.wire.len);
    r->record.attempt_images = r->candidate.images;
}

static void settle_texts(struct runner *r, enum wc_gitops_act what,
                         const struct wc_gitops_result *result)
{
    struct wc_gitops_record *record = &r->record;
    if (what == WC_GITOPS_APPLY && result->end == WC_GITOPS_DONE) {
        wc_gitops_images_date(&record->attempt_images, &record->good_images, r->in.now_ms);
        record->good = record->attempt;
        record->good_text = record->attempt_text;
        record->good_images = record->attempt_images;
    }
    if (result->end == WC_GITOPS_REFUSED) {
        const char *name = what == WC_GITOPS_APPLY ? record->attempt.name : record->seen.name;
        const char *why = result->why != NULL ? result->why : "";
        if (what == WC_GITOPS_APPLY && *image_change(r) != '\0')
            why = wc_arena_printf(r->arena, "%s; with %s", why, image_change(r));
        add_past(r, "rejected", name, why);
        say(r, "%s is rejected: %s", name != NULL ? name : "it", why);
    } else if (result->end == WC_GITOPS_TRANSIENT) {
        say(r, "%s: %s", result->reason != NULL ? result->reason : "failed",
            result->why != NULL ? result->why : "");
    }
    if (record->memory.attempt.id[0] == '\0') {
        record->attempt = (struct wc_gitops_named){ 0 };
        record->attempt_text = NULL;
        record->attempt_images = (struct wc_gitops_images){ 0 };
    }
}

static int one(struct runner *r, enum wc_gitops_act what, struct wc_err *err)
{
    struct wc_gitops_result result = { .end = WC_GITOPS_DONE };
    struct wc_gitops_memory *memory = &r->record.memory;
    wc_gitops_start(&r->in, memory, &r->pass, what);
    if (what == WC_GITOPS_APPLY)
        begin_attempt(r);
    int rc = changes(what) ? save(r, err) : 0;
    if (rc != 0)
        return rc;
    act(r, what, &result);
    r->in.now_ms = wall_ms();
    wc_gitops_note(&r->in, memory, &r->pass, what, &result);
    settle_texts(r, what, &result);
    bool counts = changes(what) || result.end != WC_GITOPS_DONE;
    return counts ? save(r, err) : 0;
}

static bool is_interrupted(const struct runner *r)
{
    struct pollfd fd = { .fd = r->run->interrupt_fd, .events = POLLIN };
    return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

static int go(struct runner *r, struct wc_err *err)
{
    struct wc_gitops_memory *memory = &r->record.memory;
    wc_gitops_begin(&r->in, memory);
    for (;;) {
        struct wc_gitops_out next = wc_gitops_step(&r->in, memory, &r->pass);
        r->ran.pending = r->run->only_check && changes(next.act);
        r->ran.wake_at_ms = next.wake_at_ms;
        if (next.act == WC_GITOPS_REST || r->ran.pending || is_interrupted(r))
            break;
        int rc = one(r, next.act, err);
        if (rc != 0)
            return rc;
        look_around(r);
    }
    wc_gitops_conclude(&r->in, memory, &r->pass);
    if (r->ran.changed || r->pass.fetched) /* what was rejected has left a checkout too */
        wc_gitops_tidy(r->run, &r->record, r->arena);
    r->ran.rejected = wc_gitops_rejected(memory, &memory->seen) != NULL;
    r->ran.failed = r->pass.failed || r->has_unanswered;
    memory->wake_at_ms = r->ran.wake_at_ms;
    r->ran.suspended = r->in.suspend || memory->is_suspended;
    return save(r, err);
}

int wc_gitops_run(const struct wc_gitops_run *run, struct wc_gitops_ran *out, struct wc_err *err)
{
    WC_CLEANUP_FD int lock_fd = -1;
    struct wc_arena arena;
    wc_arena_init(&arena);
    struct runner r = { .run = run, .arena = &arena, .candidate = { .wire = WC_BUF_INIT } };
    r.dir = wc_gitops_dir(run->paths, &arena, run->app->name);
    int rc = wc_gitops_lock(r.dir, &lock_fd, err);
    if (rc == 0 && run->file != NULL && !run->only_check)
        rc = wc_gitops_own(r.dir, run->file, err);
    if (rc == 0)
        rc = wc_gitops_record_read(r.dir, &arena, &r.record, err);
    if (rc == 0) {
        prepare(&r);
        rc = wc_app_source_check(&r.source, NULL, err);
    }
    if (rc == 0)
        rc = go(&r, err);
    *out = r.ran;
    wc_buf_deinit(&r.candidate.wire);
    wc_arena_deinit(&arena);
    return rc == 0 ? 0 : wc_err_wrap(err, rc, "app %s", run->app->name);
}
