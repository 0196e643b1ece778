/* files.c - every file on its own way to long forms, then one over the other.
 *
 * All files are parsed before any is interpolated, since the project's name may come from the last
 * one and ${COMPOSE_PROJECT_NAME} may stand in the first.
 */
#include "spec/files.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/access.h"
#include "spec/discover.h"
#include "spec/encoding.h"
#include "spec/interpolate.h"
#include "spec/merge.h"
#include "spec/table.h"

struct tree_list {
    struct wc_node **items;
    size_t n, cap;
};

static void parse_one(struct wc_load *load, size_t i, struct tree_list *trees)
{
    const char *shown = load->shown_files.items[i], *path = load->files.items[i];
    struct wc_text text = { load->options->text, load->options->text_len };
    struct wc_documents documents;
    if (text.bytes == NULL) {
        const char *real = wc_streq(path, "-") ? "/dev/stdin" : path;
        if (!wc_access_read(load, real, shown, (struct wc_loc){ shown, 0, 0 }, 1, &text))
            return;
    }
    if (load->options->text != NULL &&
        (!wc_budget_check(&load->budget, load->diags, WC_LIMIT_FILE_BYTES, text.len,
                          (struct wc_loc){ shown, 1, 1 }, 1) ||
         !wc_encoding_take(load, shown, &text)))
        return;
    wc_diags_source(load->diags, shown, text.bytes, text.len);
    if (wc_node_parse(load->arena, load->diags, shown, &text, &load->budget, &documents) &&
        documents.n == 0)
        wc_report_at(load, WC_E_TYPE, (struct wc_loc){ shown, 1, 1 }, 1,
                     "the file is empty; a Compose file is a map with 'services'");
    for (size_t d = 0; d < documents.n; d++) {
        trees->items = wc_arena_grow(load->arena, trees->items, trees->n, &trees->cap,
                                     sizeof(struct wc_node *));
        trees->items[trees->n++] = documents.roots[d];
    }
}

static bool raw(const struct wc_load *load)
{
    return load->canonical || load->options->no_interpolate;
}

/* The last `name` of all files, expanded. */
static const struct wc_node *find_name(struct wc_load *load, const struct tree_list *trees)
{
    struct wc_node *name = NULL;
    for (size_t i = 0; i < trees->n; i++) {
        struct wc_node *found = wc_node_get(trees->items[i], "name");
        if (found != NULL && found->kind == WC_NODE_STRING)
            name = found;
    }
    if (name == NULL || raw(load))
        return name;
    size_t before = load->diags->n_errors;
    name = wc_interpolate(load, name);
    return load->diags->n_errors == before ? name : NULL;
}

static void settle_name(struct wc_load *load, const struct tree_list *trees)
{
    const struct wc_node *name = find_name(load, trees);
    if (load->canonical && name != NULL)
        load->project_name = name->text;
    else
        wc_discover_name(load, name);
    wc_map_put(&load->env, "COMPOSE_PROJECT_NAME", (void *)(uintptr_t)load->project_name);
}

/* What has to be refused before anything is merged, as merging would hide it. */
static void refuse_early(struct wc_load *load, const struct wc_node *root)
{
    const struct wc_node *services = wc_node_get(root, "services");
    const struct wc_member *version = wc_node_member(root, "version");
    if (version != NULL) {
        struct wc_diag *diag = wc_report_at(load, WC_W_OBSOLETE, version->key_at, version->key_span,
                                            "'version' has no meaning any more and is ignored");
        diag->hint = "remove it";
    }
    for (size_t i = 0; services != NULL && services->kind == WC_NODE_MAP && i < services->n; i++) {
        const struct wc_member *extends = wc_node_member(services->members[i].value, "extends");
        if (extends == NULL)
            continue;
        struct wc_diag *diag = wc_report_at(load, WC_E_NOT_YET, extends->key_at, extends->key_span,
                                            "'extends' in services.%s is not carried out yet",
                                            services->members[i].key);
        diag->hint = "write out what it brings, or share it with a YAML anchor";
    }
}

static struct wc_node *prepare(struct wc_load *load, struct wc_node *tree)
{
    static const struct wc_where root = { 0 };
    if (tree->kind != WC_NODE_MAP) {
        if (tree->kind != WC_NODE_BAD)
            wc_report(load, WC_E_TYPE, tree, "a Compose file is a map with 'services', not %s",
                      wc_node_describe(tree));
        return NULL;
    }
    if (!raw(load))
        tree = wc_interpolate(load, tree);
    tree = wc_canon_section(load, &wc_table_project, tree, &root);
    refuse_early(load, tree);
    return tree;
}

struct wc_node *wc_files_load(struct wc_load *load)
{
    static const struct wc_where where = { 0 };
    struct tree_list trees = { 0 };
    struct wc_node *merged = NULL;
    for (size_t i = 0; i < load->files.n; i++)
        parse_one(load, i, &trees);
    settle_name(load, &trees);
    for (size_t i = 0; i < trees.n; i++) {
        struct wc_node *tree = prepare(load, trees.items[i]);
        if (tree != NULL)
            merged = wc_merge_section(load, &wc_table_project, merged, tree, &where);
    }
    return merged;
}
