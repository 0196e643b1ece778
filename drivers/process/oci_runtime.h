/* oci_runtime.h - which OCI runtime runs a service (process driver).
 * Threads: any; wc_oci_runtime_version starts a process and waits for it.
 */
#ifndef DRIVERS_PROCESS_OCI_RUNTIME_H
#define DRIVERS_PROCESS_OCI_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "wcompose/err.h"

struct wc_arena;

struct wc_oci_runtime {
    const char *path, *name; /* "/usr/bin/crun", "crun" */
    bool recursive_ro;       /* it knows the mount option "rro", and so does this kernel */
    bool copies_itself;      /* at each run, unless it is run from sealed memory (sealed.h) */
    /* What it keeps in its state directory, when that and the cgroup are all that its delete
     * removes; ends with NULL. NULL: not known. */
    const char *const *state_files;
    /* The FIFO in its state directory from which a created container reads one byte before it
     * executes its program, when to write that byte is all that its start does; NULL: not known. */
    const char *start_fifo;
};

/* Finds the runtime `wanted` (a name or an absolute path; NULL: crun, else runc) in PATH and the
 * usual system directories. Returns 0 or WC_ERR_UNAVAILABLE, naming the package to install. */
int wc_oci_runtime_find(const char *wanted, struct wc_arena *arena, struct wc_oci_runtime *out,
                        struct wc_err *err);

/* Writes the first line that `path --version` prints ("crun version 1.8.1"), or "". */
void wc_oci_runtime_version(const char *path, char *out, size_t size);

#endif
