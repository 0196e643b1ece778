/* extends.c - one pass over a document's services, each resolved once.
 *
 * A scope is a set of services that see each other: those of one document with what it includes, or
 * those of one extended file. A service of a scope is resolved when something needs it and kept, so
 * a thousand services over one base are a thousand merges and one look at the base. Services of an
 * extended file that nobody extends are never looked at.
 *
 * Tags: those of a service act on its base and then, when it is the document's own, on the files
 * before; a base arrives with its tags spent.
 */
#include "spec/extends.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/interpolate.h"
#include "spec/merge.h"
#include "spec/open.h"
#include "spec/paths.h"
#include "spec/types.h"

struct scope {
    struct wc_load *load;
    struct wc_unit *unit;
    const char *shown; /* its file */
    const char *dir;   /* where extends.file counts from */
    /* The document's own services, in long form; or, when NULL, documents to find them in. */
    const struct wc_node *services;
    struct wc_node **roots;
    size_t n_roots;
    bool broken;        /* not all documents could be read */
    struct wc_map done; /* name -> resolved service, its own tags kept */
};

/* A service that waits for its base. */
struct link {
    const struct link *up;
    const struct scope *scope;
    const char *name;
    struct wc_loc at; /* its extends */
    unsigned depth;
};

/* Where the name of the base stands. */
struct wish {
    const struct wc_node *service, *file; /* file may be NULL */
};

static struct wc_node *resolve(struct scope *scope, const char *name, const struct link *up);

/* services.<name>, for messages. */
struct place {
    struct wc_where top, services, service;
};

static const struct wc_where *place_of(struct place *place, const struct wc_member *member)
{
    place->top = (struct wc_where){ 0 };
    place->services = (struct wc_where){ &place->top, "services", { 0 }, 0, 0 };
    place->service =
        (struct wc_where){ &place->services, member->key, member->key_at, member->key_span, 0 };
    return &place->service;
}

/* The service of an extended file, from all its documents, with its paths resolved. */
static struct wc_node *find_in_roots(struct scope *scope, const char *name)
{
    struct wc_load *load = scope->load;
    struct wc_node *out = NULL;
    struct place place;
    for (size_t i = 0; i < scope->n_roots; i++) {
        const struct wc_member *m = wc_node_member(wc_node_get(scope->roots[i], "services"), name);
        if (m == NULL)
            continue;
        const struct wc_where *where = place_of(&place, m);
        struct wc_node *node = m->value;
        if (node->kind == WC_NODE_NULL && out != NULL)
            continue;
        if (node->tag == WC_TAG_RESET) {
            out = NULL;
            continue;
        }
        if (node->kind == WC_NODE_NULL)
            node = wc_node_new(load->arena, WC_NODE_MAP, node);
        if (node->kind == WC_NODE_MAP)
            node = wc_canon_section(load, &wc_table_service, node, where);
        else if (node->kind != WC_NODE_BAD)
            wc_report(load, WC_E_TYPE, node, "%s takes a map, not %s", wc_where_text(load, where),
                      wc_node_describe(node));
        if (node->kind != WC_NODE_MAP)
            return wc_node_new(load->arena, WC_NODE_MAP, node);
        if (out != NULL && node->tag != WC_TAG_OVERRIDE)
            node = wc_merge_under(load, &wc_table_service,
                                  wc_merge_section(load, &wc_table_service, NULL, out, where), node,
                                  where);
        out = node;
    }
    return out == NULL ? NULL : wc_paths_service(load, out, scope->dir);
}

static struct wc_node *find(struct scope *scope, const char *name)
{
    if (scope->services == NULL)
        return find_in_roots(scope, name);
    struct wc_node *found = wc_node_get(scope->services, name);
    if (found == NULL || found->tag == WC_TAG_RESET)
        return NULL;
    return found->kind == WC_NODE_MAP ? found : wc_node_new(scope->load->arena, WC_NODE_MAP, found);
}

static void add_names(struct wc_load *load, const struct wc_node *services, struct wc_strv *out)
{
    for (size_t i = 0; services != NULL && services->kind == WC_NODE_MAP && i < services->n; i++)
        wc_strv_add(load->arena, out, services->members[i].key);
}

