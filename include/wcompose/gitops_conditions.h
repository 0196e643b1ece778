/* gitops_conditions.h - what is said of an app that follows a source, and the events of it: which
 * condition became another, when, why (contract, plain data and calls).
 *
 * Idea:    conditions are what is; events are their changes, numbered, the last of them kept with
 *          the record that they are of, so that none is lost to who looks later, whoever made the
 *          pass (the agent, cron), and however it ended.
 * Owner:   strings of events live in an arena of who made them. Threads: values.
 */
#ifndef WCOMPOSE_GITOPS_CONDITIONS_H
#define WCOMPOSE_GITOPS_CONDITIONS_H

#include <stddef.h>
#include <stdint.h>

struct wc_arena;
struct wc_buf;
struct wc_gitops_record;

/* Bounds. */
enum {
    WC_GITOPS_TEXT = 256,   /* a reason, cut; with its NUL */
    WC_GITOPS_EVENTS = 128, /* events that are kept of an app; the oldest goes first */
};

/* What is said of an app; status, reason and time of each are kept apart. */
enum wc_gitops_condition_type {
    WC_GITOPS_READY,           /* a good revision is in force and everything of it is ready */
    WC_GITOPS_RECONCILING,     /* something is under way, waited for or to be tried again */
    WC_GITOPS_STALLED,         /* the newest revision was rejected: a person has to act */
    WC_GITOPS_SOURCE_VERIFIED, /* the newest revision may be believed */
    WC_GITOPS_SUSPENDED,
    WC_GITOPS_CONDITIONS
};

/* UNKNOWN: nothing has found out yet. */
enum wc_gitops_truth { WC_GITOPS_UNKNOWN, WC_GITOPS_FALSE, WC_GITOPS_TRUE };

/* One condition. */
struct wc_gitops_condition {
    enum wc_gitops_truth status;
    char reason[48];              /* one word: "Unhealthy" */
    char message[WC_GITOPS_TEXT]; /* for people; may be "" */
    uint64_t generation;          /* of the candidate that it was said of */
    int64_t since_ms;             /* wall clock: when status or reason changed */
};

/* A condition that became another. */
struct wc_gitops_event {
    uint64_t seq; /* of the app, from 1, without gaps */
    enum wc_gitops_condition_type type;
    struct wc_gitops_condition now;
    const char *revision; /* the newest then: "main@1a2b3c4d5e6f"; NULL: none was known */
};
struct wc_gitops_events {
    struct wc_gitops_event *items; /* n, oldest first */
    size_t n;
};

/* Words: "Ready", "True". */
const char *wc_gitops_condition_name(enum wc_gitops_condition_type type);
const char *wc_gitops_truth_name(enum wc_gitops_truth truth);

/* Adds an event for each condition of the record that has another status or reason than it had when
 * this was called last, or the record was read. Pure. */
void wc_gitops_note_events(struct wc_gitops_record *record, struct wc_arena *arena);

/* Appends an event as JSON, on one line without its end: v, id (the same for the same event, in
 * whatever way it is told), seq where it isn't 0, app, condition, status, reason, message,
 * revision, observedGeneration, at. */
void wc_gitops_event_json(const char *app, const struct wc_gitops_event *event, struct wc_buf *out);

/* The id alone: 64 hex digits, which depend on app, condition, status, reason and time. */
void wc_gitops_event_id(const char *app, const struct wc_gitops_event *event, char id[65]);

#endif
