/* jail.c - what a machine's VMM runs in: a container with nothing in it.
 *
 * The root is empty but for what is bound into it: the system's libraries and firmware, read-only,
 * the machine's disks, its kernel, its directory. No network (links are descriptors), no
 * capability, no device but the ordinary ones and, where it is used, /dev/kvm. Only with shares
 * does the first process have rights, which it gives to the file server and sheds before anything
 * that a guest can reach is started (monitor/mon_spawn.c). A filter of system calls holds for all
 * of it; the file server and the VMM narrow it further for themselves.
 */
#include "drivers/hyperv/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/keeper/protocol.h"
#include "drivers/process/caps.h"
#include "drivers/process/seccomp.h"

static void add(struct wc_oci *oci, const char *target, const char *type, const char *source,
                const char *options)
{
    oci->mounts = wc_arena_grow(oci->arena, oci->mounts, oci->n_mounts, &oci->cap_mounts,
                                sizeof *oci->mounts);
    struct wc_oci_mount *m = &oci->mounts[oci->n_mounts++];
    *m = (struct wc_oci_mount){ .target = target, .type = type, .source = source };
    while (*options != '\0') {
        size_t len = strcspn(options, ",");
        wc_strv_add(oci->arena, &m->options, wc_arena_strndup(oci->arena, options, len));
        options += len + (options[len] == ',');
    }
}

static void add_system(struct wc_oci *oci)
{
    static const char *const dirs[] = { "/usr/lib", "/usr/lib64", "/usr/share/qemu",
                                        "/usr/share/seabios" };
    add(oci, "/proc", "proc", "proc", "nosuid,noexec,nodev");
    add(oci, "/dev", "tmpfs", "tmpfs", "nosuid,noexec,mode=755,size=64k");
    if (oci->tty)
        add(oci, "/dev/pts", "devpts", "devpts",
            "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
    add(oci, "/tmp", "tmpfs", "tmpfs", "nosuid,noexec,nodev,mode=1777,size=1m");
    for (size_t i = 0; i < WC_COUNT(dirs); i++)
        if (access(dirs[i], F_OK) == 0)
            add(oci, dirs[i], "bind", dirs[i], "bind,ro,nosuid,nodev");
    add(oci, "/lib", "bind", "/usr/lib", "bind,ro,nosuid,nodev");
    if (access("/usr/lib64", F_OK) == 0)
        add(oci, "/lib64", "bind", "/usr/lib64", "bind,ro,nosuid,nodev");
}

static void add_machine(const struct wc_machine *machine, struct wc_oci *oci)
{
    const struct wc_bundle_request *request = machine->in->request;
    struct wc_arena *arena = oci->arena;
    add(oci, machine->accel.qemu, "bind", machine->accel.qemu, "bind,ro,nosuid,nodev");
    add(oci, WC_MON_PROGRAM, "bind",
        wc_arena_printf(arena, "%s/wcompose-monitor", request->paths->bin), "bind,ro,nosuid,nodev");
    add(oci, WC_MON_DIR, "bind", machine->dir, "bind,rw,nosuid,nodev,noexec");
    add(oci, WC_JAIL_KERNEL, "bind", machine->kernel.image, "bind,ro,nosuid,nodev,noexec");
    add(oci, WC_JAIL_INITRAMFS, "bind", machine->kernel.initramfs, "bind,ro,nosuid,nodev,noexec");
    add(oci, WC_JAIL_IMAGE, "bind", machine->image, "bind,ro,nosuid,nodev,noexec");
    add(oci, WC_JAIL_SCRATCH, "bind", machine->scratch, "bind,rw,nosuid,nodev,noexec");
    if (request->inst->spec->health.check.kind == WC_CHECK_NOTIFY)
        add(oci, WC_MON_NOTIFY, "bind",
            wc_arena_printf(arena, "%s/%s", request->run_dir, WC_KEEPER_NOTIFY),
            "bind,ro,nosuid,nodev,noexec");
    if (machine->state_file != NULL)
        add(oci, WC_MON_STATE_JAIL, "bind", machine->state_file, "bind,ro,nosuid,nodev,noexec");
    for (size_t i = 0; i < machine->n_shares; i++)
        add(oci, wc_arena_printf(arena, WC_MON_SHARES "/%zu", i), "bind", machine->shares[i].source,
            machine->shares[i].read_only ? "rbind,ro,nosuid,nodev" : "rbind,rw,nosuid,nodev");
}

/* What the file server needs to act for the guest's users; Docker gives a container as much. */
static uint64_t share_caps(void)
{
    static const char *const names[] = { "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                         "CAP_FSETID", "CAP_SETGID",       "CAP_SETUID",
                                         "CAP_MKNOD",  "CAP_SETFCAP",      "CAP_SYS_CHROOT",
                                         "CAP_SETPCAP" };
    uint64_t caps = 0;
    for (int i = 0; wc_caps_name(i) != NULL; i++)
        for (size_t n = 0; n < WC_COUNT(names); n++)
            if (wc_streq(wc_caps_name(i), names[n]))
                caps |= UINT64_C(1) << (unsigned)i;
    return caps & wc_caps_available();
}

static void add_kvm(struct wc_oci *oci, uint32_t uid)
{
    struct stat st;
    if (stat("/dev/kvm", &st) != 0)
        return;
    oci->devices = WC_NEW_ARRAY(oci->arena, struct wc_oci_device, 1);
    oci->devices[0] = (struct wc_oci_device){ .path = "/dev/kvm",
                                              .type = 'c',
                                              .major = major(st.st_rdev),
                                              .minor = minor(st.st_rdev),
                                              .mode = 0600,
                                              .uid = uid,
                                              .gid = uid,
                                              .access = "rw" };
    oci->n_devices = 1;
}

/* The runtime would make these itself, but for root only (the keeper's umask). */
static int make_places(const struct wc_oci *oci, struct wc_err *err)
{
    int rc = 0;
    for (size_t i = 0; i < oci->n_mounts && rc == 0; i++) {
        const char *path = wc_arena_printf(oci->arena, "%s%s", oci->rootfs, oci->mounts[i].target);
        struct stat st;
        bool file = wc_streq(oci->mounts[i].type, "bind") &&
                    stat(oci->mounts[i].source, &st) == 0 && !S_ISDIR(st.st_mode);
        const char *dir = path;
        if (file)
            dir = wc_arena_strndup(oci->arena, path, (size_t)(strrchr(path, '/') - path));
        rc = wc_fs_mkdirs(dir, 0755, err);
        WC_CLEANUP_FD int fd =
            rc == 0 && file ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444) : -1;
        if (rc == 0 && file && fd < 0)
            rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    }
    return rc;
}

