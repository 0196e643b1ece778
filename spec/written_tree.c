/* written_tree.c - the tree that `config --no-interpolate` prints.
 *
 * docker compose prints a model there that nothing was selected from and nothing was decoded: all
 * services whatever their profiles, all networks, false and 0 as well as true; and completes it by
 * what the files imply, as far as that can be told without values.
 */
#include "spec/written.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/objects.h"
#include "spec/types.h"

static struct wc_node *text_node(struct wc_load *load, const char *text, const struct wc_node *like)
{
    return wc_node_string(load->arena, text, like);
}

static void put_missing(struct wc_load *load, struct wc_node *map, const char *key,
                        struct wc_node *value)
{
    if (wc_node_member(map, key) == NULL)
        wc_node_put(load->arena, map, key, value);
}

/* What entries of a kind have when it isn't written. */
static void complete_entry(struct wc_load *load, const struct wc_field *field,
                           struct wc_node *entry)
{
    bool dependency = field->type == &wc_type_depends_on;
    if (dependency)
        put_missing(load, entry, "condition", text_node(load, "service_started", entry));
    if (dependency || field->type == &wc_type_env_files)
        put_missing(load, entry, "required", wc_node_boolean(load->arena, true, entry));
}

static struct wc_node *shown_section(struct wc_load *load, const struct wc_table *table,
                                     const struct wc_node *section);

/* Items of a list or entries of a map. */
static struct wc_node *shown_entries(struct wc_load *load, const struct wc_field *field,
                                     const struct wc_node *node)
{
    struct wc_node *out = wc_node_copy(load->arena, node);
    for (size_t i = 0; i < out->n; i++) {
        struct wc_node **slot = out->kind == WC_NODE_MAP ? &out->members[i].value : &out->items[i];
        if ((*slot)->kind != WC_NODE_MAP)
            continue;
        *slot = shown_section(load, field->sub, *slot);
        complete_entry(load, field, *slot);
    }
    return out;
}

/* Ports of which one is a template: short forms, and long ones with what they leave out. */
static struct wc_node *shown_ports(struct wc_load *load, const struct wc_field *field,
                                   const struct wc_node *from)
{
    struct wc_node *out = shown_entries(load, field, from);
    for (size_t i = 0; i < out->n; i++) {
        if (out->items[i]->kind != WC_NODE_MAP)
            continue;
        put_missing(load, out->items[i], "mode", text_node(load, "ingress", from));
        put_missing(load, out->items[i], "protocol", text_node(load, "tcp", from));
    }
    return out;
}

static struct wc_node *shown(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *value)
{
    bool container = value->kind == WC_NODE_MAP || value->kind == WC_NODE_LIST;
    struct wc_node *from = wc_written_of(load, value);
    if (field->type == &wc_type_ports && from != NULL && wc_written_is_open(value))
        return shown_ports(load, field, from);
    if (field->type != &wc_type_ports && from != NULL)
        return from;
    if (field->type == &wc_type_device_count && value->kind == WC_NODE_INT && value->integer == -1)
        return text_node(load, "all", value);
    if (field->sub == NULL || !container)
        return value;
    if (value->kind == WC_NODE_MAP && !wc_field_has_entries(field))
        return shown_section(load, field->sub, value);
    return shown_entries(load, field, value);
}

static struct wc_node *shown_section(struct wc_load *load, const struct wc_table *table,
                                     const struct wc_node *section)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, section);
    for (size_t i = 0; i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        const struct wc_field *field = wc_table_find(table, m->key);
        bool ours = field != NULL && !wc_str_starts(m->key, "x-");
        wc_node_put_at(load->arena, out, m, ours ? shown(load, field, m->value) : m->value);
    }
    return out;
}

static void imply(struct wc_load *load, struct wc_node *deps, const char *name, bool restart,
                  const struct wc_node *like)
{
    struct wc_arena *arena = load->arena;
    struct wc_node *dep = wc_node_new(arena, WC_NODE_MAP, like);
    wc_node_put(arena, dep, "condition", text_node(load, "service_started", like));
    wc_node_put(arena, dep, "restart", wc_node_boolean(arena, restart, like));
    wc_node_put(arena, dep, "required", wc_node_boolean(arena, true, like));
    put_missing(load, deps, name, dep);
}

/* The name before the colon of "service:alias"; text with more colons is taken whole. */
static const char *linked(struct wc_load *load, const char *text)
{
    const char *colon = strchr(text, ':');
    if (colon == NULL || strchr(colon + 1, ':') != NULL)
        return text;
    return wc_arena_strndup(load->arena, text, (size_t)(colon - text));
}

