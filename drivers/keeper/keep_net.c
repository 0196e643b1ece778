/* keep_net.c - the instance's network namespace: made or joined, tuned, and filled by replaying
 * rtnetlink messages that the supervisor composed.
 *
 * The keeper knows nothing of addresses or bridges: two files hold complete messages, and it only
 * counts acknowledgements. Both files go out in one send each, since the kernel's price is per
 * request, not per message, and no `ip` process is ever started.
 */
#include "drivers/keeper/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/keeper/common_net.h"
#include "drivers/keeper/protocol.h"

static char blob[65536] __attribute__((aligned(4096)));

/* The messages of one of the files that the supervisor wrote, if it is there. */
static int replay(int fd, const char *file)
{
    ssize_t len = wc_file_read(AT_FDCWD, file, blob, sizeof blob);
    if (len < 0)
        return errno == ENOENT ? 0 : wc_fault("read", file, errno);
    return wc_rtnetlink_replay(fd, file, blob, (size_t)len);
}

static int write_sysctl(const char *setting)
{
    if (strncmp(setting, "net", 3) != 0)
        return wc_fault("network: bad net_sysctl", setting, 0);
    return wc_sysctl_write(setting);
}

/* Asked after the namespace was opened: so long as the process lives, the number is still its own.
 * A number that was given away may be a process of the host. */
static bool is_still(const char *netns, uint64_t starttime)
{
    uint64_t pid, now;
    char number[24];
    struct wc_text text = WC_TEXT(number);
    const char *at = netns + strlen("/proc/");
    if (strncmp(netns, "/proc/", strlen("/proc/")) != 0)
        return false;
    wc_text_putn(&text, at, strcspn(at, "/"));
    return wc_number(number, INT32_MAX, &pid) && wc_proc_starttime((pid_t)pid, &now) &&
           now == starttime;
}

static int enter(struct wc_keep *keep)
{
    const struct wc_keep_conf *conf = &keep->conf;
    const char *netns = conf->netns;
    if (strcmp(netns, "new") == 0) {
        if (unshare(CLONE_NEWNET) != 0)
            return wc_fault("network: new namespace", NULL, errno);
        keep->own_netns = true;
    } else {
        int fd = open(netns, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && conf->netns_starttime != 0 && !is_still(netns, conf->netns_starttime))
            return wc_fault("network: the service to join has ended", NULL, 0);
        if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
            return wc_fault("network: join", netns, errno);
        close(fd);
    }
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || dup3(fd, WC_KEEPER_NETNS_FD, O_CLOEXEC) < 0)
        return wc_fault("network: own namespace", NULL, errno);
    close(fd);
    return 0;
}

static int fill(const struct wc_keep_conf *conf, int host)
{
    for (size_t i = 0; i < conf->net_sysctl.n; i++)
        if (write_sysctl(conf->net_sysctl.items[i]) != 0)
            return -1;
    if (replay(host, WC_KEEPER_NET_HOST) != 0)
        return -1;
    int inside = wc_rtnetlink_open();
    if (inside < 0)
        return -1;
    int status = replay(inside, WC_KEEPER_NET_INSIDE);
    close(inside);
    return status;
}

int wc_keep_net_up(struct wc_keep *keep)
{
    if (strcmp(keep->conf.netns, "host") == 0)
        return 0;
    int host = wc_rtnetlink_open(); /* a socket belongs to the namespace it was opened in */
    if (host < 0)
        return -1;
    int status = wc_keep_taps_open(keep);
    if (status == 0)
        status = enter(keep);
    if (status == 0)
        status = fill(&keep->conf, host);
    close(WC_KEEPER_NETNS_FD); /* held open, it would keep the namespace after our end */
    close(host);
    madvise(blob, sizeof blob, MADV_DONTNEED);
    return status;
}

void wc_keep_net_leave(struct wc_keep *keep)
{
    if (!keep->own_netns)
        return;
    wc_keep_net_down(keep);
    keep->own_netns = unshare(CLONE_NEWNET) != 0; /* into an empty one: there is no way back */
}
