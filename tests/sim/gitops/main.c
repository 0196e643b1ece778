/* main.c - program `simulate_gitops`: the step of core/gitops.h over a simulated source, host and
 * disk, with a virtual clock and a seed.
 *
 * What must hold, in every story:
 *   - nothing is applied that isn't verified under the inputs of now, but what a killed pass began
 *   - nothing is applied that the disk says was rejected under the same inputs: neither a revision
 *     nor the pair of a revision and its images
 *   - where tags are followed, only images are applied that a registry has told of, for a revision
 *     that was read; registries that are away change nothing
 *   - what is restored or repaired is the good revision, and that was ready at some time
 *   - a rollback isn't rolled back: two in a row need an apply between them
 *   - while suspended nothing is done; out of a window, or before an app that it waits for, no new
 *     revision is applied
 *   - what was refused before it was here isn't fetched again under the same inputs
 *   - a source that is away for an hour is asked with growing pauses, at most a minute apart; what
 *     runs is looked after meanwhile; what it has when it is back is in force a minute later
 *   - once the faults stop, what is in force is the newest revision with the images of now if both
 *     are sound together, else the good pair, and the conditions say so; within a bounded number of
 *     passes; and then there is time between two of them
 * Faults: each action may fail for the moment; the pass may be killed before and after each action
 * and each write; the source moves; tags move, forth and back, to images that get ready and such
 * that don't; registries are away; somebody changes what runs; inputs change; people suspend.
 *
 *   simulate_gitops --seed S --stories N     (one seed that failed: --stories 1)
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "orchestrator/core/gitops.h"

enum {
    REVISIONS = 6,
    INPUTS = 3,
    IMAGES = 4,
    NONE = -1,
    PASSES = 60,
    SETTLE = 80,
    ACTS_MAX = 20,
    INTERVAL_MS = 60000,
};

/* What is remembered beside the memory: the revision whose tags are known, and what was answered
 * last (NONE: nothing). */
struct names {
    struct wc_gitops_key of;
    int answered;
};

/* A revision and what its tags stand for; NONE: tags aren't followed. */
struct pair {
    int revision, image;
};

struct world {
    uint64_t random, seed;
    /* what revisions are like, for the length of a story */
    bool is_signed[REVISIONS][INPUTS], is_valid[REVISIONS][INPUTS], is_healthy[REVISIONS];
    bool is_large[REVISIONS][INPUTS]; /* it can't be fetched, and never will be */
    bool fits[REVISIONS][IMAGES];     /* it gets ready with that image */
    bool follows[INPUTS];             /* tags are followed: it is one of the inputs */
    int64_t ask_ms;
    int head, inputs;
    int tag; /* the image that it stands for now */
    bool is_registry_away, was_told[IMAGES];
    bool has_mark; /* the source says something that can be compared */
    /* the host */
    struct pair in_force;
    bool is_drifted;
    bool was_ready[REVISIONS][IMAGES + 1]; /* [0]: with whatever the tag stood for */
    /* the disk */
    struct wc_gitops_memory disk;
    struct names disk_names;
    /* the pass */
    int verified;                /* in this pass, under `inputs` */
    bool is_loaded, has_unknown; /* what was loaded names an image that nobody was asked about */
    struct names names;
    bool is_dead, faults, is_away;
    /* between passes */
    bool suspend, is_window, deps;
    bool restored; /* the last thing that was concluded was a rollback */
    int64_t now_ms;
    uint64_t steps, kills;
    unsigned n_answers; /* of registries */
    bool trace;
};

