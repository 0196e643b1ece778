/* update.c - UPDATE: limits and labels of an instance that is there.
 *
 * The groups first, the record last: who is killed in between leaves a record that still says what
 * it had, and whoever comes next does it again. config.json stays as the run was started with it;
 * the next run gets one of its own.
 */
#include "drivers/process/process.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "drivers/process/baseline.h"
#include "drivers/process/flavour.h"
#include "drivers/process/io_limits.h"
#include "drivers/process/limits.h"

/* A run that ended has none: the next one gets what holds then. */
static int limits_of(struct wc_job *job, struct wc_limits *out)
{
    const struct wc_flavour *flavour = job->driver->flavour;
    const struct wc_service *spec = job->op->instance->spec;
    wc_limits_of(spec, out);
    if (flavour == NULL || !job->all)
        return 0;
    return flavour->limits(job->request.run_dir, spec, out, &job->err);
}

static void give_io(struct wc_job *job)
{
    WC_CLEANUP_BUF struct wc_buf without = WC_BUF_INIT;
    wc_io_limits_apply(&job->driver->cgroup, job->record.cgroup, &job->op->instance->spec->io,
                       &without);
    if (without.len > 0)
        wc_log(WC_LOG_WARN, "process", "%s: %s", job->record.id, without.data);
}

static void work_update(struct wc_job *job)
{
    struct wc_limits limits;
    job->rc = limits_of(job, &limits);
    if (job->rc == 0 && job->all)
        job->rc = wc_limits_apply(&job->driver->cgroup, job->record.cgroup, &limits, &job->err);
    if (job->rc == 0 && job->all)
        give_io(job);
    if (job->rc == 0 && job->all) /* from here on this is what was meant */
        job->rc = wc_baseline_note(&job->driver->cgroup, job->record.cgroup, job->request.run_dir,
                                   &job->err);
    if (job->rc == 0)
        job->rc = wc_record_write(job->request.lib_dir, &job->record, &job->err);
}

static void after_update(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    struct wc_err err = { 0 };
    if (job->rc == 0) {
        wc_inst_set_record(inst, &job->record);
        wc_inst_report(inst);
    } else if (job->all && inst->life == WC_LIFE_EXITED) { /* meanwhile; its groups go with it */
        job->rc = wc_err_set(&err, WC_ERR_STATE, 0, "it has ended");
        job->err = err;
    }
    wc_inst_finish(inst, job->rc, &job->err);
}

static void update(struct wc_inst *inst)
{
    struct wc_job *job = wc_job_new(inst->driver, inst, inst->op);
    job->request.lib_dir = inst->lib_dir;
    job->request.run_dir = inst->run_dir;
    job->record = inst->record; /* stays: only ops change it, and this is the one */
    wc_record_describe(&job->record, inst->op->instance->spec, &job->arena);
    job->all = inst->life != WC_LIFE_EXITED; /* a run that ended has no groups */
    inst->stage = WC_STAGE_JOB;
    wc_job_run(job, work_update, after_update);
}

void wc_begin_update(struct wc_inst *inst)
{
    struct wc_err err = { 0 };
    switch (inst->life) {
    case WC_LIFE_ABSENT:
        (void)wc_err_set(&err, WC_ERR_NOENT, 0, "no such instance; create it first");
        break;
    case WC_LIFE_BROKEN:
        (void)wc_err_set(&err, WC_ERR_STATE, 0,
                         "left half-made by an earlier run; remove it first");
        break;
    case WC_LIFE_CREATED:
    case WC_LIFE_RUNNING:
    case WC_LIFE_PAUSED:
    case WC_LIFE_EXITED:
        update(inst);
        return;
    }
    wc_inst_finish(inst, err.code, &err);
}
