/* engine.h - the event-loop shell round the pure core: observes, asks step(), acts (contract; uses
 * libuv).
 *
 * Idea:    requests change what is wanted; the engine makes the world follow, now and for as long
 * as it is open. One engine serves one project. It keeps no truth of its own: at opening it lists
 * what the driver has and adopts it. Owner:   the engine owns the spec revisions given to it and
 * all runtime objects. Threads: the loop's. Errors:  per request, through its done callback;
 * progress and failures of single instances come as events.
 */
#ifndef WCOMPOSE_ENGINE_H
#define WCOMPOSE_ENGINE_H

#include <uv.h>

#include "wcompose/clock.h"
#include "wcompose/driver.h"
#include "wcompose/err.h"
#include "wcompose/event.h"
#include "wcompose/histogram.h"
#include "wcompose/model.h"
#include "wcompose/state.h"

struct wc_engine;
struct wc_arena;
struct wc_unsealing_ops;

/* Called for every event, on the loop; the event is borrowed for the call. It must not call the
 * engine, wc_engine_visit excepted. */
typedef void wc_engine_event_fn(void *data, const struct wc_event *event);

/* What an engine needs to open. */
struct wc_engine_config {
    uv_loop_t *loop;
    const char *project;          /* name; borrowed until closed, like all below */
    const struct wc_paths *paths; /* NULL: no networks are planned (simulated hosts) */
    struct wc_image_store *images;
    const struct wc_driver_ops *process; /* driver of level PROCESS (or a decorator round it) */
    const struct wc_driver_ops *hyperv;  /* driver of level HYPERV, NULL when there is none */
    void *driver_extra;                  /* passed to drivers as wc_driver_config.extra */
    wc_engine_event_fn *on_event;
    void *data;
    const struct wc_clock *clock; /* NULL: the loop's time; simulated hosts bring their own */
    int64_t look_ms;              /* between two full looks at what there is: what no event told is
                                     found then. 0 = 30 s, WC_UNSET = never */
    const struct wc_unsealing_ops *unsealing; /* opens, in a thread, encrypted files that a model
                                                 was loaded without (wcompose/sealed.h). NULL:
                                                 nobody does, and what needs them can't be made */
    bool preview; /* look only: no address is reserved, no file written (wcompose/preview.h) */
    const struct wc_strv *assumed; /* with preview: images (as services name them) that count as
                                      being here, since they would be brought before; or NULL */
};

/* Opens an engine and adopts what the project already has on this host. `opened` runs once, on the
 * loop, when the first list is in (status 0) or failed (then close it).
 */
typedef void wc_engine_opened_fn(void *data, int status, const struct wc_err *err);
int wc_engine_open(const struct wc_engine_config *config, wc_engine_opened_fn *opened,
                   struct wc_engine **out, struct wc_err *err);

/* Closes it: ops under way end, handles close; instances live on. `closed` runs once, last. */
typedef void wc_engine_closed_fn(void *data);
void wc_engine_close(struct wc_engine *engine, wc_engine_closed_fn *closed, void *data);

/* What may be asked of an engine. */
enum wc_request_kind {
    WC_REQUEST_APPLY, /* make the project as `project` says: create, start, replace what changed */
    WC_REQUEST_START, /* start stopped instances of the services */
    WC_REQUEST_STOP,  /* stop them, dependents first; they stay, exited */
    WC_REQUEST_RESTART, /* stop and start them */
    WC_REQUEST_KILL,    /* send a signal to them, default SIGKILL, which also keeps down what waits
                           for a start */
    WC_REQUEST_DOWN, /* stop and remove everything of the project: instances, networks, volumes if
                        asked */
    WC_REQUEST_SUSPEND, /* leave the services as they are: nothing of them is started, stopped,
                           changed or repaired, until somebody says otherwise (RESUME, or any other
                           request for them). Requests that wait for them are cancelled. Done at
                           once */
    WC_REQUEST_RESUME,  /* look after them again. Done at once */
    WC_REQUEST_PAUSE,   /* what of the services runs, or comes to run, stands still until somebody
                           says otherwise (UNPAUSE, or what starts, stops, kills or applies them) */
    WC_REQUEST_UNPAUSE, /* let it go on */
    WC_REQUEST_ADOPT,   /* after a supervisor's restart: `project` (ownership as APPLY) is the model
                           accepted earlier. What exists is kept and supervised by it: running stays
                           running, an exited one follows its restart policy unless a person stopped
                           it. What `intents` say is missing is made; nothing is replaced. Done at
                           once, changed 0 */
};

