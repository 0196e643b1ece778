/* ends.c - STOP, KILL and REMOVE.
 *
 * A signal goes by pidfd: it can't hit a stranger that got the pid. What a keeper still cleans up
 * is waited for before directories go, since the runtime works in them.
 */
#include "drivers/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/flavour.h"
#include "drivers/process/freezer.h"
#include "drivers/process/keeper_link.h"
#include "drivers/process/stuck.h"

enum {
    ABORT_WAIT_MS = 5000,
    STUCK_MS = 5000,  /* after SIGKILL: now it is worth a look */
    GENTLE_MS = 5000, /* for a machine whose service was killed */
};

/* True when it has ended by that. */
static bool kill_gently(const struct wc_job *job)
{
    const struct wc_flavour *flavour = job->driver->flavour;
    struct pollfd end = { .fd = job->pidfd, .events = POLLIN };
    return flavour != NULL && job->request.run_dir != NULL && job->pidfd >= 0 &&
           flavour->kill(job->request.run_dir) && poll(&end, 1, GENTLE_MS) == 1;
}

static void work_signal(struct wc_job *job)
{
    if (job->mark)
        job->rc = wc_write_plain(job->path, "", 0, 0600, &job->err);
    if (job->rc == 0 && job->sick_path != NULL)
        job->rc = wc_write_plain(job->sick_path, "", 0, 0600, &job->err);
    if (job->rc != 0 || job->signal == 0)
        return;
    if (kill_gently(job))
        return;
    bool sent = syscall(SYS_pidfd_send_signal, job->pidfd, job->signal, NULL, 0) == 0;
    if (!sent && errno != ESRCH)
        job->rc =
            wc_err_set(&job->err, wc_fs_code(errno), errno, "cannot send signal %d", job->signal);
    if (job->rc == 0 && job->all) /* what is in another pid namespace of its making, or pid: host */
        job->rc = wc_cgroup_kill(job->request.cgroup, job->record.cgroup, &job->err);
    if (sent && job->thaw && job->rc == 0) /* what stands still hears no signal */
        job->rc = wc_freezer_thaw(job->request.cgroup, job->record.cgroup, &job->err);
    if (sent && job->stuck != 0)
        job->rc = wc_stuck_look(job->stuck, &job->err);
}

static void after_signal(struct wc_job *job)
{
    if (job->pidfd >= 0)
        close(job->pidfd);
    if (job->thaw && job->rc == 0 && job->inst->life == WC_LIFE_RUNNING && job->inst->frozen) {
        job->inst->frozen = false;
        wc_inst_report(job->inst);
    }
    wc_inst_finish(job->inst, job->rc, &job->err);
}

/* The first one is given its time; a later one asks what it met. */
static void note_kill(struct wc_inst *inst, struct wc_job *job)
{
    uint64_t now_ms = uv_now(inst->driver->loop) + 1; /* not 0 */
    if (inst->killed_at_ms == 0)
        inst->killed_at_ms = now_ms;
    else if (now_ms - inst->killed_at_ms >= STUCK_MS)
        job->stuck = inst->pid;
}

void wc_begin_stop(struct wc_inst *inst)
{
    const struct wc_op *op = inst->op;
    bool running = inst->life == WC_LIFE_RUNNING;
    bool mark = op->by_user && !inst->stopped_by_user && (running || inst->life == WC_LIFE_EXITED);
    if (!running && !mark) {
        wc_inst_finish(inst, 0, NULL);
        return;
    }
    struct wc_job *job = wc_job_new(inst->driver, inst, inst->op);
    job->request.cgroup = &inst->driver->cgroup;
    job->record.cgroup = wc_arena_strdup(&job->arena, inst->record.cgroup);
    job->path = wc_arena_printf(&job->arena, "%s/stopped_by_user", inst->lib_dir);
    job->mark = mark;
    if (op->sick && running && !inst->sick)
        job->sick_path = wc_arena_printf(&job->arena, "%s/sick", inst->lib_dir);
    inst->sick = inst->sick || job->sick_path != NULL;
    if (mark)
        inst->stopped_by_user = true; /* the exit may be told before the job's end is */
    if (running) {
        if (op->leaving) /* before the signal, so that the keeper reads it before the end */
            (void)wc_keeper_send(inst->link, "leaving");
        int otherwise = op->verb == WC_VERB_KILL ? SIGKILL : SIGTERM;
        job->signal = op->signal != 0 ? op->signal : otherwise;
        job->pidfd = inst->pidfd >= 0 ? fcntl(inst->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
        job->all = op->verb == WC_VERB_KILL && job->signal == SIGKILL;
        job->thaw = op->verb == WC_VERB_STOP || job->signal == SIGKILL;
        if (job->signal == SIGKILL)
            note_kill(inst, job);
        if (job->signal == SIGKILL && !op->leaving && !inst->frozen)
            job->request.run_dir = inst->run_dir;
    } else {
        wc_inst_report(inst); /* the mark is news */
    }
    inst->stage = WC_STAGE_JOB;
    wc_job_run(job, work_signal, after_signal);
}

/* One that can't be spoken to would write into the directories while they are removed. */
static void kill_keeper(const char *run_dir)
{
    uint64_t starttime;
    pid_t keeper = wc_keeper_of(run_dir, &starttime);
    WC_CLEANUP_FD int pidfd = keeper > 0 ? (int)syscall(SYS_pidfd_open, keeper, 0) : -1;
    struct pollfd end = { .fd = pidfd, .events = POLLIN };
    if (pidfd < 0 || wc_proc_starttime_of(keeper) != starttime)
        return;
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0)
        (void)poll(&end, 1, ABORT_WAIT_MS);
}

