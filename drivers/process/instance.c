/* instance.c - one instance: its line of ops, what is known of it, what is told.
 *
 * An instance object of which the host knows nothing and nobody wants anything is forgotten, so
 * that the list holds what exists.
 */
#include "drivers/process/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/process/flavour.h"

struct wc_inst *wc_inst_find(struct wc_process *driver, const char *id)
{
    struct wc_inst *inst = driver->insts;
    while (inst != NULL && !wc_streq(inst->id, id))
        inst = inst->next;
    return inst;
}

struct wc_inst *wc_inst_get(struct wc_process *driver, const char *id)
{
    struct wc_inst *inst = wc_inst_find(driver, id);
    if (inst != NULL)
        return inst;
    inst = wc_calloc(1, sizeof *inst);
    wc_arena_init(&inst->arena);
    wc_arena_init(&inst->record_arena);
    inst->driver = driver;
    inst->id = wc_arena_strdup(&inst->arena, id);
    inst->lib_dir = wc_paths_instance_lib(driver->paths, &inst->arena, driver->project, id);
    inst->run_dir = wc_paths_instance_run(driver->paths, &inst->arena, driver->project, id);
    inst->pidfd = inst->link = inst->lock = inst->held[0] = inst->held[1] = -1;
    inst->record =
        (struct wc_record){ .id = inst->id, .name = inst->id, .project = driver->project };
    inst->next = driver->insts;
    driver->insts = inst;
    return inst;
}

static void forget(struct wc_inst *inst)
{
    struct wc_inst **at = &inst->driver->insts;
    while (*at != inst)
        at = &(*at)->next;
    *at = inst->next;
    wc_inst_clear_pid(inst);
    wc_arena_deinit(&inst->record_arena);
    wc_arena_deinit(&inst->arena);
    wc_free(inst);
}

void wc_inst_set_record(struct wc_inst *inst, const struct wc_record *record)
{
    struct wc_arena fresh;
    struct wc_record copy = *record;
    wc_arena_init(&fresh);
    const char **texts[] = { &copy.id,      &copy.name,   &copy.project, &copy.service,
                             &copy.image,   &copy.level,  &copy.boot_id, &copy.runtime_id,
                             &copy.runtime, &copy.cgroup, &copy.layers,  &copy.labels };
    for (size_t i = 0; i < WC_COUNT(texts); i++)
        *texts[i] = wc_arena_strdup(&fresh, *texts[i]);
    copy.notes = (struct wc_strv){ 0 };
    for (size_t i = 0; i < record->notes.n; i++)
        wc_strv_add(&fresh, &copy.notes, wc_arena_strdup(&fresh, record->notes.items[i]));
    wc_arena_deinit(&inst->record_arena);
    inst->record_arena = fresh;
    inst->record = copy;
}

/* Never read from here. Where descriptors get scarce they are for what can't be done without. */
static void hold_output(struct wc_inst *inst)
{
    enum { FD_MAX = 512 };
    static const char *const names[] = { "stdout", "stderr" };
    char path[4200];
    for (size_t i = 0; i < WC_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", inst->run_dir, names[i]);
        inst->held[i] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (inst->held[i] >= FD_MAX) {
            close(inst->held[i]);
            inst->held[i] = -1;
        }
    }
}

void wc_inst_clear_pid(struct wc_inst *inst)
{
    for (size_t i = 0; i < WC_COUNT(inst->held); i++) {
        if (inst->held[i] >= 0)
            close(inst->held[i]);
        inst->held[i] = -1;
    }
    if (inst->pidfd >= 0)
        close(inst->pidfd);
    inst->pidfd = -1;
    inst->pid = 0;
    inst->starttime = inst->killed_at_ms = 0;
    wc_drift_forget(inst);
}

bool wc_inst_set_pid(struct wc_inst *inst, pid_t pid, uint64_t starttime)
{
    /* One that a new keeper is just taking over may have ended meanwhile: then what is held here is
     * all that keeps its last lines until that keeper has opened them too. */
    if (inst->pidfd >= 0 && inst->pid == pid && inst->starttime == starttime)
        return true;
    wc_inst_clear_pid(inst);
    inst->pid = pid;
    inst->starttime = starttime;
    inst->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* the descriptor first: what it then shows to be the same stays the same */
    if (inst->pidfd >= 0 && wc_proc_starttime_of(pid) == starttime) {
        hold_output(inst);
        return true;
    }
    wc_inst_clear_pid(inst);
    inst->pid = pid;
    return false;
}

