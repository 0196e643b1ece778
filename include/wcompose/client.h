/* client.h - how a command talks to its project's supervisor (contract; has no loop).
 *
 * Idea:    a command is short, so its side is plain and blocking: one descriptor, poll, no event
 *          loop. A command that has a loop of its own (up in the foreground) watches
 *          wc_client_fd() and calls wc_client_read() when it is readable.
 * Owner:   the client belongs to who opened it; answers are borrowed for the callback.
 * Threads: one at a time. Blocks: open, wait and ps do; read never.
 * Errors:  WC_ERR_NOENT no supervisor is running; WC_ERR_UNAVAILABLE it went away or could not be
 *          started; WC_ERR_SPEC it said something that isn't the protocol
 * (docs/control-protocol.md).
 */
#ifndef WCOMPOSE_CLIENT_H
#define WCOMPOSE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/engine.h"
#include "wcompose/err.h"
#include "wcompose/event.h"
#include "wcompose/state.h"

struct wc_arena;
struct wc_client;
struct wc_driver_ops;
struct wc_paths;

/* What is asked of a supervisor; the values of enum wc_request_kind that travel, and its own. */
enum wc_call_verb {
    WC_CALL_APPLY,
    WC_CALL_START,
    WC_CALL_STOP,
    WC_CALL_RESTART,
    WC_CALL_KILL,
    WC_CALL_DOWN,
    WC_CALL_SUSPEND,
    WC_CALL_RESUME,
    WC_CALL_PAUSE,
    WC_CALL_UNPAUSE,
    WC_CALL_EVENTS,   /* subscribe until the client leaves; never done by itself */
    WC_CALL_PING,     /* is it alive? */
    WC_CALL_SHUTDOWN, /* end the supervisor; instances live on */
};

/* One call. Zero the rest; timeout_ms is WC_UNSET when not given. All pointers are borrowed. */
struct wc_call {
    enum wc_call_verb verb;
    enum wc_request_wait wait;
    const char *spec; /* APPLY: canonical wire text (wc_spec_render_wire), spec_len bytes */
    size_t spec_len;
    const char *const *services; /* n_services names; 0 = all */
    size_t n_services;
    const char *const *scale; /* APPLY: n_scale texts "SERVICE=N": replicas instead of the file's */
    size_t n_scale;
    uint64_t restores;  /* APPLY: the generation that `spec` is the text of, for a rollback; or 0 */
    int64_t timeout_ms; /* as wc_request */
    int64_t since_ms, until_ms; /* EVENTS: first those of the past from then (wall clock; 0 = none)
                                   up to then (0 = all) */
    bool past_only;             /* EVENTS: then it is done, without a subscription */
    int signal;                 /* KILL; 0 = SIGKILL */
    bool when_idle;             /* SHUTDOWN: not before the calls that are under way have ended */
    bool if_free; /* SHUTDOWN: only if there are none, and no service manager runs it */
    bool force_recreate, no_recreate, no_start, no_deps, remove_orphans, remove_volumes;
    bool events; /* deliver the engine's events while the call is under way */
};

/* One message of the supervisor. */
struct wc_answer {
    uint64_t id;                  /* of the call it belongs to */
    const struct wc_event *event; /* an event, or NULL */
    uint64_t dropped;             /* > 0: so many events were left out; the client was too slow */
    bool done;                    /* the call has ended; the members below hold */
    int code;                     /* 0 or enum wc_code */
    unsigned changed;             /* as wc_request_done_fn */
    bool leaving;                 /* the supervisor ends now: nothing is left for it to do */
    const char *error;            /* when code != 0, else NULL */
};
typedef void wc_client_answer_fn(void *data, const struct wc_answer *answer);

/* Connects to the supervisor of `project`; with `spawn` starts one where none runs (this program
 * again, with the verb `supervise`) and waits for it to be ready, without polling; one that runs
 * another file than this program, as after an upgrade, is replaced if it is free to leave.
 */
int wc_client_open(const struct wc_paths *paths, const char *project, bool spawn,
                   struct wc_client **out, struct wc_err *err);

/* Disconnects; calls under way go on without a listener. NULL is fine. */
void wc_client_close(struct wc_client *client);

/* The socket, for poll and uv_poll. */
int wc_client_fd(const struct wc_client *client);

/* Sends a call; blocks while the socket's buffer is full. *id names its answers. */
int wc_client_send(struct wc_client *client, const struct wc_call *call, uint64_t *id,
                   struct wc_err *err);

