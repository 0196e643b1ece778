/* tap.c - a virtual machine's tap that somebody deleted, made again under the descriptors that the
 * machine has.
 *
 * The kernel lets a descriptor whose device is gone be given another one (TUNSETIFF), and any copy
 * of it will do: so one is fetched from the monitor, given the new device, and the emulator, which
 * has the same file open, goes on reading and writing as if nothing had been. Rejected: another
 * backend by QMP, since QEMU doesn't let a card have a second one after its first was removed,
 * except behind a hub, which costs every machine its offloads; and a new start, which ends the
 * service.
 *
 * What the emulator had set on the device is set again: the length of the header before each
 * packet, and what a Linux guest's driver takes of it (both are what every guest of ours has
 * negotiated; one that has not only loses packets of its own).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "drivers/keeper/protocol.h"
#include "drivers/net/link.h"

static int lost(struct wc_err *err, const char *ifname, const char *what, int sys)
{
    return wc_err_set(err, WC_ERR_CONFLICT, sys,
                      "%s: its end on the host was deleted, and the running virtual machine can't "
                      "be given another (%s); restart it",
                      ifname, what);
}

int wc_tap_attach(int holder, size_t nth, const char *name, const char *ifname, struct wc_err *err)
{
    const unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    const int header = sizeof(struct virtio_net_hdr_mrg_rxbuf);
    struct ifreq now = { 0 }, wanted = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    snprintf(wanted.ifr_name, sizeof wanted.ifr_name, "%s", name);
    WC_CLEANUP_FD int fd = (int)syscall(SYS_pidfd_getfd, holder, WC_KEEPER_TAP_FD + (int)nth, 0);
    if (fd < 0)
        return lost(err, ifname, "its descriptor", errno);
    if (ioctl(fd, TUNGETIFF, &now) == 0) /* renamed, or in another namespace */
        return lost(err, ifname, "it is elsewhere", 0);
    if (ioctl(fd, TUNSETIFF, &wanted) != 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) != 0)
        return lost(err, ifname, "a new tap", errno);
    (void)ioctl(fd, TUNSETOFFLOAD, offloads); /* without it is slower, not wrong */
    return 0;
}
