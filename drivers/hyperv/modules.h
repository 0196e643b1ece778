/* modules.h - which modules of a kernel a VM needs, and in which order (hyperv driver).
 *
 * Idea:    a list of drivers by name; what the kernel has built in is left out, what they need
 *          themselves comes before them.
 * Owner:   everything is the arena's. Threads: any; calls block (disk).
 */
#ifndef DRIVERS_HYPERV_MODULES_H
#define DRIVERS_HYPERV_MODULES_H

#include <stddef.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_buf;

enum { WC_MODULE_MAX_BYTES = 64 << 20 };

struct wc_module {
    const char *name; /* "virtio_blk": as the kernel calls it, '_' for '-' */
    const char *path; /* its file: .ko, .ko.xz, .ko.zst or .ko.gz */
};
struct wc_modules {
    struct wc_module *items; /* n of them, each after those that it depends on */
    size_t n, cap;
    struct wc_strv missing; /* drivers that this kernel has neither as modules nor built in, or
                               whose dependencies it doesn't have */
};

/* The drivers that are wanted, as one word: changes when the list does. */
const char *wc_modules_wanted(struct wc_arena *arena);

/* Resolves them for the tree `dir` (/lib/modules/RELEASE, or any that holds modules and, at its
 * top, modules.builtin). Symbolic links aren't followed. Errors: WC_ERR_NOENT, WC_ERR_IO,
 * WC_ERR_SPEC (a damaged module, a cycle), WC_ERR_LIMIT (too many files, too deep),
 * WC_ERR_UNAVAILABLE (no program to unpack one).
 */
int wc_modules_resolve(const char *dir, struct wc_arena *arena, struct wc_modules *out,
                       struct wc_err *err);

/* Appends a module's content, unpacked. */
int wc_module_read(const char *path, struct wc_buf *out, struct wc_err *err);

#endif
