/* scenes.c - what is asked for while the supervisor is killed. */
#include "sim/crash/crash.h"

#define HEALTHY (NEED_HEALTHY)
#define PART(v, n, ...)                                                                            \
    {                                                                                              \
        .there = true, .replicas = (n), .version = (v), .policy = 1, __VA_ARGS__                   \
    }

/* s1 needs s0 healthy; s2 stands alone. */
#define PAIR(v0, n0, v1)                                                                           \
    {                                                                                              \
        .parts = { PART(v0, n0, .check = true), PART(v1, 1, .need = { HEALTHY }), PART(0, 1) }     \
    }
/* s0 with other limits; nothing is to be stopped for that. */
#define TUNED(t0, v1)                                                                              \
    {                                                                                              \
        .parts = {                                                                                 \
            PART(0, 2, .check = true, .tune = (t0)),                                               \
            PART(v1, 1, .need = { HEALTHY }),                                                      \
            PART(0, 1)                                                                             \
        }                                                                                          \
    }
/* The same on a network. */
#define LINKED(v0, n0, v1)                                                                         \
    {                                                                                              \
        .parts = {                                                                                 \
            PART(v0, n0, .check = true, .linked = true),                                           \
            PART(v1, 1, .need = { HEALTHY }, .linked = true)                                       \
        }                                                                                          \
    }
/* s2 needs s1 healthy, which needs s0 healthy and goes with it. */
#define CHAIN(v)                                                                                   \
    {                                                                                              \
        .parts = {                                                                                 \
            PART(v, 1, .check = true),                                                             \
            PART(0, 1, .check = true, .need = { HEALTHY | NEED_RESTART }),                         \
            PART(v, 1, .need = { NEED_NONE, HEALTHY })                                             \
        }                                                                                          \
    }

/* New ones come before old ones go. */
#define SURGE(v, n, on_network, together)                                                          \
    {                                                                                              \
        .parts = {                                                                                 \
            PART(v, n, .check = true, .linked = (on_network), .gradual = true, .surge = true,      \
                 .parallel = (together))                                                           \
        }                                                                                          \
    }

#define APPLY(...)                                                                                 \
    {                                                                                              \
        .verb = "apply", .members = "", .model = __VA_ARGS__, .wish = WISH_RUNNING                 \
    }
#define ORPHANS ",\"remove_orphans\":true"

const struct scene scenes[] = {
    { .name = "first up", .steps = { APPLY(PAIR(0, 1, 0)) } },
    { .name = "first up of a chain", .steps = { APPLY(CHAIN(0)) } },
    { .name = "changed model", .steps = { APPLY(PAIR(0, 1, 0)), APPLY(PAIR(1, 1, 1)) } },
    { .name = "changed chain", .steps = { APPLY(CHAIN(0)), APPLY(CHAIN(1)) } },
    { .name = "forced recreation",
      .steps = { APPLY(PAIR(0, 1, 0)),
                 { .verb = "apply",
                   .members = ",\"force_recreate\":true",
                   .model = PAIR(0, 1, 0),
                   .wish = WISH_RUNNING } },
      .restarts = true },
    { .name = "a service goes",
      .steps = { APPLY(PAIR(0, 1, 0)),
                 { .verb = "apply",
                   .members = ORPHANS,
                   .model = { .parts = { PART(0, 1, .check = true),
                                         PART(0, 1, .need = { HEALTHY }) } },
                   .wish = WISH_RUNNING } } },
    { .name = "scale up",
      .steps = { APPLY(PAIR(0, 1, 0)),
                 { .verb = "apply",
                   .members = ",\"scale\":[\"s0=3\"]",
                   .model = PAIR(0, 1, 0),
                   .wanted = PAIR(0, 3, 0),
                   .wish = WISH_RUNNING,
                   .scales = true } } },
    { .name = "scale down", .steps = { APPLY(PAIR(0, 3, 0)), APPLY(PAIR(0, 1, 0)) } },
    { .name = "limits change", .steps = { APPLY(TUNED(1, 0)), APPLY(TUNED(2, 0)) } },
    { .name = "limits and a version change", .steps = { APPLY(TUNED(1, 0)), APPLY(TUNED(2, 1)) } },
    { .name = "rollback",
      .steps = { APPLY(PAIR(0, 1, 0)),
                 APPLY(PAIR(1, 2, 0)),
                 { .verb = "apply",
                   .members = ",\"restores\":1",
                   .model = PAIR(0, 1, 0),
                   .wish = WISH_RUNNING } } },
    { .name = "restart",
      .steps = { APPLY(CHAIN(0)), { .verb = "restart", .members = "", .wish = WISH_RUNNING } },
      .restarts = true },
    { .name = "stop",
      .steps = { APPLY(CHAIN(0)), { .verb = "stop", .members = "", .wish = WISH_STOPPED } } },
    { .name = "start after a stop",
      .steps = { APPLY(PAIR(0, 1, 0)),
                 { .verb = "stop", .members = "", .wish = WISH_STOPPED },
                 { .verb = "start", .members = "", .wish = WISH_RUNNING } } },
    { .name = "down",
      .steps = { APPLY(PAIR(0, 2, 0)), { .verb = "down", .members = "", .wish = WISH_GONE } } },
    { .name = "start first",
      .steps = { APPLY(SURGE(0, 1, false, 1)), APPLY(SURGE(1, 1, false, 1)) } },
    { .name = "start first on a network",
      .steps = { APPLY(SURGE(0, 1, true, 1)), APPLY(SURGE(1, 1, true, 1)) } },
    { .name = "first up on a network", .steps = { APPLY(LINKED(0, 1, 0)) } },
    { .name = "down on a network",
      .steps = { APPLY(LINKED(0, 1, 0)), { .verb = "down", .members = "", .wish = WISH_GONE } } },
};

const size_t n_scenes = sizeof scenes / sizeof *scenes;
