/* gitops.h - what to do next for an app that follows a source (orchestrator/core, pure).
 *
 * Idea:    one function looks at the settings, at what is remembered, at what this pass has found
 *          and at the clock, and names one action. Another takes down how the action ended. All
 *          promises are kept between the two: nothing is applied that isn't verified; what was
 *          rejected isn't tried again under the same inputs; a rollback is never rolled back;
 *          while suspended nothing is touched; one that isn't ready yet gives way to a newer one,
 *          but some attempt is judged in the end, however fast they come. What they say is written
 *          down before an apply and after everything, so a kill in between is a step that is done
 *          again.
 * Owner:   values; borrowed for the call. Threads: none. Blocks: never. Errors: none.
 */
#ifndef ORCHESTRATOR_CORE_GITOPS_H
#define ORCHESTRATOR_CORE_GITOPS_H

#include "wcompose/gitops.h"

enum wc_gitops_act {
    WC_GITOPS_REST,    /* nothing; wake_at_ms says until when */
    WC_GITOPS_LOOK,    /* at the source: its mark */
    WC_GITOPS_FETCH,   /* gives the revision's id */
    WC_GITOPS_VERIFY,  /* may it be believed? */
    WC_GITOPS_LOAD,    /* check it out, load it, hold it against rules, policy and plan */
    WC_GITOPS_ASK,     /* the registries: what its tags stand for */
    WC_GITOPS_PULL,    /* its images */
    WC_GITOPS_APPLY,   /* the candidate, or the attempt that a killed pass left; wait for it */
    WC_GITOPS_WAIT,    /* go on waiting for it */
    WC_GITOPS_RESTORE, /* the good revision, after an attempt that failed */
    WC_GITOPS_COMPARE, /* what is in force and runs with the good revision */
    WC_GITOPS_REPAIR,  /* the good revision again */
};
enum {
    WC_GITOPS_ACTS = WC_GITOPS_REPAIR + 1,
    WC_GITOPS_TRIES = 5,
    WC_GITOPS_SUPERSEDED = 16, /* so many attempts in a row give way before one is judged */
};

/* What holds for the pass. */
struct wc_gitops_in {
    const char *app;    /* for jitter */
    const char *inputs; /* hash of all that a revision is judged by; 64 digits */
    int64_t now_ms;     /* wall clock */
    int64_t interval_ms;
    int64_t limit_ms;      /* until an attempt is ready, else it is given up */
    int64_t ask_ms;        /* between two questions to registries; 0 = no tag is followed */
    bool suspend;          /* by the agent file */
    bool repair;           /* drift: repair */
    bool forced;           /* by `now` */
    const char *waits_for; /* an app that isn't Ready, or NULL */
    int64_t window_at_ms;  /* when the next maintenance window opens; 0 = one is open */
};

/* What this pass has found so far. Zero it at its beginning. */
struct wc_gitops_pass {
    bool looked, fetched, verified, loaded, asked, pulled, compared;
    bool failed;    /* something didn't work that may work later: no more of the newest revision */
    bool ended;     /* nothing more is done in this pass */
    bool drifted;   /* and not repaired */
    bool not_ready; /* the good revision is in force, but not all of it is ready */
    bool waits;     /* the attempt is in force, and not ready yet: the source is looked at anew */
    bool told;      /* meanwhile: it has news */
    bool forced;    /* this look at it doesn't ask the time */
    bool glanced;   /* the last that was done: seen that the attempt still isn't ready */
    bool has_end; /* the last that was done: broken off, as what becomes of the attempt is known */
    char mark[WC_GITOPS_TEXT];
    struct wc_gitops_key candidate;       /* "" until known */
    char reason[48], why[WC_GITOPS_TEXT]; /* of what failed */
    char unready_why[WC_GITOPS_TEXT];     /* of what isn't ready, or has drifted */
};

struct wc_gitops_out {
    enum wc_gitops_act act;
    int64_t wake_at_ms; /* REST: when to come again; 0 = when told. APPLY, WAIT: when to look up
                           from it, or when told; 0 = not before it is ready or won't be */
};

enum wc_gitops_end {
    WC_GITOPS_DONE,
    WC_GITOPS_TRANSIENT, /* may work by itself later: network, disk, an image not there yet */
    WC_GITOPS_REFUSED,   /* won't work with this revision and these inputs */
    WC_GITOPS_LEFT,      /* given up on request: as if it had not been begun */
    WC_GITOPS_PENDING,   /* APPLY, WAIT: it isn't ready yet, and it is time to look up.
                            PULL: broken off, as the attempt that is waited for has ended */
};

/* How an action ended. */
struct wc_gitops_result {
    enum wc_gitops_end end;
    const char *reason;    /* one word, for conditions: "FetchFailed"; NULL: none */
    const char *why;       /* a sentence; may be NULL */
    const char *mark, *id; /* of LOOK; of FETCH, when it is DONE or REFUSED */
    const char *images;    /* of ASK: the hash. TRANSIENT: with what is known, NULL: not enough */
    bool has_unknown;      /* LOAD: it names images that weren't asked about */
    bool drifted;          /* COMPARE: something else is in force, or something differs */
    bool not_ready;        /* COMPARE, REPAIR, RESTORE: not all is ready */
    bool told;             /* PENDING: because somebody said that the source has news */
};

/* Puts the memory in order at the beginning of a pass: an attempt that was begun too often, or
 * under other inputs, is given up. */
void wc_gitops_begin(const struct wc_gitops_in *in, struct wc_gitops_memory *memory);

/* Returns the next action. */
struct wc_gitops_out wc_gitops_step(const struct wc_gitops_in *in,
                                    const struct wc_gitops_memory *memory,
                                    const struct wc_gitops_pass *pass);

/* Takes down that an action is about to be done. After APPLY, WAIT, RESTORE and REPAIR the memory
 * is to be written before the action. True: what was waited for until now gives way to it; it was
 * neither ready nor rejected. */
bool wc_gitops_start(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                     struct wc_gitops_pass *pass, enum wc_gitops_act act);

/* Takes down how it ended. */
void wc_gitops_note(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                    struct wc_gitops_pass *pass, enum wc_gitops_act act,
                    const struct wc_gitops_result *result);

/* Sets the conditions by what the pass has come to; since_ms moves where status or reason do. */
void wc_gitops_conclude(const struct wc_gitops_in *in, struct wc_gitops_memory *memory,
                        const struct wc_gitops_pass *pass);

/* The rejection of a key, or of its revision; NULL: none. What was ready isn't rejected. */
const struct wc_gitops_rejection *wc_gitops_rejected(const struct wc_gitops_memory *memory,
                                                     const struct wc_gitops_key *key);

/* Forgets the rejections of what wasn't believed: it is to be verified again, as somebody has said
 * that this once something may be believed that wasn't. */
void wc_gitops_forgive(struct wc_gitops_memory *memory);

/* True when both are the same; two that are none are not. */
bool wc_gitops_same(const struct wc_gitops_key *a, const struct wc_gitops_key *b);

/* True when they are but for their images. */
bool wc_gitops_same_revision(const struct wc_gitops_key *a, const struct wc_gitops_key *b);

/* gitops_window.c: when the next window opens, in the same clock as local_ms (milliseconds since
 * 1970 as the wall shows them here); 0 when one is open, or there is none. */
int64_t wc_gitops_window_at(const struct wc_agent_window *windows, size_t n, int64_t local_ms);

#endif
