/* notices.c - conditions that changed become messages. What people know of an app is on disk too,
 * so that a change which no agent saw is told by the next one.
 */
#include "orchestrator/gitops/agent_priv.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"

static bool differs(const struct wc_gitops_condition *a, const struct wc_gitops_condition *b)
{
    return a->status != b->status || !wc_streq(a->reason, b->reason);
}

void wc_agent_recall(struct wc_loop_app *app)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const char *dir = wc_gitops_dir(app->loop->config->paths, &arena, app->name);
    wc_told_sweep(dir);
    app->has_told = wc_told_read(dir, app->known);
    wc_arena_deinit(&arena);
}

static void on_told(void *data, const struct wc_err *err)
{
    if (err->code != 0)
        wc_agent_say(data, "notify: %s", err->msg);
}

/* Writes down what was told, behind the messages; without it the next agent would tell the same
 * again. */
static void remember(struct wc_loop_app *app, const struct wc_gitops_condition *now)
{
    struct wc_arena arena;
    wc_arena_init(&arena);
    const struct wc_outbox_for whom = { wc_gitops_dir(app->loop->config->paths, &arena, app->name),
                                        on_told, app->loop };
    wc_outbox_queue_told(&app->loop->outbox, &whom, now);
    wc_arena_deinit(&arena);
    app->has_told = true;
}

/* Reconciling comes and goes with every look; whoever wants it asks for the status. */
void wc_agent_notify(struct wc_loop_app *app, const struct wc_gitops_condition *now,
                     const char *revision)
{
    struct wc_gitops_loop *loop = app->loop;
    char id[WC_SHA256_HEX + 1];
    bool any = !app->has_told;
    if (loop->is_leaving)
        return; /* the next agent finds it */
    for (int i = 0; i < WC_GITOPS_CONDITIONS; i++) {
        if (i == WC_GITOPS_RECONCILING || !differs(&app->known[i], &now[i]))
            continue;
        WC_CLEANUP_BUF struct wc_buf body = WC_BUF_INIT;
        const struct wc_gitops_event event = { .type = (enum wc_gitops_condition_type)i,
                                               .now = now[i],
                                               .revision = revision };
        wc_gitops_event_id(app->name, &event, id);
        wc_gitops_event_json(app->name, &event, &body);
        for (size_t k = 0; k < loop->agent.n_notify; k++)
            wc_agent_post(loop, &loop->agent.notify[k], id, body.data);
        any = true;
    }
    if (any)
        remember(app, now);
}
