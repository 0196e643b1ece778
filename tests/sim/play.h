/* play.h - one story told to the production engine over a simulated host (tests/sim).
 *
 * Idea:    play.c is the person, the supervisor's memory and the misfortunes; judge.c looks at each
 * op before it is carried out and at each change of the host, and knows nothing of the engine but
 *          what it does. The first thing that must not be ends the story.
 */
#ifndef TESTS_SIM_PLAY_H
#define TESTS_SIM_PLAY_H

#include "base/arena.h"
#include "base/map.h"
#include "drivers/sim/world.h"
#include "sim/story.h"
#include "wcompose/engine.h"

struct verdict {
    bool failed;
    char text[400];
    uint64_t steps, crashes, ops;
    uint64_t trace; /* a hash of every op with its time */
};

/* What a supervisor has on disk about each service. */
struct intents {
    struct wc_intent items[SERVICES];
    char hashes[SERVICES][65], inplace[SERVICES][65];
    size_t n;
    struct wc_rollout_note rollouts[SERVICES];
    size_t n_rollouts;
    bool failed;    /* one of them: the model before is wanted back */
    bool suspended; /* some service, or it is paused */
};

/* What was asked for a service last. */
enum wish { WISH_NOTHING, WISH_RUNNING, WISH_STOPPED, WISH_GONE, WISH_UNCLEAR };

enum { PENDING_MAX = 64, LATER_MAX = 8 };
struct pending {
    bool open, failed; /* failed: a down that is gone on with until something else is asked */
    struct play *play;
    enum wc_request_kind kind;
    unsigned service;
    uint64_t seq; /* requests count up */
};

struct play {
    const struct story *story;
    struct verdict verdict;
    uv_loop_t loop;
    struct wc_sim_world *world;
    struct wc_engine *engine;
    bool opened, closed, loud;
    struct wc_arena arena;

    /* what a supervisor's files remember */
    bool has_model, has_former;
    struct model model, former;    /* former: in force before it, or before the oldest rollout that
                                      isn't over */
    struct model later[LATER_MAX]; /* n_later that were in force between the two */
    unsigned n_later;
    bool goes_back; /* a rollout failed: `former` is wanted back */
    bool forced;    /* the last apply: all of it is to be made anew */
    bool is_back;   /* the model in force is such a one */
    struct pending pending[PENDING_MAX];
    uint64_t seq;

    /* what a person expects */
    enum wish wish[SERVICES];
    bool suspended[SERVICES], paused[SERVICES];

    /* judge.c */
    struct wc_map memos;       /* id -> struct memo */
    bool half_down;            /* a down has failed */
    uint64_t apply_epoch;      /* of the last apply: all of it is forgiven */
    uint64_t calm_epoch;       /* of the last apply, or of a crash with nothing else in between */
    uint64_t boot_epoch;       /* the one that a reboot began, until somebody asks for something */
    bool robbed;               /* an instance was removed by a stranger */
    uint64_t deaf_ms;          /* when something happened last that nobody was told */
    uint64_t epoch;            /* counts requests and crashes */
    bool disturbed[SERVICES];  /* something but a rollout may have brought one of it down */
    uint64_t epoch_ms;         /* when it began */
    uint64_t hit_ms[SERVICES]; /* when the last request came that isn't one for a model */
    uint64_t excuse[SERVICES]; /* the epoch of the last request that may stop it */
    uint64_t starts[SERVICES]; /* how often something of it began to run */
};

/* Tells a story from beginning to end. The same story gives the same verdict, byte for byte. */
struct verdict play_story(const struct story *story, bool loud);

/* Ends the story with a reason; the first one stays. */
void play_fail(struct play *play, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* judge.c */
void judge_begin(struct play *play);
/* What an instance of the service has as its hash when the model is up to date (said by who makes
 * the models: play.c, crash/models.c). */
void judge_hash(const struct model *model, unsigned service, char hash[65]);
/* The same of what changes in place. */
void judge_inplace(const struct model *model, unsigned service, char hash[65]);
/* After all has settled: is the host as the person expects? */
void judge_end(struct play *play);
/* formers.c */
/* Another model is to come into force: what isn't over is of those before it. */
void formers_note(struct play *play, bool unfinished);
/* How an instance is looked after: by the newest model that it is of, or NULL. */
const struct part *part_of(const struct play *play, const struct wc_fact *fact, unsigned service);

/* nets.c: the memory of networks of a story. */
void nets_begin(void);
void nets_end(void);

/* judge_net.c */
/* It runs: nobody else may have its address. */
void judge_address(struct play *play, const struct wc_fact *fact);
/* NET_UP: a network that somebody is on stays. */
void judge_networks(struct play *play, const struct wc_net_request *net);
/* NET_UP: names and ports lead to one that is ready, where one is. */
void judge_lead(struct play *play, const struct wc_net_request *net,
                bool (*going)(struct play *, const char *));
/* It is asked to stop, or to take leave: names and ports have to lead elsewhere before. going: one
 * that is asked to stop already. */
void judge_unled(struct play *play, const struct wc_fact *fact,
                 bool (*going)(struct play *, const char *));

/* "s3" -> 3; SERVICES for any other name. */
unsigned service_number(const char *name);

#endif
