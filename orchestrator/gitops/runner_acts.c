/* runner_acts.c - how each action of a pass is done, and how its end is to be taken. */
#include "orchestrator/gitops/runner_priv.h"

#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "orchestrator/gitops/beside.h"
#include "orchestrator/gitops/images.h"
#include "orchestrator/gitops/inputs.h"

enum { REPAIR_LIMIT_MS = 60000, LEAST_LIMIT_MS = 1000 };

void wc_runner_add_past(struct wc_runner *r, const char *what, const char *revision,
                        const char *why)
{
    const struct wc_gitops_past past = {
        .at_ms = r->in.now_ms,
        .what = what,
        .revision = revision != NULL ? revision : "",
        .why = why != NULL ? why : "",
    };
    wc_gitops_record_add(&r->record, &past, r->arena);
}

static struct wc_gitops_named named(const struct wc_runner *r)
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

static struct wc_source_trail trail_of(const struct wc_runner *r)
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

static void fail(struct wc_runner *r, struct wc_gitops_result *out, enum wc_gitops_end end,
                 const char *reason, const struct wc_err *err)
{
    out->end = end;
    out->reason = reason;
    out->why = wc_arena_strdup(r->arena, err->msg);
}

static void do_look(struct wc_runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    if (wc_app_source_look(&r->source, &r->place, &r->revision, &err) != 0)
        fail(r, out, WC_GITOPS_TRANSIENT, "LookFailed", &err);
    out->mark = r->revision.mark;
}

/* The content itself is why it can't be had: too large, objects that git doesn't take, or an
 * archive with another sum or signature than it should have. Asking again would transfer it again,
 * to the same end. */
static bool is_for_good(const struct wc_runner *r, int code)
{
    return code == WC_ERR_LIMIT || code == WC_ERR_SPEC ||
           (code == WC_ERR_PERM && r->source.kind == WC_APP_SOURCE_ARCHIVE);
}

/* What wasn't fetched is known by its mark alone, where it has one. */
static const char *id_of_mark(struct wc_runner *r)
{
    char hex[WC_SHA256_HEX + 1];
    if (r->revision.id[0] != '\0')
        return r->revision.id;
    wc_sha256_hex(r->revision.mark, strlen(r->revision.mark), hex);
    return wc_arena_strdup(r->arena, hex);
}

static void fetch_failed(struct wc_runner *r, int code, const struct wc_err *err,
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

static void do_fetch(struct wc_runner *r, struct wc_gitops_result *out)
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
    wc_runner_say(r, "found %s%s%s", r->revision.name, r->revision.subject != NULL ? ": " : "",
                  r->revision.subject != NULL ? r->revision.subject : "");
}

static void do_verify(struct wc_runner *r, struct wc_gitops_result *out)
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

static void do_load(struct wc_runner *r, struct wc_gitops_result *out)
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

static void do_ask(struct wc_runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    int rc = wc_gitops_candidate_ask(&r->candidate, &out->images, &err);
    enum wc_gitops_end end = rc == WC_ERR_CANCELLED ? WC_GITOPS_LEFT : WC_GITOPS_TRANSIENT;
    if (rc != 0)
        fail(r, out, end, "RegistryFailed", &err);
    r->has_unanswered = rc != 0;
}

static int bring_images(void *data, struct wc_err *err)
{
    struct wc_runner *r = data;
    return r->run->ops->images(r->run->ops->data, r->candidate.project, err);
}

/* What is waited for is heard all the while, and its end comes first: it may have to be rolled
 * back, which doesn't wait for a registry that takes hours. */
static int bring_beside(struct wc_runner *r, struct wc_gitops_result *out, struct wc_err *err)
{
    struct wc_beside beside;
    const char *unsaid = NULL;
    int rc = wc_beside_start(&beside, bring_images, r, err);
    if (rc != 0)
        return rc;
    r->apply.wake_fd = beside.end_fd;
    enum wc_gitops_applied how = wc_gitops_apply_wait(r->applying, UINT64_MAX, &unsaid);
    r->apply.wake_fd = r->run->wake_fd;
    bool has_come = how == WC_APPLIED_TOLD;
    rc = wc_beside_end(&beside, !has_come, err);
    if (!has_come)
        out->end = WC_GITOPS_PENDING;
    return has_come ? rc : 0;
}

/* A missing image isn't the revision's fault for good: it may be pushed after the commit. */
static void do_pull(struct wc_runner *r, struct wc_gitops_result *out)
{
    struct wc_err err = { 0 };
    int rc = r->applying != NULL ? bring_beside(r, out, &err) : bring_images(r, &err);
    if (rc != 0)
        fail(r, out, WC_GITOPS_TRANSIENT, "ImageFailed", &err);
}

