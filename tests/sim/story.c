/* story.c - stories from seeds. Each seed draws its own mix: some worlds never fail, some fail a
 * third of all ops; some crash after each step, some never. (Swarm testing: a mix of everything all
 * the time hides what only a lopsided mix shows.)
 */
#include "sim/story.h"

#include <string.h>

#include "base/alloc.h"
#include "wcompose/model.h"

enum { DEEDS_MAX = 60 };

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned bound)
{
    uint64_t x = dice->state; /* splitmix64 */
    dice->state += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return (unsigned)((x ^ (x >> 31)) >> 16) % bound;
}

static void make_needs(struct dice *dice, struct model *model, unsigned i)
{
    static const uint8_t kinds[] = { NEED_STARTED, NEED_STARTED, NEED_HEALTHY, NEED_COMPLETED };
    struct part *part = &model->parts[i];
    memset(part->need, 0, sizeof part->need);
    for (unsigned to = 0; to < i; to++) {
        if (roll(dice, 3) != 0)
            continue;
        part->need[to] = kinds[roll(dice, 4)];
        if (part->need[to] == NEED_HEALTHY)
            part->need[to] = model->parts[to].check ? NEED_HEALTHY : NEED_STARTED;
        if (roll(dice, 6) == 0)
            part->need[to] |= NEED_OPTIONAL;
        if (roll(dice, 4) == 0)
            part->need[to] |= NEED_RESTART;
    }
}

static void make_part(struct dice *dice, struct model *model, unsigned i)
{
    static const uint8_t policies[] = { WC_RESTART_ALWAYS, WC_RESTART_ALWAYS,
                                        WC_RESTART_ALWAYS, WC_RESTART_UNLESS_STOPPED,
                                        WC_RESTART_NO,     WC_RESTART_ON_FAILURE };
    struct part *part = &model->parts[i];
    part->there = roll(dice, 5) != 0;
    part->replicas = (uint8_t)roll(dice, 4);
    part->version = (uint8_t)roll(dice, 4);
    part->policy = policies[roll(dice, sizeof policies)];
    part->retries = (uint8_t)roll(dice, 4);
    part->check = roll(dice, 3) == 0;
    part->gradual = roll(dice, 3) == 0;
    part->surge = roll(dice, 2) == 0;
    part->parallel = (uint8_t)roll(dice, 3);
    part->action = (uint8_t)roll(dice, 3);
    part->heal = roll(dice, 2) == 0;
    part->linked = model->networked && roll(dice, 3) != 0;
    part->hooks = (uint8_t)(roll(dice, 2) == 0 ? 0 : roll(dice, 4));
    if (part->gradual && part->surge)
        part->hooks = 0; /* the judge doesn't know yet what a failed hook does to a surge */
    part->tune = (uint8_t)roll(dice, 3);
    make_needs(dice, model, i);
}

/* What a person does to a file: a version, a number of replicas, a service that goes. */
static void edit(struct dice *dice, struct model *model)
{
    for (unsigned edits = 1 + roll(dice, 3); edits > 0; edits--) {
        unsigned i = roll(dice, SERVICES);
        struct part *part = &model->parts[i];
        switch (roll(dice, 9)) {
        case 4:
        case 5:
            part->tune = (uint8_t)roll(dice, 3);
            break;
        case 3:
            part->gradual = !part->gradual;
            break;
        case 0:
            part->there = !part->there;
            break;
        case 1:
            part->replicas = (uint8_t)roll(dice, 4);
            break;
        case 2:
            make_part(dice, model, i);
            break;
        default:
            part->version = (uint8_t)roll(dice, 4);
            break;
        }
    }
}

/* How often each kind of deed happens, for one seed. */
static void make_mix(struct dice *dice, unsigned weight[DEED_KINDS])
{
    for (unsigned kind = 0; kind < DEED_KINDS; kind++)
        weight[kind] = roll(dice, 3) == 0 ? 0 : roll(dice, 10);
    weight[DEED_PASS] += 4;
    weight[DEED_APPLY] += 2;
    weight[DEED_DOWN] /= 4;
    weight[DEED_REBOOT] /= 4;
}

static enum deed_kind pick(struct dice *dice, const unsigned weight[DEED_KINDS])
{
    unsigned total = 0;
    for (unsigned kind = 0; kind < DEED_KINDS; kind++)
        total += weight[kind];
    unsigned at = roll(dice, total), kind = 0;
    while (at >= weight[kind])
        at -= weight[kind++];
    return (enum deed_kind)kind;
}

