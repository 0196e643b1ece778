/* gitops.h - keeping apps on what their sources say: what is remembered of each, one pass over one
 * app, the agent (contract, plain data and calls).
 *
 * Idea:    a pass is level-triggered like everything here: it looks at the source, at its memory
 *          and at what runs, asks one pure function what to do next, does that, and goes on until
 *          there is nothing to do. A killed pass is gone on with by the next one.
 * Files:   lib/gitops/<app>/: record.json, and what source.h keeps; run/gitops/: the agent's.
 */
#ifndef WCOMPOSE_GITOPS_H
#define WCOMPOSE_GITOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/agent.h"
#include "wcompose/err.h"
#include "wcompose/gitops_conditions.h"
#include "wcompose/gitops_images.h"

struct wc_arena;
struct wc_buf;
struct wc_diags;
struct wc_paths;
struct wc_project;

/* Bounds. */
enum {
    WC_GITOPS_REJECTED = 64, /* how many rejected revisions are remembered; the oldest goes first */
    WC_GITOPS_PAST = 32,     /* lines of history that are kept */
};

/* What an app's state is judged by: the same revision under other inputs (the app's settings in the
 * agent file, keys, the host's policy), or with other images, is another candidate. "" = none.
 *   images  hash of what its tags stand for, where the agent file says that they are followed; ""
 *           means that it isn't known yet, or that they aren't followed
 */
struct wc_gitops_key {
    char id[65], inputs[65], images[65];
};

/* A candidate that is not tried again, and why. Without images in its key: the revision, whatever
 * its images are. */
struct wc_gitops_rejection {
    struct wc_gitops_key key;
    char reason[48], why[WC_GITOPS_TEXT];
    int64_t at_ms;
    bool is_believed; /* it was verified, and rejected for something else */
};

/* What must be known of an app after a crash; all of record.json. Times are wall clock, 0 = never.
 * Zero it for an app that is new. */
struct wc_gitops_memory {
    uint64_t generation;          /* counts candidates */
    char mark[WC_GITOPS_TEXT];    /* of the last look whose revision is `seen` */
    struct wc_gitops_key seen;    /* the newest candidate */
    struct wc_gitops_key good;    /* applied last and was ready */
    struct wc_gitops_key attempt; /* is being applied */
    unsigned tries;               /* how often that was begun */
    int64_t unjudged_at_ms;       /* since when no attempt was found ready or not; 0 = none waits */
    unsigned superseded;          /* how many since then gave way to a newer one */
    bool restoring;               /* the attempt failed: the good one is to be back */
    bool is_suspended;            /* by `reconcile suspend` */
    unsigned failures;            /* in a row, that may pass by themselves */
    int64_t retry_at_ms;
    int64_t looked_at_ms, due_at_ms; /* last look; the next is to be then */
    int64_t asked_at_ms, ask_at_ms;  /* the same of the registries */
    unsigned unanswered;             /* how often in a row they didn't answer all */
    char unanswered_why[WC_GITOPS_TEXT];
    int64_t wake_at_ms; /* when a pass is to come; 0 = when told */
    struct wc_gitops_rejection rejected[WC_GITOPS_REJECTED]; /* n_rejected, oldest first */
    unsigned n_rejected;
    struct wc_gitops_condition conditions[WC_GITOPS_CONDITIONS];
};

/* A line of an app's history. */
struct wc_gitops_past {
    int64_t at_ms;
    const char *what;     /* "applied", "rejected", "superseded", "restored", "repaired" */
    const char *revision; /* "main@1a2b3c4d5e6f" */
    const char *why;      /* or "" */
};

/* What is known of a revision beyond its id. NULL where not known. */
struct wc_gitops_named {
    const char *name, *author, *subject, *signer;
    const char *tree; /* of its checkout */
};

/* record.json as it is read. Strings live in the arena. */
struct wc_gitops_record {
    struct wc_gitops_memory memory;
    struct wc_gitops_named seen, attempt, good;
    const char *attempt_text, *good_text; /* canonical wire text, or NULL */
    const char *source;                   /* where from, without secrets */
    struct wc_gitops_images attempt_images, good_images;
    struct wc_gitops_images answers; /* of registries, about the revision answers_of */
    struct wc_gitops_key answers_of;
    struct wc_gitops_past *past; /* n_past, oldest first */
    size_t n_past;
    struct wc_gitops_events events;                         /* the last WC_GITOPS_EVENTS */
    struct wc_gitops_condition noted[WC_GITOPS_CONDITIONS]; /* events tell up to these */
};

/* Directory of an app; arena-owned. */
const char *wc_gitops_dir(const struct wc_paths *paths, struct wc_arena *arena, const char *app);

/* Reads an app's record; one that isn't there gives an empty one. WC_ERR_IO, WC_ERR_PERM, or
 * WC_ERR_STATE: it is damaged, or of a newer version. */
int wc_gitops_record_read(const char *dir, struct wc_arena *arena, struct wc_gitops_record *out,
                          struct wc_err *err);

/* Replaces it, durably; the directory is made. */
int wc_gitops_record_write(const char *dir, const struct wc_gitops_record *record,
                           struct wc_err *err);

/* What of an app is other than the good revision wants it. Strings live in the arena. */
struct wc_gitops_compared {
    bool drifted, not_ready;
    const char *why; /* of the first that holds, or NULL */
};

