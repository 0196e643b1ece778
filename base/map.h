/* map.h - string to pointer, by hash (base, layer 0).
 *
 * Idea:    look-ups in the number of services must not be quadratic; iteration is by insertion
 * order, so that output never depends on a hash. Owner:   keys and values are borrowed and must
 * outlive the map. Memory comes from the arena. Errors:  none. Threads: one at a time.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wc_arena;

struct wc_map_entry {
    const char *key;
    void *value;
    uint64_t hash;
};

struct wc_map {
    struct wc_arena *arena;
    struct wc_map_entry *entries; /* n of them, in order of insertion */
    size_t n, cap;
    uint32_t *slots; /* index + 1 into entries, 0 = empty; n_slots is a power of two */
    size_t n_slots;
};

/* Makes an empty map; `arena` is borrowed. */
void wc_map_init(struct wc_map *map, struct wc_arena *arena);

/* Sets key to value. Returns true when the key is new, false when an old value was replaced. */
bool wc_map_put(struct wc_map *map, const char *key, void *value);

/* Returns the value, or NULL when the key is absent. */
void *wc_map_get(const struct wc_map *map, const char *key);

/* True when the key is there (also with a NULL value). */
bool wc_map_has(const struct wc_map *map, const char *key);

#endif
