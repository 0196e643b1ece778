/* engine_opening.h - encrypted files of a model, opened off the loop (private to
 * orchestrator/engine* and its parts).
 *
 * Idea:    a model comes into force with its files closed; the first instance to be made or started
 *          that needs one waits as it would for networks, and a thread of the pool opens the files
 *          one after another. All else goes on. What couldn't be opened is tried anew when an
 *          instance that failed for it has its next turn.
 * Owner:   values are the revision's, overwritten with it.
 * Threads: the loop's; one opening at a time in the pool, so that a slow program holds one thread.
 */
#ifndef ORCHESTRATOR_ENGINE_OPENING_H
#define ORCHESTRATOR_ENGINE_OPENING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "wcompose/sealed.h"

struct inst;
struct revision;
struct wc_engine;

/* Of a revision. */
struct rev_sealed {
    struct wc_unsealing *files; /* NULL: not needed so far */
    const struct wc_unsealing_ops *ops;
    bool wanted;           /* it stands in the engine's line, or is being opened */
    bool has_news;         /* a thread is done with a file, and it isn't taken over yet */
    unsigned readers;      /* ops under way that may read of a service that isn't open */
    uint64_t at_ms;        /* when the last file was tried */
    struct revision *next; /* in the line */
};

/* Of the engine. */
struct eng_sealed {
    uv_work_t work;
    struct revision *now, *first, **tail; /* now: being opened */
    int cancel_fd; /* can be read once the engine closes; -1: nothing was opened so far */
};

/* engine_sealed.c */
void wc_eng_sealed_init(struct wc_engine *engine);
void wc_eng_sealed_deinit(struct wc_engine *engine);

/* False while an instance that is to be made or started has to wait for values. */
bool wc_eng_sealed_ready(const struct inst *inst);

/* It waits for them: asks for them to be opened. Once they are, it is dirty. */
void wc_eng_sealed_want(struct inst *inst);

/* Once a flush: begins what is wanted, and takes over what was opened. */
void wc_eng_sealed_turn(struct wc_engine *engine);

/* The engine closes: what runs is given up. */
void wc_eng_sealed_cancel(struct wc_engine *engine);

/* An op that reads of the instance's service begins (true: it is to be told of its end) and ends.
 */
bool wc_eng_sealed_read(const struct inst *inst, struct revision *rev);
void wc_eng_sealed_unread(struct revision *rev);

#endif
