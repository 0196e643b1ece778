/* gitops_note.c - what becomes of the memory: one function an action, so that each transition can
 * be read alone. */
#include "orchestrator/core/gitops.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "orchestrator/core/backoff.h"
#include "orchestrator/core/gitops_conditions.h"

enum { RETRY_FIRST_MS = 5000, RETRY_CAP_MS = 60000, UNREADY_MS = 60000 };

/* Within 5 % of the interval, so that many apps spread. */
static int64_t next_look(const struct wc_gitops_in *in, int64_t interval_ms)
{
    int64_t spread = interval_ms / 10;
    unsigned turn = (unsigned)(in->now_ms / interval_ms);
    int64_t extra = (int64_t)(wc_mix(in->app, turn) % (uint64_t)(spread + 1));
    return in->now_ms + interval_ms - spread / 2 + extra;
}

/* Doubles from 5 s to the interval, or to a minute where that is longer. */
static int64_t next_try(const struct wc_gitops_in *in, int64_t interval_ms, unsigned failures)
{
    int64_t cap = interval_ms > RETRY_CAP_MS ? interval_ms : RETRY_CAP_MS;
    int64_t wait = RETRY_FIRST_MS;
    for (unsigned i = 1; i < failures && wait < cap; i++)
        wait *= 2;
    wait = wait < cap ? wait : cap;
    return in->now_ms + wait - wait / 10 +
           (int64_t)(wc_mix(in->app, failures) % (uint64_t)(wait / 5 + 1));
}

static void keep_reason(struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    snprintf(pass->reason, sizeof pass->reason, "%s",
             result->reason != NULL ? result->reason : "Failed");
    snprintf(pass->why, sizeof pass->why, "%s", result->why != NULL ? result->why : "");
}

static void fail(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                 struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (!pass->failed)
        memory->failures++;
    memory->retry_at_ms = next_try(in, in->interval_ms, memory->failures);
    pass->failed = true;
    keep_reason(pass, result);
}

static struct wc_gitops_rejection *reject(const struct wc_gitops_in *in,
                                          struct wc_gitops_memory *memory,
                                          const struct wc_gitops_key *key,
                                          const struct wc_gitops_result *result)
{
    for (unsigned i = 0; i < memory->n_rejected; i++)
        if (wc_gitops_same(&memory->rejected[i].key, key))
            return &memory->rejected[i];
    if (memory->n_rejected == WC_GITOPS_REJECTED) {
        memmove(&memory->rejected[0], &memory->rejected[1],
                (WC_GITOPS_REJECTED - 1) * sizeof memory->rejected[0]);
        memory->n_rejected--;
    }
    struct wc_gitops_rejection *r = &memory->rejected[memory->n_rejected++];
    *r = (struct wc_gitops_rejection){ .key = *key, .at_ms = in->now_ms, .is_believed = true };
    snprintf(r->reason, sizeof r->reason, "%s", result->reason != NULL ? result->reason : "Failed");
    snprintf(r->why, sizeof r->why, "%s", result->why != NULL ? result->why : "");
    return r;
}

static void end_attempt(struct wc_gitops_memory *memory)
{
    memory->attempt = (struct wc_gitops_key){ 0 };
    memory->tries = memory->superseded = 0;
    memory->unjudged_at_ms = 0;
}

/* The attempt is over: back to the good one, where there is one. Without one what was applied stays
 * as it is, as after an `up` that failed: there is nothing better. */
static void give_up(struct wc_gitops_memory *memory)
{
    end_attempt(memory);
    memory->restoring = memory->good.id[0] != '\0';
}

void wc_gitops_begin(const struct wc_gitops_in *in, struct wc_gitops_memory *memory)
{
    static const struct wc_gitops_result interrupted = {
        .reason = "Interrupted", .why = "applying it was broken off again and again"
    };
    if (memory->attempt.id[0] == '\0' || in->suspend || memory->is_suspended)
        return;
    if (memory->tries >= WC_GITOPS_TRIES)
        reject(in, memory, &memory->attempt, &interrupted);
    if (memory->tries >= WC_GITOPS_TRIES || !wc_streq(memory->attempt.inputs, in->inputs))
        give_up(memory);
}

