/* agent_inputs.c - files of the host that revisions are fetched and judged by: keys, signers, the
 * host's policy. A changed one makes its apps due. What can't be watched is found at the interval.
 *
 * Watched is the directory that a file is in; where there is none yet, the one that it will be made
 * in, and so on up.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

enum { FILES_MAX = 8, SETTLE_MS = 200 };

/* A directory on the way to at least one of them. */
struct wc_agent_inputs {
    uv_fs_event_t watch;
    struct wc_gitops_loop *loop;
    struct wc_agent_inputs *next;
    char dir[]; /* "" is the root */
};

static size_t files_of(const struct wc_gitops_loop *loop, const struct wc_agent_app *app,
                       const char *out[FILES_MAX])
{
    const struct wc_agent_source *s = &app->source;
    const char *const all[FILES_MAX] = { s->signers,         s->keyring,   s->ssh_key,
                                         s->ssh_known_hosts, s->ca_file,   loop->policy,
                                         s->token_file,      app->age_file };
    size_t n = 0;
    for (size_t i = 0; i < FILES_MAX; i++)
        if (all[i] != NULL && all[i][0] == '/')
            out[n++] = all[i];
    return n;
}

static bool is_own_name(const char *dir, const char *name)
{
    const char *own = strrchr(dir, '/');
    return own != NULL && name != NULL && wc_streq(own + 1, name);
}

/* True when the way to the file leads through what has that name in the directory. Of no name, or
 * of the directory's own, when it leads through the directory: that itself is another one now. */
static bool leads_through(const char *path, const char *dir, const char *name)
{
    size_t len = strlen(dir);
    if (strncmp(path, dir, len) != 0 || path[len] != '/')
        return false;
    const char *next = path + len + 1;
    size_t next_len = strcspn(next, "/");
    return name == NULL || is_own_name(dir, name) ||
           (strlen(name) == next_len && memcmp(next, name, next_len) == 0);
}

static void on_changed(uv_fs_event_t *watch, const char *name, int events, int status);

static void on_closed(uv_handle_t *handle)
{
    wc_free(handle->data);
}

/* The directory isn't at its place any more. */
static void forget(struct wc_agent_inputs *inputs)
{
    struct wc_agent_inputs **at = &inputs->loop->inputs;
    while (*at != inputs)
        at = &(*at)->next;
    *at = inputs->next;
    uv_close((uv_handle_t *)&inputs->watch, on_closed);
}

static bool is_watched(const struct wc_gitops_loop *loop, const char *dir)
{
    for (const struct wc_agent_inputs *at = loop->inputs; at != NULL; at = at->next)
        if (wc_streq(at->dir, dir))
            return true;
    return false;
}

static int watch_dir(struct wc_gitops_loop *loop, const char *dir)
{
    size_t len = strlen(dir);
    struct wc_agent_inputs *inputs = wc_calloc(1, sizeof *inputs + len + 1);
    memcpy(inputs->dir, dir, len);
    inputs->loop = loop;
    uv_fs_event_init(&loop->uv, &inputs->watch);
    inputs->watch.data = inputs;
    int rc = uv_fs_event_start(&inputs->watch, on_changed, len > 0 ? dir : "/", 0);
    if (rc != 0) {
        uv_close((uv_handle_t *)&inputs->watch, on_closed);
        return rc;
    }
    inputs->next = loop->inputs;
    loop->inputs = inputs;
    return 0;
}

/* The directory, or what there is on the way to it. */
static void watch_for(struct wc_gitops_loop *loop, const char *path)
{
    char dir[4096];
    if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
        return;
    for (char *slash = strrchr(dir, '/'); slash != NULL; slash = strrchr(dir, '/')) {
        *slash = '\0';
        if (is_watched(loop, dir))
            return;
        int rc = watch_dir(loop, dir);
        if (rc != UV_ENOENT && rc != UV_ENOTDIR)
            return;
    }
}

/* What is watched already stays so: what happens meanwhile is told of. */
static void watch_missing(struct wc_gitops_loop *loop)
{
    const char *files[FILES_MAX];
    for (size_t i = 0; i < loop->agent.n_apps; i++) {
        size_t n = files_of(loop, &loop->agent.apps[i], files);
        for (size_t k = 0; k < n; k++)
            watch_for(loop, files[k]);
    }
}

static void on_settled(uv_timer_t *timer)
{
    struct wc_gitops_loop *loop = timer->data;
    watch_missing(loop); /* before they are read: no change is missed */
    for (size_t i = 0; i < loop->n_apps; i++) {
        if (loop->apps[i]->is_listed && loop->apps[i]->has_new_inputs)
            wc_agent_tell(loop->apps[i]);
        loop->apps[i]->has_new_inputs = false;
    }
    wc_agent_pump(loop);
}

static void on_changed(uv_fs_event_t *watch, const char *name, int events, int status)
{
    struct wc_agent_inputs *inputs = watch->data;
    struct wc_gitops_loop *loop = inputs->loop;
    const char *files[FILES_MAX];
    bool any = false;
    (void)events;
    for (size_t i = 0; status == 0 && i < loop->agent.n_apps; i++) {
        struct wc_loop_app *app = wc_agent_find(loop, loop->agent.apps[i].name);
        size_t n = files_of(loop, &loop->agent.apps[i], files);
        for (size_t k = 0; app != NULL && k < n; k++)
            if (leads_through(files[k], inputs->dir, name))
                app->has_new_inputs = any = true;
    }
    if (status == 0 && is_own_name(inputs->dir, name))
        forget(inputs);
    if (any)
        uv_timer_start(&loop->inputs_timer, on_settled, SETTLE_MS, 0);
}

void wc_agent_inputs_close(struct wc_gitops_loop *loop)
{
    for (struct wc_agent_inputs *at = loop->inputs, *next; at != NULL; at = next) {
        next = at->next;
        uv_close((uv_handle_t *)&at->watch, on_closed);
    }
    loop->inputs = NULL;
}

void wc_agent_inputs_watch(struct wc_gitops_loop *loop)
{
    wc_agent_inputs_close(loop);
    watch_missing(loop);
}
