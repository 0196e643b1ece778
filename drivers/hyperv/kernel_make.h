/* kernel_make.h - what installing and building a kernel share (hyperv driver). */
#ifndef DRIVERS_HYPERV_KERNEL_MAKE_H
#define DRIVERS_HYPERV_KERNEL_MAKE_H

#include "drivers/hyperv/kernel.h"

/* A kernel that lies somewhere. */
struct wc_kernel_parts {
    const char *image, *release;
    const char *modules_dir; /* NULL: it needs none */
    const char *origin;      /* for people */
    bool force;              /* also when the same is there */
};

/* Makes a directory for work beside the kernels; the store's lock is held, else it is swept away.
 */
int wc_kernel_stage(const struct wc_paths *paths, struct wc_arena *arena, const char **dir,
                    struct wc_err *err);

/* Makes it one of ours, named by its release; the store's lock is held. In use when none is. *made
 * is false when the same was there and `force` isn't set. */
int wc_kernel_adopt(const struct wc_paths *paths, const struct wc_kernel_parts *parts,
                    struct wc_arena *arena, const char **name, bool *made, struct wc_err *err);

#endif