/* Without its images: what is wrong with a revision is so whatever they are. So it is with one that
 * is waited for, when it is loaded once more for other images and can't be. */
static struct wc_gitops_rejection *reject_revision(const struct wc_gitops_in *in,
                                                   struct wc_gitops_memory *memory,
                                                   struct wc_gitops_pass *pass,
                                                   const struct wc_gitops_result *result)
{
    struct wc_gitops_key key = pass->candidate;
    key.images[0] = '\0';
    struct wc_gitops_rejection *rejection = reject(in, memory, &key, result);
    if (wc_gitops_rejected(memory, &memory->attempt) != NULL) {
        give_up(memory);
        pass->waits = false;
    }
    return rejection;
}

/* What is known of a revision's images: what was answered last, or what is in force. */
static const char *images_of(const struct wc_gitops_memory *memory, const struct wc_gitops_key *key)
{
    if (wc_gitops_same_revision(key, &memory->seen))
        return memory->seen.images;
    return wc_gitops_same_revision(key, &memory->good) ? memory->good.images : "";
}

/* A candidate that wasn't the newest before counts. */
static void see(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                struct wc_gitops_pass *pass, const char *id)
{
    struct wc_gitops_key key = { 0 };
    snprintf(key.id, sizeof key.id, "%s", id);
    snprintf(key.inputs, sizeof key.inputs, "%s", in->inputs);
    if (in->ask_ms > 0)
        snprintf(key.images, sizeof key.images, "%s", images_of(memory, &key));
    pass->candidate = key;
    if (!wc_gitops_same_revision(&key, &memory->seen))
        memory->generation++;
    memory->seen = key;
}

/* Other images make another candidate; the first that are known of one belong to it. */
static void see_images(struct wc_gitops_memory *memory, struct wc_gitops_pass *pass,
                       const char *images)
{
    char *known = pass->candidate.images;
    if (known[0] != '\0' && !wc_streq(known, images))
        memory->generation++;
    snprintf(known, sizeof pass->candidate.images, "%s", images);
    memory->seen = pass->candidate;
}

static void note_look(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                      struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    memory->looked_at_ms = in->now_ms;
    memory->due_at_ms = next_look(in, in->interval_ms);
    if (result->end != WC_GITOPS_DONE) {
        fail(in, memory, pass, result);
        return;
    }
    pass->looked = true;
    snprintf(pass->mark, sizeof pass->mark, "%s", result->mark != NULL ? result->mark : "");
    /* under other inputs it may be another source, whose marks mean something else */
    bool is_known = memory->seen.id[0] != '\0' && wc_streq(memory->seen.inputs, in->inputs);
    if (is_known && pass->mark[0] != '\0' && wc_streq(pass->mark, memory->mark)) {
        char id[sizeof memory->seen.id];
        memcpy(id, memory->seen.id, sizeof id);
        see(in, memory, pass, id);
    }
}

/* What is refused here was never held, let alone verified. */
static void note_fetch(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                       struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (result->end != WC_GITOPS_DONE && result->end != WC_GITOPS_REFUSED) {
        fail(in, memory, pass, result);
        return;
    }
    see(in, memory, pass, result->id);
    snprintf(memory->mark, sizeof memory->mark, "%s", pass->mark);
    if (result->end == WC_GITOPS_DONE)
        pass->fetched = true;
    else
        reject_revision(in, memory, pass, result)->is_believed = false;
}

static void note_verify(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    const struct wc_gitops_told told = { result->reason, result->why };
    enum wc_gitops_truth truth = result->end == WC_GITOPS_DONE ? WC_GITOPS_TRUE : WC_GITOPS_FALSE;
    if (result->end != WC_GITOPS_TRANSIENT)
        wc_gitops_tell(in, memory, WC_GITOPS_SOURCE_VERIFIED, truth, &told);
    if (result->end == WC_GITOPS_DONE)
        pass->verified = true;
    else if (result->end == WC_GITOPS_REFUSED)
        reject_revision(in, memory, pass, result)->is_believed = false;
    else
        fail(in, memory, pass, result);
}

