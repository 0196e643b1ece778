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
 *   - what isn't ready gives way to a newer one only when that may be applied, and when it was seen
 *     once more that it isn't; it is neither rejected nor the good one then
 *   - a fix that is pushed while a bad one is waited for is in force at once when it is told of,
 * else at the next look
 *   - however fast people push, something is found ready or not within two limits
 *   - once the faults stop, what is in force is the newest revision with the images of now if both
 *     are sound together, else the good pair, and the conditions say so; within a bounded number of
 *     passes; and then there is time between two of them
 * Faults: each action may fail for the moment; the pass may be killed before and after each action
 * and each write; the source moves; tags move, forth and back, to images that get ready and such
 * that don't; registries are away; somebody changes what runs; inputs change; people suspend.
 *
 *   simulate_gitops --seed S --stories N     (one seed that failed: --stories 1)
 */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

/* Stories --------------------------------------------------------------------------------------*/

static void begin(struct world *w, uint64_t seed)
{
    *w = (struct world){ .random = seed * 0x9e3779b97f4a7c15ULL + 1, .seed = seed };
    for (int i = 0; i < 8; i++)
        sim_random(w);
    for (int r = 0; r < REVISIONS; r++) {
        w->is_healthy[r] = !sim_chance(w, 3);
        for (int k = 0; k < INPUTS; k++) {
            w->is_signed[r][k] = !sim_chance(w, 4);
            w->is_valid[r][k] = !sim_chance(w, 4);
        }
        for (int k = 0; k < IMAGES; k++)
            w->fits[r][k] = !sim_chance(w, 3);
    }
    for (int k = 0; k < INPUTS; k++)
        w->follows[k] = !sim_chance(w, 3);
    w->ask_ms = sim_chance(w, 2) ? INTERVAL_MS / 2 : 5 * (int64_t)INTERVAL_MS;
    w->disk_names.answered = NONE;
    w->has_mark = !sim_chance(w, 4);
    for (int r = 0; r < REVISIONS && w->has_mark; r++) /* without a mark it may be another by now */
        for (int k = 0; k < INPUTS; k++)
            w->is_large[r][k] = sim_chance(w, 8);
    w->in_force = (struct pair){ NONE, NONE };
    w->is_window = w->deps = w->faults = true;
    w->now_ms = 1700000000000;
    w->unjudged_ms = w->news_at_ms = NONE;
    w->calm = sim_chance(w, 2) ? 1 : 10;
}

/* What happens around passes, beside what may happen during one. */
static void befall(struct world *w)
{
    sim_befall(w);
    if (sim_chance(w, 6))
        w->is_drifted = true;
    if (sim_chance(w, 20))
        w->in_force = (struct pair){ NONE, NONE }; /* somebody took it down */
    if (sim_chance(w, w->suspend ? 3 : 30))
        w->suspend = !w->suspend;
    if (sim_chance(w, 30)) /* somebody set the clock back */
        sim_set_clock(w, w->now_ms - (int64_t)(sim_random(w) % 86400000));
}

static void settle(struct world *w)
{
    int quiet = 0;
    w->faults = w->suspend = w->is_suspended = w->is_registry_away = false;
    w->is_window = w->deps = true;
    w->n_answers = 0;
    for (int i = 0; quiet < 2 || (w->disk.seen.images[0] != '\0' && w->n_answers == 0); i++) {
        bool acted;
        sim_judge(w, i < SETTLE, "it doesn't come to rest");
        int64_t wake_at_ms = sim_pass(w, false, &acted);
        quiet = acted ? 0 : quiet + 1;
        sim_judge(w, wake_at_ms > w->now_ms, "it sleeps for ever");
        sim_set_clock(w, wake_at_ms);
    }
}

/* At rest, time goes by between two passes. */
static void check_rest(struct world *w)
{
    int64_t from_ms = w->now_ms;
    for (int i = 0; i < 12; i++) {
        bool acted;
        sim_set_clock(w, sim_pass(w, false, &acted));
        sim_judge(w, !acted, "something is done at rest");
    }
    sim_judge(w, w->now_ms - from_ms > 2 * INTERVAL_MS, "it can't sleep: 12 passes in %lld ms",
              (long long)(w->now_ms - from_ms));
}

