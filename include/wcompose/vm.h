/* vm.h - what a virtual machine needs of this host: an accelerator and a guest kernel (contract,
 * pure of libuv).
 *
 * Idea:    both are found, not configured: KVM where it proves that it works, and a kernel out of
 *          the distribution's packages, kept in the data directory with an initramfs of ours that
 *          is packed when it is asked for.
 * Owner:   strings live in the caller's arena.
 * Threads: any; calls block (disk; install and build: network, minutes). Calls of several processes
 *          at once are safe (file locks inside, files replaced as a whole).
 * Errors:  WC_ERR_UNAVAILABLE names the command that mends it.
 */
#ifndef WCOMPOSE_VM_H
#define WCOMPOSE_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_arena;
struct wc_paths;

/* What was found out about this host. */
struct wc_vm_accel_facts {
    bool kvm;              /* a guest was run on it, and did the right thing in time */
    char why[160];         /* why not KVM, for people; "" when kvm */
    char qemu[256];        /* absolute path of the emulator; "" when there is none */
    char qemu_version[64]; /* "7.2.22"; "" when not known */
    uint64_t tsc_khz;      /* of the host's time stamp counter, within 0.1 %; 0 = has none */
};

/* Finds out, within 600 ms the first time, from a note in paths->run later (some 0.1 ms; not
 * believed after a reboot, a new QEMU, or when the device or its modules changed). Never hangs: the
 * guest that is tried runs in a process of its own, which is killed. Returns 0 also where there is
 * neither QEMU nor KVM: the facts say so. Errors: WC_ERR_IO (no process could be made).
 */
int wc_vm_accel_probe(const struct wc_paths *paths, struct wc_vm_accel_facts *out,
                      struct wc_err *err);

/* How big a service's machine is: what it may use, and what the host gives beside that. */
struct wc_vm_size {
    int64_t memory_bytes;   /* of the machine, whole MiB */
    int64_t overhead_bytes; /* of the emulator, beside it */
    unsigned cpus;          /* of the machine */
    int64_t disk_bytes;     /* that the service may write */
};

/* host_cpus: of this host, 0 = as many as the caller may run on. tcg: without hardware help the
 * emulator keeps translated code. */
void wc_vm_size_of(const struct wc_service *service, unsigned host_cpus, bool tcg,
                   struct wc_vm_size *out);

/* A kernel that is ready to boot. */
struct wc_vm_kernel {
    const char *name;       /* of `vm kernel ls`; of a kernel by path: its path */
    const char *release;    /* "6.1.0-56-cloud-amd64"; "" when the image doesn't say */
    const char *image;      /* what -kernel gets: absolute path of a bzImage or an ELF image */
    const char *initramfs;  /* absolute path; ours for this kernel, named by its content */
    const char *identity;   /* 64 hex digits over image and initramfs: changes when either does */
    struct wc_strv missing; /* drivers that the kernel lacks, "virtiofs"; empty when not known */
};

/* Finds the kernel `wanted`: NULL = the one in use; a name of `vm kernel ls`; or the absolute path
 * of an image, whose modules are those in a directory "modules" beside it, if any. Packs the
 * initramfs when there is none of this agent yet (some 20 ms), else reads two small files. Errors:
 * WC_ERR_UNAVAILABLE, WC_ERR_SPEC (no kernel image), WC_ERR_IO, WC_ERR_PERM.
 */
int wc_vm_kernel_find(const struct wc_paths *paths, const char *wanted, struct wc_arena *arena,
                      struct wc_vm_kernel *out, struct wc_err *err);

/* One of the installed kernels. */
struct wc_vm_kernel_row {
    const char *name, *release;
    const char *origin; /* "linux-image-6.1.0-56-cloud-amd64 6.1.192-2", "built from …", a path */
    const char *image;  /* absolute path */
    int64_t size_bytes; /* of all its files */
    size_t n_modules;
    struct wc_strv missing;
    bool in_use;
    const char *broken; /* why it can't be read; then only the name is known. Else NULL */
};

/* Lists them, sorted by name; none is no error. */
int wc_vm_kernel_list(const struct wc_paths *paths, struct wc_arena *arena,
                      struct wc_vm_kernel_row **rows, size_t *n, struct wc_err *err);

/* Progress of a long call: what it does, and `done` of `total` (0 = unknown). Runs on the calling
 * thread. */
typedef void wc_vm_progress_fn(void *data, const char *what, uint64_t done, uint64_t total);

/* How to get a kernel. */
struct wc_vm_kernel_source {
    const char *from; /* install: a .deb file, a directory with vmlinuz-… (or boot/vmlinuz-…) and
                         modules (lib/modules/…, modules), or NULL: the package that is installed on
                         this host, else the distribution's package for cloud machines */
    bool force;       /* also when the same is there already */
    wc_vm_progress_fn *progress; /* may be NULL */
    void *progress_data;
};

/* Installs a kernel and puts it in use when none is. *made is false when the same was there.
 * Downloads through apt, needs no root beyond the data directory's. Nothing is left behind on
 * failure. Errors: WC_ERR_UNAVAILABLE, WC_ERR_NOENT (`from`), WC_ERR_SPEC (no kernel in there, or a
 * damaged one), WC_ERR_IO.
 */
int wc_vm_kernel_install(const struct wc_paths *paths, const struct wc_vm_kernel_source *source,
                         struct wc_arena *arena, const char **name, bool *made, struct wc_err *err);

/* Builds a small one from the distribution's kernel source package, installs it and puts it in use.
 * Some ten minutes of processor time and 2 GB of disk; what is done stays done when it is broken
 * off. WC_ERR_UNAVAILABLE names the packages that are missing.
 */
int wc_vm_kernel_build(const struct wc_paths *paths, const struct wc_vm_kernel_source *source,
                       struct wc_arena *arena, const char **name, bool *made, struct wc_err *err);

/* Puts a kernel in use, for VMs that start from now on. WC_ERR_NOENT, with a suggestion. */
int wc_vm_kernel_use(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                     struct wc_err *err);

/* Removes one that isn't in use: else WC_ERR_CONFLICT, unless it is the only one. VMs that run from
 * it go on. WC_ERR_NOENT, with a suggestion. */
int wc_vm_kernel_remove(const struct wc_paths *paths, const char *name, struct wc_arena *arena,
                        struct wc_err *err);

#endif