static void complete_dependencies(struct wc_load *load, struct wc_node *service)
{
    static const char *const keys[] = { "network_mode", "ipc", "pid", "uts", "cgroup" };
    const struct wc_node *old = wc_node_get(service, "depends_on");
    const struct wc_node *links = wc_node_get(service, "links");
    const struct wc_node *from = wc_node_get(service, "volumes_from");
    struct wc_node *deps = old == NULL ? wc_node_new(load->arena, WC_NODE_MAP, service)
                                       : wc_node_copy(load->arena, old);
    if (deps->kind != WC_NODE_MAP)
        return;
    for (size_t i = 0; links != NULL && links->kind == WC_NODE_LIST && i < links->n; i++)
        imply(load, deps, linked(load, links->items[i]->text), true, links->items[i]);
    for (size_t i = 0; i < WC_COUNT(keys); i++) {
        const char *text = wc_node_text(service, keys[i]);
        if (text != NULL && wc_str_starts(text, "service:"))
            imply(load, deps, text + strlen("service:"), true, service);
    }
    for (size_t i = 0; from != NULL && from->kind == WC_NODE_LIST && i < from->n; i++) {
        const char *text = from->items[i]->text;
        if (!wc_str_starts(text, "container:"))
            imply(load, deps, wc_arena_strndup(load->arena, text, strcspn(text, ":")), false,
                  from->items[i]);
    }
    if (deps->n != 0)
        wc_node_put(load->arena, service, "depends_on", deps);
}

static void complete_service(struct wc_load *load, struct wc_node *service)
{
    struct wc_node *build = wc_node_get(service, "build");
    const char *policy = wc_node_text(service, "pull_policy");
    if (policy != NULL && wc_streq(policy, "if_not_present"))
        wc_node_put(load->arena, service, "pull_policy", text_node(load, "missing", service));
    if (build != NULL && build->kind == WC_NODE_MAP &&
        wc_node_get(build, "dockerfile_inline") == NULL)
        put_missing(load, build, "dockerfile", text_node(load, "Dockerfile", build));
    complete_dependencies(load, service);
}

/* True when the service is in the default network, which is put in where nothing else is said. */
static bool join_default(struct wc_load *load, struct wc_node *service)
{
    struct wc_node *networks = wc_node_get(service, "networks");
    if (wc_node_member(service, "provider") != NULL ||
        wc_node_member(service, "network_mode") != NULL)
        return false;
    if (networks != NULL && networks->n != 0)
        return wc_node_member(networks, "default") != NULL;
    networks = wc_node_new(load->arena, WC_NODE_MAP, service);
    wc_node_put(load->arena, networks, "default", wc_node_new(load->arena, WC_NODE_NULL, service));
    wc_node_put(load->arena, service, "networks", networks);
    return true;
}

/* Returns true when a service is in the default network. */
static bool complete_services(struct wc_load *load, struct wc_node *services)
{
    bool joined = false;
    for (size_t i = 0; services != NULL && i < services->n; i++) {
        struct wc_node *service = services->members[i].value;
        if (service->kind != WC_NODE_MAP)
            continue;
        joined = join_default(load, service) || joined;
        complete_service(load, service);
    }
    return joined;
}

/* {external: {name: x}} is {external: true, name: x}. */
static void settle_external(struct wc_load *load, struct wc_node *entry)
{
    const struct wc_node *external = wc_node_get(entry, "external");
    if (external == NULL || external->kind != WC_NODE_MAP)
        return;
    struct wc_node *name = wc_node_get(external, "name");
    wc_node_put(load->arena, entry, "external", wc_node_boolean(load->arena, true, external));
    if (name != NULL)
        put_missing(load, entry, "name", name);
}

static void complete_names(struct wc_load *load, struct wc_node *section)
{
    for (size_t i = 0; section != NULL && i < section->n; i++) {
        struct wc_member *m = &section->members[i];
        if (m->value->kind == WC_NODE_MAP)
            settle_external(load, m->value);
        if (load->options->no_normalize)
            continue;
        if (m->value->kind != WC_NODE_MAP)
            m->value = wc_node_new(load->arena, WC_NODE_MAP, m->value);
        const struct wc_node *external = wc_node_get(m->value, "external");
        bool outside = external != NULL && external->kind == WC_NODE_BOOL && external->boolean;
        const char *name =
            outside ? m->key : wc_arena_printf(load->arena, "%s_%s", load->project_name, m->key);
        put_missing(load, m->value, "name", text_node(load, name, m->value));
    }
}

static bool is_printed(const char *key)
{
    static const char *const gone[] = { "include", "version", "x-loaded" };
    for (size_t i = 0; i < WC_COUNT(gone); i++)
        if (wc_streq(gone[i], key))
            return false;
    return true;
}

struct wc_node *wc_written_tree(struct wc_load *load, const struct wc_node *root)
{
    static const char *const named[] = { "networks", "volumes", "configs", "secrets" };
    struct wc_node *whole = shown_section(load, &wc_table_project, root);
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, root);
    for (size_t i = 0; i < whole->n; i++)
        if (is_printed(whole->members[i].key))
            wc_node_put_at(load->arena, out, &whole->members[i], whole->members[i].value);
    bool normal = !load->options->no_normalize;
    if (normal)
        wc_node_put(load->arena, out, "name", text_node(load, load->project_name, root));
    if (normal && complete_services(load, wc_node_get(out, "services"))) {
        const struct wc_node *old = wc_node_get(out, "networks");
        struct wc_node *networks = old == NULL ? wc_node_new(load->arena, WC_NODE_MAP, root)
                                               : wc_node_copy(load->arena, old);
        put_missing(load, networks, "default", wc_node_new(load->arena, WC_NODE_NULL, root));
        wc_node_put(load->arena, out, "networks", networks);
    }
    for (size_t i = 0; i < WC_COUNT(named); i++)
        complete_names(load, wc_node_get(out, named[i]));
    return out;
}
