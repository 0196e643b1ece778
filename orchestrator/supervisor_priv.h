/* supervisor_priv.h - the supervisor's parts (private to orchestrator/supervisor*.c).
 *
 * Idea:    supervisor.c is the life (lock, open, serve, leave), supervisor_calls.c what clients may
 *          ask, supervisor_look.c what they may look at, supervisor_apply.c models,
 * supervisor_ask.c what is written down of a request, supervisor_state.c the journal,
 * supervisor_resume.c what a predecessor left, supervisor_rollouts.c what becomes of rollouts,
 * supervisor_lock.c that there is only one,
 * supervisor_rest.c what an idle one gives back. Threads: the loop's.
 */
#ifndef ORCHESTRATOR_SUPERVISOR_PRIV_H
#define ORCHESTRATOR_SUPERVISOR_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "orchestrator/control.h"
#include "orchestrator/core/metrics.h"
#include "orchestrator/journal.h"
#include "orchestrator/ledger.h"
#include "orchestrator/recall.h"
#include "orchestrator/supervisor_http.h"
#include "wcompose/engine.h"
#include "wcompose/supervisor.h"

struct wc_json;
struct wc_paths;

/* One call under way in the engine. Outlives its connection: the engine answers exactly once. */
struct wc_sup_call {
    struct wc_supervisor *sup;
    struct wc_conn *conn; /* NULL when the client has gone, or for our own */
    uint64_t id;
    enum wc_request_kind kind;
    bool events;                      /* the client wants to see them */
    bool whole;                       /* no services were named */
    bool is_newest;                   /* APPLY: none came after it */
    uint64_t ask;                     /* its number in the ledger; 0 = not written down */
    const struct wc_project *project; /* APPLY: only to be compared */
    struct wc_buf key;     /* what was asked for, to recognise the same again and to go on with */
    struct wc_err failure; /* APPLY that is being undone: why */
    bool is_parked;        /* it waits for the rollback that it led to */
    bool is_rollback;      /* our own, for those */
    struct wc_sup_call *next, **link;
};

enum wc_sup_phase {
    WC_SUP_OPENING,
    WC_SUP_SERVING,
    WC_SUP_ENDING,
};

struct wc_supervisor {
    struct wc_supervisor_config config;
    struct wc_supervisor_listener listener;
    enum wc_sup_phase phase;
    struct wc_arena arena; /* paths */
    const char *lib_dir, *run_dir;
    int lock_fd;
    struct wc_engine *engine;
    struct wc_control control;
    struct wc_http http;  /* for scrapers */
    uv_prepare_t prepare; /* before every sleep: is there any reason to stay? */
    uv_timer_t patience;  /* for a first client */
    uv_timer_t retry;     /* while the journal can't be written */
    bool patience_over;
    bool is_resting;    /* nothing has happened since wc_sup_rest */
    unsigned n_handles; /* prepare and timers, still to close */
    bool engine_closed, control_closed;

    struct wc_sup_call *calls;
    struct wc_journal journal;
    struct wc_ledger ledger;
    struct wc_recall recall;   /* the last events */
    struct wc_metrics metrics; /* all of them, counted */
    struct wc_histogram
        turns; /* how long turns of the loop took, and since when they are counted */
    uint64_t turn_at_ns, turn_idle_ns;
    uint64_t newest_apply;  /* number of the last ask for an apply */
    uint64_t old_until_seq; /* the files of an earlier version go when this is durable; 0 = none */
    struct wc_buf settled_key; /* the last successful apply, when nothing has changed since */
    struct stat settled_images;
    bool is_settled;
    bool rollouts_moved; /* to be written down */
    bool wants_rollback; /* a rollout failed */
    bool is_relieved;    /* somebody is about to take over: leave when no call is under way */
};

/* A model as it came: canonical wire text. */
struct wc_sup_model {
    const char *text;
    size_t len;
    uint64_t restores; /* the generation that a rollback wants back, or 0 */
};

/* supervisor_rest.c: gives memory back that isn't needed while nothing happens. */
void wc_sup_rest(void);

