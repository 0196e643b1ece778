/* common_kernel.h - what the two static programs need of the kernel's interface and musl's headers
 * don't carry.
 *
 * Idea:    declared once, under our own names, so that the same source compiles with musl (no
 * linux/ headers) and with glibc. Numbers and layouts are the kernel's stable ABI; system calls
 * from 424 on have one number on every architecture. Threads: none. Errors: none; constants only.
 */
#ifndef DRIVERS_KEEPER_COMMON_KERNEL_H
#define DRIVERS_KEEPER_COMMON_KERNEL_H

#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* rtnetlink (netlink(7)) */
enum {
    WC_NETLINK_ROUTE = 0,
    WC_NLMSG_ERROR = 2,
    WC_NLM_F_CAPPED = 0x100,
    WC_NLM_F_ACK_TLVS = 0x200,
    WC_NLMSGERR_ATTR_MSG = 1,
    WC_SOL_NETLINK = 270,
    WC_NETLINK_CAP_ACK = 10,
    WC_NETLINK_EXT_ACK = 11,
};
struct wc_nlmsghdr {
    uint32_t len;
    uint16_t type;
    uint16_t flags;
    uint32_t seq;
    uint32_t pid;
};
struct wc_nlmsgerr {
    int32_t error; /* negative errno, 0 = acknowledged */
    struct wc_nlmsghdr request;
};
struct wc_nlattr {
    uint16_t len;
    uint16_t type;
};
struct wc_sockaddr_nl {
    uint16_t family;
    uint16_t pad;
    uint32_t pid;
    uint32_t groups;
};

/* tun(4) */
enum {
    WC_TUNSETIFF = 0x400454ca,
    WC_IFF_TAP = 0x0002,
    WC_IFF_NO_PI = 0x1000,
    WC_IFF_VNET_HDR = 0x4000
};

/* clone3(2) */
#define WC_CLONE_INTO_CGROUP 0x200000000ULL
struct wc_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

/* openat2(2) */
enum { WC_RESOLVE_NO_MAGICLINKS = 0x02, WC_RESOLVE_NO_SYMLINKS = 0x04, WC_RESOLVE_IN_ROOT = 0x10 };
struct wc_open_how {
    uint64_t flags, mode, resolve;
};

/* ioctl_pidfd(2): how a process ended, for who isn't its parent; Linux 6.15 */
struct wc_pidfd_info {
    uint64_t mask, cgroup;
    uint32_t ids[11]; /* pid, tgid, ppid, users, groups */
    int32_t exit_code;
};
#define WC_PIDFD_INFO_EXIT 8U
#define WC_PIDFD_GET_INFO _IOWR(0xff, 11, struct wc_pidfd_info)

/* statfs(2): file systems told apart by their magic */
#define WC_CGROUP2_MAGIC 0x63677270
#define WC_DEVPTS_MAGIC 0x1cd1

/* capabilities(7), version 3: two words of each set */
#define WC_CAPABILITY_VERSION_3 0x20080522
struct wc_cap_header {
    uint32_t version;
    int32_t pid;
};
struct wc_cap_data {
    uint32_t effective, permitted, inheritable;
};
enum { WC_CAP_LAST = 63 }; /* the kernel answers EINVAL beyond its own last one */

/* seccomp(2) */
enum { WC_SECCOMP_SET_MODE_FILTER = 1, WC_SECCOMP_MAX = 4096 };
struct wc_sock_filter {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};
struct wc_sock_fprog {
    uint16_t len;
    const struct wc_sock_filter *filter;
};

/* memfd_create(2), close_range(2) */
#define WC_MFD_EXEC 0x10U
#define WC_SEALS_ALL 0xf /* seal, shrink, grow, write */
#define WC_CLOSE_RANGE_CLOEXEC 4U

#endif
