/* map.c - open addressing over an insertion-ordered array; FNV-1a with a final mix. Input is the
 * user's own files, with a bounded number of keys, so a keyed hash isn't needed.
 */
#include "base/map.h"

#include <string.h>

#include "base/arena.h"

static uint64_t hash_of(const char *key)
{
    uint64_t h = 1469598103934665603ULL;
    for (const unsigned char *p = (const unsigned char *)key; *p != 0; p++)
        h = (h ^ *p) * 1099511628211ULL;
    return h ^ (h >> 32);
}

void wc_map_init(struct wc_map *map, struct wc_arena *arena)
{
    *map = (struct wc_map){ .arena = arena };
}

/* The slot that holds key, or the empty one where it would go. */
static size_t find_slot(const struct wc_map *map, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (map->n_slots - 1);
    while (map->slots[i] != 0) {
        const struct wc_map_entry *e = &map->entries[map->slots[i] - 1];
        if (e->hash == hash && strcmp(e->key, key) == 0)
            break;
        i = (i + 1) & (map->n_slots - 1);
    }
    return i;
}

static void grow_slots(struct wc_map *map)
{
    map->n_slots = map->n_slots == 0 ? 16 : map->n_slots * 2;
    map->slots = WC_NEW_ARRAY(map->arena, uint32_t, map->n_slots);
    for (size_t i = 0; i < map->n; i++)
        map->slots[find_slot(map, map->entries[i].key, map->entries[i].hash)] = (uint32_t)i + 1;
}

bool wc_map_put(struct wc_map *map, const char *key, void *value)
{
    if (map->n * 2 >= map->n_slots)
        grow_slots(map);
    uint64_t hash = hash_of(key);
    size_t slot = find_slot(map, key, hash);
    if (map->slots[slot] != 0) {
        map->entries[map->slots[slot] - 1].value = value;
        return false;
    }
    map->entries = wc_arena_grow(map->arena, map->entries, map->n, &map->cap, sizeof *map->entries);
    map->entries[map->n] = (struct wc_map_entry){ .key = key, .value = value, .hash = hash };
    map->slots[slot] = (uint32_t)++map->n;
    return true;
}

void *wc_map_get(const struct wc_map *map, const char *key)
{
    if (map->n == 0)
        return NULL;
    uint32_t index = map->slots[find_slot(map, key, hash_of(key))];
    return index == 0 ? NULL : map->entries[index - 1].value;
}

bool wc_map_has(const struct wc_map *map, const char *key)
{
    return map->n != 0 && map->slots[find_slot(map, key, hash_of(key))] != 0;
}