int wc_vm_jail(const struct wc_machine *machine, struct wc_oci *out, struct wc_err *err)
{
    const struct wc_oci *service = machine->in->service;
    struct wc_arena *arena = machine->arena;
    bool shares = machine->n_shares > 0;
    struct wc_limits *limits = WC_NEW(arena, struct wc_limits);
    wc_vm_limits_of(service->spec, &machine->size, limits);
    *out = (struct wc_oci){
        .arena = arena,
        .cwd = "/",
        .hostname = service->hostname,
        .user = { .uid = shares ? 0 : machine->uid, .gid = shares ? 0 : machine->uid, .home = "/" },
        .caps = shares ? share_caps() : 0,
        .no_new_privs = true,
        .tty = service->tty,
        .root_readonly = true,
        .pins = service->pins,
        .seccomp =
            shares ? wc_seccomp_file_server(share_caps(), arena) : wc_seccomp_default(0, arena),
        .oom_score_adj = service->oom_score_adj,
        .has_oom_score_adj = service->has_oom_score_adj,
        .cgroup_path = service->cgroup_path,
        .rootfs = service->rootfs,
        .spec = service->spec,
        .limits = limits,
        .handed = machine->state_file != NULL ? machine->memory_fd : 0,
    };
    wc_strv_add(arena, &out->args, WC_MON_PROGRAM);
    add_system(out);
    add_machine(machine, out);
    if (machine->kvm)
        add_kvm(out, machine->uid);
    return make_places(out, err);
}
