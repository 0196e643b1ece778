/* driver.c - the hyperv driver: the process driver's machinery, with a virtual machine in the
 * container's place (ADR 18).
 */
#include "drivers/hyperv/driver.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "drivers/hyperv/machine.h"
#include "drivers/process/driver.h"
#include "drivers/process/oci_runtime.h"
#include "drivers/process/process.h"

static void *open_cache(void)
{
    return wc_vm_cache_new();
}

static void close_cache(void *data)
{
    wc_vm_cache_free(data);
}

static const struct wc_flavour flavour = {
    .level = "hyperv",
    .isolation = WC_ISOLATION_HYPERV,
    .open = open_cache,
    .close = close_cache,
    .check = wc_vm_check,
    .wrap = wc_vm_wrap,
    .limits = wc_vm_limits,
    .kill = wc_vm_kill,
    .look = wc_vm_look,
};

static void probe(const struct wc_paths *paths, struct wc_driver_facts *out)
{
    struct wc_arena arena;
    struct wc_err err = { 0 };
    struct wc_vm_kernel kernel;
    struct wc_oci_runtime runtime; /* the jail is a container */
    struct wc_vm_accel_facts accel = { 0 };
    *out = (struct wc_driver_facts){ 0 };
    wc_arena_init(&arena);
    int rc = geteuid() == 0 ? 0
                            : wc_err_set(&err, WC_ERR_PERM, 0,
                                         "the hyperv driver needs root (sudo wcompose …)");
    if (rc == 0)
        rc = wc_oci_runtime_find(NULL, &arena, &runtime, &err);
    if (rc == 0)
        rc = wc_vm_find(paths, NULL, &arena, &accel, &kernel, &err);
    out->usable = rc == 0;
    out->is_emulated = rc == 0 && !accel.kvm;
    if (rc == 0)
        snprintf(out->detail, sizeof out->detail, "QEMU %.40s, %s%.120s%s, guest kernel %.60s",
                 accel.qemu_version, accel.kvm ? "KVM" : "TCG (", accel.kvm ? "" : accel.why,
                 accel.kvm ? "" : ")", kernel.release);
    else
        snprintf(out->why, sizeof out->why, "%s", err.msg);
    wc_arena_deinit(&arena);
}

static int open_driver(const struct wc_driver_config *config, struct wc_driver **out,
                       struct wc_err *err)
{
    return wc_process_open(config, &wc_hyperv_ops, &flavour, out, err);
}

const struct wc_driver_ops wc_hyperv_ops = {
    .name = "hyperv",
    .probe = probe,
    .open = open_driver,
    .check = wc_process_check,
    .submit = wc_process_submit,
    .close = wc_process_close,
};
