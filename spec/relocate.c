/* relocate.c - nodes are copied on the way to what changes: aliases share subtrees, and the place
 * of what was written stays that of what it became.
 */
#include "spec/relocate.h"

#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "spec/objects.h"

/* The path that a file is used from; NULL: it stays. */
static const char *ask(struct wc_load *load, const struct wc_node *path)
{
    const struct wc_spec_options *options = load->options;
    const char *out = NULL;
    struct wc_err err = { 0 };
    if (path == NULL || path->kind != WC_NODE_STRING || path->text[0] != '/')
        return NULL;
    if (options->relocate(options->relocate_data, path->text, &out, &err) == 0) {
        if (out != NULL) /* what is there is looked into, whether it is encrypted */
            wc_strv_add(load->arena, &load->named, out);
        return out;
    }
    wc_report(load, WC_E_RELOCATE, path, "%s", err.msg);
    return NULL;
}

/* One entry of a service's volumes, in its long form; NULL: it stays. */
static struct wc_node *move_mount(struct wc_load *load, const struct wc_node *item)
{
    const char *type = wc_node_text(item, "type");
    const struct wc_node *source = wc_node_get(item, "source");
    const char *path = type != NULL && wc_streq(type, "bind") ? ask(load, source) : NULL;
    if (path == NULL)
        return NULL;
    struct wc_node *out = wc_node_copy(load->arena, item);
    wc_node_put(load->arena, out, "source", wc_node_string(load->arena, path, source));
    wc_node_put(load->arena, out, "read_only", wc_node_boolean(load->arena, true, source));
    return out;
}

/* The mount of the model that was decoded from an entry. */
static void follow(struct wc_service *s, const struct wc_node *item, const char *from,
                   const char *to)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        struct wc_mount *m = &s->mounts[i];
        if (m->type == WC_MOUNT_BIND && wc_streq0(m->source, from) && m->at.line == item->at.line &&
            m->at.col == item->at.col && wc_streq0(m->at.file, item->at.file)) {
            m->source = to;
            m->read_only = true;
        }
    }
}

static void move_service(struct wc_load *load, struct wc_service *s)
{
    const struct wc_node *list = wc_node_get(s->tree, "volumes");
    struct wc_node *fresh = NULL;
    for (size_t i = 0; list != NULL && list->kind == WC_NODE_LIST && i < list->n; i++) {
        struct wc_node *moved = move_mount(load, list->items[i]);
        if (moved == NULL)
            continue;
        if (fresh == NULL)
            fresh = wc_node_copy(load->arena, list);
        fresh->items[i] = moved;
        follow(s, list->items[i], wc_node_text(list->items[i], "source"),
               wc_node_text(moved, "source"));
    }
    if (fresh == NULL)
        return;
    struct wc_node *tree = wc_node_copy(load->arena, s->tree);
    wc_node_put(load->arena, tree, "volumes", fresh);
    s->tree = tree;
}

/* The files of configs or secrets that are used. */
static struct wc_node *move_section(struct wc_load *load, const struct wc_project *project,
                                    const struct wc_node *section, const char *key)
{
    struct wc_map used;
    struct wc_node *fresh = NULL;
    wc_map_init(&used, load->arena);
    wc_objects_used(project, key, &used);
    for (size_t i = 0; section->kind == WC_NODE_MAP && i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        const struct wc_node *file = wc_node_get(m->value, "file");
        const char *path = wc_map_get(&used, m->key) != NULL ? ask(load, file) : NULL;
        if (path == NULL)
            continue;
        struct wc_node *entry = wc_node_copy(load->arena, m->value);
        wc_node_put(load->arena, entry, "file", wc_node_string(load->arena, path, file));
        if (fresh == NULL)
            fresh = wc_node_copy(load->arena, section);
        fresh->members[i].value = entry;
    }
    return fresh;
}

struct wc_node *wc_relocate(struct wc_load *load, struct wc_project *project, struct wc_node *root)
{
    static const char *const sections[] = { "configs", "secrets" };
    if (load->options->relocate == NULL)
        return root;
    for (size_t i = 0; i < project->n_services; i++)
        move_service(load, &project->services[i]);
    struct wc_node *out = root;
    for (size_t i = 0; i < WC_COUNT(sections); i++) {
        const struct wc_node *section = wc_node_get(root, sections[i]);
        struct wc_node *moved =
            section == NULL ? NULL : move_section(load, project, section, sections[i]);
        if (moved == NULL)
            continue;
        if (out == root)
            out = wc_node_copy(load->arena, root);
        wc_node_put(load->arena, out, sections[i], moved);
    }
    return out;
}
