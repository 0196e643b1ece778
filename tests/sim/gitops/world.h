/* world.h - a simulated source, host and disk, and one pass over them (tests/sim/gitops, private).
 *
 * Idea:   time moves while an attempt is waited for, and only then does something befall a pass: it
 *         is then that people push, tell, close windows and suspend.
 * Errors: a promise that isn't kept ends the program, with the seed.
 */
#ifndef TESTS_SIM_GITOPS_WORLD_H
#define TESTS_SIM_GITOPS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "orchestrator/core/gitops.h"

enum {
    REVISIONS = 6,
    INPUTS = 3,
    IMAGES = 4,
    NONE = -1,
    PASSES = 60,
    SETTLE = 80,
    ACTS_MAX = 2000,
    INTERVAL_MS = 60000,
    LIMIT_MS = 300000, /* until an attempt is ready */
    NEVER_MS = 10 * LIMIT_MS,
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
    bool is_suspended; /* by `suspend` */
    bool restored;     /* the last thing that was concluded was a rollback */
    int64_t now_ms;    /* as people set the clock */
    int64_t mono_ms;   /* as time goes by */
    /* while an attempt is waited for; the rest by mono_ms */
    int64_t ready_at_ms, bad_at_ms, late_at_ms;
    int64_t unjudged_ms; /* since when none was found ready or not; NONE: none waits, or a kill or
                            a clock that was set back have made it longer */
    int64_t news_at_ms;  /* a push comes then, and is told; NONE: by chance */
    int64_t pushes_ms;   /* and so often again; 0: once */
    bool is_silent;      /* and isn't told */
    unsigned calm;       /* how rare faults are: 1 or more */
    bool is_slow;        /* getting ready takes most of the time that there is */
    int next_head;
    unsigned n_superseded;
    int64_t in_force_ms; /* since when the last one is */
    uint64_t steps, kills;
    unsigned n_answers; /* of registries */
    bool trace;
};

uint64_t sim_random(struct world *w);
bool sim_chance(struct world *w, unsigned in);
void sim_judge(const struct world *w, bool holds, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* To that moment, which may be one of before. */
void sim_set_clock(struct world *w, int64_t now_ms);

/* What may happen while a pass is under way: pushes, tags, registries, windows, `suspend`. */
void sim_befall(struct world *w);

/* Pushes that were to come by now, come. When the last was told of; NONE: none was. */
int64_t sim_flows(struct world *w);

/* What should be in force by the end. */
struct wc_gitops_key sim_newest(const struct world *w);
struct pair sim_pair_of(const struct wc_gitops_key *key);
bool sim_same_pair(struct pair a, struct pair b);
bool sim_is_healthy(const struct world *w, struct pair p);

/* What the disk has against a revision, whatever its images are. */
bool sim_is_refused(const struct world *w, const struct wc_gitops_key *key);

/* Returns when it wants to be woken; a second later after a kill. *acted: more than a look was
 * done. */
int64_t sim_pass(struct world *w, bool forced, bool *acted);

#endif
