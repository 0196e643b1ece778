/* vm_options.h - what the machine of a service with a kernel of its own is like: a part of the
 * model (contract, plain data, pure).
 *
 * Idea:    wishes, not facts: what isn't said is the driver's to choose, and what can't be had is
 *          refused by it. They mean nothing for a service that runs as a process.
 * Owner:   as the model's. Threads: values.
 * Source:  x-wcompose.vm, of a service or, member by member, of the top level.
 */
#ifndef WCOMPOSE_VM_OPTIONS_H
#define WCOMPOSE_VM_OPTIONS_H

#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/lists.h"

/* What carries out the guest's instructions. */
enum wc_vm_accel {
    WC_VM_ACCEL_AUTO, /* KVM where it truly works, else TCG, which is said */
    WC_VM_ACCEL_KVM,  /* nothing else: refused where it doesn't work */
    WC_VM_ACCEL_TCG,
};

/* The members, in order of their keys. */
enum wc_vm_key {
    WC_VM_ACCEL,
    WC_VM_CPUS,
    WC_VM_DISK,
    WC_VM_HANG_TIMEOUT,
    WC_VM_KERNEL,
    WC_VM_MEMORY,
    WC_VM_TEMPLATE,
    WC_VM_KEYS
};

/* What the file says of it. */
struct wc_vm_options {
    enum wc_vm_accel accel;
    int64_t cpus;         /* virtual processors, 1..255; WC_UNSET: as many as the service's `cpus`
                             need */
    int64_t disk_bytes;   /* that the guest may write, more than 0; WC_UNSET: the driver's */
    int64_t hang_ms;      /* that its agent may be silent, more than 0; WC_UNSET: the driver's */
    const char *kernel;   /* absolute path, or the name (no '/') of one that is installed; NULL: the
                             one in use */
    int64_t memory_bytes; /* of the whole guest, more than 0; WC_UNSET: made of mem_limit */
    enum wc_tri use_template; /* start from a snapshot; UNSET: where that is known to work */
    struct wc_loc at;         /* of the key `vm`; zero: nothing is said */
    struct wc_loc key_at[WC_VM_KEYS]; /* of each value; zero: not said */
};

/* Returns the key of a member: "memory". Never NULL. */
const char *wc_vm_key_name(enum wc_vm_key key);

#endif
