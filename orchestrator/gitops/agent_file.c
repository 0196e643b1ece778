/* agent_file.c - the agent's file while it runs: apps come, go, and change. A wrong file changes
 * nothing; what it said before holds. */
#include "orchestrator/gitops/agent_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "wcompose/diag.h"

/* Watching sources ------------------------------------------------------------------------------*/

static void on_changed(void *data)
{
    struct wc_loop_app *app = data;
    wc_agent_tell(app);
    wc_agent_pump(app->loop);
}

static void on_partial(void *data, const char *root, const char *why)
{
    struct wc_loop_app *app = data;
    wc_agent_say(app->loop,
                 "%s: not all of %s is watched, the rest is looked at at its interval: %s",
                 app->name, root, why);
}

static void on_unwatched(void *data)
{
    struct wc_loop_app *app = data;
    app->n_handles--;
    wc_agent_release(app);
}

void wc_agent_unwatch(struct wc_loop_app *app)
{
    if (app->watch != NULL)
        wc_tree_watch_close(app->watch);
    app->watch = NULL;
}

/* A directory, or a file, is a source that tells of changes itself. What it was watched for before
 * the file changed is no longer of interest. */
static void watch_source(struct wc_loop_app *app, const struct wc_agent_app *settings)
{
    const char *file = settings->source.file, *slash = file != NULL ? strrchr(file, '/') : NULL;
    char dir[4096];
    struct wc_tree_watch_config config = {
        .root = settings->source.directory,
        .changed = on_changed,
        .partial = on_partial,
        .closed = on_unwatched,
        .data = app,
    };
    if (slash != NULL) {
        snprintf(dir, sizeof dir, "%.*s", slash == file ? 1 : (int)(slash - file), file);
        config.root = dir;
        config.only = slash + 1;
    }
    if (app->watch != NULL &&
        (config.root == NULL || !wc_tree_watch_is_of(app->watch, config.root, config.only)))
        wc_agent_unwatch(app);
    if (app->watch != NULL || config.root == NULL)
        return;
    app->n_handles++;
    app->watch = wc_tree_watch_open(&app->loop->uv, &config);
}

static struct wc_loop_app *add_app(struct wc_gitops_loop *loop, const char *name)
{
    struct wc_loop_app *app = wc_calloc(1, sizeof *app);
    app->loop = loop;
    app->name = wc_strdup(name);
    wc_agent_recall(app);
    loop->apps = wc_realloc(loop->apps, loop->n_apps + 1, sizeof *loop->apps);
    loop->apps[loop->n_apps++] = app;
    return app;
}

static struct wc_loop_app *find_any(const struct wc_gitops_loop *loop, const char *name)
{
    for (size_t i = 0; i < loop->n_apps; i++)
        if (wc_streq(loop->apps[i]->name, name))
            return loop->apps[i];
    return NULL;
}

/* What it runs goes on running, unless the file wants such apps gone (agent_prune.c). */
static void drop_app(struct wc_loop_app *app)
{
    wc_agent_say(app->loop, "%s is no longer in the file%s", app->name,
                 app->loop->agent.prune_apps ? "" : ": what of it runs is left alone");
    app->is_listed = app->is_due = false;
    wc_agent_unwatch(app);
    wc_agent_unheed(app);
    wc_agent_release(app);
}

static void settle_apps(struct wc_gitops_loop *loop)
{
    for (size_t i = loop->n_apps; i-- > 0;)
        if (loop->apps[i]->is_listed && wc_agent_app(&loop->agent, loop->apps[i]->name) == NULL)
            drop_app(loop->apps[i]);
    for (size_t i = 0; i < loop->agent.n_apps; i++) {
        const struct wc_agent_app *settings = &loop->agent.apps[i];
        struct wc_loop_app *app = find_any(loop, settings->name);
        if (app == NULL)
            app = add_app(loop, settings->name);
        app->is_listed = true;
        watch_source(app, settings);
        wc_agent_tell(app); /* its settings may be others now */
    }
}

/* What would fail at the first call or message is said when it can still be mended. */
static void check_secret(struct wc_gitops_loop *loop, const char *what, const char *path)
{
    WC_CLEANUP_BUF struct wc_buf bytes = WC_BUF_INIT;
    struct wc_err err = { 0 };
    if (path == NULL)
        return;
    if (wc_fs_read_secret(path, WC_AGENT_KEY_MAX, &bytes, &err) != 0)
        wc_agent_say(loop, "%s: %s", what, err.msg);
    if (bytes.cap > 0)
        explicit_bzero(bytes.data, bytes.cap);
}

static void check_secrets(struct wc_gitops_loop *loop)
{
    check_secret(loop, "webhook", loop->agent.webhook_secret_file);
    for (size_t i = 0; i < loop->agent.n_notify; i++)
        check_secret(loop, "notify", loop->agent.notify[i].secret_file);
}

int wc_agent_reload(struct wc_gitops_loop *loop)
{
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_agent agent;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    int rc = wc_agent_file_read(loop->config->file, NULL, &arena, &diags, &agent);
    wc_diags_sort(&diags);
    if (diags.n > 0)
        loop->config->report(loop->config->data, &diags);
    if (rc != 0) {
        wc_agent_say(loop, "%s can't be used; what it said before holds", loop->config->file);
        wc_arena_deinit(&arena);
        return rc;
    }
    wc_arena_deinit(&loop->arena);
    loop->arena = arena;
    loop->agent = agent;
    loop->policy = wc_paths_policy(loop->config->paths, &loop->arena);
    check_secrets(loop);
    settle_apps(loop);
    wc_agent_inputs_watch(loop);
    wc_agent_hook(loop);
    wc_agent_notify_again(loop);
    wc_agent_prune(loop);
    return 0;
}
