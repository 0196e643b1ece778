/* driver.c - the table of the process driver: probe, open, hand ops to instances or jobs, close.
 *
 * Ops that are done wait in a list for an async handle's callback: done never runs inside the call
 * that started the op. (A timer of zero would not do for loops that are run once at a time: libuv
 * runs timers before it sleeps.) The handle holds the loop only while something waits.
 */
#include "drivers/process/io_limits.h"
#include "drivers/process/limits.h"
#include "drivers/process/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/net/net.h"
#include "drivers/process/bundle_conf.h"
#include "drivers/process/oci_runtime.h"
#include "drivers/process/process.h"
#include "drivers/process/volume.h"

static void reap_zombies(struct wc_process *driver)
{
    for (size_t i = 0; i < driver->n_zombies; i++)
        if (waitpid(driver->zombies[i], NULL, WNOHANG) != 0)
            driver->zombies[i--] = driver->zombies[--driver->n_zombies];
}

void wc_process_reap(struct wc_process *driver, pid_t pid)
{
    reap_zombies(driver);
    if (pid <= 0 || waitpid(pid, NULL, WNOHANG) != 0)
        return;
    if (driver->n_zombies == driver->cap_zombies) {
        driver->cap_zombies = driver->cap_zombies * 2 + 16;
        driver->zombies = wc_realloc(driver->zombies, driver->cap_zombies, sizeof *driver->zombies);
    }
    driver->zombies[driver->n_zombies++] = pid;
}

static void on_kick(uv_async_t *kick)
{
    struct wc_process *driver = kick->data;
    struct wc_op *op;
    uv_unref((uv_handle_t *)kick);
    while ((op = driver->ready_head) != NULL) {
        driver->ready_head = op->next;
        if (driver->ready_head == NULL)
            driver->ready_tail = NULL;
        op->next = NULL;
        op->driver_priv = NULL;
        op->done(op); /* may submit more, or close the driver */
    }
    reap_zombies(driver);
    wc_process_settle(driver);
}

static void kick_loop(struct wc_process *driver)
{
    uv_ref((uv_handle_t *)&driver->kick);
    uv_async_send(&driver->kick);
}

void wc_process_finish(struct wc_process *driver, struct wc_op *op, int rc,
                       const struct wc_err *err)
{
    op->status = rc;
    if (rc != 0) {
        if (err != NULL && err->code != 0)
            op->err = *err;
        else
            (void)wc_err_set(&op->err, rc, 0, "the operation was given up");
        op->err.code = rc;
    }
    op->next = NULL;
    if (driver->ready_tail != NULL)
        driver->ready_tail->next = op;
    else
        driver->ready_head = op;
    driver->ready_tail = op;
    kick_loop(driver);
}

static void probe(const struct wc_paths *paths, struct wc_driver_facts *out)
{
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct wc_cgroup_host cgroup;
    struct wc_oci_runtime runtime;
    char version[96];
    (void)paths;
    wc_arena_init(&arena);
    *out = (struct wc_driver_facts){ 0 };
    if (geteuid() != 0)
        (void)wc_err_set(&err, WC_ERR_PERM, 0, "the process driver needs root (sudo wcompose …)");
    if (err.code == 0)
        (void)wc_oci_runtime_find(NULL, &arena, &runtime, &err);
    if (err.code == 0)
        (void)wc_cgroup_detect(&arena, &cgroup, &err);
    if (err.code == 0) {
        wc_oci_runtime_version(runtime.path, version, sizeof version);
        const char *number = strstr(version, "version ");
        out->usable = true;
        snprintf(out->detail, sizeof out->detail, "%s %s, cgroup %s", runtime.name,
                 number != NULL ? number + strlen("version ") : "?",
                 wc_cgroup_mode_name(cgroup.mode));
    }
    snprintf(out->why, sizeof out->why, "%s", err.msg);
    wc_arena_deinit(&arena);
}

int wc_process_check(struct wc_driver *base, const struct wc_instance *instance, struct wc_err *err)
{
    const struct wc_process *driver = (const struct wc_process *)base;
    struct wc_arena arena;
    struct wc_oci_runtime runtime;
    struct wc_log_conf log;
    wc_arena_init(&arena);
    int rc = wc_oci_runtime_find(instance->spec->runtime, &arena, &runtime, err);
    if (rc == 0)
        rc = wc_log_conf_read(instance->spec, &log, err);
    if (rc == 0)
        rc = wc_limits_check(instance->spec, err);
    if (rc == 0)
        rc = wc_io_limits_check(&instance->spec->io, err);
    if (rc == 0 && driver->flavour != NULL)
        rc = driver->flavour->check(driver->paths, instance, err);
    wc_arena_deinit(&arena);
    return rc;
}