static void note_load(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                      struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (result->end == WC_GITOPS_REFUSED)
        reject_revision(in, memory, pass, result);
    else if (result->end != WC_GITOPS_DONE)
        fail(in, memory, pass, result);
    pass->loaded = result->end == WC_GITOPS_DONE;
    if (pass->loaded && result->has_unknown)
        pass->candidate.images[0] = memory->seen.images[0] = '\0';
}

/* Registries that are away change nothing: what is known of the images holds, and they are asked
 * again by a clock of their own, so that the source is looked at as ever. */
static void note_ask(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                     struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (result->end == WC_GITOPS_LEFT)
        return;
    memory->asked_at_ms = in->now_ms;
    memory->ask_at_ms = next_look(in, in->ask_ms);
    memory->unanswered = result->end == WC_GITOPS_DONE ? 0 : memory->unanswered + 1;
    memory->unanswered_why[0] = '\0';
    if (memory->unanswered > 0) {
        memory->ask_at_ms = next_try(in, in->ask_ms, memory->unanswered);
        snprintf(memory->unanswered_why, sizeof memory->unanswered_why, "%s",
                 result->why != NULL ? result->why : "");
    }
    if (result->images != NULL) {
        pass->asked = true;
        see_images(memory, pass, result->images);
    } else {
        fail(in, memory, pass, result);
    }
}

static void note_pull(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                      struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (result->end == WC_GITOPS_DONE)
        pass->pulled = true;
    else if (result->end == WC_GITOPS_REFUSED)
        reject(in, memory, &pass->candidate, result);
    else if (result->end != WC_GITOPS_PENDING)
        fail(in, memory, pass, result);
}

/* People have gone back to the good revision, and the attempt got ready before it gave way: it is
 * the good one now, and what was known of the other's images goes with the other's place. */
static void forget_images(struct wc_gitops_memory *memory, struct wc_gitops_pass *pass)
{
    if (wc_gitops_same_revision(&memory->seen, &memory->good))
        memory->seen.images[0] = '\0';
    if (wc_gitops_same_revision(&pass->candidate, &memory->good))
        pass->candidate.images[0] = '\0';
}

static void note_apply(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                       struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    switch (result->end) {
    case WC_GITOPS_DONE:
        if (!wc_gitops_same_revision(&memory->attempt, &memory->good))
            forget_images(memory, pass);
        memory->good = memory->attempt;
        end_attempt(memory);
        pass->waits = false;
        pass->compared = true;
        pass->drifted = pass->not_ready = false;
        break;
    case WC_GITOPS_REFUSED:
        reject(in, memory, &memory->attempt, result);
        give_up(memory);
        pass->waits = false;
        break;
    case WC_GITOPS_TRANSIENT:
        fail(in, memory, pass, result);
        pass->ended = true;
        break;
    case WC_GITOPS_LEFT:
        memory->tries -= memory->tries > 0;
        break;
    case WC_GITOPS_PENDING:
        pass->waits = true;
        pass->told = pass->told || result->told;
        break;
    }
}

/* What isn't ready may be so in a moment, and others wait for it: that isn't said for as long as
 * the source may be left alone. */
static void keep_unready(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                         struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    bool is_late = memory->due_at_ms > in->now_ms + UNREADY_MS;
    pass->not_ready = result->not_ready;
    if (is_late && (result->not_ready || result->drifted))
        memory->due_at_ms = in->now_ms + UNREADY_MS;
    snprintf(pass->unready_why, sizeof pass->unready_why, "%s",
             result->why != NULL ? result->why : "");
}

/* However it ends, it isn't rolled back: there is nothing behind the good one. */
static void note_restore(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                         struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    if (result->end == WC_GITOPS_TRANSIENT) {
        fail(in, memory, pass, result);
        pass->ended = true;
    } else if (result->end != WC_GITOPS_LEFT) {
        memory->restoring = false;
        pass->compared = true;
        pass->drifted = false;
        keep_unready(in, memory, pass, result);
    }
}

