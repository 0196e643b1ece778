/* events.c - what keepers say, and what it means when they say nothing more.
 *
 * A keeper's socket ends when the keeper does. Until then an instance that exited is still being
 * cleaned up by the runtime, which matters to REMOVE only. A running instance whose keeper died
 * goes on; its own pidfd is watched instead.
 */
#include "drivers/process/process.h"

#include <stdio.h>
#include <unistd.h>

#include "drivers/process/keeper_link.h"

static bool is_starting(const struct wc_inst *inst)
{
    return inst->stage == WC_STAGE_CREATED || inst->stage == WC_STAGE_RUNNING;
}

static void on_link_closed(uv_handle_t *handle)
{
    struct wc_inst *inst = handle->data;
    struct wc_process *driver = inst->driver;
    inst->closing = false;
    driver->n_polls--;
    if (inst->link >= 0)
        close(inst->link);
    inst->link = -1;
    if (inst->keeper > 0)
        wc_process_reap(driver, inst->keeper);
    inst->keeper = 0;
    if (driver->closing && inst->op == NULL) {
        wc_process_settle(driver);
        return;
    }
    if (is_starting(inst)) { /* begun while the connection was on its way out */
        snprintf(inst->why, sizeof inst->why, "the keeper is gone");
        inst->stage = WC_STAGE_FAILED;
    }
    if (inst->stage == WC_STAGE_FAILED)
        wc_on_start_failed(inst);
    else if (inst->stage == WC_STAGE_PARTING)
        wc_go_on_starting(inst);
    else if (inst->stage == WC_STAGE_ABORTED)
        wc_go_on_removing(inst);
    else if (inst->life == WC_LIFE_RUNNING || inst->life == WC_LIFE_CREATED)
        wc_begin_relook(inst);
    else
        wc_inst_next(inst);
    wc_process_settle(driver);
}

void wc_inst_unwatch(struct wc_inst *inst)
{
    if (!inst->polling)
        return;
    inst->polling = false;
    inst->closing = true;
    uv_poll_stop(&inst->link_poll);
    uv_close((uv_handle_t *)&inst->link_poll, on_link_closed);
}

void wc_inst_set_exited(struct wc_inst *inst, const struct wc_report *exit, bool known)
{
    wc_inst_clear_pid(inst);
    inst->life = WC_LIFE_EXITED;
    inst->exit_known = known;
    inst->earlier_boot = false;
    inst->exit = *exit;
}

static void on_exited(struct wc_inst *inst, const struct wc_report *report)
{
    if (inst->life == WC_LIFE_EXITED)
        return; /* the greeting of a keeper that is cleaning up */
    wc_inst_set_exited(inst, report, true);
    if (inst->stage == WC_STAGE_ABORTED)
        return;                            /* REMOVE goes on at the keeper's end */
    if (inst->stage == WC_STAGE_RUNNING) { /* killed from outside between created and running */
        struct wc_err err = { 0 };
        int rc = wc_err_set(&err, WC_ERR_FAILED, 0, "ended before it was started (exit code %d)",
                            report->code);
        wc_slot_release(inst);
        wc_inst_report(inst);
        wc_inst_finish(inst, rc, &err);
        return;
    }
    wc_inst_report(inst);
}

static void on_failed(struct wc_inst *inst, const struct wc_report *report)
{
    if (!is_starting(inst))
        return;
    snprintf(inst->why, sizeof inst->why, "%s", report->text);
    inst->stage = WC_STAGE_FAILED;
}

static void on_report(struct wc_inst *inst, const struct wc_report *report)
{
    switch (report->kind) {
    case WC_REPORT_CREATED:
        if (inst->stage == WC_STAGE_CREATED)
            wc_on_created(inst, report);
        return;
    case WC_REPORT_RUNNING:
        wc_on_running(inst, report);
        return;
    case WC_REPORT_EXITED:
        on_exited(inst, report);
        return;
    case WC_REPORT_FAILED:
        on_failed(inst, report);
        return;
    case WC_REPORT_NOTIFY:
        inst->notified = report->notified;
        snprintf(inst->notice, sizeof inst->notice, "%s", report->text);
        if (inst->life == WC_LIFE_RUNNING)
            wc_inst_report(inst);
        return;
    case WC_REPORT_NONE:
        return;
    }
}

/* The keeper is gone. What was under way has failed. */
static void on_end(struct wc_inst *inst)
{
    if (is_starting(inst))
        inst->stage = WC_STAGE_FAILED;
    wc_inst_unwatch(inst);
}

static void on_link(uv_poll_t *poll, int status, int events)
{
    struct wc_inst *inst = poll->data;
    struct wc_report report;
    int got = 1;
    (void)status;
    (void)events;
    if (inst->orphan) { /* its process ended */
        wc_inst_unwatch(inst);
        return;
    }
    while (inst->polling && (got = wc_keeper_receive(inst->link, &report)) > 0)
        on_report(inst, &report);
    if (inst->polling && got < 0)
        on_end(inst);
}

static void watch(struct wc_inst *inst, int fd)
{
    struct wc_process *driver = inst->driver;
    if (uv_poll_init(driver->loop, &inst->link_poll, fd) != 0)
        return;
    inst->link_poll.data = inst;
    inst->polling = true;
    driver->n_polls++;
    uv_poll_start(&inst->link_poll, UV_READABLE, on_link);
}

void wc_inst_watch_link(struct wc_inst *inst, int link)
{
    if (inst->polling || inst->closing) {
        if (link >= 0)
            close(link);
        return;
    }
    inst->orphan = link < 0;
    if (link >= 0) {
        inst->link = link;
        watch(inst, link);
    } else if (inst->life == WC_LIFE_RUNNING && inst->pidfd >= 0) {
        watch(inst, inst->pidfd);
    }
}
