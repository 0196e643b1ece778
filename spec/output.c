/* output.c - what the canonical output shows of a section.
 *
 * docker compose prints Go structs with omitempty: a zero value isn't printed, except of members
 * that are pointers there; their rows have SHOWS_ZERO. So have both members of a ulimit: it isn't
 * read without them, and what is printed must load again.
 */
#include "spec/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/special.h"
#include "spec/types.h"

static bool is_size(const struct wc_type *type)
{
    return type == &wc_type_bytes || type == &wc_type_bytes_m1 || type == &wc_type_size ||
           type == &wc_type_swappiness || type == &wc_type_memswap;
}

/* True when a value is what its absence means. */
static bool says_nothing(const struct wc_field *field, const struct wc_node *value)
{
    switch (value->kind) {
    case WC_NODE_NULL:
        return true;
    case WC_NODE_BOOL:
        return !value->boolean;
    case WC_NODE_INT:
        return value->integer == 0;
    case WC_NODE_FLOAT:
        return value->number == 0;
    case WC_NODE_STRING:
        return value->text[0] == '\0' || (is_size(field->type) && wc_streq(value->text, "0"));
    case WC_NODE_LIST:
        return value->n == 0;
    case WC_NODE_MAP:
        return value->n == 0 && (field->sub == NULL || field->type != &wc_type_section);
    case WC_NODE_BAD:
        return false;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    const struct wc_node *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

static struct wc_node *sorted(struct wc_load *load, const struct wc_node *list)
{
    struct wc_node *out = wc_node_copy(load->arena, list);
    for (size_t i = 0; i < out->n; i++)
        if (out->items[i]->kind != WC_NODE_STRING)
            return out;
    if (out->n > 1)
        qsort(out->items, out->n, sizeof(struct wc_node *), by_text);
    return out;
}

/* Keys of ssh as the list that docker compose prints: default, ID=path. */
static struct wc_node *ssh_list(struct wc_load *load, const struct wc_node *map)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, map);
    for (size_t i = 0; i < map->n; i++) {
        const struct wc_member *m = &map->members[i];
        bool path = m->value->kind == WC_NODE_STRING && m->value->text[0] != '\0';
        const char *text =
            path ? wc_arena_printf(load->arena, "%s=%s", m->key, m->value->text) : m->key;
        wc_node_add(load->arena, out, wc_node_string(load->arena, text, m->value));
    }
    return sorted(load, out);
}

static struct wc_node *shown(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *value)
{
    if (field->type == &wc_type_hosts && value->kind == WC_NODE_LIST)
        return sorted(load, value);
    if (field->type == &wc_type_ssh && value->kind == WC_NODE_MAP)
        return ssh_list(load, value);
    if (field->sub == NULL || (value->kind != WC_NODE_MAP && value->kind != WC_NODE_LIST))
        return value;
    if (value->kind == WC_NODE_MAP && !wc_field_has_entries(field))
        return wc_output_section(load, field->sub, value);
    struct wc_node *out = wc_node_copy(load->arena, value);
    for (size_t i = 0; i < out->n; i++) {
        struct wc_node **slot =
            value->kind == WC_NODE_MAP ? &out->members[i].value : &out->items[i];
        if ((*slot)->kind == WC_NODE_MAP)
            *slot = wc_output_section(load, field->sub, *slot);
    }
    return out;
}

struct wc_node *wc_output_section(struct wc_load *load, const struct wc_table *table,
                                  const struct wc_node *section)
{
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_MAP, section);
    wc_node_reserve(load->arena, out, section->n);
    for (size_t i = 0; i < section->n; i++) {
        const struct wc_member *m = &section->members[i];
        const struct wc_field *field = wc_table_find(table, m->key);
        bool ours = field != NULL && !wc_str_starts(m->key, "x-");
        if (ours && says_nothing(field, m->value) && !field->shows_zero)
            continue;
        wc_node_put_at(load->arena, out, m, ours ? shown(load, field, m->value) : m->value);
    }
    return out;
}

struct wc_node *wc_output_network(struct wc_load *load, const struct wc_node *network)
{
    struct wc_node *out = wc_output_section(load, &wc_table_network, network);
    struct wc_node *ipam = wc_node_get(out, "ipam");
    if (ipam != NULL && ipam->kind == WC_NODE_MAP)
        wc_node_drop(ipam, "options");
    return out;
}