static void check_end(const struct world *w)
{
    const struct wc_gitops_memory *m = &w->disk;
    struct wc_gitops_key head = sim_newest(w);
    struct pair good = sim_pair_of(&m->good);
    const struct wc_gitops_rejection *r = wc_gitops_rejected(m, &head);
    bool is_believed = w->is_signed[w->head][w->inputs] && !w->is_large[w->head][w->inputs];
    bool is_sound =
        is_believed && w->is_valid[w->head][w->inputs] && sim_is_healthy(w, sim_pair_of(&head));
    bool is_kept_out =
        r != NULL && (wc_streq(r->reason, "Interrupted") || sim_is_refused(w, &head));
    if (is_sound && !is_kept_out)
        sim_judge(w, wc_gitops_same(&m->good, &head), "r%d i%d is sound and not the good one",
                  w->head, sim_pair_of(&head).image);
    if (wc_gitops_same(&m->good, &head))
        sim_judge(w, m->conditions[WC_GITOPS_STALLED].status == WC_GITOPS_FALSE,
                  "what is in force is said to be rejected");
    else
        sim_judge(w, r != NULL && m->conditions[WC_GITOPS_STALLED].status == WC_GITOPS_TRUE,
                  "r%d isn't sound and nobody says so", w->head);
    if (good.revision != NONE) {
        sim_judge(w, sim_same_pair(w->in_force, good) && !w->is_drifted,
                  "r%d is in force instead of r%d", w->in_force.revision, good.revision);
        sim_judge(w, m->conditions[WC_GITOPS_READY].status == WC_GITOPS_TRUE, "it isn't Ready: %s",
                  m->conditions[WC_GITOPS_READY].reason);
    }
    sim_judge(w, m->attempt.id[0] == '\0' && !m->restoring, "something is still under way");
    sim_judge(w, m->unjudged_at_ms == 0 && m->superseded == 0, "nothing waits and it is counted");
    sim_judge(w, m->conditions[WC_GITOPS_RECONCILING].status == WC_GITOPS_FALSE,
              "it says that it is still at work: %s", m->conditions[WC_GITOPS_RECONCILING].reason);
    const struct wc_gitops_condition *verified = &m->conditions[WC_GITOPS_SOURCE_VERIFIED];
    sim_judge(w, verified->generation == m->generation,
              "it says of another candidate what it believes");
    sim_judge(w, (verified->status == WC_GITOPS_TRUE) == is_believed,
              "r%d is %s and SourceVerified says otherwise", w->head,
              is_believed ? "signed" : "not signed");
    sim_judge(w, m->failures == 0, "failures of before are counted for ever");
    sim_judge(w, m->seen.images[0] == '\0' || m->unanswered == 0, "registries are said to be away");
}

struct sums {
    uint64_t steps, kills, superseded;
};

static void story(uint64_t seed, bool trace, struct sums *sums)
{
    struct world w;
    begin(&w, seed);
    w.trace = trace;
    for (int i = 0; i < PASSES; i++) {
        bool acted;
        if (trace)
            printf("pass %d: head r%d inputs %d tag i%d%s in force r%d i%d%s\n", i, w.head,
                   w.inputs, w.tag, w.is_registry_away ? " away" : "", w.in_force.revision,
                   w.in_force.image, w.suspend || w.is_suspended ? " suspended" : "");
        int64_t wake_at_ms = sim_pass(&w, sim_chance(&w, 4), &acted);
        bool in_time = wake_at_ms > w.now_ms && !sim_chance(&w, 4);
        sim_set_clock(&w, in_time ? wake_at_ms : w.now_ms + 1000);
        befall(&w);
    }
    settle(&w);
    check_end(&w);
    check_rest(&w);
    sums->steps += w.steps;
    sums->kills += w.kills;
    sums->superseded += w.n_superseded;
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
    sim_set_clock(&w, sim_pass(&w, true, &acted));
    int64_t away_ms = w.now_ms;
    int passes = 0;
    w.head = 1;
    w.is_away = true;
    for (; w.now_ms < away_ms + HOUR_MS; passes++) {
        w.is_drifted = passes == 5;
        sim_set_clock(&w, sim_pass(&w, false, &acted));
        sim_judge(&w, !w.is_drifted && w.in_force.revision == 0, "what runs isn't looked after");
        const struct wc_gitops_condition *c = w.disk.conditions;
        sim_judge(&w, c[WC_GITOPS_READY].status == WC_GITOPS_TRUE, "it isn't Ready meanwhile");
        sim_judge(&w, c[WC_GITOPS_RECONCILING].status == WC_GITOPS_TRUE,
                  "nobody says that it is away");
    }
    sim_judge(&w, passes >= LEAST && passes <= MOST, "%d passes in an hour", passes);
    w.is_away = false;
    int64_t back_ms = w.now_ms;
    while (w.in_force.revision != 1) {
        sim_judge(&w, w.now_ms <= back_ms + BACK_MS, "it isn't followed when it is back");
        sim_set_clock(&w, sim_pass(&w, false, &acted));
    }
    settle(&w);
    check_end(&w);
}