/* What is wanted of a service, as an engine leaves it to its successor. */
enum wc_want { WC_WANT_NOTHING, WC_WANT_CREATED, WC_WANT_STOPPED, WC_WANT_RUNNING };
struct wc_intent {
    const char *service;
    enum wc_want want;
    const char *hash; /* that its instances were to have; a program of another version may compute
                         another one for the same model, and must not replace them for that. NULL or
                         "": whichever they have */
    const char *inplace; /* the same for wc_fact.inplace: a model that gives another one changes
                            nothing of them */
    bool suspended;      /* nothing is to be done with them for now */
    bool paused;         /* they are to stand still */
};

/* A change that reaches the replicas of a service one after another, as far as it has come. */
struct wc_rollout_note {
    const char *service;
    enum wc_rollout_state state;
    bool back;                        /* a rollback */
    unsigned n, n_changed, failures;  /* replicas; those that are new and stayed ready; failed */
    int64_t began_at_ms, ended_at_ms; /* wall clock; ended 0 = not yet */
    const char *reason;               /* why it stopped, or NULL */
};

/* When a request counts as done. */
enum wc_request_wait {
    WC_WAIT_STARTED, /* every instance wanted was started (dependency conditions held on the way) */
    WC_WAIT_READY, /* and is healthy, or running where it has no check, or completed with 0 where it
                      is a one-shot */
};

/* status 0, WC_ERR_STATE (some service failed: err names the first), or the error that prevented
 * it. `changed` is the number of instances, networks and volumes that were created, started,
 * stopped or removed for it. */
typedef void wc_request_done_fn(void *data, int status, const struct wc_err *err, unsigned changed);

/* One request. Zero the rest; timeout_ms is WC_UNSET when not given. */
struct wc_request {
    enum wc_request_kind kind;
    enum wc_request_wait wait;
    struct wc_arena
        *arena; /* APPLY, ADOPT: heap-allocated arena that holds `project`; ownership moves to the
                   engine. NULL: the project is borrowed and outlives the engine */
    const struct wc_project
        *project; /* APPLY, ADOPT: the model. Others: used when none was applied yet, else NULL */
    const char *const *services; /* n_services names; 0 = all. Borrowed for the call */
    size_t n_services;
    bool is_former; /* ADOPT: a model before the one in force, of which replicas may be left that a
                       rollout changes in their turn. Adopted from the oldest on, before the one in
                       force. `services`: whose rollouts began at it (0 = none), so that what no
                       model can be told to be of is of this one */
    const struct wc_intent *intents; /* ADOPT: n_intents of them, what the predecessor was asked.
                                        None: what exists is all that is wanted. Borrowed for the
                                        call */
    size_t n_intents;
    const struct wc_rollout_note *rollouts; /* ADOPT: n_rollouts that the predecessor had not
                                               finished; models since they began were adopted before
                                               this one (is_former). Borrowed for the call */
    size_t n_rollouts;
    int64_t timeout_ms; /* grace before SIGKILL instead of the service's own; WC_UNSET = the
                           service's */
    int signal;         /* KILL; 0 = SIGKILL */
    bool force_recreate, no_recreate; /* APPLY */
    bool no_start;                    /* APPLY: create only */
    bool keeps_suspended;             /* it ends or begins no suspension or pause: nobody asks just
                                         now */
    bool is_rollback;                 /* APPLY: by rollback_config, and never rolled back itself */
    bool no_deps;                     /* APPLY, START, RESTART: leave dependencies alone */
    bool remove_orphans; /* APPLY, DOWN, ADOPT: also instances of services that the file no longer
                            has */
    const char *const *leaving; /* APPLY: n_leaving services that go though the file lacks them:
                                   what a rollback takes back. Borrowed for the call */
    size_t n_leaving;
    bool remove_volumes; /* DOWN: named volumes of the project too */
    int64_t since_ms;    /* wall clock: it was made then, and an earlier engine has done part of it.
                            START, RESTART, KILL leave alone what started since, APPLY with
                            force_recreate what was made since; 0 = it is made now */
    bool quiet; /* its success is no news of the project: it only tidies up after another one */
    wc_request_done_fn *done;
    void *data;
};

