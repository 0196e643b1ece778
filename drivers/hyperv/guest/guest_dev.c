/* guest_dev.c - the devices that every container has. */
#include "drivers/hyperv/guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

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
