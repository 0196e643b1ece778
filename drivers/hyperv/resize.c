/* resize.c - what a machine was made with, so that it can be told later what of it can change.
 *
 * A machine has the memory and processors that it booted with, and its agent was told how many
 * processes there may be: these need a new machine. What the host shares out between jails
 * (weights, quotas, sets of processors) is the jail's group's. The note is root's and outside of
 * the machine's directory: a VMM that a guest took over can't make its group larger by it.
 */
#include "drivers/hyperv/machine.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "drivers/process/record.h"

int wc_vm_size_note(const struct wc_machine *machine, struct wc_err *err)
{
    char text[128];
    const struct wc_bundle_request *request = machine->in->request;
    int len =
        snprintf(text, sizeof text, "%lld %lld %u %lld\n", (long long)machine->size.memory_bytes,
                 (long long)machine->size.overhead_bytes, machine->size.cpus,
                 (long long)request->inst->spec->pids_limit);
    return wc_write_plain(wc_arena_printf(machine->arena, "%s/" WC_VM_SIZE_NOTE, request->run_dir),
                          text, (size_t)len, 0600, err);
}

static int refuse(struct wc_err *err, const char *what, long long has, long long wanted)
{
    return wc_err_set(err, WC_ERR_CONFLICT, 0,
                      "a virtual machine keeps the %s that it was started with (%lld -> %lld)",
                      what, has, wanted);
}

int wc_vm_limits(const char *run_dir, const struct wc_service *service, struct wc_limits *out,
                 struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[4200];
    long long memory, overhead, pids;
    unsigned cpus;
    struct wc_vm_size wanted;
    snprintf(path, sizeof path, "%s/" WC_VM_SIZE_NOTE, run_dir);
    int rc = wc_fs_read(path, 4096, &text, err);
    if (rc != 0)
        return rc;
    /* NOLINTNEXTLINE(cert-err34-c): written by wc_vm_size_note */
    if (sscanf(text.data, "%19lld %19lld %9u %19lld", &memory, &overhead, &cpus, &pids) != 4)
        return wc_err_set(err, WC_ERR_STATE, 0, "%s can't be read", path);
    wc_vm_size_of(service, wc_vm_host_cpus(), false, &wanted);
    if (wanted.memory_bytes != memory)
        return refuse(err, "MiB of memory", memory >> 20, (long long)wanted.memory_bytes >> 20);
    if (wanted.cpus != cpus)
        return refuse(err, "processors", cpus, wanted.cpus);
    if ((service->pids_limit > 0 ? service->pids_limit : 0) != (pids > 0 ? pids : 0))
        return refuse(err, "limit of processes", pids, (long long)service->pids_limit);
    wanted.overhead_bytes = overhead;
    wc_vm_limits_of(service, &wanted, out);
    return 0;
}
