/* crashpoints.c - the program: every crash point of every scene, and every pair of them.
 *
 *   crashpoints [--scene N] [--at K[,FATE[,K2[,FATE2]]]] [--single | --all]
 *
 * A scene is told once without a crash, which numbers its points; then once for each point and each
 * fate of the ops under way; then, for each of those, once for each point of the successor's life.
 * After the last crash a new supervisor must bring about what was asked for, by itself: a person
 * asks again only when the first one died before it had written the request down. Exit 0: all do.
 */
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/supervisor_priv.h"
#include "sim/crash/crash.h"

enum {
    EVEN_LATE_MS = 150, /* ops of the dead have landed by then */
    CONVERGE_MS = 20000,
    QUIET_MS = 35000, /* longer than it takes until the next full look */
    IDLE_TURNS = 5
};

struct fate {
    const char *name;
    enum wc_sim_fate fate;
    unsigned late_ms;
};

static const struct fate fates[] = {
    { "lost", WC_SIM_FATE_LOST, 0 },
    { "done", WC_SIM_FATE_DONE, 0 },
    { "late", WC_SIM_FATE_LATE, 5 },
    { "later", WC_SIM_FATE_LATE, 60 },
};
enum { FATES = 4 };

/* A run: which points, which fates; what came of it. */
struct run {
    const struct scene *scene;
    unsigned at[2];
    const struct fate *fate[2];
    unsigned points[3]; /* in each life, as far as it went */
    uint64_t took_ms;   /* from the last successor's start until all was as asked */
    bool failed, loud;  /* loud: prints every op */
    char text[600];
};

static const struct story calm = { .slow_ms = 2, .late_ms = 60 };
static struct host host;
static char dir[] = "/dev/shm/wc-crash-XXXXXX"; /* nothing of it outlives the machine */

/* ---- what was asked ---- */

static const struct step *last_step(const struct scene *scene)
{
    const struct step *step = scene->steps;
    while (step + 1 < scene->steps + STEPS_MAX && step[1].verb != NULL)
        step++;
    return step;
}

/* What a person expects once it was asked. Nothing that is as it is to be may be stopped on the way
 * (no excuse), unless everything is to be. */
static void expect(struct play *play, const struct scene *scene, const struct step *step)
{
    bool applies = wc_streq(step->verb, "apply");
    play->former = play->model;
    play->has_former = play->has_model;
    play->apply_epoch = play->calm_epoch = 1;
    if (applies)
        play->model = step->scales ? step->wanted : step->model;
    play->has_model = true;
    for (unsigned i = 0; i < SERVICES; i++) {
        if (play->model.parts[i].there)
            play->wish[i] = step->wish;
        else if (play->wish[i] != WISH_NOTHING)
            play->wish[i] = WISH_GONE;
        bool stops = !applies || (step == last_step(scene) && scene->restarts) ||
                     (play->model.parts[i].need[0] & NEED_RESTART) != 0;
        play->excuse[i] = stops ? UINT64_MAX : 0;
    }
}

static bool is_as_asked(void)
{
    struct verdict before = host.play.verdict;
    if (host.sup->calls != NULL || host.sup->ledger.n_asks > 0)
        return false;
    judge_end(&host.play);
    bool is = !host.play.verdict.failed;
    if (!before.failed)
        host.play.verdict = before;
    return is;
}

/* How it differs, in the verdict. */
static void say_why_not(void)
{
    judge_end(&host.play);
    if (host.sup->calls != NULL || host.sup->ledger.n_asks > 0)
        play_fail(&host.play, "a request is still under way");
}

static uint64_t converge(uint64_t limit_ms)
{
    const struct play *play = &host.play;
    uint64_t began = play->world->now_ms;
    unsigned idle = 0;
    while (!host.dead && !play->verdict.failed && !is_as_asked()) {
        host_turn(&host);
        idle = wc_sim_pending(play->world) ? 0 : idle + 1;
        if (idle > IDLE_TURNS || play->world->now_ms - began > limit_ms) {
            say_why_not();
            break;
        }
    }
    return play->world->now_ms - began;
}

/* ---- the lives ---- */

/* True when the supervisor that died had not written down what it was asked. */
static bool is_forgotten(const struct step *step, uint64_t before_id)
{
    bool is_done = wc_streq(step->verb, "down") && host.sup->ledger.last_number == 0;
    return host.sup->ledger.last_id <= before_id && !is_done;
}

static bool has_sunk(unsigned life)
{
    return life < 2 && host.dead;
}

