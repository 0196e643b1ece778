/* include.c - each entry is a project of its own: directory, .env, files; only its resources come
 * over.
 *
 * The entry's files are loaded as those of the command line are, with its own variables under those
 * of the including project, and the finished tree (extensions carried out, paths absolute) is laid
 * under the including document. So nothing in it depends any more on where it is included from.
 */
#include "spec/include.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/discover.h"
#include "spec/merge.h"
#include "spec/open.h"
#include "spec/types.h"

/* "a.yaml -> b.yaml -> a.yaml" */
static void report_cycle(struct wc_load *load, const struct wc_unit *unit,
                         const struct wc_opened *file, const struct wc_node *path,
                         const char *target)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_strv chain = { 0 };
    wc_strv_add(load->arena, &chain, file->shown);
    for (const struct wc_unit *u = unit;
         u->by != NULL && !wc_streq(target, chain.items[chain.n - 1]); u = u->up)
        wc_strv_add(load->arena, &chain, wc_load_shown(load, u->by));
    for (size_t i = chain.n; i-- > 0;)
        wc_buf_printf(&text, "%s -> ", chain.items[i]);
    struct wc_diag *diag =
        wc_report(load, WC_E_INCLUDE_CYCLE, path, "'include' goes round: %s%s", text.data, target);
    diag->hint = "put what they share into a file that includes none of them";
}

static bool goes_round(struct wc_load *load, const struct wc_unit *unit,
                       const struct wc_opened *file, const struct wc_node *node, const char *path)
{
    bool found = wc_streq(path, file->path);
    for (const struct wc_unit *u = unit; !found && u->by != NULL; u = u->up)
        found = wc_streq(path, u->by);
    if (found)
        report_cycle(load, unit, file, node, wc_load_shown(load, path));
    return found;
}

/* A file that was included before is as much work as the first time, but wasn't written again. */
static bool within_limits(struct wc_load *load, const struct wc_unit *child,
                          const struct wc_opened *opened, bool again, const struct wc_node *path)
{
    struct wc_budget *budget = &load->budget;
    size_t nodes = 0;
    for (size_t i = 0; again && i < opened->documents.n; i++)
        nodes += opened->documents.roots[i]->weight;
    return wc_budget_check(budget, load->diags, WC_LIMIT_INCLUDE_DEPTH, child->depth, path->at,
                           path->span) &&
           wc_budget_take(budget, load->diags, WC_LIMIT_INCLUDES, 1, path->at, path->span) &&
           wc_budget_copy(budget, load->diags, WC_LIMIT_INCLUDE_NODES, nodes, path->at, path->span);
}

/* Opens the entry's files; false when one is missing or one of them is being included already. */
static bool open_files(struct wc_load *load, const struct wc_unit *unit,
                       const struct wc_opened *file, const struct wc_node *paths,
                       struct wc_unit *child)
{
    bool ok = true;
    for (size_t i = 0; i < paths->n && !load->budget.over; i++) {
        const struct wc_node *node = paths->items[i];
        if (node->kind != WC_NODE_STRING)
            return false;
        const char *path = wc_load_clean(load, wc_load_path(load, unit->dir, node->text));
        if (goes_round(load, unit, file, node, path)) {
            ok = false;
            continue;
        }
        const char *shown = wc_load_shown(load, path);
        bool again = wc_map_has(&load->opened, path);
        const struct wc_opened *opened =
            wc_open(load, path, shown, node->at, node->span, "included here");
        ok = opened != NULL && within_limits(load, child, opened, again, node) && ok;
        wc_strv_add(load->arena, &child->files, path);
    }
    return ok && child->files.n != 0;
}

/* The entry's own variables, as far as the environment doesn't have them already. */
static void read_variables(struct wc_load *load, const struct wc_unit *unit,
                           const struct wc_node *entry, const char *dir)
{
    const struct wc_node *env_files = wc_node_get(entry, "env_file");
    struct wc_map found;
    wc_map_init(&found, load->arena);
    for (size_t i = 0; env_files != NULL && i < env_files->n; i++) {
        const struct wc_node *node = env_files->items[i];
        if (node->kind == WC_NODE_STRING && !wc_streq(node->text, "/dev/null"))
            wc_discover_read(load, wc_load_path(load, unit->dir, node->text), node, &found);
    }
    if (env_files == NULL || env_files->n == 0)
        wc_discover_read(load, wc_load_path(load, dir, ".env"), NULL, &found);
    if (found.n == 0 || load->budget.over)
        return;
    if (!wc_budget_take(&load->budget, load->diags, WC_LIMIT_ENV_LINES, load->env.n, entry->at, 1))
        return;
    struct wc_map own;
    wc_map_init(&own, load->arena);
    for (size_t i = 0; i < load->env.n; i++)
        wc_map_put(&own, load->env.entries[i].key, load->env.entries[i].value);
    for (size_t i = 0; i < found.n; i++)
        if (!wc_map_has(&own, found.entries[i].key))
            wc_map_put(&own, found.entries[i].key, found.entries[i].value);
    load->env = own;
}

/* A bare key of `environment` takes the value that the included project knows: nobody else will. */
static struct wc_node *with_values(struct wc_load *load, struct wc_node *service)
{
    const struct wc_node *section = wc_node_get(service, "environment");
    struct wc_node *out = NULL;
    for (size_t i = 0; section != NULL && section->kind == WC_NODE_MAP && i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        const char *value = m->value->kind == WC_NODE_NULL ? wc_load_env(load, m->key) : NULL;
        if (value == NULL)
            continue;
        if (out == NULL)
            out = wc_node_copy(load->arena, section);
        wc_node_put_at(load->arena, out, m, wc_node_string(load->arena, value, m->value));
    }
    if (out == NULL)
        return service;
    service = wc_node_copy(load->arena, service);
    wc_node_put(load->arena, service, "environment", out);
    return service;
}

