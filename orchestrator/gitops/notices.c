/* notices.c - conditions that changed become messages. What people know of an app is on disk too,
 * so that a change which no agent saw is told by the next one.
 */
#include "orchestrator/gitops/agent_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"

static void make_body(const struct wc_loop_app *app, enum wc_gitops_condition_type type,
                      const struct wc_gitops_condition *now, const char *revision,
                      char id[WC_SHA256_HEX + 1], struct wc_buf *out)
{
    WC_CLEANUP_BUF struct wc_buf seed = WC_BUF_INIT;
    char at[32];
    const char *name = wc_gitops_condition_name(type);
    struct wc_jsonw w = WC_JSONW_INIT(out);
    wc_buf_printf(&seed, "%s %s %s %s %lld", app->name, name, wc_gitops_truth_name(now->status),
                  now->reason, (long long)now->since_ms);
    wc_sha256_hex(seed.data, seed.len, id);
    wc_time_rfc3339(now->since_ms, at, sizeof at);
    wc_jsonw_object(&w, NULL);
    wc_jsonw_i64(&w, "v", 1);
    wc_jsonw_str(&w, "id", id);
    wc_jsonw_str(&w, "app", app->name);
    wc_jsonw_str(&w, "condition", name);
    wc_jsonw_str(&w, "status", wc_gitops_truth_name(now->status));
    wc_jsonw_str(&w, "reason", now->reason);
    wc_jsonw_str(&w, "message", now->message);
    wc_jsonw_str(&w, "revision", revision);
    wc_jsonw_str(&w, "at", at);
    wc_jsonw_end_object(&w);
}

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
        make_body(app, (enum wc_gitops_condition_type)i, &now[i], revision, id, &body);
        for (size_t k = 0; k < loop->agent.n_notify; k++)
            wc_agent_post(loop, &loop->agent.notify[k], id, body.data);
        any = true;
    }
    if (any)
        remember(app, now);
}
