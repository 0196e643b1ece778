/* engine_priv.h - the engine's own data (private to orchestrator/engine*, instance, observe,
 * probes, bus).
 *
 * Idea:    callbacks record into an instance and mark it dirty (observe.c, probes.c, op results in
 * engine_act.c); one flush before every sleep reviews dirty instances to a fixpoint (engine.c);
 * requests set goals (engine_request.c) over a revision of the model (engine_model.c).
 * Owner:   instances are on the heap, services and slots in the engine's arena, everything that is
 * derived from one model in its revision's arena.
 */
#ifndef ORCHESTRATOR_ENGINE_PRIV_H
#define ORCHESTRATOR_ENGINE_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "orchestrator/core/health.h"
#include "orchestrator/core/step.h"
#include "orchestrator/engine_ask.h"
#include "orchestrator/engine_aside.h"
#include "orchestrator/engine_opening.h"
#include "orchestrator/engine_parts.h"
#include "orchestrator/engine_slot.h"
#include "orchestrator/networks.h"
#include "orchestrator/story.h"
#include "wcompose/clock.h"
#include "wcompose/engine.h"
#include "wcompose/plan.h"

enum {
    ENG_VERBS = WC_VERB_VOLUME_REMOVE + 1,
    ENG_DRIVERS = 2,          /* by level: PROCESS, HYPERV */
    ENG_LOOPING = 5,          /* so many failures in a row count as failed for who waits */
    ENG_LOOK_MS = 30000,      /* between full looks */
    ENG_REKILL_MS = 10000,    /* when SIGKILL showed no effect */
    ENG_STOP_GRACE_MS = 10000 /* without a model; Compose Specification, stop_grace_period */
};

/* The answers of deps.h for those who need a service, by condition and by required. */
struct outlook {
    enum wc_deps answer[3][2];
};

/* A service that the model or the host knows. Lives as long as the engine. */
struct svc {
    const char *name;
    const struct wc_service *spec; /* in the current revision; NULL: the model lacks it */
    size_t node;                   /* in its graph */
    struct inst *insts;
    unsigned doubles;       /* instances more than replicas: 0 unless one is being replaced */
    unsigned going_down;    /* instances that go down and are not down yet */
    unsigned dependents_up; /* services that need this one and have such instances */
    struct outlook outlook;
    uint64_t said;                    /* seq of the last event of an instance of it */
    bool job;                         /* others wait for its completion */
    bool suspended, paused, selected; /* selected: by the request that is being begun */
    enum wc_want want;
    char hash[65], inplace[65]; /* of wc_intent */
    struct rollout *rollout;    /* the last one, or NULL */
};

/* What an instance adds to its service's counts. */
struct tally {
    bool wanted, started, healthy, unhealthy, unchecked, completed, failed, going_down;
};

enum verdict { VERDICT_OPEN, VERDICT_OK, VERDICT_FAILED };

/* One incarnation: something that exists, or is to exist. */
struct inst {
    struct wc_engine *engine;
    struct svc *svc;
    struct inst *next_in_svc, *next_dirty, *next_waiting, *next_dead;
    char *id, *name, *image, *layers, *labels, *error, *notice, *cause;
    char *why;           /* for what it is stopped or removed; NULL: for no special reason */
    struct wc_fact fact; /* strings: the above */
    uint64_t facts;      /* how many came */
    unsigned list_seq;   /* the list during which the last one came */
    const struct wc_instance *desired; /* in the current revision; NULL: nobody speaks for it */
    struct former former;
    struct wc_rollout_slot slot; /* of one that is to come in a rollout */
    bool awaits, again, ended;   /* its turn: to be made, to be made anew; by itself since then */
    struct inst_front front;
    enum wc_goal goal;
    bool recreate;    /* to go first, though the same is wanted */
    bool restart;     /* to stop first, then start */
    bool start_asked; /* by a request */
    bool gated;       /* its next start waits for dependencies, though it has run before */
    bool no_deps;     /* its first one doesn't either */
    bool by_user;     /* its stop was asked for by a person */
    int64_t grace_ms; /* of the request; WC_UNSET: the service's */
    bool dirty, waiting, dead, unlisted; /* unlisted: a list lacked it, with its op under way */
    bool stopped, lost; /* by a person: no policy brings it back; removed by somebody else */
    unsigned n_signals; /* of `kill`, under way */

    struct wc_op *op, *probe;
    struct inst_hooks hooks;
    struct inst_inplace inplace;
    struct inst_drift drift;
    uint64_t probe_run, run; /* counts starts */
    unsigned failures, restarts;
    bool op_failed;
    int op_code;         /* with op_failed: enum wc_code */
    uint64_t made_at_ms; /* its CREATE, until it is ready for the first time; 0 = not known */
    uint64_t retry_at_ms, delay_ms, up_at_ms, kill_at_ms;
    bool sick;                   /* its stop was for failed health checks; until its next start */
    bool stop_sent, stuck;       /* stuck: SIGKILL has no effect; error says why */
    struct wc_health_conf check; /* its texts are check_rev's */
    struct revision *check_rev;  /* held */
    struct wc_health_watch health;
    char health_output[256];

