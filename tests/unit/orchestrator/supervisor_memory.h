/* supervisor_memory.h - what the supervisor of supervisor_host.h has on disk. */
#ifndef TESTS_UNIT_ORCHESTRATOR_SUPERVISOR_MEMORY_H
#define TESTS_UNIT_ORCHESTRATOR_SUPERVISOR_MEMORY_H

#include "supervisor_host.h"

#include "orchestrator/journal.h"
#include "orchestrator/ledger.h"
#include "wcompose/history.h"

static inline bool replay_record(void *data, const struct wc_journal_record *record)
{
    return wc_ledger_apply(data, record->type, record->payload, record->len);
}

/* What a successor would find. */
static inline struct wc_ledger read_ledger(struct host *host)
{
    struct wc_err err = { 0 };
    struct wc_ledger ledger = { 0 };
    const char *dir = wc_paths_project_lib(&host->paths, &host->arena, "shop");
    int rc = wc_journal_read(NULL, dir, replay_record, &ledger, &err);
    if (rc != 0 && rc != WC_ERR_NOENT)
        fail_msg("%s", err.msg);
    return ledger;
}

static inline size_t count_asks(struct host *host)
{
    struct wc_ledger ledger = read_ledger(host);
    size_t n = ledger.n_asks;
    wc_ledger_deinit(&ledger);
    return n;
}

static inline struct wc_history read_history(struct host *host)
{
    struct wc_err err = { 0 };
    struct wc_history history;
    if (wc_history_read(&host->paths, "shop", &host->arena, &history, &err) != 0)
        fail_msg("%s", err.msg);
    return history;
}

/* Waits until nothing is under way any more, by the journal. */
static inline void wait_done(struct host *host)
{
    struct wc_client *client = open_client(host);
    struct wc_call ping = { .verb = WC_CALL_PING };
    for (int i = 0; i < 20000 && count_asks(host) > 0; i++) {
        ask_on(client, &ping);
        usleep(1000);
    }
    wc_client_close(client);
    assert_int_equal(count_asks(host), 0);
}

/* ---- writing what a predecessor wrote ---- */

static inline void tell_nothing(void *data, struct wc_journal *journal)
{
    (void)data, (void)journal;
}

struct past {
    struct wc_ledger ledger;
    struct wc_journal journal;
};

static inline void open_past(struct host *host, struct past *past)
{
    struct wc_err err = { 0 };
    *past = (struct past){ 0 };
    const struct wc_journal_config config = {
        .dir = wc_paths_project_lib(&host->paths, &host->arena, "shop"),
        .replay = replay_record,
        .snapshot = tell_nothing,
        .data = &past->ledger,
    };
    assert_int_equal(wc_fs_mkdirs(config.dir, 0700, &err), 0);
    assert_int_equal(wc_journal_open(&past->journal, &config, &err), 0);
}

static inline void write_past(struct past *past, enum wc_record type, const struct wc_buf *payload)
{
    assert_true(wc_ledger_apply(&past->ledger, type, payload->data, payload->len));
    wc_journal_add(&past->journal, (uint16_t)type, payload->data, payload->len);
}

static inline void close_past(struct past *past)
{
    struct wc_err err = { 0 };
    assert_int_equal(wc_journal_commit(&past->journal, &err), 0);
    wc_journal_deinit(&past->journal);
    wc_ledger_deinit(&past->ledger);
}

#endif
