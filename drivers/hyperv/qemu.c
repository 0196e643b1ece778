/* qemu.c - how QEMU is called, and what the machine's monitor is told.
 *
 * A microvm without any device that isn't named here. Time on the guest's command line: without it
 * 20 to 50 of a hundred boots under TCG hang while the kernel measures its clock (research/vm.md).
 * A private file holds the memory, unless the file server has to reach it.
 */
#include "drivers/hyperv/machine.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/hyperv/monitor/conf.h"
#include "drivers/process/record.h"

enum {
    BOOT_MS = 60000, /* until the service runs; a loaded host under TCG takes many seconds */
    BOOT_MS_TCG = 180000,
    BEAT_MS = 10000,
    PATIENCE_MS = 60000,
    PATIENCE_MS_TCG = 120000,
};

static void arg(struct wc_buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void arg(struct wc_buf *out, const char *fmt, ...)
{
    va_list args;
    wc_buf_adds(out, "vmm=");
    va_start(args, fmt);
    wc_buf_vprintf(out, fmt, args);
    va_end(args);
    wc_buf_addc(out, '\0');
}

static void put_board(const struct wc_machine *machine, struct wc_buf *out)
{
    long long mib = (long long)(machine->size.memory_bytes >> 20);
    bool shared = machine->n_shares > 0;
    arg(out, "%s", machine->accel.qemu);
    arg(out, "-machine");
    arg(out, "microvm,x-option-roms=off%s", shared ? ",memory-backend=ram" : "");
    if (shared) {
        arg(out, "-object");
        arg(out, "memory-backend-memfd,id=ram,size=%lldM,share=on", mib);
    }
    arg(out, "-m");
    arg(out, "%lldM", mib);
    arg(out, "-smp");
    arg(out, "%u", machine->size.cpus);
    arg(out, "-accel");
    arg(out, "%s", machine->kvm ? "kvm" : "tcg,tb-size=32");
    arg(out, "-cpu");
    arg(out, "%s", machine->kvm ? "host" : "max");
    static const char *const plain[] = { "-nodefaults",
                                         "-no-user-config",
                                         "-display",
                                         "none",
                                         "-no-reboot",
                                         "-global",
                                         "virtio-mmio.force-legacy=off",
                                         "-sandbox",
                                         "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
                                         "resourcecontrol=deny" };
    for (size_t i = 0; i < WC_COUNT(plain); i++)
        arg(out, "%s", plain[i]);
}

static void put_kernel(const struct wc_machine *machine, struct wc_buf *out)
{
    arg(out, "-kernel");
    arg(out, WC_JAIL_KERNEL);
    arg(out, "-initrd");
    arg(out, WC_JAIL_INITRAMFS);
    arg(out, "-append");
    arg(out,
        "console=ttyS0 quiet loglevel=3 rdinit=/init reboot=t panic=-1 net.ifnames=0 "
        "tsc_early_khz=%llu tsc=reliable",
        (unsigned long long)machine->accel.tsc_khz);
}

static void put_channels(struct wc_buf *out)
{
    arg(out, "-chardev");
    arg(out, "socket,id=console,fd=%d", WC_MON_FD_CONSOLE);
    arg(out, "-serial");
    arg(out, "chardev:console");
    arg(out, "-chardev");
    arg(out, "socket,id=qmp,fd=%d", WC_MON_FD_QMP);
    arg(out, "-mon");
    arg(out, "chardev=qmp,mode=control");
    arg(out, "-device");
    arg(out, "virtio-serial-device");
    arg(out, "-chardev");
    arg(out, "socket,id=agent,fd=%d", WC_MON_FD_AGENT);
    arg(out, "-device");
    arg(out, "virtserialport,chardev=agent,name=wcompose.agent");
}

static void put_disks(struct wc_buf *out)
{
    arg(out, "-drive");
    arg(out, "id=image,if=none,format=raw,readonly=on,file=" WC_JAIL_IMAGE);
    arg(out, "-device");
    arg(out, "virtio-blk-device,drive=image,serial=image");
    arg(out, "-drive");
    arg(out, "id=scratch,if=none,format=raw,discard=unmap,file=" WC_JAIL_SCRATCH);
    arg(out, "-device");
    arg(out, "virtio-blk-device,drive=scratch,serial=scratch");
}

static void put_links(const struct wc_instance *inst, struct wc_buf *out)
{
    for (size_t i = 0; i < inst->n_nets; i++) {
        const uint8_t *mac = inst->nets[i].mac;
        arg(out, "-netdev");
        arg(out, "tap,id=net%zu,fd=%zu", i, WC_MON_FD_LINKS + i);
        arg(out, "-device");
        arg(out, "virtio-net-device,netdev=net%zu,mac=%02x:%02x:%02x:%02x:%02x:%02x", i, mac[0],
            mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
}

static void put_rest(const struct wc_machine *machine, struct wc_buf *out)
{
    arg(out, "-object");
    arg(out, "rng-random,id=rng,filename=/dev/urandom");
    arg(out, "-device");
    arg(out, "virtio-rng-device,rng=rng");
    arg(out, "-device");
    arg(out, "virtio-balloon-device,free-page-reporting=on");
    if (machine->n_shares > 0) {
        arg(out, "-chardev");
        arg(out, "socket,id=share,path=" WC_MON_DIR "/" WC_MON_SHARE_SOCKET);
        arg(out, "-device");
        arg(out, "vhost-user-fs-device,chardev=share,tag=shares");
    }
}

static void put_share(const struct wc_machine *machine, struct wc_buf *out)
{
    static const char *const argv[] = {
        WC_VM_SHARE_SERVER,
        "-o",
        "source=" WC_MON_SHARES,
        "-o",
        "sandbox=chroot,cache=auto,announce_submounts,xattr,no_posix_lock",
        "-f"
    };
    for (size_t i = 0; machine->n_shares > 0 && i < WC_COUNT(argv); i++) {
        wc_buf_printf(out, "share=%s", argv[i]);
        wc_buf_addc(out, '\0');
    }
}

int wc_vm_conf_write(const struct wc_machine *machine, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const struct wc_oci *service = machine->in->service;
    const char *path = wc_arena_printf(machine->arena, "%s/%s", machine->dir, WC_MON_CONF);
    put_board(machine, &out);
    put_kernel(machine, &out);
    put_channels(&out);
    put_disks(&out);
    put_links(machine->in->request->inst, &out);
    put_rest(machine, &out);
    put_share(machine, &out);
    wc_oci_record(&out, "uid", "%u", machine->uid);
    wc_oci_record(&out, "gid", "%u", machine->uid);
    wc_oci_record(&out, "boot_ms", "%d", machine->kvm ? BOOT_MS : BOOT_MS_TCG);
    wc_oci_record(&out, "beat_ms", "%d", BEAT_MS);
    wc_oci_record(&out, "patience_ms", "%d", machine->kvm ? PATIENCE_MS : PATIENCE_MS_TCG);
    if (service->tty)
        wc_oci_record(&out, "tty", "1");
    if (service->spec->stdin_open == WC_TRI_TRUE)
        wc_oci_record(&out, "input", "1");
    if (service->spec->health.check.kind == WC_CHECK_NOTIFY)
        wc_oci_record(&out, "notify", "1");
    int rc = wc_write_plain(path, out.data, out.len, 0400, err);
    if (rc == 0 && lchown(path, machine->uid, machine->uid) != 0)
        rc = wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    return rc;
}
