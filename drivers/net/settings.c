/* settings.c - the few system settings that containers need, and how they are put back.
 *
 * Forwarding is the only one that outlives our bridges. Turning it off again could break whatever
 * started to rely on it meanwhile, so it is only done when we turned it on, and no bridge, tunnel
 * or other virtual link is left that suggests somebody else who forwards.
 */
#include "drivers/net/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "drivers/net/netlink.h"

#define FORWARD "net/ipv4/ip_forward"

static int read_setting(const char *name, char *out, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    WC_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);
    if (len < 0)
        return -1;
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return 0;
}

int wc_setting_write(const char *name, const char *value, struct wc_err *err)
{
    char path[128], now[32];
    if (read_setting(name, now, sizeof now) == 0 && wc_streq(now, value))
        return 0;
    snprintf(path, sizeof path, "/proc/sys/%s", name);
    WC_CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "set %s", path);
    return 0;
}

bool wc_setting_is(const char *name, const char *value)
{
    char now[32];
    return read_setting(name, now, sizeof now) != 0 || wc_streq(now, value);
}

bool wc_forwarding_is_on(void)
{
    return wc_setting_is(FORWARD, "1");
}

static void note_path(const char *dir, char *out, size_t size)
{
    snprintf(out, size, "%s/ip_forward", dir);
}

int wc_forwarding_on(const char *dir, bool *changed, struct wc_err *err)
{
    char now[32], note[4096];
    *changed = false;
    if (read_setting(FORWARD, now, sizeof now) == 0 && wc_streq(now, "1"))
        return 0;
    note_path(dir, note, sizeof note);
    int status = wc_fs_write_atomic(note, "0\n", 2, 0600, false, err);
    if (status == 0)
        status = wc_setting_write(FORWARD, "1", err);
    *changed = status == 0;
    return status;
}

/* True when the host has a link that somebody who forwards would have made. */
static bool others_forward(void)
{
    static const char *const kinds[] = { "bridge",  "tun", "wireguard", "vxlan",      "ipvlan",
                                         "macvlan", "gre", "ipip",      "openvswitch" };
    struct wc_err err = { 0 };
    WC_CLEANUP_FD int fd = wc_nl_open(&err);
    struct if_nameindex *links = fd < 0 ? NULL : if_nameindex();
    bool found = links == NULL;
    for (size_t i = 0; !found && links[i].if_index != 0; i++) {
        struct wc_nl_link link;
        if (wc_nl_link(fd, links[i].if_name, &link, &err) != 0)
            continue;
        for (size_t k = 0; k < WC_COUNT(kinds); k++)
            found = found || wc_streq(link.kind, kinds[k]);
    }
    if (links != NULL)
        if_freenameindex(links);
    return found;
}

void wc_forwarding_restore(const char *dir)
{
    char note[4096];
    struct wc_err err = { 0 };
    note_path(dir, note, sizeof note);
    if (!wc_fs_exists(note))
        return;
    if (!others_forward() && wc_setting_write(FORWARD, "0", &err) != 0)
        wc_log(WC_LOG_WARN, "net", "%s", err.msg);
    unlink(note);
}
