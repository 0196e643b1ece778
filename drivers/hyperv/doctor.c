/* doctor.c - what virtual machines need of this host. */
#include "drivers/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/kernel.h"
#include "drivers/hyperv/modules.h"

static void add(struct wc_doctor *doctor, enum wc_doctor_state state, const char *what,
                const char *found, const char *fix)
{
    wc_doctor_add(doctor, &(struct wc_doctor_row){ .level = WC_ISOLATION_HYPERV,
                                                   .state = state,
                                                   .what = what,
                                                   .found = found,
                                                   .fix = fix });
}

static void look_at_accelerator(struct wc_doctor *doctor)
{
    struct wc_vm_accel_facts facts = { 0 };
    struct wc_err err = { 0 };
    struct wc_arena *arena = doctor->arena;
    if (wc_vm_accel_probe(doctor->paths, &facts, &err) != 0)
        snprintf(facts.why, sizeof facts.why, "%.*s", (int)sizeof facts.why - 1, err.msg);
    if (facts.qemu[0] == '\0')
        add(doctor, WC_DOCTOR_MISSING, "QEMU", "not installed",
            "apt-get install --no-install-recommends qemu-system-x86");
    else
        add(doctor, WC_DOCTOR_GOOD, "QEMU",
            wc_arena_printf(arena, "%s %s", facts.qemu, facts.qemu_version), NULL);
    if (facts.kvm)
        add(doctor, WC_DOCTOR_GOOD, "KVM", "a guest was run on it", NULL);
    else
        add(doctor, WC_DOCTOR_POOR, "KVM",
            wc_arena_printf(arena, "%s; QEMU translates, which is slower", facts.why), NULL);
}

/* The kernel in use; NULL when there is none. */
static const struct wc_vm_kernel_row *kernel_in_use(struct wc_doctor *doctor)
{
    struct wc_vm_kernel_row *rows = NULL;
    size_t n = 0;
    if (wc_vm_kernel_list(doctor->paths, doctor->arena, &rows, &n, NULL) != 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (rows[i].in_use)
            return &rows[i];
    return NULL;
}

static void look_at_drivers(struct wc_doctor *doctor, const struct wc_vm_kernel_row *row)
{
    WC_CLEANUP_BUF struct wc_buf list = WC_BUF_INIT;
    for (size_t i = 0; i < row->missing.n; i++)
        wc_buf_printf(&list, "%s%s", i > 0 ? ", " : "", row->missing.items[i]);
    if (row->missing.n > 0)
        add(doctor, WC_DOCTOR_POOR, "its drivers",
            wc_arena_printf(doctor->arena, "%s are missing", list.data),
            "wcompose vm kernel install");
    else if (row->n_modules > 0)
        add(doctor, WC_DOCTOR_GOOD, "its drivers",
            wc_arena_printf(doctor->arena, "%zu modules", row->n_modules), NULL);
    else
        add(doctor, WC_DOCTOR_GOOD, "its drivers", "built in", NULL);
}

static void look_at_kernel(struct wc_doctor *doctor)
{
    struct wc_kernel_meta meta = { 0 };
    const struct wc_vm_kernel_row *row = kernel_in_use(doctor);
    if (row == NULL) {
        add(doctor, WC_DOCTOR_MISSING, "guest kernel", "none is installed",
            "wcompose vm kernel install");
        return;
    }
    const char *dir = wc_kernel_dir(doctor->paths, doctor->arena, row->name);
    bool sound = row->broken == NULL && wc_kernel_meta_read(dir, doctor->arena, &meta, NULL) == 0;
    if (!sound || !wc_streq(meta.wanted, wc_modules_wanted(doctor->arena))) {
        add(doctor, WC_DOCTOR_MISSING, "guest kernel",
            wc_arena_printf(doctor->arena, "%s: %s", row->name,
                            sound ? "installed for another version of wcompose" : "damaged"),
            "wcompose vm kernel install --force");
        return;
    }
    add(doctor, WC_DOCTOR_GOOD, "guest kernel", row->name, NULL);
    look_at_drivers(doctor, row);
}

static void look_at_agent(struct wc_doctor *doctor)
{
    const char *path = wc_arena_printf(doctor->arena, "%s/wcompose-guest", doctor->paths->bin);
    bool there = access(path, R_OK) == 0;
    add(doctor, there ? WC_DOCTOR_GOOD : WC_DOCTOR_MISSING, "agent",
        there ? path : wc_arena_printf(doctor->arena, "%s is not there", path),
        there ? NULL : "build or install wcompose again");
}

static void look_at_tap(struct wc_doctor *doctor)
{
    bool there = wc_fs_exists("/dev/net/tun");
    add(doctor, there ? WC_DOCTOR_GOOD : WC_DOCTOR_MISSING, "network devices",
        there ? "/dev/net/tun" : "there is no /dev/net/tun", there ? NULL : "modprobe tun");
}

void wc_doctor_hyperv(struct wc_doctor *doctor)
{
    static const char *const erofs[] = { "mkfs.erofs", NULL };
    static const char *const ext4[] = { "mke2fs", NULL };
    static const char *const fsd[] = { "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd",
                                       "virtiofsd", NULL };
    static const struct wc_doctor_program programs[] = {
        { WC_ISOLATION_HYPERV, WC_DOCTOR_MISSING, "images' file systems",
          "mkfs.erofs is not installed", "apt-get install erofs-utils", erofs },
        { WC_ISOLATION_HYPERV, WC_DOCTOR_MISSING, "writable file systems",
          "mke2fs is not installed", "apt-get install e2fsprogs", ext4 },
        { WC_ISOLATION_HYPERV, WC_DOCTOR_POOR, "shared volumes",
          "virtiofsd is not installed: no volumes in VMs",
          "apt-get install --no-install-recommends qemu-system-common", fsd },
    };
    look_at_accelerator(doctor);
    look_at_kernel(doctor);
    look_at_agent(doctor);
    for (size_t i = 0; i < WC_COUNT(programs); i++)
        wc_doctor_program(doctor, &programs[i]);
    look_at_tap(doctor);
}