/* Asks for it; whoever was waited for before goes on unheard. */
static void put_in_force(struct wc_runner *r, const char *text, bool is_old, int64_t limit_ms)
{
    wc_gitops_apply_end(r->applying);
    r->apply = (struct wc_gitops_apply){
        .paths = r->run->paths,
        .project = r->run->app->name,
        .text = text,
        .is_old = is_old,
        .prune = r->run->app->prune,
        .limit_ms = limit_ms,
        .interrupt_fd = r->run->interrupt_fd,
        .wake_fd = r->run->wake_fd,
    };
    r->applying = wc_gitops_apply_begin(&r->apply, r->arena);
    r->has_waited = true;
}

static uint64_t on_monotonic(int64_t wall_at_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t wait_ms = wall_at_ms - wc_runner_now_ms();
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return (uint64_t)(now_ms + (wait_ms > 0 ? wait_ms : 0));
}

/* Until it is ready, or won't be; or, where that is given, until it is time to look up. */
static void hear(struct wc_runner *r, int64_t look_up_at_ms, struct wc_gitops_result *out)
{
    uint64_t until_ms = look_up_at_ms == 0 ? 0 : on_monotonic(look_up_at_ms);
    enum wc_gitops_applied how = wc_gitops_apply_wait(r->applying, until_ms, &out->why);
    r->ran.changed = r->ran.changed || how != WC_APPLIED_LEFT;
    switch (how) {
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
        break;
    case WC_APPLIED_TOLD:
        out->told = true;
        __attribute__((fallthrough));
    case WC_APPLIED_PENDING:
        out->end = WC_GITOPS_PENDING;
        return;
    }
    wc_gitops_apply_end(r->applying);
    r->applying = NULL;
}

const char *wc_runner_image_change(const struct wc_runner *r)
{
    return wc_gitops_images_change(&r->record.good_images, &r->record.attempt_images, r->arena);
}

static void do_wait(struct wc_runner *r, int64_t look_up_at_ms, struct wc_gitops_result *out)
{
    const char *name = r->record.attempt.name;
    hear(r, look_up_at_ms, out);
    if (out->end == WC_GITOPS_DONE && out->not_ready) {
        out->end = WC_GITOPS_REFUSED;
        out->reason = "Unhealthy";
    }
    if (out->end == WC_GITOPS_DONE) {
        wc_runner_add_past(r, "applied", name, wc_runner_image_change(r));
        wc_runner_say(r, "%s is ready", name != NULL ? name : "it");
    }
}

static void do_apply(struct wc_runner *r, int64_t look_up_at_ms, struct wc_gitops_result *out)
{
    const char *name = r->record.attempt.name;
    wc_runner_say(r, "applying %s", name != NULL ? name : "");
    put_in_force(r, r->record.attempt_text, false, r->run->app->ready_ms);
    do_wait(r, look_up_at_ms, out);
}

static void do_good(struct wc_runner *r, bool is_restore, struct wc_gitops_result *out)
{
    const char *name = r->record.good.name;
    int64_t limit_ms = is_restore ? r->run->app->ready_ms : REPAIR_LIMIT_MS;
    wc_runner_say(r, "%s %s", is_restore ? "rolling back to" : "repairing what differs from",
                  name != NULL ? name : "the good one");
    put_in_force(r, r->record.good_text, is_restore, limit_ms);
    hear(r, 0, out);
    if (out->end == WC_GITOPS_DONE)
        wc_runner_add_past(r, is_restore ? "restored" : "repaired", name, out->why);
}

static void do_compare(struct wc_runner *r, struct wc_gitops_result *out)
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
        wc_runner_say(r, "drift: %s", compared.why != NULL ? compared.why : "");
}

/* While an attempt is waited for, nothing that the source does takes longer than that may. */
static void limit_source(struct wc_runner *r)
{
    int64_t most = r->run->app->source.timeout_ms;
    int64_t left = r->applying != NULL ? wc_gitops_apply_left_ms(r->applying) : most;
    if (r->applying != NULL && left < LEAST_LIMIT_MS)
        left = LEAST_LIMIT_MS;
    r->source.timeout_ms = (unsigned)(left < most ? left : most);
}

void wc_runner_act(struct wc_runner *r, const struct wc_gitops_out *what,
                   struct wc_gitops_result *out)
{
    limit_source(r);
    switch (what->act) {
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
        do_apply(r, what->wake_at_ms, out);
        break;
    case WC_GITOPS_WAIT:
        do_wait(r, what->wake_at_ms, out);
        break;
    case WC_GITOPS_RESTORE:
    case WC_GITOPS_REPAIR:
        do_good(r, what->act == WC_GITOPS_RESTORE, out);
        break;
    case WC_GITOPS_COMPARE:
        do_compare(r, out);
        break;
    }
}
