/* start.c - CREATE and START: a place among the few, a job that writes the bundle and starts the
 * keeper, "created", and for START "start" and "running".
 *
 * Why few at a time: each costs some milliseconds of CPU in the runtime; more of them at once only
 * makes all of them late.
 */
#include "drivers/process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "drivers/keeper/protocol.h"
#include "drivers/process/keeper_link.h"
#include "drivers/process/baseline.h"
#include "drivers/process/io_limits.h"
#include "drivers/process/oci.h"

enum { MAX_STARTS = 16 };

static void begin_bundle(struct wc_inst *inst);

static void drop_lock(struct wc_inst *inst)
{
    if (inst->lock >= 0)
        close(inst->lock);
    inst->lock = -1;
}

void wc_slot_release(struct wc_inst *inst)
{
    struct wc_process *driver = inst->driver;
    drop_lock(inst);
    wc_free(inst->join);
    inst->join = NULL;
    if (!inst->have_slot)
        return;
    inst->have_slot = false;
    driver->slots_used--;
    struct wc_inst *next = driver->slot_head;
    if (next == NULL)
        return;
    driver->slot_head = next->next_slot;
    if (driver->slot_head == NULL)
        driver->slot_tail = NULL;
    next->next_slot = NULL;
    begin_bundle(next);
}

static void take_slot(struct wc_inst *inst)
{
    struct wc_process *driver = inst->driver;
    if (driver->slots_used < MAX_STARTS) {
        begin_bundle(inst);
        return;
    }
    inst->stage = WC_STAGE_SLOT;
    inst->next_slot = NULL;
    if (driver->slot_tail != NULL)
        driver->slot_tail->next_slot = inst;
    else
        driver->slot_head = inst;
    driver->slot_tail = inst;
}

static void work_bundle(struct wc_job *job)
{
    job->rc = wc_bundle_start(&job->request, &job->arena, &job->bundle, &job->err);
}

static void after_bundle(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    if (job->rc != 0) {
        wc_slot_release(inst);
        wc_inst_finish(inst, job->rc, &job->err);
        return;
    }
    wc_inst_set_record(inst, &job->bundle.record);
    inst->join = wc_alloc(job->bundle.join_len);
    inst->join_len = job->bundle.join_len;
    memcpy(inst->join, job->bundle.join, job->bundle.join_len);
    inst->lock = job->bundle.lock;
    inst->keeper = job->bundle.keeper;
    inst->why[0] = '\0';
    inst->stage = WC_STAGE_CREATED;
    wc_inst_watch_link(inst, job->bundle.link);
}

static void fill_request(const struct wc_inst *inst, struct wc_bundle_request *request)
{
    const struct wc_instance *wanted = inst->op->instance;
    *request = (struct wc_bundle_request){
        .inst = wanted,
        .paths = inst->driver->paths,
        .cgroup = &inst->driver->cgroup,
        .flavour = inst->driver->flavour,
        .flavour_data = inst->driver->flavour_data,
        .sealed = &inst->driver->sealed,
        .lib_dir = inst->lib_dir,
        .run_dir = inst->run_dir,
        .run = inst->fresh ? 1 : inst->record.run + 1,
        .created_at_ms = inst->fresh ? 0 : inst->record.created_at_ms,
    };
    if (wanted->join_instance != NULL) {
        const struct wc_inst *other = wc_inst_find(inst->driver, wanted->join_instance);
        if (other != NULL && other->pidfd >= 0) {
            request->join_pid = other->pid;
            request->join_starttime = other->starttime;
        }
    }
}

static void begin_bundle(struct wc_inst *inst)
{
    struct wc_job *job = wc_job_new(inst->driver, inst, inst->op);
    inst->have_slot = true;
    inst->driver->slots_used++;
    inst->stage = WC_STAGE_JOB;
    fill_request(inst, &job->request);
    wc_job_run(job, work_bundle, after_bundle);
}

static void refuse(struct wc_inst *inst, int code, const char *text)
{
    struct wc_err err = { 0 };
    int rc = wc_err_set(&err, code, 0, "%s", text);
    wc_inst_finish(inst, rc, &err);
}

void wc_begin_create(struct wc_inst *inst)
{
    switch (inst->life) {
    case WC_LIFE_ABSENT:
        inst->fresh = true;
        take_slot(inst);
        return;
    case WC_LIFE_CREATED:
    case WC_LIFE_RUNNING:
    case WC_LIFE_PAUSED:
    case WC_LIFE_EXITED:
        wc_inst_finish(inst, 0, NULL);
        return;
    case WC_LIFE_BROKEN:
        refuse(inst, WC_ERR_STATE, "left half-made by an earlier run; remove it first");
        return;
    }
}

/* Its keeper lives and can't be spoken to: nothing of it may be undone under a keeper's hands, but
 * all of it be removed. */
static void give_up(struct wc_inst *inst)
{
    inst->life = WC_LIFE_BROKEN;
    wc_inst_report(inst);
    refuse(inst, WC_ERR_STATE, "its keeper can't be reached; remove it first");
}

/* Its groups are there, and its first instruction is still to come. */
static void give_io(const struct wc_inst *inst)
{
    WC_CLEANUP_BUF struct wc_buf without = WC_BUF_INIT;
    const struct wc_io_limits *limits = &inst->op->instance->spec->io;
    if (wc_io_limits_any(limits)) /* new groups have none */
        wc_io_limits_apply(&inst->driver->cgroup, inst->record.cgroup, limits, &without);
    if (without.len > 0)
        wc_log(WC_LOG_WARN, "process", "%s: %s", inst->record.id, without.data);
}

