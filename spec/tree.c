/* tree.c - building and reading nodes. Maps get a hash index beyond a few members, so that a file
 * with a thousand services is still linear.
 */
#include "spec/node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "spec/scalar.h"

enum { INDEX_FROM = 16, FIRST_ROOM = 2 };

struct wc_node *wc_node_new(struct wc_arena *arena, enum wc_node_kind kind,
                            const struct wc_node *like)
{
    struct wc_node *node = WC_NEW(arena, struct wc_node);
    node->kind = kind;
    node->span = 1;
    node->weight = 1;
    node->text = node->raw = "";
    if (like != NULL) {
        node->at = like->at;
        node->span = like->span;
    }
    return node;
}

struct wc_node *wc_node_string(struct wc_arena *arena, const char *text, const struct wc_node *like)
{
    struct wc_node *node = wc_node_new(arena, WC_NODE_STRING, like);
    node->text = node->raw = text;
    return node;
}

struct wc_node *wc_node_integer(struct wc_arena *arena, int64_t value, const struct wc_node *like)
{
    struct wc_node *node = wc_node_new(arena, WC_NODE_INT, like);
    node->integer = value;
    node->number = (double)value;
    node->text = node->raw = wc_arena_printf(arena, "%lld", (long long)value);
    return node;
}

struct wc_node *wc_node_boolean(struct wc_arena *arena, bool value, const struct wc_node *like)
{
    struct wc_node *node = wc_node_new(arena, WC_NODE_BOOL, like);
    node->boolean = value;
    node->text = node->raw = value ? "true" : "false";
    return node;
}

static void index_member(struct wc_node *map, size_t i)
{
    wc_map_put(map->index, map->members[i].key, (void *)(uintptr_t)(i + 1));
}

void wc_node_reserve(struct wc_arena *arena, struct wc_node *node, size_t n)
{
    if (n <= node->cap)
        return;
    if (n > UINT32_MAX / 2)
        abort(); /* memory is out long before */
    if (node->kind == WC_NODE_LIST) {
        struct wc_node **items = WC_NEW_ARRAY(arena, struct wc_node *, n);
        if (node->n != 0)
            memcpy(items, node->items, node->n * sizeof(struct wc_node *));
        node->items = items;
    } else {
        struct wc_member *members = WC_NEW_ARRAY(arena, struct wc_member, n);
        if (node->n != 0)
            memcpy(members, node->members, node->n * sizeof *members);
        node->members = members;
    }
    node->cap = (uint32_t)n;
}

/* Room for one more; doubling keeps adding linear. */
static void make_room(struct wc_arena *arena, struct wc_node *node)
{
    if (node->n == node->cap)
        wc_node_reserve(arena, node, node->cap == 0 ? FIRST_ROOM : (size_t)node->cap * 2);
}

static void build_index(struct wc_arena *arena, struct wc_node *map)
{
    map->index = WC_NEW(arena, struct wc_map);
    wc_map_init(map->index, arena);
    for (size_t i = 0; i < map->n; i++)
        index_member(map, i);
}

struct wc_node *wc_node_copy(struct wc_arena *arena, const struct wc_node *node)
{
    struct wc_node *copy = WC_NEW(arena, struct wc_node);
    *copy = *node;
    if (node->kind != WC_NODE_LIST && node->kind != WC_NODE_MAP)
        return copy;
    copy->index = NULL;
    copy->cap = 0;
    wc_node_reserve(arena, copy, node->n + 1); /* who copies often adds one */
    if (node->kind == WC_NODE_MAP && node->n > INDEX_FROM)
        build_index(arena, copy);
    return copy;
}

static void grow_measures(struct wc_node *parent, const struct wc_node *child)
{
    parent->weight += child->weight;
    if (parent->height < child->height + 1)
        parent->height = (uint16_t)(child->height + 1);
}

/* A height that is too great does no harm; a weight that only grows would double at each merge. */
static void shrink_weight(struct wc_node *parent, const struct wc_node *child)
{
    parent->weight -= child->weight < parent->weight ? child->weight : parent->weight - 1;
}

void wc_node_spoil(struct wc_node *node)
{
    node->kind = WC_NODE_BAD;
    node->items = NULL;
    node->members = NULL;
    node->index = NULL;
    node->n = node->cap = 0;
}

void wc_node_add(struct wc_arena *arena, struct wc_node *list, struct wc_node *item)
{
    make_room(arena, list);
    list->items[list->n++] = item;
    grow_measures(list, item);
}

struct wc_member *wc_node_member(const struct wc_node *map, const char *key)
{
    if (map == NULL || map->kind != WC_NODE_MAP)
        return NULL;
    if (map->index != NULL) {
        uintptr_t i = (uintptr_t)wc_map_get(map->index, key);
        return i == 0 ? NULL : &map->members[i - 1];
    }
    for (size_t i = 0; i < map->n; i++)
        if (wc_streq(map->members[i].key, key))
            return &map->members[i];
    return NULL;
}

