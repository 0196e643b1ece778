/* supervisor_state.c - the supervisor's journal: opening it, writing to it, forgetting.
 *
 * The ledger is changed by the same records that are written, so what we believe and what a
 * successor will read can't differ. kill -9 needs the write only; a power cut needs the sync, which
 * the journal sees to on the thread pool while the engine already works.
 */
#include "orchestrator/supervisor_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

enum { RETRY_MS = 1000 };

/* ---- records ---- */

void wc_sup_record(struct wc_supervisor *sup, enum wc_record type, const struct wc_buf *payload)
{
    if (!wc_ledger_apply(&sup->ledger, type, payload->data, payload->len))
        wc_log(WC_LOG_ERROR, "supervisor", "our own record of type %d is not understood", type);
    wc_journal_add(&sup->journal, (uint16_t)type, payload->data, payload->len);
}

static void on_retry(uv_timer_t *timer)
{
    struct wc_supervisor *sup = timer->data;
    struct wc_err err;
    if (wc_journal_commit(&sup->journal, &err) == 0 && sup->journal.failed.code == 0)
        uv_timer_stop(timer);
}

/* Clients of calls under way hear of it; the journal logs it. */
static void warn(struct wc_supervisor *sup)
{
    char text[256];
    snprintf(text, sizeof text, "state is kept in memory only: %.200s", sup->journal.failed.msg);
    const struct wc_event event = { .type = WC_EVENT_LOG,
                                    .action = "warning",
                                    .wall_ms = wc_sup_wall_ms(sup),
                                    .project = sup->config.project,
                                    .reason = text };
    wc_sup_on_event(sup, &event);
}

void wc_sup_watch_journal(struct wc_supervisor *sup)
{
    bool is_retried = uv_is_active((uv_handle_t *)&sup->retry) != 0;
    if (sup->journal.failed.code == 0 || sup->journal.refused || is_retried ||
        sup->phase == WC_SUP_ENDING)
        return;
    warn(sup);
    uv_timer_start(&sup->retry, on_retry, RETRY_MS, RETRY_MS);
}

int wc_sup_commit(struct wc_supervisor *sup, struct wc_err *err)
{
    int rc = wc_fs_mkdirs(sup->lib_dir, 0700, err);
    if (rc == 0)
        rc = wc_journal_commit(&sup->journal, err);
    wc_sup_watch_journal(sup);
    if (rc != 0 && sup->journal.refused)
        warn(sup);
    return rc != 0 ? wc_err_wrap(err, rc, "store the project's state") : 0;
}

/* ---- opening ---- */

static bool replay(void *data, const struct wc_journal_record *record)
{
    struct wc_supervisor *sup = data;
    return wc_ledger_apply(&sup->ledger, record->type, record->payload, record->len);
}

static void put_record(void *data, enum wc_record type, const struct wc_buf *payload)
{
    wc_journal_add(data, (uint16_t)type, payload->data, payload->len);
}

static void tell(void *data, struct wc_journal *journal)
{
    const struct wc_supervisor *sup = data;
    wc_ledger_tell(&sup->ledger, put_record, journal);
}

int wc_sup_open_state(struct wc_supervisor *sup, struct wc_err *err)
{
    const struct wc_journal_config config = {
        .loop = sup->config.loop,
        .dir = sup->lib_dir,
        .disk = sup->config.disk,
        .replay = replay,
        .snapshot = tell,
        .data = sup,
    };
    int rc = wc_journal_open(&sup->journal, &config, err);
    if (rc == 0 && sup->journal.last_seq == 0)
        wc_sup_migrate(sup);
    return rc;
}

/* ---- forgetting ---- */

void wc_sup_forget(struct wc_supervisor *sup)
{
    wc_journal_remove(&sup->journal);
    wc_sup_drop_old_files(sup);
    wc_ledger_deinit(&sup->ledger);
    sup->newest_apply = 0; /* asks are counted anew */
    sup->is_settled = false;
}

/* Removes the project's directories when nothing is left in them; true when the project is gone. */
static bool remove_lib(struct wc_supervisor *sup)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/instances", sup->lib_dir);
    rmdir(path);
    return rmdir(sup->lib_dir) == 0 || errno == ENOENT;
}

void wc_sup_remove_empty(struct wc_supervisor *sup)
{
    if (!remove_lib(sup)) {
        wc_sup_unlock(sup->run_dir, sup->lock_fd, false);
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/instances", sup->run_dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/supervisor.log", sup->run_dir);
    unlink(path);
    int spawn = wc_sup_spawn_lock(sup->run_dir, false);
    if (spawn >= 0) { /* else a client waits for our successor, which will remove it */
        snprintf(path, sizeof path, "%s/spawn.lock", sup->run_dir);
        unlink(path);
        close(spawn);
    }
    wc_sup_unlock(sup->run_dir, sup->lock_fd, true);
    rmdir(sup->run_dir);
}
