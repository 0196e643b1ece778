/* preview.h - what `up` would do, without doing any of it (contract).
 *
 * Idea:    the real engine runs over what is really there, with a driver that lists truthfully and
 * only pretends to act. There is one brain, so `plan` and `up` can't disagree.
 * Owner:   everything in the answer lives in the caller's arena. Threads: any one; runs a private
 * event loop. Blocks: for one list of the project's instances (milliseconds). Side effects: none.
 */
#ifndef WCOMPOSE_PREVIEW_H
#define WCOMPOSE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_driver_ops;
struct wc_image_store;
struct wc_paths;

/* What would happen to a service. Several instances: the first of these, in this order, that holds
 * for one of them; `counts` says how many of each. */
enum wc_preview_action {
    WC_PREVIEW_REPLACE,   /* stopped, removed and made again, because something changed */
    WC_PREVIEW_RESTART,   /* stopped and started: something it needs is replaced */
    WC_PREVIEW_CREATE,    /* made and started */
    WC_PREVIEW_RUN,       /* made and run once to its end: others wait for its completion */
    WC_PREVIEW_START,     /* exists, is started */
    WC_PREVIEW_REMOVE,    /* stopped and removed: not in the file any more, or scaled down */
    WC_PREVIEW_STOP,      /* stopped and kept */
    WC_PREVIEW_UPDATE,    /* its limits or labels change as it runs */
    WC_PREVIEW_UNCHANGED, /* nothing to do */
};
enum { WC_PREVIEW_ACTIONS = WC_PREVIEW_UNCHANGED + 1 };

/* One service in the answer. */
struct wc_preview_service {
    const char *service; /* name; may be one that the file no longer has */
    enum wc_preview_action action;
    unsigned counts[WC_PREVIEW_ACTIONS]; /* instances by action */
    const char *reason;                  /* sentence: "image changed"; never NULL */
    const char *after; /* what it waits for: "db healthy, migrate completed"; NULL: nothing */
};

/* The answer. */
struct wc_preview {
    struct wc_preview_service *services; /* in start order; those no longer in the file last */
    size_t n_services;
    unsigned counts[WC_PREVIEW_ACTIONS]; /* services by action */
    unsigned n_networks;                 /* networks that would be made */
    unsigned n_ops; /* driver operations that `up` would submit; 0 = nothing to do */
};

/* What the preview needs. */
struct wc_preview_config {
    const struct wc_project *project; /* the model to compare with what is there; borrowed */
    const struct wc_paths *paths;
    struct wc_image_store *images;
    const struct wc_strv *assumed; /* images, as services name them, that `up` would bring before:
                                      they count as being here; or NULL */
    const struct wc_driver_ops *process, *hyperv; /* as wc_engine_config */
    void *driver_extra;
    bool force_recreate, no_recreate, remove_orphans; /* as wc_request */
};

/* Works out what an APPLY of the project would do. Returns 0, or the error that would end it:
 * WC_ERR_NOENT (an image is missing), WC_ERR_ISOLATION, WC_ERR_SPEC, or the driver's.
 */
int wc_preview(const struct wc_preview_config *config, struct wc_arena *arena,
               struct wc_preview *out, struct wc_err *err);

/* The word for an action: "create", "start", "replace", "restart", "remove", "stop", "run once",
 * "update", "unchanged".
 */
const char *wc_preview_action_name(enum wc_preview_action action);

#endif