struct story story_make(uint64_t seed)
{
    struct dice dice = { seed * 0x2545f4914f6cdd1dULL + 1 };
    struct story story = { .seed = seed };
    struct model model = { 0 };
    unsigned weight[DEED_KINDS], n = 2 + roll(&dice, DEEDS_MAX - 2);
    model.networked = roll(&dice, 3) == 0;
    for (unsigned i = 0; i < SERVICES; i++)
        make_part(&dice, &model, i);
    make_mix(&dice, weight);
    story.fault_permille = roll(&dice, 2) == 0 ? 0 : roll(&dice, 350);
    story.late_ms = roll(&dice, 2) == 0 ? 0 : roll(&dice, 3000);
    story.slow_ms = roll(&dice, 4) == 0 ? roll(&dice, 400) : 3;
    story.deeds = wc_calloc(n, sizeof *story.deeds);
    for (story.n = 0; story.n < n; story.n++) {
        struct deed *deed = &story.deeds[story.n];
        deed->kind = story.n == 0 ? DEED_APPLY : pick(&dice, weight);
        deed->service = roll(&dice, 3) == 0 ? SERVICES : roll(&dice, SERVICES);
        deed->lot = roll(&dice, 1U << 20);
        deed->ms = roll(&dice, 5) == 0 ? roll(&dice, 20000) : roll(&dice, 40);
        if (roll(&dice, 60) == 0)
            deed->ms = roll(&dice, 400000); /* long enough for the longest backoff */
        if (deed->kind == DEED_CLOCK)
            deed->ms = roll(&dice, 200000) - 100000;
        if (deed->kind == DEED_APPLY && story.n > 0)
            edit(&dice, &model);
        deed->model = model;
    }
    return story;
}

void story_free(struct story *story)
{
    wc_free(story->deeds);
    story->deeds = NULL;
}

struct story story_without(const struct story *story, size_t first, size_t n)
{
    struct story out = *story;
    out.deeds = wc_calloc(story->n, sizeof *out.deeds);
    out.n = 0;
    for (size_t i = 0; i < story->n; i++)
        if (i < first || i >= first + n)
            out.deeds[out.n++] = story->deeds[i];
    return out;
}

static void print_model(const struct model *model, FILE *out)
{
    static const char *const policies[] = { "no", "always", "on-failure", "unless-stopped" };
    static const char *const actions[] = { "pause", "continue", "rollback" };
    static const char *const conditions[] = { "", "started", "healthy", "completed" };
    for (unsigned i = 0; i < SERVICES; i++) {
        const struct part *part = &model->parts[i];
        if (!part->there)
            continue;
        fprintf(out, " s%u*%u=%u.%u!%s", i, part->replicas, part->version, part->tune,
                policies[part->policy]);
        if (part->policy == WC_RESTART_ON_FAILURE)
            fprintf(out, ":%u", part->retries);
        fputs(part->check ? "+check" : "", out);
        if (part->gradual)
            fprintf(out, "~%u%s,%s", part->parallel, part->surge ? "surge" : "",
                    actions[part->action]);
        fputs(part->heal ? "+heal" : "", out);
        fputs(part->linked ? "+net" : "", out);
        fputs((part->hooks & HOOK_POST_START) != 0 ? "+post_start" : "", out);
        fputs((part->hooks & HOOK_PRE_STOP) != 0 ? "+pre_stop" : "", out);
        for (unsigned to = 0; to < i; to++)
            if (part->need[to] != NEED_NONE && model->parts[to].there)
                fprintf(out, "<s%u.%s%s%s", to, conditions[part->need[to] & NEED_CONDITION],
                        (part->need[to] & NEED_OPTIONAL) != 0 ? "?" : "",
                        (part->need[to] & NEED_RESTART) != 0 ? ",restart" : "");
    }
}

void story_print(const struct story *story, FILE *out)
{
    static const char *const names[DEED_KINDS] = { "pass",   "apply",   "recreate", "stop",
                                                   "start",  "restart", "kill",     "down",
                                                   "exit",   "vanish",  "manner",   "crash",
                                                   "clock",  "reboot",  "drift",    "suspend",
                                                   "resume", "pause",   "unpause" };
    static const char *const manners[] = { "good", "job",  "failing",  "crashy", "stubborn",
                                           "slow", "sick", "bad hook", "stiff" };
    fprintf(out, "seed %llu: %u of 1000 ops fail, up to %u ms slow, late by up to %u ms\n",
            (unsigned long long)story->seed, story->fault_permille, story->slow_ms, story->late_ms);
    for (size_t i = 0; i < story->n; i++) {
        const struct deed *deed = &story->deeds[i];
        fprintf(out, "  %2zu %s", i, names[deed->kind]);
        if (deed->kind == DEED_PASS)
            fprintf(out, " %u ms", deed->ms);
        else if (deed->kind == DEED_APPLY || deed->kind == DEED_RECREATE)
            print_model(&deed->model, out);
        else if (deed->kind == DEED_MANNER)
            fprintf(out, " s%u %s", deed->service % SERVICES, manners[deed->lot % MANNER_MANNERS]);
        else if (deed->kind == DEED_EXIT || deed->kind == DEED_VANISH || deed->kind == DEED_DRIFT)
            fprintf(out, " lot %u", deed->lot);
        else if (deed->kind == DEED_CLOCK)
            fprintf(out, " %d ms", (int)deed->ms);
        else if (deed->service < SERVICES)
            fprintf(out, " s%u", deed->service);
        fputc('\n', out);
    }
}
