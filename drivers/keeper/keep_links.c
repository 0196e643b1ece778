/* keep_links.c - what may outlive the instance in its network namespace: connections that were
 * closed and wait for a peer's word.
 *
 * Links end with their namespace, for nothing (docs/network.md). But a connection whose peer went
 * first, or that the network was cut from, holds the namespace for minutes after the last process,
 * and with it the host's end of the link and an address that a successor may have by then. So
 * whoever sees such connections after a moment deletes the links by hand. That costs the kernel a
 * grace period each, which is why it isn't always done.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/keeper/common_kernel.h"

enum { LOOKS = 10, PAUSE_MS = 5, NAME_MAX_BYTES = 16 };

/* The number behind "TCP: inuse ", or behind "TCP6: inuse ", in a statistics file. */
static uint64_t in_use(const char *file, const char *label)
{
    char stats[1024];
    uint64_t count = 0;
    if (wc_file_read(AT_FDCWD, file, stats, sizeof stats) < 0)
        return 0;
    char *at = strstr(stats, label);
    if (at == NULL)
        return 0;
    at += strlen(label);
    at[strcspn(at, " \n")] = '\0';
    return wc_number(at, UINT64_MAX, &count) ? count : 0;
}

static bool connections_linger(void)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
    for (int i = 0; i < LOOKS; i++) {
        if (in_use("/proc/net/sockstat", "\nTCP: inuse ") == 0 &&
            in_use("/proc/net/sockstat6", "TCP6: inuse ") == 0)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* RTM_DELLINK by name. The answer isn't waited for: the kernel has carried it out when the send
 * returns, and there is nobody left to tell. */
static void delete_link(int fd, const char *name, size_t len)
{
    enum { RTM_DELLINK = 17, NLM_F_REQUEST = 1, IFLA_IFNAME = 3 };
    struct {
        struct wc_nlmsghdr head;
        uint8_t link[16]; /* struct ifinfomsg, all unspecified */
        struct wc_nlattr attr;
        char name[NAME_MAX_BYTES];
    } message = { .head = { .type = RTM_DELLINK, .flags = NLM_F_REQUEST },
                  .attr = { .type = IFLA_IFNAME } };
    struct wc_sockaddr_nl kernel = { .family = AF_NETLINK };
    memcpy(message.name, name, len);
    message.attr.len = (uint16_t)(sizeof message.attr + len + 1);
    message.head.len = sizeof message;
    (void)sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel);
}

/* Every name of /proc/net/dev, below its two lines of headings, but lo. */
static void delete_links(int fd)
{
    char links[4096];
    if (wc_file_read(AT_FDCWD, "/proc/net/dev", links, sizeof links) < 0)
        return;
    unsigned line = 0;
    for (char *at = links; at != NULL && *at != '\0'; line++) {
        char *next = strchr(at, '\n');
        at += strspn(at, " ");
        size_t len = strcspn(at, ":\n");
        if (line >= 2 && at[len] == ':' && len < NAME_MAX_BYTES &&
            !(len == 2 && memcmp(at, "lo", 2) == 0))
            delete_link(fd, at, len);
        at = next == NULL ? NULL : next + 1;
    }
}

void wc_keep_net_down(const struct wc_keep *keep)
{
    if (!keep->own_netns || !connections_linger())
        return;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, WC_NETLINK_ROUTE);
    if (fd < 0)
        return;
    delete_links(fd);
    close(fd);
}