static void report_absent(const struct scope *scope, const struct wish *wish, bool same_file)
{
    struct wc_load *load = scope->load;
    struct wc_strv names = { 0 };
    struct wc_diag *diag = wc_report(load, WC_E_EXTENDS, wish->service,
                                     "'extends' names service '%s', which %s doesn't have",
                                     wish->service->text, scope->shown);
    if (scope->services != NULL)
        add_names(load, scope->services, &names);
    for (size_t i = 0; scope->services == NULL && i < scope->n_roots; i++)
        add_names(load, wc_node_get(scope->roots[i], "services"), &names);
    wc_hint_words(load, diag, wish->service->text, names.items, names.n,
                  !same_file && names.n <= 8);
    if (diag->hint == NULL && same_file)
        diag->hint = "services of other files are named with 'file'";
}

/* "a (compose.yaml:3:14) -> b (base.yaml:2:5) -> a" */
static void report_cycle(const struct scope *scope, const struct wish *wish,
                         const struct link *from, const struct link *to)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    struct wc_load *load = scope->load;
    const struct link **chain = WC_NEW_ARRAY(load->arena, const struct link *, from->depth + 2);
    size_t n = 0;
    for (const struct link *l = from; l != to; l = l->up)
        chain[n++] = l;
    chain[n++] = to;
    for (size_t i = n; i-- > 0;)
        wc_buf_printf(&text, "%s (%s:%u:%u) -> ", chain[i]->name, chain[i]->at.file,
                      chain[i]->at.line, chain[i]->at.col);
    struct wc_diag *diag = wc_report(load, WC_E_EXTENDS_CYCLE, wish->service,
                                     "'extends' goes round: %s%s", text.data, to->name);
    diag->hint = "put what they share into a service that extends none of them";
    diag->related = to->at;
    diag->related_label = "it begins here";
}

/* The scope of another file, made once a unit; NULL when the file can't be read. */
static struct scope *open_scope(struct scope *from, const struct wc_node *file)
{
    struct wc_load *load = from->load;
    const char *path = wc_load_clean(load, wc_load_path(load, from->dir, file->text));
    struct scope *scope = wc_map_get(&from->unit->bases, path);
    if (scope != NULL)
        return scope;
    const struct wc_opened *opened =
        wc_open(load, path, wc_load_shown(load, path), file->at, file->span, "extended here");
    if (opened == NULL)
        return NULL;
    scope = WC_NEW(load->arena, struct scope);
    *scope = (struct scope){ .load = load,
                             .unit = from->unit,
                             .shown = opened->shown,
                             .dir = wc_load_dir(load, path),
                             .n_roots = opened->documents.n,
                             .broken = opened->broken };
    scope->roots = WC_NEW_ARRAY(load->arena, struct wc_node *, scope->n_roots + 1);
    for (size_t i = 0; i < scope->n_roots; i++) {
        struct wc_node *root = opened->documents.roots[i];
        scope->roots[i] = wc_load_raw(load) ? root : wc_interpolate(load, root);
    }
    wc_map_init(&scope->done, load->arena);
    wc_map_put(&from->unit->bases, path, scope);
    return scope;
}

/* What the service begins as; NULL after a report. */
static struct wc_node *find_base(struct scope *scope, const struct wish *wish,
                                 const struct link *self)
{
    struct scope *target = wish->file == NULL ? scope : open_scope(scope, wish->file);
    const char *name = wish->service->text;
    if (target == NULL)
        return NULL;
    for (const struct link *l = self; l != NULL; l = l->up) {
        if (l->scope == target && wc_streq(l->name, name)) {
            report_cycle(scope, wish, self, l);
            return NULL;
        }
    }
    struct wc_load *load = scope->load;
    if (!wc_budget_check(&load->budget, load->diags, WC_LIMIT_EXTENDS_CHAIN, self->depth,
                         wish->service->at, wish->service->span))
        return NULL;
    struct wc_node *base = resolve(target, name, self);
    if (base == NULL && !target->broken)
        report_absent(target, wish, wish->file == NULL);
    bool fits =
        base != NULL && wc_budget_copy(&load->budget, load->diags, WC_LIMIT_EXTENDS_NODES,
                                       base->weight, wish->service->at, wish->service->span);
    return fits ? base : NULL;
}