/* Ends a keeper that nobody talks to: half-made by a process that is gone. */
static void end_lost_keeper(const char *run_dir)
{
    struct wc_report report;
    WC_CLEANUP_FD int link = wc_keeper_connect(run_dir);
    if (link < 0 || !wc_keeper_send(link, "abort")) {
        kill_keeper(run_dir);
        return;
    }
    struct pollfd wait = { .fd = link, .events = POLLIN };
    while (poll(&wait, 1, ABORT_WAIT_MS) > 0 && wc_keeper_receive(link, &report) >= 0)
        ;
}

static void work_remove(struct wc_job *job)
{
    end_lost_keeper(job->request.run_dir);
    job->rc = wc_bundle_remove(job->request.paths, job->request.cgroup, &job->record,
                               job->request.lib_dir, job->request.run_dir, &job->err);
}

static void work_tidy(struct wc_job *job)
{
    wc_bundle_tidy(job->driver->paths, &job->driver->cgroup, job->driver->project, true);
}

static void after_tidy(struct wc_job *job)
{
    wc_inst_finish(job->inst, 0, NULL);
}

/* Whether nothing of the project is left or being made. Several removals may end in any order, so
 * this is asked at the end of each. */
static bool was_last(const struct wc_process *driver, const struct wc_inst *removed)
{
    for (const struct wc_inst *inst = driver->insts; inst != NULL; inst = inst->next)
        if (inst != removed && (inst->life != WC_LIFE_ABSENT || inst->op != NULL))
            return false;
    return true;
}

static void after_remove(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    if (job->rc != 0) {
        wc_inst_finish(inst, job->rc, &job->err);
        return;
    }
    inst->life = WC_LIFE_ABSENT;
    inst->stopped_by_user = inst->sick = false;
    inst->started_at_ms = 0;
    wc_inst_report(inst);
    inst->record.run = 0;
    if (was_last(inst->driver, inst))
        wc_job_run(wc_job_new(inst->driver, inst, inst->op), work_tidy, after_tidy);
    else
        wc_inst_finish(inst, 0, NULL);
}

void wc_go_on_removing(struct wc_inst *inst)
{
    struct wc_process *driver = inst->driver;
    struct wc_job *job = wc_job_new(driver, inst, inst->op);
    job->request.paths = driver->paths;
    job->request.cgroup = &driver->cgroup;
    job->request.lib_dir = inst->lib_dir;
    job->request.run_dir = inst->run_dir;
    job->record = inst->record; /* stays: only ops change it, and this is the one */
    wc_inst_clear_pid(inst);
    inst->stage = WC_STAGE_JOB;
    wc_job_run(job, work_remove, after_remove);
}

void wc_refuse_remove(struct wc_inst *inst)
{
    struct wc_err err = { 0 };
    (void)wc_err_set(&err, WC_ERR_CONFLICT, 0, "it is running; stop it first");
    wc_inst_finish(inst, WC_ERR_CONFLICT, &err);
}

void wc_begin_remove(struct wc_inst *inst)
{
    switch (inst->life) {
    case WC_LIFE_ABSENT:
        wc_inst_finish(inst, 0, NULL);
        return;
    case WC_LIFE_RUNNING:
    case WC_LIFE_PAUSED:
        wc_refuse_remove(inst);
        return;
    case WC_LIFE_CREATED:
        (void)wc_keeper_send(inst->link, "abort");
        break;
    case WC_LIFE_EXITED:
    case WC_LIFE_BROKEN:
        break;
    }
    if (inst->polling || inst->closing)
        inst->stage = WC_STAGE_ABORTED; /* goes on when the keeper has ended */
    else
        wc_go_on_removing(inst);
}