static uint64_t next_random(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static bool chance(struct world *w, unsigned in)
{
    return next_random(w) % in == 0;
}

static void judge(const struct world *w, bool holds, const char *fmt, ...)
{
    va_list args;
    if (holds)
        return;
    fprintf(stderr, "seed %llu: ", (unsigned long long)w->seed);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static const char *inputs_text(int inputs)
{
    static const char *const texts[INPUTS] = { "inputs-0", "inputs-1", "inputs-2" };
    return texts[inputs];
}

static int number(const struct wc_gitops_key *key)
{
    return key->id[0] == '\0' ? NONE : key->id[1] - '0';
}

static struct pair pair_of(const struct wc_gitops_key *key)
{
    return (struct pair){ number(key), key->images[0] == '\0' ? NONE : key->images[1] - '0' };
}

static bool same_pair(struct pair a, struct pair b)
{
    return a.revision == b.revision && a.image == b.image;
}

static bool is_healthy(const struct world *w, struct pair p)
{
    return w->is_healthy[p.revision] && (p.image == NONE || w->fits[p.revision][p.image]);
}

/* What should be in force by the end. */
static struct wc_gitops_key newest(const struct world *w)
{
    struct wc_gitops_key key = { 0 };
    snprintf(key.id, sizeof key.id, "r%d", w->head);
    snprintf(key.inputs, sizeof key.inputs, "%s", inputs_text(w->inputs));
    if (w->follows[w->inputs])
        snprintf(key.images, sizeof key.images, "i%d", w->tag);
    return key;
}

/* A kill: the pass ends here, and what it knew is gone. */
static bool dies(struct world *w)
{
    if (w->faults && !w->is_dead && chance(w, 40)) {
        w->is_dead = true;
        w->kills++;
    }
    return w->is_dead;
}

static void write_disk(struct world *w, const struct wc_gitops_memory *memory)
{
    if (!dies(w)) {
        w->disk = *memory;
        w->disk_names = w->names;
    }
    (void)dies(w);
}

/* The host -------------------------------------------------------------------------------------*/

static void put_in_force(struct world *w, struct pair what, struct wc_gitops_result *out)
{
    if (w->faults && chance(w, 8)) {
        out->end = chance(w, 2) ? WC_GITOPS_TRANSIENT : WC_GITOPS_LEFT;
        if (chance(w, 2)) /* half of it took place */
            w->in_force = what;
        return;
    }
    w->in_force = what;
    w->is_drifted = false;
    out->not_ready = !is_healthy(w, what) || (w->faults && chance(w, 10));
}

static void judge_apply(const struct world *w, const struct wc_gitops_in *in,
                        const struct wc_gitops_memory *memory, bool is_fresh)
{
    struct pair what = pair_of(&memory->attempt);
    int revision = what.revision;
    judge(w, revision != NONE, "an apply of nothing");
    judge(w, wc_streq(memory->attempt.inputs, in->inputs), "an attempt under inputs of before");
    judge(w, w->is_signed[revision][w->inputs], "r%d is applied and isn't signed", revision);
    judge(w, w->is_valid[revision][w->inputs], "r%d is applied and isn't valid", revision);
    judge(w, wc_gitops_rejected(&w->disk, &memory->attempt) == NULL,
          "r%d i%d is applied again after it was rejected", revision, what.image);
    judge(w, !is_fresh || w->verified == revision, "r%d wasn't verified in this pass", revision);
    judge(w, !is_fresh || (w->is_window && w->deps), "r%d is applied out of turn", revision);
    judge(w, wc_gitops_same(&w->disk.attempt, &memory->attempt), "an apply that isn't on disk");
    judge(w, w->follows[w->inputs] == (what.image != NONE), "r%d is applied with i%d", revision,
          what.image);
    judge(w, !is_fresh || !w->has_unknown, "an image is applied that nobody was asked about");
    judge(w, what.image == NONE || w->was_told[what.image], "nobody told of i%d", what.image);
}

static void do_apply(struct world *w, const struct wc_gitops_in *in,
                     const struct wc_gitops_memory *memory, bool is_fresh,
                     struct wc_gitops_result *out)
{
    struct pair what = pair_of(&memory->attempt);
    judge_apply(w, in, memory, is_fresh);
    put_in_force(w, what, out);
    if (out->end == WC_GITOPS_DONE && !is_healthy(w, what))
        out->end = WC_GITOPS_REFUSED;
    out->reason = "Unhealthy";
    if (out->end == WC_GITOPS_DONE)
        w->was_ready[what.revision][what.image + 1] = true;
}

static void do_good(struct world *w, const struct wc_gitops_memory *memory, bool is_restore,
                    struct wc_gitops_result *out)
{
    struct pair what = pair_of(&memory->good);
    judge(w, what.revision != NONE && w->was_ready[what.revision][what.image + 1],
          "what was never ready is put back");
    judge(w, !is_restore || !w->restored, "a rollback of a rollback");
    put_in_force(w, what, out);
}

/* As the runner does it: the names are those of what was loaded, or remembered; what a registry
 * doesn't tell is as it was told last, or is in force. */
static void do_ask(struct world *w, const struct wc_gitops_memory *memory,
                   struct wc_gitops_result *out)
{
    static const char *const texts[IMAGES] = { "i0", "i1", "i2", "i3" };
    int good = pair_of(&memory->good).image;
    bool is_named = w->is_loaded || wc_gitops_same_revision(&memory->seen, &w->names.of) ||
                    (good != NONE && wc_gitops_same_revision(&memory->seen, &memory->good));
    judge(w, w->follows[w->inputs], "registries are asked though no tag is followed");
    judge(w, is_named, "registries are asked about a revision that nobody has read");
    if (w->faults && chance(w, 40)) {
        out->end = WC_GITOPS_LEFT;
        return;
    }
    int known = w->names.answered != NONE ? w->names.answered : good;
    if (w->is_registry_away || (w->faults && chance(w, 8))) {
        out->end = WC_GITOPS_TRANSIENT;
        out->why = "away";
    } else {
        known = w->tag;
        w->was_told[known] = true;
        w->n_answers++;
    }
    if (known == NONE)
        return;
    out->images = texts[known];
    w->names = (struct names){ memory->seen, known };
    w->has_unknown = false;
}

/* What the disk has against a revision, whatever its images are. */
static bool is_refused(const struct world *w, const struct wc_gitops_key *key)
{
    for (unsigned i = 0; i < w->disk.n_rejected; i++) {
        const struct wc_gitops_rejection *r = &w->disk.rejected[i];
        bool is_whole = wc_streq(r->reason, "Invalid") || wc_streq(r->reason, "NotBelieved");
        if (is_whole && wc_gitops_same_revision(&r->key, key))
            return true;
    }
    return false;
}

static void do_load(struct world *w, const struct wc_gitops_memory *memory,
                    struct wc_gitops_result *out)
{
    int candidate = w->verified;
    judge(w, candidate == number(&memory->seen), "what isn't verified is loaded");
    judge(w, !is_refused(w, &memory->seen), "what was refused is loaded again");
    bool is_hosts_day = w->faults && chance(w, 40); /* what the host is can't be told beforehand */
    out->reason = "Invalid";
    if (is_hosts_day || !w->is_valid[candidate][w->inputs]) {
        out->end = WC_GITOPS_REFUSED;
        return;
    }
    w->is_loaded = true;
    out->has_unknown = w->has_unknown = w->follows[w->inputs] && chance(w, 20);
}

/* The source says that nothing is new, and there is nothing left to do about what it has. */
static bool is_known_and_done(const struct world *w, const struct wc_gitops_memory *memory)
{
    struct wc_gitops_key head = newest(w);
    if (head.images[0] != '\0' && wc_gitops_same_revision(&w->names.of, &head))
        snprintf(head.images, sizeof head.images, "i%d", w->names.answered);
    else
        memcpy(head.images, memory->seen.images, sizeof head.images);
    return w->has_mark && memory->mark[0] == 'm' && memory->mark[1] == '0' + w->head &&
           wc_gitops_same(&memory->seen, &head) &&
           (wc_gitops_same(&memory->good, &head) || wc_gitops_rejected(memory, &head) != NULL);
}

/* One action; `end` is DONE unless something is wrong. */
static void act(struct world *w, const struct wc_gitops_in *in, enum wc_gitops_act what,
                const struct wc_gitops_memory *memory, bool is_fresh, struct wc_gitops_result *out)
{
    static const char *const ids[REVISIONS] = { "r0", "r1", "r2", "r3", "r4", "r5" };
    static const char *const marks[REVISIONS] = { "m0", "m1", "m2", "m3", "m4", "m5" };
    int candidate = w->verified;
    switch (what) {
    case WC_GITOPS_REST:
        break;
    case WC_GITOPS_LOOK:
        out->mark = w->has_mark ? marks[w->head] : "";
        out->end = w->is_away ? WC_GITOPS_TRANSIENT : WC_GITOPS_DONE;
        break;
    case WC_GITOPS_FETCH:
        judge(w, !is_known_and_done(w, memory), "what is known is fetched again");
        out->id = ids[w->head];
        out->end = w->is_large[w->head][w->inputs] ? WC_GITOPS_REFUSED : WC_GITOPS_DONE;
        w->verified = NONE;
        w->is_loaded = false;
        break;
    case WC_GITOPS_VERIFY:
        candidate = number(&memory->seen);
        if (w->is_signed[candidate][w->inputs])
            w->verified = candidate;
        else
            out->end = WC_GITOPS_REFUSED;
        out->reason = "NotBelieved";
        break;
    case WC_GITOPS_LOAD:
        do_load(w, memory, out);
        break;
    case WC_GITOPS_ASK:
        do_ask(w, memory, out);
        break;
    case WC_GITOPS_PULL:
        break;
    case WC_GITOPS_APPLY:
        do_apply(w, in, memory, is_fresh, out);
        return;
    case WC_GITOPS_RESTORE:
    case WC_GITOPS_REPAIR:
        do_good(w, memory, what == WC_GITOPS_RESTORE, out);
        return;
    case WC_GITOPS_COMPARE:
        out->drifted = w->is_drifted || !same_pair(w->in_force, pair_of(&memory->good));
        break;
    }
    if (w->faults && chance(w, 8))
        *out = (struct wc_gitops_result){ .end = WC_GITOPS_TRANSIENT };
}

/* A pass ---------------------------------------------------------------------------------------*/

static struct wc_gitops_in make_in(struct world *w, bool forced)
{
    return (struct wc_gitops_in){
        .app = "shop",
        .inputs = inputs_text(w->inputs),
        .now_ms = w->now_ms,
        .interval_ms = INTERVAL_MS,
        .ask_ms = w->follows[w->inputs] ? w->ask_ms : 0,
        .suspend = w->suspend,
        .repair = true,
        .forced = forced,
        .waits_for = w->deps ? NULL : "db",
        .window_at_ms = w->is_window ? 0 : w->now_ms + 3600000,
    };
}

static bool is_written_first(enum wc_gitops_act what)
{
    return what == WC_GITOPS_APPLY || what == WC_GITOPS_RESTORE || what == WC_GITOPS_REPAIR;
}

/* Does one action; false when the pass was killed. */
static bool one(struct world *w, const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                struct wc_gitops_pass *pass, enum wc_gitops_act what)
{
    struct wc_gitops_result result = { .end = WC_GITOPS_DONE };
    bool is_fresh = memory->attempt.id[0] == '\0';
    w->steps++;
    judge(w, !in->suspend && !memory->is_suspended, "something is done while suspended");
    wc_gitops_start(in, memory, pass, what);
    if (is_written_first(what))
        write_disk(w, memory);
    if (what == WC_GITOPS_APPLY)
        w->restored = false;
    if (dies(w))
        return false;
    act(w, in, what, memory, is_fresh, &result);
    if (dies(w))
        return false;
    wc_gitops_note(in, memory, pass, what, &result);
    if (w->trace)
        printf("  act %d end %d: seen r%d %s attempt r%d %s good r%d %s in force r%d i%d%s\n",
               (int)what, (int)result.end, number(&memory->seen), memory->seen.images,
               number(&memory->attempt), memory->attempt.images, number(&memory->good),
               memory->good.images, w->in_force.revision, w->in_force.image,
               memory->restoring ? " restoring" : "");
    write_disk(w, memory);
    if (what == WC_GITOPS_RESTORE && result.end == WC_GITOPS_DONE && !w->is_dead)
        w->restored = true; /* and the disk says so: else it is the same one, gone on with */
    return !w->is_dead;
}

/* Returns when it wants to be woken; now after a kill. *acted: more than a look was done. */
static int64_t pass_over(struct world *w, bool forced, bool *acted)
{
    struct wc_gitops_memory memory = w->disk;
    struct wc_gitops_pass pass = { 0 };
    struct wc_gitops_in in = make_in(w, forced);
    w->verified = NONE;
    w->is_dead = w->is_loaded = w->has_unknown = false;
    w->names = w->disk_names;
    *acted = false;
    wc_gitops_begin(&in, &memory);
    for (int n = 0;; n++) {
        struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
        judge(w, n < ACTS_MAX, "a pass without an end");
        if (out.act == WC_GITOPS_REST) {
            wc_gitops_conclude(&in, &memory, &pass);
            write_disk(w, &memory);
            judge(w, out.wake_at_ms == 0 || out.wake_at_ms > w->now_ms, "woken in the past");
            return w->is_dead ? w->now_ms + 1000 : out.wake_at_ms;
        }
        *acted = *acted || is_written_first(out.act);
        if (!one(w, &in, &memory, &pass, out.act))
            return w->now_ms + 1000;
    }
}

/* Stories --------------------------------------------------------------------------------------*/

static void begin(struct world *w, uint64_t seed)
{
    *w = (struct world){ .random = seed * 0x9e3779b97f4a7c15ULL + 1, .seed = seed };
    for (int i = 0; i < 8; i++)
        next_random(w);
    for (int r = 0; r < REVISIONS; r++) {
        w->is_healthy[r] = !chance(w, 3);
        for (int k = 0; k < INPUTS; k++) {
            w->is_signed[r][k] = !chance(w, 4);
            w->is_valid[r][k] = !chance(w, 4);
        }
        for (int k = 0; k < IMAGES; k++)
            w->fits[r][k] = !chance(w, 3);
    }
    for (int k = 0; k < INPUTS; k++)
        w->follows[k] = !chance(w, 3);
    w->ask_ms = chance(w, 2) ? INTERVAL_MS / 2 : 5 * (int64_t)INTERVAL_MS;
    w->disk_names.answered = NONE;
    w->has_mark = !chance(w, 4);
    for (int r = 0; r < REVISIONS && w->has_mark; r++) /* without a mark it may be another by now */
        for (int k = 0; k < INPUTS; k++)
            w->is_large[r][k] = chance(w, 8);
    w->in_force = (struct pair){ NONE, NONE };
    w->is_window = w->deps = w->faults = true;
    w->now_ms = 1700000000000;
}

/* What happens around it. */
static void befall(struct world *w)
{
    if (chance(w, 3))
        w->head = (int)(next_random(w) % REVISIONS);
    if (chance(w, 12))
        w->inputs = (int)(next_random(w) % INPUTS);
    if (chance(w, 6))
        w->is_drifted = true;
    if (chance(w, 20))
        w->in_force = (struct pair){ NONE, NONE }; /* somebody took it down */
    if (chance(w, 4))
        w->tag = (int)(next_random(w) % IMAGES);
    if (chance(w, w->is_registry_away ? 3 : 12))
        w->is_registry_away = !w->is_registry_away;
    if (chance(w, w->suspend ? 3 : 30))
        w->suspend = !w->suspend;
    if (chance(w, w->disk.is_suspended ? 3 : 30))
        w->disk.is_suspended = !w->disk.is_suspended;
    if (chance(w, 8))
        w->is_window = !w->is_window;
    if (chance(w, 8))
        w->deps = !w->deps;
    if (chance(w, 30))
        w->now_ms -= (int64_t)(next_random(w) % 86400000); /* somebody set the clock back */
}

static void settle(struct world *w)
{
    int quiet = 0;
    w->faults = w->suspend = w->disk.is_suspended = w->is_registry_away = false;
    w->is_window = w->deps = true;
    w->n_answers = 0;
    for (int i = 0; quiet < 2 || (w->disk.seen.images[0] != '\0' && w->n_answers == 0); i++) {
        bool acted;
        judge(w, i < SETTLE, "it doesn't come to rest");
        int64_t wake_at_ms = pass_over(w, false, &acted);
        quiet = acted ? 0 : quiet + 1;
        judge(w, wake_at_ms > w->now_ms, "it sleeps for ever");
        w->now_ms = wake_at_ms;
    }
}

/* At rest, time goes by between two passes. */
static void check_rest(struct world *w)
{
    int64_t from_ms = w->now_ms;
    for (int i = 0; i < 12; i++) {
        bool acted;
        w->now_ms = pass_over(w, false, &acted);
        judge(w, !acted, "something is done at rest");
    }
    judge(w, w->now_ms - from_ms > 2 * INTERVAL_MS, "it can't sleep: 12 passes in %lld ms",
          (long long)(w->now_ms - from_ms));
}

static void check_end(const struct world *w)
{
    const struct wc_gitops_memory *m = &w->disk;
    struct wc_gitops_key head = newest(w);
    struct pair good = pair_of(&m->good);
    const struct wc_gitops_rejection *r = wc_gitops_rejected(m, &head);
    bool is_believed = w->is_signed[w->head][w->inputs] && !w->is_large[w->head][w->inputs];
    bool is_sound = is_believed && w->is_valid[w->head][w->inputs] && is_healthy(w, pair_of(&head));
    bool is_kept_out = r != NULL && (wc_streq(r->reason, "Interrupted") || is_refused(w, &head));
    if (is_sound && !is_kept_out)
        judge(w, wc_gitops_same(&m->good, &head), "r%d i%d is sound and not the good one", w->head,
              pair_of(&head).image);
    if (wc_gitops_same(&m->good, &head))
        judge(w, m->conditions[WC_GITOPS_STALLED].status == WC_GITOPS_FALSE,
              "what is in force is said to be rejected");
    else
        judge(w, r != NULL && m->conditions[WC_GITOPS_STALLED].status == WC_GITOPS_TRUE,
              "r%d isn't sound and nobody says so", w->head);
    if (good.revision != NONE) {
        judge(w, same_pair(w->in_force, good) && !w->is_drifted, "r%d is in force instead of r%d",
              w->in_force.revision, good.revision);
        judge(w, m->conditions[WC_GITOPS_READY].status == WC_GITOPS_TRUE, "it isn't Ready: %s",
              m->conditions[WC_GITOPS_READY].reason);
    }
    judge(w, m->attempt.id[0] == '\0' && !m->restoring, "something is still under way");
    judge(w, m->conditions[WC_GITOPS_RECONCILING].status == WC_GITOPS_FALSE,
          "it says that it is still at work: %s", m->conditions[WC_GITOPS_RECONCILING].reason);
    const struct wc_gitops_condition *verified = &m->conditions[WC_GITOPS_SOURCE_VERIFIED];
    judge(w, verified->generation == m->generation,
          "it says of another candidate what it believes");
    judge(w, (verified->status == WC_GITOPS_TRUE) == is_believed,
          "r%d is %s and SourceVerified says otherwise", w->head,
          is_believed ? "signed" : "not signed");
    judge(w, m->failures == 0, "failures of before are counted for ever");
    judge(w, m->seen.images[0] == '\0' || m->unanswered == 0, "registries are said to be away");
}

static void story(uint64_t seed, bool trace, uint64_t *steps, uint64_t *kills)
{
    struct world w;
    begin(&w, seed);
    w.trace = trace;
    for (int i = 0; i < PASSES; i++) {
        bool acted;
        if (trace)
            printf("pass %d: head r%d inputs %d tag i%d%s in force r%d i%d%s\n", i, w.head,
                   w.inputs, w.tag, w.is_registry_away ? " away" : "", w.in_force.revision,
                   w.in_force.image, w.suspend || w.disk.is_suspended ? " suspended" : "");
        int64_t wake_at_ms = pass_over(&w, chance(&w, 4), &acted);
        w.now_ms = wake_at_ms > w.now_ms && !chance(&w, 4) ? wake_at_ms : w.now_ms + 1000;
        befall(&w);
    }
    settle(&w);
    check_end(&w);
    check_rest(&w);
    *steps += w.steps;
    *kills += w.kills;
}

/* The agent's own pace: a pass when the last one said so, and nothing else happens. */
static void hour_away(uint64_t seed)
{
    enum { HOUR_MS = 3600000, LEAST = 55, MOST = 75, BACK_MS = 70000 };
    struct world w;
    bool acted;
    begin(&w, seed);
    w.faults = false;
    w.is_signed[0][0] = w.is_valid[0][0] = w.is_healthy[0] = true;
    w.is_signed[1][0] = w.is_valid[1][0] = w.is_healthy[1] = true;
    w.is_large[0][0] = w.is_large[1][0] = false;
    w.fits[0][0] = w.fits[1][0] = true;
    w.now_ms = pass_over(&w, true, &acted);
    int64_t away_ms = w.now_ms;
    int passes = 0;
    w.head = 1;
    w.is_away = true;
    for (; w.now_ms < away_ms + HOUR_MS; passes++) {
        w.is_drifted = passes == 5;
        w.now_ms = pass_over(&w, false, &acted);
        judge(&w, !w.is_drifted && w.in_force.revision == 0, "what runs isn't looked after");
        const struct wc_gitops_condition *c = w.disk.conditions;
        judge(&w, c[WC_GITOPS_READY].status == WC_GITOPS_TRUE, "it isn't Ready meanwhile");
        judge(&w, c[WC_GITOPS_RECONCILING].status == WC_GITOPS_TRUE, "nobody says that it is away");
    }
    judge(&w, passes >= LEAST && passes <= MOST, "%d passes in an hour", passes);
    w.is_away = false;
    int64_t back_ms = w.now_ms;
    while (w.in_force.revision != 1) {
        judge(&w, w.now_ms <= back_ms + BACK_MS, "it isn't followed when it is back");
        w.now_ms = pass_over(&w, false, &acted);
    }
    settle(&w);
    check_end(&w);
}

int main(int argc, char **argv)
{
    int64_t seed = 1, stories = 20000;
    bool trace = false;
    for (int i = 1; i < argc; i++) {
        if (wc_streq(argv[i], "--trace"))
            trace = true;
        else if (i + 1 < argc && wc_streq(argv[i], "--seed"))
            wc_str_to_i64(argv[++i], 0, INT64_MAX, &seed);
        else if (i + 1 < argc && wc_streq(argv[i], "--stories"))
            wc_str_to_i64(argv[++i], 1, INT64_MAX, &stories);
    }
    uint64_t steps = 0, kills = 0;
    for (int64_t i = 0; i < stories; i++)
        story((uint64_t)(seed + i), trace, &steps, &kills);
    for (int64_t i = 0; i < stories && i < 1000; i++)
        hour_away((uint64_t)(seed + i));
    printf("%lld stories, %llu actions, %llu kills: all promises kept\n", (long long)stories,
           (unsigned long long)steps, (unsigned long long)kills);
    return 0;
}
