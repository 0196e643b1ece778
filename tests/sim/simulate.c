/* simulate.c - the program: stories from seeds, as many as asked for.
 *
 *   simulate [--seed N] [--steps N] [--seeds N] [--show] [--no-shrink]
 *
 * --show tells each story, with every event. Goes on from --seed (1) until so many steps (events of
 * the simulated host) or seeds are done. Exit 0: nothing that must not be was seen. Exit 1: it was,
 * and the shortest story that shows it was printed.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "sim/play.h"

struct options {
    uint64_t seed, steps, seeds;
    bool show, shrink;
};

static struct options parse(int argc, char **argv)
{
    struct options o = { .seed = 1, .steps = 0, .seeds = UINT64_MAX, .shrink = true };
    for (int i = 1; i < argc; i++) {
        uint64_t *number = wc_streq(argv[i], "--seed")    ? &o.seed
                           : wc_streq(argv[i], "--steps") ? &o.steps
                           : wc_streq(argv[i], "--seeds") ? &o.seeds
                                                          : NULL;
        if (number != NULL && i + 1 < argc)
            *number = strtoull(argv[++i], NULL, 10);
        else if (wc_streq(argv[i], "--show"))
            o.show = true;
        else if (wc_streq(argv[i], "--no-shrink"))
            o.shrink = false;
        else {
            fprintf(stderr, "usage: simulate [--seed N] [--steps N] [--seeds N] [--show]\n");
            exit(2);
        }
    }
    if (o.steps == 0 && o.seeds == UINT64_MAX)
        o.seeds = 1;
    return o;
}

/* Takes deeds away, half of them first, as long as it still fails. */
static struct story shrink(struct story story)
{
    for (size_t n = story.n / 2; n > 0; n /= 2)
        for (size_t at = 0; at < story.n;) {
            struct story less = story_without(&story, at, n);
            if (less.n < story.n && play_story(&less, false).failed) {
                story_free(&story);
                story = less;
            } else {
                story_free(&less);
                at += n;
            }
        }
    return story;
}

/* True when the seed's story ends well, and the same way twice. */
static bool tell(uint64_t seed, const struct options *o, struct verdict *sum)
{
    struct story story = story_make(seed);
    struct verdict verdict = play_story(&story, false);
    if (!verdict.failed && seed % 64 == 0) {
        struct verdict again = play_story(&story, false);
        if (again.trace != verdict.trace) {
            verdict.failed = true;
            snprintf(verdict.text, sizeof verdict.text, "it doesn't go the same way twice");
        }
        verdict.steps += again.steps;
    }
    if (o->show || verdict.failed) {
        if (verdict.failed && o->shrink)
            story = shrink(story);
        story_print(&story, stdout);
        printf("  %s\n", verdict.failed ? play_story(&story, o->show).text : "all is well");
        printf("  (in full: %s)\n", verdict.text);
    }
    sum->steps += verdict.steps;
    sum->crashes += verdict.crashes;
    sum->ops += verdict.ops;
    story_free(&story);
    return !verdict.failed;
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    struct verdict sum = { 0 };
    struct timespec began, now;
    uint64_t told = 0;
    clock_gettime(CLOCK_MONOTONIC, &began);
    while (told < o.seeds && (o.steps == 0 || sum.steps < o.steps)) {
        if (!tell(o.seed + told, &o, &sum))
            return 1;
        told++;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    double s = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
    printf("seeds %llu..%llu: %llu steps, %llu ops, %llu crashes, 0 violations; %.1f s, %.2f M "
           "steps/s\n",
           (unsigned long long)o.seed, (unsigned long long)(o.seed + told - 1),
           (unsigned long long)sum.steps, (unsigned long long)sum.ops,
           (unsigned long long)sum.crashes, s, (double)sum.steps / 1e6 / s);
    return 0;
}
