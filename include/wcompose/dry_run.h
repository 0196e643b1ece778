/* dry_run.h - a driver that lists truthfully and only pretends to act (contract; uses libuv).
 *
 * Idea:    LIST goes to the real driver; every other op is written down and answered as if it had
 * worked, with the facts that the real one would have reported. The engine can't tell, so what it
 * would do can be read off the record.
 * Owner:   who made the recorder: pass it as driver_extra of the engine (wc_driver_config.extra).
 * It outlives the drivers. Threads: the loop's. Errors: those of the real driver's open and list.
 */
#ifndef WCOMPOSE_DRY_RUN_H
#define WCOMPOSE_DRY_RUN_H

#include <stddef.h>

#include "wcompose/driver.h"

struct wc_arena;

/* One op that was asked for. Strings live in the recorder's arena; service is NULL for NET_* and
 * VOLUME_REMOVE, id for NET_*. */
struct wc_dry_run_op {
    enum wc_verb verb;
    const char *id, *service;
    unsigned index;
};

/* The recorder: what is beneath it, and what it was asked for. */
struct wc_dry_run {
    const struct wc_driver_ops *process, *hyperv; /* the real ones; NULL: none of that level */
    void *extra;                                  /* their driver_extra */
    struct wc_arena *arena;                       /* for the record */
    struct wc_dry_run_op *ops;                    /* out: n_ops, in order; EXEC is left out */
    size_t n_ops, cap_ops;
};

/* The drivers for wc_engine_config.process and .hyperv. */
extern const struct wc_driver_ops wc_dry_run_process_ops, wc_dry_run_hyperv_ops;

#endif