int wc_process_open(const struct wc_driver_config *config, const struct wc_driver_ops *ops,
                    const struct wc_flavour *flavour, struct wc_driver **out, struct wc_err *err)
{
    struct wc_process *driver = wc_calloc(1, sizeof *driver);
    driver->sealed = (struct wc_sealed)WC_SEALED_INIT;
    wc_arena_init(&driver->arena);
    int rc = wc_cgroup_detect(&driver->arena, &driver->cgroup, err);
    if (rc == 0 && uv_async_init(config->loop, &driver->kick, on_kick) != 0)
        rc = wc_err_set(err, WC_ERR_FAILED, 0, "cannot make an async handle");
    if (rc != 0) {
        wc_arena_deinit(&driver->arena);
        wc_sealed_deinit(&driver->sealed);
        wc_free(driver);
        return rc;
    }
    driver->base.ops = ops;
    driver->flavour = flavour;
    driver->flavour_data = flavour != NULL ? flavour->open() : NULL;
    driver->loop = config->loop;
    driver->sink = config->sink;
    driver->paths = config->paths;
    driver->project = wc_arena_strdup(&driver->arena, config->project);
    driver->kick.data = driver;
    uv_unref((uv_handle_t *)&driver->kick);
    driver->net.server = -1;
    wc_drift_open(driver);
    *out = &driver->base;
    return 0;
}

static int open_driver(const struct wc_driver_config *config, struct wc_driver **out,
                       struct wc_err *err)
{
    return wc_process_open(config, &wc_process_ops, NULL, out, err);
}

bool wc_process_is_ours(const struct wc_process *driver, const char *level)
{
    const char *ours = driver->flavour != NULL ? driver->flavour->level : "process";
    return wc_streq(level != NULL ? level : "process", ours);
}

static void work_net(struct wc_job *job)
{
    job->rc = job->op->verb == WC_VERB_NET_UP
                  ? wc_net_up(job->op->net, job->driver->paths, &job->err)
                  : wc_net_down(job->op->net, job->driver->paths, &job->err);
    if (job->op->verb == WC_VERB_NET_UP && job->rc == 0)
        job->server = wc_net_server_open(job->driver->paths);
    if (job->op->verb == WC_VERB_NET_DOWN && job->last)
        wc_bundle_tidy(job->driver->paths, &job->driver->cgroup, job->driver->project, true);
}

static void after_net(struct wc_job *job)
{
    job->driver->net.seen = (struct wc_net_seen){ .right = false };
    wc_netwatch_server(job->driver, job->server);
    wc_process_finish(job->driver, job->op, job->rc, &job->err);
}

static void work_net_look(struct wc_job *job)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_op *op = job->op;
    job->rc = wc_net_look(op->net, job->driver->paths, &job->seen, &text, &job->err);
    op->exit_code = text.len > 0;
    snprintf(op->output, sizeof op->output, "%s", text.data);
}

static void after_net_look(struct wc_job *job)
{
    job->driver->net.seen = job->seen;
    wc_process_finish(job->driver, job->op, job->rc, &job->err);
}

static void begin_net(struct wc_process *driver, struct wc_op *op)
{
    struct wc_job *job = wc_job_new(driver, NULL, op);
    job->last = driver->insts == NULL;
    job->server = -1;
    job->seen = driver->net.seen;
    if (op->verb != WC_VERB_NET_DOWN && op->net->n_networks > 0)
        wc_netwatch_open(driver);
    if (op->verb == WC_VERB_NET_LOOK)
        wc_job_run(job, work_net_look, after_net_look);
    else
        wc_job_run(job, work_net, after_net);
}

static void work_volume_remove(struct wc_job *job)
{
    const char *name = job->op->id;
    if (name == NULL || name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        job->rc = wc_err_set(&job->err, WC_ERR_USAGE, 0, "'%s' is no name for a volume",
                             name != NULL ? name : "");
        return;
    }
    job->rc = wc_volume_remove(
        wc_arena_printf(&job->arena, "%s/%s", job->driver->paths->volumes, name), &job->err);
}

static void after_plain(struct wc_job *job)
{
    wc_process_finish(job->driver, job->op, job->rc, &job->err);
}

