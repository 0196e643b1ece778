/* event.h - what happened, typed: the product that every screen, script and test subscribes to
 * (contract, pure).
 *
 * Idea:    the engine emits events; tty, plain and JSON output, `wcompose events`, the control
 * socket and the tests are functions of them. An event has a reason. Text forms are made at the
 * edge. Owner:   strings are borrowed for the call of a subscriber.
 */
#ifndef WCOMPOSE_EVENT_H
#define WCOMPOSE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/state.h"

struct wc_arena;
struct wc_buf;
struct wc_json;

/* The member "v" of every event in JSON; grows when a reader would have to change. */
enum { WC_EVENT_VERSION = 1 };

/* What an event is about, and its actions. */
enum wc_event_type {
    WC_EVENT_NETWORK,  /* action: created, removed; changed (by somebody else), mended */
    WC_EVENT_VOLUME,   /* action: created, removed */
    WC_EVENT_INSTANCE, /* action: created, started, healthy, unhealthy, exited, restarting,
                          stopping, killing, removed, waiting, failed, updated; by somebody else:
                          paused, "limits changed", "network changed" (meant -> found); then
                          unpaused, mended, "mending failed" */
    WC_EVENT_PROJECT, /* action: applying, asked (reason: "restart web"), adopted, ready, unchanged,
                         stopped, removed, suspended, resumed, paused, unpaused, failed */
    WC_EVENT_ROLLOUT, /* of a service: rolling, rolling back, changed, done, paused, failed */
    WC_EVENT_LOG,     /* a message for people; severity in action: info, warning, error */
};

/* Of what kind the end of a program was that is started again. */
enum wc_end {
    WC_END_NONE,
    WC_END_EXIT,      /* by itself */
    WC_END_SIGNAL,    /* by somebody's signal */
    WC_END_OOM,       /* it ran out of memory */
    WC_END_UNHEALTHY, /* its health check failed, and it was stopped for that */
    WC_END_HOOK,      /* the same for a hook of its start */
    WC_END_UNKNOWN,   /* with the machine, or its exit status was lost */
};
enum { WC_ENDS = WC_END_UNKNOWN + 1 };

/* One event. Zero the rest. */
struct wc_event {
    uint64_t seq;    /* counts up within one supervisor's life */
    uint64_t cause;  /* seq of the event that led to it; 0: it came from outside, or is not known */
    int64_t wall_ms; /* since 1970 */
    uint64_t elapsed_ms; /* since the request that it belongs to, 0 when none */
    enum wc_event_type type;
    const char *action;                   /* one of the words above */
    const char *project, *service, *name; /* name: instance, network or volume; may be NULL */
    unsigned index;
    enum wc_isolation level;
    int exit_code;      /* exited, failed; else 0 */
    enum wc_end end;    /* restarting; else NONE. For counters: not in JSON */
    const char *reason; /* why, for people; may be NULL */
};

/* Appends one JSON object (no newline) with "v":1. */
void wc_event_to_json(const struct wc_event *event, struct wc_buf *out);

/* Reads what wc_event_to_json wrote; strings go to the arena. Returns 0 or WC_ERR_SPEC. */
int wc_event_from_json(const char *text, size_t len, struct wc_arena *arena, struct wc_event *out,
                       struct wc_err *err);

/* The same from a value that is parsed already. */
int wc_event_read(const struct wc_json *root, struct wc_arena *arena, struct wc_event *out,
                  struct wc_err *err);

/* Returns the lower-case word for a type: "instance". Never NULL. */
const char *wc_event_type_name(enum wc_event_type type);

#endif