/* The successor, until it dies or all is as asked. */
static void succeed(struct run *run, unsigned life, const struct step *step, uint64_t before_id)
{
    host_live(&host, life < 2 ? run->at[life] : 0);
    if (!host.dead && is_forgotten(step, before_id))
        host_ask(&host, step);
    run->took_ms = converge(CONVERGE_MS);
    host_pass(&host, EVEN_LATE_MS);
    (void)converge(CONVERGE_MS);
    run->points[life] = host.points;
}

static void setup(const struct scene *scene, const struct step *last)
{
    host_live(&host, 0);
    for (const struct step *step = scene->steps; step != last; step++) {
        expect(&host.play, scene, step);
        host_ask(&host, step);
        converge(CONVERGE_MS);
    }
}

/* What is as asked stays as it is; what was to be started once was. */
static void must_stay(const struct scene *scene, const uint64_t starts[SERVICES])
{
    host.armed = false;
    host_pass(&host, QUIET_MS);
    if (!host.play.verdict.failed && !is_as_asked())
        say_why_not();
    if (host.play.wish[0] == WISH_GONE && wc_sim_count_networks(host.play.world) > 0)
        play_fail(&host.play, "a network is still there after a down");
    const struct wc_generation *now = wc_ledger_accepted(&host.sup->ledger);
    bool goes = host.play.wish[0] == WISH_GONE;
    if (now == NULL && !goes)
        play_fail(&host.play, "no model is in force any more");
    if (now != NULL && goes)
        play_fail(&host.play, "a model is in force after a down");
    for (unsigned i = 0; i < SERVICES && scene->restarts; i++) {
        unsigned long n = (unsigned long)(host.play.starts[i] - starts[i]);
        if (host.play.model.parts[i].there && n != 1)
            play_fail(&host.play, "s%u was started %lu times for one request", i, n);
    }
}

/* Addresses are kept in real files: each run begins without. */
static void forget_addresses(void)
{
    struct wc_err err = { 0 };
    if (wc_fs_remove_tree(dir, &err) != 0 || wc_fs_mkdirs(dir, 0700, &err) != 0)
        play_fail(&host.play, "%s", err.msg);
}

static void play_run(struct run *run)
{
    const struct step *last = last_step(run->scene);
    uint64_t starts[SERVICES];
    host_begin(&host, dir, &calm);
    host.play.loud = run->loud;
    if (run->scene->steps[0].model.parts[0].linked)
        forget_addresses();
    setup(run->scene, last);
    memcpy(starts, host.play.starts, sizeof starts);
    uint64_t before_id = host.sup->ledger.last_id;
    host.armed = true;
    host.points = 0;
    host.die_at = run->at[0];
    host.play.epoch++;
    expect(&host.play, run->scene, last);
    host_ask(&host, last);
    run->took_ms = converge(CONVERGE_MS);
    run->points[0] = host.points;
    for (unsigned life = 1; has_sunk(life - 1) && !host.play.verdict.failed; life++) {
        host_bury(&host, run->fate[life - 1]->fate, run->fate[life - 1]->late_ms);
        succeed(run, life, last, before_id);
    }
    if (!host.play.verdict.failed)
        must_stay(run->scene, starts);
    host.armed = false;
    host.dead = false;
    wc_sim_set_crash(host.play.world, false, 0);
    host_bury(&host, WC_SIM_FATE_LOT, 0);
    run->failed = host.play.verdict.failed;
    if (run->failed)
        snprintf(run->text, sizeof run->text, "%s: died %s (%s)%s%s%s%s%s: %s", run->scene->name,
                 host.where[0], run->at[0] != 0 ? run->fate[0]->name : "",
                 run->at[1] ? ", then " : "", host.where[1], run->at[1] ? " (" : "",
                 run->at[1] ? run->fate[1]->name : "", run->at[1] ? ")" : "",
                 host.play.verdict.text);
    host_end(&host);
}

/* ---- all of them ---- */

struct options {
    const char *at;
    size_t first, end; /* scenes */
    bool pairs, every;
};

struct sum {
    unsigned long points, singles, pairs, failures;
    struct run slowest;
};

static void count(struct sum *sum, const struct run *run)
{
    if (run->took_ms > sum->slowest.took_ms)
        sum->slowest = *run;
    if (!run->failed)
        return;
    sum->failures++;
    if (sum->failures <= 10)
        printf("FAILED %s\n  (--scene %td --at %u,%td,%u,%td)\n", run->text, run->scene - scenes,
               run->at[0], run->fate[0] - fates, run->at[1], run->fate[1] - fates);
}

