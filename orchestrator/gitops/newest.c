/* newest.c - what would come next, for people who want to see it first. */
#include "wcompose/gitops.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/paths.h"
#include "orchestrator/gitops/images.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/source.h"

int wc_gitops_newest(const struct wc_gitops_run *run, struct wc_arena *arena, const char **dir,
                     const char **name, struct wc_err *err)
{
    struct wc_app_source source = wc_gitops_source(run->app);
    /* A place of its own, anew each time: who only wants to see must not meet a pass at work, nor
     * leave it a commit whose history, which this has no use for, was not brought along. */
    const char *own =
        wc_arena_printf(arena, "%s/preview", wc_gitops_dir(run->paths, arena, run->app->name));
    struct wc_source_place place = { own, arena };
    struct wc_revision revision = { 0 };
    int rc = wc_app_source_check(&source, NULL, err);
    if (rc == 0)
        rc = wc_fs_remove_tree(own, err);
    if (rc == 0)
        rc = wc_app_source_look(&source, &place, &revision, err);
    if (rc == 0)
        rc = wc_app_source_fetch(&source, &place, NULL, &revision, err);
    if (rc == 0)
        rc = wc_app_source_checkout(&source, &place, &revision, dir, err);
    if (rc != 0)
        return wc_err_wrap(err, rc, "app %s", run->app->name);
    *name = revision.name;
    return 0;
}

int wc_gitops_newest_images(const struct wc_gitops_run *run, struct wc_project *project,
                            struct wc_arena *arena, struct wc_buf *wire, struct wc_err *err)
{
    struct wc_gitops_images images = wc_gitops_images_of(&run->app->images, project, arena);
    int rc = images.n > 0 ? wc_gitops_ask(run, &images, arena, err) : 0;
    if (rc == 0 && images.n > 0)
        run->ops->pin(run->ops->data, project, &images, wire);
    return rc;
}

/* A file of its own, not a fact of the record: who suspends must not wait for a pass that holds it.
 */
const char *wc_gitops_suspended_path(const char *dir, struct wc_arena *arena)
{
    return wc_arena_printf(arena, "%s/suspended", dir);
}

int wc_gitops_set_suspended(const struct wc_paths *paths, const char *app, bool suspended,
                            struct wc_err *err)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *dir = wc_gitops_dir(paths, &arena, app);
    const char *path = wc_gitops_suspended_path(dir, &arena);
    int rc = suspended ? wc_fs_mkdirs(dir, 0700, err) : 0;
    if (rc == 0 && suspended)
        rc = wc_fs_write_atomic(path, "", 0, 0600, true, err);
    else if (rc == 0)
        rc = wc_fs_remove_tree(path, err);
    wc_arena_deinit(&arena);
    return rc;
}