/* supervisor_calls.c. A call of our own has no connection. wc_sup_finish ends one: the client is
 * told; `err` may be NULL with status 0. */
struct wc_sup_call *wc_sup_call_new(struct wc_supervisor *sup, struct wc_conn *conn, uint64_t id);
void wc_sup_call_free(struct wc_sup_call *call);
void wc_sup_submit(struct wc_sup_call *call, struct wc_request *request);
void wc_sup_finish(struct wc_sup_call *call, int status, const struct wc_err *err,
                   unsigned changed);

/* supervisor_undo.c: when nothing of the project exists, takes back what a failed APPLY made (its
 * networks, its files) and then finishes the call with `err`. False, and nothing is done, when
 * there are instances. */
bool wc_sup_undo(struct wc_sup_call *call, const struct wc_err *err);

/* supervisor_lock.c: takes the project's lock and writes who holds it. Returns a descriptor that
 * holds it until closed; WC_ERR_CONFLICT when another supervisor lives. */
int wc_sup_lock(const char *run_dir, int *fd, struct wc_err *err);
void wc_sup_unlock(const char *run_dir, int fd, bool remove);

/* Blocks until a leaving supervisor has let go of the lock, at most limit_s seconds. */
void wc_sup_wait_lock(const char *run_dir, unsigned limit_s);

/* Moves this process to the root of the control groups by which systemd tracks units and sessions,
 * so that the end of the one it was started in isn't its own. Best effort. */
void wc_sup_leave_group(void);

/* True when somebody listens on the control socket. */
bool wc_sup_answers(const char *run_dir);

/* Held by a client while it starts a supervisor, so that two don't. Returns a descriptor, or -1
 * with errno (EWOULDBLOCK: someone has it and `wait` is false). */
int wc_sup_spawn_lock(const char *run_dir, bool wait);

/* supervisor_state.c. Opening fails when the journal can't be read; the supervisor then goes on
 * without what is in it, and refuses what would have to be written. */
int wc_sup_open_state(struct wc_supervisor *sup, struct wc_err *err);
void wc_sup_record(struct wc_supervisor *sup, enum wc_record type, const struct wc_buf *payload);
int wc_sup_commit(struct wc_supervisor *sup, struct wc_err *err);
void wc_sup_watch_journal(struct wc_supervisor *sup); /* tells of its failure, sees to retries */
void wc_sup_forget(struct wc_supervisor *sup); /* after `down`: nothing is accepted any more */
void wc_sup_remove_empty(struct wc_supervisor *sup);

/* supervisor_wants.c: writes down what the engine wants now, where that has changed; gives it as a
 * successor's engine takes it (borrowed from the ledger). */
void wc_sup_note_wants(struct wc_supervisor *sup);
size_t wc_sup_kept_intents(const struct wc_supervisor *sup, struct wc_arena *arena,
                           struct wc_intent **out);

/* supervisor_rollouts.c: writes down how far rollouts have come; gives those that aren't done as a
 * successor's engine takes them, and the services of those that began at a generation (both
 * borrowed from the ledger). */
void wc_sup_note_rollouts(struct wc_supervisor *sup);
size_t wc_sup_kept_rollouts(const struct wc_supervisor *sup, struct wc_arena *arena,
                            struct wc_rollout_note **out);
size_t wc_sup_rollouts_from(const struct wc_supervisor *sup, uint64_t number,
                            struct wc_arena *arena, const char ***services);

/* True when a rollout of the generation in force has failed, and its service wants the version
 * before back. */
bool wc_sup_has_failed_rollout(const struct wc_supervisor *sup);
/* An APPLY ended with `err`: true when that leads to a rollback; the call then waits for it, and is
 * told by wc_sup_unpark how it ended. */
bool wc_sup_park(struct wc_sup_call *call, const struct wc_err *err);
/* Before every sleep: writes down what moved, and begins the rollback that is due. */
void wc_sup_turn_rollouts(struct wc_supervisor *sup);
/* The rollback is over, or can't be: finishes all calls that waited for it. err may be NULL. */
void wc_sup_unpark(struct wc_supervisor *sup, int status, const struct wc_err *err);