/* Loads one entry; NULL when there is nothing of it. */
static struct wc_node *load_entry(struct wc_load *load, const struct wc_unit *unit,
                                  const struct wc_opened *file, const struct wc_node *entry)
{
    const struct wc_node *paths = wc_node_get(entry, "path");
    const struct wc_node *dir = wc_node_get(entry, "project_directory");
    struct wc_unit child = {
        .up = unit, .by = file->path, .depth = unit->depth + 1, .load = unit->load
    };
    if (paths == NULL && entry->kind == WC_NODE_MAP)
        wc_report(load, WC_E_MISSING, entry, "an entry of 'include' needs 'path'");
    if (paths == NULL || paths->kind != WC_NODE_LIST || (dir != NULL && dir->kind == WC_NODE_BAD) ||
        !open_files(load, unit, file, paths, &child))
        return NULL;
    child.dir = dir != NULL && dir->kind == WC_NODE_STRING && dir->text[0] != '\0'
                    ? wc_load_clean(load, wc_load_path(load, unit->dir, dir->text))
                    : wc_load_dir(load, child.files.items[0]);
    struct wc_map outer = load->env;
    read_variables(load, unit, entry, child.dir);
    struct wc_node *root = unit->load(load, &child);
    struct wc_node *services = wc_node_get(root, "services");
    if (services != NULL && services->kind == WC_NODE_MAP && !load->options->no_interpolate) {
        struct wc_node *out = wc_node_copy(load->arena, services);
        for (size_t i = 0; i < out->n; i++)
            out->members[i].value = with_values(load, out->members[i].value);
        root = wc_node_copy(load->arena, root);
        wc_node_put(load->arena, root, "services", out);
    }
    load->env = outer;
    return root;
}

static struct wc_node *tagged(struct wc_load *load, const struct wc_node *node,
                              enum wc_node_tag tag)
{
    struct wc_node *copy = wc_node_copy(load->arena, node);
    copy->tag = tag;
    return copy;
}

/* A map of one section with one resource in it: what the merge rules are written for. */
static struct wc_node *alone(struct wc_load *load, const struct wc_member *section,
                             const struct wc_member *member, struct wc_node *value)
{
    struct wc_node *inner = wc_node_new(load->arena, WC_NODE_MAP, value);
    struct wc_node *outer = wc_node_new(load->arena, WC_NODE_MAP, value);
    wc_node_put_at(load->arena, inner, member, value);
    wc_node_put_at(load->arena, outer, section, inner);
    return outer;
}

/* One resource that both sides may have. A !reset takes nothing from what is included, only from
 * files before this one: there it stands for the included resource. */
static struct wc_node *join(struct wc_load *load, const struct wc_member *section,
                            const struct wc_member *included, const struct wc_member *own)
{
    static const struct wc_where where = { 0 };
    if (own == NULL || (own->value->kind == WC_NODE_NULL && own->value->tag == WC_TAG_NONE))
        return included->value;
    if (own->value->tag == WC_TAG_RESET)
        return tagged(load, included->value, WC_TAG_OVERRIDE);
    struct wc_node *merged =
        wc_merge_under(load, &wc_table_project, alone(load, section, included, included->value),
                       alone(load, section, own, own->value), &where);
    return wc_node_get(wc_node_get(merged, section->key), own->key);
}

/* Lays a section of the included tree under the document's. *own  the section when it is a copy
 * already: a thousand entries that copy it once each would be the square of their number. */
static void import_section(struct wc_load *load, const struct wc_node *root, const char *key,
                           struct wc_node *tree, struct wc_node **own)
{
    const struct wc_member *from = wc_node_member(root, key);
    const struct wc_member *to = wc_node_member(tree, key);
    if (from == NULL || from->value->kind != WC_NODE_MAP)
        return;
    if (to == NULL || to->value->kind == WC_NODE_NULL || to->value->tag == WC_TAG_RESET) {
        bool reset = to != NULL && to->value->tag == WC_TAG_RESET;
        wc_node_put_at(load->arena, tree, from,
                       reset ? tagged(load, from->value, WC_TAG_OVERRIDE) : from->value);
        return;
    }
    if (to->value->kind != WC_NODE_MAP)
        return;
    if (*own == NULL)
        *own = wc_node_copy(load->arena, to->value);
    for (size_t i = 0; i < from->value->n; i++) {
        const struct wc_member *m = &from->value->members[i];
        wc_node_put_at(load->arena, *own, m, join(load, from, m, wc_node_member(*own, m->key)));
    }
    wc_node_put_at(load->arena, tree, to, *own);
}

struct wc_node *wc_include_apply(struct wc_load *load, struct wc_unit *unit,
                                 const struct wc_opened *file, struct wc_node *tree)
{
    static const char *const sections[] = { "services", "volumes", "networks",
                                            "secrets",  "configs", "models" };
    const struct wc_node *entries = wc_node_get(tree, "include");
    if (entries == NULL)
        return tree;
    tree = wc_node_copy(load->arena, tree);
    wc_node_drop(tree, "include");
    struct wc_node *own[WC_COUNT(sections)] = { NULL };
    for (size_t i = 0; entries->kind == WC_NODE_LIST && i < entries->n && !load->budget.over; i++) {
        const struct wc_node *root = load_entry(load, unit, file, entries->items[i]);
        for (size_t k = 0; root != NULL && k < WC_COUNT(sections); k++)
            import_section(load, root, sections[k], tree, &own[k]);
    }
    return tree;
}