static void send_start(struct wc_inst *inst)
{
    give_io(inst);
    inst->stage = WC_STAGE_RUNNING;
    if (wc_keeper_send(inst->link, "start"))
        return;
    if (!inst->polling && !inst->closing) {
        give_up(inst);
        return;
    }
    snprintf(inst->why, sizeof inst->why, "the keeper is gone");
    inst->stage = WC_STAGE_FAILED;
    wc_inst_unwatch(inst);
}

void wc_go_on_starting(struct wc_inst *inst)
{
    inst->fresh = false;
    take_slot(inst);
}

void wc_begin_start(struct wc_inst *inst)
{
    switch (inst->life) {
    case WC_LIFE_ABSENT:
        refuse(inst, WC_ERR_NOENT, "no such instance; create it first");
        return;
    case WC_LIFE_CREATED:
        inst->fresh = inst->record.run == 1;
        send_start(inst);
        return;
    case WC_LIFE_RUNNING:
        wc_inst_finish(inst, 0, NULL);
        return;
    case WC_LIFE_EXITED:
        inst->stage = WC_STAGE_PARTING;
        wc_inst_unwatch(inst);
        if (!inst->closing)
            wc_go_on_starting(inst);
        return;
    case WC_LIFE_PAUSED:
        refuse(inst, WC_ERR_STATE, "it is paused");
        return;
    case WC_LIFE_BROKEN:
        refuse(inst, WC_ERR_STATE, "left half-made by an earlier run; remove it first");
        return;
    }
}

/* join.conf is complete now: process and groups are known. */
static int write_join(struct wc_inst *inst, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_arena arena;
    struct wc_strv procs = { 0 };
    wc_arena_init(&arena);
    wc_oci_record(&out, "pid", "%d", (int)inst->pid);
    wc_oci_record(&out, "starttime", "%llu", (unsigned long long)inst->starttime);
    wc_buf_add(&out, inst->join, inst->join_len);
    wc_cgroup_procs(&inst->driver->cgroup, inst->record.cgroup, &arena, &procs);
    for (size_t i = 0; i < procs.n; i++)
        wc_oci_record(&out, "cgroup", "%s", procs.items[i]);
    const char *path = wc_arena_printf(&arena, "%s/%s", inst->run_dir, WC_JOIN_CONF);
    const char *fresh = wc_arena_printf(&arena, "%s.new", path);
    int rc = wc_write_plain(fresh, out.data, out.len, 0600, err);
    if (rc == 0 && rename(fresh, path) != 0) /* all of it or nothing: we may be killed any time */
        rc = wc_err_set(err, WC_ERR_IO, errno, "%s", path);
    wc_arena_deinit(&arena);
    return rc;
}

void wc_on_created(struct wc_inst *inst, const struct wc_report *report)
{
    struct wc_err err = { 0 };
    if (!wc_inst_set_pid(inst, report->pid, report->starttime) || write_join(inst, &err) != 0) {
        snprintf(inst->why, sizeof inst->why, "%s",
                 err.msg[0] != '\0' ? err.msg : "its process ended before it was started");
        (void)wc_keeper_send(inst->link, "abort");
        inst->stage = WC_STAGE_FAILED;
        return;
    }
    (void)wc_baseline_note(&inst->driver->cgroup, inst->record.cgroup, inst->run_dir, NULL);
    wc_drift_watch(inst);
    wc_slot_release(inst);
    inst->notified = WC_NOTIFIED_NOTHING;
    inst->notice[0] = '\0';
    inst->life = WC_LIFE_CREATED;
    if (inst->op->verb == WC_VERB_START) {
        send_start(inst);
        return;
    }
    wc_inst_report(inst);
    wc_inst_finish(inst, 0, NULL);
}

/* Not always by our START: a supervisor that is gone may have asked for it. */
void wc_on_running(struct wc_inst *inst, const struct wc_report *report)
{
    if (inst->life != WC_LIFE_CREATED)
        return;
    inst->life = WC_LIFE_RUNNING;
    inst->started_at_ms = report->at_ms;
    inst->stopped_by_user = inst->sick = false;
    wc_inst_report(inst);
    if (inst->stage == WC_STAGE_RUNNING)
        wc_inst_finish(inst, 0, NULL);
    else if (inst->stage == WC_STAGE_ABORTED)
        wc_refuse_remove(inst);
}

static void work_undo(struct wc_job *job)
{
    job->rc = wc_bundle_undo(&job->request, &job->record, job->why, &job->err);
}

static void after_undo(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    if (job->looks[0].life == WC_LIFE_EXITED)
        wc_inst_set_exited(inst, &job->looks[0].last, job->looks[0].exit_known);
    wc_inst_finish(inst, job->rc, &job->err);
}

static void work_undo_and_look(struct wc_job *job)
{
    work_undo(job);
    job->looks = WC_NEW(&job->arena, struct wc_look);
    if (job->request.run > 1)
        wc_look(job->request.lib_dir, job->request.run_dir, job->record.project, job->record.id,
                &job->arena, &job->looks[0]);
}

void wc_on_start_failed(struct wc_inst *inst)
{
    struct wc_job *job = wc_job_new(inst->driver, inst, inst->op);
    bool was_created = inst->life == WC_LIFE_CREATED && inst->op->verb == WC_VERB_START;
    fill_request(inst, &job->request);
    job->request.run = inst->record.run;
    job->record = inst->record;
    job->why = wc_arena_strdup(&job->arena, inst->why);
    wc_slot_release(inst);
    wc_inst_clear_pid(inst);
    inst->life = job->request.run > 1 ? WC_LIFE_EXITED : WC_LIFE_ABSENT;
    inst->exit_known = false;
    if (was_created && inst->life == WC_LIFE_ABSENT)
        wc_inst_report(inst); /* it was told of as created */
    inst->stage = WC_STAGE_JOB;
    wc_job_run(job, work_undo_and_look, after_undo);
}