static void submit_to_instance(struct wc_process *driver, struct wc_op *op)
{
    const char *id = op->instance != NULL ? op->instance->id : op->id;
    struct wc_err err = { 0 };
    bool needs_instance =
        op->verb == WC_VERB_CREATE || op->verb == WC_VERB_START || op->verb == WC_VERB_UPDATE;
    if (id == NULL || id[0] == '\0' || id[0] == '.' || strchr(id, '/') != NULL ||
        (needs_instance && op->instance == NULL)) {
        int rc = wc_err_set(&err, WC_ERR_BUG, 0, "op without a usable instance");
        wc_process_finish(driver, op, rc, &err);
        return;
    }
    wc_inst_submit(wc_inst_get(driver, id), op);
}

void wc_process_submit(struct wc_driver *base, struct wc_op *op)
{
    struct wc_process *driver = (struct wc_process *)base;
    op->status = 0;
    op->err = (struct wc_err){ 0 };
    op->next = NULL;
    if (driver->closing) {
        wc_process_finish(driver, op, WC_ERR_CANCELLED, NULL);
        return;
    }
    switch (op->verb) {
    case WC_VERB_LIST:
        wc_begin_list(driver, op);
        return;
    case WC_VERB_NET_UP:
    case WC_VERB_NET_LOOK:
    case WC_VERB_NET_DOWN:
        begin_net(driver, op);
        return;
    case WC_VERB_VOLUME_REMOVE:
        wc_job_run(wc_job_new(driver, NULL, op), work_volume_remove, after_plain);
        return;
    case WC_VERB_CREATE:
    case WC_VERB_START:
    case WC_VERB_STOP:
    case WC_VERB_KILL:
    case WC_VERB_REMOVE:
    case WC_VERB_UPDATE:
    case WC_VERB_MEND:
    case WC_VERB_EXEC:
        submit_to_instance(driver, op);
        return;
    }
}

static void on_kick_closed(uv_handle_t *handle)
{
    struct wc_process *driver = handle->data;
    wc_driver_closed_fn *closed = driver->closed;
    void *data = driver->closed_data;
    struct wc_inst *inst;
    while ((inst = driver->insts) != NULL) {
        driver->insts = inst->next;
        wc_inst_clear_pid(inst);
        wc_arena_deinit(&inst->record_arena);
        wc_arena_deinit(&inst->arena);
        wc_free(inst);
    }
    reap_zombies(driver);
    wc_arena_deinit(&driver->arena);
    wc_sealed_deinit(&driver->sealed);
    if (driver->flavour != NULL)
        driver->flavour->close(driver->flavour_data);
    wc_free(driver->zombies);
    wc_free(driver->watches);
    wc_free(driver);
    closed(data);
}

static bool ops_under_way(const struct wc_process *driver)
{
    if (driver->n_jobs > 0 || driver->execs != NULL || driver->probes != NULL ||
        driver->ready_head != NULL)
        return true;
    for (const struct wc_inst *inst = driver->insts; inst != NULL; inst = inst->next)
        if (inst->op != NULL || inst->queue_head != NULL)
            return true;
    return false;
}

void wc_process_settle(struct wc_process *driver)
{
    if (!driver->closing || driver->kick_closed || ops_under_way(driver))
        return;
    for (struct wc_inst *inst = driver->insts; inst != NULL; inst = inst->next)
        wc_inst_unwatch(inst);
    wc_drift_close(driver);
    wc_netwatch_close(driver);
    if (driver->n_polls > 0)
        return;
    driver->kick_closed = true;
    uv_close((uv_handle_t *)&driver->kick, on_kick_closed);
}

void wc_process_close(struct wc_driver *base, wc_driver_closed_fn *closed, void *data)
{
    struct wc_process *driver = (struct wc_process *)base;
    driver->closing = true;
    driver->closed = closed;
    driver->closed_data = data;
    for (struct wc_inst *inst = driver->insts; inst != NULL; inst = inst->next) {
        struct wc_op *op;
        while ((op = inst->queue_head) != NULL) {
            inst->queue_head = op->next;
            wc_process_finish(driver, op, WC_ERR_CANCELLED, NULL);
        }
        inst->queue_tail = NULL;
    }
    wc_execs_cancel(driver);
    wc_probes_cancel(driver);
    kick_loop(driver);
}

const struct wc_driver_ops wc_process_ops = {
    .name = "process",
    .probe = probe,
    .open = open_driver,
    .check = wc_process_check,
    .submit = wc_process_submit,
    .close = wc_process_close,
};
