/* arena.h - memory that is freed all at once (base, layer 0).
 *
 * Idea:    one spec revision, one request, one answer: one arena. Nothing in it is freed alone, so
 * code that builds in an arena has no clean-up paths. Owner:   who called wc_arena_init. Errors:
 * none (out of memory aborts). Threads: one at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct wc_arena_block;
struct wc_arena {
    struct wc_arena_block *head; /* newest block */
    size_t total;                /* bytes handed out */
};

/* Makes an empty arena in the caller's storage; allocates nothing yet. */
void wc_arena_init(struct wc_arena *arena);

/* Frees everything; the arena is empty and usable again. */
void wc_arena_deinit(struct wc_arena *arena);

/* The same, and overwrites first what was in it: secrets. */
void wc_arena_wipe(struct wc_arena *arena);

/* Returns `size` zeroed bytes aligned for any object. */
void *wc_arena_alloc(struct wc_arena *arena, size_t size) __attribute__((returns_nonnull));

/* Returns zeroed room for n objects; aborts when n * size overflows. */
void *wc_arena_array(struct wc_arena *arena, size_t n, size_t size)
    __attribute__((returns_nonnull));

/* Typed forms. */
#define WC_NEW(arena, type) ((type *)wc_arena_alloc((arena), sizeof(type)))
#define WC_NEW_ARRAY(arena, type, n) ((type *)wc_arena_array((arena), (n), sizeof(type)))

/* Copies of text. wc_arena_strndup stops at `len` bytes or a NUL. NULL gives NULL. */
char *wc_arena_strdup(struct wc_arena *arena, const char *text);
char *wc_arena_strndup(struct wc_arena *arena, const char *text, size_t len);

/* Formats into the arena. */
char *wc_arena_printf(struct wc_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *wc_arena_vprintf(struct wc_arena *arena, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Appends to a growing array in the arena: returns the (possibly moved) array with room for one
 * more; *cap is kept by the callee, n is the caller's count. Old copies stay in the arena until it
 * is freed: growth doubles, so at most as much again is wasted.
 */
void *wc_arena_grow(struct wc_arena *arena, void *items, size_t n, size_t *cap, size_t size);

#endif
