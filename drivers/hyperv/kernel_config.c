/* kernel_config.c - what is switched on in the guest kernel that `vm kernel build` makes.
 *
 * Idea:    everything begins switched off (allnoconfig); a row switches on what a service in a VM
 *          can notice, and says why. No modules: nothing to unpack, to resolve or to load at a
 *          start. After the build system has had its say each row is looked for in its answer, so
 *          that a kernel of another version can't quietly leave something out.
 */
#include "drivers/hyperv/kernel_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

static const struct wc_kernel_options rows[] = {
    { "the machine: 64 bits, several processors, its own console on the first serial port",
      "64BIT=y SMP=y NR_CPUS=64 X86_X2APIC=y PRINTK=y BUG=y TTY=y SERIAL_8250=y "
      "SERIAL_8250_CONSOLE=y SERIAL_8250_NR_UARTS=1 SERIAL_8250_RUNTIME_UARTS=1" },
    { "LZ4 unpacks fastest, and an ELF image with the PVH note isn't packed at all",
      "KERNEL_LZ4=y HYPERVISOR_GUEST=y PARAVIRT=y PVH=y" },
    { "one clock tick in 10 ms and none when idle: under emulation each tick costs",
      "HZ_100=y NO_HZ_IDLE=y HIGH_RES_TIMERS=y PREEMPT_NONE=y CC_OPTIMIZE_FOR_PERFORMANCE=y" },
    { "KVM's clock, its spinlocks, and the host's time of day", "KVM_GUEST=y PTP_1588_CLOCK=y "
                                                                "PTP_1588_CLOCK_KVM=y" },
    { "power off through ACPI, which also says where the virtio devices are; the command line "
      "does where ACPI is off. Linux 6.1 loads no ACPI table without its handler of PCI space",
      "ACPI=y PCI=y VIRTIO_MENU=y VIRTIO_MMIO=y VIRTIO_MMIO_CMDLINE_DEVICES=y" },
    { "the devices that a VM is given", "NET=y BLOCK=y BLK_DEV=y VIRTIO_BLK=y NETDEVICES=y "
                                        "NET_CORE=y VIRTIO_NET=y VIRTIO_CONSOLE=y HW_RANDOM=y "
                                        "HW_RANDOM_VIRTIO=y" },
    { "memory that the guest doesn't use goes back to the host",
      "VIRTIO_BALLOON=y MEMORY_BALLOON=y BALLOON_COMPACTION=y COMPACTION=y PAGE_REPORTING=y" },
    { "a panic is told to the host as what it is", "PVPANIC=y PVPANIC_MMIO=y PANIC_TIMEOUT=-1" },
    { "entropy from the first moment on, and anew in a copy of a VM",
      "RANDOM_TRUST_CPU=y RANDOM_TRUST_BOOTLOADER=y VIRT_DRIVERS=y VMGENID=y" },
    { "our init", "BLK_DEV_INITRD=y RD_GZIP=n DEVTMPFS=y BINFMT_ELF=y BINFMT_SCRIPT=y" },
    { "an image is one erofs file, plain or LZ4, with an ext4 or tmpfs layer over it",
      "MISC_FILESYSTEMS=y EROFS_FS=y EROFS_FS_XATTR=y EROFS_FS_POSIX_ACL=y EROFS_FS_SECURITY=y "
      "EROFS_FS_ZIP=y EXT4_FS=y EXT4_USE_FOR_EXT2=n EXT4_FS_POSIX_ACL=y EXT4_FS_SECURITY=y "
      "OVERLAY_FS=y TMPFS=y SHMEM=y TMPFS_POSIX_ACL=y TMPFS_XATTR=y" },
    { "volumes that containers share", "FUSE_FS=y VIRTIO_FS=y" },
    { "what programs ask of a Linux",
      "PROC_FS=y PROC_SYSCTL=y PROC_PAGE_MONITOR=y SYSFS=y UNIX98_PTYS=y MULTIUSER=y FUTEX=y "
      "EPOLL=y SIGNALFD=y TIMERFD=y EVENTFD=y AIO=y ADVISE_SYSCALLS=y MEMBARRIER=y RSEQ=y "
      "FHANDLE=y POSIX_TIMERS=y FILE_LOCKING=y INOTIFY_USER=y FANOTIFY=y SYSVIPC=y "
      "POSIX_MQUEUE=y CROSS_MEMORY_ATTACH=y KCMP=y COREDUMP=y ELF_CORE=y KEYS=y "
      "TRANSPARENT_HUGEPAGE=y TRANSPARENT_HUGEPAGE_MADVISE=y HUGETLBFS=y" },
    { "the network, as containers have it",
      "UNIX=y INET=y IPV6=y PACKET=y IP_MULTICAST=y SYN_COOKIES=y UNIX_DIAG=y INET_DIAG=y "
      "PACKET_DIAG=y" },
    { "limits and figures", "CGROUPS=y MEMCG=y BLK_CGROUP=y CGROUP_SCHED=y FAIR_GROUP_SCHED=y "
                            "CFS_BANDWIDTH=y CGROUP_PIDS=y CGROUP_FREEZER=y CPUSETS=y "
                            "CGROUP_DEVICE=y CGROUP_BPF=y BPF_SYSCALL=y CGROUP_CPUACCT=y" },
    { "what confines the service inside as well",
      "NAMESPACES=y UTS_NS=y IPC_NS=y USER_NS=y PID_NS=y NET_NS=y SECCOMP=y SECCOMP_FILTER=y" },
    { "a guest that is attacked from inside should hold",
      "STRICT_KERNEL_RWX=y STACKPROTECTOR=y STACKPROTECTOR_STRONG=y VMAP_STACK=y "
      "HARDENED_USERCOPY=y FORTIFY_SOURCE=y SLAB_FREELIST_RANDOM=y SLAB_FREELIST_HARDENED=y" },
    { "the same against what processors give away; the second names are Linux 6.9's",
      "CPU_MITIGATIONS=y PAGE_TABLE_ISOLATION|MITIGATION_PAGE_TABLE_ISOLATION=y "
      "RETPOLINE|MITIGATION_RETPOLINE=y RETHUNK|MITIGATION_RETHUNK=y "
      "CPU_UNRET_ENTRY|MITIGATION_UNRET_ENTRY=y CPU_IBPB_ENTRY|MITIGATION_IBPB_ENTRY=y "
      "CPU_IBRS_ENTRY|MITIGATION_IBRS_ENTRY=y CPU_SRSO|MITIGATION_SRSO=y" },
    { "switches that the ones above hide behind", "EXPERT=y SLUB=y KALLSYMS=y CRYPTO=y "
                                                  "UNWINDER_GUESS=y DEBUG_KERNEL=n" },
    { "the release says what it is", "LOCALVERSION=\"-wcompose\" LOCALVERSION_AUTO=n" },
};

