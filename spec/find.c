/* find.c - from a path of the canonical form ("services.web.environment.LEVEL") to a place in the
 * files: the tree has kept it.
 */
#include <string.h>

#include "base/arena.h"
#include "spec/node.h"
#include "wcompose/spec.h"

/* Takes the next name off a path: up to a dot, or in brackets. Returns its length; *path is behind
 * it. */
static size_t next_name(const char **path, const char **name)
{
    const char *at = *path;
    bool bracket = *at == '[';
    *name = at + bracket;
    size_t len = bracket ? strcspn(*name, "]") : strcspn(at, ".[");
    at = *name + len + (bracket && (*name)[len] == ']');
    *path = at + (*at == '.');
    return len;
}

static const struct wc_member *member_of(const struct wc_node *map, const char *name, size_t len)
{
    for (size_t i = 0; map->kind == WC_NODE_MAP && i < map->n; i++)
        if (strlen(map->members[i].key) == len && memcmp(map->members[i].key, name, len) == 0)
            return &map->members[i];
    return NULL;
}

/* Where a person would look: at a value that stands on the line, else at the key above it. */
static struct wc_loc place_of(const struct wc_member *member)
{
    bool scalar = wc_node_is_scalar(member->value) && member->value->at.line != 0;
    return scalar || member->key_at.line == 0 ? member->value->at : member->key_at;
}

/* As deep as the path leads; *found is the place of the last thing that has one. */
static void walk(const struct wc_node *node, const char *path, struct wc_loc *found)
{
    while (node != NULL && *path != '\0') {
        const char *name;
        size_t len = next_name(&path, &name);
        const struct wc_member *member = member_of(node, name, len);
        if (member == NULL)
            return;
        struct wc_loc at = place_of(member);
        if (at.file != NULL && at.line != 0)
            *found = at;
        node = member->value;
    }
}

/* A model that was stored knows the places of its services, and no others: the places of its tree
 * are those of the stored text, which discover.c calls "project". */
static bool was_stored(const struct wc_service *s)
{
    return s->tree != NULL && s->tree->at.file != NULL &&
           strcmp(s->tree->at.file, "project") == 0 &&
           (s->at.file == NULL || strcmp(s->at.file, "project") != 0);
}

/* A service's own tree has the places of what was written; the project's is made of it. */
static void find_in_service(const struct wc_service *s, const char *path, struct wc_loc *found)
{
    static const char deps[] = "depends_on";
    const char *rest = path, *name;
    *found = s->at;
    if (was_stored(s))
        return;
    size_t len = next_name(&rest, &name);
    walk(s->tree, path, found);
    if (len != sizeof deps - 1 || memcmp(name, deps, len) != 0)
        return;
    len = next_name(&rest, &name);
    for (size_t i = 0; i < s->n_deps; i++)
        if (strlen(s->deps[i].service) == len && memcmp(s->deps[i].service, name, len) == 0 &&
            s->deps[i].at.line != 0)
            *found = s->deps[i].at;
}

bool wc_spec_place(const struct wc_project *project, const char *path, struct wc_loc *out)
{
    static const char services[] = "services.";
    struct wc_loc found = { 0 };
    const char *rest = path + sizeof services - 1, *name;
    const struct wc_service *s = NULL;
    if (strncmp(path, services, sizeof services - 1) == 0) {
        size_t len = next_name(&rest, &name);
        for (size_t i = 0; i < project->n_services && s == NULL; i++)
            if (strlen(project->services[i].name) == len &&
                memcmp(project->services[i].name, name, len) == 0)
                s = &project->services[i];
    }
    if (s != NULL)
        find_in_service(s, rest, &found);
    else
        walk(project->tree, path, &found);
    if (found.file == NULL)
        return false;
    *out = found;
    return true;
}
