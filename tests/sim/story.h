/* story.h - what happens to a simulated host: models, requests, misfortunes, in order (tests/sim).
 *
 * Idea:    a story is a value made from a seed before anything runs, so that a failing one can be
 * cut down deed by deed until only what matters is left, and be printed for a person. Owner:
 * story_free frees all of it.
 */
#ifndef TESTS_SIM_STORY_H
#define TESTS_SIM_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SERVICES = 8 };

/* How one service needs another. */
enum need { NEED_NONE, NEED_STARTED, NEED_HEALTHY, NEED_COMPLETED, NEED_CONDITION = 3 };
enum { NEED_OPTIONAL = 4, NEED_RESTART = 8 };

enum { HOOK_POST_START = 1, HOOK_PRE_STOP = 2 };

struct part {
    bool there, check, heal;  /* heal: on_unhealthy: restart */
    bool gradual, surge;      /* changes go replica by replica; the new one comes first */
    bool linked;              /* on the project's network; with a port if it has one replica */
    uint8_t parallel, action; /* replicas at a time, 0 = all; enum wc_failure_action */
    uint8_t hooks;            /* HOOK_* */
    uint8_t replicas, version, policy, retries; /* policy: enum wc_restart */
    uint8_t tune;                               /* what changes in place */
    uint8_t need[SERVICES];                     /* of those with a smaller number */
};

struct model {
    struct part parts[SERVICES];
    bool networked; /* some of them may be linked */
};

enum deed_kind {
    DEED_PASS,     /* time */
    DEED_APPLY,    /* model */
    DEED_RECREATE, /* the same model with force_recreate */
    DEED_STOP,     /* service, or all */
    DEED_START,
    DEED_RESTART,
    DEED_KILL,
    DEED_DOWN,   /* all */
    DEED_EXIT,   /* a running instance ends by itself, with 0 or 1 */
    DEED_VANISH, /* an instance is removed by a stranger */
    DEED_MANNER, /* a service's programs behave otherwise from now on */
    DEED_CRASH,  /* kill -9 of the engine, and a new one */
    DEED_CLOCK,  /* the wall clock jumps */
    DEED_REBOOT, /* the machine is started again, and a new engine with it */
    DEED_DRIFT,  /* a stranger pauses a running instance, or changes its limits */
    DEED_SUSPEND,
    DEED_RESUME,
    DEED_PAUSE,
    DEED_UNPAUSE,
    DEED_KINDS
};

struct deed {
    enum deed_kind kind;
    unsigned ms;      /* PASS; CLOCK: by so much (signed) */
    unsigned service; /* SERVICES = all */
    unsigned lot;     /* which instance, which manner */
    struct model model;
};

struct story {
    uint64_t seed;
    unsigned fault_permille, late_ms, slow_ms;
    struct deed *deeds;
    size_t n;
};

/* Ways in which programs of a service may behave. */
enum manner {
    MANNER_GOOD,
    MANNER_JOB,
    MANNER_FAILING,
    MANNER_CRASHY,
    MANNER_STUBBORN,
    MANNER_SLOW,
    MANNER_SICK,
    MANNER_BAD_HOOK,
    MANNER_STIFF,
    MANNER_MANNERS
};

/* Makes the story of a seed. */
struct story story_make(uint64_t seed);
void story_free(struct story *story);

/* A copy without the deeds first .. first + n - 1. */
struct story story_without(const struct story *story, size_t first, size_t n);

/* Prints it, one deed a line. */
void story_print(const struct story *story, FILE *out);

#endif
