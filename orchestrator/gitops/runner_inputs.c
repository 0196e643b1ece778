/* runner_inputs.c - what holds while a pass is under way. It may wait for minutes, in which the
 * agent file changes: the file is read again then, as the agent does.
 */
#include "orchestrator/gitops/runner_priv.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "orchestrator/gitops/inputs.h"
#include "wcompose/diag.h"

/* What holds ------------------------------------------------------------------------------------*/

void wc_runner_look_around(struct wc_runner *r)
{
    const struct wc_agent_app *app = r->run->app;
    const char *suspended = wc_gitops_suspended_path(r->dir, r->arena);
    r->record.memory.is_suspended = wc_fs_exists(suspended);
    r->in.now_ms = wc_runner_now_ms();
    r->in.waits_for = wc_gitops_waits_for(r->run, r->arena);
    r->in.window_at_ms = wc_gitops_window_opens(app, r->in.now_ms);
}

static void take_settings(struct wc_runner *r)
{
    const struct wc_agent_app *app = r->run->app;
    r->source = wc_gitops_source(app);
    r->record.source = r->source.url;
    r->in.interval_ms = app->interval_ms;
    r->in.limit_ms = app->ready_ms;
    r->in.ask_ms = wc_agent_follows_images(&app->images) ? app->images.interval_ms : 0;
    r->in.suspend = app->suspend;
    r->in.repair = wc_streq(app->drift, "repair");
}

void wc_runner_prepare(struct wc_runner *r)
{
    if (r->run->file == NULL || stat(r->run->file, &r->file_was) != 0)
        r->file_was = (struct stat){ 0 };
    wc_gitops_inputs(r->run, r->inputs);
    r->place = (struct wc_source_place){ r->dir, r->arena };
    r->in = (struct wc_gitops_in){ .app = r->run->app->name,
                                   .inputs = r->inputs,
                                   .forced = r->run->is_forced };
    r->candidate.run = r->run;
    r->candidate.record = &r->record;
    r->candidate.arena = r->arena;
    r->candidate.inputs = r->inputs;
    if (r->run->allow_rewind)
        wc_gitops_forgive(&r->record.memory);
    take_settings(r);
    wc_runner_look_around(r);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* False: the file doesn't have the app any more. What is wrong with a file is the agent's to say;
 * what it said before holds. */
static bool read_again(struct wc_runner *r)
{
    struct stat now;
    struct wc_diags diags;
    struct wc_agent agent;
    if (r->run->file == NULL || stat(r->run->file, &now) != 0 || is_same_file(&now, &r->file_was))
        return true;
    r->file_was = now;
    wc_diags_init(&diags, r->arena);
    if (wc_agent_file_read(r->run->file, NULL, r->arena, &diags, &agent) != 0)
        return true;
    const struct wc_agent_app *app = wc_agent_app(&agent, r->run->app->name);
    if (app != NULL)
        r->own.app = app;
    return app != NULL;
}

bool wc_runner_is_stale(struct wc_runner *r)
{
    char inputs[WC_SHA256_HEX + 1];
    r->is_gone = !read_again(r);
    if (r->is_gone)
        return true;
    wc_gitops_inputs(r->run, inputs);
    if (!wc_streq(inputs, r->inputs))
        return true;
    take_settings(r);
    return false;
}
