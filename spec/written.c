/* written.c - remembering written values, and joining them when files are merged.
 *
 * Notes are kept by the address of the long form. A stage that changes a long form makes a new
 * node, which has no note: what was changed isn't what was written any more.
 */
#include "spec/written.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "spec/types.h"

enum { ADDRESS_MAX = 24 };

static const char *address(char buf[ADDRESS_MAX], const struct wc_node *node)
{
    snprintf(buf, ADDRESS_MAX, "%p", (const void *)node);
    return buf;
}

struct wc_node *wc_written_of(const struct wc_load *load, const struct wc_node *made)
{
    char buf[ADDRESS_MAX];
    return wc_map_get(&load->written, address(buf, made));
}

static void put(struct wc_load *load, const struct wc_node *made, struct wc_node *from)
{
    char buf[ADDRESS_MAX];
    wc_map_put(&load->written, wc_arena_strdup(load->arena, address(buf, made)), from);
}

/* Values that are made long even when nothing is interpolated. */
static bool is_reshaped(const struct wc_field *field)
{
    static const struct wc_type *const types[] = {
        &wc_type_ssh,        &wc_type_contexts,   &wc_type_external, &wc_type_devices,
        &wc_type_truth_text, &wc_type_depends_on, &wc_type_networks, &wc_type_ulimits,
        &wc_type_env_files,  &wc_type_any,
    };
    static const char *const keys[] = { "dns", "ignore", "include", "label_file" };
    for (size_t i = 0; i < WC_COUNT(types); i++)
        if (field->type == types[i])
            return true;
    for (size_t i = 0; field->key != NULL && i < WC_COUNT(keys); i++)
        if (wc_streq(field->key, keys[i]))
            return true;
    return false;
}

bool wc_written_is_open(const struct wc_node *ports)
{
    for (size_t i = 0; ports->kind == WC_NODE_LIST && i < ports->n; i++)
        if (ports->items[i]->kind == WC_NODE_STRING)
            return true;
    return false;
}

/* Ports are long forms, unless one of the list holds a template. */
static bool is_kept(const struct wc_field *field)
{
    return field->type == &wc_type_ports || (field->sub == NULL && !is_reshaped(field));
}

static bool is_pairs(const struct wc_field *field)
{
    return field->type == &wc_type_kv || field->type == &wc_type_env;
}

/* What makes an item the same as another; NULL: nothing. */
static const char *item_key(struct wc_load *load, const struct wc_field *field,
                            const struct wc_node *item)
{
    if (is_pairs(field) && item->kind == WC_NODE_STRING)
        return wc_arena_strndup(load->arena, item->text, strcspn(item->text, "="));
    if (field->ident != NULL && (field->type == &wc_type_ports || wc_node_is_scalar(item)))
        return field->ident(load->arena, item);
    return wc_node_is_scalar(item) ? item->text : NULL;
}

/* Adds items; of the same ones the last stays, in the place of the first. */
static void add_items(struct wc_load *load, const struct wc_field *field,
                      const struct wc_node *from, struct wc_map *seen, struct wc_node *out)
{
    for (size_t i = 0; i < from->n; i++) {
        struct wc_node *item = from->items[i];
        const char *key = item->tag == WC_TAG_RESET ? NULL : item_key(load, field, item);
        uintptr_t position = key == NULL ? 0 : (uintptr_t)wc_map_get(seen, key);
        if (item->tag == WC_TAG_RESET)
            continue;
        if (position != 0) {
            out->items[position - 1] = item;
            continue;
        }
        wc_node_add(load->arena, out, item);
        if (key != NULL)
            wc_map_put(seen, key, (void *)(uintptr_t)out->n);
    }
}

static void add_members(struct wc_load *load, const struct wc_node *from, struct wc_node *out)
{
    for (size_t i = 0; i < from->n; i++)
        if (from->members[i].value->tag != WC_TAG_RESET)
            wc_node_put_at(load->arena, out, &from->members[i], from->members[i].value);
}

/* Without what a tag takes away, and without repeats. */
static struct wc_node *tidy(struct wc_load *load, const struct wc_field *field,
                            struct wc_node *from)
{
    struct wc_map seen;
    bool whole = field->merge == WC_MERGE_REPLACE || field->merge == WC_MERGE_WHOLE;
    if ((from->kind != WC_NODE_LIST && from->kind != WC_NODE_MAP) || whole)
        return from;
    struct wc_node *out = wc_node_new(load->arena, from->kind, from);
    wc_map_init(&seen, load->arena);
    if (from->kind == WC_NODE_LIST)
        add_items(load, field, from, &seen, out);
    else
        add_members(load, from, out);
    return out;
}