/* supervisor_migrate.c: takes over the state of earlier versions, and later removes it. */
void wc_sup_migrate(struct wc_supervisor *sup);
void wc_sup_drop_old_files(struct wc_supervisor *sup);

/* supervisor_ask.c. Service names of a request are borrowed from the header. The key is what is
 * kept of a request beside the model, in the words of the protocol; force_recreate is not in it, as
 * one that is done is no reason to do the next one in full. */
bool wc_sup_kind_of(const char *verb, enum wc_request_kind *out);
int wc_sup_read_request(const struct wc_json *header, struct wc_arena *arena,
                        struct wc_request *out, struct wc_err *err);
void wc_sup_write_key(const struct wc_request *request, const struct wc_json *header,
                      struct wc_buf *out);
int64_t wc_sup_wall_ms(const struct wc_supervisor *sup);

/* Writes down that a request begins (call->key is set), with its model where it brought one, or
 * that it has ended. An error of the first means that it is in memory only. */
int wc_sup_begin(struct wc_sup_call *call, const struct wc_request *request,
                 const struct wc_json *header, const struct wc_sup_model *model,
                 struct wc_err *err);
void wc_sup_conclude(struct wc_sup_call *call, int status, const struct wc_err *err);

/* supervisor_apply.c. Loads wire text into a heap arena of its own, which the caller (or the
 * engine) frees with wc_sup_free_model. */
int wc_sup_load_model(const char *text, size_t len, struct wc_arena **arena,
                      struct wc_project **project, struct wc_err *err);
void wc_sup_free_model(struct wc_arena *arena);
void wc_sup_scale_as_meant(const struct wc_supervisor *sup, struct wc_project *project);

/* Accepts a model and hands it to the engine. Without a call->ask it is written down first. On
 * failure the call is the caller's to free. */
int wc_sup_apply(struct wc_sup_call *call, struct wc_request *request, const struct wc_json *header,
                 const struct wc_sup_model *model, struct wc_err *err);
uint64_t wc_sup_take_model(struct wc_supervisor *sup, const struct wc_project *project,
                           const struct wc_sup_model *model);
bool wc_sup_is_noop(const struct wc_supervisor *sup, const struct wc_sup_model *model,
                    const struct wc_buf *key, bool force);
void wc_sup_settle(struct wc_sup_call *call, int status);

/* supervisor_look.c: what only looks: ps, events. */
int wc_sup_ps(struct wc_supervisor *sup, struct wc_conn *conn,
              const struct wc_control_message *message, struct wc_err *err);
int wc_sup_events(struct wc_supervisor *sup, struct wc_conn *conn,
                  const struct wc_control_message *message, struct wc_err *err);
void wc_sup_on_event(void *data, const struct wc_event *event);

/* supervisor_metrics.c: appends the numbers as text (core/exposition.h); answers with them. Before
 * every sleep: how long others would have waited for the loop. */
void wc_sup_note_turn(struct wc_supervisor *sup);
void wc_sup_expose(struct wc_supervisor *sup, struct wc_buf *out);
int wc_sup_metrics(struct wc_supervisor *sup, struct wc_conn *conn,
                   const struct wc_control_message *message, struct wc_err *err);

/* supervisor_calls.c: the control layer's callbacks. */
void wc_sup_on_message(void *data, struct wc_conn *conn, const struct wc_control_message *message);
void wc_sup_on_left(void *data, struct wc_conn *conn);

/* supervisor_resume.c: takes up what an earlier supervisor left; hands the engine a model without
 * asking for changes. */
void wc_sup_resume(struct wc_supervisor *sup);
int wc_sup_adopt(struct wc_supervisor *sup, const char *text, size_t len, struct wc_err *err);

/* Frees calls that the engine will not answer any more (it is closed). */
void wc_sup_drop_calls(struct wc_supervisor *sup);

#endif