/* Hands a request to the engine; it is copied. Requests may overlap: the newest intent for a
 * service wins, and an older request whose intent was replaced ends with WC_ERR_CANCELLED. done
 * never runs before this returns.
 */
void wc_engine_submit(struct wc_engine *engine, const struct wc_request *request);

/* The last that was told of an instance. */
struct wc_said {
    uint64_t seq, cause; /* as struct wc_event; seq 0: nothing so far */
    int64_t wall_ms;
    const char *action, *reason; /* reason may be NULL */
};

/* What an instance is doing, for `ps`, `status` and `why`. Strings are borrowed for the call. */
struct wc_instance_status {
    struct wc_fact fact;
    enum wc_health health;
    enum wc_phase phase;
    int64_t phase_at_ms; /* wall clock: since when */
    int64_t next_at_ms;  /* wall clock: when back-off or grace is over; 0 = it isn't that */
    unsigned restarts;
    unsigned failures; /* ends and failed operations in a row */
    unsigned failing;  /* failed health checks in a row */
    const char *needs; /* the service that it waits for, or that blocks it; NULL: none */
    enum wc_dep_condition needs_condition;
    bool needs_shares; /* for its namespace, not by depends_on */
    struct wc_said last;
    const char *waiting; /* why it isn't started: "db healthy", "backoff 1.6 s"; NULL when it is */
    bool suspended;      /* nothing is done with it; `would` says what else were */
    const char *would;   /* "start", "stop", "remove" …; NULL: nothing */
    bool wanted;         /* false: orphan or going away */
    bool stale;          /* its hash differs from the wanted one */
    char health_output[256]; /* last probe's first output */
};
typedef void wc_engine_visit_fn(void *data, const struct wc_instance_status *status);

/* Visits all instances, sorted by service and index. */
void wc_engine_visit(const struct wc_engine *engine, wc_engine_visit_fn *visit, void *data);

/* Visits what is wanted of each service of the model, in the order of their names. */
typedef void wc_engine_intent_fn(void *data, const struct wc_intent *intent);
void wc_engine_intents(const struct wc_engine *engine, wc_engine_intent_fn *visit, void *data);

/* Visits the last rollout of each service of the model that had one; state NONE: it was given up
 * for another model. */
typedef void wc_engine_rollout_fn(void *data, const struct wc_rollout_note *note);
void wc_engine_rollouts(const struct wc_engine *engine, wc_engine_rollout_fn *visit, void *data);

/* What the engine has done since it was opened, and how long it took (whole milliseconds). */
struct wc_engine_action {
    uint64_t n[WC_OP_REASONS][2]; /* that went well, that failed */
    struct wc_histogram took[2];  /* by level: PROCESS, HYPERV */
};
struct wc_engine_probes {
    uint64_t n[3]; /* that said yes, that said no, that could not be run */
    struct wc_histogram took;
};
struct wc_engine_counts {
    struct wc_engine_action actions[WC_VERB_VOLUME_REMOVE + 1]; /* by enum wc_verb */
    struct wc_engine_probes probes[WC_CHECK_NOTIFY];            /* by enum wc_check_kind */
    struct wc_histogram ready; /* from CREATE until an instance was ready for the first time */
};
const struct wc_engine_counts *wc_engine_counts(const struct wc_engine *engine);

/* The model applied last, or NULL. Borrowed; valid until the next APPLY is done. */
const struct wc_project *wc_engine_project(const struct wc_engine *engine);

/* True while anything is wanted, under way, or running: what a supervisor lives for. */
bool wc_engine_busy(const struct wc_engine *engine);

#endif
