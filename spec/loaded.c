/* loaded.c - the way back of wc_spec_render_wire. */
#include "spec/loaded.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/types.h"

static void read_strings(struct wc_load *load, const struct wc_node *list, struct wc_strv *out)
{
    if (list == NULL || list->kind != WC_NODE_LIST)
        return;
    *out = (struct wc_strv){ 0 };
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i]->kind == WC_NODE_STRING)
            wc_strv_add(load->arena, out, list->items[i]->text);
}

/* A place is three items: file, line, column. */
enum { PLACE = 3 };

static struct wc_loc read_place(const struct wc_node *list, size_t from)
{
    struct wc_loc at = { 0 };
    if (list == NULL || list->kind != WC_NODE_LIST || list->n < from + PLACE)
        return at;
    if (list->items[from]->kind == WC_NODE_STRING)
        at.file = list->items[from]->text;
    at.line = (unsigned)list->items[from + 1]->integer;
    at.col = (unsigned)list->items[from + 2]->integer;
    return at;
}

static void read_level(const struct wc_node *list, struct wc_service *service)
{
    struct wc_settled settled = { 0 };
    if (list == NULL || list->kind != WC_NODE_LIST || list->n != 3 + PLACE)
        return;
    for (size_t i = 0; i < 3; i++)
        if (list->items[i]->kind != WC_NODE_STRING)
            return;
    wc_isolation_parse(list->items[0]->text, &settled.level);
    settled.code = list->items[1]->text;
    settled.why = list->items[2]->text;
    settled.at = read_place(list, 3);
    wc_service_settle(service, &settled);
}

void wc_loaded_read(struct wc_load *load, const struct wc_node *root, struct wc_project *project)
{
    const struct wc_node *loaded = wc_node_get(root, "x-loaded");
    const struct wc_node *places = wc_node_get(loaded, "places");
    const struct wc_node *levels = wc_node_get(loaded, "levels");
    const char *dir = wc_node_text(loaded, "working_dir");
    if (loaded == NULL)
        return;
    if (dir != NULL)
        project->working_dir = dir;
    read_strings(load, wc_node_get(loaded, "files"), &project->files);
    read_strings(load, wc_node_get(loaded, "profiles"), &project->profiles);
    read_strings(load, wc_node_get(loaded, "disabled"), &project->disabled);
    for (size_t i = 0; i < project->n_services; i++) {
        read_level(wc_node_get(levels, project->services[i].name), &project->services[i]);
        const struct wc_node *place = wc_node_get(places, project->services[i].name);
        if (place == NULL)
            continue;
        project->services[i].at = read_place(place, 0);
        project->services[i].isolation_at = read_place(place, PLACE);
        project->services[i].trust_at = read_place(place, 2 * PLACE);
        project->services[i].tenant_at = read_place(place, 3 * PLACE);
        project->services[i].vm.at = read_place(place, 4 * PLACE);
        for (size_t k = 0; k < WC_VM_KEYS; k++)
            project->services[i].vm.key_at[k] = read_place(place, (5 + k) * PLACE);
    }
}
