/* finish.c - the canonical tree of what is left, and the hash of each service over it.
 *
 * The hash covers the rows that need a new instance when they change, and the networks and volumes
 * that the service uses, so that a renamed network is noticed too.
 */
#include "spec/build.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "spec/draft.h"
#include "spec/encoding.h"
#include "spec/objects.h"
#include "spec/output.h"
#include "spec/own.h"
#include "spec/render.h"
#include "spec/table.h"
#include "spec/written.h"
#include "wcompose/sealed.h"

/* depends_on of the model: what links and shared namespaces imply is in it. */
static struct wc_node *deps_node(struct wc_load *load, const struct wc_service *s)
{
    static const char *const words[] = { "service_started", "service_healthy",
                                         "service_completed_successfully" };
    struct wc_arena *arena = load->arena;
    struct wc_node *out = wc_node_new(arena, WC_NODE_MAP, NULL);
    for (size_t i = 0; i < s->n_deps; i++) {
        struct wc_node *dep = wc_node_new(arena, WC_NODE_MAP, NULL);
        wc_node_put(arena, dep, "condition",
                    wc_node_string(arena, words[s->deps[i].condition], NULL));
        wc_node_put(arena, dep, "required", wc_node_boolean(arena, s->deps[i].required, NULL));
        if (s->deps[i].restart)
            wc_node_put(arena, dep, "restart", wc_node_boolean(arena, true, NULL));
        wc_node_put(arena, out, s->deps[i].service, dep);
    }
    return out;
}

/* deploy.replicas is shown when only its twin says how many, as docker compose does. */
static void show_replicas(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *deploy = wc_node_get(service, "deploy");
    struct wc_node *scale = wc_node_get(service, "scale");
    if (load->options->no_consistency || deploy == NULL || deploy->kind != WC_NODE_MAP ||
        scale == NULL || scale->kind != WC_NODE_INT || wc_node_get(deploy, "replicas") != NULL)
        return;
    struct wc_node *both = wc_node_copy(load->arena, deploy);
    wc_node_put(load->arena, both, "replicas", scale);
    wc_node_put(load->arena, service, "deploy", both);
}

static struct wc_node *service_node(struct wc_load *load, const struct wc_service *s)
{
    struct wc_node *out = wc_output_section(load, &wc_table_service, s->tree);
    show_replicas(load, out);
    if (load->options->no_normalize && wc_node_get(s->tree, "depends_on") == NULL)
        return out;
    wc_node_drop(out, "depends_on");
    if (s->n_deps != 0)
        wc_node_put(load->arena, out, "depends_on", deps_node(load, s));
    return out;
}

/* A network's or volume's long form with its name and without the old form of external. */
static struct wc_node *named(struct wc_load *load, const struct wc_node *section, const char *key,
                             const char *name, bool external)
{
    const struct wc_node *old = wc_node_get(section, key);
    struct wc_node *out = old == NULL || old->kind != WC_NODE_MAP
                              ? wc_node_new(load->arena, WC_NODE_MAP, NULL)
                              : wc_node_copy(load->arena, old);
    if (!load->options->no_normalize)
        wc_node_put(load->arena, out, "name", wc_node_string(load->arena, name, NULL));
    if (external)
        wc_node_put(load->arena, out, "external", wc_node_boolean(load->arena, true, NULL));
    return out;
}

static struct wc_node *networks_node(struct wc_load *load, const struct wc_project *project,
                                     const struct wc_node *section)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    for (size_t i = 0; i < project->n_networks; i++) {
        const struct wc_network *n = &project->networks[i];
        const bool implied = wc_node_member(section, n->key) == NULL;
        if (n->used && !(implied && load->options->no_normalize))
            wc_node_put(
                load->arena, out, n->key,
                wc_output_network(load, named(load, section, n->key, n->name, n->external)));
    }
    return out;
}

static struct wc_node *volumes_node(struct wc_load *load, const struct wc_project *project,
                                    const struct wc_node *section)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    for (size_t i = 0; i < project->n_volumes; i++) {
        const struct wc_volume *v = &project->volumes[i];
        if (v->used)
            wc_node_put(load->arena, out, v->key,
                        wc_output_section(load, &wc_table_volume,
                                          named(load, section, v->key, v->name, v->external)));
    }
    return out;
}

