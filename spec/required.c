/* required.c - members that must be there. A map may be put together from several files, so it is
 * looked at after merging; an item of a list comes from one file, and its canon looks at once.
 */
#include "spec/table.h"

#include <string.h>

#include "base/arena.h"
#include "base/str.h"

void wc_require(struct wc_load *load, const struct wc_node *map, const char *required,
                const struct wc_where *where)
{
    bool keyed = where->key_at.line != 0;
    if (map->tag == WC_TAG_RESET)
        return;
    for (const char *p = required; *p != '\0';) {
        size_t len = strcspn(p, " ");
        const char *key = wc_arena_strndup(load->arena, p, len);
        if (wc_node_member(map, key) == NULL)
            wc_report_at(load, WC_E_MISSING, keyed ? where->key_at : map->at,
                         keyed ? where->key_span : 1, "%s needs '%s'", wc_where_text(load, where),
                         key);
        p += len + (p[len] == ' ' ? 1 : 0);
    }
}

static void require_in(struct wc_load *load, const struct wc_field *field,
                       const struct wc_node *map, const struct wc_where *where)
{
    if (map->kind != WC_NODE_MAP)
        return;
    if (field->required != NULL && field->merge == WC_MERGE_MAP)
        wc_require(load, map, field->required, where);
    wc_require_all(load, field->sub, map, where);
}

void wc_require_all(struct wc_load *load, const struct wc_table *table, const struct wc_node *node,
                    const struct wc_where *where)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_member *m = &node->members[i];
        const struct wc_field *field = wc_table_find(table, m->key);
        struct wc_where inner = { where, m->key, m->key_at, m->key_span, 0 };
        if (field == NULL || field->sub == NULL)
            continue;
        if (m->value->kind == WC_NODE_MAP && !wc_field_has_entries(field))
            require_in(load, field, m->value, &inner);
        for (size_t k = 0; m->value->kind == WC_NODE_LIST && k < m->value->n; k++) {
            struct wc_where item = { where, m->key, { 0 }, 0, k + 1 };
            require_in(load, field, m->value->items[k], &item);
        }
        for (size_t k = 0;
             m->value->kind == WC_NODE_MAP && wc_field_has_entries(field) && k < m->value->n; k++) {
            const struct wc_member *entry = &m->value->members[k];
            struct wc_where at = { &inner, entry->key, entry->key_at, entry->key_span, 0 };
            require_in(load, field, entry->value, &at);
        }
    }
}