/* A service whose base is unknown: nobody can say that it has no image. */
static void stand_in(struct wc_load *load, struct wc_node *service)
{
    if (wc_node_get(service, "image") == NULL && wc_node_get(service, "build") == NULL)
        wc_node_put(load->arena, service, "image", wc_node_new(load->arena, WC_NODE_BAD, service));
}

static struct wc_node *extend(struct scope *scope, const char *name, struct wc_node *service,
                              const struct link *up)
{
    struct wc_load *load = scope->load;
    struct wc_member *extends = wc_node_member(service, "extends");
    struct wc_node *out = wc_node_copy(load->arena, service);
    struct wish wish = { wc_node_get(extends->value, "service"),
                         wc_node_get(extends->value, "file") };
    struct link self = { up, scope, name, extends->value->at, up == NULL ? 1 : up->depth + 1 };
    struct wc_member member = { .key = name };
    struct place place;
    wc_node_drop(out, "extends");
    if (extends->value->tag == WC_TAG_RESET)
        return out;
    if (wish.service != NULL && wish.service->kind == WC_NODE_NULL)
        wc_report_at(load, WC_E_MISSING, wish.service->at, wish.service->span,
                     "'extends' needs the name of a service, not nothing");
    bool usable =
        wish.service != NULL && wish.service->kind == WC_NODE_STRING &&
        (wish.file == NULL || wish.file->kind == WC_NODE_STRING || wish.file->kind == WC_NODE_NULL);
    if (wish.file != NULL && wish.file->kind == WC_NODE_NULL)
        wish.file = NULL;
    struct wc_node *base = usable ? find_base(scope, &wish, &self) : NULL;
    if (base == NULL) {
        stand_in(load, out);
        return out;
    }
    const struct wc_where *where = place_of(&place, &member);
    base = wc_merge_section(load, &wc_table_service, NULL, base, where);
    out = wc_merge_under(load, &wc_table_service, base, out, where);
    if (out->tag == service->tag)
        return out;
    out = wc_node_copy(load->arena, out);
    out->tag = service->tag;
    return out;
}

/* The service with its bases under it; NULL when the scope has none of that name. */
static struct wc_node *resolve(struct scope *scope, const char *name, const struct link *up)
{
    struct wc_node *service = wc_map_get(&scope->done, name);
    if (service != NULL)
        return service;
    service = find(scope, name);
    if (service == NULL)
        return NULL;
    const struct wc_node *extends = wc_node_get(service, "extends");
    if (extends != NULL && (extends->kind == WC_NODE_MAP || extends->kind == WC_NODE_BAD ||
                            extends->tag == WC_TAG_RESET))
        service = extend(scope, name, service, up);
    wc_map_put(&scope->done, name, service);
    return service;
}

struct wc_node *wc_extends_apply(struct wc_load *load, struct wc_unit *unit, const char *shown,
                                 struct wc_node *tree)
{
    const struct wc_member *section = wc_node_member(tree, "services");
    struct wc_node *services = NULL;
    if (section == NULL || section->value->kind != WC_NODE_MAP)
        return tree;
    struct scope scope = {
        .load = load, .unit = unit, .shown = shown, .dir = unit->dir, .services = section->value
    };
    wc_map_init(&scope.done, load->arena);
    for (size_t i = 0; i < section->value->n && !load->budget.over; i++) {
        const struct wc_member *m = &section->value->members[i];
        if (wc_node_get(m->value, "extends") == NULL || m->value->tag == WC_TAG_RESET)
            continue;
        if (services == NULL)
            services = wc_node_copy(load->arena, section->value);
        wc_node_put_at(load->arena, services, m, resolve(&scope, m->key, NULL));
    }
    if (services == NULL)
        return tree;
    tree = wc_node_copy(load->arena, tree);
    wc_node_put_at(load->arena, tree, section, services);
    return tree;
}
