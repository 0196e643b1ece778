/* accel_kvm.c - does KVM work? It is tried, not asked.
 *
 * Idea:    /dev/kvm may open where nothing stands behind it: in virtual machines without nested
 *          virtualization whose host offers it in software, an ordinary guest kernel never comes
 *          up. So a guest is run: 64-bit mode, paging, a loop, a change of page tables, a port. It
 *          has to give the right sum, and to take the processor time that hardware takes: a
 *          software KVM needs a microsecond or so an instruction, which is some 500 times as much.
 *          Real mode isn't used, since good KVMs on old processors emulate it.
 * Hangs:   the trial is a process; it is killed at the deadline, and left alone should even that
 *          not end it. It makes only system calls between fork and exit.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "drivers/hyperv/accel.h"

/* How far the trial came; the child writes it, the parent reads it after the end. */
struct trial {
    const char *at; /* the step that is done or failed; a literal */
    int sys;        /* errno of it, 0 when the step itself went well */
    bool good;
};

#if defined(__x86_64__)

enum {
    GUEST_BYTES = 64 << 10,
    AT_CODE = 0x1000,
    AT_PML4 = 0x2000,
    AT_PDPT = 0x3000,
    AT_PD = 0x4000,
    AT_PML4_OTHER = 0x5000,
    AT_WORD = 0x6000,
    ROUNDS = 200000,
    PORT = 0x77,
    CPU_LIMIT_MS = 60 /* hardware: well below one; software: many times this (estimates) */
};

/* mov $ROUNDS,%ecx; xor %eax,%eax
 * 1: add %ecx,%eax; dec %ecx; jnz 1b
 * mov $AT_PML4_OTHER,%ebx; mov %rbx,%cr3       the same mapping by another table
 * mov %eax,AT_WORD; mov AT_WORD,%eax           a write and a read through it
 * mov $PORT,%dx; out %eax,(%dx); hlt */
static const uint8_t code[] = {
    0xb9,
    ROUNDS & 0xff,
    ROUNDS >> 8 & 0xff,
    ROUNDS >> 16,
    0, /* mov ecx */
    0x31,
    0xc0, /* xor eax, eax */
    0x01,
    0xc8,
    0xff,
    0xc9,
    0x75,
    0xfa, /* add, dec, jnz */
    0xbb,
    0,
    AT_PML4_OTHER >> 8,
    0,
    0,
    0x0f,
    0x22,
    0xdb, /* mov ebx; mov cr3 */
    0x89,
    0x04,
    0x25,
    0,
    AT_WORD >> 8,
    0,
    0, /* mov [word], eax */
    0x8b,
    0x04,
    0x25,
    0,
    AT_WORD >> 8,
    0,
    0, /* mov eax, [word] */
    0x66,
    0xba,
    PORT,
    0,
    0xef,
    0xf4 /* mov dx; out; hlt */
};
/* The sum of 1..ROUNDS in 32 bits. */
static const uint32_t right = (uint32_t)((uint64_t)ROUNDS * (ROUNDS + 1) / 2);

/* One 2 MiB page mapped to itself, by either top table. */
static void fill_memory(uint8_t *memory)
{
    const uint64_t flags = 3 /* present, writable */, large = 0x80;
    const uint64_t pdpt = AT_PDPT | flags, pd = AT_PD | flags, page = flags | large;
    memcpy(memory + AT_CODE, code, sizeof code);
    memcpy(memory + AT_PML4, &pdpt, sizeof pdpt);
    memcpy(memory + AT_PML4_OTHER, &pdpt, sizeof pdpt);
    memcpy(memory + AT_PDPT, &pd, sizeof pd);
    memcpy(memory + AT_PD, &page, sizeof page);
}

static int set_registers(int vcpu)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = AT_CODE, .rflags = 2, .rsp = GUEST_BYTES - 16 };
    if (ioctl(vcpu, KVM_GET_SREGS, &sregs) != 0)
        return -1;
    struct kvm_segment flat = {
        .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
    };
    sregs.cs = flat;
    flat.type = 3;
    flat.selector = 16;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
    sregs.cr3 = AT_PML4;
    sregs.cr4 = 1 << 5;              /* PAE */
    sregs.cr0 = 0x80000001 | 1 << 4; /* PG, PE, ET */
    sregs.efer = 1 << 8 | 1 << 10;   /* LME, LMA */
    return ioctl(vcpu, KVM_SET_SREGS, &sregs) != 0 || ioctl(vcpu, KVM_SET_REGS, &regs) != 0 ? -1
                                                                                            : 0;
}

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs it to its port, then to its end. */
static bool run_guest(struct trial *trial, int vcpu, struct kvm_run *run)
{
    int64_t begin = cpu_ms();
    trial->at = "the guest did not run";
    if (ioctl(vcpu, KVM_RUN, 0) != 0)
        return false;
    uint32_t sum = 0;
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != PORT || run->io.size != sizeof sum) {
        trial->at = "the guest stopped elsewhere than it should";
        return false;
    }
    memcpy(&sum, (const uint8_t *)run + run->io.data_offset, sizeof sum);
    trial->at = "the guest calculated wrongly";
    if (sum != right)
        return false;
    trial->at = "the guest did not end";
    if (ioctl(vcpu, KVM_RUN, 0) != 0 || run->exit_reason != KVM_EXIT_HLT)
        return false;
    trial->at = "the guest runs as slowly as in software";
    return cpu_ms() - begin <= CPU_LIMIT_MS;
}

