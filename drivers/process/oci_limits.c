/* oci_limits.c - rlimits, sysctls, OOM score: what can be had of what was asked.
 *
 * Idea:    a limit that this host can't give is lessened to what it can, and that is said; it is
 * not silently dropped and does not keep the service from running.
 */
#include "drivers/process/oci.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "drivers/process/caps.h"
#include "wcompose/state.h"

static const struct {
    const char *name;
    int resource;
    const char *oci;
} resources[] = {
    { "as", RLIMIT_AS, "RLIMIT_AS" },
    { "core", RLIMIT_CORE, "RLIMIT_CORE" },
    { "cpu", RLIMIT_CPU, "RLIMIT_CPU" },
    { "data", RLIMIT_DATA, "RLIMIT_DATA" },
    { "fsize", RLIMIT_FSIZE, "RLIMIT_FSIZE" },
    { "locks", RLIMIT_LOCKS, "RLIMIT_LOCKS" },
    { "memlock", RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK" },
    { "msgqueue", RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE" },
    { "nice", RLIMIT_NICE, "RLIMIT_NICE" },
    { "nofile", RLIMIT_NOFILE, "RLIMIT_NOFILE" },
    { "nproc", RLIMIT_NPROC, "RLIMIT_NPROC" },
    { "rss", RLIMIT_RSS, "RLIMIT_RSS" },
    { "rtprio", RLIMIT_RTPRIO, "RLIMIT_RTPRIO" },
    { "rttime", RLIMIT_RTTIME, "RLIMIT_RTTIME" },
    { "sigpending", RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING" },
    { "stack", RLIMIT_STACK, "RLIMIT_STACK" },
};

static bool may_raise(void)
{
    return (wc_caps_available() & (UINT64_C(1) << CAP_SYS_RESOURCE)) != 0;
}

static uint64_t to_limit(int64_t value)
{
    return value < 0 ? (uint64_t)RLIM_INFINITY : (uint64_t)value;
}

static int add_ulimit(const struct wc_ulimit *limit, struct wc_oci *oci, struct wc_err *err)
{
    size_t i = 0;
    while (i < WC_COUNT(resources) && !wc_streq(resources[i].name, limit->name))
        i++;
    if (i == WC_COUNT(resources))
        return wc_err_at(err, WC_ERR_SPEC, oci->spec->at, "ulimits: unknown limit '%s'",
                         limit->name);
    struct wc_oci_rlimit out = { resources[i].resource, resources[i].oci, to_limit(limit->soft),
                                 to_limit(limit->hard) };
    struct rlimit own;
    if (!may_raise() && getrlimit((__rlimit_resource_t)out.resource, &own) == 0 &&
        out.hard > own.rlim_max) {
        wc_oci_note(oci,
                    "ulimit %s: hard limit %llu lowered to %llu, the most that can be had here "
                    "without CAP_SYS_RESOURCE",
                    limit->name, (unsigned long long)out.hard, (unsigned long long)own.rlim_max);
        out.hard = own.rlim_max;
    }
    if (out.soft > out.hard)
        out.soft = out.hard;
    oci->rlimits = wc_arena_grow(oci->arena, oci->rlimits, oci->n_rlimits, &oci->cap_rlimits,
                                 sizeof *oci->rlimits);
    oci->rlimits[oci->n_rlimits++] = out;
    return 0;
}

static void add_kv(struct wc_arena *arena, struct wc_kvs *list, const struct wc_kv *kv, size_t max)
{
    if (list->items == NULL)
        list->items = WC_NEW_ARRAY(arena, struct wc_kv, max);
    list->items[list->n++] = *kv;
}

/* Only what belongs to a namespace of the container: the rest would change the host. */
static int add_sysctl(const struct wc_kv *kv, struct wc_oci *oci, struct wc_err *err)
{
    static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                       "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                       "kernel.shmmni", "kernel.shm_rmid_forced" };
    const struct wc_service *spec = oci->spec;
    if (kv->value == NULL)
        return wc_err_at(err, WC_ERR_SPEC, spec->at, "sysctls: %s has no value", kv->key);
    if (wc_str_starts(kv->key, "net.")) {
        if (spec->network_mode == WC_NETMODE_HOST || spec->network_mode == WC_NETMODE_SERVICE)
            return wc_err_at(err, WC_ERR_SPEC, spec->at,
                             "sysctls: %s needs a network namespace of the service's own", kv->key);
        add_kv(oci->arena, &oci->net_sysctls, kv, spec->sysctls.n);
        return 0;
    }
    bool known = wc_str_starts(kv->key, "fs.mqueue.");
    for (size_t i = 0; i < WC_COUNT(ipc); i++)
        known = known || wc_streq(kv->key, ipc[i]);
    if (!known || oci->host_ipc)
        return wc_err_at(err, WC_ERR_SPEC, spec->at,
                         "sysctls: %s is not namespaced: it would change the whole host", kv->key);
    add_kv(oci->arena, &oci->sysctls, kv, spec->sysctls.n);
    return 0;
}

static int own_oom_score(void)
{
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    int64_t value = 0;
    if (wc_fs_read("/proc/self/oom_score_adj", 64, &text, NULL) == 0) {
        text.data[strcspn(text.data, "\n")] = '\0';
        (void)wc_str_to_i64(text.data, -1000, 1000, &value);
    }
    return (int)value;
}

static int resolve_oom_score(struct wc_oci *oci, struct wc_err *err)
{
    int64_t wanted = oci->spec->oom_score_adj;
    if (wanted == INT64_MIN)
        return 0;
    if (wanted < -1000 || wanted > 1000)
        return wc_err_at(err, WC_ERR_SPEC, oci->spec->at,
                         "oom_score_adj must be within -1000..1000, not %lld", (long long)wanted);
    int least = may_raise() ? -1000 : own_oom_score();
    if (wanted < least) {
        wc_oci_note(oci,
                    "oom_score_adj %lld raised to %d, the least that can be had here without "
                    "CAP_SYS_RESOURCE",
                    (long long)wanted, least);
        wanted = least;
    }
    oci->oom_score_adj = (int)wanted;
    oci->has_oom_score_adj = true;
    return 0;
}

int wc_oci_resolve_limits(const struct wc_instance *inst, struct wc_oci *oci, struct wc_err *err)
{
    const struct wc_service *spec = inst->spec;
    for (size_t i = 0; i < spec->n_ulimits; i++) {
        int rc = add_ulimit(&spec->ulimits[i], oci, err);
        if (rc != 0)
            return rc;
    }
    for (size_t i = 0; i < spec->sysctls.n; i++) {
        int rc = add_sysctl(&spec->sysctls.items[i], oci, err);
        if (rc != 0)
            return rc;
    }
    return resolve_oom_score(oci, err);
}
