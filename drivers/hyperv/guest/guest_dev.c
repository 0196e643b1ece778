/* guest_dev.c - the devices that every container has, and none but those.
 *
 * A filter of the service's cgroup, as runtimes set it: any node may be made, the harmless ones may
 * be opened. Without it root in the service could write to the disk below its own file system.
 * Written by hand, since there is no compiler for it here: twenty instructions.
 */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- the filter ---- */

struct insn {                /* of the kernel's BPF machine */
    uint8_t code, registers; /* the destination, and the source in the upper half */
    int16_t offset;          /* of a jump, or in memory */
    int32_t value;
};
enum {
    LOAD = 0x61,
    COPY = 0xbf,
    AND = 0x57,
    SHIFT = 0x77,
    SET = 0xb7,
    IF_IS = 0x15,
    IF_NOT = 0x55,
    GO = 0x05,
    RETURN = 0x95,
};
enum { CHARACTER = 2, MKNOD = 1, TERMINALS = 136 };
enum { MAJOR_5 = 17, ALLOW = 20, DENY = 22 }; /* places in the filter */
#define FROM(at, to) (to) - (at)-1
static const struct insn filter[] = {
    { LOAD, 0x12, 0, 0 }, /* r2 = kind of device; what is wanted of it above 16 bits */
    { LOAD, 0x14, 4, 0 }, /* r4 = major */
    { LOAD, 0x15, 8, 0 }, /* r5 = minor */
    { COPY, 0x23, 0, 0 },
    { SHIFT, 0x03, 0, 16 },
    { AND, 0x02, 0, 0xffff },
    { IF_IS, 0x03, FROM(6, ALLOW), MKNOD },
    { IF_NOT, 0x02, FROM(7, DENY), CHARACTER },
    { IF_IS, 0x04, FROM(8, ALLOW), TERMINALS },
    { IF_IS, 0x04, FROM(9, MAJOR_5), 5 },
    { IF_NOT, 0x04, FROM(10, DENY), 1 },
    { IF_IS, 0x05, FROM(11, ALLOW), 3 }, /* null, zero, full, random, urandom */
    { IF_IS, 0x05, FROM(12, ALLOW), 5 },
    { IF_IS, 0x05, FROM(13, ALLOW), 7 },
    { IF_IS, 0x05, FROM(14, ALLOW), 8 },
    { IF_IS, 0x05, FROM(15, ALLOW), 9 },
    { GO, 0, FROM(16, DENY), 0 },
    { IF_IS, 0x05, FROM(17, ALLOW), 0 }, /* tty, ptmx */
    { IF_IS, 0x05, FROM(18, ALLOW), 2 },
    { GO, 0, FROM(19, DENY), 0 },
    { SET, 0x00, 0, 1 },
    { RETURN, 0, 0, 0 },
    { SET, 0x00, 0, 0 },
    { RETURN, 0, 0, 0 },
};

enum { PROG_LOAD = 5, PROG_ATTACH = 8, CGROUP_DEVICE_PROG = 15, CGROUP_DEVICE = 6 };

int wc_guest_filter_devices(const struct wc_guest *guest)
{
    struct {
        uint32_t type, n;
        uint64_t insns, license, rest[10];
    } load = { .type = CGROUP_DEVICE_PROG,
               .n = sizeof filter / sizeof filter[0],
               .insns = (uint64_t)(uintptr_t)filter,
               .license = (uint64_t)(uintptr_t) "Apache-2.0" };
    struct {
        uint32_t target, prog, type, flags;
    } attach = { .target = (uint32_t)guest->cgroup, .type = CGROUP_DEVICE };
    if (!guest->conf.usual_devices || guest->cgroup < 0)
        return 0;
    int fd = (int)syscall(SYS_bpf, PROG_LOAD, &load, sizeof load);
    if (fd < 0 && (errno == EINVAL || errno == ENOSYS))
        return 0; /* a kernel that has no such filters; the machine's walls are others */
    attach.prog = (uint32_t)fd;
    if (fd < 0 || syscall(SYS_bpf, PROG_ATTACH, &attach, sizeof attach) != 0)
        return wc_fault("limit devices", NULL, errno);
    return close(fd);
}

/* ---- what is there ---- */

static const struct {
    const char *name;
    unsigned major, minor;
} nodes[] = {
    { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
    { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};
static const char *const links[][2] = {
    { "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" },
    { "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
    { "/proc/kcore", "core" },       { "pts/ptmx", "ptmx" },
};

static int make_in(int dev)
{
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        if (mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) ==
                0 &&
            fchmodat(dev, nodes[i].name, 0666, 0) == 0)
            continue;
        if (errno != EEXIST)
            return wc_fault("make device", nodes[i].name, errno);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (symlinkat(links[i][0], dev, links[i][1]) != 0 && errno != EEXIST)
            return wc_fault("link device", links[i][1], errno);
    return 0;
}

int wc_guest_devices(const struct wc_guest *guest)
{
    (void)guest;
    int root = open(WC_GUEST_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int dev = root < 0 ? -1 : wc_guest_open_in(root, "/dev", O_PATH | O_DIRECTORY);
    if (root >= 0)
        close(root);
    if (dev < 0)
        return errno == ENOENT ? 0 : wc_fault("open", "/dev", errno);
    int rc = make_in(dev);
    close(dev);
    return rc;
}