    struct wc_step_out out;      /* the last decision */
    enum wc_act would;           /* suspended: what it would be */
    const struct wc_edge *needs; /* with WAIT_DEPS, BLOCKED: what for */
    struct story story;
    struct tally tally;
    struct request *request; /* that waits for it, */
    enum verdict verdict;    /* as this */
    bool changed;
    uint64_t wake_at_ms;
    size_t wake_pos; /* 1-based in the engine's heap; 0 = not there */
};
/* All that comes from one model. */
struct revision {
    struct wc_arena arena;
    struct wc_arena *owned; /* the request's: holds the project; NULL: borrowed */
    const struct wc_project *project;
    struct wc_graph graph;
    struct wc_dep_view *views;           /* by node */
    struct svc **svcs;                   /* by node */
    struct wc_isolation_choice *choices; /* by node */
    const struct wc_image_info **images; /* by node; NULL: not needed */
    struct wc_instance *instances;
    struct inst **targets; /* the instance that each desired one is bound to */
    size_t n_instances;
    struct wc_networks_plan nets;
    char nets_hash[65];
    struct aside *asides; /* n_asides, of which n_left are there */
    size_t n_asides, n_left;
    bool no_surge;              /* there are not enough addresses for two of each replica */
    struct wc_arena lead_arena; /* of what nets says of who leads */
    struct rev_sealed sealed;
    unsigned refs; /* the engine's, and one for each op that borrows from it */
};
enum net { NET_UNKNOWN, NET_WORKING, NET_UP, NET_FAILED };

struct eng_driver {
    struct wc_engine *engine;
    struct wc_driver *driver;
    enum wc_isolation level;
    bool listing;
};

struct wc_engine {
    struct wc_engine_config config;
    unsigned going_down; /* instances that go down and are not down yet */
    struct wc_clock clock;
    struct wc_arena arena;
    struct eng_driver drivers[ENG_DRIVERS];
    uv_prepare_t prepare;
    uv_idle_t kick;
    uv_timer_t timer;
    unsigned n_handles, n_open_drivers;
    wc_engine_opened_fn *opened;
    wc_engine_closed_fn *closed;
    void *closed_data;
    bool is_open, closing, handles_closing;
    int open_status;
    struct wc_err open_err;
    struct wc_map svcs; /* name -> svc */
    struct wc_map ids;  /* id -> inst, NULL when gone; keys in ids_arena */
    struct wc_arena ids_arena;
    size_t n_insts;
    struct revision *rev;
    struct inst *dirty, **dirty_tail;
    struct inst *dead;
    struct inst *waiting[ENG_VERBS], **waiting_tail[ENG_VERBS];
    unsigned n_ops[ENG_VERBS], ops_open;
    unsigned n_hooks; /* of the EXECs */
    struct wc_engine_counts counts;
    struct inst **wakes; /* heap by wake_at_ms */
    size_t n_wakes, cap_wakes;
    uint64_t now_ms, armed_ms;
    unsigned list_seq, lists_open;
    bool relist;
    uint64_t look_at_ms; /* the next full look; 0 = none */
    enum net net;
    struct net_drift net_drift;
    bool prune;         /* what the model doesn't know is removed, also when it turns up later */
    bool told;          /* what is wanted is known; else how things ended says it */
    bool is_down;       /* all of it was asked to go, nothing was asked for since */
    bool net_wanted;    /* something waits for it */
    bool leads_changed; /* it is to be told who leads now */
    char net_hash[65];
    struct wc_map net_names; /* networks that we know to be up */
    unsigned net_failures;
    uint64_t net_retry_ms, event_seq;
    struct wc_err net_err;
    struct request *requests, **requests_tail;
    struct rollout *rolling; /* those under way */
    struct eng_sealed sealed;
};

/* instance.c */
struct svc *wc_eng_svc(struct wc_engine *engine, const char *name); /* made when missing */
struct inst *wc_eng_inst_find(const struct wc_engine *engine, const char *id);
struct inst *wc_eng_inst_new(struct wc_engine *engine, const char *id, const char *service,
                             unsigned index);
void wc_eng_inst_bury(struct inst *inst); /* freed at the end of the flush */
void wc_eng_free_dead(struct wc_engine *engine);
void wc_eng_free_all(struct wc_engine *engine);
void wc_eng_set(char **field, const char *text); /* replaces an owned string when it differs */
void wc_eng_dirty(struct inst *inst);
void wc_eng_dirty_svc(struct svc *svc);
void wc_eng_dirty_siblings(struct inst *inst);
void wc_eng_wake_at(struct inst *inst, uint64_t at_ms); /* 0 = never */
void wc_eng_wake_due(struct wc_engine *engine);         /* those whose time came become dirty */

/* observe.c */
void wc_eng_on_fact(void *data, const struct wc_fact *fact);
void wc_eng_life(struct inst *inst, enum wc_life life); /* enters a life: records, tells */
void wc_eng_list(struct wc_engine *engine);

/* engine_tally.c */
enum wc_goal wc_eng_goal(const struct inst *inst); /* what is wanted of it right now */
void wc_eng_count(struct inst *inst);              /* brings its service's counts up to date */
void wc_eng_recount(struct wc_engine *engine);     /* all counts anew, after a change of model */
void wc_eng_judge(struct inst *inst);              /* its verdict for the request that waits */

/* engine_act.c */
void wc_eng_review(struct inst *inst);

/* engine_model.c */
int wc_eng_revision(struct wc_engine *engine, const struct wc_request *ask, struct revision **out,
                    struct wc_err *err);

/* engine_bind.c */
bool wc_eng_is_there(const struct inst *inst); /* it exists, or is about to */
void wc_eng_adopt_revision(struct request *request, struct revision *rev);
void wc_eng_revision_unref(struct revision *rev);

/* engine_apply.c: depends_on with restart: true */
void wc_eng_restart_dependents(struct wc_engine *engine, const struct svc *svc);

/* engine_net.c */
bool wc_eng_host_ready(const struct wc_engine *engine);
void wc_eng_net_turn(struct wc_engine *engine);
void wc_eng_net_down(struct request *request);
void wc_eng_volumes_down(struct request *request);

#endif
