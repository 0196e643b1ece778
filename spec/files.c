/* files.c - every file on its own way to long forms, then one over the other.
 *
 * The order can be observed: variables, then what the document includes, then what its services
 * extend, then the merge with the files before it. So an extension sees included services, but
 * never those of an earlier file, and a later file overrides what was extended.
 *
 * All files are parsed before any is interpolated, since the project's name may come from the last
 * one and ${COMPOSE_PROJECT_NAME} may stand in the first.
 */
#include "spec/files.h"

#include "base/arena.h"
#include "base/str.h"
#include "spec/discover.h"
#include "spec/extends.h"
#include "spec/include.h"
#include "spec/interpolate.h"
#include "spec/merge.h"
#include "spec/open.h"
#include "spec/paths.h"
#include "spec/table.h"

/* The last `name` of all files, expanded. */
static const struct wc_node *find_name(struct wc_load *load, const struct wc_opened *const *files)
{
    struct wc_node *name = NULL;
    for (size_t i = 0; i < load->files.n; i++) {
        for (size_t d = 0; files[i] != NULL && d < files[i]->documents.n; d++) {
            struct wc_node *found = wc_node_get(files[i]->documents.roots[d], "name");
            if (found != NULL && found->kind == WC_NODE_STRING)
                name = found;
        }
    }
    if (name == NULL || wc_load_raw(load))
        return name;
    size_t before = load->diags->n_errors;
    name = wc_interpolate(load, name);
    return load->diags->n_errors == before ? name : NULL;
}

static void settle_name(struct wc_load *load, const struct wc_opened *const *files)
{
    const struct wc_node *name = find_name(load, files);
    if (load->canonical && name != NULL)
        load->project_name = name->text;
    else
        wc_discover_name(load, name);
    wc_map_put(&load->env, "COMPOSE_PROJECT_NAME", (void *)(uintptr_t)load->project_name);
}

static void warn_version(struct wc_load *load, const struct wc_node *root)
{
    const struct wc_member *version = wc_node_member(root, "version");
    if (version == NULL)
        return;
    struct wc_diag *diag = wc_report_at(load, WC_W_OBSOLETE, version->key_at, version->key_span,
                                        "'version' has no meaning any more and is ignored");
    diag->hint = "remove it";
}

/* Beyond the limit the rest isn't worth the work. */
static bool few_services(struct wc_load *load, const struct wc_node *tree)
{
    const struct wc_node *services = wc_node_get(tree, "services");
    size_t most = load->budget.max[WC_LIMIT_SERVICES];
    if (services == NULL || services->kind != WC_NODE_MAP || services->n <= most)
        return true;
    return wc_budget_check(&load->budget, load->diags, WC_LIMIT_SERVICES, services->n,
                           services->members[most].key_at, services->members[most].key_span);
}

/* One document: variables, long forms, what it includes, what it extends. */
static struct wc_node *prepare(struct wc_load *load, struct wc_unit *unit,
                               const struct wc_opened *file, struct wc_node *tree)
{
    static const struct wc_where root = { 0 };
    if (tree->kind != WC_NODE_MAP) {
        if (tree->kind != WC_NODE_BAD)
            wc_report(load, WC_E_TYPE, tree, "a Compose file is a map with 'services', not %s",
                      wc_node_describe(tree));
        return NULL;
    }
    if (!few_services(load, tree))
        return NULL;
    if (!wc_load_raw(load))
        tree = wc_interpolate(load, tree);
    if (load->budget.over)
        return NULL;
    tree = wc_canon_section(load, &wc_table_project, tree, &root);
    warn_version(load, tree);
    if (load->canonical)
        return tree;
    tree = wc_paths_env_files(load, tree, unit->dir);
    tree = wc_include_apply(load, unit, file, tree);
    return wc_extends_apply(load, unit, file->shown, tree);
}

/* Fills in what depends on the directory, so that it can't be left to a later unit. */
static struct wc_node *with_contexts(struct wc_load *load, struct wc_node *root)
{
    const struct wc_member *section = wc_node_member(root, "services");
    struct wc_node *out = NULL;
    for (size_t i = 0; section != NULL && i < section->value->n; i++) {
        const struct wc_member *m = &section->value->members[i];
        const struct wc_node *build = wc_node_get(m->value, "build");
        if (section->value->kind != WC_NODE_MAP || build == NULL || build->kind != WC_NODE_MAP ||
            wc_node_text(build, "context") != NULL)
            continue;
        struct wc_node *service = wc_node_copy(load->arena, m->value);
        struct wc_node *with = wc_node_copy(load->arena, build);
        if (out == NULL)
            out = wc_node_copy(load->arena, section->value);
        wc_node_put(load->arena, with, "context", wc_node_string(load->arena, ".", build));
        wc_node_put(load->arena, service, "build", with);
        wc_node_put_at(load->arena, out, m, service);
    }
    if (out == NULL)
        return root;
    root = wc_node_copy(load->arena, root);
    wc_node_put_at(load->arena, root, section, out);
    return root;
}

static struct wc_node *load_unit(struct wc_load *load, struct wc_unit *unit)
{
    static const struct wc_where where = { 0 };
    struct wc_node *merged = NULL;
    wc_map_init(&unit->bases, load->arena);
    for (size_t i = 0; i < unit->files.n; i++) {
        const struct wc_opened *file = wc_map_get(&load->opened, unit->files.items[i]);
        for (size_t d = 0; file != NULL && d < file->documents.n && !load->budget.over; d++) {
            struct wc_node *tree = prepare(load, unit, file, file->documents.roots[d]);
            if (tree != NULL)
                merged = wc_merge_section(load, &wc_table_project, merged, tree, &where);
        }
    }
    if (merged == NULL || load->canonical)
        return merged;
    if (load->budget.over || !few_services(load, merged))
        return NULL;
    return wc_paths_resolve(load, with_contexts(load, merged), unit->dir);
}

struct wc_node *wc_files_load(struct wc_load *load)
{
    struct wc_unit unit = { .files = load->files, .dir = load->project_dir, .load = load_unit };
    const struct wc_opened **files =
        WC_NEW_ARRAY(load->arena, const struct wc_opened *, load->files.n + 1);
    for (size_t i = 0; i < load->files.n && !load->budget.over; i++) {
        const char *shown = load->shown_files.items[i];
        struct wc_loc at = { shown, 0, 0 };
        files[i] = wc_open(load, load->files.items[i], shown, at, 1, NULL);
        if (files[i] != NULL && files[i]->documents.n == 0 && !files[i]->broken)
            wc_report_at(load, WC_E_TYPE, (struct wc_loc){ shown, 1, 1 }, 1,
                         "the file is empty; a Compose file is a map with 'services'");
    }
    if (load->budget.over)
        return NULL;
    settle_name(load, files);
    return load_unit(load, &unit);
}