/* The configs, secrets or models that services name, as docker compose prints them. */
static struct wc_node *objects_node(struct wc_load *load, const struct wc_project *project,
                                    const struct wc_node *root, const char *key)
{
    const struct wc_node *section = wc_node_get(root, key);
    const struct wc_table *table = wc_table_find(&wc_table_project, key)->sub;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    struct wc_map used;
    wc_map_init(&used, load->arena);
    wc_objects_used(project, key, &used);
    for (size_t i = 0; section != NULL && section->kind == WC_NODE_MAP && i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        const struct wc_node *external = wc_node_get(m->value, "external");
        bool outside = external != NULL && (external->kind != WC_NODE_BOOL || external->boolean);
        if (wc_map_get(&used, m->key) == NULL)
            continue;
        const char *name = wc_draft_name(load, m, wc_node_text(m->value, "name"), outside);
        struct wc_node *object =
            wc_streq(key, "models") ? m->value : named(load, section, m->key, name, outside);
        wc_node_put(load->arena, out, m->key,
                    object->kind == WC_NODE_MAP ? wc_output_section(load, table, object) : object);
    }
    return out;
}

static struct wc_node *services_node(struct wc_load *load, const struct wc_project *project)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, NULL);
    for (size_t i = 0; i < project->n_services; i++)
        wc_node_put(load->arena, out, project->services[i].name,
                    service_node(load, &project->services[i]));
    return out;
}

/* Profiles of ours were applied: what they said stands at the services. */
static bool stays(const char *key)
{
    static const char *const gone[] = { "services", "networks",   "volumes", "name",
                                        "version",  "x-wcompose", "x-loaded" };
    for (size_t i = 0; i < WC_COUNT(gone); i++)
        if (wc_streq(gone[i], key))
            return false;
    return true;
}

static struct wc_node *project_node(struct wc_load *load, const struct wc_project *project,
                                    const struct wc_node *root)
{
    struct wc_arena *arena = load->arena;
    struct wc_node *out = wc_node_new(arena, WC_NODE_MAP, NULL);
    struct wc_node *networks = networks_node(load, project, wc_node_get(root, "networks"));
    struct wc_node *volumes = volumes_node(load, project, wc_node_get(root, "volumes"));
    bool as_written = load->options->no_normalize && load->written_name != NULL;
    wc_node_put(arena, out, "name",
                wc_node_string(arena, as_written ? load->written_name : project->name, NULL));
    wc_node_put(arena, out, "services", services_node(load, project));
    if (networks->n != 0)
        wc_node_put(arena, out, "networks", networks);
    if (volumes->n != 0)
        wc_node_put(arena, out, "volumes", volumes);
    for (size_t i = 0; wc_object_sections[i] != NULL; i++) {
        struct wc_node *objects = objects_node(load, project, root, wc_object_sections[i]);
        if (objects->n != 0)
            wc_node_put(arena, out, wc_object_sections[i], objects);
    }
    struct wc_node *own = wc_own_canonical(load, project, root);
    if (own != NULL)
        wc_node_put(arena, out, "x-wcompose", own);
    for (size_t i = 0; i < root->n; i++)
        if (stays(root->members[i].key) && wc_str_starts(root->members[i].key, "x-"))
            wc_node_put_at(arena, out, &root->members[i], root->members[i].value);
    return out;
}

/* Without the digest of the image: its content counts by what it is (desired.h), and a service that
 * is pinned to what it runs already is none the worse for it. */
static const struct wc_node *without_digest(struct wc_load *load, const struct wc_node *service)
{
    const char *image = wc_node_text(service, "image");
    const char *at = image != NULL ? strchr(image, '@') : NULL;
    if (at == NULL)
        return service;
    struct wc_node *out = wc_node_copy(load->arena, service);
    const char *name = wc_arena_strndup(load->arena, image, (size_t)(at - image));
    wc_node_put(load->arena, out, "image", wc_node_string(load->arena, name, NULL));
    return out;
}

