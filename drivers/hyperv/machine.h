/* machine.h - inside of the hyperv driver: one virtual machine from a service's answers.
 *
 * Idea:    four parts, each with one file: what it boots from and keeps its files on (disks.c),
 * what its agent is told (boot.c), how the VMM is called (qemu.c), and the jail that all of it runs
 * in (jail.c). machine.c puts them together; nothing of it outlives the instance's directories but
 * the image's disk, which all machines of an image share. Owner:   one arena per preparation.
 * Threads: a worker's; all of it blocks.
 */
#ifndef DRIVERS_HYPERV_MACHINE_H
#define DRIVERS_HYPERV_MACHINE_H

#include "drivers/hyperv/size.h"
#include "drivers/process/flavour.h"
#include "wcompose/vm.h"

/* A directory or file of the host that the guest is to see, by way of the file server. */
struct wc_vm_share {
    const char *source; /* on the host */
    bool read_only;
};

struct wc_machine {
    struct wc_arena *arena;
    const struct wc_wrap *in;
    struct wc_vm_size size;
    struct wc_vm_kernel kernel;
    struct wc_vm_accel_facts accel;
    bool kvm;
    uint32_t uid;           /* the machine's own user and group */
    const char *dir;        /* vm/ of the run directory */
    const char *image;      /* erofs of the image */
    const char *scratch;    /* ext4 of the writable layer */
    const char *state_file; /* of the template that it starts from; NULL: it starts cold */
    int memory_fd;          /* the template's memory, borrowed; -1 = none */
    bool makes_template;    /* it is booted to be written down, in `dir` */
    struct wc_vm_share *shares;
    size_t n_shares, cap_shares;
};

/* disks.c: the image's disk, made once in lib/vm/images; the writable one in the lib directory,
 * which stays from run to run. WC_ERR_UNAVAILABLE names the package of a missing program. */
int wc_vm_disks(struct wc_machine *machine, struct wc_err *err);

/* boot.c: vm/boot, frames for the agent. Collects the shares. */
int wc_vm_boot_write(struct wc_machine *machine, struct wc_err *err);

/* template.c: the memories of templates, each sealed in a descriptor, for all machines of a driver.
 * Used by several threads at once. */
struct wc_vm_cache;
struct wc_vm_cache *wc_vm_cache_new(void);
void wc_vm_cache_free(struct wc_vm_cache *cache);

/* Finds the template for a machine, and makes it when there is none yet, which takes a boot; others
 * that want the same wait for that. Sets state_file and memory_fd (the cache's; the machine's user
 * can open it, nobody can change it). Where there can be none (shares: their server has to reach
 * the memory; not wanted; making one failed in this boot of the host), they stay NULL and -1, and
 * why is logged once: the machine starts cold. */
void wc_vm_template_find(struct wc_machine *machine, struct wc_vm_cache *cache);

/* qemu.c: vm/conf, the monitor's settings with the VMM's command line. */
int wc_vm_conf_write(const struct wc_machine *machine, struct wc_err *err);

/* jail.c: what the OCI runtime is to make, and the places for its mounts. */
int wc_vm_jail(const struct wc_machine *machine, struct wc_oci *out, struct wc_err *err);

/* resize.c: notes in the run directory how big the machine is. */
int wc_vm_size_note(const struct wc_machine *machine, struct wc_err *err);
#define WC_VM_SIZE_NOTE "machine.size"

/* machine.c: processors that this process may use, at least 1. */
unsigned wc_vm_host_cpus(void);
/* Finds emulator, kernel and the programs that make disks. WC_ERR_UNAVAILABLE with the
 * command that installs what is missing. */
int wc_vm_find(const struct wc_paths *paths, const struct wc_service *service,
               struct wc_arena *arena, struct wc_vm_accel_facts *accel, struct wc_vm_kernel *kernel,
               struct wc_err *err);
/* The flavour's functions. */
int wc_vm_check(const struct wc_paths *paths, const struct wc_instance *instance,
                struct wc_err *err);
bool wc_vm_kill(const char *run_dir); /* look.c, as the next */
int wc_vm_look(const char *run_dir, struct wc_look_in *look, struct wc_err *err);
int wc_vm_limits(const char *run_dir, const struct wc_service *service, struct wc_limits *out,
                 struct wc_err *err); /* resize.c */
int wc_vm_wrap(const struct wc_wrap *in, struct wc_arena *arena, struct wc_oci *out,
               struct wc_err *err);

/* Programs that disks are made with. */
#define WC_VM_MKFS_IMAGE "/usr/bin/mkfs.erofs"
#define WC_VM_MKFS_SCRATCH "/usr/sbin/mke2fs"
#define WC_VM_SHARE_SERVER "/usr/lib/qemu/virtiofsd"

/* The file of a template's memory. */
#define WC_VM_MEMORY "memory"

/* Where files are in the jail. */
#define WC_JAIL_KERNEL "/boot/kernel"
#define WC_JAIL_INITRAMFS "/boot/initramfs"
#define WC_JAIL_IMAGE "/disks/image"
#define WC_JAIL_SCRATCH "/disks/scratch"

#endif