/* What a pass needs of those who know models, images and drivers. Blocking; `data` is handed back.
 *   load     loads the app from a checkout and holds it against all rules of this host; its wire
 *            text is appended to `wire`. WC_ERR_SPEC, WC_ERR_ISOLATION …: it can't be taken
 *   images   brings what the project needs: pulls, builds
 *   tags     appends the tags of a reference's repository, as its registry lists them
 *   digests  what n references stand for at their registries; nothing is fetched
 *   pin      puts those images into a project that `load` gave, and its wire text instead of the
 * one in `wire` compare  what is there with the project that `text` is the wire text of
 */
struct wc_gitops_ops {
    int (*load)(void *data, const struct wc_agent_app *app, const char *dir, struct wc_buf *wire,
                struct wc_project **out, struct wc_err *err);
    int (*tags)(void *data, const char *reference, struct wc_arena *arena, struct wc_strv *out,
                struct wc_err *err);
    void (*digests)(void *data, struct wc_gitops_digest *asked, size_t n);
    void (*pin)(void *data, struct wc_project *project, const struct wc_gitops_images *images,
                struct wc_buf *wire);
    int (*images)(void *data, const struct wc_project *project, struct wc_err *err);
    int (*compare)(void *data, const struct wc_agent_app *app, const char *text,
                   struct wc_gitops_compared *out, struct wc_err *err);
    void (*say)(void *data, const char *line); /* a step, for people */
    void *data;
};

/* What a pass is told. All is borrowed. */
struct wc_gitops_run {
    const struct wc_paths *paths;
    const struct wc_agent_app *app;
    const char *file; /* the agent file that the app is of, absolute; NULL: none may prune it */
    const char *const *environ; /* NULL-terminated; of the agent */
    bool is_forced;             /* don't wait for the interval, nor for a retry's pause */
    bool only_check;            /* find out, and change nothing */
    bool allow_rewind;          /* this once, whatever the app's source says */
    int interrupt_fd;           /* readable: leave at the next chance; -1: none */
    int wake_fd;                /* readable: the source has news; read to its end. -1: none */
    const struct wc_gitops_ops *ops;
};

/* How a pass ended. */
struct wc_gitops_ran {
    bool changed;  /* something was applied, restored or repaired */
    bool pending;  /* only_check: something would be */
    bool drifted;  /* what runs isn't what the good revision wants */
    bool rejected; /* the newest revision is not in force, and won't be */
    bool failed;   /* something didn't work that may work later */
    bool suspended;
    int64_t wake_at_ms; /* when to come again; 0 = only when told */
};

/* Does what is due for one app. Blocks. Returns 0 also when a revision was rejected or the source
 * can't be reached (see *out, and the record); WC_ERR_CONFLICT when another pass over it is under
 * way, WC_ERR_IO, WC_ERR_STATE, WC_ERR_USAGE (the source makes no sense). */
int wc_gitops_run(const struct wc_gitops_run *run, struct wc_gitops_ran *out, struct wc_err *err);

/* Gets the newest revision and checks it out, believed or not, and changes nothing else: to be
 * looked at, with wc_gitops_newest_images. *dir and *name live in the arena. Errors as source.h's.
 */
int wc_gitops_newest(const struct wc_gitops_run *run, struct wc_arena *arena, const char **dir,
                     const char **name, struct wc_err *err);

/* Ends apps that the agent file no longer has, when it wants that. All is borrowed. */
struct wc_gitops_prune {
    const struct wc_paths *paths;
    const struct wc_agent *agent;              /* as it was read from `file` */
    const char *file;                          /* absolute */
    bool only_check;                           /* count, and change nothing */
    int interrupt_fd;                          /* as wc_gitops_run's */
    void (*say)(void *data, const char *line); /* for people */
    void *data;
};

/* How many: were taken down (or would be), are left alone, are to be tried again. */
struct wc_gitops_pruned {
    size_t n_ended, n_left, n_failed;
};

/* Takes down, without volumes, what passes made for this file have applied of apps that it doesn't
 * have, and forgets them; nothing when it doesn't say prune_apps, or has no apps at all. Blocks.
 * Returns 0, or WC_ERR_IO. */
int wc_gitops_prune(const struct wc_gitops_prune *ask, struct wc_gitops_pruned *out,
                    struct wc_err *err);

/* Suspends or resumes: a pass sees it before its next action. */
int wc_gitops_set_suspended(const struct wc_paths *paths, const char *app, bool suspended,
                            struct wc_err *err);

/* The agent: starts a pass (this program again, `reconcile --once`) for each app when it is due, so
 * that one can't hold up another; watches the agent file and directories that are sources. */
struct wc_gitops_agent_config {
    const struct wc_paths *paths;
    const char *file;                                         /* the agent file, absolute */
    void (*report)(void *data, const struct wc_diags *diags); /* each time the file is read */
    void (*say)(void *data, const char *line);                /* what goes on, for people */
    void *data;
};

/* Runs until SIGTERM or SIGINT; passes under way are asked to leave, and gone on with by the next
 * agent. Tells the service manager of NOTIFY_SOCKET. Returns 0; WC_ERR_CONFLICT when another agent
 * runs, WC_ERR_SPEC when the file is wrong at the start (reported), WC_ERR_IO. */
int wc_gitops_agent(const struct wc_gitops_agent_config *config, struct wc_err *err);

/* Tells the agent that an app is to be looked at now; NULL: all. WC_ERR_NOENT: no agent runs, or it
 * knows no such app; WC_ERR_UNAVAILABLE. */
int wc_gitops_now(const struct wc_paths *paths, const char *app, struct wc_err *err);

#endif
