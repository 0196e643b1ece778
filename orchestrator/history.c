/* history.c - the generations of a project, read from its journal, or from what versions before it
 * left. The supervisor is not asked: it may not run, and what it knows is in the file.
 */
#include "wcompose/history.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/paths.h"
#include "orchestrator/control.h"
#include "orchestrator/journal.h"
#include "orchestrator/ledger.h"
#include "wcompose/spec.h"

static bool replay(void *data, const struct wc_journal_record *record)
{
    return wc_ledger_apply(data, record->type, record->payload, record->len);
}

static void copy_row(const struct wc_ledger *ledger, const struct wc_generation *from,
                     struct wc_arena *arena, struct wc_history_row *row)
{
    *row = (struct wc_history_row){
        .number = from->number,
        .made_at_ms = from->made_at_ms,
        .ended_at_ms = from->ended_at_ms,
        .outcome = from->outcome,
        .in_force = from->number == ledger->in_force,
        .was_stable = from->stable_at_ms != 0,
        .restores = from->restores,
        .source = wc_arena_strdup(arena, from->source),
        .reason = wc_arena_strdup(arena, from->reason),
        .len = from->len,
    };
    char *text = wc_arena_alloc(arena, from->len + 1);
    memcpy(text, from->text, from->len);
    row->text = text;
}

static void copy_all(const struct wc_ledger *ledger, struct wc_arena *arena, struct wc_history *out)
{
    const struct wc_generation *back = wc_ledger_last_stable(ledger);
    *out = (struct wc_history){ .n = ledger->n_generations };
    out->rows = WC_NEW_ARRAY(arena, struct wc_history_row, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        copy_row(ledger, &ledger->generations[i], arena, &out->rows[i]);
        if (out->rows[i].in_force)
            out->in_force = &out->rows[i];
        if (back == &ledger->generations[i])
            out->back = &out->rows[i];
    }
}

static void copy_rollouts(const struct wc_ledger *ledger, struct wc_arena *arena,
                          struct wc_history *out)
{
    out->n_rollouts = ledger->n_rollouts;
    out->rollouts = WC_NEW_ARRAY(arena, struct wc_rollout_row, out->n_rollouts + 1);
    for (size_t i = 0; i < out->n_rollouts; i++) {
        out->rollouts[i] = ledger->rollouts[i];
        out->rollouts[i].service = wc_arena_strdup(arena, ledger->rollouts[i].service);
        out->rollouts[i].reason = wc_arena_strdup(arena, ledger->rollouts[i].reason);
    }
}

/* A project that was last looked after by a version without a journal has one generation. */
static int read_old(const char *dir, struct wc_arena *arena, struct wc_history *out,
                    struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int rc =
        wc_fs_read(wc_arena_printf(arena, "%s/spec.json", dir), WC_CONTROL_BODY_MAX, &text, err);
    if (rc != 0)
        return rc;
    *out = (struct wc_history){ .rows = WC_NEW(arena, struct wc_history_row), .n = 1 };
    char *copy = wc_arena_alloc(arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    *out->rows = (struct wc_history_row){
        .number = 1,
        .outcome = WC_OUTCOME_STABLE,
        .in_force = true,
        .was_stable = true,
        .text = copy,
        .len = text.len,
    };
    out->in_force = out->rows;
    return 0;
}

int wc_history_read(const struct wc_paths *paths, const char *project, struct wc_arena *arena,
                    struct wc_history *out, struct wc_err *err)
{
    const char *dir = wc_paths_project_lib(paths, arena, project);
    struct wc_ledger ledger = { 0 };
    int rc = wc_journal_read(NULL, dir, replay, &ledger, err);
    if (rc == 0) {
        copy_all(&ledger, arena, out);
        copy_rollouts(&ledger, arena, out);
    }
    wc_ledger_deinit(&ledger);
    if (rc == WC_ERR_NOENT)
        rc = read_old(dir, arena, out, err);
    if (rc == WC_ERR_NOENT)
        return wc_err_set(err, rc, 0, "nothing is known of '%s': 'wcompose up' begins a history",
                          project);
    return rc;
}

const struct wc_history_row *wc_history_row(const struct wc_history *history, uint64_t number)
{
    for (size_t i = 0; i < history->n; i++)
        if (history->rows[i].number == number)
            return &history->rows[i];
    return NULL;
}

int wc_history_model(const struct wc_history_row *row, struct wc_arena *arena,
                     const struct wc_project **out, struct wc_err *err)
{
    struct wc_diags diags;
    wc_diags_init(&diags, arena);
    struct wc_spec_options options = { .cwd = "/",
                                       .canonical = true,
                                       .leaves_sealed = true, /* a history has no use for values */
                                       .text = row->text,
                                       .text_len = row->len };
    struct wc_project *model = NULL;
    int rc = wc_spec_load(&options, arena, &diags, &model);
    if (rc != 0)
        return wc_err_set(err, rc, 0, "generation %llu can't be read: %s",
                          (unsigned long long)row->number,
                          diags.n > 0 ? diags.items[0].msg : "no reason given");
    *out = model;
    return 0;
}
