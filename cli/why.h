/* why.h - one causal chain: from where a service stands back to what brought it there (cli, layer
 * 5, pure).
 *
 * Idea:    values in, sentences out. Where each instance stands, and which event followed from
 *          which, was told by the supervisor (wc_client_ps with detail); here it is only followed:
 *          along dependencies to the one that is in trouble itself, then along causes to the event
 *          that came from outside.
 * Owner:   everything that comes out lives in the arena or is borrowed from what went in.
 * Threads: any. Errors: none; what isn't known is said to be not known.
 */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "wcompose/client.h"
#include "wcompose/history.h"

struct wc_buf;
struct wc_isolation_choice;

/* What the chain is made from. */
struct wc_why_in {
    const struct wc_project *model;   /* for places and policies; may be NULL */
    const struct wc_ps *ps;           /* of the whole project */
    const struct wc_history *history; /* may be NULL */
    const char *changed; /* what of the service differs in the generation in force, or NULL */
    int64_t now_ms;      /* wall clock */
};

/* One link: this is so because of the next one. */
struct wc_why_step {
    int64_t wall_ms;     /* 0 = not known, or not a moment */
    const char *service; /* NULL: the project as a whole */
    unsigned index;
    const char *text; /* "waits for db to be healthy" */
    struct wc_loc at; /* the line of the file that makes it so; file NULL = none */
    uint64_t seq;     /* of the event; 0 = none */
};

struct wc_why {
    const char *service;
    int64_t now_ms;      /* as it went in */
    unsigned index;      /* the instance that it is about; 0 = there is none */
    const char *state;   /* "ready", "done", "waiting", "blocked", "starting", "created", "failed",
                            "unhealthy", "paused", "stopped", "stopping", "suspended", "absent" */
    bool ready;          /* ready or done */
    const char *summary; /* a sentence without its subject: "is not ready: waits for …" */
    struct wc_why_step *steps;
    size_t n, cap;
    const struct wc_why_step *root; /* the last link, when something is wrong; else NULL */
    struct wc_strv log;  /* last lines of the root's service, when it ended badly; the caller's */
    const char *gap;     /* what could not be told and why, or NULL */
    const char *next[3]; /* commands without the program's name: "logs db"; n_next of them */
    size_t n_next;
};

/* Explains a service.
 *   index  0: the instance that is worst off
 */
void wc_why_make(const struct wc_why_in *in, const char *service, unsigned index,
                 struct wc_arena *arena, struct wc_why *out);

/* True when this instance is as it should be. `state` as in struct wc_why; may be NULL. */
bool wc_why_is_ready(const struct wc_ps *ps, const struct wc_ps_row *row, const char **state);

/* True for the new instance of a rollout that is not made yet, as its turn hasn't come: what counts
 * is the one that is kept in its place. */
bool wc_why_awaits_turn(const struct wc_ps_row *row);

/* The rollout of a service that is not at its end, or NULL. */
const struct wc_rollout_row *wc_why_rollout(const struct wc_history *history, const char *service);

/* True for a state that is on its way to another by itself. */
bool wc_why_is_moving(const char *state);

/* True when the log of the root's service may say more. */
bool wc_why_wants_log(const struct wc_why *why);

/* The one line about an instance that isn't ready, which wc_why_make begins with: "waits for db to
 * be healthy"; "" when nothing is wrong. */
const char *wc_why_short(const struct wc_why_in *in, const struct wc_ps_row *row,
                         struct wc_arena *arena);

/* why_text.c: the chain as a person reads it, and as one JSON object (both end in a newline).
 *   command    how to call us again: "wcompose -f x"
 *   isolation  how it is isolated and why (proof_text.h); may be NULL
 */
void wc_why_format_text(const struct wc_why *why, const struct wc_style *style, const char *cwd,
                        const char *command, struct wc_buf *out);
void wc_why_format_json(const struct wc_why *why, const struct wc_isolation_choice *isolation,
                        bool supervised, struct wc_buf *out);

/* "17:40:12Z", with the date when it is more than twelve hours from `now_ms`; "-" for 0. */
const char *wc_why_time(int64_t wall_ms, int64_t now_ms, struct wc_arena *arena);

/* "3m12s", "4d03h": two units are enough. */
const char *wc_why_span(int64_t ms, struct wc_arena *arena);

#endif
