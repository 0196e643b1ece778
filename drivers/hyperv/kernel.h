/* kernel.h - guest kernels on disk (hyperv driver); what others call is in wcompose/vm.h.
 *
 * Idea:    a kernel is a directory that is made elsewhere and moved into place as a whole:
 *              lib/vm/kernels/NAME/vmlinuz      the image
 *                                  modules/     those that a VM needs, unpacked
 *                                  meta         JSON: what it is, modules in order
 *                                  packed       JSON: which initramfs is made of what
 *                                  initramfs-…  named by its content
 *              lib/vm/kernel-in-use             its name
 *              lib/vm/kernels/.path/…           packed and initramfs of kernels by path
 * Threads: any; calls block (disk).
 */
#ifndef DRIVERS_HYPERV_KERNEL_H
#define DRIVERS_HYPERV_KERNEL_H

#include <stdbool.h>

#include "wcompose/vm.h"

struct wc_kernel_meta {
    const char *name, *release, *origin;
    const char *image_sha256; /* 64 hex digits */
    const char *wanted;       /* wc_modules_wanted() when it was installed */
    struct wc_strv modules;   /* file names in modules/, in order of loading */
    struct wc_strv missing;
};

/* True for what may be a kernel's name: letters, digits, ". _ + -", no '.' or '-' first, at most
 * 64. */
bool wc_kernel_name_ok(const char *name);

/* Paths; arena-owned. */
const char *wc_kernels_dir(const struct wc_paths *paths, struct wc_arena *arena);
const char *wc_kernel_dir(const struct wc_paths *paths, struct wc_arena *arena, const char *name);

/* Reads and writes dir/meta. WC_ERR_NOENT, WC_ERR_SPEC (damaged), WC_ERR_IO. */
int wc_kernel_meta_read(const char *dir, struct wc_arena *arena, struct wc_kernel_meta *out,
                        struct wc_err *err);
int wc_kernel_meta_write(const char *dir, const struct wc_kernel_meta *meta, struct wc_err *err);

/* The name of the kernel in use, NULL when none is. */
const char *wc_kernel_in_use(const struct wc_paths *paths, struct wc_arena *arena);
int wc_kernel_set_in_use(const struct wc_paths *paths, struct wc_arena *arena, const char *name,
                         struct wc_err *err);

/* Takes the store's lock; *fd is closed to let go. Makes the directories. */
int wc_kernels_lock(const struct wc_paths *paths, struct wc_arena *arena, int *fd,
                    struct wc_err *err);

/* The name of a kernel of that origin which is good for this version of wcompose; NULL when there
 * is none. */
const char *wc_kernel_of_origin(const struct wc_paths *paths, struct wc_arena *arena,
                                const char *origin);

/* Says that there is no kernel `name`, with a suggestion; returns `code`. */
int wc_kernel_unknown(const struct wc_paths *paths, const char *name, int code,
                      struct wc_arena *arena, struct wc_err *err);

/* Reads which release a kernel image is of (bzImage, or ELF image by its banner) into the arena; ""
 * when it doesn't say. WC_ERR_SPEC when it is no kernel image. */
int wc_kernel_image_release(const char *path, struct wc_arena *arena, const char **release,
                            struct wc_err *err);

/* Writes the SHA-256 of a file. */
int wc_kernel_file_sha256(const char *path, char hex[65], struct wc_err *err);

/* What is put in an initramfs, and where that is kept. */
struct wc_initramfs_parts {
    const char *dir;            /* is made when missing */
    const char *agent, *join;   /* programs */
    const char *image;          /* the kernel that it is for */
    const char *image_sha256;   /* NULL: not known yet */
    const char *const *modules; /* n_modules paths of files, in order of loading */
    size_t n_modules;
};

/* Gives the path of the initramfs of these parts, and the identity of it with the image. Packs it
 * when a part changed. WC_ERR_UNAVAILABLE when a program is missing; WC_ERR_IO. */
int wc_initramfs_ready(const struct wc_initramfs_parts *parts, struct wc_arena *arena,
                       const char **initramfs, const char **identity, struct wc_err *err);

#endif
