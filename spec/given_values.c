/* given_values.c - which values of configs and secrets came from the environment. */
#include "spec/given_values.h"

#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/node.h"

/* The variable's name stands in the tree, where an inline content would. */
static bool is_value(const struct wc_project *project, const struct wc_mount *m)
{
    const char *dot = m->object != NULL && m->content != NULL ? strchr(m->object, '.') : NULL;
    if (dot == NULL)
        return false;
    const struct wc_node *section =
        wc_node_get(project->tree, wc_str_starts(m->object, "secrets.") ? "secrets" : "configs");
    return wc_node_text(wc_node_get(section, dot + 1), "environment") != NULL;
}

void wc_given_values(const struct wc_project *project,
                     void (*visit)(void *data, const char *object, const char *value), void *data)
{
    struct wc_arena arena;
    struct wc_map seen;
    wc_arena_init(&arena);
    wc_map_init(&seen, &arena);
    for (size_t i = 0; i < project->n_services; i++)
        for (size_t k = 0; k < project->services[i].n_mounts; k++) {
            struct wc_mount *m = &project->services[i].mounts[k];
            if (!is_value(project, m) || wc_map_get(&seen, m->object) != NULL)
                continue;
            wc_map_put(&seen, m->object, m);
            visit(data, m->object, m->content);
        }
    wc_arena_deinit(&arena);
}
