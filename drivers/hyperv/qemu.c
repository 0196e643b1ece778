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

/* One command line: how the machine starts, and under which key its words are written down. */
struct line {
    const struct wc_machine *machine;
    enum { COLD, SAVE, RESTORE } how;
    const char *key;
    struct wc_buf *buf;
};

static void arg(const struct line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void arg(const struct line *line, const char *fmt, ...)
{
    struct wc_buf *out = line->buf;
    va_list args;
    wc_buf_printf(out, "%s=", line->key);
    va_start(args, fmt);
    wc_buf_vprintf(out, fmt, args);
    va_end(args);
    wc_buf_addc(out, '\0');
}

/* The memory: plain, or one that others see too: the file server, a template's file, what a
 * template has written down. */
static void put_memory(const struct line *line)
{
    const struct wc_machine *machine = line->machine;
    long long mib = (long long)(machine->size.memory_bytes >> 20);
    bool shares = machine->n_shares > 0;
    arg(line, "-machine");
    arg(line, "microvm,x-option-roms=off,dump-guest-core=off%s",
        shares || line->how != COLD ? ",memory-backend=ram" : "");
    if (shares || line->how != COLD)
        arg(line, "-object");
    if (line->how == SAVE)
        arg(line, "memory-backend-file,id=ram,mem-path=" WC_VM_MEMORY ",size=%lldM,share=on", mib);
    else if (line->how == RESTORE)
        arg(line, "memory-backend-file,id=ram,mem-path=/proc/self/fd/%zu,size=%lldM,share=off",
            WC_MON_FD_LINKS + machine->in->request->inst->n_nets, mib);
    else if (shares)
        arg(line, "memory-backend-memfd,id=ram,size=%lldM,share=on", mib);
    arg(line, "-m");
    arg(line, "%lldM", mib);
}

static void put_board(const struct line *line)
{
    static const char sandbox[] =
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
    static const char *const plain[] = { "-nodefaults",
                                         "-no-user-config",
                                         "-display",
                                         "none",
                                         "-no-reboot",
                                         "-global",
                                         "virtio-mmio.force-legacy=off",
                                         "-sandbox",
                                         sandbox };
    const struct wc_machine *machine = line->machine;
    arg(line, "%s", machine->accel.qemu);
    put_memory(line);
    arg(line, "-smp");
    arg(line, "%u", machine->size.cpus);
    arg(line, "-accel");
    arg(line, "%s", machine->kvm ? "kvm" : "tcg,tb-size=32");
    arg(line, "-cpu");
    arg(line, "%s", machine->kvm ? "host" : "max");
    for (size_t i = 0; i < WC_COUNT(plain); i++)
        arg(line, "%s", plain[i]);
    if (line->how == RESTORE) {
        arg(line, "-incoming");
        arg(line, "defer");
    }
}

/* What goes on has its kernel in its memory; a second one beside it would be QEMU's for good. */
static void put_kernel(const struct line *line)
{
    bool save = line->how == SAVE;
    if (line->how == RESTORE)
        return;
    arg(line, "-kernel");
    arg(line, "%s", save ? "kernel" : WC_JAIL_KERNEL);
    arg(line, "-initrd");
    arg(line, "%s", save ? "initramfs" : WC_JAIL_INITRAMFS);
    arg(line, "-append");
    arg(line,
        "console=ttyS0 quiet loglevel=3 rdinit=/init reboot=t panic=-1 net.ifnames=0 "
        "tsc_early_khz=%llu tsc=reliable",
        (unsigned long long)line->machine->accel.tsc_khz);
}

static void put_channels(const struct line *line)
{
    arg(line, "-chardev");
    arg(line, "socket,id=console,fd=%d", WC_MON_FD_CONSOLE);
    arg(line, "-serial");
    arg(line, "chardev:console");
    arg(line, "-chardev");
    arg(line, "socket,id=qmp,fd=%d", WC_MON_FD_QMP);
    arg(line, "-mon");
    arg(line, "chardev=qmp,mode=control");
    arg(line, "-device");
    arg(line, "virtio-serial-device");
    arg(line, "-chardev");
    arg(line, "socket,id=agent,fd=%d", WC_MON_FD_AGENT);
    arg(line, "-device");
    arg(line, "virtserialport,chardev=agent,name=wcompose.agent");
}

/* A template has disks of no content in the places of those to come; the guest reads how large they
 * are when it mounts them. */
static void put_disks(const struct line *line)
{
    static const char nothing[] = "driver=null-co,size=64G,read-zeroes=on";
    bool save = line->how == SAVE;
    arg(line, "-drive");
    arg(line, "id=image,if=none,readonly=on,%s", save ? nothing : "format=raw,file=" WC_JAIL_IMAGE);
    arg(line, "-device");
    arg(line, "virtio-blk-device,drive=image,serial=image");
    arg(line, "-drive");
    arg(line, "id=scratch,if=none,%s",
        save ? nothing : "format=raw,discard=unmap,file=" WC_JAIL_SCRATCH);
    arg(line, "-device");
    arg(line, "virtio-blk-device,drive=scratch,serial=scratch");
}

static void put_links(const struct line *line)
{
    const struct wc_instance *inst = line->machine->in->request->inst;
    for (size_t i = 0; i < inst->n_nets; i++) {
        const uint8_t *mac = inst->nets[i].mac;
        arg(line, "-netdev");
        if (line->how == SAVE)
            arg(line, "hubport,id=net%zu,hubid=%zu", i, i);
        else
            arg(line, "tap,id=net%zu,fd=%zu", i, WC_MON_FD_LINKS + i);
        arg(line, "-device");
        arg(line, "virtio-net-device,netdev=net%zu,mac=%02x:%02x:%02x:%02x:%02x:%02x", i, mac[0],
            mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
}

static void put_rest(const struct line *line)
{
    arg(line, "-object");
    arg(line, "rng-random,id=rng,filename=/dev/urandom");
    arg(line, "-device");
    arg(line, "virtio-rng-device,rng=rng");
    arg(line, "-device");
    arg(line, "virtio-balloon-device,free-page-reporting=on");
    if (line->machine->n_shares > 0) {
        arg(line, "-chardev");
        arg(line, "socket,id=share,path=" WC_MON_DIR "/" WC_MON_SHARE_SOCKET);
        arg(line, "-device");
        arg(line, "vhost-user-fs-device,chardev=share,tag=shares");
    }
}

static void put_line(const struct line *line)
{
    put_board(line);
    put_kernel(line);
    put_channels(line);
    put_disks(line);
    put_links(line);
    put_rest(line);
}

/* With a template also how it starts without, should the template be of no use. */
static void put_lines(const struct wc_machine *machine, struct wc_buf *out)
{
    struct line line = { machine, COLD, "vmm", out };
    if (machine->makes_template || machine->state_file != NULL) {
        line.how = machine->makes_template ? SAVE : RESTORE;
        put_line(&line);
        wc_oci_record(out, "mode", "%s", machine->makes_template ? "save" : "restore");
        line = (struct line){ machine, COLD, "cold", out };
    }
    if (!machine->makes_template)
        put_line(&line);
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

/* A machine that may not be silent for long is asked the more often. */
static void put_heartbeat(const struct wc_machine *machine, struct wc_buf *out)
{
    int64_t asked = machine->in->request->inst->spec->vm.hang_ms;
    int64_t patience = asked > 0 ? asked : machine->kvm ? PATIENCE_MS : PATIENCE_MS_TCG;
    int64_t beat = patience / 4 + 1;
    wc_oci_record(out, "beat_ms", "%lld", (long long)(beat < BEAT_MS ? beat : BEAT_MS));
    wc_oci_record(out, "patience_ms", "%lld", (long long)patience);
}

int wc_vm_conf_write(const struct wc_machine *machine, struct wc_err *err)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    const struct wc_oci *service = machine->in->service;
    const char *path = wc_arena_printf(machine->arena, "%s/%s", machine->dir, WC_MON_CONF);
    put_lines(machine, &out);
    put_share(machine, &out);
    wc_oci_record(&out, "uid", "%u", machine->uid);
    wc_oci_record(&out, "gid", "%u", machine->uid);
    wc_oci_record(&out, "retries", "2");
    wc_oci_record(&out, "boot_ms", "%d", machine->kvm ? BOOT_MS : BOOT_MS_TCG);
    put_heartbeat(machine, &out);
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
