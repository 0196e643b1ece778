/* supervisor_group.c - out of the control group of whoever typed the command.
 *
 * A session that is logged out of with KillUserProcesses, or a unit that is stopped (a CI runner,
 * a console), takes every process of its group with it: the supervisor, and with it the keepers
 * and the name server that it started, though the services themselves have groups of their own and
 * run on. So a supervisor that no service manager started goes to the root of the trees by which
 * systemd tracks its units; what it starts is born there. A group of our own would tell our cost
 * apart, but nobody could remove it after the last of us.
 *
 * Best effort: where the root may not be written (a delegated tree), all stays as it was.
 */
#include "orchestrator/supervisor_priv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

enum { CGROUPS_MAX = 64 * 1024 };

/* What the line of /proc/self/cgroup of a tracking tree has before the path, and where that tree
 * is mounted: systemd fixes these places (file-hierarchy, "CGROUP DELEGATION"). */
static const struct tracking {
    const char *mark, *procs[2];
} tracking[] = {
    { "0::/", { "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs" } },
    { ":name=systemd:/", { "/sys/fs/cgroup/systemd/cgroup.procs", NULL } },
};

/* True when the process is in a group below the root of the tree. */
static bool is_below(const char *groups, const char *mark)
{
    const char *line = strstr(groups, mark);
    return line != NULL && line[strlen(mark)] != '\n';
}

static void move(const char *procs)
{
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "0", 1) != 1)
        wc_log(WC_LOG_INFO, "supervisor", "stays in the group it was started in: %s: %m", procs);
    close(fd);
}

void wc_sup_leave_group(void)
{
    WC_CLEANUP_BUF struct wc_buf groups = WC_BUF_INIT;
    struct wc_err none;
    if (wc_fs_read("/proc/self/cgroup", CGROUPS_MAX, &groups, &none) != 0)
        return;
    for (size_t i = 0; i < sizeof tracking / sizeof tracking[0]; i++)
        for (size_t k = 0; k < 2 && is_below(groups.data, tracking[i].mark); k++)
            if (tracking[i].procs[k] != NULL)
                move(tracking[i].procs[k]);
}
