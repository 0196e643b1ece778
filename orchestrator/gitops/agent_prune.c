/* agent_prune.c - after a change of the file, apps that it no longer has are looked for, by a
 * process of its own that reads the file again.
 *
 * Not at once: whoever writes a file in place has it half-written and valid for a moment, and a few
 * seconds of an app that runs on cost nothing.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <signal.h>

enum { SETTLE_MS = 5000, AGAIN_MS = 60000 };

static void on_timer(uv_timer_t *timer);

static void later(struct wc_gitops_loop *loop, uint64_t pause_ms)
{
    if (!loop->is_leaving && loop->agent.prune_apps)
        uv_timer_start(&loop->prune_timer, on_timer, pause_ms, 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_gitops_loop *loop = handle->data;
    loop->is_pruning = false;
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct wc_gitops_loop *loop = process->data;
    if (status != 0 || signal != 0) /* a pass over it is under way, say */
        later(loop, AGAIN_MS);
    uv_close((uv_handle_t *)process, on_closed);
}

static void start(struct wc_gitops_loop *loop)
{
    char *args[] = { (char *)"wcompose",         (char *)"reconcile", (char *)"--agent-file",
                     (char *)loop->config->file, (char *)"prune",     NULL };
    loop->pruner.data = loop;
    loop->is_pruning = true;
    int rc = wc_agent_spawn(loop, &loop->pruner, args, on_exit);
    if (rc == 0)
        return;
    wc_agent_say(loop, "apps that are gone can't be looked for: %s", uv_strerror(rc));
    uv_close((uv_handle_t *)&loop->pruner, on_closed);
    later(loop, AGAIN_MS);
}

static void on_timer(uv_timer_t *timer)
{
    struct wc_gitops_loop *loop = timer->data;
    if (loop->is_pruning)
        later(loop, SETTLE_MS);
    else
        start(loop);
}

void wc_agent_prune(struct wc_gitops_loop *loop)
{
    if (loop->agent.prune_apps)
        later(loop, SETTLE_MS);
    else
        uv_timer_stop(&loop->prune_timer);
}

void wc_agent_prune_close(struct wc_gitops_loop *loop)
{
    uv_close((uv_handle_t *)&loop->prune_timer, NULL);
    if (loop->is_pruning && !uv_is_closing((uv_handle_t *)&loop->pruner))
        uv_process_kill(&loop->pruner, SIGTERM);
}
