/* own.c - rules are decoded by their rows, like services; what profiles say of the whole project is
 * settled here, as only the result is known behind this room.
 */
#include "spec/own.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/fields.h"

void wc_own_rules(struct wc_load *load, const struct wc_node *list, const struct wc_where *where,
                  struct wc_policy *out)
{
    if (list == NULL || list->kind != WC_NODE_LIST)
        return;
    out->rules = WC_NEW_ARRAY(load->arena, struct wc_rule, list->n + 1);
    for (size_t i = 0; i < list->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        const struct wc_node *item = list->items[i], *require = wc_node_get(item, "require");
        struct wc_rule *rule = &out->rules[out->n];
        *rule = (struct wc_rule){ .match.is_privileged = WC_TRI_UNSET };
        if (item->kind != WC_NODE_MAP)
            continue;
        wc_decode_section(load, &wc_table_rule, item, rule, &inner);
        rule->at = require != NULL ? require->at : item->at;
        out->n++;
    }
}

static void add_tenant(struct wc_load *load, struct wc_project *project, const char *tenant)
{
    if (tenant != NULL && tenant[0] != '\0' && !wc_strv_has(&project->tenants, tenant))
        wc_strv_add(load->arena, &project->tenants, tenant);
}

/* Those of inactive services too: a service's level must not depend on which others are asked for
 * just now, as those that were asked for before run on. */
static void collect_tenants(struct wc_load *load, const struct wc_node *root,
                            struct wc_project *project)
{
    const struct wc_node *services = wc_node_get(root, "services");
    for (size_t i = 0; i < project->n_services; i++)
        add_tenant(load, project, project->services[i].tenant);
    for (size_t i = 0; services != NULL && services->kind == WC_NODE_MAP && i < services->n; i++)
        add_tenant(load, project,
                   wc_node_text(wc_node_get(services->members[i].value, "x-wcompose"), "tenant"));
}

static void take(const struct wc_node *section, struct wc_project *project)
{
    const struct wc_node *production = wc_node_get(section, "production");
    const char *fallback = wc_node_text(section, "fallback");
    if (production != NULL && production->kind == WC_NODE_BOOL &&
        project->production != WC_TRI_TRUE)
        project->production = production->boolean ? WC_TRI_TRUE : WC_TRI_FALSE;
    if (fallback != NULL)
        project->may_raise = wc_streq(fallback, "stronger");
}

void wc_own_settle(struct wc_load *load, const struct wc_node *root, struct wc_project *project)
{
    static const struct wc_where top = { 0 };
    const struct wc_where own = { &top, "x-wcompose", { 0 }, 0, 0 };
    const struct wc_where where = { &own, "policy", { 0 }, 0, 0 };
    const struct wc_node *section = wc_node_get(root, "x-wcompose");
    const struct wc_node *profiles = wc_node_get(section, "profiles");
    project->production = WC_TRI_UNSET;
    take(section, project);
    for (size_t i = 0; i < load->profiles.n; i++)
        take(wc_node_get(profiles, load->profiles.items[i]), project);
    wc_own_rules(load, wc_node_get(section, "policy"), &where, &project->policy);
    collect_tenants(load, root, project);
}

void wc_own_places(struct wc_service *service, const struct wc_node *node)
{
    const struct wc_node *own = wc_node_get(node, "x-wcompose");
    const struct wc_node *trust = wc_node_get(own, "trust"), *tenant = wc_node_get(own, "tenant");
    if (trust != NULL)
        service->trust_at = trust->at;
    if (tenant != NULL)
        service->tenant_at = tenant->at;
}

struct wc_node *wc_own_canonical(struct wc_load *load, const struct wc_project *project,
                                 const struct wc_node *root)
{
    struct wc_node *policy = wc_node_get(wc_node_get(root, "x-wcompose"), "policy");
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    if (policy != NULL && policy->kind == WC_NODE_LIST && policy->n > 0)
        wc_node_put(load->arena, out, "policy", policy);
    if (project->production != WC_TRI_UNSET)
        wc_node_put(load->arena, out, "production",
                    wc_node_boolean(load->arena, project->production == WC_TRI_TRUE, NULL));
    if (project->may_raise)
        wc_node_put(load->arena, out, "fallback", wc_node_string(load->arena, "stronger", NULL));
    return out->n > 0 ? out : NULL;
}
