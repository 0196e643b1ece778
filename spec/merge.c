/* merge.c - laying files over each other, by the rules in the rows.
 *
 * Long forms only get here, so no rule has to know a short one. Results are new nodes that share
 * everything that didn't change, so places stay those of the file a value came from.
 */
#include "spec/merge.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/types.h"
#include "spec/written.h"

static struct wc_node *merge_value(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *base, struct wc_node *over,
                                   const struct wc_where *where);

static bool mismatch(struct wc_load *load, const struct wc_node *base, const struct wc_node *over,
                     const struct wc_where *where)
{
    bool containers = !wc_node_is_scalar(base) || !wc_node_is_scalar(over);
    if (!containers || base->kind == over->kind)
        return false;
    struct wc_diag *diag =
        wc_report(load, WC_E_MERGE, over, "%s is %s here and %s %s", wc_where_text(load, where),
                  wc_node_describe(over), wc_node_describe(base),
                  load->keep_tags ? "in what it extends or includes" : "in the file before it");
    diag->hint = "write !override in front of the value to replace it whole";
    diag->related = base->at;
    diag->related_span = base->span;
    diag->related_label = "set here";
    return true;
}

/* Without a table: maps are merged, lists appended, scalars replaced. */
static struct wc_node *merge_plain(struct wc_load *load, struct wc_node *base, struct wc_node *over,
                                   const struct wc_where *where)
{
    static const struct wc_table no_rows = { .name = "anything" };
    if (wc_node_is_scalar(base))
        return over;
    if (mismatch(load, base, over, where))
        return over;
    if (over->kind == WC_NODE_MAP)
        return wc_merge_section(load, &no_rows, base, over, where);
    if (over->kind != WC_NODE_LIST)
        return over;
    struct wc_node *out = wc_node_copy(load->arena, base);
    for (size_t i = 0; i < over->n; i++)
        if (over->items[i]->tag != WC_TAG_RESET)
            wc_node_add(load->arena, out, over->items[i]);
    return out;
}

/* Maps and lists without a table that meet nothing: only their tags are carried out. */
static struct wc_node *merge_alone(struct wc_load *load, struct wc_node *over,
                                   const struct wc_where *where)
{
    if (!load->tagged || wc_node_is_scalar(over) || over->kind == WC_NODE_BAD)
        return over;
    return merge_plain(load, wc_node_new(load->arena, over->kind, over), over, where);
}

/* A key for an item, so that repeats are found without comparing all pairs. */
static const char *item_key(struct wc_load *load, const struct wc_field *field,
                            const struct wc_node *item)
{
    if (item->kind == WC_NODE_BAD)
        return NULL;
    if (field->ident != NULL)
        return field->ident(load->arena, item);
    return wc_node_is_scalar(item) ? item->text : NULL;
}

/* One list on its way to being merged. */
struct list_merge {
    struct wc_load *load;
    const struct wc_field *field;
    const struct wc_where *where;
    struct wc_map seen; /* ident -> position + 1 */
    struct wc_node *out;
};

/* `fold`: lay it over an equal one that is there; `remember`: a later one may be laid over it. */
static void add_item(struct list_merge *m, struct wc_node *item, bool fold, bool remember)
{
    if (item->tag == WC_TAG_RESET)
        return;
    const char *key = item_key(m->load, m->field, item);
    uintptr_t position = key == NULL || !fold ? 0 : (uintptr_t)wc_map_get(&m->seen, key);
    if (position != 0) {
        struct wc_node **slot = &m->out->items[position - 1];
        bool join = m->field->merge == WC_MERGE_JOIN && (*slot)->kind == WC_NODE_MAP &&
                    item->kind == WC_NODE_MAP;
        *slot = join ? wc_merge_section(m->load, m->field->sub, *slot, item, m->where) : item;
        return;
    }
    wc_node_add(m->load->arena, m->out, item);
    if (key != NULL && remember)
        wc_map_put(&m->seen, key, (void *)(uintptr_t)m->out->n);
}

/* APPEND, UNIQUE and JOIN. UNIQUE folds repeats within one file too; JOIN doesn't: two pools
 * without a subnet are two. */
static struct wc_node *merge_lists(struct wc_load *load, const struct wc_field *field,
                                   const struct wc_node *base, struct wc_node *over,
                                   const struct wc_where *where)
{
    struct list_merge merge = { .load = load, .field = field, .where = where };
    bool join = field->merge == WC_MERGE_JOIN;
    wc_map_init(&merge.seen, load->arena);
    merge.out = wc_node_new(load->arena, WC_NODE_LIST, over);
    for (size_t i = 0; base != NULL && i < base->n; i++)
        add_item(&merge, base->items[i], !join, true);
    for (size_t i = 0; i < over->n; i++)
        add_item(&merge, over->items[i], true, !join);
    return merge.out;
}

static struct wc_node *merge_keys(struct wc_load *load, const struct wc_node *base,
                                  const struct wc_node *over)
{
    struct wc_node *out = base == NULL ? wc_node_new(load->arena, WC_NODE_MAP, over)
                                       : wc_node_copy(load->arena, base);
    for (size_t i = 0; i < over->n; i++) {
        if (over->members[i].value->tag == WC_TAG_RESET && !load->keep_tags)
            wc_node_drop(out, over->members[i].key);
        else
            wc_node_put_at(load->arena, out, &over->members[i], over->members[i].value);
    }
    return out;
}

