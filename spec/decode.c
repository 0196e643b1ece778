/* decode.c - long forms to structs, by table, and a word about everything that isn't carried out.
 */
#include "base/str.h"
#include "spec/table.h"
#include "spec/types.h"

/* The rest of "'gpus' in services.web …". */
static const char *verdict(const struct wc_load *load, enum wc_support level)
{
    bool windows = load->options->platform == WC_PLATFORM_WINDOWS;
    if (level == WC_WARNED)
        return windows ? "is not carried out in Windows containers; it has no effect"
                       : "is not carried out yet; it has no effect";
    return windows ? "is not carried out in Windows containers" : "is not carried out yet";
}

/* An empty list, an empty map and false ask for nothing. */
static bool says_nothing(const struct wc_node *value)
{
    return value->kind == WC_NODE_NULL || (!wc_node_is_scalar(value) && value->n == 0) ||
           (value->kind == WC_NODE_BOOL && !value->boolean);
}

/* Reports what the platform makes of a value; true when it is carried out, members and all. */
static bool report_support(struct wc_load *load, const struct wc_field *field,
                           const struct wc_member *member, const struct wc_where *where)
{
    enum wc_support level = wc_field_support(field, load->options->platform);
    if (level == WC_CARRIED || level == WC_QUIET)
        return level == WC_CARRIED;
    const char *place = wc_where_text(load, where), *text = verdict(load, level);
    struct wc_diag *diag = NULL;
    if (level == WC_WARNED)
        wc_report_at(load, WC_W_NOT_YET, member->key_at, member->key_span, "'%s' in %s %s",
                     member->key, place, text);
    if (level == WC_REFUSED && !says_nothing(member->value))
        diag = wc_report_not_yet(load, member->key_at, member->key_span, "'%s' in %s %s",
                                 member->key, place, text);
    if (diag != NULL)
        diag->hint = load->options->platform == WC_PLATFORM_WINDOWS
                         ? "remove it, or run the service in a Linux container"
                         : "remove it, or wait for a release that carries it out";
    return false;
}

/* What stands in the items of a list: their decoders read values only. */
static void walk_items(struct wc_load *load, const struct wc_table *table,
                       const struct wc_node *list, const struct wc_where *where)
{
    for (size_t i = 0; i < list->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (list->items[i]->kind == WC_NODE_MAP)
            wc_decode_section(load, table, list->items[i], NULL, &inner);
    }
}

static void refuse_nulls_of(struct wc_load *load, const struct wc_table *table,
                            const struct wc_node *map, const struct wc_where *where)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct wc_member *m = &map->members[i];
        const struct wc_field *row = wc_table_find(table, m->key);
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        if (row != NULL && m->value->kind == WC_NODE_NULL && !wc_field_takes_null(row))
            wc_canon_refuse(load, row, m->value, &inner);
        else if (row != NULL)
            wc_refuse_nulls(load, row, m->value, &inner);
    }
}

void wc_refuse_nulls(struct wc_load *load, const struct wc_field *field,
                     const struct wc_node *value, const struct wc_where *where)
{
    bool entries = wc_field_has_entries(field);
    if (field->sub == NULL)
        return;
    for (size_t i = 0; value->kind == WC_NODE_LIST && i < value->n; i++) {
        struct wc_where inner = { where->up, where->name, { 0 }, 0, i + 1 };
        if (value->items[i]->kind == WC_NODE_MAP)
            refuse_nulls_of(load, field->sub, value->items[i], &inner);
    }
    for (size_t i = 0; entries && value->kind == WC_NODE_MAP && i < value->n; i++) {
        const struct wc_member *m = &value->members[i];
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        if (m->value->kind == WC_NODE_MAP)
            refuse_nulls_of(load, field->sub, m->value, &inner);
    }
    if (value->kind == WC_NODE_MAP && !entries)
        refuse_nulls_of(load, field->sub, value, where);
}

static void decode_member(struct wc_load *load, const struct wc_field *field,
                          const struct wc_member *member, void *base, const struct wc_where *where)
{
    struct wc_node *value = member->value;
    struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
    if (value->kind == WC_NODE_BAD)
        return;
    if (value->kind == WC_NODE_NULL && !wc_field_takes_null(field)) {
        wc_canon_refuse(load, field, value, &inner);
        return;
    }
    if (wc_canon_is_template(load, value) &&
        (field->type->canon != NULL || (field->type->kinds & WC_KIND(WC_NODE_STRING)) == 0))
        return;
    bool carried = report_support(load, field, member, where);
    if (!carried)
        wc_refuse_nulls(load, field, value, &inner);
    if (value->kind == WC_NODE_NULL || !carried)
        return;
    if (value->kind == WC_NODE_LIST && field->sub != NULL)
        walk_items(load, field->sub, value, &inner);
    if (field->type == &wc_type_section || field->type == &wc_type_build)
        wc_decode_section(load, field->sub, value, base, &inner);
    load->decoding = &inner;
    if (base != NULL && field->type != &wc_type_section && field->offset != WC_NO_OFFSET &&
        field->type->decode != NULL)
        field->type->decode(load, field, value, (char *)base + field->offset);
    load->decoding = NULL;
}

void wc_decode_section(struct wc_load *load, const struct wc_table *table,
                       const struct wc_node *node, void *base, const struct wc_where *where)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_field *field = wc_table_find(table, node->members[i].key);
        if (field != NULL)
            decode_member(load, field, &node->members[i], base, where);
    }
}