static void note_good(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                      struct wc_gitops_pass *pass, const struct wc_gitops_result *result)
{
    pass->compared = true;
    pass->drifted = result->drifted && result->end == WC_GITOPS_DONE;
    if (result->end == WC_GITOPS_DONE) {
        keep_unready(in, memory, pass, result);
    } else {
        fail(in, memory, pass, result);
        pass->ended = true;
    }
}

/* The source is looked at anew: what was found out about it before is of before. */
static void start_look(const struct wc_gitops_in *in, struct wc_gitops_pass *pass)
{
    pass->forced = pass->waits ? pass->told : in->forced;
    pass->told = pass->failed = false;
    pass->looked = pass->fetched = pass->verified = pass->loaded = false;
    pass->asked = pass->pulled = false;
    pass->candidate = (struct wc_gitops_key){ 0 };
}

/* In place of an attempt that isn't ready, its time goes on: it is the same one that nobody has
 * judged. */
static void start_apply(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        const struct wc_gitops_pass *pass, bool gives_way)
{
    if (gives_way) {
        memory->superseded++;
        memory->tries = 0;
    }
    if (gives_way || memory->attempt.id[0] == '\0')
        memory->attempt = pass->candidate;
    if (memory->unjudged_at_ms == 0)
        memory->unjudged_at_ms = in->now_ms;
    memory->tries++;
    wc_gitops_tell_applying(in, memory);
}

bool wc_gitops_start(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                     struct wc_gitops_pass *pass, enum wc_gitops_act act)
{
    static const struct wc_gitops_told restoring = { "Restoring", "" },
                                       repairing = { "Repairing", "" };
    bool gives_way = pass->waits && (act == WC_GITOPS_APPLY || act == WC_GITOPS_RESTORE);
    if (act == WC_GITOPS_LOOK)
        start_look(in, pass);
    else if (act == WC_GITOPS_WAIT)
        wc_gitops_tell_all(in, memory, pass);
    else if (act == WC_GITOPS_APPLY)
        start_apply(in, memory, pass, gives_way);
    else if (act == WC_GITOPS_RESTORE && gives_way)
        give_up(memory);
    if (act == WC_GITOPS_RESTORE)
        wc_gitops_tell(in, memory, WC_GITOPS_RECONCILING, WC_GITOPS_TRUE, &restoring);
    else if (act == WC_GITOPS_REPAIR)
        wc_gitops_tell(in, memory, WC_GITOPS_RECONCILING, WC_GITOPS_TRUE, &repairing);
    if (gives_way)
        pass->waits = false;
    return gives_way;
}

void wc_gitops_note(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                    struct wc_gitops_pass *pass, enum wc_gitops_act act,
                    const struct wc_gitops_result *result)
{
    if (result->end == WC_GITOPS_LEFT)
        pass->ended = true;
    pass->glanced = act == WC_GITOPS_WAIT && result->end == WC_GITOPS_PENDING;
    pass->has_end = act == WC_GITOPS_PULL && result->end == WC_GITOPS_PENDING;
    switch (act) {
    case WC_GITOPS_REST:
        break;
    case WC_GITOPS_LOOK:
        note_look(in, memory, pass, result);
        break;
    case WC_GITOPS_FETCH:
        note_fetch(in, memory, pass, result);
        break;
    case WC_GITOPS_VERIFY:
        note_verify(in, memory, pass, result);
        break;
    case WC_GITOPS_LOAD:
        note_load(in, memory, pass, result);
        break;
    case WC_GITOPS_ASK:
        note_ask(in, memory, pass, result);
        break;
    case WC_GITOPS_PULL:
        note_pull(in, memory, pass, result);
        break;
    case WC_GITOPS_APPLY:
    case WC_GITOPS_WAIT:
        note_apply(in, memory, pass, result);
        break;
    case WC_GITOPS_RESTORE:
        note_restore(in, memory, pass, result);
        break;
    case WC_GITOPS_COMPARE:
    case WC_GITOPS_REPAIR:
        note_good(in, memory, pass, result);
        break;
    }
}

void wc_gitops_forgive(struct wc_gitops_memory *memory)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < memory->n_rejected; i++)
        if (memory->rejected[i].is_believed)
            memory->rejected[kept++] = memory->rejected[i];
    memory->n_rejected = kept;
}
