/* tidy.c - what is no longer needed of an app's sources. What is needed is read out of the texts
 * themselves, which name every file that is mounted: a list beside them could be wrong. */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/history.h"
#include "wcompose/source.h"

/* Adds each "<dir>/files/<id>/<name>" that a text names. In JSON a path ends at a quote; what is
 * escaped in a name doesn't matter, as what is kept is the id's directory. */
static void add_used(const char *text, const char *prefix, struct wc_arena *arena,
                     struct wc_strv *out)
{
    for (const char *at = text; text != NULL && (at = strstr(at, prefix)) != NULL;) {
        size_t len = strcspn(at, "\"");
        const char *path = wc_arena_strndup(arena, at, len);
        if (!wc_strv_has(out, path))
            wc_strv_add(arena, out, path);
        at += len;
    }
}

static void keep_trees(const struct wc_gitops_record *record, struct wc_arena *arena,
                       struct wc_strv *out)
{
    const struct wc_gitops_named *all[] = { &record->seen, &record->attempt, &record->good };
    for (size_t i = 0; i < WC_COUNT(all); i++)
        if (all[i]->tree != NULL)
            wc_strv_add(arena, out, all[i]->tree);
}

void wc_gitops_tidy(const struct wc_gitops_run *run, const struct wc_gitops_record *record,
                    struct wc_arena *arena)
{
    struct wc_app_source source = wc_gitops_source(run->app);
    struct wc_source_place place = { wc_gitops_dir(run->paths, arena, run->app->name), arena };
    const char *prefix = wc_arena_printf(arena, "%s/files/", place.dir);
    struct wc_strv trees = { 0 }, used = { 0 };
    struct wc_history history;
    struct wc_err none = { 0 };
    keep_trees(record, arena, &trees);
    (void)wc_app_source_tidy(&source, &place, &trees, &none);
    if (wc_history_read(run->paths, run->app->name, arena, &history, &none) != 0)
        return; /* what it names isn't known */
    for (size_t i = 0; i < history.n; i++)
        add_used(history.rows[i].text, prefix, arena, &used);
    add_used(record->good_text, prefix, arena, &used);
    add_used(record->attempt_text, prefix, arena, &used);
    (void)wc_content_tidy(&place, &used, &none);
}
