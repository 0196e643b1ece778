/* mon_conf.c - vm/conf: a table of keys. */
#include "drivers/hyperv/monitor/mon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ROW(key, kind, field)                                                                      \
    {                                                                                              \
        key, WC_RECORD_##kind, offsetof(struct wc_mon_conf, field)                                 \
    }
static const struct wc_record_row rows[] = {
    ROW("vmm", LIST, vmm),           ROW("cold", LIST, cold),
    ROW("mode", TEXT, mode),         ROW("share", LIST, share),
    ROW("uid", NUMBER, uid),         ROW("gid", NUMBER, gid),
    ROW("retries", NUMBER, retries), ROW("boot_ms", NUMBER, boot_ms),
    ROW("beat_ms", NUMBER, beat_ms), ROW("patience_ms", NUMBER, patience_ms),
    ROW("tty", FLAG, tty),           ROW("input", FLAG, input),
    ROW("notify", FLAG, notify),
};

static char data[32768];
static const char *vmm[160], *cold[160], *share[32]; /* and a NULL at the end of each */

int wc_mon_conf_load(struct wc_mon_conf *conf)
{
    ssize_t len = wc_file_read(AT_FDCWD, WC_MON_CONF, data, sizeof data);
    if (len < 0)
        return wc_fault("read", WC_MON_CONF, errno);
    conf->vmm = (struct wc_list){ vmm, 0, sizeof vmm / sizeof vmm[0] - 1 };
    conf->cold = (struct wc_list){ cold, 0, sizeof cold / sizeof cold[0] - 1 };
    conf->share = (struct wc_list){ share, 0, sizeof share / sizeof share[0] - 3 };
    if (wc_record_decode(data, (size_t)len, rows, sizeof rows / sizeof rows[0], conf) != 0)
        return -1;
    if (conf->vmm.n == 0 || conf->boot_ms == 0 || conf->beat_ms == 0 || conf->patience_ms == 0)
        return wc_fault("settings: missing: vmm or a time", NULL, 0);
    if (conf->uid == 0 || conf->uid >= UINT32_MAX || conf->gid == 0 || conf->gid >= UINT32_MAX)
        return wc_fault("settings: a machine is nobody's but its own user's", NULL, 0);
    if (conf->mode != NULL && strcmp(conf->mode, "save") != 0 &&
        (strcmp(conf->mode, "restore") != 0 || conf->cold.n == 0))
        return wc_fault("settings: no such mode:", conf->mode, 0);
    return 0;
}
