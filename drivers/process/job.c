/* job.c - one piece of blocking work with its own memory. */
#include "drivers/process/process.h"

#include "base/alloc.h"

static void on_work(uv_work_t *req)
{
    struct wc_job *job = req->data;
    job->work(job);
}

static void on_after(uv_work_t *req, int status)
{
    struct wc_job *job = req->data;
    struct wc_process *driver = job->driver;
    (void)status; /* jobs are never cancelled: they hold things of the host */
    driver->n_jobs--;
    job->after(job);
    wc_arena_deinit(&job->arena);
    wc_free(job);
    wc_process_settle(driver);
}

struct wc_job *wc_job_new(struct wc_process *driver, struct wc_inst *inst, struct wc_op *op)
{
    struct wc_job *job = wc_calloc(1, sizeof *job);
    job->req.data = job;
    job->driver = driver;
    job->inst = inst;
    job->op = op;
    job->pidfd = -1;
    wc_arena_init(&job->arena);
    return job;
}

void wc_job_run(struct wc_job *job, wc_job_fn *work, wc_job_fn *after)
{
    job->work = work;
    job->after = after;
    job->driver->n_jobs++;
    uv_queue_work(job->driver->loop, &job->req, on_work, on_after);
}