static int by_text(const void *a, const void *b)
{
    const struct wc_node *const *x = a, *const *y = b;
    return strcmp((*x)->text, (*y)->text);
}

static void add_pair(struct wc_load *load, const struct wc_member *m, const struct wc_node *value,
                     struct wc_node *out)
{
    const char *text = value->kind == WC_NODE_NULL
                           ? m->key
                           : wc_arena_printf(load->arena, "%s=%s", m->key, value->text);
    wc_node_add(load->arena, out, wc_node_string(load->arena, text, value));
}

/* A map as a sorted list of KEY=value, a string as a list of it. */
static struct wc_node *as_list(struct wc_load *load, struct wc_node *node)
{
    if (node->kind == WC_NODE_LIST)
        return node;
    struct wc_node *out = wc_node_new(load->arena, WC_NODE_LIST, node);
    if (node->kind != WC_NODE_MAP) {
        wc_node_add(load->arena, out, node);
        return out;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct wc_node *value = node->members[i].value;
        for (size_t j = 0; value->kind == WC_NODE_LIST && j < value->n; j++)
            add_pair(load, &node->members[i], value->items[j], out);
        if (value->kind != WC_NODE_LIST && value->tag != WC_TAG_RESET)
            add_pair(load, &node->members[i], value, out);
    }
    if (out->n > 1)
        qsort(out->items, out->n, sizeof *out->items, by_text);
    return out;
}

/* Without the keys that the other file resets; they stand in its long form only. */
static struct wc_node *without_reset(struct wc_load *load, const struct wc_field *field,
                                     struct wc_node *base, const struct wc_node *made)
{
    bool any = false;
    for (size_t i = 0; made->kind == WC_NODE_MAP && i < made->n; i++)
        any = any || made->members[i].value->tag == WC_TAG_RESET;
    if (!any)
        return base;
    struct wc_node *out = wc_node_copy(load->arena, base);
    for (size_t i = 0; i < made->n; i++)
        if (made->members[i].value->tag == WC_TAG_RESET)
            wc_node_drop(out, made->members[i].key);
    if (base->kind == WC_NODE_MAP)
        return out;
    out = wc_node_new(load->arena, WC_NODE_LIST, base);
    for (size_t i = 0; i < base->n; i++) {
        const char *key = item_key(load, field, base->items[i]);
        const struct wc_member *m = key == NULL ? NULL : wc_node_member(made, key);
        if (m == NULL || m->value->tag != WC_TAG_RESET)
            wc_node_add(load->arena, out, base->items[i]);
    }
    return out;
}

static struct wc_node *joined(struct wc_load *load, const struct wc_field *field,
                              struct wc_node *base, struct wc_node *over)
{
    struct wc_map seen;
    bool maps = base->kind == WC_NODE_MAP && over->kind == WC_NODE_MAP && !is_pairs(field) &&
                field->type != &wc_type_hosts;
    struct wc_node *out = wc_node_new(load->arena, maps ? WC_NODE_MAP : WC_NODE_LIST, over);
    if (maps) {
        add_members(load, base, out);
        add_members(load, over, out);
        return out;
    }
    wc_map_init(&seen, load->arena);
    add_items(load, field, as_list(load, base), &seen, out);
    add_items(load, field, as_list(load, over), &seen, out);
    return out;
}

void wc_written_note(struct wc_load *load, const struct wc_field *field, struct wc_node *made,
                     struct wc_node *from)
{
    if (made != from && is_kept(field))
        put(load, made, tidy(load, field, from));
}

/* One over the other, both as they are written. Ports that hold no template have become long forms
 * by the time that another file is laid over them. */
static struct wc_node *merged(struct wc_load *load, const struct wc_field *field,
                              struct wc_node *base, struct wc_node *over)
{
    struct wc_node *under = wc_written_of(load, base), *above = wc_written_of(load, over);
    bool ports = field->type == &wc_type_ports;
    if (ports && !wc_written_is_open(base))
        under = NULL;
    if (ports && under == NULL && !wc_written_is_open(over))
        return NULL;
    if (under == NULL && above == NULL)
        return NULL;
    under = without_reset(load, field, under == NULL ? base : under, over);
    return joined(load, field, under, above == NULL ? over : above);
}

void wc_written_merge(struct wc_load *load, const struct wc_field *field, struct wc_node *made,
                      struct wc_node *base, struct wc_node *over)
{
    bool whole = field->merge == WC_MERGE_REPLACE || field->merge == WC_MERGE_WHOLE;
    if (!is_kept(field) || made == over || made == base)
        return;
    struct wc_node *from =
        base == NULL || whole ? wc_written_of(load, over) : merged(load, field, base, over);
    if (from != NULL)
        put(load, made, from);
}
