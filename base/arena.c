/* arena.c - a list of blocks, each twice as large as the one before; objects are cut off the
 * newest. Arenas that have become large go on in huge pages (alloc.h). Small ones stay small: the
 * supervisor of an app of fifty services holds one, and a huge page would be half of its memory.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Under AddressSanitizer what is not handed out is poisoned, and a gap is left behind each object:
 * one byte too far is found in an arena as it is on the heap. */
#ifdef __SANITIZE_ADDRESS__
#define WC_ARENA_GUARDED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WC_ARENA_GUARDED 1
#endif
#endif
#ifdef WC_ARENA_GUARDED
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#else
enum { GAP = 0 };
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { FIRST_BLOCK = 4096, LARGEST_SMALL = 128 << 10, LARGE_TOTAL = 1 << 20 };

struct wc_arena_block {
    struct wc_arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char data[];
};

void wc_arena_init(struct wc_arena *arena)
{
    *arena = (struct wc_arena){ 0 };
}

void wc_arena_deinit(struct wc_arena *arena)
{
    struct wc_arena_block *block = arena->head;
    while (block != NULL) {
        struct wc_arena_block *next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
        wc_free(block);
        block = next;
    }
    wc_arena_init(arena);
}

void wc_arena_wipe(struct wc_arena *arena)
{
    for (struct wc_arena_block *block = arena->head; block != NULL; block = block->next) {
        ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
        explicit_bzero(block->data, block->used);
    }
    wc_arena_deinit(arena);
}

static struct wc_arena_block *add_block(struct wc_arena *arena, size_t need)
{
    size_t last = arena->head == NULL ? FIRST_BLOCK / 2 : arena->head->size;
    size_t size = last < LARGEST_SMALL ? last * 2 : LARGEST_SMALL;
    size_t whole = sizeof(struct wc_arena_block) + (size < need ? need : size);
    struct wc_arena_block *block =
        arena->total >= LARGE_TOTAL ? wc_alloc_pages(&whole) : wc_alloc(whole);
    block->used = 0;
    block->size = whole - sizeof *block;
    ASAN_POISON_MEMORY_REGION(block->data, block->size);
    block->next = arena->head;
    arena->head = block;
    return block;
}

void *wc_arena_alloc(struct wc_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        abort();
    size_t room = (size + align - 1) / align * align + GAP;
    struct wc_arena_block *block = arena->head;
    if (block == NULL || block->size - block->used < room)
        block = add_block(arena, room);
    void *p = block->data + block->used;
    block->used += room;
    arena->total += room - GAP;
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    return memset(p, 0, size);
}

void *wc_arena_array(struct wc_arena *arena, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / 2 / size)
        abort();
    return wc_arena_alloc(arena, n * size);
}

char *wc_arena_strdup(struct wc_arena *arena, const char *text)
{
    return text == NULL ? NULL : wc_arena_strndup(arena, text, strlen(text));
}

char *wc_arena_strndup(struct wc_arena *arena, const char *text, size_t len)
{
    if (text == NULL)
        return NULL;
    len = strnlen(text, len);
    char *copy = wc_arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *wc_arena_vprintf(struct wc_arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0)
        abort();
    char *text = wc_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    return text;
}

char *wc_arena_printf(struct wc_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = wc_arena_vprintf(arena, fmt, args);
    va_end(args);
    return text;
}

void *wc_arena_grow(struct wc_arena *arena, void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    size_t cap_new = *cap == 0 ? 8 : *cap * 2;
    void *moved = wc_arena_array(arena, cap_new, size);
    if (n != 0)
        memcpy(moved, items, n * size);
    *cap = cap_new;
    return moved;
}