/* Of the second death every fate, or one in turn. */
static void all_pairs(struct sum *sum, const struct run *first, bool every)
{
    for (unsigned at = 1; at <= first->points[1]; at++)
        for (unsigned f = 0; f < FATES - 1; f++) {
            if (!every && (at + first->at[0]) % (FATES - 1) != f)
                continue;
            struct run run = { .scene = first->scene,
                               .at = { first->at[0], at },
                               .fate = { first->fate[0], &fates[f] } };
            play_run(&run);
            sum->pairs++;
            count(sum, &run);
        }
}

static void all_points(struct sum *sum, const struct scene *scene, const struct options *o)
{
    struct run plain = { .scene = scene, .fate = { fates, fates } };
    play_run(&plain);
    count(sum, &plain);
    sum->points += plain.points[0];
    for (unsigned at = 1; at <= plain.points[0]; at++)
        for (unsigned f = 0; f < FATES; f++) {
            struct run run = { .scene = scene, .at = { at }, .fate = { &fates[f], fates } };
            play_run(&run);
            sum->singles++;
            count(sum, &run);
            if (o->pairs && f < FATES - 1 && !run.failed)
                all_pairs(sum, &run, o->every);
        }
}

static void report(const struct sum *sum)
{
    const struct run *run = &sum->slowest;
    printf("%-20s %3lu points, %5lu crashes, %6lu pairs, %lu failures; all as asked within %llu ms "
           "(--at %u,%td,%u,%td)\n",
           run->scene->name, sum->points, sum->singles, sum->pairs, sum->failures,
           (unsigned long long)run->took_ms, run->at[0], run->fate[0] - fates, run->at[1],
           run->fate[1] - fates);
}

static int one(const struct scene *scene, const char *at)
{
    unsigned k[4] = { 0 };
    sscanf(at, "%u,%u,%u,%u", &k[0], &k[1], &k[2], &k[3]);
    struct run run = { .scene = scene,
                       .loud = true,
                       .at = { k[0], k[2] },
                       .fate = { &fates[k[1] % FATES], &fates[k[3] % FATES] } };
    play_run(&run);
    printf("died %s, %s\n%s, %llu ms\n", host.where[0], host.where[1],
           run.failed ? run.text : "all is as asked", (unsigned long long)run.took_ms);
    return run.failed;
}

static struct options parse(int argc, char **argv)
{
    struct options o = { .first = 0, .end = n_scenes, .pairs = true };
    for (int i = 1; i < argc; i++) {
        if (wc_streq(argv[i], "--single")) {
            o.pairs = false;
        } else if (wc_streq(argv[i], "--all")) {
            o.every = true;
        } else if (i + 1 < argc && wc_streq(argv[i], "--scene")) {
            o.first = strtoul(argv[++i], NULL, 10) % n_scenes;
            o.end = o.first + 1;
        } else if (i + 1 < argc && wc_streq(argv[i], "--at")) {
            o.at = argv[++i];
        } else {
            fprintf(stderr,
                    "usage: crashpoints [--scene N] [--at K,FATE,K2,FATE2] [--single | --all]\n");
            exit(2);
        }
    }
    return o;
}

static unsigned long all_scenes(const struct options *o)
{
    struct timespec began, now;
    struct sum sum = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (size_t i = o->first; i < o->end; i++) {
        struct sum here = { 0 };
        all_points(&here, &scenes[i], o);
        report(&here);
        sum.points += here.points;
        sum.singles += here.singles;
        sum.pairs += here.pairs;
        sum.failures += here.failures;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    double s = (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec) / 1e9;
    printf("%lu points, %lu single crashes, %lu pairs: %lu failures; %.1f s\n", sum.points,
           sum.singles, sum.pairs, sum.failures, s);
    return sum.failures;
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    setenv("WCOMPOSE_LOG", "error", 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX); /* what one run gives back the next one takes */
    if (mkdtemp(dir) == NULL) {
        perror(dir);
        return 2;
    }
    uv_loop_init(&host.play.loop);
    bool failed = o.at != NULL ? one(&scenes[o.first], o.at) != 0 : all_scenes(&o) > 0;
    uv_loop_close(&host.play.loop);
    models_free();
    struct wc_err err = { 0 };
    (void)wc_fs_remove_tree(dir, &err);
    return failed;
}
