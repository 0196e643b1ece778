/* size.c - a service's limits as a machine. */
#include "drivers/hyperv/size.h"

#include <sched.h>

#include "wcompose/model.h"

enum {
    MIB = 1 << 20,
    MEMORY_USUAL = 512, /* MiB; taken from the host only as far as the guest touches it */
    MEMORY_LEAST = 96,  /* a kernel and an agent come up in it */
    OVERHEAD = 96,      /* MiB, the VMM: device models, page tables, the file server */
    OVERHEAD_TCG = 64,  /* and its translated code */
    PIDS = 512,         /* threads of the VMM and the file server; the guest has its own limit */
};
static const int64_t disk_usual = INT64_C(10) << 30; /* sparse */

static unsigned cpus_here(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static unsigned cpus_of(int64_t nano_cpus, unsigned host_cpus)
{
    const int64_t whole = 1000000000;
    if (nano_cpus <= 0)
        return host_cpus;
    int64_t up = (nano_cpus + whole - 1) / whole;
    return up > (int64_t)host_cpus ? host_cpus : (unsigned)up;
}

void wc_vm_size_of(const struct wc_service *service, unsigned host_cpus, bool tcg,
                   struct wc_vm_size *out)
{
    const struct wc_vm_options *asked = &service->vm;
    if (host_cpus == 0)
        host_cpus = cpus_here();
    int64_t bytes = asked->memory_bytes > 0        ? asked->memory_bytes
                    : service->mem_limit_bytes > 0 ? service->mem_limit_bytes
                                                   : (int64_t)MEMORY_USUAL * MIB;
    int64_t mib = (bytes + MIB - 1) / MIB;
    *out = (struct wc_vm_size){
        .memory_bytes = (mib < MEMORY_LEAST ? MEMORY_LEAST : mib) * MIB,
        .overhead_bytes = (int64_t)(tcg ? OVERHEAD + OVERHEAD_TCG : OVERHEAD) * MIB,
        .cpus = asked->cpus > 0 ? (unsigned)asked->cpus : cpus_of(service->nano_cpus, host_cpus),
        .disk_bytes = asked->disk_bytes > 0 ? asked->disk_bytes : disk_usual,
    };
}

void wc_vm_limits_of(const struct wc_service *service, const struct wc_vm_size *size,
                     struct wc_limits *out)
{
    wc_limits_of(service, out);
    out->memory_bytes = size->memory_bytes + size->overhead_bytes;
    out->swap_bytes = 2 * out->memory_bytes;
    out->reservation_bytes = -1;
    out->pids = PIDS;
}
