/* modinfo.h - what a kernel module says of itself (hyperv driver, pure).
 *
 * Idea:    a package of Debian's has no modules.dep (depmod makes it on the host that installs the
 *          package), but each module names the ones it needs in its ELF section ".modinfo", which
 *          is where depmod has it from. So that is read, always.
 * Threads: any. Any bytes may come in.
 */
#ifndef DRIVERS_HYPERV_MODINFO_H
#define DRIVERS_HYPERV_MODINFO_H

#include <stddef.h>

#include "wcompose/err.h"

struct wc_arena;
struct wc_strv;

/* Appends the names that the module's `depends=` gives ("jbd2,mbcache"), as they are spelt. Copies
 * are the arena's. WC_ERR_SPEC when the bytes are no 64-bit little-endian ELF object with that
 * section; the message doesn't name the file. */
int wc_modinfo_depends(const void *bytes, size_t len, struct wc_arena *arena, struct wc_strv *out,
                       struct wc_err *err);

#endif
