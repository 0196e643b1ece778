/* scan.c - reading the host: LIST, the first look at an instance, and looks after a keeper's end.
 *
 * A running instance whose keeper was killed gets a new one by whoever finds it so: from then on
 * its output and its end are looked after again.
 *
 * An instance with a live connection, or with an op under way, is known better here than its files
 * tell; for all others the files win.
 */
#include "drivers/process/process.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/process/driver.h"
#include "drivers/process/keeper_link.h"

enum { EXIT_WAIT_TRIES = 400, EXIT_WAIT_MS = 5 };
enum { CONNECT_TRIES = 20, CONNECT_WAIT_MS = 5 };
enum { ADOPTIONS_MAX = 5, ADOPTIONS_MS = 10000 }; /* then its keepers don't want to live */

/* A keeper has a pid file some time before it listens. */
static int connect_for(const struct wc_look *look, const char *run_dir)
{
    const struct timespec time = { .tv_nsec = CONNECT_WAIT_MS * 1000000L };
    bool news = look->life == WC_LIFE_RUNNING || look->life == WC_LIFE_CREATED;
    int link = -1;
    for (int i = 0; look->keeper_alive && news && link < 0 && i < CONNECT_TRIES; i++) {
        if (i > 0)
            nanosleep(&time, NULL);
        link = wc_keeper_connect(run_dir);
    }
    return link;
}

/* True when there is a process, or its pidfd, and nobody keeps it. */
static bool lacks_keeper(const struct wc_job *job, const struct wc_look *look)
{
    bool lost_end = look->life == WC_LIFE_EXITED && !look->exit_known && job->pidfd >= 0;
    return job->adopt && !look->keeper_alive && (look->life == WC_LIFE_RUNNING || lost_end);
}

static void adopt(const struct wc_job *job, struct wc_look *look, const char *run_dir)
{
    struct wc_err unsaid;
    char program[4200];
    snprintf(program, sizeof program, "%s/wcompose-keeper", job->driver->paths->bin);
    const struct wc_keeper_start start = {
        .program = program, .run_dir = run_dir, .sealed = -1, .adopt = true, .pidfd = job->pidfd
    };
    if (wc_keeper_spawn(&start, &look->keeper, &look->link, &unsaid) != 0)
        look->keeper = 0;
}

static void look_into(struct wc_job *job, const char *lib_dir, const char *run_dir, const char *id)
{
    struct wc_look *looks = job->looks;
    looks = wc_arena_grow(&job->arena, looks, job->n_looks, &job->cap_looks, sizeof *looks);
    job->looks = looks;
    wc_look(lib_dir, run_dir, job->driver->project, id, &job->arena, &looks[job->n_looks]);
    struct wc_look *look = &looks[job->n_looks];
    if (!wc_process_is_ours(job->driver, look->record.level))
        return; /* another driver's */
    job->n_looks++;
    look->link = connect_for(look, run_dir);
    if (lacks_keeper(job, look))
        adopt(job, look, run_dir);
    if (look->life == WC_LIFE_RUNNING)
        wc_drift_look(job->driver, run_dir, &job->arena, look);
}

static void work_list(struct wc_job *job)
{
    const struct wc_paths *paths = job->driver->paths;
    const char *project = wc_paths_project_lib(paths, &job->arena, job->driver->project);
    const char *path = wc_arena_printf(&job->arena, "%s/instances", project);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        if (errno != ENOENT)
            job->rc = wc_err_set(&job->err, wc_fs_code(errno), errno, "%s", path);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        const char *id = wc_arena_strdup(&job->arena, entry->d_name);
        look_into(job, wc_arena_printf(&job->arena, "%s/%s", path, id),
                  wc_paths_instance_run(paths, &job->arena, job->driver->project, id), id);
    }
    closedir(dir);
}

static bool known_better(const struct wc_inst *inst)
{
    return inst->op != NULL || inst->relook || inst->polling || inst->closing;
}

/* A connection that isn't needed; the keeper lives on without it. */
static void drop_link(struct wc_process *driver, struct wc_look *look)
{
    if (look->keeper > 0)
        wc_process_reap(driver, look->keeper);
    look->keeper = 0;
    if (look->link >= 0)
        close(look->link);
    look->link = -1;
}

static bool was_seen(const struct wc_job *job, const char *id)
{
    for (size_t i = 0; i < job->n_looks; i++)
        if (wc_streq(job->looks[i].record.id, id))
            return true;
    return false;
}

/* What was known and is not on the host any more (somebody removed its directory). */
static void drop_vanished(const struct wc_job *job)
{
    struct wc_inst *next;
    for (struct wc_inst *inst = job->driver->insts; inst != NULL; inst = next) {
        next = inst->next;
        if (was_seen(job, inst->id) || known_better(inst) || inst->queue_head != NULL ||
            inst->stage == WC_STAGE_UNKNOWN || inst->life == WC_LIFE_ABSENT)
            continue;
        inst->life = WC_LIFE_ABSENT;
        wc_inst_report(inst);
        wc_inst_next(inst);
    }
}