struct wc_node *wc_node_get(const struct wc_node *map, const char *key)
{
    const struct wc_member *member = wc_node_member(map, key);
    return member == NULL ? NULL : member->value;
}

const char *wc_node_text(const struct wc_node *map, const char *key)
{
    const struct wc_node *value = wc_node_get(map, key);
    return value != NULL && wc_node_is_scalar(value) && value->kind != WC_NODE_NULL ? value->text
                                                                                    : NULL;
}

void wc_node_put_at(struct wc_arena *arena, struct wc_node *map, const struct wc_member *member,
                    struct wc_node *value)
{
    struct wc_member *old = wc_node_member(map, member->key);
    if (old != NULL)
        shrink_weight(map, old->value);
    grow_measures(map, value);
    if (old != NULL) {
        old->value = value;
        return;
    }
    make_room(arena, map);
    map->members[map->n] = *member;
    map->members[map->n++].value = value;
    if (map->index != NULL)
        index_member(map, map->n - 1);
    else if (map->n > INDEX_FROM)
        build_index(arena, map);
}

void wc_node_put(struct wc_arena *arena, struct wc_node *map, const char *key,
                 struct wc_node *value)
{
    struct wc_member member = { .key = key, .key_at = value->at, .key_span = value->span };
    wc_node_put_at(arena, map, &member, value);
}

bool wc_node_drop(struct wc_node *map, const char *key)
{
    struct wc_member *member = wc_node_member(map, key);
    if (member == NULL)
        return false;
    size_t i = (size_t)(member - map->members);
    shrink_weight(map, member->value);
    memmove(member, member + 1, (map->n - i - 1) * sizeof *member);
    map->n--;
    if (map->index != NULL)
        build_index(map->index->arena, map);
    return true;
}

bool wc_node_is_scalar(const struct wc_node *node)
{
    return node->kind <= WC_NODE_STRING;
}

const char *wc_node_describe(const struct wc_node *node)
{
    switch (node->kind) {
    case WC_NODE_NULL:
        return "nothing";
    case WC_NODE_BOOL:
        return "true or false";
    case WC_NODE_INT:
        return "a whole number";
    case WC_NODE_FLOAT:
        return "a number with a fraction";
    case WC_NODE_STRING:
        return "a string";
    case WC_NODE_LIST:
        return "a list";
    case WC_NODE_MAP:
        return "a map";
    case WC_NODE_BAD:
        return "something wrong";
    }
    return "something";
}

static bool equal_members(const struct wc_node *a, const struct wc_node *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct wc_node *other = wc_node_get(b, a->members[i].key);
        if (other == NULL || !wc_node_equal(a->members[i].value, other))
            return false;
    }
    return true;
}

bool wc_node_equal(const struct wc_node *a, const struct wc_node *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->n != b->n)
        return false;
    if (a->kind == WC_NODE_MAP)
        return equal_members(a, b);
    if (a->kind != WC_NODE_LIST)
        return wc_streq(a->text, b->text);
    for (size_t i = 0; i < a->n; i++)
        if (!wc_node_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static bool one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (wc_streq(text, words[i]))
            return true;
    return false;
}

/* What most scalars are not can be told from how they begin. */
static bool begins_as_string(const char *text)
{
    return text[0] != '\0' && strchr("~nNtTfF+-.0123456789", text[0]) == NULL;
}

void wc_node_resolve(struct wc_arena *arena, struct wc_node *node)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
    static const char *const truths[] = { "true", "True", "TRUE" };
    static const char *const lies[] = { "false", "False", "FALSE" };
    const char *raw = node->raw;
    node->text = raw;
    node->kind = WC_NODE_STRING;
    if (begins_as_string(raw))
        return;
    if (one_of(raw, nulls, WC_COUNT(nulls))) {
        node->kind = WC_NODE_NULL;
        node->text = "";
    } else if (one_of(raw, truths, WC_COUNT(truths)) || one_of(raw, lies, WC_COUNT(lies))) {
        node->kind = WC_NODE_BOOL;
        node->boolean = wc_ascii_lower(raw[0]) == 't';
        node->text = node->boolean ? "true" : "false";
    } else if (wc_scalar_int(raw, &node->integer)) {
        node->kind = WC_NODE_INT;
        node->number = (double)node->integer;
        node->text = wc_arena_printf(arena, "%lld", (long long)node->integer);
    } else if (wc_scalar_float(raw, &node->number)) {
        node->kind = WC_NODE_FLOAT;
        node->text = wc_scalar_uint64(raw) ? raw : wc_scalar_float_text(arena, node->number);
    }
}
