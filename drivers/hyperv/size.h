/* size.h - what a machine's jail is limited to (hyperv driver); the machine's size itself is
 * wc_vm_size_of in wcompose/vm.h.
 *
 * Idea:    what a service may use is what its machine has. The host gives more: the VMM's own
 * memory and threads are no service's, so the jail's group is limited to the machine and an
 * overhead that is stated here. Threads: any. Source: Compose Specification,
 * deploy.resources.limits; research/vm.md, "Memory".
 */
#ifndef DRIVERS_HYPERV_SIZE_H
#define DRIVERS_HYPERV_SIZE_H

#include "drivers/process/limits.h"
#include "wcompose/vm.h"

struct wc_service;

/* What the jail's group is limited to. */
void wc_vm_limits_of(const struct wc_service *service, const struct wc_vm_size *size,
                     struct wc_limits *out);

#endif