/* Delivers what has arrived, without waiting. WC_ERR_UNAVAILABLE at the end of the stream. */
int wc_client_read(struct wc_client *client, wc_client_answer_fn *answer, void *data,
                   struct wc_err *err);

/* What to wait for, and how long. */
struct wc_client_waiting {
    uint64_t id;                 /* of the call */
    int interrupt_fd;            /* -1, or a descriptor that ends the wait when readable */
    uint64_t deadline_ms;        /* CLOCK_MONOTONIC milliseconds, 0 = none */
    wc_client_answer_fn *answer; /* for every answer, the last one too; may be NULL */
    void *data;
};

/* Waits until the call is done. Returns 0 then (the call's own code is in the answer),
 * WC_ERR_CANCELLED when interrupted, WC_ERR_TIMEOUT, or as wc_client_read.
 */
int wc_client_wait(struct wc_client *client, const struct wc_client_waiting *waiting,
                   struct wc_err *err);

/* A descriptor that is readable once the supervisor's process has ended, which the caller closes;
 * the client needn't live as long. -1: there is none. */
int wc_client_end_fd(const struct wc_client *client);

/* Waits until the supervisor's process has ended, at most `limit_ms`; true when it has. */
bool wc_client_wait_gone(struct wc_client *client, int limit_ms);

/* One instance for `ps`. All strings live in the caller's arena. */
struct wc_ps_row {
    struct wc_fact fact;
    enum wc_health health;
    unsigned restarts;
    const char *waiting; /* why it isn't started, or NULL */
    bool wanted, stale;  /* as wc_instance_status; unsupervised: true, false */
    bool suspended;      /* the same */
    const char *ports;   /* "127.0.0.1:8080->80/tcp, …", "" when none */
    const char *health_output;

    /* as wc_instance_status; unsupervised: all zero */
    enum wc_phase phase;
    int64_t phase_at_ms, next_at_ms;
    unsigned failures, failing;
    const char *needs;
    enum wc_dep_condition needs_condition;
    bool needs_shares;
    struct wc_said last;
};

/* The answer: everything the project has on this host. */
struct wc_ps {
    struct wc_ps_row *rows; /* sorted by service, index */
    size_t n;
    bool supervised;     /* false: read from the host, as no supervisor runs */
    const char *warning; /* what the supervisor can't keep on disk, and why; or NULL */

    /* with `detail`, and supervised */
    uint64_t generation;     /* in force; 0 = none */
    struct wc_event *events; /* n_events that the supervisor remembers, oldest first */
    size_t n_events;
    uint64_t n_forgotten; /* before them */
};

/* Lists the project's instances: from the supervisor when one runs, else from the driver itself.
 *   process  the driver to list with, NULL = wc_driver_for(PROCESS)
 *   extra    its wc_driver_config.extra
 *   direct   from the driver also when a supervisor runs: it may wait for what the caller holds
 *   detail   with the events that are remembered
 */
struct wc_ps_options {
    const struct wc_paths *paths;
    const char *project;
    const struct wc_driver_ops *process;
    void *extra;
    bool direct, detail;
};
int wc_client_ps(const struct wc_ps_options *options, struct wc_arena *arena, struct wc_ps *out,
                 struct wc_err *err);

/* A port of the host that leads to a port of a replica. Addresses in host byte order. */
struct wc_published {
    const char *service;
    unsigned index;    /* 1-based replica number */
    uint32_t host_ip4; /* 0 = every address */
    unsigned host_port, target_port;
    enum wc_proto proto;
};

/* Reads which host ports were assigned to the project, sorted by service, index and target port;
 * also while nothing runs. They live in the arena. Returns 0 or WC_ERR_IO. */
int wc_client_published(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                        struct wc_published **out, size_t *n, struct wc_err *err);

/* Returns where those of a replica begin among the n of wc_client_published; n when there is none.
 */
size_t wc_published_of(const struct wc_published *all, size_t n, const char *service,
                       unsigned index);

/* What the supervisor counts and measures, in Prometheus' text format; *text lives in the arena.
 * WC_ERR_NOENT: none is running. */
int wc_client_metrics(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                      const char **text, struct wc_err *err);

/* The model accepted last for `project`, read from its state. WC_ERR_NOENT when there is none. */
int wc_client_accepted(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                       const struct wc_project **out, struct wc_err *err);

#endif