static void hash_service(struct wc_load *load, const struct wc_node *tree, struct wc_service *s,
                         struct wc_buf *text)
{
    const struct wc_node *service =
        without_digest(load, wc_node_get(wc_node_get(tree, "services"), s->name));
    const struct wc_node *networks = wc_node_get(tree, "networks");
    const struct wc_node *volumes = wc_node_get(tree, "volumes");
    wc_buf_reset(text);
    struct wc_jsonw w = WC_JSONW_INIT(text);
    wc_jsonw_array(&w, NULL);
    wc_render_json(&w, NULL, service, 0, &wc_table_service);
    for (size_t i = 0; i < s->n_networks; i++) {
        const struct wc_node *node = wc_node_get(networks, s->networks[i].network);
        if (node != NULL)
            wc_render_json(&w, NULL, node, 0, &wc_table_network);
    }
    for (size_t i = 0; i < s->n_mounts; i++) {
        const struct wc_mount *m = &s->mounts[i];
        const struct wc_node *node = m->type == WC_MOUNT_VOLUME && m->source != NULL
                                         ? wc_node_get(volumes, m->source)
                                         : NULL;
        if (node != NULL)
            wc_render_json(&w, NULL, node, 0, &wc_table_volume);
        if (m->sealed != NULL)
            wc_jsonw_str(&w, NULL, m->sealed->mark);
        else if (m->object != NULL)
            wc_jsonw_str(&w, NULL, m->content != NULL ? m->content : m->source);
    }
    for (size_t i = 0; s->sealed != NULL && i < s->sealed->env.n; i++) {
        wc_jsonw_str(&w, NULL, s->sealed->env.items[i].key);
        wc_jsonw_str(&w, NULL, s->sealed->env.items[i].value);
    }
    wc_jsonw_end_array(&w);
    wc_sha256_hex(text->data, text->len, s->tree_hash);
    wc_buf_reset(text);
    struct wc_jsonw inplace = WC_JSONW_INIT(text);
    wc_render_json(&inplace, NULL, service, WC_RENDER_INPLACE, &wc_table_service);
    wc_sha256_hex(text->data, text->len, s->inplace_hash);
    wc_buf_reset(text);
    struct wc_jsonw machine = WC_JSONW_INIT(text);
    wc_render_json(&machine, NULL, service, WC_RENDER_MACHINE, &wc_table_service);
    wc_sha256_hex(text->data, text->len, s->vm_hash);
    wc_service_settle(s, &s->settled);
}

void wc_build_finish(struct wc_load *load, struct wc_project *project, const struct wc_node *root)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    project->tree = project_node(load, project, root);
    wc_encoding_check(load, project->tree);
    if (load->options->no_interpolate && !load->canonical)
        project->written = wc_written_tree(load, root);
    for (size_t i = 0; i < project->n_services; i++)
        hash_service(load, project->tree, &project->services[i], &text);
}

bool wc_spec_pin_images(struct wc_project *project, struct wc_arena *arena, wc_spec_pin_fn *pin,
                        void *data, bool only_images)
{
    struct wc_node *out = wc_node_new(arena, WC_NODE_MAP, NULL);
    struct wc_node *services = wc_node_new(arena, WC_NODE_MAP, NULL);
    const struct wc_node **shown = project->written != NULL ? &project->written : &project->tree;
    const struct wc_node *old = wc_node_get(*shown, "services");
    for (size_t i = 0; old != NULL && i < old->n; i++) {
        const struct wc_member *m = &old->members[i];
        const char *image = wc_node_text(m->value, "image");
        struct wc_node *service =
            only_images ? wc_node_new(arena, WC_NODE_MAP, m->value) : wc_node_copy(arena, m->value);
        const char *pinned = image == NULL ? NULL : pin(data, m->key, image);
        if (image != NULL && pinned == NULL)
            return false;
        if (pinned != NULL)
            wc_node_put(arena, service, "image", wc_node_string(arena, pinned, NULL));
        wc_node_put_at(arena, services, m, service);
    }
    if (!only_images)
        out = wc_node_copy(arena, *shown);
    wc_node_put(arena, out, "services", services);
    *shown = out;
    return true;
}