void wc_inst_report(struct wc_inst *inst)
{
    const struct wc_record *r = &inst->record;
    struct wc_fact fact = {
        .id = inst->id,
        .name = r->name,
        .project = r->project,
        .service = r->service,
        .index = r->index,
        .level =
            inst->driver->flavour != NULL ? inst->driver->flavour->isolation : WC_ISOLATION_PROCESS,
        .life = inst->life,
        .created_at_ms = r->created_at_ms,
        .stopped_by_user = inst->stopped_by_user,
        .sick = inst->sick,
        .image = r->image,
        .layers = r->layers,
        .labels = r->labels,
    };
    memcpy(fact.hash, r->hash, sizeof fact.hash);
    memcpy(fact.inplace, r->inplace, sizeof fact.inplace);
    if (inst->life == WC_LIFE_RUNNING) {
        fact.pid = inst->pid;
        fact.started_at_ms = inst->started_at_ms;
        fact.notified = inst->notified;
        fact.notice = inst->notice[0] != '\0' ? inst->notice : NULL;
        fact.drift_limits = inst->drift_limits;
        fact.drift_links = inst->drift_links;
        if (inst->frozen)
            fact.life = WC_LIFE_PAUSED;
    }
    fact.earlier_boot = inst->life == WC_LIFE_EXITED && inst->earlier_boot;
    if (inst->life == WC_LIFE_EXITED && inst->exit_known) {
        fact.exit_known = true;
        fact.exit_code = inst->exit.code;
        fact.exit_signal = inst->exit.signal;
        fact.oom_killed = inst->exit.oom;
        fact.cause = inst->exit.text[0] != '\0' ? inst->exit.text : NULL;
        fact.finished_at_ms = inst->exit.at_ms;
        fact.started_at_ms =
            inst->exit.started_ms != 0 ? inst->exit.started_ms : inst->started_at_ms;
    }
    inst->driver->sink.observe(inst->driver->sink.data, &fact);
}

void wc_inst_finish(struct wc_inst *inst, int rc, const struct wc_err *err)
{
    struct wc_op *op = inst->op;
    inst->op = NULL;
    inst->stage = WC_STAGE_IDLE;
    if (op != NULL)
        wc_process_finish(inst->driver, op, rc, err);
    wc_drift_settle(inst);
    wc_inst_next(inst);
}

static void begin(struct wc_inst *inst)
{
    switch (inst->op->verb) {
    case WC_VERB_CREATE:
        wc_begin_create(inst);
        return;
    case WC_VERB_START:
        wc_begin_start(inst);
        return;
    case WC_VERB_STOP:
    case WC_VERB_KILL:
        wc_begin_stop(inst);
        return;
    case WC_VERB_REMOVE:
        wc_begin_remove(inst);
        return;
    case WC_VERB_UPDATE:
        wc_begin_update(inst);
        return;
    case WC_VERB_MEND:
        wc_begin_mend(inst);
        return;
    case WC_VERB_EXEC:
    case WC_VERB_LIST:
    case WC_VERB_NET_UP:
    case WC_VERB_NET_LOOK:
    case WC_VERB_NET_DOWN:
    case WC_VERB_VOLUME_REMOVE:
        return; /* never in an instance's line as the op under way */
    }
}

void wc_inst_next(struct wc_inst *inst)
{
    if (inst->op != NULL || inst->relook || inst->stage == WC_STAGE_JOB)
        return;
    struct wc_op *op = inst->queue_head;
    if (op == NULL) {
        if (inst->life == WC_LIFE_ABSENT && !inst->polling && !inst->closing &&
            inst->n_execs == 0 && !inst->looking)
            forget(inst);
        return;
    }
    if (inst->stage == WC_STAGE_UNKNOWN) {
        wc_begin_look(inst);
        return;
    }
    inst->queue_head = op->next;
    if (inst->queue_head == NULL)
        inst->queue_tail = NULL;
    op->next = NULL;
    if (op->verb == WC_VERB_EXEC) {
        wc_begin_exec(inst, op);
        wc_inst_next(inst);
        return;
    }
    inst->op = op;
    begin(inst);
}

void wc_inst_submit(struct wc_inst *inst, struct wc_op *op)
{
    op->next = NULL;
    /* a command doesn't wait behind a stop or a kill: they wait for nothing either */
    if (op->verb == WC_VERB_EXEC && inst->stage != WC_STAGE_UNKNOWN &&
        inst->life == WC_LIFE_RUNNING) {
        wc_begin_exec(inst, op);
        return;
    }
    if (inst->queue_tail != NULL)
        inst->queue_tail->next = op;
    else
        inst->queue_head = op;
    inst->queue_tail = op;
    wc_inst_next(inst);
}

void wc_inst_apply(struct wc_inst *inst, const struct wc_look *look, int link)
{
    wc_inst_set_record(inst, &look->record);
    inst->stopped_by_user = look->stopped_by_user;
    inst->sick = look->sick;
    inst->life = look->life;
    if (look->life == WC_LIFE_RUNNING || look->life == WC_LIFE_CREATED) {
        inst->started_at_ms = look->life == WC_LIFE_RUNNING ? look->last.at_ms : 0;
        wc_drift_forget(inst); /* anew, also for the same process */
        if (wc_inst_set_pid(inst, look->last.pid, look->last.starttime))
            wc_drift_watch(inst);
    } else if (look->life == WC_LIFE_EXITED) {
        wc_inst_set_exited(inst, &look->last, look->exit_known);
        inst->earlier_boot = look->earlier_boot;
    }
    if (inst->stage == WC_STAGE_UNKNOWN)
        inst->stage = WC_STAGE_IDLE;
    if (look->keeper > 0 && inst->keeper == 0 && link >= 0)
        inst->keeper = look->keeper;
    else if (look->keeper > 0)
        wc_process_reap(inst->driver, look->keeper);
    wc_inst_watch_link(inst, link);
}