static bool try_vm(struct trial *trial, int kvm, int vm)
{
    uint8_t *memory =
        mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    trial->at = "the guest can't be given memory";
    if (memory == MAP_FAILED)
        return false;
    fill_memory(memory);
    struct kvm_userspace_memory_region region = { .memory_size = GUEST_BYTES,
                                                  .userspace_addr = (uint64_t)(uintptr_t)memory };
    /* Intel's wants three pages of the address space for itself; AMD's doesn't know the call */
    (void)ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000);
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
        return false;
    trial->at = "the guest can't be given a processor";
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (vcpu < 0 || size < (int)sizeof(struct kvm_run))
        return false;
    struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    return run != MAP_FAILED && set_registers(vcpu) == 0 && run_guest(trial, vcpu, run);
}

#else

/* Elsewhere a machine that can be made is believed: there is no KVM without hardware there. */
static bool try_vm(struct trial *trial, int kvm, int vm)
{
    (void)kvm;
    trial->at = "the guest can't be given a processor";
    return ioctl(vm, KVM_CREATE_VCPU, 0) >= 0;
}

#endif

static void run_trial(struct trial *trial, const char *device)
{
    trial->at = "it can't be opened";
    int kvm = open(device, O_RDWR | O_CLOEXEC);
    if (kvm >= 0) {
        trial->at = "it is not KVM";
        int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
        if (version == KVM_API_VERSION) {
            trial->at = "it can't make a virtual machine";
            int vm = ioctl(kvm, KVM_CREATE_VM, 0);
            errno = vm < 0 ? errno : 0;
            trial->good = vm >= 0 && try_vm(trial, kvm, vm);
        } else if (version >= 0) {
            errno = 0;
        }
    }
    trial->sys = trial->good ? 0 : errno;
}

/* Waits for the end of the child, at most ms. True when it ended. */
static bool ended_within(int pidfd, int ms)
{
    struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t deadline = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
    for (;;) {
        int n = poll(&poll_fd, 1, ms);
        if (n > 0)
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = deadline - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        if (left <= 0 || (n < 0 && errno != EINTR))
            return false;
        ms = (int)left;
    }
}

static int judge(const struct trial *trial, bool in_time, const char *device, struct wc_err *err)
{
    if (!in_time)
        return wc_err_set(err, WC_ERR_TIMEOUT, 0, "%s: the trial did not end within %d ms (%s)",
                          device, WC_KVM_TRIAL_MS,
                          trial->at != NULL ? trial->at : "it did not begin");
    if (trial->good)
        return 0;
    return wc_err_set(err, WC_ERR_UNAVAILABLE, trial->sys, "%s: %s", device,
                      trial->at != NULL ? trial->at : "the trial broke off");
}

/* Runs `body` in a process of its own for at most `ms`. Returns 0, or the errno of why it could not
 * begin. */
static int run_apart(void (*body)(struct trial *trial, const char *device), const char *device,
                     struct trial *trial, int ms, bool *in_time)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        body(trial, device);
        _exit(0);
    }
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    int sys = pidfd >= 0 ? 0 : errno;
    *in_time = pidfd >= 0 && ended_within(pidfd, ms);
    if (pid > 0 && !*in_time)
        (void)kill(pid, SIGKILL);
    /* what doesn't die is not waited for: it would be this process that hangs then */
    if (pid > 0 && (*in_time || pidfd < 0 || ended_within(pidfd, 50)))
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    if (pidfd >= 0)
        close(pidfd);
    return sys;
}

int wc_kvm_trial(const char *device, struct wc_err *err)
{
    struct trial *trial =
        mmap(NULL, sizeof *trial, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED)
        return wc_err_set(err, WC_ERR_IO, errno, "try %s", device);
    bool in_time = false;
    int sys = run_apart(run_trial, device, trial, WC_KVM_TRIAL_MS, &in_time);
    int rc = sys != 0 ? wc_err_set(err, WC_ERR_IO, sys, "try %s", device)
                      : judge(trial, in_time, device, err);
    (void)munmap(trial, sizeof *trial);
    return rc;
}
