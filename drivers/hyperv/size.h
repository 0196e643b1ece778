/* size.h - how big a service's virtual machine is (hyperv driver, pure).
 *
 * Idea:    what a service may use is what its machine has. The host gives more: the VMM's own
 * memory and threads are no service's, so the jail's group is limited to the machine and an
 * overhead that is stated here. Threads: any. Source: Compose Specification,
 * deploy.resources.limits; research/vm.md, "Memory".
 */
#ifndef DRIVERS_HYPERV_SIZE_H
#define DRIVERS_HYPERV_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/process/limits.h"

struct wc_service;

struct wc_vm_size {
    int64_t memory_bytes;   /* of the machine, whole MiB */
    int64_t overhead_bytes; /* of the VMM, beside it */
    unsigned cpus;          /* of the machine */
    int64_t disk_bytes;     /* of the writable layer; 0: it is in the machine's memory */
};

/* host_cpus: of this host, at least 1. tcg: without hardware help the VMM keeps translated code. */
void wc_vm_size_of(const struct wc_service *service, unsigned host_cpus, bool tcg,
                   struct wc_vm_size *out);

/* What the jail's group is limited to. */
void wc_vm_limits_of(const struct wc_service *service, const struct wc_vm_size *size,
                     struct wc_limits *out);

#endif
