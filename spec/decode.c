/* decode.c - long forms to structs, by table, and a word about everything that isn't carried out.
 */
#include "base/str.h"
#include "spec/table.h"
#include "spec/types.h"

static void report_support(struct wc_load *load, const struct wc_field *field,
                           const struct wc_member *member, const struct wc_where *where)
{
    bool refused = field->support == WC_REFUSED;
    struct wc_diag *diag =
        wc_report_at(load, refused ? WC_E_NOT_YET : WC_W_NOT_YET, member->key_at, member->key_span,
                     "'%s' in %s is not carried out yet%s", member->key, wc_where_text(load, where),
                     refused ? "" : "; it has no effect");
    if (refused)
        diag->hint = "remove it, or wait for a release that carries it out";
}

static void decode_member(struct wc_load *load, const struct wc_field *field,
                          const struct wc_member *member, void *base, const struct wc_where *where)
{
    struct wc_node *value = member->value;
    struct wc_where inner = { where, member->key, member->key_at, member->key_span, 0 };
    if (value->kind == WC_NODE_BAD)
        return;
    if (value->kind == WC_NODE_NULL && !field->type->null_ok && !wc_streq(field->key, "deploy") &&
        !wc_streq(field->key, "build")) {
        wc_canon_refuse(load, field, value, &inner);
        return;
    }
    if (field->support == WC_WARNED || field->support == WC_REFUSED)
        report_support(load, field, member, where);
    if (value->kind == WC_NODE_NULL)
        return;
    if (field->type == &wc_type_section)
        wc_decode_section(load, field->sub, value, base, &inner);
    else if (field->offset != WC_NO_OFFSET && field->type->decode != NULL)
        field->type->decode(load, field, value, (char *)base + field->offset);
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