/* A world without faults, where one revision is good and in force. */
static void begin_sound(struct world *w, uint64_t seed)
{
    bool acted;
    begin(w, seed);
    w->faults = false;
    for (int r = 0; r < REVISIONS; r++) {
        w->is_signed[r][0] = w->is_valid[r][0] = w->is_healthy[r] = true;
        w->is_large[r][0] = false;
        w->fits[r][0] = true;
    }
    sim_set_clock(w, sim_pass(w, true, &acted));
    sim_judge(w, sim_pair_of(&w->disk.good).revision == 0, "the first revision isn't ready");
}

/* Somebody pushes what never gets ready, and mends that while it is waited for: by another revision
 * or by going back to the one before. What is newest is in force when it is told of, or at the next
 * look; and the bad one was never judged. */
static void mended(uint64_t seed)
{
    enum { LATE_MS = INTERVAL_MS + INTERVAL_MS / 20 };
    struct world w;
    bool acted;
    begin_sound(&w, seed);
    w.is_healthy[1] = false;
    w.is_slow = true; /* it doesn't say by itself that it is bad */
    w.head = 1;
    w.next_head = sim_chance(&w, 3) ? 0 : 2;
    w.is_silent = sim_chance(&w, 2);
    int64_t spare_ms = w.is_silent ? LATE_MS : 0;
    w.news_at_ms = w.mono_ms + 1 + (int64_t)(sim_random(&w) % (uint64_t)(LIMIT_MS - spare_ms - 2));
    int64_t pushed_ms = w.news_at_ms;
    sim_pass(&w, true, &acted);
    const struct wc_gitops_key one = { "r1", "inputs-0", "" };
    sim_judge(&w, w.n_superseded == 1, "the fix doesn't come first");
    sim_judge(&w, wc_gitops_rejected(&w.disk, &one) == NULL, "what gave way was rejected");
    sim_judge(&w, sim_pair_of(&w.disk.good).revision == w.head, "the fix isn't the good one");
    sim_judge(&w, w.in_force.revision == w.head, "the fix isn't in force");
    sim_judge(&w, w.in_force_ms - pushed_ms <= spare_ms, "the fix comes %" PRId64 " ms late",
              w.in_force_ms - pushed_ms - spare_ms);
}

/* People push faster than anything gets ready, for two hours. Some revision is judged all the same,
 * at least every two limits: when they are sound it is a newer one each time, and when they are not
 * the good one is back. */
static void flood(uint64_t seed, bool trace)
{
    enum { HOURS = 2 };
    struct world w;
    bool acted, is_sound = seed % 2 == 0;
    begin_sound(&w, seed);
    w.trace = trace;
    for (int r = 1; r < REVISIONS; r++)
        w.is_healthy[r] = is_sound;
    w.is_slow = true;
    w.head = w.next_head = 1;
    w.pushes_ms = 1000 + (int64_t)(sim_random(&w) % 60000);
    w.is_silent = sim_chance(&w, 3);
    w.news_at_ms = w.mono_ms + w.pushes_ms;
    int64_t end_ms = w.mono_ms + HOURS * (int64_t)3600000;
    unsigned n_new = 0;
    struct pair before = { 0, NONE };
    while (w.mono_ms < end_ms) {
        int64_t wake_at_ms = sim_pass(&w, sim_chance(&w, 2), &acted);
        struct pair good = sim_pair_of(&w.disk.good);
        n_new += !sim_same_pair(good, before);
        before = good;
        sim_judge(&w, sim_same_pair(w.in_force, good), "what isn't ready is left in force");
        sim_set_clock(&w, wake_at_ms);
        (void)sim_flows(&w);
    }
    sim_judge(&w, !is_sound || n_new >= HOURS * 3600 / (2 * LIMIT_MS / 1000) - 2,
              "%u new ones in all that time", n_new);
    sim_judge(&w, is_sound || sim_pair_of(&w.disk.good).revision == 0, "another one is good");
    sim_judge(&w, is_sound || w.disk.n_rejected > 0, "nothing was rejected");
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
    struct sums sums = { 0 };
    for (int64_t i = 0; i < stories; i++)
        story((uint64_t)(seed + i), trace, &sums);
    for (int64_t i = 0; i < stories && i < 1000; i++)
        hour_away((uint64_t)(seed + i));
    for (int64_t i = 0; i < stories && i < 1000; i++)
        mended((uint64_t)(seed + i));
    for (int64_t i = 0; i < stories && i < 200; i++)
        flood((uint64_t)(seed + i), trace);
    printf("%" PRId64 " stories, %" PRIu64 " actions, %" PRIu64 " kills, %" PRIu64
           " superseded: all promises kept\n",
           stories, sums.steps, sums.kills, sums.superseded);
    return 0;
}
