/* machine_size.c - see machine_size.h. */
#include "cli/machine_size.h"

#include "wcompose/vm.h"

enum { MIB_SHIFT = 20, GIB_SHIFT = 30 };

static bool is_emulated(const struct wc_plan *plan, const struct wc_service *service)
{
    return plan->is_emulated || service->vm.accel == WC_VM_ACCEL_TCG;
}

static void put_bytes(struct wc_buf *out, int64_t bytes)
{
    bool whole = bytes >> GIB_SHIFT << GIB_SHIFT == bytes;
    wc_buf_printf(out, "%lld %s", (long long)(bytes >> (whole ? GIB_SHIFT : MIB_SHIFT)),
                  whole ? "GiB" : "MiB");
}

void wc_machine_sizes_text(const struct wc_plan *plan, struct wc_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < plan->n_services; i++) {
        const struct wc_service *service = plan->services[i].service;
        struct wc_vm_size size;
        if (plan->services[i].isolation.level != WC_ISOLATION_HYPERV)
            continue;
        wc_vm_size_of(service, 0, is_emulated(plan, service), &size);
        wc_buf_printf(out, "%s  %s: ", first ? "\nmachines\n" : "", service->name);
        put_bytes(out, size.memory_bytes);
        wc_buf_adds(out, " and ");
        put_bytes(out, size.overhead_bytes);
        wc_buf_printf(out, " overhead, %u %s, disk ", size.cpus, size.cpus == 1 ? "cpu" : "cpus");
        put_bytes(out, size.disk_bytes);
        wc_buf_printf(out, ", %s\n", is_emulated(plan, service) ? "TCG" : "KVM");
        first = false;
    }
}

void wc_machine_size_json(const struct wc_plan *plan, const struct wc_plan_service *service,
                          struct wc_jsonw *w)
{
    struct wc_vm_size size;
    if (service->isolation.level != WC_ISOLATION_HYPERV) {
        wc_jsonw_raw(w, "machine", "null");
        return;
    }
    bool emulated = is_emulated(plan, service->service);
    wc_vm_size_of(service->service, 0, emulated, &size);
    wc_jsonw_object(w, "machine");
    wc_jsonw_i64(w, "memory_bytes", size.memory_bytes);
    wc_jsonw_i64(w, "overhead_bytes", size.overhead_bytes);
    wc_jsonw_i64(w, "cpus", size.cpus);
    wc_jsonw_i64(w, "disk_bytes", size.disk_bytes);
    wc_jsonw_str(w, "accel", emulated ? "tcg" : "kvm");
    wc_jsonw_end_object(w);
}

bool wc_machine_made(const struct wc_paths *paths, const char *project, const struct wc_fact *fact,
                     struct wc_vm_size *out)
{
    struct wc_err unknown;
    return fact->level == WC_ISOLATION_HYPERV && fact->id != NULL &&
           wc_vm_size_made(paths, project, fact->id, out, &unknown) == 0;
}

void wc_machine_made_text(const struct wc_vm_size *size, struct wc_buf *out)
{
    wc_buf_printf(out, "%u %s, ", size->cpus, size->cpus == 1 ? "cpu" : "cpus");
    put_bytes(out, size->memory_bytes);
    wc_buf_adds(out, " + ");
    put_bytes(out, size->overhead_bytes);
}

void wc_machine_made_json(const struct wc_vm_size *size, struct wc_jsonw *w)
{
    if (size == NULL) {
        wc_jsonw_raw(w, "Machine", "null");
        return;
    }
    wc_jsonw_object(w, "Machine");
    wc_jsonw_i64(w, "Cpus", size->cpus);
    wc_jsonw_i64(w, "MemoryBytes", size->memory_bytes);
    wc_jsonw_i64(w, "OverheadBytes", size->overhead_bytes);
    if (size->disk_bytes > 0)
        wc_jsonw_i64(w, "DiskBytes", size->disk_bytes);
    wc_jsonw_end_object(w);
}
