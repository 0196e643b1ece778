/* machine.c - from what a service is to find to the jail that its machine runs in. */
#include "drivers/hyperv/machine.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"

/* Users of machines: nobody's else, so that one machine can't reach another's files. */
enum { UID_FIRST = 0x70000000, UID_DIGITS = 6 };

static uint32_t uid_of(const char *id)
{
    char hex[WC_SHA256_HEX + 1];
    uint32_t bits = 0;
    wc_sha256_hex(id, strlen(id), hex);
    for (int i = 0; i < UID_DIGITS; i++)
        bits = bits << 4 | (uint32_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    return UID_FIRST + bits;
}

unsigned wc_vm_host_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* What a machine can't be given, and what the user wrote of it. */
static int refuse(const struct wc_service *spec, const char *what, struct wc_err *err)
{
    return wc_err_at(err, WC_ERR_UNAVAILABLE, spec->at,
                     "%s reaches into the host and can't be had in a virtual machine "
                     "(isolation: hyperv of service '%s')",
                     what, spec->name);
}

static bool is_host(const char *word)
{
    return word != NULL && wc_streq(word, "host");
}

static int check_spec(const struct wc_service *spec, struct wc_err *err)
{
    const struct {
        bool asked;
        const char *what;
    } rows[] = {
        { spec->network_mode == WC_NETMODE_HOST, "network_mode: host" },
        { spec->network_mode == WC_NETMODE_SERVICE, "network_mode: service" },
        { is_host(spec->pid), "pid: host" },
        { is_host(spec->ipc), "ipc: host" },
        { is_host(spec->uts), "uts: host" },
        { spec->devices.n > 0, "devices" },
        { spec->runtime != NULL, "runtime" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (rows[i].asked)
            return refuse(spec, rows[i].what, err);
    return 0;
}

static int find_programs(const struct wc_vm_accel_facts *accel, struct wc_err *err)
{
    const struct {
        const char *program, *package;
    } rows[] = { { accel->qemu, "qemu-system-x86" },
                 { WC_VM_MKFS_IMAGE, "erofs-utils" },
                 { WC_VM_MKFS_SCRATCH, "e2fsprogs" },
                 { WC_VM_SHARE_SERVER, "qemu-system-common" } };
    for (size_t i = 0; i < WC_COUNT(rows); i++)
        if (access(rows[i].program, X_OK) != 0)
            return wc_err_set(
                err, WC_ERR_UNAVAILABLE, 0, "%s is missing; install it: sudo apt-get install %s",
                rows[i].program[0] != '\0' ? rows[i].program : "QEMU", rows[i].package);
    return 0;
}

int wc_vm_find(const struct wc_paths *paths, const struct wc_service *service,
               struct wc_arena *arena, struct wc_vm_accel_facts *accel, struct wc_vm_kernel *kernel,
               struct wc_err *err)
{
    const char *wanted = service != NULL ? service->vm.kernel : NULL;
    int rc = wc_vm_accel_probe(paths, accel, err);
    if (rc == 0)
        rc = find_programs(accel, err);
    if (rc == 0 && service != NULL && service->vm.accel == WC_VM_ACCEL_KVM && !accel->kvm)
        rc = wc_err_at(err, WC_ERR_ISOLATION, service->vm.key_at[WC_VM_ACCEL],
                       "service '%s' insists on KVM, which this host can't give: %s", service->name,
                       accel->why);
    if (rc == 0)
        rc = wc_vm_kernel_find(paths, wanted, arena, kernel, err);
    if (rc != 0 && wanted != NULL && err != NULL && err->at.file == NULL)
        err->at = service->vm.key_at[WC_VM_KERNEL];
    return rc;
}

int wc_vm_check(const struct wc_paths *paths, const struct wc_instance *instance,
                struct wc_err *err)
{
    struct wc_arena arena;
    struct wc_vm_kernel kernel;
    struct wc_vm_accel_facts accel;
    int rc = check_spec(instance->spec, err);
    wc_arena_init(&arena);
    if (rc == 0)
        rc = wc_vm_find(paths, instance->spec, &arena, &accel, &kernel, err);
    wc_arena_deinit(&arena);
    return rc;
}

/* The machine's directory: its user's, and of nobody else but root. */
static int make_dir(const struct wc_machine *machine, struct wc_err *err)
{
    if (mkdir(machine->dir, 0700) != 0 || lchown(machine->dir, machine->uid, machine->uid) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", machine->dir);
    const char *root = machine->in->service->rootfs; /* its user goes through it */
    if (chmod(root, 0755) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", root);
    return 0;
}

int wc_vm_wrap(const struct wc_wrap *in, struct wc_arena *arena, struct wc_oci *out,
               struct wc_err *err)
{
    const struct wc_bundle_request *request = in->request;
    struct wc_machine *machine = WC_NEW(arena, struct wc_machine); /* the jail refers to it */
    *machine = (struct wc_machine){
        .arena = arena,
        .in = in,
        .uid = uid_of(request->inst->id),
        .dir = wc_arena_printf(arena, "%s/%s", request->run_dir, WC_MON_DIR_HOST),
    };
    int rc = wc_vm_find(request->paths, request->inst->spec, arena, &machine->accel,
                        &machine->kernel, err);
    machine->kvm =
        rc == 0 && machine->accel.kvm && request->inst->spec->vm.accel != WC_VM_ACCEL_TCG;
    wc_vm_size_of(request->inst->spec, wc_vm_host_cpus(), !machine->kvm, &machine->size);
    if (rc == 0)
        rc = wc_vm_size_note(machine, err);
    if (rc == 0)
        rc = make_dir(machine, err);
    if (rc == 0)
        rc = wc_vm_disks(machine, err);
    if (rc == 0)
        rc = wc_vm_boot_write(machine, err);
    if (rc == 0)
        wc_vm_template_find(machine, request->flavour_data);
    if (rc == 0)
        rc = wc_vm_conf_write(machine, err);
    if (rc == 0)
        rc = wc_vm_jail(machine, out, err);
    return rc;
}