static void after_list(struct wc_job *job)
{
    struct wc_process *driver = job->driver;
    for (size_t i = 0; i < job->n_looks; i++) {
        struct wc_look *look = &job->looks[i];
        struct wc_inst *inst = wc_inst_get(driver, look->record.id);
        if (known_better(inst)) {
            drop_link(driver, look);
            /* half-made by an op of ours, or gone meanwhile: the op will tell */
            if (inst->stage == WC_STAGE_UNKNOWN || inst->life == WC_LIFE_ABSENT)
                continue;
        } else {
            wc_inst_apply(inst, look, look->link);
        }
        (void)wc_drift_take(inst, look, job->begun);
        wc_inst_report(inst);
    }
    if (job->rc == 0)
        drop_vanished(job);
    wc_process_finish(driver, job->op, job->rc, &job->err);
}

void wc_begin_list(struct wc_process *driver, struct wc_op *op)
{
    struct wc_job *job = wc_job_new(driver, NULL, op);
    job->adopt = true;
    job->begun = driver->turn;
    wc_job_run(job, work_list, after_list);
}

static void work_look(struct wc_job *job)
{
    if (wc_fs_exists(job->request.lib_dir))
        look_into(job, job->request.lib_dir, job->request.run_dir, job->path);
}

static void after_look(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    inst->stage = WC_STAGE_IDLE;
    inst->life = WC_LIFE_ABSENT;
    if (job->n_looks > 0)
        wc_inst_apply(inst, &job->looks[0], job->looks[0].link);
    if (job->n_looks > 0)
        (void)wc_drift_take(inst, &job->looks[0], job->begun);
    wc_inst_next(inst);
}

static struct wc_job *look_job(struct wc_inst *inst)
{
    struct wc_job *job = wc_job_new(inst->driver, inst, NULL);
    job->request.lib_dir = inst->lib_dir;
    job->request.run_dir = inst->run_dir;
    job->path = inst->id;
    job->pidfd = inst->pidfd;
    job->begun = inst->driver->turn;
    if (uv_now(inst->driver->loop) - inst->adopted_ms > ADOPTIONS_MS)
        inst->n_adopted = 0;
    job->adopt = inst->n_adopted < ADOPTIONS_MAX;
    return job;
}

void wc_begin_look(struct wc_inst *inst)
{
    inst->stage = WC_STAGE_JOB;
    wc_job_run(look_job(inst), work_look, after_look);
}

/* A new keeper was started for a process that had ended by then: it writes the record and ends. */
static pid_t take_brief_keeper(struct wc_look *look)
{
    pid_t keeper = look->life == WC_LIFE_EXITED ? look->keeper : 0;
    if (keeper == 0)
        return 0;
    close(look->link);
    look->link = -1;
    look->keeper = 0;
    return keeper;
}

/* The process is gone but its keeper isn't: the exit record is being written. */
static void work_relook(struct wc_job *job)
{
    const struct timespec time = { .tv_nsec = EXIT_WAIT_MS * 1000000L };
    pid_t brief = 0;
    for (int i = 0; i < EXIT_WAIT_TRIES; i++) {
        job->n_looks = 0;
        work_look(job);
        if (job->n_looks == 0)
            return;
        struct wc_look *look = &job->looks[0];
        if (brief == 0)
            brief = take_brief_keeper(look);
        job->adopt = job->adopt && brief == 0;
        bool ended = look->life == WC_LIFE_RUNNING && look->keeper_alive &&
                     wc_proc_starttime_of(look->last.pid) != look->last.starttime;
        if (brief > 0 && !look->exit_known && waitpid(brief, NULL, WNOHANG) == brief) {
            brief = -1; /* it is over, with a record or without: once more */
            continue;
        }
        if (!ended && (brief <= 0 || look->exit_known))
            break;
        if (look->link >= 0)
            close(look->link);
        look->link = -1;
        nanosleep(&time, NULL);
    }
    if (brief > 0)
        job->looks[0].keeper = brief;
}

static void after_relook(struct wc_job *job)
{
    struct wc_inst *inst = job->inst;
    enum wc_life before = inst->life;
    inst->relook = false;
    if (job->n_looks > 0 && job->looks[0].keeper > 0) {
        inst->n_adopted++;
        inst->adopted_ms = uv_now(inst->driver->loop);
    }
    if (job->n_looks > 0 && before != WC_LIFE_EXITED)
        wc_inst_apply(inst, &job->looks[0], job->looks[0].link);
    else if (job->n_looks > 0)
        drop_link(inst->driver, &job->looks[0]);
    else
        inst->life = WC_LIFE_ABSENT;
    bool drifted = job->n_looks > 0 && wc_drift_take(inst, &job->looks[0], job->begun);
    if (inst->life != before || drifted)
        wc_inst_report(inst);
    wc_inst_next(inst);
}

void wc_begin_relook(struct wc_inst *inst)
{
    inst->relook = true;
    wc_job_run(look_job(inst), work_relook, after_relook);
}
