/* world.c - the judge and the world: what happens in a pass, and what must never. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

uint64_t sim_random(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

bool sim_chance(struct world *w, unsigned in)
{
    return sim_random(w) % in == 0;
}

void sim_judge(const struct world *w, bool holds, const char *fmt, ...)
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

struct pair sim_pair_of(const struct wc_gitops_key *key)
{
    return (struct pair){ number(key), key->images[0] == '\0' ? NONE : key->images[1] - '0' };
}

bool sim_same_pair(struct pair a, struct pair b)
{
    return a.revision == b.revision && a.image == b.image;
}

bool sim_is_healthy(const struct world *w, struct pair p)
{
    return w->is_healthy[p.revision] && (p.image == NONE || w->fits[p.revision][p.image]);
}

/* What should be in force by the end. */
struct wc_gitops_key sim_newest(const struct world *w)
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
    if (w->faults && !w->is_dead && sim_chance(w, 40 * w->calm)) {
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

void sim_befall(struct world *w)
{
    if (sim_chance(w, 3))
        w->head = (int)(sim_random(w) % REVISIONS);
    if (sim_chance(w, 12))
        w->inputs = (int)(sim_random(w) % INPUTS);
    if (sim_chance(w, 4))
        w->tag = (int)(sim_random(w) % IMAGES);
    if (sim_chance(w, w->is_registry_away ? 3 : 12))
        w->is_registry_away = !w->is_registry_away;
    if (sim_chance(w, w->is_suspended ? 3 : 30))
        w->is_suspended = !w->is_suspended;
    if (sim_chance(w, 8))
        w->is_window = !w->is_window;
    if (sim_chance(w, 8))
        w->deps = !w->deps;
}

void sim_set_clock(struct world *w, int64_t now_ms)
{
    if (now_ms > w->now_ms)
        w->mono_ms += now_ms - w->now_ms;
    else
        w->unjudged_ms = NONE;
    w->now_ms = now_ms;
}

static void pass_time(struct world *w, int64_t ms)
{
    sim_set_clock(w, w->now_ms + ms);
}

/* The host -------------------------------------------------------------------------------------*/

static void put_in_force(struct world *w, struct pair what, struct wc_gitops_result *out)
{
    if (w->faults && sim_chance(w, 8 * w->calm)) {
        out->end = sim_chance(w, 2) ? WC_GITOPS_TRANSIENT : WC_GITOPS_LEFT;
        if (sim_chance(w, 2)) /* half of it took place */
            w->in_force = what;
        return;
    }
    w->in_force = what;
    w->in_force_ms = w->mono_ms;
    w->is_drifted = false;
    out->not_ready = !sim_is_healthy(w, what) || (w->faults && sim_chance(w, 10 * w->calm));
}

static void judge_apply(const struct world *w, const struct wc_gitops_in *in,
                        const struct wc_gitops_memory *memory, bool is_fresh)
{
    struct pair what = sim_pair_of(&memory->attempt);
    int revision = what.revision;
    sim_judge(w, revision != NONE, "an apply of nothing");
    sim_judge(w,
              wc_streq(memory->attempt.inputs, in->inputs) &&
                  wc_streq(in->inputs, inputs_text(w->inputs)),
              "an attempt under inputs of before");
    sim_judge(w, w->is_signed[revision][w->inputs], "r%d is applied and isn't signed", revision);
    sim_judge(w, w->is_valid[revision][w->inputs], "r%d is applied and isn't valid", revision);
    sim_judge(w, wc_gitops_rejected(&w->disk, &memory->attempt) == NULL,
              "r%d i%d is applied again after it was rejected", revision, what.image);
    sim_judge(w, !is_fresh || w->verified == revision, "r%d wasn't verified in this pass",
              revision);
    sim_judge(w, !is_fresh || (w->is_window && w->deps), "r%d is applied out of turn", revision);
    sim_judge(w, wc_gitops_same(&w->disk.attempt, &memory->attempt), "an apply that isn't on disk");
    sim_judge(w, w->follows[w->inputs] == (what.image != NONE), "r%d is applied with i%d", revision,
              what.image);
    sim_judge(w, !is_fresh || !w->has_unknown, "an image is applied that nobody was asked about");
    sim_judge(w, what.image == NONE || w->was_told[what.image], "nobody told of i%d", what.image);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whoever pushes without end doesn't go back to what is good. */
static int64_t push(struct world *w)
{
    int64_t at_ms = w->news_at_ms;
    w->news_at_ms = w->pushes_ms > 0 ? w->news_at_ms + w->pushes_ms : NONE;
    w->head = w->next_head;
    do
        w->next_head = w->next_head + 1 < REVISIONS ? w->next_head + 1 : 1;
    while (w->next_head == sim_pair_of(&w->disk.good).revision);
    return at_ms;
}

int64_t sim_flows(struct world *w)
{
    int64_t at_ms = NONE;
    while (w->news_at_ms != NONE && w->news_at_ms <= w->mono_ms)
        at_ms = push(w);
    return at_ms;
}

/* Somebody pushes, and says so, or not. When it is told of; NEVER_MS later: it isn't. */
static int64_t news(struct world *w, int64_t end_ms)
{
    if (w->news_at_ms != NONE && w->news_at_ms <= end_ms) {
        int64_t at_ms = push(w);
        return w->is_silent ? w->mono_ms + NEVER_MS : at_ms;
    }
    if (!w->faults || sim_chance(w, 2) || end_ms <= w->mono_ms)
        return w->mono_ms + NEVER_MS;
    sim_befall(w);
    int64_t at_ms = w->mono_ms + (int64_t)(sim_random(w) % (uint64_t)(end_ms - w->mono_ms));
    return sim_chance(w, 2) ? at_ms : w->mono_ms + NEVER_MS;
}

/* Until the attempt is ready, or isn't in time, or it is time to look up from it (0 = never). */
static void do_wait(struct world *w, const struct wc_gitops_in *in,
                    const struct wc_gitops_memory *memory, int64_t look_up_at_ms,
                    struct wc_gitops_result *out)
{
    struct pair what = sim_pair_of(&memory->attempt);
    int64_t over_ms = least(w->ready_at_ms, least(w->bad_at_ms, w->late_at_ms));
    bool may_look = look_up_at_ms != 0;
    sim_judge(w, sim_same_pair(what, w->in_force), "it is waited for what isn't in force");
    sim_judge(w, w->mono_ms <= over_ms, "an attempt that is over isn't heard");
    int64_t wait_ms = look_up_at_ms > w->now_ms ? look_up_at_ms - w->now_ms : 0;
    int64_t up_ms = w->mono_ms + (may_look ? wait_ms : NEVER_MS);
    int64_t told_ms = news(w, least(up_ms, over_ms));
    int64_t end_ms = least(over_ms, may_look ? least(up_ms, told_ms) : over_ms);
    if (w->faults && sim_chance(w, 30 * w->calm)) {
        out->end = sim_chance(w, 2) ? WC_GITOPS_TRANSIENT : WC_GITOPS_LEFT;
        w->unjudged_ms = NONE;
        return;
    }
    if (end_ms > w->mono_ms)
        pass_time(w, end_ms - w->mono_ms);
    sim_judge(w, w->unjudged_ms == NONE || w->mono_ms - w->unjudged_ms <= 2 * (int64_t)LIMIT_MS,
              "nobody judges");
    out->reason = "Unhealthy";
    if (w->ready_at_ms <= w->mono_ms)
        w->was_ready[what.revision][what.image + 1] = true;
    else if (w->bad_at_ms <= w->mono_ms || w->late_at_ms <= w->mono_ms)
        out->end = WC_GITOPS_REFUSED;
    else
        out->end = WC_GITOPS_PENDING;
    out->told = out->end == WC_GITOPS_PENDING && told_ms <= w->mono_ms;
    if (out->end == WC_GITOPS_PENDING && !wc_streq(in->inputs, inputs_text(w->inputs)))
        out->end = WC_GITOPS_LEFT; /* what it is judged by has changed: a new pass has to begin */
    if (out->end != WC_GITOPS_PENDING)
        w->unjudged_ms = NONE;
    if (w->faults && sim_chance(w, 60 * w->calm))
        sim_set_clock(w, w->now_ms - (int64_t)(sim_random(w) % 86400000));
}

/* It takes its time to be ready; what never is may say so before the time is over. */
static void do_apply(struct world *w, const struct wc_gitops_in *in,
                     const struct wc_gitops_memory *memory, bool is_fresh,
                     struct wc_gitops_result *out)
{
    struct pair what = sim_pair_of(&memory->attempt);
    judge_apply(w, in, memory, is_fresh);
    put_in_force(w, what, out);
    out->not_ready = false;
    if (out->end != WC_GITOPS_DONE) {
        w->unjudged_ms = NONE;
        return;
    }
    bool ends = sim_is_healthy(w, what);
    int64_t takes_ms = w->is_slow ? LIMIT_MS - 1 : (int64_t)(sim_random(w) % (LIMIT_MS - 1));
    if (sim_chance(w, 3) && !w->is_slow)
        takes_ms = 0;
    bool says_so = !ends && !w->is_slow && sim_chance(w, 2);
    w->ready_at_ms = w->mono_ms + (ends ? takes_ms : NEVER_MS);
    w->bad_at_ms = w->mono_ms + (says_so ? takes_ms : NEVER_MS);
    w->late_at_ms = w->mono_ms + LIMIT_MS;
    if (w->unjudged_ms == NONE && memory->superseded == 0)
        w->unjudged_ms = w->mono_ms;
}

/* An attempt that gives way is neither good nor rejected, and had its last chance. */
static void judge_supersede(const struct world *w, const struct wc_gitops_memory *memory,
                            enum wc_gitops_act what)
{
    const struct wc_gitops_key *old = &w->disk.attempt;
    sim_judge(w, w->ready_at_ms > w->mono_ms, "what is ready has to give way");
    sim_judge(w, !wc_gitops_same(old, &memory->attempt), "an attempt takes its own place");
    sim_judge(w, !wc_gitops_same(old, &memory->good), "what gives way counts as ready");
    sim_judge(w, memory->n_rejected == w->disk.n_rejected, "what gives way is rejected");
    sim_judge(w, sim_same_pair(sim_pair_of(&memory->good), sim_pair_of(&w->disk.good)),
              "another one is the good one");
    sim_judge(w, (what == WC_GITOPS_RESTORE) == memory->restoring, "to what does it give way?");
}

static void do_good(struct world *w, const struct wc_gitops_memory *memory, bool is_restore,
                    struct wc_gitops_result *out)
{
    struct pair what = sim_pair_of(&memory->good);
    sim_judge(w, what.revision != NONE && w->was_ready[what.revision][what.image + 1],
              "what was never ready is put back");
    sim_judge(w, !is_restore || !w->restored, "a rollback of a rollback");
    put_in_force(w, what, out);
}

/* As the runner does it: the names are those of what was loaded, or remembered; what a registry
 * doesn't tell is as it was told last, or is in force. */
static void do_ask(struct world *w, const struct wc_gitops_memory *memory,
                   struct wc_gitops_result *out)
{
    static const char *const texts[IMAGES] = { "i0", "i1", "i2", "i3" };
    int good = sim_pair_of(&memory->good).image;
    bool is_named = w->is_loaded || wc_gitops_same_revision(&memory->seen, &w->names.of) ||
                    (good != NONE && wc_gitops_same_revision(&memory->seen, &memory->good));
    sim_judge(w, w->follows[w->inputs], "registries are asked though no tag is followed");
    sim_judge(w, is_named, "registries are asked about a revision that nobody has read");
    if (w->faults && sim_chance(w, 40 * w->calm)) {
        out->end = WC_GITOPS_LEFT;
        return;
    }
    int known = w->names.answered != NONE ? w->names.answered : good;
    if (w->is_registry_away || (w->faults && sim_chance(w, 8 * w->calm))) {
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
bool sim_is_refused(const struct world *w, const struct wc_gitops_key *key)
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
    sim_judge(w, candidate == number(&memory->seen), "what isn't verified is loaded");
    sim_judge(w, !sim_is_refused(w, &memory->seen), "what was refused is loaded again");
    bool is_hosts_day =
        w->faults && sim_chance(w, 40 * w->calm); /* what the host is can't be told beforehand */
    out->reason = "Invalid";
    if (is_hosts_day || !w->is_valid[candidate][w->inputs]) {
        out->end = WC_GITOPS_REFUSED;
        return;
    }
    w->is_loaded = true;
    out->has_unknown = w->has_unknown = w->follows[w->inputs] && sim_chance(w, 20);
}

/* The source says that nothing is new, and there is nothing left to do about what it has. */
static bool is_known_and_done(const struct world *w, const struct wc_gitops_memory *memory)
{
    struct wc_gitops_key head = sim_newest(w);
    if (head.images[0] != '\0' && wc_gitops_same_revision(&w->names.of, &head))
        snprintf(head.images, sizeof head.images, "i%d", w->names.answered);
    else
        memcpy(head.images, memory->seen.images, sizeof head.images);
    return w->has_mark && memory->mark[0] == 'm' && memory->mark[1] == '0' + w->head &&
           wc_gitops_same(&memory->seen, &head) &&
           (wc_gitops_same(&memory->good, &head) || wc_gitops_rejected(memory, &head) != NULL);
}

/* Images may be large. True: the attempt that is waited for comes to its end before they are
 * here, and isn't kept waiting for that. */
static bool do_pull(struct world *w, const struct wc_gitops_memory *memory,
                    struct wc_gitops_result *out)
{
    if (!w->faults || !sim_chance(w, 3))
        return false;
    int64_t takes_ms = (int64_t)(sim_random(w) % (2 * LIMIT_MS));
    int64_t over_ms = least(w->ready_at_ms, least(w->bad_at_ms, w->late_at_ms));
    bool has_end = memory->attempt.id[0] != '\0' && w->mono_ms + takes_ms >= over_ms;
    if (has_end)
        out->end = WC_GITOPS_PENDING;
    pass_time(w, has_end ? over_ms - w->mono_ms : takes_ms);
    return has_end;
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
        sim_judge(w, !is_known_and_done(w, memory), "what is known is fetched again");
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
        if (do_pull(w, memory, out))
            return;
        break;
    case WC_GITOPS_APPLY:
        do_apply(w, in, memory, is_fresh, out);
        return;
    case WC_GITOPS_WAIT:
        return;
    case WC_GITOPS_RESTORE:
    case WC_GITOPS_REPAIR:
        do_good(w, memory, what == WC_GITOPS_RESTORE, out);
        return;
    case WC_GITOPS_COMPARE:
        out->drifted = w->is_drifted || !sim_same_pair(w->in_force, sim_pair_of(&memory->good));
        break;
    }
    if (w->faults && sim_chance(w, 8 * w->calm))
        *out = (struct wc_gitops_result){ .end = WC_GITOPS_TRANSIENT };
}

/* A pass ---------------------------------------------------------------------------------------*/

/* Its inputs are those of the pass's beginning. */
static struct wc_gitops_in make_in(struct world *w, const char *inputs, bool forced)
{
    return (struct wc_gitops_in){
        .app = "shop",
        .inputs = inputs,
        .now_ms = w->now_ms,
        .interval_ms = INTERVAL_MS,
        .limit_ms = LIMIT_MS,
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
    return what == WC_GITOPS_APPLY || what == WC_GITOPS_WAIT || what == WC_GITOPS_RESTORE ||
           what == WC_GITOPS_REPAIR;
}

static void show(const struct world *w, const struct wc_gitops_memory *memory,
                 enum wc_gitops_act what, enum wc_gitops_end end)
{
    printf("  %lld: act %d end %d: seen r%d %s attempt r%d %s good r%d %s in force r%d i%d%s\n",
           (long long)(w->mono_ms / 1000), (int)what, (int)end, number(&memory->seen),
           memory->seen.images, number(&memory->attempt), memory->attempt.images,
           number(&memory->good), memory->good.images, w->in_force.revision, w->in_force.image,
           memory->restoring ? " restoring" : "");
}

/* Does one action; false when the pass was killed. */
static bool one(struct world *w, struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                struct wc_gitops_pass *pass, const struct wc_gitops_out *next)
{
    enum wc_gitops_act what = next->act;
    struct wc_gitops_result result = { .end = WC_GITOPS_DONE };
    bool is_fresh = memory->attempt.id[0] == '\0';
    w->steps++;
    sim_judge(w, !in->suspend && !memory->is_suspended, "something is done while suspended");
    if (wc_gitops_start(in, memory, pass, what)) {
        judge_supersede(w, memory, what);
        w->n_superseded++;
        is_fresh = true;
    }
    if (is_written_first(what))
        write_disk(w, memory);
    if (what == WC_GITOPS_APPLY)
        w->restored = false;
    if (dies(w))
        return false;
    act(w, in, what, memory, is_fresh, &result);
    bool waits = what == WC_GITOPS_APPLY || what == WC_GITOPS_WAIT;
    if (waits && result.end == WC_GITOPS_DONE)
        do_wait(w, in, memory, next->wake_at_ms, &result);
    if (dies(w))
        return false;
    in->now_ms = w->now_ms;
    wc_gitops_note(in, memory, pass, what, &result);
    if (w->trace)
        show(w, memory, what, result.end);
    write_disk(w, memory);
    if (what == WC_GITOPS_RESTORE && result.end == WC_GITOPS_DONE && !w->is_dead)
        w->restored = true; /* and the disk says so: else it is the same one, gone on with */
    return !w->is_dead;
}

/* What it is judged by has changed meanwhile, or somebody ends it. */
static bool leaves(struct world *w, const struct wc_gitops_in *in)
{
    return !wc_streq(in->inputs, inputs_text(w->inputs)) ||
           (w->faults && sim_chance(w, 100 * w->calm));
}

static int64_t leave(struct world *w, const struct wc_gitops_in *in,
                     struct wc_gitops_memory *memory, struct wc_gitops_pass *pass)
{
    static const struct wc_gitops_result left = { .end = WC_GITOPS_LEFT };
    if (pass->waits)
        wc_gitops_note(in, memory, pass, WC_GITOPS_WAIT, &left);
    wc_gitops_conclude(in, memory, pass);
    write_disk(w, memory);
    w->unjudged_ms = NONE;
    return w->now_ms + 1000;
}

int64_t sim_pass(struct world *w, bool forced, bool *acted)
{
    struct wc_gitops_memory memory = w->disk;
    struct wc_gitops_pass pass = { 0 };
    const char *inputs = inputs_text(w->inputs);
    w->verified = NONE;
    w->is_dead = w->is_loaded = w->has_unknown = false;
    w->names = w->disk_names;
    *acted = false;
    for (int n = 0;; n++) {
        struct wc_gitops_in in = make_in(w, inputs, forced);
        memory.is_suspended = w->is_suspended;
        if (n == 0)
            wc_gitops_begin(&in, &memory);
        struct wc_gitops_out out = wc_gitops_step(&in, &memory, &pass);
        sim_judge(w, n < ACTS_MAX, "a pass without an end");
        if (out.act != WC_GITOPS_REST && leaves(w, &in))
            return leave(w, &in, &memory, &pass);
        if (out.act == WC_GITOPS_REST) {
            w->unjudged_ms = NONE; /* it may be suspended */
            wc_gitops_conclude(&in, &memory, &pass);
            write_disk(w, &memory);
            sim_judge(w, out.wake_at_ms == 0 || out.wake_at_ms > w->now_ms, "woken in the past");
            return w->is_dead ? w->now_ms + 1000 : out.wake_at_ms;
        }
        *acted = *acted || is_written_first(out.act);
        if (!one(w, &in, &memory, &pass, &out)) {
            w->unjudged_ms = NONE;
            return w->now_ms + 1000;
        }
    }
}
