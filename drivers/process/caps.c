/* caps.c - one table of names by number; everything else is mask arithmetic. */
#include "drivers/process/caps.h"

#include <sys/prctl.h>

#include "base/str.h"
#include "wcompose/model.h"

static const char *const names[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const char *const defaults[] = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
    "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",    "CAP_SETGID",
    "CAP_SETFCAP",     "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT",
};

static uint64_t bit(int number)
{
    return UINT64_C(1) << (unsigned)number;
}

static const char *without_prefix(const char *name)
{
    static const char prefix[] = "cap_";
    size_t i = 0;
    while (prefix[i] != '\0' && wc_ascii_lower(name[i]) == prefix[i])
        i++;
    return prefix[i] == '\0' ? name + i : name;
}

int wc_caps_number(const char *name)
{
    const char *bare = without_prefix(name);
    for (int i = 0; i < (int)WC_COUNT(names); i++)
        if (wc_str_caseeq(bare, names[i] + 4))
            return i;
    return -1;
}

const char *wc_caps_name(int number)
{
    return number >= 0 && number < (int)WC_COUNT(names) ? names[number] : NULL;
}

uint64_t wc_caps_default(void)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < WC_COUNT(defaults); i++)
        mask |= bit(wc_caps_number(defaults[i]));
    return mask;
}

uint64_t wc_caps_available(void)
{
    uint64_t mask = 0;
    for (int i = 0; i < (int)WC_COUNT(names); i++)
        if (prctl(PR_CAPBSET_READ, (unsigned long)i, 0, 0, 0) == 1)
            mask |= bit(i);
    return mask;
}

/* Reads a list of names into a mask; ALL is told apart. */
static int read_list(const struct wc_service *spec, const char *key, const struct wc_strv *list,
                     uint64_t *mask, bool *all, struct wc_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        if (wc_str_caseeq(list->items[i], "ALL")) {
            *all = true;
            continue;
        }
        int number = wc_caps_number(list->items[i]);
        if (number < 0) {
            const char *bare[WC_COUNT(names)];
            for (size_t k = 0; k < WC_COUNT(names); k++)
                bare[k] = names[k] + 4;
            const char *near =
                wc_str_suggest(without_prefix(list->items[i]), bare, WC_COUNT(names));
            return wc_err_at(err, WC_ERR_SPEC, spec->at, "%s: unknown capability '%s'%s%s%s", key,
                             list->items[i], near ? "; did you mean '" : "", near ? near : "",
                             near ? "'?" : "");
        }
        *mask |= bit(number);
    }
    return 0;
}

int wc_caps_resolve(const struct wc_service *spec, uint64_t available, uint64_t *out,
                    struct wc_err *err)
{
    uint64_t add = 0, drop = 0, all = bit((int)WC_COUNT(names)) - 1;
    bool add_all = spec->privileged, drop_all = false;
    int rc = read_list(spec, "cap_add", &spec->cap_add, &add, &add_all, err);
    if (rc == 0)
        rc = read_list(spec, "cap_drop", &spec->cap_drop, &drop, &drop_all, err);
    if (rc != 0)
        return rc;
    uint64_t missing = add & ~available;
    for (int i = 0; missing != 0 && i < (int)WC_COUNT(names); i++)
        if (missing & bit(i))
            return wc_err_at(err, WC_ERR_PERM, spec->at,
                             "cap_add: %s is not available to wcompose on this host", names[i] + 4);
    uint64_t set;
    if (add_all)
        set = all & ~drop;
    else if (drop_all)
        set = add;
    else
        set = (wc_caps_default() & ~drop) | add;
    *out = set & available;
    return 0;
}
