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
#include "base/paths.h"
#include "drivers/process/record.h"
#include "wcompose/vm_usage.h"

int wc_vm_size_note(const struct wc_machine *machine, struct wc_err *err)
{
    char text[128];
    const struct wc_bundle_request *request = machine->in->request;
    int len = snprintf(
        text, sizeof text, "%lld %lld %u %lld %lld\n", (long long)machine->size.memory_bytes,
        (long long)machine->size.overhead_bytes, machine->size.cpus,
        (long long)request->inst->spec->pids_limit, (long long)machine->size.disk_bytes);
    return wc_write_plain(wc_arena_printf(machine->arena, "%s/" WC_VM_SIZE_NOTE, request->run_dir),
                          text, (size_t)len, 0600, err);
}

/* What was noted; of a machine that an earlier build made, the disk is not known (0). */
static int read_note(const char *run_dir, struct wc_vm_size *out, long long *pids,
                     struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    char path[4200];
    long long memory, overhead, disk = 0;
    unsigned cpus;
    snprintf(path, sizeof path, "%s/" WC_VM_SIZE_NOTE, run_dir);
    int rc = wc_fs_read(path, 4096, &text, err);
    if (rc != 0)
        return rc;
    /* NOLINTNEXTLINE(cert-err34-c): written by wc_vm_size_note */
    if (sscanf(text.data, "%19lld %19lld %9u %19lld %19lld", &memory, &overhead, &cpus, pids,
               &disk) < 4)
        return wc_err_set(err, WC_ERR_STATE, 0, "%s can't be read", path);
    *out = (struct wc_vm_size){
        .memory_bytes = memory, .overhead_bytes = overhead, .cpus = cpus, .disk_bytes = disk
    };
    return 0;
}

int wc_vm_size_made(const struct wc_paths *paths, const char *project, const char *id,
                    struct wc_vm_size *out, struct wc_err *err)
{
    struct wc_arena arena;
    long long pids;
    wc_arena_init(&arena);
    int rc = read_note(wc_paths_instance_run(paths, &arena, project, id), out, &pids, err);
    wc_arena_deinit(&arena);
    return rc;
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
    struct wc_vm_size made, wanted;
    long long pids;
    int rc = read_note(run_dir, &made, &pids, err);
    if (rc != 0)
        return rc;
    wc_vm_size_of(service, wc_vm_host_cpus(), false, &wanted);
    if (wanted.memory_bytes != made.memory_bytes)
        return refuse(err, "MiB of memory", (long long)made.memory_bytes >> 20,
                      (long long)wanted.memory_bytes >> 20);
    if (wanted.cpus != made.cpus)
        return refuse(err, "processors", made.cpus, wanted.cpus);
    if ((service->pids_limit > 0 ? service->pids_limit : 0) != (pids > 0 ? pids : 0))
        return refuse(err, "limit of processes", pids, (long long)service->pids_limit);
    wanted.overhead_bytes = made.overhead_bytes;
    wc_vm_limits_of(service, &wanted, out);
    return 0;
}