static bool same_driver(const struct wc_node *base, const struct wc_node *over)
{
    const char *a = wc_node_text(base, "driver"), *b = wc_node_text(over, "driver");
    return a == NULL || b == NULL || wc_streq(a, b);
}

/* Entries of a map of sections: each is merged by the table, whatever its key. */
static struct wc_node *merge_entries(struct wc_load *load, const struct wc_table *table,
                                     const struct wc_node *base, const struct wc_node *over,
                                     const struct wc_where *where)
{
    static const struct wc_type entry_type = { .expects = "a map",
                                               .kinds = WC_KIND(WC_NODE_MAP),
                                               .null_ok = true };
    struct wc_field entry = { .type = &entry_type, .merge = WC_MERGE_MAP, .sub = table };
    struct wc_node *out = base == NULL ? wc_node_new(load->arena, WC_NODE_MAP, over)
                                       : wc_node_copy(load->arena, base);
    for (size_t i = 0; i < over->n; i++) {
        const struct wc_member *m = &over->members[i];
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        struct wc_node *value =
            merge_value(load, &entry, wc_node_get(base, m->key), m->value, &inner);
        if (value == NULL)
            wc_node_drop(out, m->key);
        else
            wc_node_put_at(load->arena, out, m, value);
    }
    return out;
}

static struct wc_node *merge_maps(struct wc_load *load, const struct wc_field *field,
                                  struct wc_node *base, struct wc_node *over,
                                  const struct wc_where *where)
{
    if (over->kind != WC_NODE_MAP || field->sub == NULL)
        return base == NULL ? merge_alone(load, over, where) : merge_plain(load, base, over, where);
    return wc_field_has_entries(field) ? merge_entries(load, field->sub, base, over, where)
                                       : wc_merge_section(load, field->sub, base, over, where);
}

static struct wc_node *merge_by_rule(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *base, struct wc_node *over,
                                     const struct wc_where *where)
{
    switch (field->merge) {
    case WC_MERGE_REPLACE:
    case WC_MERGE_WHOLE:
        return over;
    case WC_MERGE_MAP:
        return merge_maps(load, field, base, over, where);
    case WC_MERGE_DRIVER:
        return merge_maps(load, field, base != NULL && same_driver(base, over) ? base : NULL, over,
                          where);
    case WC_MERGE_KEYS:
        return over->kind == WC_NODE_MAP ? merge_keys(load, base, over) : over;
    case WC_MERGE_APPEND:
    case WC_MERGE_UNIQUE:
    case WC_MERGE_JOIN:
        return over->kind == WC_NODE_LIST ? merge_lists(load, field, base, over, where) : over;
    }
    return over;
}

static struct wc_node *tagged(struct wc_load *load, struct wc_node *node, enum wc_node_tag tag)
{
    if (node->tag == tag)
        return node;
    struct wc_node *copy = wc_node_copy(load->arena, node);
    copy->tag = tag;
    return copy;
}

/* Returns what the member is afterwards; NULL: it is gone. */
static struct wc_node *merge_value(struct wc_load *load, const struct wc_field *field,
                                   struct wc_node *base, struct wc_node *over,
                                   const struct wc_where *where)
{
    bool nothing = over->tag == WC_TAG_OVERRIDE && over->kind == WC_NODE_NULL &&
                   !field->type->null_ok; /* nothing instead of something: as !reset */
    if (over->tag == WC_TAG_RESET || nothing)
        return load->keep_tags ? tagged(load, over, WC_TAG_RESET) : NULL;
    if (over->tag == WC_TAG_OVERRIDE || (base != NULL && base->kind == WC_NODE_NULL))
        base = NULL;
    if (over->kind == WC_NODE_BAD || (base != NULL && base->kind == WC_NODE_BAD))
        return over->kind == WC_NODE_BAD ? over : base;
    if (over->kind == WC_NODE_NULL && base != NULL && field->merge != WC_MERGE_WHOLE)
        return base;
    struct wc_node *out = merge_by_rule(load, field, base, over, where);
    out = tagged(load, out, load->keep_tags ? over->tag : WC_TAG_NONE);
    if (load->options->no_interpolate)
        wc_written_merge(load, field, out, base, over);
    return out;
}

struct wc_node *wc_merge_section(struct wc_load *load, const struct wc_table *table,
                                 struct wc_node *base, struct wc_node *over,
                                 const struct wc_where *where)
{
    if (base == NULL && (!load->tagged || load->keep_tags))
        return over;
    static const struct wc_field plain = { .type = &wc_type_any, .merge = WC_MERGE_MAP };
    struct wc_node *out = base == NULL ? wc_node_new(load->arena, WC_NODE_MAP, over)
                                       : wc_node_copy(load->arena, base);
    for (size_t i = 0; i < over->n; i++) {
        const struct wc_member *m = &over->members[i];
        const struct wc_field *field = wc_table_find(table, m->key);
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        struct wc_node *value = merge_value(load, field == NULL ? &plain : field,
                                            wc_node_get(base, m->key), m->value, &inner);
        if (value == NULL)
            wc_node_drop(out, m->key);
        else
            wc_node_put_at(load->arena, out, m, value);
    }
    return out;
}

struct wc_node *wc_merge_under(struct wc_load *load, const struct wc_table *table,
                               struct wc_node *base, struct wc_node *over,
                               const struct wc_where *where)
{
    load->keep_tags = true;
    struct wc_node *out = wc_merge_section(load, table, base, over, where);
    load->keep_tags = false;
    return out;
}
