/* objects.c - configs, secrets and models: what the top level says, and who refers to it. */
#include "spec/objects.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

const char *const wc_object_sections[] = { "configs", "secrets", "models", NULL };

/* Where the content comes from: one of these. */
static const char *const sources[] = { "file", "environment", "content" };

static void add_references(const struct wc_node *list, struct wc_map *used)
{
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        struct wc_node *source = wc_node_get(list->items[i], "source");
        if (source != NULL && source->kind == WC_NODE_STRING)
            wc_map_put(used, source->text, source);
    }
}

static void add_keys(struct wc_node *map, struct wc_map *used)
{
    for (size_t i = 0; map != NULL && map->kind == WC_NODE_MAP && i < map->n; i++)
        wc_map_put(used, map->members[i].key, map);
}

static void used_by(const struct wc_service *service, const char *section, struct wc_map *used)
{
    struct wc_node *own = wc_node_get(service->tree, section);
    if (wc_streq(section, "models"))
        add_keys(own, used);
    else
        add_references(own, used);
    if (wc_streq(section, "secrets"))
        add_references(wc_node_get(wc_node_get(service->tree, "build"), section), used);
}

void wc_objects_used(const struct wc_project *project, const char *section, struct wc_map *used)
{
    for (size_t i = 0; i < project->n_services; i++)
        used_by(&project->services[i], section, used);
}

static bool is_external(const struct wc_node *entry)
{
    const struct wc_node *external = wc_node_get(entry, "external");
    return external != NULL && (external->kind != WC_NODE_BOOL || external->boolean);
}

/* "secret 'token'": a section without its last letter. */
static const char *kind_of(struct wc_load *load, const char *section)
{
    return wc_arena_strndup(load->arena, section, strlen(section) - 1);
}

static void check_source(struct wc_load *load, const char *section, const struct wc_member *entry)
{
    const struct wc_member *first = NULL;
    for (size_t i = 0; i < WC_COUNT(sources); i++) {
        const struct wc_member *m = wc_node_member(entry->value, sources[i]);
        if (m == NULL || m->value->kind == WC_NODE_NULL)
            continue;
        if (first != NULL) {
            struct wc_diag *diag = wc_report_at(
                load, WC_E_CONFLICT, m->key_at, m->key_span, "%s '%s' has both %s and %s",
                kind_of(load, section), entry->key, first->key, m->key);
            diag->hint = "remove one of the two";
            diag->related = first->key_at;
            diag->related_label = "the other is here";
            return;
        }
        first = m;
    }
    if (first != NULL || is_external(entry->value) || wc_node_get(entry->value, "driver") != NULL)
        return;
    struct wc_diag *diag = wc_report_at(
        load, WC_E_MISSING, entry->key_at, entry->key_span, "%s '%s' needs a source: %s",
        kind_of(load, section), entry->key,
        wc_streq(section, "configs") ? "file, environment or content" : "file or environment");
    diag->hint = "or external: true, when it is there already";
}

static void check_entry(struct wc_load *load, const char *section, const struct wc_member *entry)
{
    bool models = wc_streq(section, "models");
    if (entry->value->kind == WC_NODE_NULL)
        wc_report_at(load, WC_E_TYPE, entry->key_at, entry->key_span, "%s '%s' is empty",
                     kind_of(load, section), entry->key);
    else if (entry->value->kind == WC_NODE_MAP && !models)
        check_source(load, section, entry);
}

static void report_undefined(struct wc_load *load, const struct wc_service *service,
                             const struct wc_node *root, const char *section,
                             const struct wc_map_entry *use)
{
    const struct wc_node *entries = wc_node_get(root, section), *by = use->value;
    const struct wc_member *key = wc_node_member(by, use->key);
    size_t n = entries != NULL && entries->kind == WC_NODE_MAP ? entries->n : 0;
    const char **words = WC_NEW_ARRAY(load->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        words[i] = entries->members[i].key;
    struct wc_diag *diag = wc_report_at(
        load, WC_E_UNKNOWN_OBJECT, key == NULL ? by->at : key->key_at,
        key == NULL ? by->span : key->key_span, "service '%s' names %s '%s', which is not defined",
        service->name, kind_of(load, section), use->key);
    wc_hint(load, diag, "define it under the top-level %s", section);
    wc_hint_words(load, diag, use->key, words, n, true);
}

static void check_references(struct wc_load *load, const struct wc_project *project,
                             const struct wc_node *root, const char *section)
{
    const struct wc_node *entries = wc_node_get(root, section);
    for (size_t i = 0; i < project->n_services; i++) {
        struct wc_map used;
        wc_map_init(&used, load->arena);
        used_by(&project->services[i], section, &used);
        for (size_t k = 0; k < used.n; k++)
            if (wc_node_member(entries, used.entries[k].key) == NULL)
                report_undefined(load, &project->services[i], root, section, &used.entries[k]);
    }
}

void wc_objects_check(struct wc_load *load, const struct wc_project *project,
                      const struct wc_node *root)
{
    for (size_t s = 0; wc_object_sections[s] != NULL; s++) {
        const struct wc_node *entries = wc_node_get(root, wc_object_sections[s]);
        for (size_t i = 0; entries != NULL && entries->kind == WC_NODE_MAP && i < entries->n; i++)
            check_entry(load, wc_object_sections[s], &entries->members[i]);
        check_references(load, project, root, wc_object_sections[s]);
    }
}
