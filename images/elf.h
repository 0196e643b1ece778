/* elf.h - what a program needs to be loaded: its interpreter and libraries (images).
 *
 * Owner:   strings are in the arena. Threads: any. Blocks: on reading.
 * Errors:  none: a file that isn't a (whole) 64-bit little-endian ELF needs nothing.
 * Source:  System V ABI, "Program Loading and Dynamic Linking".
 */
#ifndef IMAGES_ELF_H
#define IMAGES_ELF_H

#include "wcompose/model.h"

struct wc_arena;

struct wc_elf {
    const char *interpreter; /* PT_INTERP or NULL */
    const char *search;      /* DT_RUNPATH, else DT_RPATH, or NULL; may hold $ORIGIN */
    struct wc_strv needed;   /* DT_NEEDED */
};

/* Reads fd's needs into *out. Returns false when it is no dynamic ELF file. */
bool wc_elf_read(int fd, struct wc_arena *arena, struct wc_elf *out);

#endif
