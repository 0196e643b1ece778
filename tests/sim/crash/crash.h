/* crash.h - the supervisor that ships over a simulated host and a simulated disk, killed at a
 * chosen instruction (tests/sim/crash).
 *
 * Idea:    what a process does to the world goes through two tables, the driver's and the disk's. A
 *          crash point lies before and after each call of either (and in the middle of a write);
 *          from the chosen one on nothing that the process does has any effect, which is what kill
 *          -9 at that instruction is. The judge of the stories (judge.c) looks on.
 * Owner:   a host is the caller's; host_end frees what is in it.
 */
#ifndef TESTS_SIM_CRASH_CRASH_H
#define TESTS_SIM_CRASH_CRASH_H

#include <assert.h>

#define assert_true assert /* for mem_disk.h, which cmocka's tests use as well */
#include "base/buf.h"
#include "base/paths.h"
#include "sim/play.h"
#include "unit/orchestrator/mem_disk.h"
#include "wcompose/supervisor.h"

enum { STEPS_MAX = 4 };

/* One request of a scene. */
struct step {
    const char *verb;    /* NULL: no more of them */
    const char *members; /* of its header, beside verb: ",\"restores\":1"; may be "" */
    struct model model;  /* apply: what is sent */
    struct model wanted; /* how it is to be from then on, if that isn't `model` (scale) */
    enum wish wish;      /* of all services afterwards */
    bool scales;         /* `wanted` counts */
};

/* What is asked for: all but the last step are done in peace, the last one is to be survived. */
struct scene {
    const char *name;
    struct step steps[STEPS_MAX];
    bool restarts; /* the last step stops and starts everything once */
};

extern const struct scene scenes[];
extern const size_t n_scenes;

/* models.c: the text that a model is sent as, made once. Borrowed. */
const struct wc_buf *model_wire(const struct model *model);
void models_free(void);

enum { WORKS = 4 };

struct work {
    uv_work_t *req;
    uv_work_cb run;
    uv_after_work_cb after;
    uint64_t serial;
};

/* One host, and the supervisor that lives on it now. */
struct host {
    struct play play; /* world, loop, what the judge knows */
    struct mem_disk disk;
    struct wc_disk watched; /* the disk with its crash points */
    struct wc_paths paths;
    struct wc_supervisor *sup;
    bool ready, ended;
    struct work works[WORKS];
    uint64_t n_works;

    bool armed;              /* points count */
    unsigned points, die_at; /* in this life; 0 = it lives on */
    bool dead;               /* in this life: the point was reached */
    char where[2][96];       /* which points they were, for people */
    unsigned deaths;
};

/* host.c. The directory must exist; nothing but reserved addresses is ever in it. */
void host_begin(struct host *host, const char *dir, const struct story *calm);
void host_end(struct host *host);

/* A supervisor begins its life, and is ready; it dies at point number `die_at`. */
void host_live(struct host *host, unsigned die_at);

/* Buries it, by a kill -9 (with this fate of the ops under way) or in peace. */
void host_bury(struct host *host, enum wc_sim_fate fate, unsigned late_ms);

/* Lets the next thing happen. */
void host_turn(struct host *host);

/* Lets the world go on for so long, or until the supervisor is dead. */
void host_pass(struct host *host, uint64_t ms);

/* A client asks; nothing is answered before the world goes on. */
void host_ask(struct host *host, const struct step *step);

/* points.c: the two tables. */
extern const struct wc_driver_ops crash_driver;
void crash_disk(struct host *host);
void crash_point(struct host *host, const char *when, const char *what, const char *whom);
struct host *crash_host(void); /* the one that lives: there is one at a time */
void crash_set_host(struct host *host);

/* The thread pool's work is done by the simulated host. */
void crash_finish_works(struct host *host);

#endif
