/* outbox_queue.h - changes of the outbox, made by a thread (orchestrator/gitops, private).
 *
 * Idea:    each of them waits for the disk, which may take seconds, and the agent's loop waits for
 *          nobody. One at a time, in the order in which they were asked for, so that what must be
 * on disk before something else is: the messages of a change before that it was told. Owner:   the
 * queue is the agent's, and empty when its loop ends by itself; texts are copied. Threads: the
 * loop's.
 */
#ifndef ORCHESTRATOR_GITOPS_OUTBOX_QUEUE_H
#define ORCHESTRATOR_GITOPS_OUTBOX_QUEUE_H

#include <uv.h>

#include "orchestrator/gitops/outbox.h"

struct wc_outbox_job;

struct wc_outbox_queue {
    uv_loop_t *uv;
    uv_work_t work; /* of the first job */
    struct wc_outbox_job *first, **tail;
};

/* Runs once for each change, on the loop, later: it is made and durable, or err->code says why not.
 */
typedef void wc_outbox_done_fn(void *data, const struct wc_err *err);

/* What a change is of, and who is told of its end. */
struct wc_outbox_for {
    const char *dir; /* as the function of outbox.h has it */
    wc_outbox_done_fn *done;
    void *data;
};

void wc_outbox_queue_init(struct wc_outbox_queue *queue, uv_loop_t *uv);

/* As wc_outbox_put, wc_outbox_drop and wc_told_write. */
void wc_outbox_queue_put(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                         const char *name, const char *body);
void wc_outbox_queue_drop(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                          const char *name);
void wc_outbox_queue_told(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                          const struct wc_gitops_condition told[WC_GITOPS_CONDITIONS]);

#endif
