/* build.c - services, networks and volumes of the merged tree become the model.
 *
 * Long forms that were resolved (env files, default network, profiles) replace those of the merged
 * tree in a map of their own, so that the canonical output and the hashes say what runs.
 */
#include "spec/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/draft.h"
#include "spec/own.h"
#include "spec/profile.h"
#include "spec/resolve.h"
#include "spec/sealed.h"
#include "spec/table.h"
#include "spec/types.h"
#include "spec/validate.h"

static int by_name(const void *a, const void *b)
{
    const struct wc_service *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int by_network_key(const void *a, const void *b)
{
    const struct wc_network *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static int by_volume_key(const void *a, const void *b)
{
    const struct wc_volume *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static void build_service(struct wc_load *load, struct wc_project *project,
                          const struct wc_node *root, struct wc_member *member)
{
    static const struct wc_where top = { 0 };
    struct wc_where services = { &top, "services", { 0 }, 0, 0 };
    struct wc_where where = { &services, member->key, member->key_at, member->key_span, 0 };
    struct wc_service_draft draft;
    struct wc_node *node = wc_resolve_service(load, member->value);
    wc_draft_init(&draft);
    wc_profile_apply(load, root, member->key, node, &draft.service);
    wc_vm_inherit(load, root, node);
    wc_decode_section(load, &wc_table_service, node, &draft, &where);
    wc_draft_settle(load, &draft, node, member);
    wc_own_places(&draft.service, node);
    draft.service.tree = node;
    project->services[project->n_services++] = draft.service;
}

static bool is_service(struct wc_load *load, const struct wc_member *member)
{
    if (member->value->kind == WC_NODE_NULL)
        wc_report_at(load, WC_E_TYPE, member->key_at, member->key_span, "service '%s' is empty",
                     member->key);
    return wc_validate_key(load, member, "service") && member->value->kind == WC_NODE_MAP;
}

/* By pointers: services are large, and sorting moves each a dozen times. */
static void sort_services(struct wc_load *load, struct wc_project *project)
{
    size_t n = project->n_services;
    const struct wc_service **order = WC_NEW_ARRAY(load->arena, const struct wc_service *, n + 1);
    struct wc_service *sorted = WC_NEW_ARRAY(load->arena, struct wc_service, n + 1);
    for (size_t i = 0; i < n; i++)
        order[i] = &project->services[i];
    qsort(order, n, sizeof *order, by_name);
    for (size_t i = 0; i < n; i++)
        sorted[i] = *order[i];
    project->services = sorted;
}

/* A service that no active profile turns on is not part of the model, but its nulls are errors. */
static void add_disabled(struct wc_load *load, struct wc_project *project,
                         const struct wc_member *member)
{
    static const struct wc_field row = { .type = &wc_type_section, .sub = &wc_table_service };
    static const struct wc_where services = { NULL, "services", { 0 }, 0, 0 };
    struct wc_where where = { &services, member->key, member->key_at, member->key_span, 0 };
    wc_refuse_nulls(load, &row, member->value, &where);
    wc_strv_add(load->arena, &project->disabled, member->key);
}

static void build_services(struct wc_load *load, struct wc_project *project,
                           const struct wc_node *root)
{
    const struct wc_node *services = wc_node_get(root, "services");
    size_t n = services != NULL && services->kind == WC_NODE_MAP ? services->n : 0;
    project->services = WC_NEW_ARRAY(load->arena, struct wc_service, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct wc_member *member = &services->members[i];
        if (!is_service(load, member))
            continue;
        if (wc_profile_active(load, member->value))
            build_service(load, project, root, member);
        else
            add_disabled(load, project, member);
    }
    sort_services(load, project);
    if (project->disabled.n > 1)
        qsort(project->disabled.items, project->disabled.n, sizeof *project->disabled.items,
              wc_str_qsort_cmp);
}

static bool joins_default(const struct wc_project *project)
{
    for (size_t i = 0; i < project->n_services; i++)
        for (size_t j = 0; j < project->services[i].n_networks; j++)
            if (wc_streq(project->services[i].networks[j].network, "default"))
                return true;
    return false;
}

/* A section of entries whose bodies may be null. */
static struct wc_node *entries_of(struct wc_load *load, const struct wc_node *root, const char *key)
{
    const struct wc_node *section = wc_node_get(root, key);
    if (section == NULL || section->kind != WC_NODE_MAP)
        return wc_node_new(load->arena, WC_NODE_MAP, NULL);
    struct wc_node *out = wc_node_copy(load->arena, section);
    for (size_t i = 0; i < out->n; i++)
        if (out->members[i].value->kind == WC_NODE_NULL)
            out->members[i].value = wc_node_new(load->arena, WC_NODE_MAP, out->members[i].value);
    return out;
}

static void build_networks(struct wc_load *load, struct wc_project *project,
                           const struct wc_node *root)
{
    struct wc_where section = { NULL, "networks", { 0 }, 0, 0 };
    struct wc_node *networks = entries_of(load, root, "networks");
    if (wc_node_get(networks, "default") == NULL && joins_default(project))
        wc_node_put(load->arena, networks, "default", wc_node_new(load->arena, WC_NODE_MAP, NULL));
    project->networks = WC_NEW_ARRAY(load->arena, struct wc_network, networks->n + 1);
    for (size_t i = 0; i < networks->n; i++) {
        const struct wc_member *m = &networks->members[i];
        struct wc_where where = { &section, m->key, m->key_at, m->key_span, 0 };
        struct wc_network *network = &project->networks[project->n_networks];
        if (m->value->kind != WC_NODE_MAP || !wc_validate_key(load, m, "network"))
            continue;
        wc_network_init(network);
        wc_decode_section(load, &wc_table_network, m->value, network, &where);
        wc_network_settle(load, network, m);
        project->n_networks++;
    }
    qsort(project->networks, project->n_networks, sizeof *project->networks, by_network_key);
}

static void build_volumes(struct wc_load *load, struct wc_project *project,
                          const struct wc_node *root)
{
    struct wc_where section = { NULL, "volumes", { 0 }, 0, 0 };
    struct wc_node *volumes = entries_of(load, root, "volumes");
    project->volumes = WC_NEW_ARRAY(load->arena, struct wc_volume, volumes->n + 1);
    for (size_t i = 0; i < volumes->n; i++) {
        const struct wc_member *m = &volumes->members[i];
        struct wc_where where = { &section, m->key, m->key_at, m->key_span, 0 };
        struct wc_volume *volume = &project->volumes[project->n_volumes];
        if (m->value->kind != WC_NODE_MAP || !wc_validate_key(load, m, "volume"))
            continue;
        wc_decode_section(load, &wc_table_volume, m->value, volume, &where);
        wc_volume_settle(load, volume, m);
        project->n_volumes++;
    }
    qsort(project->volumes, project->n_volumes, sizeof *project->volumes, by_volume_key);
}

struct wc_project *wc_build_project(struct wc_load *load, const struct wc_node *root)
{
    static const struct wc_where top = { 0 };
    struct wc_project *project = WC_NEW(load->arena, struct wc_project);
    project->name = load->project_name;
    project->working_dir = load->project_dir;
    project->files = load->files;
    wc_profile_name(load, wc_node_get(root, "services"));
    project->profiles = load->profiles;
    wc_require_all(load, &wc_table_project, root, &top);
    wc_decode_section(load, &wc_table_project, root, NULL, &top);
    build_services(load, project, root);
    wc_own_settle(load, root, project);
    build_networks(load, project, root);
    build_volumes(load, project, root);
    return project;
}

static void report_selection(struct wc_load *load, const struct wc_project *project,
                             const struct wc_node *root, const char *name)
{
    const struct wc_node *services = wc_node_get(root, "services");
    size_t n = services != NULL && services->kind == WC_NODE_MAP ? services->n : 0;
    const char **words = WC_NEW_ARRAY(load->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        words[i] = services->members[i].key;
    struct wc_diag *diag = wc_report_at(load, WC_E_SELECTION, (struct wc_loc){ 0 }, 1,
                                        "project '%s' has no service '%s'", project->name, name);
    wc_hint_words(load, diag, name, words, n, true);
}

/* Marks a service and what it needs; iterative, as chains may be long. */
static void mark(struct wc_load *load, const struct wc_project *project, bool *wanted, size_t first)
{
    size_t *stack = WC_NEW_ARRAY(load->arena, size_t, project->n_services + 1), n = 0;
    wanted[first] = true;
    stack[n++] = first;
    while (n > 0) {
        const struct wc_service *s = &project->services[stack[--n]];
        for (size_t i = 0; i < s->n_deps && !load->options->no_deps; i++) {
            const struct wc_service *dep = wc_project_service(project, s->deps[i].service);
            size_t index = dep == NULL ? 0 : (size_t)(dep - project->services);
            if (dep == NULL || wanted[index])
                continue;
            wanted[index] = true;
            stack[n++] = index;
        }
    }
}

static void drop_absent_deps(struct wc_project *project)
{
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_service *s = &project->services[i];
        size_t kept = 0;
        for (size_t j = 0; j < s->n_deps; j++)
            if (wc_project_service(project, s->deps[j].service) != NULL)
                s->deps[kept++] = s->deps[j];
        s->n_deps = kept;
    }
}

static void mark_used(struct wc_project *project)
{
    for (size_t i = 0; i < project->n_networks; i++)
        project->networks[i].used = false;
    for (size_t i = 0; i < project->n_volumes; i++)
        project->volumes[i].used = false;
    for (size_t i = 0; i < project->n_services; i++) {
        const struct wc_service *s = &project->services[i];
        for (size_t j = 0; j < s->n_networks; j++) {
            const struct wc_network *n = wc_project_network(project, s->networks[j].network);
            if (n != NULL)
                project->networks[n - project->networks].used = true;
        }
        for (size_t j = 0; j < s->n_mounts; j++) {
            const struct wc_mount *m = &s->mounts[j];
            const struct wc_volume *v = m->type == WC_MOUNT_VOLUME && m->source != NULL
                                            ? wc_project_volume(project, m->source)
                                            : NULL;
            if (v != NULL)
                project->volumes[v - project->volumes].used = true;
        }
    }
}

/* Decodes one attribute anew, where files have added to it. */
static void decode_again(struct wc_load *load, const struct wc_node *node, const char *key,
                         struct wc_kvs *out)
{
    const struct wc_field *field = wc_table_find(&wc_table_service, key);
    const struct wc_node *value = wc_node_get(node, key);
    *out = (struct wc_kvs){ 0 };
    if (value != NULL && value->kind == WC_NODE_MAP)
        field->type->decode(load, field, value, out);
}

static void read_files(struct wc_load *load, struct wc_project *project)
{
    for (size_t i = 0; i < project->n_services && !load->budget.over; i++)
        wc_resolve_get(load, project->services[i].tree);
    for (size_t i = 0; i < project->n_services && !load->budget.over; i++) {
        struct wc_service *s = &project->services[i];
        const struct wc_node *with = wc_resolve_files(load, s->tree);
        if (with == NULL)
            continue;
        decode_again(load, with, "environment", &s->environment);
        decode_again(load, with, "labels", &s->labels);
        s->tree = with;
        wc_sealed_settle(load, s);
    }
}

void wc_build_select(struct wc_load *load, struct wc_project *project, const struct wc_node *root)
{
    const struct wc_spec_options *o = load->options;
    bool *wanted = WC_NEW_ARRAY(load->arena, bool, project->n_services + 1);
    for (size_t i = 0; i < o->n_services; i++) {
        const struct wc_service *s = wc_project_service(project, o->services[i]);
        if (s == NULL)
            report_selection(load, project, root, o->services[i]);
        else if (!wanted[s - project->services])
            mark(load, project, wanted, (size_t)(s - project->services));
    }
    size_t kept = 0;
    for (size_t i = 0; i < project->n_services && o->n_services != 0; i++)
        if (wanted[i])
            project->services[kept++] = project->services[i];
    if (o->n_services != 0)
        project->n_services = kept;
    if (!o->no_consistency)
        drop_absent_deps(project);
    mark_used(project);
    if (!o->no_interpolate || load->canonical)
        read_files(load, project);
}
