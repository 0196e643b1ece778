/* supervisor_priv.h - the supervisor's parts (private to orchestrator/supervisor*.c).
 *
 * Idea:    supervisor.c is the life (lock, open, serve, leave), supervisor_calls.c what clients may
 *          ask, supervisor_state.c what is on disk, supervisor_lock.c that there is only one,
 *          supervisor_rest.c what an idle one gives back.
 * Threads: the loop's.
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
    bool events;           /* the client wants to see them */
    bool whole;            /* no services were named */
    bool is_newest;        /* APPLY: of the text in sup->accepted */
    struct wc_buf key;     /* APPLY: what was asked for, to recognise the same again */
    struct wc_err failure; /* APPLY that is being undone: why */
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
    const char *lib_dir, *run_dir, *spec_path, *pending_path, *apply_path;
    int lock_fd;
    struct wc_engine *engine;
    struct wc_control control;
    uv_prepare_t prepare; /* before every sleep: is there any reason to stay? */
    uv_timer_t patience;  /* for a first client */
    bool patience_over;
    bool is_resting;    /* nothing has happened since wc_sup_rest */
    unsigned n_handles; /* prepare and timer, still to close */
    unsigned n_works;   /* syncs on the thread pool */
    bool engine_closed, control_closed;

    struct wc_sup_call *calls;
    struct wc_buf accepted; /* wire text of the model accepted last; empty: none */
    bool has_accepted;
    struct wc_buf settled_key; /* the last successful apply, when nothing has changed since */
    struct stat settled_images;
    bool is_settled;
};

/* supervisor_rest.c: gives memory back that isn't needed while nothing happens. */
void wc_sup_rest(void);

/* supervisor_calls.c: ends a call: the client is told. `err` may be NULL with status 0. */
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

/* True when somebody listens on the control socket. */
bool wc_sup_answers(const char *run_dir);

/* Held by a client while it starts a supervisor, so that two don't. Returns a descriptor, or -1
 * with errno (EWOULDBLOCK: someone has it and `wait` is false). */
int wc_sup_spawn_lock(const char *run_dir, bool wait);

/* supervisor_state.c */
int wc_sup_read_accepted(struct wc_supervisor *sup, struct wc_err *err);
int wc_sup_write_accepted(struct wc_supervisor *sup, const char *text, size_t len,
                          struct wc_err *err);
int wc_sup_write_pending(struct wc_supervisor *sup, const struct wc_buf *key, struct wc_err *err);
void wc_sup_settle_pending(struct wc_supervisor *sup); /* it has ended: pending -> apply */
void wc_sup_forget(struct wc_supervisor *sup); /* after `down`: nothing is accepted any more */
void wc_sup_remove_empty(struct wc_supervisor *sup);

/* Loads wire text, with the scale that `key` (as apply.json; may be NULL) asks for, into a heap
 * arena of its own, which the caller (or the engine) frees with wc_sup_free_model. */
int wc_sup_load_model(const struct wc_buf *text, const struct wc_buf *key, struct wc_arena **arena,
                      const struct wc_project **project, struct wc_err *err);
void wc_sup_free_model(struct wc_arena *arena);

/* supervisor_calls.c: the control layer's callbacks and the engine's events. */
void wc_sup_on_message(void *data, struct wc_conn *conn, const struct wc_control_message *message);
void wc_sup_on_left(void *data, struct wc_conn *conn);
void wc_sup_on_event(void *data, const struct wc_event *event);

/* Takes up what an earlier supervisor had accepted: adopts it, or finishes its apply. */
int wc_sup_resume(struct wc_supervisor *sup, struct wc_err *err);

/* Frees calls that the engine will not answer any more (it is closed). */
void wc_sup_drop_calls(struct wc_supervisor *sup);

#endif