/* One of a row: NAME=value, or OLD|NEW=value where it was renamed. */
struct option {
    const char *names[2]; /* the second may be NULL */
    size_t lens[2];
    const char *value;
    size_t value_len; /* with the '=' */
};

/* Takes the next option of a row; false at its end. */
static bool next_option(const char **at, struct option *out)
{
    const char *text = *at + strspn(*at, " ");
    size_t len = strcspn(text, " "), names = strcspn(text, "="), first = strcspn(text, "|=");
    *at = text + len;
    if (len == 0)
        return false;
    *out = (struct option){
        .names = { text }, .lens = { first }, .value = text + names, .value_len = len - names
    };
    if (first < names) {
        out->names[1] = text + first + 1;
        out->lens[1] = names - first - 1;
    }
    return true;
}

static void add_line(struct wc_buf *out, const struct option *option, size_t name)
{
    wc_buf_printf(out, "CONFIG_%.*s%.*s\n", (int)option->lens[name], option->names[name],
                  (int)option->value_len, option->value);
}

void wc_kernel_config_text(struct wc_buf *out)
{
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        wc_buf_printf(out, "# %s\n", rows[i].why);
        struct option option;
        for (const char *at = rows[i].options; next_option(&at, &option);)
            for (size_t k = 0; k < 2 && option.names[k] != NULL; k++)
                add_line(out, &option, k);
    }
}

/* True when a line of `config` is the option under its name number `name`. */
static bool has(const char *config, const struct option *option, size_t name)
{
    WC_CLEANUP_BUF struct wc_buf line = WC_BUF_INIT;
    if (option->names[name] == NULL)
        return false;
    wc_buf_addc(&line, '\n');
    add_line(&line, option, name);
    return strncmp(config, line.data + 1, line.len - 1) == 0 || strstr(config, line.data) != NULL;
}

void wc_kernel_config_absent(const char *config, struct wc_buf *out)
{
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct option option;
        for (const char *at = rows[i].options; next_option(&at, &option);) {
            bool off = option.value_len == 2 && option.value[1] == 'n';
            if (!off && !has(config, &option, 0) && !has(config, &option, 1))
                wc_buf_printf(out, "%s%.*s", out->len > 0 ? " " : "", (int)option.lens[0],
                              option.names[0]);
        }
    }
}
