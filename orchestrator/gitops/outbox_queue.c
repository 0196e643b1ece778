/* outbox_queue.c - a line of jobs, the first of which a thread of libuv's pool is at. (Rejected:
 * one uv_work_t a job, which the pool would do in any order.)
 */
#include "orchestrator/gitops/outbox_queue.h"

#include <string.h>

#include "base/alloc.h"

enum what { PUT, DROP, TOLD };

struct wc_outbox_job {
    enum what what;
    char *dir, *name, *body;
    struct wc_gitops_condition told[WC_GITOPS_CONDITIONS];
    struct wc_err err;
    wc_outbox_done_fn *done;
    void *data;
    struct wc_outbox_job *next;
};

void wc_outbox_queue_init(struct wc_outbox_queue *queue, uv_loop_t *uv)
{
    *queue = (struct wc_outbox_queue){ .uv = uv };
    queue->work.data = queue;
    queue->tail = &queue->first;
}

static void work(uv_work_t *work)
{
    struct wc_outbox_job *job = ((struct wc_outbox_queue *)work->data)->first;
    switch (job->what) {
    case PUT:
        (void)wc_outbox_put(job->dir, job->name, job->body, &job->err);
        break;
    case DROP:
        (void)wc_outbox_drop(job->dir, job->name, &job->err);
        break;
    case TOLD:
        (void)wc_told_write(job->dir, job->told, &job->err);
        break;
    }
}

static void on_worked(uv_work_t *work, int status);

static void begin(struct wc_outbox_queue *queue)
{
    uv_queue_work(queue->uv, &queue->work, work, on_worked);
}

static void on_worked(uv_work_t *work, int status)
{
    struct wc_outbox_queue *queue = work->data;
    struct wc_outbox_job *job = queue->first;
    (void)status; /* nobody cancels it */
    queue->first = job->next;
    if (queue->first == NULL)
        queue->tail = &queue->first;
    else
        begin(queue);
    job->done(job->data, &job->err);
    wc_free(job->dir);
    wc_free(job->name);
    wc_free(job->body);
    wc_free(job);
}

static struct wc_outbox_job *job_new(enum what what, const struct wc_outbox_for *whom)
{
    struct wc_outbox_job *job = wc_calloc(1, sizeof *job);
    job->what = what;
    job->dir = wc_strdup(whom->dir);
    job->done = whom->done;
    job->data = whom->data;
    return job;
}

/* The job is whole: a thread may look at it from here on. */
static void add(struct wc_outbox_queue *queue, struct wc_outbox_job *job)
{
    bool is_first = queue->first == NULL;
    *queue->tail = job;
    queue->tail = &job->next;
    if (is_first)
        begin(queue);
}

void wc_outbox_queue_put(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                         const char *name, const char *body)
{
    struct wc_outbox_job *job = job_new(PUT, whom);
    job->name = wc_strdup(name);
    job->body = wc_strdup(body);
    add(queue, job);
}

void wc_outbox_queue_drop(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                          const char *name)
{
    struct wc_outbox_job *job = job_new(DROP, whom);
    job->name = wc_strdup(name);
    add(queue, job);
}

void wc_outbox_queue_told(struct wc_outbox_queue *queue, const struct wc_outbox_for *whom,
                          const struct wc_gitops_condition told[WC_GITOPS_CONDITIONS])
{
    struct wc_outbox_job *job = job_new(TOLD, whom);
    memcpy(job->told, told, sizeof job->told);
    add(queue, job);
}
