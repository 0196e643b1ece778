/* agent_file.c - the agent file: rows decode it, agent_check.c compares. */
#include "wcompose/agent.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/agent_check.h"
#include "spec/fields.h"
#include "spec/host_file.h"

enum { DEFAULT_RUNNERS = 16, MAX_RUNNERS = 64 };

static void take_apps(struct wc_load *load, const struct wc_node *apps, struct wc_agent *out)
{
    static const struct wc_where top = { 0 };
    if (apps == NULL || apps->kind != WC_NODE_MAP)
        return;
    out->apps = WC_NEW_ARRAY(load->arena, struct wc_agent_app, apps->n + 1);
    for (size_t i = 0; i < apps->n; i++) {
        const struct wc_member *m = &apps->members[i];
        const struct wc_where list = { &top, "apps", { 0 }, 0, 0 };
        const struct wc_where where = { &list, m->key, m->key_at, m->key_span, 0 };
        struct wc_agent_app *app = &out->apps[out->n_apps++];
        app->name = m->key;
        app->at = m->key_at;
        if (m->value->kind == WC_NODE_MAP) {
            wc_decode_section(load, &wc_table_agent_app, m->value, app, &where);
            wc_agent_check_app(load, m, app);
        } else if (m->value->kind == WC_NODE_NULL) {
            wc_report_at(load, WC_E_MISSING, m->key_at, m->key_span, "app '%s' needs a source",
                         m->key);
        }
    }
    wc_agent_check_deps(load, out, apps);
}

static void take_notify(struct wc_load *load, const struct wc_node *list, struct wc_agent *out)
{
    static const struct wc_where top = { 0 };
    if (list == NULL || list->kind != WC_NODE_LIST)
        return;
    out->notify = WC_NEW_ARRAY(load->arena, struct wc_agent_notify, list->n + 1);
    for (size_t i = 0; i < list->n; i++) {
        const struct wc_where where = { &top, "notify", { 0 }, 0, i + 1 };
        struct wc_agent_notify *notify = &out->notify[out->n_notify];
        if (list->items[i]->kind != WC_NODE_MAP)
            continue;
        wc_decode_section(load, &wc_table_agent_notify, list->items[i], notify, &where);
        wc_agent_check_notify(load, list->items[i], notify);
        out->n_notify++;
    }
}

static void take(struct wc_load *load, const struct wc_node *root, struct wc_agent *out)
{
    static const struct wc_where top = { 0 };
    const struct wc_node *webhook = wc_node_get(root, "webhook");
    const struct wc_node *runners = wc_node_get(root, "runners");
    wc_decode_section(load, &wc_table_agent, root, out, &top);
    take_apps(load, wc_node_get(root, "apps"), out);
    take_notify(load, wc_node_get(root, "notify"), out);
    if (webhook != NULL && webhook->kind == WC_NODE_MAP)
        wc_agent_check_webhook(load, webhook, out);
    if (runners != NULL && (out->runners < 1 || out->runners > MAX_RUNNERS))
        wc_report(load, WC_E_VALUE, runners, "runners must be from 1 to %d", MAX_RUNNERS);
}

int wc_agent_file_read(const char *path, const struct wc_spec_access *access,
                       struct wc_arena *arena, struct wc_diags *diags, struct wc_agent *out)
{
    const struct wc_spec_options options = { .cwd = "/", .access = access };
    struct wc_load load = wc_load_begin(&options, arena, diags);
    struct wc_node *root;
    struct wc_agent agent = { .runners = DEFAULT_RUNNERS };
    size_t before = diags->n_errors;
    int rc = wc_host_file_read(&load, path, "the agent file", &wc_table_agent, &root);
    if (rc != 0)
        return rc;
    if (root != NULL)
        take(&load, root, &agent);
    if (diags->n_errors != before)
        return WC_ERR_SPEC;
    *out = agent;
    return 0;
}

const struct wc_agent_app *wc_agent_app(const struct wc_agent *agent, const char *name)
{
    for (size_t i = 0; i < agent->n_apps; i++)
        if (wc_streq(agent->apps[i].name, name))
            return &agent->apps[i];
    return NULL;
}
